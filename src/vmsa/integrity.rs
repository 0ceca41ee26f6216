//! The check value of a save area under SEV-ES: how firmware and hardware see that the host changed a page that it
//! cannot read.

use core::fmt;

use subtle::ConstantTimeEq;

use super::Vmsa;
use crate::addr::PhysAddr;
use crate::secret::tell;
use crate::status::Status;
use crate::wire::{field, field_mut, get_u64};

/// CRC-32C's polynomial (Castagnoli), reflected.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// The firmware's words, in a reserved field of AMD's table.
const ZERO_WORD: usize = 0x380;
const BLOCK_WORD: usize = 0x388;

/// The bytes that are checked: all but the last 64.
const CHECKED: usize = 0xfc0;

/// The check value over the first FC0h bytes of a save area (AMD's published firmware 1.55.25, `sev_es`: its "CRC64").
///
/// Three CRC-32C run over every third quadword. The upper half is their exclusive or, the lower half the CRC-32C of the
/// three. It finds accidents and blind changes; it has no key, and what protects it is its place, which the host cannot
/// reach.
///
/// MODEL: the formula is that of Genoa's firmware. UNKNOWN: that of Naples and Rome, whose firmware is not published. The
/// value never leaves a platform.
///
/// ```
/// use sevcrypt::PhysAddr;
/// use sevcrypt::vmsa::{IntegrityValue, Vmsa};
///
/// let mut vmsa = Vmsa::default();
/// let block = vmsa.prepare(PhysAddr::new(0x7000)?);
/// let value: IntegrityValue = vmsa.integrity_value();
/// assert_eq!(block.value, value);
/// vmsa.set_rax(1); // by the host
/// assert!(vmsa.check_integrity(&[block]).is_err());
/// # Ok::<(), sevcrypt::AddressError>(())
/// ```
#[derive(Clone, Copy)]
pub struct IntegrityValue(pub u64);

impl IntegrityValue {
    /// Computed without tables: the bytes are a guest's registers, and tables would show them to whoever shares a cache.
    fn of(checked: &[u8; CHECKED]) -> Self {
        let mut streams = [!0; 3];
        for qwords in checked.as_chunks::<8>().0.as_chunks::<3>().0 {
            for (crc, qword) in streams.iter_mut().zip(qwords) {
                let qword = u64::from_le_bytes(*qword);
                *crc = step(step(*crc, qword as u32), (qword >> 32) as u32);
            }
        }
        let streams = streams.map(|crc: u32| !crc);
        let low = !streams.into_iter().fold(!0, step);
        let high = streams.into_iter().fold(0, |sum, crc| sum ^ crc);
        Self(u64::from(high) << 32 | u64::from(low))
    }
}

/// CRC-32C over four more bytes.
fn step(crc: u32, bytes: u32) -> u32 {
    (0..32).fold(crc ^ bytes, |crc, _| crc >> 1 ^ POLYNOMIAL & (crc & 1).wrapping_neg())
}

/// In constant time.
impl PartialEq for IntegrityValue {
    fn eq(&self, other: &Self) -> bool {
        tell(self.0.ct_eq(&other.0))
    }
}

impl Eq for IntegrityValue {}

/// Prints nothing of it: 64 equations, without a key, over a guest's registers.
impl fmt::Debug for IntegrityValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IntegrityValue(..)")
    }
}

/// Where the firmware keeps the check value of one save area: eight bytes of memory that only it and the hardware reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckBlock {
    /// The block's address, which the save area names.
    pub address: PhysAddr,
    /// What stands there.
    pub value: IntegrityValue,
}

impl Vmsa {
    /// The check value of these bytes, the firmware's words included.
    #[must_use]
    pub fn integrity_value(&self) -> IntegrityValue {
        IntegrityValue::of(field::<0, CHECKED, _>(&self.0))
    }

    /// What the firmware does with a save area that it takes (LAUNCH_UPDATE_VMSA, RECEIVE_UPDATE_VMSA): its own words at
    /// 380h become 0 and the address of a check block, which then gets the check value. At a launch the page is measured
    /// before.
    ///
    /// ```
    /// use sevcrypt::PhysAddr;
    /// use sevcrypt::vmsa::{IntegrityError, Vmsa};
    ///
    /// let mut vmsa = Vmsa::ZERO;
    /// let block = vmsa.prepare(PhysAddr::new(0x1234_5800)?);
    /// assert_eq!(vmsa.check_integrity(&[block]), Ok(()));
    ///
    /// vmsa.set_rip(0xffff_fff0); // the host's doing
    /// assert_eq!(vmsa.check_integrity(&[block]), Err(IntegrityError::Value));
    /// # Ok::<(), sevcrypt::AddressError>(())
    /// ```
    pub fn prepare(&mut self, block: PhysAddr) -> CheckBlock {
        self.set_firmware_words(block.get());
        CheckBlock { address: block, value: self.integrity_value() }
    }

