//! The launch log: every step of a measurement.

use core::fmt;

use super::{Origin, PageType};
use crate::Hex;
use crate::addr::GuestPhysAddr;
use crate::hash::{Sha256Digest, Sha384Digest};

/// A digest of a launch.
///
/// It prints as hexadecimal digits, with a precision as so many of them; an odd number is rounded up.
///
/// ```
/// use sevcrypt::image::Digest;
///
/// let digest = Digest::Sha256([0xab; 32]);
/// assert_eq!(digest.to_string().len(), 64);
/// assert_eq!(format!("{digest:.8}"), "abababab");
/// assert_eq!(format!("{digest:.7}"), "abababab");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Digest {
    /// SEV and SEV-ES.
    Sha256(Sha256Digest),
    /// SEV-SNP.
    Sha384(Sha384Digest),
}

impl Digest {
    /// Its bytes: 32 or 48.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Sha256(digest) => digest,
            Self::Sha384(digest) => digest,
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.as_bytes();
        let digits = f.precision().unwrap_or(usize::MAX);
        Hex(bytes.get(..digits.div_ceil(2)).unwrap_or(bytes)).fmt(f)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Sha256(_) => "Sha256",
            Self::Sha384(_) => "Sha384",
        };
        write!(f, "{name}({})", Hex(self.as_bytes()))
    }
}

/// One step of a measurement.
///
/// It prints as one line in columns: address, length, type, digest of the contents, launch digest behind it, origin. Of
/// digests these are the first 16 digits; `{:#}` prints them whole.
///
/// ```
/// use sevcrypt::GuestPhysAddr;
/// use sevcrypt::image::{Digest, Origin, PageType, Step};
///
/// let step = Step::new(
///     GuestPhysAddr::new(0xffff_f000)?,
///     4096,
///     PageType::Normal,
///     Digest::Sha256([0xc2; 32]),
///     Digest::Sha256([0xdf; 32]),
///     Origin::Firmware { offset: 0 },
/// );
/// assert_eq!(
///     step.to_string(),
///     "     0xfffff000     0x1000  NORMAL      c2c2c2c2c2c2c2c2  dfdfdfdfdfdfdfdf  firmware, offset 0x0"
/// );
/// # Ok::<(), sevcrypt::AddressError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Step {
    /// Where it stands in the guest.
    pub gpa: GuestPhysAddr,
    /// Its bytes: 4096 under SEV-SNP, those of the whole piece under SEV and SEV-ES, and where it is
    /// [known by its digest](Self::is_known_by_digest).
    pub length: u64,
    /// What it is.
    pub page_type: PageType,
    /// Digest of what it holds; zeroes where the contents are not measured.
    pub contents: Digest,
    /// The launch digest behind it.
    pub after: Digest,
    /// Where it came from.
    pub origin: Origin,
}

impl Step {
    /// A step of these parts.
    #[must_use]
    pub const fn new(
        gpa: GuestPhysAddr,
        length: u64,
        page_type: PageType,
        contents: Digest,
        after: Digest,
        origin: Origin,
    ) -> Self {
        Self { gpa, length, page_type, contents, after, origin }
    }

    /// Whether there is a digest of what it holds: neither the type says that there is none, nor that only the launch digest behind it
    /// is known.
    #[must_use]
    pub fn has_contents(&self) -> bool {
        self.page_type.measures_contents() && !self.is_known_by_digest()
    }

    /// Whether it stands for all pages of the firmware, of which only the launch digest behind them is known
    /// ([`Launch::firmware_digest`](super::Launch::firmware_digest)). It has zeroes for [`contents`](Self::contents), though its
    /// type measures them, and its address and length are those of the image at hand.
    #[must_use]
    pub fn is_known_by_digest(&self) -> bool {
        matches!(self.origin, Origin::Firmware { .. })
            && self.page_type.measures_contents()
            && self.contents.as_bytes().iter().all(|byte| *byte == 0)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if f.alternate() { 2 * self.after.as_bytes().len() } else { 16 };
        let Self { gpa, length, page_type, contents, after, origin } = self;
        write!(f, "{:#15x}  {length:#9x}  {page_type:<10}  ", gpa.get())?;
        if self.has_contents() {
            write!(f, "{contents:.digits$}")?;
        } else {
            write!(f, "{:<digits$}", "-")?;
        }
        write!(f, "  {after:.digits$}  {origin}")
    }
}

