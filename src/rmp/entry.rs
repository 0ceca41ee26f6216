//! Entries of the RMP: what it knows of one page.

use core::fmt;

use crate::addr::{Asid, GuestPhysAddr, PageSize, Vmpl};

/// Bits of the first word.
const ASSIGNED: u64 = 1 << 0;
const PAGE_SIZE: u64 = 1 << 1;
const IMMUTABLE: u64 = 1 << 2;
const SUBPAGE_COUNT: u64 = 0x1ff << 3;
const GPA: u64 = 0x7_ffff_ffff_f000;
const ASID: u64 = 0x3ff << 51;
const VMSA: u64 = 1 << 61;
const VALIDATED: u64 = 1 << 62;
const LOCK: u64 = 1 << 63;
/// A bit of the second word: hardware uses the page.
const IN_USE: u64 = 1 << 48;

/// An entry, 16 bytes, as Milan's and Genoa's tables hold it. AMD does not document this layout, and later parts have others
/// (UNKNOWN): what is documented is [`PageAssignment`], which RMPUPDATE takes and RMPREAD gives.
///
/// | word | bits | field |
/// |---|---|---|
/// | 0 | 0 | ASSIGNED |
/// | | 1 | PAGE_SIZE |
/// | | 2 | IMMUTABLE |
/// | | 11:3 | SUBPAGE_COUNT: of the first page of a 2 MiB region, how many of the other 511 are assigned |
/// | | 50:12 | GPA |
/// | | 60:51 | ASID |
/// | | 61 | VMSA |
/// | | 62 | VALIDATED |
/// | | 63 | LOCK, which follows IMMUTABLE |
/// | 1 | 31:0 | [`Permissions`] of VMPL0 to VMPL3, a byte each |
/// | | 48 | MODEL: a vCPU that runs uses the page ([`in_use`](Self::in_use)), which hardware keeps elsewhere |
///
/// ```
/// use sevcrypt::rmp::{Entry, PageState};
///
/// let entry = Entry::from_words([0x8028_0000_0800_0005, 0]);
/// assert_eq!(entry.state(), PageState::PreGuest);
/// assert_eq!((entry.asid().get(), entry.gpa().get()), (5, 0x800_0000));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Entry([u64; 2]);

impl Entry {
    /// The bytes of an entry.
    pub const LEN: usize = 16;

    /// From its words.
    #[must_use]
    pub const fn from_words(words: [u64; 2]) -> Self {
        Self(words)
    }

    /// Its words.
    #[must_use]
    pub const fn to_words(self) -> [u64; 2] {
        self.0
    }

    /// ASSIGNED: whether the page belongs to a guest or the firmware, and not to the hypervisor.
    #[must_use]
    pub const fn assigned(self) -> bool {
        self.0[0] & ASSIGNED != 0
    }

    /// PAGE_SIZE.
    #[must_use]
    pub const fn page_size(self) -> PageSize {
        if self.0[0] & PAGE_SIZE != 0 { PageSize::Size2M } else { PageSize::Size4K }
    }

    /// IMMUTABLE: only the firmware can change the page's state.
    #[must_use]
    pub const fn immutable(self) -> bool {
        self.0[0] & IMMUTABLE != 0
    }

    /// SUBPAGE_COUNT: of the first page of a 2 MiB region that has 4 KiB entries, how many of the other 511 pages are assigned.
    #[must_use]
    pub const fn subpage_count(self) -> u16 {
        ((self.0[0] & SUBPAGE_COUNT) >> 3) as u16
    }

    /// GPA: where the page stands in its guest. Bits above 50 are not stored.
    #[must_use]
    #[inline]
    pub fn gpa(self) -> GuestPhysAddr {
        GuestPhysAddr::new(self.0[0] & GPA).expect("51 bits")
    }

    /// ASID: whose page it is; 0 is the host's, or the firmware's.
    #[must_use]
    pub const fn asid(self) -> Asid {
        Asid::new(((self.0[0] & ASID) >> 51) as u32)
    }

    /// VMSA: the page is a save area.
    #[must_use]
    pub const fn vmsa(self) -> bool {
        self.0[0] & VMSA != 0
    }

