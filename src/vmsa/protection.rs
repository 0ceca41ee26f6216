//! Register protection of SEV-SNP: registers that look new in memory at every exit.

use core::fmt;

use super::Vmsa;
use crate::Hex;

/// The quadwords that the operation itself reads: SEV_FEATURES and the nonce.
const KEPT: [usize; 2] = [0x3b0 / 8, 0x300 / 8];

/// Which quadwords of a save area are stored changed by a nonce, REG_PROT_NONCE, where SEV_FEATURES has
/// [VmsaRegProt](super::SevFeatures::vmsa_reg_prot) (AMD APM volume 2, section 15.36; AMD's published firmware 1.55.25,
/// `sev_mcmd.c`).
///
/// Memory encryption turns equal plaintext at an address into equal ciphertext, so that a host who watches a save area
/// sees when a register has an earlier value again. Hardware draws a new nonce at every exit and stores these quadwords
/// exclusive-or it. Who reads or edits the save area of another vCPU, as an SVSM does, has to take the nonce off and put it
/// on again: both are [`apply`](Self::apply). A save area that is made with the nonce 0 holds plain values.
///
/// The list is the processor's. A guest finds it in its secrets page
/// ([`vmsa_tweak_bitmap`](crate::snp::secrets::SecretsPage::vmsa_tweak_bitmap)); [`GENOA`](Self::GENOA) is that of one generation.
///
/// UNKNOWN: whether newer parts change quadwords outside the list.
///
/// ```
/// use sevcrypt::vmsa::{RegisterProtection, SevFeatures, Vmsa};
///
/// let mut vmsa = Vmsa::ZERO;
/// vmsa.set_sev_features(SevFeatures(0x4001));
/// vmsa.set_rip(0xfff0);
/// RegisterProtection::GENOA.launch(&mut vmsa, 0x1122_3344_5566_7788);
/// assert_eq!(vmsa.rip(), 0xfff0 ^ 0x1122_3344_5566_7788);
///
/// RegisterProtection::GENOA.apply(&mut vmsa);
/// assert_eq!(vmsa.rip(), 0xfff0);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RegisterProtection([u8; 64]);

impl RegisterProtection {
    /// The list of Genoa: RIP, RSP, RAX, the other general registers, x87, XMM, YMM, ZMM and mask registers. Segments,
    /// control registers, RFLAGS and what the host is told at an exit are not on it.
    pub const GENOA: Self = {
        let mut bitmap = [0; 64];
        let ranges = [
            (0x178, 0x180), // RIP
            (0x1d8, 0x1e0), // RSP
            (0x1f8, 0x200), // RAX
            (0x308, 0x320), // RCX, RDX, RBX
            (0x328, 0x380), // RBP, RSI, RDI, R8 to R15
            (0x420, 0x670), // FPREG_X87, FPREG_XMM, FPREG_YMM
            (0x980, 0xfc0), // FPREG_K, FPREG_ZMM, FPREG_HIZMM
        ];
        let mut range = 0;
        while range < ranges.len() {
            let (mut at, end) = ranges[range];
            while at < end {
                bitmap[at / 64] |= 1 << (at / 8 % 8);
                at += 8;
            }
            range += 1;
        }
        Self(bitmap)
    };

    /// From VMSA_TWEAK_BITMAP, 64 bytes at 100h of a secrets page: bit n, from the lowest of the first byte, is that of
    /// quadword n.
    ///
    /// SEV_FEATURES and the nonce are never changed, whatever the bitmap says of them (MODEL): nothing could be taken off
    /// again.
    ///
    /// ```
    /// use sevcrypt::vmsa::{RegisterProtection, SevFeatures, Vmsa};
    ///
    /// let mut bitmap = [0; 64];
    /// bitmap[5] = 0x80; // RIP, at 178h, in units of 8 bytes
    /// let protection = RegisterProtection::from_bitmap(&bitmap);
    /// let mut vmsa = Vmsa::default();
    /// vmsa.set_sev_features(SevFeatures(1 << 14)); // VmsaRegProt
    /// protection.launch(&mut vmsa, 0x1234_5678_9abc_def0);
    /// assert_eq!((vmsa.rip(), vmsa.reg_prot_nonce()), (0x1234_5678_9abc_def0, 0x1234_5678_9abc_def0));
    /// ```
    #[must_use]
    pub const fn from_bitmap(bitmap: &[u8; 64]) -> Self {
        Self(*bitmap)
    }

    /// The bitmap.
    #[must_use]
    pub const fn bitmap(&self) -> &[u8; 64] {
        &self.0
    }