/// Every step of a measurement, in its order.
///
/// It prints a line for each step: its number from 0, then as [`Step`] does, whole digests with `{:#}`.
///
/// ```
/// use sevcrypt::GuestPhysAddr;
/// use sevcrypt::image::{Digest, Log, Origin, PageType, Step};
///
/// let digest = |byte| Digest::Sha384([byte; 48]);
/// let step = |page_type, after| {
///     let gpa = GuestPhysAddr::new(0x80_0000)?;
///     Ok(Step::new(gpa, 4096, page_type, digest(0), digest(after), Origin::Directive(7)))
/// };
/// let (mut qemu, mut gce) = (Log::default(), Log::default());
/// qemu.push(step(PageType::Zero, 1)?);
/// gce.push(step(PageType::Unmeasured, 2)?);
///
/// let difference = qemu.compare(&gce).expect("the types differ");
/// assert_eq!(
///     difference.to_string(),
///     "step 0 (directive 7): the page type is ZERO in the first, UNMEASURED in the second"
/// );
/// # Ok::<(), sevcrypt::AddressError>(())
/// ```
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// The steps.
    pub steps: alloc::vec::Vec<Step>,
}

#[cfg(feature = "alloc")]
impl Log {
    /// Puts a step at the end.
    pub fn push(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// The first step that differs, and in what; `None` if the logs are equal.
    ///
    /// What is measured comes first: that only the origins differ counts where nothing else does in all the logs, since it
    /// does not change a digest.
    ///
    /// Where one log knows its firmware by the digest only ([`Step::is_known_by_digest`]), all the steps of the other one's firmware are
    /// compared with that as one, by the launch digest behind them. Numbers of steps are the first log's.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Option<Difference> {
        let (mut first, mut second) = (&self.steps[..], &other.steps[..]);
        let mut before = 0;
        if [first, second].iter().any(|steps| steps.first().is_some_and(Step::is_known_by_digest)) {
            let ((whole, rest), (other, other_rest)) =
                (split_firmware(first), split_firmware(second));
            if whole.map(|step| step.after) != other.map(|step| step.after) {
                let part = if whole.and(other).is_some() { Part::After } else { Part::Step };
                let number = (first.len() - rest.len()).saturating_sub(1);
                let (first, second) = (whole.copied(), other.copied());
                return Some(Difference { number, part, first, second });
            }
            before = first.len() - rest.len();
            (first, second) = (rest, other_rest);
        }
        let find = |parts: &[Part]| {
            let mut pairs = (before..).zip(first.iter().zip(second));
            pairs.find_map(|(number, (first, second))| {
                let part = parts.iter().find(|part| part.differs(first, second))?;
                let (first, second) = (Some(*first), Some(*second));
                Some(Difference { number, part: *part, first, second })
            })
        };
        let missing = || {
            let number = first.len().min(second.len());
            let (first, second) = (first.get(number).copied(), second.get(number).copied());
            let is_one_there = first.is_some() || second.is_some();
            let number = before + number;
            is_one_there.then_some(Difference { number, part: Part::Step, first, second })
        };
        find(&Part::MEASURED).or_else(missing).or_else(|| find(&[Part::Origin]))
    }
}

/// The last step of the firmware with which a log begins, and what follows.
#[cfg(feature = "alloc")]
fn split_firmware(steps: &[Step]) -> (Option<&Step>, &[Step]) {
    let is_firmware = |step: &&Step| matches!(step.origin, Origin::Firmware { .. });
    let count = steps.iter().take_while(is_firmware).count();
    let (firmware, rest) = steps.split_at(count);
    (firmware.last(), rest)
}

#[cfg(feature = "alloc")]
impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.steps.iter().enumerate() {
            write!(f, "{number:>6}  ")?;
            step.fmt(f)?;
            writeln!(f)?;
        }
        Ok(())
    }
}

