//! The launch digest, page by page.

use core::fmt;

use crate::addr::{GuestPhysAddr, PAGE, Page};
use crate::hash::{self, Sha384Digest, Workers};
use crate::hex::Hex;
use crate::image::PageType;
use crate::status::Status;
use crate::wire::{field, field_mut};

/// Contents that are not measured.
pub(super) const NOT_MEASURED: Sha384Digest = [0; 48];

/// Where the TSC's scale and offset stand in a VMSA, which are not measured.
const VMSA_TSC: core::ops::Range<usize> = 0x2f0..0x300;

/// What the less privileged VMPLs may do with a page: VMPL1_PERMS to VMPL3_PERMS of SNP_LAUNCH_UPDATE.
///
/// Bit 0 is read, 1 write, 2 execute in user mode, 3 execute in supervisor mode, 4 supervisor shadow stack. VMPL0 may
/// do everything. Known VMMs give none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct VmplPermissions {
    /// Of VMPL1.
    pub vmpl1: u8,
    /// Of VMPL2.
    pub vmpl2: u8,
    /// Of VMPL3.
    pub vmpl3: u8,
}

/// What PAGE_INFO has of a page beside its contents and its address.
///
/// ```
/// use sevcrypt::snp::launch::{PageAttributes, PageType, VmplPermissions};
///
/// let plain = PageAttributes::from(PageType::Normal);
/// let shared = PageAttributes { permissions: VmplPermissions { vmpl1: 0x0f, ..Default::default() }, ..plain };
/// assert!(!shared.imi && shared.page_type == PageType::Normal);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageAttributes {
    /// PAGE_TYPE.
    pub page_type: PageType,
    /// IMI_PAGE: whether the page belongs to the initial migration image.
    pub imi: bool,
    /// What VMPL1 to VMPL3 may do with it.
    pub permissions: VmplPermissions,
}

impl From<PageType> for PageAttributes {
    fn from(page_type: PageType) -> Self {
        Self { page_type, imi: false, permissions: VmplPermissions::default() }
    }
}

/// PAGE_INFO: what SHA-384 runs over at each step (AMD 56860, "PAGE_INFO").
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 48 | DIGEST_CUR: the launch digest before the step |
/// | 30h | 48 | CONTENTS: SHA-384 of the page, or zero |
/// | 60h | 2 | LENGTH: 70h |
/// | 62h | 1 | PAGE_TYPE |
/// | 63h | 1 | bit 0: IMI_PAGE |
/// | 64h | 1 | zero |
/// | 65h | 3 | VMPL1_PERMS, VMPL2_PERMS, VMPL3_PERMS |
/// | 68h | 8 | GPA |
///
/// Two measuring tools write the permissions in the other order, VMPL3 at 64h down to zero at 67h. AMD's published
/// firmware has the order above, and so has this type; as no known VMM gives permissions, digests do not differ.
///
/// ```
/// use sevcrypt::GuestPhysAddr;
/// use sevcrypt::hash::sha384;
/// use sevcrypt::snp::launch::{LaunchDigest, PageInfo, PageType};
///
/// let gpa = GuestPhysAddr::new(0x80_0000)?;
/// let info = PageInfo::new(&[0; 48], &[0; 48], PageType::Zero.into(), gpa);
/// let mut launch = LaunchDigest::new();
/// launch.update_pages(PageType::Zero, gpa, 1, &mut |_| {})?;
/// assert_eq!(*launch.digest(), sha384(info.as_bytes()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PageInfo([u8; Self::LEN]);

impl PageInfo {
    /// Its length in bytes, which its field LENGTH says, too.
    pub const LEN: usize = 0x70;

