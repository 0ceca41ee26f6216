//! IGVM files: a guest as a list of directives, and what its launch measures.
//!
//! | you have | begin with |
//! |---|---|
//! | a file's bytes | [`IgvmFile::parse`], then [`IgvmFile::measure`] |
//! | directives of your own | [`measure`] |
//! | a file that the crate `igvm` 0.5 has parsed (feature `igvm-05`) | `directives_of`, then [`measure`] |
//!
//! An IGVM file is for several platforms; directives say by a mask for which, and those of others are passed over.
//! Loaders differ in a few points, and so do the tools that measure: [`Options`] has one field for each.
//!
//! MODEL: nothing here remembers which pages a guest has. Two directives for one page are measured as two steps, while
//! the firmware refuses the second: the page is no longer the hypervisor's (INVALID_PAGE_STATE).

mod file;
mod id_block;
#[cfg(feature = "igvm-05")]
mod igvm_05;

use core::fmt;

use super::digest::{LaunchDigest, UpdateError};
use super::measure::step;
use crate::addr::{GuestPhysAddr, PAGE, Page};
use crate::hash::{self, Sha384Digest, Workers};
use crate::image::{Origin, PageType, Step};
use crate::wire::field_mut;

pub use file::{FileError, IgvmFile};
pub use id_block::SnpIdBlock;
#[cfg(feature = "igvm-05")]
pub use igvm_05::{ConvertError, directives_of};

/// 4 KiB pages of a 2 MiB page.
const PAGES_OF_LARGE: usize = 512;

/// What a loader is told, one after the other (Microsoft's IGVM specification, "Directives").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Directive<'a> {
    /// IGVM_VHT_PAGE_DATA: a page of 4 KiB or 2 MiB.
    PageData {
        /// For which platforms.
        compatibility_mask: u32,
        /// Where it is loaded.
        gpa: u64,
        /// How it is loaded.
        flags: PageFlags,
        /// What it is.
        data_type: DataType,
        /// Its bytes; zeroes follow up to the page's end.
        data: &'a [u8],
    },
    /// IGVM_VHT_PARAMETER_AREA: memory for what the host tells the guest. For all platforms.
    ParameterArea {
        /// Its name.
        index: u32,
        /// Its length in bytes.
        length: u64,
    },
    /// IGVM_VHT_PARAMETER_INSERT: such an area is put into the guest. It can be no second time.
    ParameterInsert {
        /// For which platforms.
        compatibility_mask: u32,
        /// Where.
        gpa: u64,
        /// Which.
        index: u32,
    },
    /// IGVM_VHT_VP_CONTEXT of SEV-SNP: a vCPU's save area.
    SnpVpContext {
        /// For which platforms.
        compatibility_mask: u32,
        /// Where it is loaded.
        gpa: u64,
        /// The vCPU.
        vp_index: u16,
        /// The save area's bytes; zeroes follow up to the page's end.
        vmsa: &'a [u8],
    },
    /// IGVM_VHT_SNP_ID_BLOCK: what the author expects to be measured. Is not measured itself.
    SnpIdBlock {
        /// For which platforms.
        compatibility_mask: u32,
        /// The ID block, its signatures and keys.
        id_block: SnpIdBlock<'a>,
    },
    /// Another directive, of which nothing is measured.
    Other,
}

/// Flags of page data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PageFlags {
    /// A page of 2 MiB.
    pub is_2mb: bool,
    /// The contents are not measured.
    pub unmeasured: bool,
    /// The page is visible to the host.
    pub shared: bool,
}

/// What page data is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DataType {
    /// 0: bytes of the file.
    #[default]
    Normal,
    /// 1: the secrets page.
    Secrets,
    /// 2: the CPUID page.
    CpuidData,
    /// 3: a CPUID page, for the extended functions.
    CpuidXf,
}

/// Where loaders, and the tools that measure for them, differ.
///
/// ```
/// use sevcrypt::snp::launch::igvm::{Contexts, EmptyPages, Options, ParameterAreas, SharedPages};
///
/// // A loader other than the usual one.
/// let mut options = Options::default();
/// options.contexts = Contexts::Kvm;
/// options.empty_pages = EmptyPages::Zero;
/// options.parameter_areas = ParameterAreas::FirstPage;
/// options.shared_pages = SharedPages::NotMeasured;
/// assert_ne!(options, Options::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// What becomes of the save areas.
    pub contexts: Contexts,
    /// Whether pages with the flag `shared` are measured like others. By default they are left out, address and type
    /// included.
    pub shared_pages: SharedPages,
    /// How many pages of a parameter area are measured.
    pub parameter_areas: ParameterAreas,
    /// What page data without data becomes.
    pub empty_pages: EmptyPages,
}