/// In what two steps differ.
///
/// ```
/// use sevcrypt::GuestPhysAddr;
/// use sevcrypt::image::{Digest, Log, Origin, PageType, Part, Step};
///
/// let digest = Digest::Sha384([0; 48]);
/// let step = |gpa| Step::new(gpa, 4096, PageType::Zero, digest, digest, Origin::KernelHashes);
/// let (mut one, mut other) = (Log::default(), Log::default());
/// one.push(step(GuestPhysAddr::new(0x1000)?));
/// other.push(step(GuestPhysAddr::new(0x2000)?));
/// assert_eq!(one.compare(&other).map(|difference| difference.part), Some(Part::Gpa));
/// # Ok::<(), sevcrypt::AddressError>(())
/// ```
#[cfg(feature = "alloc")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// One log has no such step.
    Step,
    /// [`Step::gpa`].
    Gpa,
    /// [`Step::length`].
    Length,
    /// [`Step::page_type`].
    PageType,
    /// [`Step::contents`].
    Contents,
    /// [`Step::after`] and nothing before it: what was measured differs in something that a step does not show, such as
    /// permissions, or the digest to start from.
    After,
    /// [`Step::origin`].
    Origin,
}

#[cfg(feature = "alloc")]
impl Part {
    /// What a digest depends on, in the order in which it is looked at.
    const MEASURED: [Self; 5] =
        [Self::PageType, Self::Gpa, Self::Length, Self::Contents, Self::After];

    fn differs(self, first: &Step, second: &Step) -> bool {
        match self {
            Self::Step => false,
            Self::Gpa => first.gpa != second.gpa,
            Self::Length => first.length != second.length,
            Self::PageType => first.page_type != second.page_type,
            Self::Contents => first.contents != second.contents,
            Self::After => first.after != second.after,
            Self::Origin => first.origin != second.origin,
        }
    }
}

/// The first step in which two logs differ. It prints as a sentence.
#[cfg(feature = "alloc")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The step's number, from 0.
    pub number: usize,
    /// In what it differs.
    pub part: Part,
    /// The step in the first log; `None` if that has ended.
    pub first: Option<Step>,
    /// The step in the second log; `None` if that has ended.
    pub second: Option<Step>,
}

#[cfg(feature = "alloc")]
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}", self.number)?;
        let (first, second) = match (&self.first, &self.second) {
            (Some(first), Some(second)) => (first, second),
            (step, other) => {
                let (step, has, has_not) = match (step, other) {
                    (Some(step), _) => (step, "first", "second"),
                    (None, Some(step)) => (step, "second", "first"),
                    (None, None) => return Ok(()),
                };
                let Step { gpa, page_type, origin, .. } = step;
                return write!(
                    f,
                    " ({origin}): the {has} has a {page_type} page at {gpa}, the {has_not} has ended"
                );
            }
        };
        if first.origin == second.origin || self.part == Part::Origin {
            write!(f, " ({})", first.origin)?;
        } else {
            write!(f, " ({} in the first, {} in the second)", first.origin, second.origin)?;
        }
        let (one, other) = ("in the first", "in the second");
        match self.part {
            Part::Step => Ok(()),
            Part::Gpa => {
                write!(f, ": the address is {} {one}, {} {other}", first.gpa, second.gpa)
            }
            Part::Length => {
                write!(f, ": the length is {:#x} {one}, {:#x} {other}", first.length, second.length)
            }
            Part::PageType => write!(
                f,
                ": the page type is {} {one}, {} {other}",
                first.page_type, second.page_type
            ),
            Part::Contents => write!(
                f,
                ": the contents have the digest {:.16}... {one}, {:.16}... {other}",
                first.contents, second.contents
            ),
            Part::After => {
                write!(
                    f,
                    ": the launch digest is {:.16}... {one}, {:.16}... {other}",
                    first.after, second.after
                )?;
                match first.is_known_by_digest() || second.is_known_by_digest() {
                    true => Ok(()),
                    false => f.write_str(", though the steps are the same"),
                }
            }
            Part::Origin => write!(f, ": it is {} {other}", second.origin),
        }
    }
}