    /// The structure of a page. `contents` is zero for pages whose contents are not measured.
    #[must_use]
    pub fn new(
        digest_cur: &Sha384Digest,
        contents: &Sha384Digest,
        attributes: PageAttributes,
        gpa: GuestPhysAddr,
    ) -> Self {
        let mut bytes = [0; Self::LEN];
        let VmplPermissions { vmpl1, vmpl2, vmpl3 } = attributes.permissions;
        *field_mut::<0x00, 48, _>(&mut bytes) = *digest_cur;
        *field_mut::<0x30, 48, _>(&mut bytes) = *contents;
        *field_mut::<0x60, 2, _>(&mut bytes) = (Self::LEN as u16).to_le_bytes();
        *field_mut::<0x62, 2, _>(&mut bytes) = [attributes.page_type as u8, attributes.imi.into()];
        *field_mut::<0x64, 4, _>(&mut bytes) = [0, vmpl1, vmpl2, vmpl3];
        *field_mut::<0x68, 8, _>(&mut bytes) = gpa.get().to_le_bytes();
        Self(bytes)
    }

    /// The bytes that are hashed.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl fmt::Debug for PageInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PageInfo({})", Hex(&self.0))
    }
}

/// The launch digest of a guest while it is launched: LD, and IMD of its migration image.
///
/// ```
/// use sevcrypt::snp::launch::{LaunchDigest, PageType};
/// use sevcrypt::{Backend, GuestPhysAddr};
///
/// let firmware = [0xcc; 2 * 4096];
/// let mut launch = LaunchDigest::new();
/// let top = GuestPhysAddr::new(0xffff_e000)?;
/// launch.update_bytes(Backend::best(), PageType::Normal, top, &firmware, &mut |step| {
///     println!("{} {}", step.gpa, sevcrypt::Hex(&step.digest));
/// })?;
/// launch.update_pages(PageType::Secrets, GuestPhysAddr::new(0x80_d000)?, 1, &mut |_| {})?;
/// println!("{}", sevcrypt::Hex(launch.digest()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaunchDigest {
    ld: Sha384Digest,
    imd: Sha384Digest,
}

/// One page that was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Measured {
    /// Where it stands in the guest.
    pub gpa: GuestPhysAddr,
    /// CONTENTS: its digest, or zero.
    pub contents: Sha384Digest,
    /// LD behind it.
    pub digest: Sha384Digest,
}

impl Default for LaunchDigest {
    fn default() -> Self {
        Self::new()
    }
}

impl LaunchDigest {
    /// The digest of a guest in which nothing was loaded: 48 zero bytes.
    #[must_use]
    pub const fn new() -> Self {
        Self::resume(NOT_MEASURED)
    }

    /// Goes on where the launch digest is known, for example behind the firmware's pages. IMD is zero.
    #[must_use]
    pub const fn resume(ld: Sha384Digest) -> Self {
        Self::resume_with_imi(ld, NOT_MEASURED)
    }

    /// Goes on where both digests are known: LD, and IMD of the pages with IMI_PAGE.
    #[must_use]
    pub const fn resume_with_imi(ld: Sha384Digest, imd: Sha384Digest) -> Self {
        Self { ld, imd }
    }

    /// Measures whole pages, the first at `gpa`, and shows each. A page of 2 MiB is 512 of them. A
    /// [`Backend`](crate::Backend) is a worker, too.
    ///
    /// Contents count for the types `Normal` and `Vmsa` (but for a VMSA's TSC_SCALE and TSC_OFFSET); of others
    /// only type and address are measured.
    ///
    /// # Errors
    /// [`UpdateError`] if these are no whole pages at a page's address; nothing is measured then.
    pub fn update_bytes(
        &mut self,
        workers: impl Into<Workers>,
        attributes: impl Into<PageAttributes>,
        gpa: GuestPhysAddr,
        bytes: &[u8],
        visit: &mut dyn FnMut(&Measured),
    ) -> Result<(), UpdateError> {
        let attributes = attributes.into();
        let (pages, rest) = bytes.as_chunks::<PAGE>();
        if !rest.is_empty() {
            return Err(UpdateError::Length { length: bytes.len() });
        }
        let mut gpas = page_addresses(gpa, pages.len() as u64)?;
        match attributes.page_type {
            PageType::Normal => {
                workers.into().each_page(bytes, &mut |contents| {
                    if let Some(gpa) = gpas.next() {
                        visit(&self.step(attributes, gpa, contents));
                    }
                });
            }
            PageType::Vmsa => {
                for (page, gpa) in pages.iter().zip(gpas) {
                    visit(&self.step(attributes, gpa, &vmsa_contents(page)));
                }
            }
            _ => gpas.for_each(|gpa| visit(&self.step(attributes, gpa, &NOT_MEASURED))),
        }
        Ok(())
    }