/// What becomes of the save areas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Contexts {
    /// They are loaded in the file's order, each at the address that the file has for it.
    #[default]
    AsInFile,
    /// QEMU hands the registers of the only context to KVM, which makes a save area of them: behind everything else,
    /// at FFFF_FFFF_F000h, with CR0.NE set. A file with another number of contexts is refused. MODEL: other registers
    /// stay as they are in the file.
    Kvm,
}

/// What becomes of pages with the flag `shared`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SharedPages {
    /// They are not measured.
    #[default]
    NotMeasured,
    /// They are measured like pages without the flag.
    Measured,
}

/// How many pages of a parameter area are measured (as unmeasured pages, by type and address).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParameterAreas {
    /// All of them, as the specification says.
    #[default]
    AllPages,
    /// The first one, as one tool does.
    FirstPage,
}

/// What page data without data becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmptyPages {
    /// A page of zeroes, whose contents are measured, as the specification says.
    #[default]
    Normal,
    /// The firmware's own page of zeroes, by VMMs that use it.
    Zero,
}

/// What a launch measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Measurement {
    /// The launch digest.
    pub digest: Sha384Digest,
    /// LD of the file's ID block, if it has one: the digest that its author expects. With another, the launch fails.
    /// [`SnpIdBlock`] has what else the firmware checks.
    pub id_block_digest: Option<Sha384Digest>,
}

/// The launch digest of directives, of those for a platform with this bit of the mask; every step is shown.
///
/// # Errors
/// [`MeasureError`] names the directive. Steps before it have been shown.
///
/// ```
/// use sevcrypt::Backend;
/// use sevcrypt::snp::launch::igvm::{self, DataType, Directive, Options, PageFlags};
///
/// let page = |gpa, data_type, data| Directive::PageData {
///     compatibility_mask: 1,
///     gpa,
///     flags: PageFlags::default(),
///     data_type,
///     data,
/// };
/// let guest = [
///     page(0x10_0000, DataType::Normal, b"code".as_slice()),
///     page(0x10_1000, DataType::Secrets, b""),
///     page(0x10_2000, DataType::CpuidData, b""),
/// ];
/// let mut steps = 0;
/// let measured =
///     igvm::measure(guest, 1, &Options::default(), Backend::best(), &mut |_| steps += 1)?;
/// println!("{}", sevcrypt::Hex(&measured.digest));
/// assert_eq!((steps, measured.id_block_digest), (3, None));
/// # Ok::<(), igvm::MeasureError>(())
/// ```
pub fn measure<'a>(
    directives: impl IntoIterator<Item = Directive<'a>>,
    platform: u32,
    options: &Options,
    workers: impl Into<Workers>,
    visit: &mut dyn FnMut(&Step),
) -> Result<Measurement, MeasureError> {
    let mut measurer = Measurer {
        launch: LaunchDigest::new(),
        waiting: [Waiting::NONE; MOST_WAITING],
        count: 0,
        areas: [Area::Unknown; MAX_AREAS],
        without_data: 0,
        options,
        workers: workers.into(),
        visit,
    };
    let mut id_block_digest = None;
    let mut contexts = 0;
    let mut context = None;
    for (number, directive) in directives.into_iter().enumerate() {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let applies = |mask: u32| mask & platform != 0;
        match directive {
            Directive::PageData { compatibility_mask, gpa, flags, data_type, data }
                if applies(compatibility_mask) =>
            {
                measurer.page_data(number, gpa, flags, data_type, data)?;
            }
            Directive::ParameterArea { index, length } => {
                measurer.declare_area(number, index, length)?;
            }
            Directive::ParameterInsert { compatibility_mask, gpa, index }
                if applies(compatibility_mask) =>
            {
                measurer.insert_area(number, gpa, index)?;
            }
            Directive::SnpVpContext { compatibility_mask, gpa, vmsa, .. }
                if applies(compatibility_mask) =>
            {
                contexts += 1;
                address(number, gpa, PAGE)?;
                match options.contexts {
                    Contexts::AsInFile => {
                        let page = padded(number, vmsa)?;
                        measurer.bytes(number, PageType::Vmsa, gpa, &page)?;
                    }
                    Contexts::Kvm => context = Some((number, vmsa)),
                }
            }
            Directive::SnpIdBlock { compatibility_mask, id_block }
                if applies(compatibility_mask) =>
            {
                let first = id_block_digest.replace(id_block.launch_digest);
                first.map_or(Ok(()), |_| Err(MeasureError::SecondIdBlock { directive: number }))?;
            }
            _ => {}
        }
    }
    if options.contexts == Contexts::Kvm {
        let Some((number, vmsa)) = context.filter(|_| contexts == 1) else {
            return Err(MeasureError::Contexts { found: contexts });
        };
        let mut page = padded(number, vmsa)?;
        let [low, ..] = field_mut::<VMSA_CR0, 8, _>(&mut page);
        *low |= CR0_NE;
        measurer.bytes(number, PageType::Vmsa, KVM_VMSA_GPA, &page)?;
    }
    measurer.flush();
    Ok(Measurement { digest: *measurer.launch.digest(), id_block_digest })
}