    /// VALIDATED: the guest has accepted the page.
    #[must_use]
    pub const fn validated(self) -> bool {
        self.0[0] & VALIDATED != 0
    }

    /// LOCK, which hardware keeps beside IMMUTABLE.
    #[must_use]
    pub const fn lock(self) -> bool {
        self.0[0] & LOCK != 0
    }

    /// Whether a vCPU that runs uses the page: its VMCB, its save area, or the backing page of its AVIC. Nobody may then
    /// change its owner.
    #[must_use]
    pub const fn in_use(self) -> bool {
        self.0[1] & IN_USE != 0
    }

    /// The same with another [`in_use`](Self::in_use).
    #[must_use]
    pub const fn with_in_use(self, in_use: bool) -> Self {
        let [first, second] = self.0;
        Self([first, if in_use { second | IN_USE } else { second & !IN_USE }])
    }

    /// What a VMPL may do with the page.
    ///
    /// ```
    /// use sevcrypt::Vmpl;
    /// use sevcrypt::rmp::{Entry, Permissions};
    ///
    /// let read = Permissions::READ | Permissions::EXECUTE_USER;
    /// let entry = Entry::default().with_permissions(Vmpl::VMPL2, read);
    /// assert_eq!(entry.permissions(Vmpl::VMPL2), read);
    ///
    /// // What LAUNCH_UPDATE does.
    /// let launched = Entry::default().into_launched([Permissions::READ, read, Permissions::NONE], false);
    /// assert!(launched.permissions(Vmpl::VMPL1).contains(Permissions::READ));
    /// ```
    #[must_use]
    pub const fn permissions(self, vmpl: Vmpl) -> Permissions {
        Permissions(self.0[1].to_le_bytes()[vmpl.get() as usize])
    }

    /// Whether the entry speaks for its whole 2 MiB region.
    #[inline]
    pub(super) const fn is_large(self) -> bool {
        self.0[0] & (ASSIGNED | PAGE_SIZE) == ASSIGNED | PAGE_SIZE
    }

    const fn with(self, bit: u64, is_set: bool) -> Self {
        let [first, second] = self.0;
        Self([if is_set { first | bit } else { first & !bit }, second])
    }

    /// The same with another ASSIGNED.
    #[must_use]
    pub const fn with_assigned(self, assigned: bool) -> Self {
        self.with(ASSIGNED, assigned)
    }

    /// The same with another PAGE_SIZE.
    #[must_use]
    pub const fn with_page_size(self, size: PageSize) -> Self {
        self.with(PAGE_SIZE, matches!(size, PageSize::Size2M))
    }

    /// The same with another IMMUTABLE.
    #[must_use]
    pub const fn with_immutable(self, immutable: bool) -> Self {
        self.with(IMMUTABLE, immutable)
    }

    /// The same with another LOCK.
    #[must_use]
    pub const fn with_lock(self, lock: bool) -> Self {
        self.with(LOCK, lock)
    }

    /// The same with another VMSA.
    #[must_use]
    pub const fn with_vmsa(self, vmsa: bool) -> Self {
        self.with(VMSA, vmsa)
    }

    /// The same with another VALIDATED.
    #[must_use]
    pub const fn with_validated(self, validated: bool) -> Self {
        self.with(VALIDATED, validated)
    }

    /// The same with another SUBPAGE_COUNT, of which nine bits are kept.
    #[must_use]
    pub const fn with_subpage_count(self, count: u16) -> Self {
        let [first, second] = self.0;
        Self([first & !SUBPAGE_COUNT | (count as u64) << 3 & SUBPAGE_COUNT, second])
    }

    /// The same with another GPA, of which bits 50 to 12 are kept.
    #[must_use]
    pub const fn with_gpa(self, gpa: GuestPhysAddr) -> Self {
        let [first, second] = self.0;
        Self([first & !GPA | gpa.get() & GPA, second])
    }

    /// The same with another ASID, of which ten bits are kept.
    #[must_use]
    pub const fn with_asid(self, asid: Asid) -> Self {
        let [first, second] = self.0;
        Self([first & !ASID | (asid.get() as u64) << 51 & ASID, second])
    }