    /// What the firmware writes into a save area of an SEV-SNP guest: its words at 380h become 0 and all ones. There is no
    /// check value: the RMP protects the page.
    pub fn prepare_snp(&mut self) {
        self.set_firmware_words(u64::MAX);
    }

    fn set_firmware_words(&mut self, block: u64) {
        *field_mut::<ZERO_WORD, 8, _>(&mut self.0) = [0; 8];
        *field_mut::<BLOCK_WORD, 8, _>(&mut self.0) = block.to_le_bytes();
    }

    /// Checks a save area against the check blocks of its guest, as VMRUN, SEND_UPDATE_VMSA and SWAP_OUT do before they use
    /// one. (VMRUN says VMEXIT_INVALID of any failure; SEND_UPDATE_VMSA and SWAP_OUT say INVALID_PARAM.)
    ///
    /// # Errors
    /// [`IntegrityError`], in the firmware's order.
    pub fn check_integrity(&self, blocks: &[CheckBlock]) -> Result<(), IntegrityError> {
        let address = get_u64::<BLOCK_WORD, _>(&self.0);
        let is_named =
            |block: &&CheckBlock| tell(block.address.get().ct_eq(&address) & !address.ct_eq(&0));
        let block = blocks.iter().find(is_named);
        match block {
            None => Err(IntegrityError::Address { address }),
            Some(block) if block.value == self.integrity_value() => Ok(()),
            Some(_) => Err(IntegrityError::Value),
        }
    }
}

/// Why a save area is not the one that the firmware or hardware left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IntegrityError {
    /// The word at 388h is 0, or names no check block of this guest.
    Address {
        /// The word.
        address: u64,
    },
    /// The check value is another one.
    Value,
}

impl IntegrityError {
    /// What the firmware answers.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::Address { .. } => Status::INVALID_ADDRESS,
            Self::Value => Status::BAD_MEASUREMENT,
        }
    }
}

impl fmt::Display for IntegrityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { address } => write!(
                f,
                "the word at 0x388 of the save area is {address:#x}: expected the address of a check block of this guest"
            ),
            Self::Value => f.write_str(
                "the save area was changed: its check value is not the one in its check block",
            ),
        }
    }
}