/// Where CR0 stands in a VMSA (AMD 24593, table B-4), and its bit "numeric error".
const VMSA_CR0: usize = 0x158;
const CR0_NE: u8 = 1 << 5;

/// Where KVM puts every save area.
const KVM_VMSA_GPA: u64 = 0xffff_ffff_f000;

/// The most parameter areas, and the most pages that one can have, of which this module takes note: no more memory is
/// spent on the numbers in a file.
const MAX_AREAS: usize = 256;
const MAX_AREA_PAGES: u64 = 4096;

/// The most pages without data, those of parameter areas included: no more time is spent on the numbers in a file.
const MAX_PAGES_WITHOUT_DATA: u64 = 65_536;

/// What is known of a parameter area.
#[derive(Clone, Copy)]
enum Area {
    Unknown,
    Pages(u64),
    Inserted,
}

/// Page data or a save area with the zeroes that follow it.
fn padded(directive: u32, data: &[u8]) -> Result<Page, MeasureError> {
    let mut page = [0; PAGE];
    match page.get_mut(..data.len()) {
        Some(begin) => begin.copy_from_slice(data),
        None => return Err(MeasureError::Data { directive, length: data.len(), most: PAGE }),
    }
    Ok(page)
}

/// A page of data that waits to be hashed beside others.
#[derive(Clone, Copy)]
struct Waiting<'a> {
    directive: u32,
    gpa: GuestPhysAddr,
    page: &'a Page,
}

impl Waiting<'_> {
    const NONE: Self = Self { directive: 0, gpa: GuestPhysAddr::ZERO, page: &[0; PAGE] };
}

/// How many pages wait at most.
const MOST_WAITING: usize = 64;

struct Measurer<'m, 'a> {
    launch: LaunchDigest,
    /// Pages behind the launch digest, and how many there are.
    waiting: [Waiting<'a>; MOST_WAITING],
    count: usize,
    areas: [Area; MAX_AREAS],
    /// Measured pages of which the file has no data.
    without_data: u64,
    options: &'m Options,
    workers: Workers,
    visit: &'m mut dyn FnMut(&Step),
}

impl<'a> Measurer<'_, 'a> {
    fn page_data(
        &mut self,
        directive: u32,
        gpa: u64,
        flags: PageFlags,
        data_type: DataType,
        data: &'a [u8],
    ) -> Result<(), MeasureError> {
        let pages = if flags.is_2mb { PAGES_OF_LARGE } else { 1 };
        let most = pages * PAGE;
        if data.len() > most {
            return Err(MeasureError::Data { directive, length: data.len(), most });
        }
        let start = address(directive, gpa, most)?;
        if flags.shared && self.options.shared_pages == SharedPages::NotMeasured {
            return Ok(());
        }
        let page_type = match data_type {
            DataType::Secrets => PageType::Secrets,
            DataType::CpuidData | DataType::CpuidXf => PageType::Cpuid,
            DataType::Normal if flags.unmeasured => PageType::Unmeasured,
            DataType::Normal if data.is_empty() && self.options.empty_pages == EmptyPages::Zero => {
                PageType::Zero
            }
            DataType::Normal => PageType::Normal,
        };
        if flags.is_2mb && matches!(page_type, PageType::Secrets | PageType::Cpuid) {
            return Err(MeasureError::LargePage { directive, page_type });
        }
        self.count_without_data(directive, (pages - data.len().div_ceil(PAGE)) as u64)?;
        match (page_type, <&Page>::try_from(data)) {
            (PageType::Normal, Ok(page)) if !flags.is_2mb => {
                self.wait(Waiting { directive, gpa: start, page });
                Ok(())
            }
            (PageType::Normal, _) => {
                let (full, rest) = data.as_chunks::<PAGE>();
                let measured = full.len() * PAGE;
                self.bytes(directive, page_type, gpa, full.as_flattened())?;
                let mut next = gpa + measured as u64;
                let mut left = pages - full.len();
                if !rest.is_empty() {
                    self.bytes(directive, page_type, next, &padded(directive, rest)?)?;
                    next += PAGE as u64;
                    left -= 1;
                }
                self.zero_pages(directive, next, left)
            }
            _ => self.pages(directive, page_type, gpa, pages as u64),
        }
    }

