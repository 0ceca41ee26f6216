//! The save area of a vCPU (VMSA): the page in which hardware keeps a guest's registers while the guest does not run.
//!
//! Under SEV-ES and SEV-SNP the page is private to the guest, and what it holds at the start is part of the launch
//! measurement: see [`Profile::vmsa`](crate::image::Profile::vmsa) for what VMMs put there.

use core::fmt;

use crate::addr::Page;
use crate::wipe::Wiped;

mod features;
mod fields;
mod integrity;
mod protection;
mod segment;
#[cfg(test)]
mod tests;

pub use features::SevFeatures;
pub use fields::{Field, Value};
pub use integrity::{CheckBlock, IntegrityError, IntegrityValue};
pub use protection::RegisterProtection;
pub use segment::Segment;

/// A save area: 4096 bytes with a getter and a setter for each field (AMD APM volume 2, Table B-4).
///
/// The registers of a running guest are secrets: a save area is wiped when it is dropped, and `Debug` prints no
/// register. One that a VMM makes for a launch is public; [`non_zero`](Self::non_zero) and
/// [`differences`](Self::differences) show it.
///
/// ```
/// use sevcrypt::vmsa::{SevFeatures, Vmsa};
///
/// let mut vmsa = Vmsa::ZERO;
/// vmsa.set_rip(0xfff0);
/// vmsa.set_sev_features(SevFeatures::SNP_ACTIVE);
/// assert_eq!(vmsa.as_bytes()[0x3b0], 1);
///
/// let fields: Vec<_> =
///     vmsa.non_zero().map(|(field, value)| format!("{field} = {value}")).collect();
/// assert_eq!(fields, ["RIP = 0xfff0", "SEV_FEATURES = 0x1"]);
/// ```
pub struct Vmsa(Wiped<Page>);

impl Vmsa {
    /// A save area whose every byte is zero.
    pub const ZERO: Self = Self(Wiped::new([0; 4096]));

    /// The save area in a page, which is copied.
    #[must_use]
    pub fn from_bytes(page: &Page) -> Self {
        Self(Wiped::new(*page))
    }

    /// The page.
    #[must_use]
    pub fn as_bytes(&self) -> &Page {
        &self.0
    }

    /// The page, to write.
    #[must_use]
    pub fn as_bytes_mut(&mut self) -> &mut Page {
        &mut self.0
    }

    /// What a field holds.
    #[must_use]
    pub fn get(&self, field: Field) -> Value<'_> {
        field.value(&self.0)
    }

    /// The fields that are not zero, reserved ranges included, in the order of AMD's table.
    pub fn non_zero(&self) -> impl Iterator<Item = (Field, Value<'_>)> {
        Field::all().map(|field| (field, self.get(field))).filter(|(_, value)| !value.is_zero())
    }

    /// The fields in which two save areas differ, reserved ranges included, in the order of AMD's table. There are none
    /// exactly if all bytes are equal.
    ///
    /// ```
    /// use sevcrypt::vmsa::Vmsa;
    ///
    /// let (mut naples, mut milan) = (Vmsa::ZERO, Vmsa::ZERO);
    /// naples.set_rdx(0x80_0f12);
    /// milan.set_rdx(0xa0_0f11);
    ///
    /// let difference = naples.differences(&milan).next().unwrap();
    /// assert_eq!(difference.to_string(), "RDX (0x310): 0x800f12 and 0xa00f11");
    /// ```
    pub fn differences<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = Difference<'a>> {
        Field::all()
            .map(|field| Difference { field, left: self.get(field), right: other.get(field) })
            .filter(|difference| difference.left != difference.right)
    }

    /// Checks that every reserved byte is zero, as it is in a save area that is launched. (Firmware keeps its
    /// own words in those at 380h of a page that SEV-ES runs: [`prepare`](Self::prepare).)
    ///
    /// # Errors
    /// [`ReservedByte`]: the first that is not zero.
    ///
    /// ```
    /// use sevcrypt::vmsa::{ReservedByte, Vmsa};
    ///
    /// assert_eq!(Vmsa::ZERO.check_reserved(), Ok(()));
    /// let mut page = [0; 4096];
    /// page[0x389] = 7;
    /// let error = ReservedByte { offset: 0x389, value: 7 };
    /// assert_eq!(Vmsa::from_bytes(&page).check_reserved(), Err(error));
    /// ```
    pub fn check_reserved(&self) -> Result<(), ReservedByte> {
        for field in Field::all().filter(|field| field.is_reserved()) {
            for (offset, &value) in (field.offset()..).zip(field.bytes(&self.0)) {
                if value != 0 {
                    return Err(ReservedByte { offset, value });
                }
            }
        }
        Ok(())
    }
}

impl Default for Vmsa {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Debug for Vmsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vmsa(..)")
    }
}

/// A field in which two save areas differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference<'a> {
    /// The field.
    pub field: Field,
    /// What the one holds.
    pub left: Value<'a>,
    /// What the other one holds.
    pub right: Value<'a>,
}

impl fmt::Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, left, right } = self;
        write!(f, "{field} ({:#x}): {left} and {right}", field.offset())
    }
}

/// A reserved byte of a save area is not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservedByte {
    /// Where in the page.
    pub offset: usize,
    /// What it is.
    pub value: u8,
}

impl fmt::Display for ReservedByte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the reserved byte at {:#x} of the save area is {:#x}: expected 0",
            self.offset, self.value
        )
    }
}

impl core::error::Error for ReservedByte {}