impl core::error::Error for IntegrityError {}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use proptest::prelude::*;

    use super::*;
    use crate::image::{CpuSignature, Profile};
    use crate::vmsa::SevFeatures;

    fn bsp() -> Vmsa {
        let genoa = CpuSignature(0xa1_0f10);
        Profile::QEMU.vmsa(0xffff_fff0, true, genoa, SevFeatures::default())
    }

    fn block() -> PhysAddr {
        PhysAddr::new(0x12_3458_0000).unwrap()
    }

    /// The published check value of CRC-32C.
    #[test]
    fn crc_32c() {
        let mut crc = !0;
        for bytes in [*b"1234", *b"5678"] {
            crc = step(crc, u32::from_le_bytes(bytes));
        }
        // The ninth byte by the definition.
        crc ^= u32::from(b'9');
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 };
        }
        assert_eq!(!crc, 0xe306_9283);
    }

    /// Values that another implementation, in Python, computed.
    #[test]
    fn known_answers() {
        let mut vmsa = bsp();
        assert_eq!(vmsa.integrity_value(), IntegrityValue(0xd167_3b5c_ba83_27d7));

        let value = IntegrityValue(0x1e79_006e_2ebc_a023);
        assert_eq!(vmsa.prepare(block()), CheckBlock { address: block(), value });
        assert_eq!(vmsa.integrity_value(), value);

        let counting = Vmsa::from_bytes(&core::array::from_fn(|i| i as u8));
        assert_eq!(counting.integrity_value(), IntegrityValue(0x405a_7743_648c_94a2));
    }

    #[test]
    fn words_of_the_firmware() {
        let mut vmsa = Vmsa::from_bytes(&[0xee; 4096]);
        let before = *vmsa.as_bytes();
        vmsa.prepare(block());
        assert_eq!(vmsa.as_bytes()[0x380..0x388], [0; 8]);
        assert_eq!(vmsa.as_bytes()[0x388..0x390], block().get().to_le_bytes());
        assert_eq!(vmsa.as_bytes()[..0x380], before[..0x380]);
        assert_eq!(vmsa.as_bytes()[0x390..], before[0x390..]);
        vmsa.prepare_snp();
        assert_eq!(vmsa.as_bytes()[0x380..0x388], [0; 8]);
        assert_eq!(vmsa.as_bytes()[0x388..0x390], [0xff; 8]);
        assert_eq!(vmsa.as_bytes()[0x390..], before[0x390..]);
    }

    #[test]
    fn values_are_not_printed() {
        let block = bsp().prepare(PhysAddr::new(0x8000).unwrap());
        assert_eq!(std::format!("{:?}", block.value), "IntegrityValue(..)");
        let printed = std::format!("{block:x?}");
        assert!(printed.ends_with("value: IntegrityValue(..) }"), "{printed}");
    }

    #[test]
    fn which_block() {
        let mut vmsa = bsp();
        let mine = vmsa.prepare(block());
        let other = CheckBlock { address: PhysAddr::new(0x8000).unwrap(), ..mine };
        assert_eq!(vmsa.check_integrity(&[other, mine]), Ok(()));

        let unknown = IntegrityError::Address { address: block().get() };
        for blocks in [&[][..], &[other]] {
            assert_eq!(vmsa.check_integrity(blocks), Err(unknown));
        }
        // A block at 0 serves nobody.
        let zero = bsp().prepare(PhysAddr::default());
        let none = IntegrityError::Address { address: 0 };
        let mut vmsa = bsp();
        vmsa.prepare(PhysAddr::default());
        assert_eq!(vmsa.check_integrity(&[zero]), Err(none));
        vmsa.prepare_snp();
        let all_ones = IntegrityError::Address { address: u64::MAX };
        assert_eq!(vmsa.check_integrity(&[zero, mine]), Err(all_ones));
    }

    #[test]
    fn every_byte() {
        let mut vmsa = bsp();
        let block = vmsa.prepare(block());
        let mut page = *vmsa.as_bytes();
        for at in 0..4096 {
            page[at] ^= 0x10;
            let checked = Vmsa::from_bytes(&page).check_integrity(&[block]);
            match at {
                0x388..0x390 => assert!(matches!(checked, Err(IntegrityError::Address { .. }))),
                0..0xfc0 => assert_eq!(checked, Err(IntegrityError::Value), "{at:#x}"),
                _ => assert_eq!(checked, Ok(()), "{at:#x}: not covered"),
            }
            page[at] ^= 0x10;
        }
    }

    #[test]
    fn statuses_and_texts() {
        let address = IntegrityError::Address { address: 7 };
        assert_eq!(address.status(), Status::INVALID_ADDRESS);
        assert_eq!(
            address.to_string(),
            "the word at 0x388 of the save area is 0x7: expected the address of a check block of this guest"
        );
        assert_eq!(IntegrityError::Value.status(), Status::BAD_MEASUREMENT);
        assert_eq!(
            IntegrityError::Value.to_string(),
            "the save area was changed: its check value is not the one in its check block"
        );
    }

    proptest! {
        /// By the definition: byte by byte, bit by bit.
        #[test]
        fn definition(page in proptest::collection::vec(any::<u8>(), 4096)) {
            fn crc_32c(bytes: impl Iterator<Item = u8>) -> u32 {
                !bytes.fold(!0, |crc: u32, byte| {
                    (0..8).fold(crc ^ u32::from(byte), |crc, _| {
                        if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 }
                    })
                })
            }
            let stream = |s: usize| {
                crc_32c((0..168).flat_map(|k| page[24 * k + 8 * s..][..8].to_vec()))
            };
            let crcs = [stream(0), stream(1), stream(2)];
            let low = crc_32c(crcs.into_iter().flat_map(u32::to_le_bytes));
            let high = crcs[0] ^ crcs[1] ^ crcs[2];
            let vmsa = Vmsa::from_bytes(&page.try_into().unwrap());
            prop_assert_eq!(vmsa.integrity_value().0, u64::from(high) << 32 | u64::from(low));
        }
    }
}