    /// The same with other permissions of a VMPL.
    #[must_use]
    pub const fn with_permissions(self, vmpl: Vmpl, permissions: Permissions) -> Self {
        let [first, second] = self.0;
        let mut bytes = second.to_le_bytes();
        bytes[vmpl.get() as usize] = permissions.0;
        Self([first, u64::from_le_bytes(bytes)])
    }

    /// What the entry says of its page (AMD APM volume 2, section 15.36.3; the firmware's own states from AMD's published
    /// firmware, `sev_rmp.c`).
    #[must_use]
    pub const fn state(self) -> PageState {
        let number = (self.0[0] & GPA) >> 12;
        let (page_number, tag) = (number & 0xf_ffff_ffff, number >> 36);
        let is_guest = self.asid().get() > 0;
        match (self.assigned(), self.validated(), is_guest, self.immutable()) {
            (false, false, false, false) => PageState::Hypervisor,
            (false, false, false, true) => PageState::HvFixed,
            (true, false, false, true) => match (page_number, tag, self.vmsa()) {
                (0, 0, false) => PageState::Firmware,
                (0, 0, true) => PageState::Context,
                (1, 2, false) => PageState::FirmwareIommu,
                (1.., 1, _) => PageState::Metadata,
                _ => PageState::Invalid,
            },
            (true, false, false, false) if !self.lock() => PageState::Reclaim,
            (true, false, true, true) => PageState::PreGuest,
            (true, true, true, true) => PageState::PreSwap,
            (true, false, true, false) => PageState::GuestInvalid,
            (true, true, true, false) => PageState::GuestValid,
            _ => PageState::Invalid,
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.0;
        write!(f, "Entry({first:#018x}, {second:#018x}: {:?})", self.state())
    }
}

/// What the RMP says of a page as a whole (AMD APM volume 2, section 15.36.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PageState {
    /// The hypervisor's: not assigned.
    Hypervisor,
    /// The hypervisor's for ever.
    HvFixed,
    /// The firmware's.
    Firmware,
    /// The firmware's for the IOMMU.
    FirmwareIommu,
    /// Entries of swapped pages.
    Metadata,
    /// A guest's context.
    Context,
    /// Given back by the firmware; RMPUPDATE can take it.
    Reclaim,
    /// A guest's, which the firmware fills.
    PreGuest,
    /// A guest's, which the firmware swaps out or moves.
    PreSwap,
    /// A guest's, which it has not accepted.
    GuestInvalid,
    /// A guest's, which it has accepted.
    GuestValid,
    /// None of these.
    Invalid,
    /// DEFAULT: the table does not cover the page. Said by [`Rmp::page`](super::Rmp::page), never by an entry.
    Default,
}

/// What a VMPL may do with a page (AMD APM volume 2, section 15.36.7).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Permissions(pub u8);

impl Permissions {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Reads.
    pub const READ: Self = Self(1 << 0);
    /// Writes.
    pub const WRITE: Self = Self(1 << 1);
    /// Instructions in user mode, CPL 3.
    pub const EXECUTE_USER: Self = Self(1 << 2);
    /// Instructions in supervisor mode, CPL 0 to 2.
    pub const EXECUTE_SUPERVISOR: Self = Self(1 << 3);
    /// A supervisor shadow stack, with VmplSSS.
    pub const SHADOW_STACK: Self = Self(1 << 4);
    /// What VMPL0 has. UNKNOWN: whether hardware adds the shadow stack.
    pub const FULL: Self = Self(0xf);

    /// Whether all of `other` is allowed.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl core::ops::BitOr for Permissions {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permissions(")?;
        for (bit, letter) in [(0, 'r'), (1, 'w'), (2, 'u'), (3, 's'), (4, 'k')] {
            let letter = if self.0 >> bit & 1 == 1 { letter } else { '-' };
            fmt::Write::write_char(f, letter)?;
        }
        match self.0 >> 5 {
            0 => f.write_str(")"),
            more => write!(f, ", {:#x})", more << 5),
        }
    }
}