    /// Puts the nonce of this save area on its protected quadwords, or takes it off: which of both, the caller has to know.
    /// Without VmsaRegProt in SEV_FEATURES nothing changes.
    pub fn apply(&self, vmsa: &mut Vmsa) {
        if !vmsa.sev_features().vmsa_reg_prot() {
            return;
        }
        let nonce = vmsa.reg_prot_nonce().to_le_bytes();
        for (n, qword) in vmsa.0.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            if self.has(n) {
                for (byte, nonce) in qword.iter_mut().zip(nonce) {
                    *byte ^= nonce;
                }
            }
        }
    }

    /// What the firmware does at a launch with a save area that holds plain values, after it was measured
    /// (SNP_LAUNCH_UPDATE): it gets a nonce, of random bytes, which is put on. Without VmsaRegProt nothing changes.
    ///
    /// The launch digest ([`snp::launch`](crate::snp::launch)) is that of the plain page, with GUEST_TSC_SCALE and
    /// GUEST_TSC_OFFSET as 0.
    pub fn launch(&self, vmsa: &mut Vmsa, nonce: u64) {
        if vmsa.sev_features().vmsa_reg_prot() {
            vmsa.set_reg_prot_nonce(nonce);
            self.apply(vmsa);
        }
    }

    /// Whether quadword `n` is changed. A page has 512 of them.
    fn has(&self, n: usize) -> bool {
        self.0[n / 8] >> (n % 8) & 1 == 1 && !KEPT.contains(&n)
    }
}

impl fmt::Debug for RegisterProtection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegisterProtection({})", Hex(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use base16ct::lower::{decode_vec, encode_string};
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::addr::Page;
    use crate::image::{CpuSignature, Profile};
    use crate::vmsa::SevFeatures;

    const NONCE: u64 = 0x1122_3344_5566_7788;

    fn bsp(features: u64) -> Vmsa {
        let genoa = CpuSignature(0xa1_0f10);
        Profile::QEMU.vmsa(0xffff_fff0, true, genoa, SevFeatures(features))
    }

    #[test]
    fn bitmap_of_genoa() {
        let bitmap = RegisterProtection::GENOA;
        let expected = "000000000080008800000000eeff0000f0ffffffffffffffff3f0000000000000000\
                        00000000ffffffffffffffffffffffffffffffffffffffffffffffffff00";
        assert_eq!(encode_string(bitmap.bitmap()), expected);
        assert_eq!(bitmap.0.iter().map(|byte| byte.count_ones()).sum::<u32>(), 291);
        let again = decode_vec(expected).unwrap().try_into().unwrap();
        assert_eq!(RegisterProtection::from_bitmap(&again), bitmap);
    }

    /// Values that another implementation, in Python, computed.
    #[test]
    fn known_answer() {
        let mut vmsa = bsp(0x4001);
        let plain = *vmsa.as_bytes();
        RegisterProtection::GENOA.launch(&mut vmsa, NONCE);
        let page = vmsa.as_bytes();
        let quadword = |at: usize| encode_string(&page[at..at + 8]);
        assert_eq!(quadword(0x300), "8877665544332211");
        assert_eq!(quadword(0x178), "7888665544332211");
        assert_eq!(quadword(0x310), "9878c75544332211");
        assert_eq!(quadword(0x1d8), "8877665544332211");
        assert_eq!(quadword(0x410), "7f03000000000000");
        let digest = "735a263ef272ed5cd9c2b4081cf8dca0a8bbbb29fcc5a91cb93cec785683bc85";
        assert_eq!(encode_string(&Sha256::digest(page)), digest);

        RegisterProtection::GENOA.apply(&mut vmsa);
        vmsa.set_reg_prot_nonce(0);
        assert_eq!(vmsa.as_bytes(), &plain);
    }

    #[test]
    fn nothing_without_the_feature() {
        for features in [0, 1, !(1 << 14)] {
            let mut vmsa = bsp(features);
            vmsa.set_reg_prot_nonce(7);
            let before = *vmsa.as_bytes();
            RegisterProtection::GENOA.apply(&mut vmsa);
            RegisterProtection::GENOA.launch(&mut vmsa, NONCE);
            assert_eq!(vmsa.as_bytes(), &before);
        }
    }

    /// Each bit is that of its quadword, and two quadwords are kept.
    #[test]
    fn every_bit() {
        for n in 0..512 {
            let mut bitmap = [0; 64];
            bitmap[n / 8] = 1 << (n % 8);
            let mut vmsa = bsp(0x4001);
            vmsa.set_reg_prot_nonce(NONCE);
            let before = *vmsa.as_bytes();
            RegisterProtection::from_bitmap(&bitmap).apply(&mut vmsa);
            let changed: Vec<usize> =
                (0..4096).filter(|&at| vmsa.as_bytes()[at] != before[at]).collect();
            let kept = [0x300, 0x3b0].contains(&(8 * n));
            let expected: Vec<usize> = if kept { Vec::new() } else { (8 * n..8 * n + 8).collect() };
            assert_eq!(changed, expected, "quadword {n}");
        }
    }

    proptest! {
        #[test]
        fn twice_is_never(
            page in proptest::collection::vec(any::<u8>(), 4096),
            bitmap in proptest::collection::vec(any::<u8>(), 64),
        ) {
            let page: Page = page.try_into().unwrap();
            let protection = RegisterProtection::from_bitmap(&bitmap.try_into().unwrap());
            let mut vmsa = Vmsa::from_bytes(&page);
            protection.apply(&mut vmsa);
            protection.apply(&mut vmsa);
            prop_assert_eq!(vmsa.as_bytes(), &page);
        }
    }
}