    /// Measures a page when there are others to be hashed with it, or when the next piece is none of data.
    fn wait(&mut self, page: Waiting<'a>) {
        if self.count == MOST_WAITING {
            self.flush();
        }
        self.waiting[self.count] = page;
        self.count += 1;
    }

    /// Measures the pages that wait.
    fn flush(&mut self) {
        if self.count == 0 {
            return;
        }
        let waiting = &self.waiting[..self.count];
        let (pages, mut digests) =
            (self.waiting.map(|waiting| waiting.page), [[0; 48]; MOST_WAITING]);
        let digests = &mut digests[..self.count];
        hash::sha384_pages(self.workers.backend(), &pages[..self.count], digests);
        for (Waiting { directive, gpa, .. }, digest) in waiting.iter().zip(digests) {
            let measured = self.launch.step(PageType::Normal.into(), *gpa, digest);
            (self.visit)(&step(&measured, PageType::Normal, Origin::Directive(*directive)));
        }
        self.count = 0;
    }

    fn declare_area(
        &mut self,
        directive: u32,
        index: u32,
        length: u64,
    ) -> Result<(), MeasureError> {
        let pages = length / PAGE as u64;
        if !length.is_multiple_of(PAGE as u64) || pages > MAX_AREA_PAGES {
            return Err(MeasureError::AreaLength { directive, length });
        }
        let place = usize::try_from(index).ok().and_then(|index| self.areas.get_mut(index));
        match place {
            Some(area @ Area::Unknown) => {
                *area = Area::Pages(pages);
                Ok(())
            }
            Some(_) => Err(MeasureError::AreaTwice { directive, index }),
            None => Err(MeasureError::AreaIndex { directive, index }),
        }
    }

    fn insert_area(&mut self, directive: u32, gpa: u64, index: u32) -> Result<(), MeasureError> {
        let place = usize::try_from(index).ok().and_then(|index| self.areas.get_mut(index));
        let Some(area @ Area::Pages(_)) = place else {
            return Err(MeasureError::NoArea { directive, index });
        };
        let Area::Pages(pages) = core::mem::replace(area, Area::Inserted) else { return Ok(()) };
        let start = address(directive, gpa, PAGE)?;
        let last = pages.saturating_sub(1) * PAGE as u64;
        if start.checked_add(last).is_none() {
            let error = UpdateError::BehindTheEnd { gpa: start, pages };
            return Err(MeasureError::Update { directive, error });
        }
        let measured = match self.options.parameter_areas {
            ParameterAreas::AllPages => pages,
            ParameterAreas::FirstPage => pages.min(1),
        };
        self.count_without_data(directive, measured)?;
        self.pages(directive, PageType::Unmeasured, gpa, measured)
    }

    /// Takes note of pages that are measured without data.
    fn count_without_data(&mut self, directive: u32, pages: u64) -> Result<(), MeasureError> {
        let found = self.without_data + pages;
        if found > MAX_PAGES_WITHOUT_DATA {
            return Err(MeasureError::PagesWithoutData { directive, found });
        }
        self.without_data = found;
        Ok(())
    }

    /// Whole pages with contents.
    fn bytes(
        &mut self,
        directive: u32,
        page_type: PageType,
        gpa: u64,
        bytes: &[u8],
    ) -> Result<(), MeasureError> {
        let start = address(directive, gpa, PAGE)?;
        self.flush();
        let visit = &mut *self.visit;
        let shown = self.launch.update_bytes(self.workers, page_type, start, bytes, &mut |page| {
            visit(&step(page, page_type, Origin::Directive(directive)));
        });
        shown.map_err(|error| MeasureError::Update { directive, error })
    }

    /// Pages whose contents are not measured.
    fn pages(
        &mut self,
        directive: u32,
        page_type: PageType,
        gpa: u64,
        pages: u64,
    ) -> Result<(), MeasureError> {
        let start = address(directive, gpa, PAGE)?;
        self.flush();
        let visit = &mut *self.visit;
        let shown = self.launch.update_pages(page_type, start, pages, &mut |page| {
            visit(&step(page, page_type, Origin::Directive(directive)));
        });
        shown.map_err(|error| MeasureError::Update { directive, error })
    }