/// What RMPUPDATE is told of a page and RMPREAD tells: the documented form of an entry (AMD APM volume 3, RMPUPDATE, RMPREAD).
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 8 | GPA |
/// | 8 | 1 | bit 0: ASSIGNED |
/// | 9 | 1 | bit 0: PAGE_SIZE; bit 1, from RMPREAD only: HPAGE_REGION_STATUS |
/// | 0Ah | 1 | bit 0: IMMUTABLE |
/// | 0Bh | 1 | zero |
/// | 0Ch | 4 | ASID |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageAssignment {
    /// GPA, in bytes; the twelve bits below a page's are zero.
    pub gpa: u64,
    /// ASSIGNED.
    pub assigned: bool,
    /// PAGE_SIZE.
    pub page_size: PageSize,
    /// HPAGE_REGION_STATUS: the first entry of the 2 MiB region is zero, and a page of the region is assigned.
    pub hpage_region_status: bool,
    /// IMMUTABLE.
    pub immutable: bool,
    /// ASID.
    pub asid: Asid,
}

impl PageAssignment {
    /// The bytes of an operand.
    pub const LEN: usize = 16;

    /// A page for the hypervisor.
    pub const HYPERVISOR: Self = Self {
        gpa: 0,
        assigned: false,
        page_size: PageSize::Size4K,
        hpage_region_status: false,
        immutable: false,
        asid: Asid::HOST,
    };

    /// A page for the firmware: a buffer of one of its commands.
    pub const FIRMWARE: Self = Self { assigned: true, immutable: true, ..Self::HYPERVISOR };

    /// A page for a guest, which it has to accept.
    #[must_use]
    pub const fn guest(asid: Asid, gpa: GuestPhysAddr, page_size: PageSize) -> Self {
        Self { gpa: gpa.get(), assigned: true, page_size, asid, ..Self::HYPERVISOR }
    }

    /// The same, kept for the firmware to fill, swap or move.
    #[must_use]
    pub const fn locked(self) -> Self {
        Self { immutable: true, ..self }
    }