    /// Measures pages by their digests, the first at `gpa`, and shows each: for who hashes pages elsewhere, or as they are
    /// read. The digest of a save area is that of the page with zeroes from 2F0h to 2FFh.
    ///
    /// ```
    /// use sevcrypt::hash::sha384;
    /// use sevcrypt::snp::launch::{LaunchDigest, Measured, PageType, UpdateError};
    /// use sevcrypt::{Backend, GuestPhysAddr, Status};
    ///
    /// let gpa = GuestPhysAddr::new(0x10_0000)?;
    /// let (mut bytes, mut digests) = (LaunchDigest::new(), LaunchDigest::new());
    /// bytes.update_bytes(Backend::best(), PageType::Normal, gpa, &[0xcc; 4096], &mut |_| {})?;
    /// digests.update_digests(PageType::Normal, gpa, &[sha384(&[0xcc; 4096])], &mut |page: &Measured| {
    ///     assert_eq!(page.contents, sha384(&[0xcc; 4096]));
    /// })?;
    /// assert_eq!(bytes, digests);
    ///
    /// // A launch goes on from the digest that was reached.
    /// let kept = LaunchDigest::resume_with_imi(*bytes.digest(), *bytes.imi_digest());
    /// assert_eq!(kept, bytes);
    /// assert_eq!(LaunchDigest::resume(*bytes.digest()).digest(), bytes.digest());
    /// let odd = bytes.update_bytes(Backend::best(), PageType::Normal, gpa, &[0; 100], &mut |_| {});
    /// assert_eq!(odd.map_err(UpdateError::status), Err(Status::INVALID_PAGE_SIZE));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`UpdateError`] if these are no pages of a guest; nothing is measured then.
    pub fn update_digests(
        &mut self,
        attributes: impl Into<PageAttributes>,
        gpa: GuestPhysAddr,
        digests: &[Sha384Digest],
        visit: &mut dyn FnMut(&Measured),
    ) -> Result<(), UpdateError> {
        let attributes = attributes.into();
        let is_measured = attributes.page_type.measures_contents();
        for (gpa, digest) in page_addresses(gpa, digests.len() as u64)?.zip(digests) {
            visit(&self.step(attributes, gpa, if is_measured { digest } else { &NOT_MEASURED }));
        }
        Ok(())
    }

    /// Measures so many pages whose contents do not count, the first at `gpa`, and shows each.
    ///
    /// # Errors
    /// [`UpdateError`] if the contents of such pages count, or if these are no pages of a guest; nothing is measured
    /// then.
    pub fn update_pages(
        &mut self,
        attributes: impl Into<PageAttributes>,
        gpa: GuestPhysAddr,
        pages: u64,
        visit: &mut dyn FnMut(&Measured),
    ) -> Result<(), UpdateError> {
        let attributes = attributes.into();
        if let PageType::Normal | PageType::Vmsa = attributes.page_type {
            return Err(UpdateError::ContentsMissing { page_type: attributes.page_type });
        }
        for gpa in page_addresses(gpa, pages)? {
            visit(&self.step(attributes, gpa, &NOT_MEASURED));
        }
        Ok(())
    }

    /// LD: MEASUREMENT of the guest's attestation reports, once its launch is finished.
    #[must_use]
    pub const fn digest(&self) -> &Sha384Digest {
        &self.ld
    }

    /// IMD: the digest of the pages with IMI_PAGE only.
    #[must_use]
    pub const fn imi_digest(&self) -> &Sha384Digest {
        &self.imd
    }