    /// Pages of zeroes whose contents are measured.
    fn zero_pages(&mut self, directive: u32, gpa: u64, pages: usize) -> Result<(), MeasureError> {
        if pages == 0 {
            return Ok(());
        }
        self.flush();
        let contents = hash::ZERO_PAGE;
        for n in 0..pages {
            let page = address(directive, gpa + (n * PAGE) as u64, PAGE)?;
            let measured = self.launch.step(PageType::Normal.into(), page, &contents);
            let origin = Origin::Directive(directive);
            (self.visit)(&step(&measured, PageType::Normal, origin));
        }
        Ok(())
    }
}

/// The address of a page of so many bytes.
fn address(directive: u32, gpa: u64, alignment: usize) -> Result<GuestPhysAddr, MeasureError> {
    let page = GuestPhysAddr::new(gpa).ok().filter(|_| gpa.is_multiple_of(alignment as u64));
    page.ok_or(MeasureError::Address { directive, gpa, alignment })
}

/// Directives that cannot be measured. Each is named by its number in the list, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MeasureError {
    /// No page begins there.
    Address {
        /// The directive.
        directive: u32,
        /// The address.
        gpa: u64,
        /// What it must be a multiple of, in bytes; it also must be below 2^52.
        alignment: usize,
    },
    /// More bytes than the page has.
    Data {
        /// The directive.
        directive: u32,
        /// Its bytes.
        length: usize,
        /// Those of the page.
        most: usize,
    },
    /// A page of 2 MiB of a type that the firmware takes as 4 KiB only.
    LargePage {
        /// The directive.
        directive: u32,
        /// The type.
        page_type: PageType,
    },
    /// A parameter area that is not whole pages, or more than 4096 of them.
    AreaLength {
        /// The directive.
        directive: u32,
        /// Its length in bytes.
        length: u64,
    },
    /// A parameter area whose index is above 255, which is more than this module takes note of.
    AreaIndex {
        /// The directive.
        directive: u32,
        /// The index.
        index: u32,
    },
    /// A parameter area with an index that another has.
    AreaTwice {
        /// The directive.
        directive: u32,
        /// The index.
        index: u32,
    },
    /// A parameter area is inserted that no directive before declares, or that is in the guest already.
    NoArea {
        /// The directive.
        directive: u32,
        /// The index.
        index: u32,
    },
    /// More than 65 536 pages, 256 MiB, of which the file has no data, those of parameter areas included.
    PagesWithoutData {
        /// The directive with which they are too many.
        directive: u32,
        /// How many there are up to its end.
        found: u64,
    },
    /// A second ID block for the platform.
    SecondIdBlock {
        /// The directive.
        directive: u32,
    },
    /// QEMU takes exactly one save area ([`Contexts::Kvm`]).
    Contexts {
        /// How many there are for the platform.
        found: u32,
    },
    /// The launch digest refuses the pages.
    Update {
        /// The directive.
        directive: u32,
        /// Why.
        error: UpdateError,
    },
}

impl fmt::Display for MeasureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { directive, gpa, alignment } => write!(
                f,
                "directive {directive}: no page begins at {gpa:#x}: expected a multiple of {alignment:#x} below 2^52"
            ),
            Self::Data { directive, length, most } => write!(
                f,
                "directive {directive}: {length} bytes of data, expected at most {most}, the bytes of its page"
            ),
            Self::LargePage { directive, page_type } => write!(
                f,
                "directive {directive}: a page of 2 MiB of type {page_type:?}: the firmware takes such pages as 4 KiB only"
            ),
            Self::AreaLength { directive, length } => write!(
                f,
                "directive {directive}: a parameter area of {length:#x} bytes, expected whole pages, at most {MAX_AREA_PAGES}"
            ),
            Self::AreaIndex { directive, index } => write!(
                f,
                "directive {directive}: a parameter area with index {index}, expected one below {MAX_AREAS}"
            ),
            Self::AreaTwice { directive, index } => {
                write!(f, "directive {directive}: another parameter area has index {index}, too")
            }
            Self::NoArea { directive, index } => write!(
                f,
                "directive {directive}: parameter area {index} is not declared before, or is inserted already"
            ),
            Self::PagesWithoutData { directive, found } => write!(
                f,
                "directive {directive}: {found} pages up to here are without data, expected at most {MAX_PAGES_WITHOUT_DATA}"
            ),
            Self::SecondIdBlock { directive } => {
                write!(f, "directive {directive}: a second ID block for the platform")
            }
            Self::Contexts { found } => {
                write!(f, "{found} save areas for the platform: QEMU takes exactly one")
            }
            Self::Update { directive, error } => write!(f, "directive {directive}: {error}"),
        }
    }
}

impl core::error::Error for MeasureError {}

#[cfg(test)]
mod tests;
