//! Saved machines whose digest is right.

use std::convert::Infallible;

use sevcrypt::hash::sha384;
use sevcrypt::platform::command::{SevShutdown, SnpDecommission, SnpShutdown};
use sevcrypt::platform::rand_core::{TryCryptoRng, TryRng};
use sevcrypt::platform::save::{Header, Saved};

/// Not random: a number that counts.
struct Counting(u64);

impl TryRng for Counting {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|number| number as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        Ok(self.0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for byte in bytes {
            *byte = (self.try_next_u64()? >> 56) as u8;
        }
        Ok(())
    }
}

impl TryCryptoRng for Counting {}

/// What stands behind the generation; mark and digest are put before it.
///
/// A machine that is made of it is the same when it is saved and made again, and can be shut down.
pub fn platform_saved(data: &[u8]) {
    let mut file = Header::MARK.to_vec();
    let rest = [&7u64.to_le_bytes(), data].concat();
    file.extend(sha384(&rest));
    file.extend(rest);
    let saved = match Saved::parse(&file) {
        Ok(saved) => saved,
        Err(error) => return crate::check_error(&error),
    };
    assert_eq!(saved.header().generation, 7);
    if let Err(error) = saved.ca() {
        crate::check_error(&error);
    }
    // More is the caller's to refuse.
    if saved.memory() > 1 << 24 {
        return;
    }
    let machine = match saved.restore(Counting(1)) {
        Ok(machine) => machine,
        Err(error) => return crate::check_error(&error),
    };
    let again = machine.save(None, 7);
    let other = Saved::parse(&again).expect("what was saved");
    let other = other.restore(Counting(1)).expect("what was saved");
    assert!(other.save(None, 7) == again, "the same machine");
    for gctx_paddr in (0..saved.memory()).step_by(4096) {
        let _ = other.issue(&mut SnpDecommission { gctx_paddr });
    }
    assert_eq!(other.issue(&mut SevShutdown {}), Ok(()));
    let _ = other.issue(&mut SnpShutdown {});
}