    /// From an operand; `None` if a reserved bit is set, or HPAGE_REGION_STATUS, which is RMPREAD's alone.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Option<Self> {
        let [gpa @ .., _, _, _, _, _, _, _, _] = *bytes;
        let [_, _, _, _, _, _, _, _, assigned, size, immutable, reserved, asid @ ..] = *bytes;
        if assigned > 1 || size > 1 || immutable > 1 || reserved != 0 {
            return None;
        }
        Some(Self {
            gpa: u64::from_le_bytes(gpa),
            assigned: assigned == 1,
            page_size: if size == 1 { PageSize::Size2M } else { PageSize::Size4K },
            hpage_region_status: false,
            immutable: immutable == 1,
            asid: Asid::new(u32::from_le_bytes(asid)),
        })
    }

    /// The operand.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let size = u8::from(self.page_size == PageSize::Size2M);
        let flags = [
            self.assigned.into(),
            size | u8::from(self.hpage_region_status) << 1,
            self.immutable.into(),
            0,
        ];
        let mut bytes = [0; Self::LEN];
        let fields = self.gpa.to_le_bytes().into_iter().chain(flags);
        let fields = fields.chain(self.asid.get().to_le_bytes());
        bytes.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    /// Rows of the worked example, and two of published logs.
    #[test]
    fn states() {
        for (words, state, gpa, asid) in [
            ([0, 0], PageState::Hypervisor, 0, 0),
            ([4, 0], PageState::HvFixed, 0, 0),
            ([0x8000_0000_0000_0005, 0], PageState::Firmware, 0, 0),
            ([0x8000_0000_0000_07fd, 0], PageState::Firmware, 0, 0),
            ([0x8028_0000_0800_0005, 0], PageState::PreGuest, 0x800_0000, 5),
            ([0x0028_0000_0800_0001, 0xf], PageState::GuestInvalid, 0x800_0000, 5),
            ([0x4028_0000_4000_0003, 0xf], PageState::GuestValid, 0x4000_0000, 5),
            ([0x7f70_0000_0000_9001, 0x10f], PageState::GuestValid, 0x9000, 0x3ee),
            ([0xc028_0000_0800_0005, 0xf], PageState::PreSwap, 0x800_0000, 5),
            ([0xa000_0000_0000_0005, 0], PageState::Context, 0, 0),
            ([0x8001_0000_0000_1005, 0], PageState::Metadata, 0x1_0000_0000_1000, 0),
            ([0x8002_0000_0000_1005, 0], PageState::FirmwareIommu, 0x2_0000_0000_1000, 0),
            ([0x0000_0000_0000_0001, 0], PageState::Reclaim, 0, 0),
            ([0x8000_0000_0000_0001, 0], PageState::Invalid, 0, 0),
            ([0x4000_0000_0000_0000, 0], PageState::Invalid, 0, 0),
            ([0x0008_0000_0000_0000, 0], PageState::Invalid, 0, 1),
            ([0x8000_0000_0000_1005, 0], PageState::Invalid, 0x1000, 0),
        ] {
            let entry = Entry::from_words(words);
            assert_eq!(entry.state(), state, "{words:x?}");
            assert_eq!((entry.gpa().get(), entry.asid().get()), (gpa, asid), "{words:x?}");
        }
        assert_eq!(Entry::from_words([0x8000_0000_0000_07fd, 0]).subpage_count(), 255);
        let vmsa = Entry::from_words([0x7f70_0000_0000_9001, 0x10f]);
        assert!(vmsa.vmsa());
        assert_eq!(vmsa.permissions(Vmpl::VMPL1), Permissions::READ);
        assert_eq!(vmsa.permissions(Vmpl::VMPL0), Permissions::FULL);
    }

    #[test]
    fn fields_are_apart() {
        let gpa = GuestPhysAddr::new(0x7_ffff_ffff_f000).unwrap();
        let all = Entry::default()
            .with_assigned(true)
            .with_page_size(PageSize::Size2M)
            .with_immutable(true)
            .with_subpage_count(511)
            .with_gpa(gpa)
            .with_asid(Asid::new(1023))
            .with_vmsa(true)
            .with_validated(true)
            .with_lock(true);
        assert_eq!(all.to_words(), [u64::MAX, 0]);
        for (entry, word) in [
            (Entry::default().with_subpage_count(511), 0xff8),
            (Entry::default().with_gpa(gpa), 0x7_ffff_ffff_f000),
            (Entry::default().with_asid(Asid::new(1023)), 0x1ff8_0000_0000_0000),
            (all.with_subpage_count(0), !0xff8),
            (all.with_gpa(GuestPhysAddr::default()), !0x7_ffff_ffff_f000),
            (all.with_asid(Asid::HOST), !0x1ff8_0000_0000_0000),
        ] {
            assert_eq!(entry.to_words(), [word, 0]);
        }
        let masks = Entry::default()
            .with_permissions(Vmpl::VMPL0, Permissions::FULL)
            .with_permissions(Vmpl::VMPL3, Permissions::READ | Permissions::WRITE);
        assert_eq!(masks.to_words(), [0, 0x0300_000f]);
        let both = masks.permissions(Vmpl::VMPL3);
        assert_eq!(format!("{both:?}"), "Permissions(rw---)");
        assert_eq!(both | Permissions::WRITE | Permissions::EXECUTE_USER, Permissions(7));
        let text = format!("{:?}", Entry::from_words([4, 0xf]));
        assert_eq!(text, "Entry(0x0000000000000004, 0x000000000000000f: HvFixed)");
    }

    #[test]
    fn operands() {
        let gpa = GuestPhysAddr::new(0x800_0000).unwrap();
        let guest = PageAssignment::guest(Asid::new(5), gpa, PageSize::Size4K).locked();
        let bytes = [0, 0, 0, 8, 0, 0, 0, 0, 1, 0, 1, 0, 5, 0, 0, 0];
        assert_eq!(guest.to_bytes(), bytes);
        assert_eq!(PageAssignment::from_bytes(&bytes), Some(guest));
        for (at, bit) in (8..12).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut changed = bytes;
            changed[at] ^= 1 << bit;
            let is_reserved = at == 11 || bit > 0;
            let found = PageAssignment::from_bytes(&changed);
            assert_eq!(found.is_none(), is_reserved, "byte {at}, bit {bit}");
            assert!(found.is_none_or(|found| found.to_bytes() == changed));
        }
    }
}