    /// Measures a page whose contents are known by their digest only.
    pub(super) fn step(
        &mut self,
        attributes: PageAttributes,
        gpa: GuestPhysAddr,
        contents: &Sha384Digest,
    ) -> Measured {
        let next = |digest: &Sha384Digest| {
            let info = PageInfo::new(digest, contents, attributes, gpa);
            hash::sha384_step(digest, field::<48, 64, _>(info.as_bytes()))
        };
        if attributes.imi {
            self.imd = next(&self.imd);
        }
        self.ld = next(&self.ld);
        Measured { gpa, contents: *contents, digest: self.ld }
    }
}

/// CONTENTS of a save area.
pub(super) fn vmsa_contents(page: &Page) -> Sha384Digest {
    let mut page = *page;
    page[VMSA_TSC].fill(0);
    hash::sha384(&page)
}

/// The addresses of so many pages.
fn page_addresses(
    gpa: GuestPhysAddr,
    pages: u64,
) -> Result<impl Iterator<Item = GuestPhysAddr>, UpdateError> {
    let last = match pages.checked_sub(1) {
        None => Some(gpa),
        Some(before) => before.checked_mul(PAGE as u64).and_then(|bytes| gpa.checked_add(bytes)),
    };
    match last {
        _ if !gpa.is_page() => Err(UpdateError::Address { gpa }),
        None => Err(UpdateError::BehindTheEnd { gpa, pages }),
        Some(_) => Ok((0..pages).filter_map(move |n| gpa.checked_add(n * PAGE as u64))),
    }
}

/// Pages that cannot be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpdateError {
    /// No whole pages.
    Length {
        /// In bytes.
        length: usize,
    },
    /// No page begins there.
    Address {
        /// The address.
        gpa: GuestPhysAddr,
    },
    /// Pages at or above 2^52.
    BehindTheEnd {
        /// The first page.
        gpa: GuestPhysAddr,
        /// How many.
        pages: u64,
    },
    /// Pages without contents, of a type whose contents are measured.
    ContentsMissing {
        /// The type.
        page_type: PageType,
    },
}

impl UpdateError {
    /// What the firmware answers.
    ///
    /// MODEL: the firmware is given one page at a time, of 4 KiB or 2 MiB, and has its guest address from the RMP. No
    /// command says the same as these errors; its nearest checks are those of PAGE_SIZE, of addresses and of PAGE_TYPE.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::Length { .. } => Status::INVALID_PAGE_SIZE,
            Self::Address { .. } | Self::BehindTheEnd { .. } => Status::INVALID_ADDRESS,
            Self::ContentsMissing { .. } => Status::INVALID_PARAM,
        }
    }
}

impl fmt::Display for UpdateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { length } => {
                write!(f, "{length} bytes are no whole pages: expected a multiple of 4096")
            }
            Self::Address { gpa } => {
                write!(f, "no page begins at {gpa}: expected a multiple of 0x1000")
            }
            Self::BehindTheEnd { gpa, pages } => {
                write!(f, "{pages} pages from {gpa} on end above 2^52")
            }
            Self::ContentsMissing { page_type } => {
                write!(
                    f,
                    "the contents of pages of type {page_type:?} are measured, but none are given"
                )
            }
        }
    }
}

