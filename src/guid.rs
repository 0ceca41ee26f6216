//! GUIDs.

use core::fmt;

use crate::hex::Hex;

/// A GUID, in the byte order of RFC 4122: as it is written.
///
/// ```
/// use sevcrypt::snp::cert_table::EntryKind;
///
/// let guid = EntryKind::Vcek.guid().unwrap();
/// assert_eq!(guid.to_string(), "63da758d-e664-4564-adc5-f4b93be8accd");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Guid([u8; 16]);

impl Guid {
    /// From 16 bytes in RFC 4122 order.
    ///
    /// ```
    /// use sevcrypt::Guid;
    ///
    /// let guid = Guid::new(*b"\x73\x68\x69\xe5\x84\xf0\x49\x73\x92\xec\x06\x87\x9c\xe3\xda\x0b");
    /// assert_eq!(guid.to_string(), "736869e5-84f0-4973-92ec-06879ce3da0b");
    /// ```
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes in RFC 4122 order.
    #[must_use]
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// The GUID with the first three fields' bytes reversed: from RFC 4122 order to mixed-endian order, and back.
    pub(crate) const fn swapped(self) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = self.0;
        Self([d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p])
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g, h, i, j, k, node @ ..] = self.0;
        let (low, middle, high, clock) = ([a, b, c, d], [e, g], [h, i], [j, k]);
        write!(f, "{}-{}-{}-{}-{}", Hex(&low), Hex(&middle), Hex(&high), Hex(&clock), Hex(&node))
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guid({self})")
    }
}