impl core::error::Error for UpdateError {}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::cpu::Backend;

    fn gpa(gpa: u64) -> GuestPhysAddr {
        GuestPhysAddr::new(gpa).unwrap()
    }

    fn page_a() -> [u8; PAGE] {
        let mut page = [0; PAGE];
        page[..18].copy_from_slice(b"AMD SEV-SNP page A");
        page
    }

    fn update(
        launch: &mut LaunchDigest,
        attributes: impl Into<PageAttributes>,
        at: u64,
        bytes: &[u8],
    ) {
        launch.update_bytes(Backend::best(), attributes, gpa(at), bytes, &mut |_| {}).unwrap();
    }

    fn hex(digest: &[u8]) -> std::string::String {
        std::format!("{}", Hex(digest))
    }

    /// The worked example: every page type, one after the other.
    #[test]
    fn every_page_type() {
        let mut launch = LaunchDigest::new();
        let info = PageInfo::new(
            &[0; 48],
            &hash::sha384(&page_a()),
            PageType::Normal.into(),
            gpa(0xffff_f000),
        );
        assert_eq!(hex(&info.as_bytes()[0x30..0x40]), "c289d7094faebdd85ea462a061c32288");
        assert_eq!(hex(&info.as_bytes()[0x60..]), "700001000000000000f0ffff00000000");

        update(&mut launch, PageType::Normal, 0xffff_f000, &page_a());
        assert!(hex(launch.digest()).starts_with("dffd6bd2032e73d8ba48f1f9b067a87a"));
        update(&mut launch, PageType::Normal, 0x1000, &[0xcc; PAGE]);
        assert!(hex(launch.digest()).starts_with("4279da3e170f1a891daeb3c2d1a145e6"));
        let unmeasured = [
            (PageType::Zero, 0x80_0000, "69b4211e66e12900f92049ce6e5df7c5"),
            (PageType::Unmeasured, 0x80_1000, "784d49370536e5a6e2b7788a00f6b5aa"),
            (PageType::Secrets, 0x80_d000, "1dfba9f2146d3e768d47d077ef1892ce"),
            (PageType::Cpuid, 0x80_e000, "af0241810461a2ff71f4d897742824da"),
        ];
        for (page_type, at, expected) in unmeasured {
            let mut same = launch.clone();
            launch.update_pages(page_type, gpa(at), 1, &mut |_| {}).unwrap();
            assert!(hex(launch.digest()).starts_with(expected), "{page_type:?}");
            update(&mut same, page_type, at, &[0xaa; PAGE]);
            assert_eq!(launch, same, "{page_type:?}: its bytes do not count");
        }
        let mut vmsa = [0; PAGE];
        vmsa[VMSA_TSC].fill(0xff);
        update(&mut launch, PageType::Vmsa, 0xffff_ffff_f000, &vmsa);
        assert_eq!(
            hex(launch.digest()),
            "34c94b940900393b2c55936d5bb2099e37ce99bba725b186bf564314491c69df\
             df1e5a3e564e024e4afaea3b8a912a3d"
        );
        assert_eq!(*launch.imi_digest(), [0; 48]);
    }

    #[test]
    fn permissions_and_migration_images() {
        let mut launch = LaunchDigest::new();
        let permissions = VmplPermissions { vmpl1: 0x0f, vmpl2: 0x03, vmpl3: 0x01 };
        let shared = PageAttributes { permissions, ..PageType::Normal.into() };
        update(&mut launch, shared, 0x2000, &page_a());
        assert!(hex(launch.digest()).starts_with("75e8bafb393461351719de8a8309c3f5"));

        let mut launch = LaunchDigest::new();
        let imi = PageAttributes { imi: true, ..PageType::Normal.into() };
        update(&mut launch, imi, 0x3000, &page_a());
        assert!(hex(launch.digest()).starts_with("dcc9cb2967c50d56309300853c44ef36"));
        assert_eq!(launch.imi_digest(), launch.digest());
        update(&mut launch, PageType::Normal, 0x4000, &page_a());
        assert_ne!(launch.imi_digest(), launch.digest());

        let mut again = LaunchDigest::resume_with_imi(*launch.digest(), *launch.imi_digest());
        assert_eq!(again, launch);
        update(&mut again, imi, 0x5000, &page_a());
        update(&mut launch, imi, 0x5000, &page_a());
        assert_eq!(again, launch);
        assert_eq!(*LaunchDigest::resume([7; 48]).imi_digest(), [0; 48]);

        let mut launch = LaunchDigest::new();
        update(&mut launch, PageType::Normal, 0x3000, &page_a());
        assert!(hex(launch.digest()).starts_with("3fdf33490e0df6ac331ec3b69cbea674"));
    }

    /// Many pages are as many steps, in order, on every backend; so is a page of 2 MiB.
    #[test]
    fn many_pages_are_as_many_steps() {
        let pages: Vec<u8> = (0..512 * PAGE).map(|n| (n / PAGE * 31 + n % 251) as u8).collect();
        let mut one_by_one = LaunchDigest::new();
        let mut expected = Vec::new();
        for (n, page) in pages.chunks(PAGE).enumerate() {
            let gpa = gpa(0x20_0000 + (n * PAGE) as u64);
            let visit = &mut |step: &Measured| expected.push(*step);
            one_by_one
                .update_bytes(Backend::portable(), PageType::Normal, gpa, page, visit)
                .unwrap();
        }
        for backend in Backend::available() {
            for count in [0, 1, 15, 33, 512] {
                let mut launch = LaunchDigest::new();
                let mut steps = Vec::new();
                let bytes = &pages[..count * PAGE];
                let visit = &mut |step: &Measured| steps.push(*step);
                launch
                    .update_bytes(backend, PageType::Normal, gpa(0x20_0000), bytes, visit)
                    .unwrap();
                assert_eq!(steps, expected[..count], "{backend}");
            }
        }
    }

    #[test]
    fn what_are_no_pages_is_refused() {
        let mut launch = LaunchDigest::resume([7; 48]);
        let mut bytes = |page_type: PageType, at, bytes: &[u8]| {
            let visit = &mut |_: &Measured| panic!("nothing is measured");
            launch.update_bytes(Backend::best(), page_type, gpa(at), bytes, visit)
        };
        let short = Err(UpdateError::Length { length: 4095 });
        assert_eq!(bytes(PageType::Normal, 0, &[0; 4095]), short);
        let address = Err(UpdateError::Address { gpa: gpa(0x1010) });
        assert_eq!(bytes(PageType::Zero, 0x1010, &[0; 4096]), address);
        let last = (1 << 52) - 0x1000;
        let behind = Err(UpdateError::BehindTheEnd { gpa: gpa(last), pages: 2 });
        assert_eq!(bytes(PageType::Normal, last, &[0; 8192]), behind);
        let mut pages = |page_type: PageType, pages| {
            let visit = &mut |_: &Measured| panic!("nothing is measured");
            launch.update_pages(page_type, gpa(0x1000), pages, visit)
        };
        for pages_without_end in [u64::MAX, 1 << 52, 1 << 40] {
            assert!(pages(PageType::Zero, pages_without_end).is_err());
        }
        for page_type in [PageType::Normal, PageType::Vmsa] {
            assert_eq!(pages(page_type, 1), Err(UpdateError::ContentsMissing { page_type }));
        }
        assert_eq!(launch, LaunchDigest::resume([7; 48]));
        let text = std::format!("{}", UpdateError::Length { length: 4095 });
        assert_eq!(text, "4095 bytes are no whole pages: expected a multiple of 4096");
    }

    #[test]
    fn statuses() {
        let gpa = gpa(0x1010);
        for (error, status) in [
            (UpdateError::Length { length: 1 }, Status::INVALID_PAGE_SIZE),
            (UpdateError::Address { gpa }, Status::INVALID_ADDRESS),
            (UpdateError::BehindTheEnd { gpa, pages: 2 }, Status::INVALID_ADDRESS),
            (UpdateError::ContentsMissing { page_type: PageType::Vmsa }, Status::INVALID_PARAM),
        ] {
            assert_eq!(error.status(), status, "{error}");
        }
    }

    #[test]
    fn the_fields_of_page_info() {
        let attributes = PageAttributes {
            page_type: PageType::Vmsa,
            imi: true,
            permissions: VmplPermissions { vmpl1: 1, vmpl2: 2, vmpl3: 3 },
        };
        let info = PageInfo::new(&[0xa; 48], &[0xb; 48], attributes, gpa(0xf_ffff_ffff_f000));
        let bytes = info.as_bytes();
        assert_eq!(field::<0, 48, _>(bytes), &[0xa; 48]);
        assert_eq!(field::<0x30, 48, _>(bytes), &[0xb; 48]);
        assert_eq!(hex(&bytes[0x60..]), "700002010001020300f0ffffffff0f00");
    }
}
