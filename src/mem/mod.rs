//! The memory-encryption engine: what AMD's memory controllers do between the caches and DRAM.
//!
//! A controller enciphers each 16-byte block alone, under the key of the access's ASID and a tweak made
//! from the system physical address. No counter, no freshness, no MAC: the same block at the same
//! address under the same key always has the same ciphertext, and **nothing here authenticates**. That
//! is the hardware's property, and a model must have it too.
//!
//! | mode | C = | tweak | accurate for |
//! |---|---|---|---|
//! | [XE](Mode::Xe) | E(K1, P ^ T) | [linear](Tweak::linear) | early Zen 1 parts with [`Tweak::zen1`]; else a model |
//! | [XEX](Mode::Xex) | E(K1, P ^ T) ^ T | [linear](Tweak::linear) | later Zen 1 parts with [`Tweak::zen1`]; the mode of Zen 2 and Zen 3, whose constants are unknown: model [`Tweak::from_seed`] |
//! | [XTS](Mode::Xts) | E(K1, P ^ t a^j) ^ t a^j | [XTS](Tweak::xts): t = E(K2, unit) | mode name from AMD (Zen 4 on); unit and encoding are a model |
//!
//! [`MemoryCipher`] is a data key with its mode and backend; [`Tweak`] is what the address does, and is
//! shared between the keys of a platform. [`GuestBytes`] is memory that a running guest may touch meanwhile.
//!
//! ```
//! use sevcrypt::mem::{MemoryCipher, Tweak, XtsUnit};
//! use sevcrypt::{Backend, PhysAddr};
//!
//! let tweak = Tweak::xts(&[0x80; 32], XtsUnit::Page, Backend::best());
//! let cipher = MemoryCipher::xts(&[0x01; 32], tweak, Backend::best())?;
//!
//! let mut page = [0u8; 4096];
//! let addr = PhysAddr::new(0x1_0000_0000)?;
//! cipher.encrypt(addr, &mut page)?;
//! assert_ne!(page, [0; 4096]);
//! cipher.decrypt(addr, &mut page)?;
//! assert_eq!(page, [0; 4096]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where the next thing goes
//! A new mode: its formula in `portable.rs`, its arm in `cipher.rs`. A new backend: a token in `cpu.rs`,
//! its kernels in `asm/` and `kernel.rs`, which chooses them by the token.

mod cipher;
mod guest;
mod job;
mod portable;
mod run;
mod tweak;
#[cfg(feature = "vm-memory-018")]
pub mod vm_memory;

#[cfg(test)]
mod tests;

pub use cipher::{MemoryCipher, Mode, move_page};
pub use guest::{DirtyLog, GuestBytes, GuestSource};
pub use run::Run;
pub use tweak::{PageTweak, Tweak, XtsUnit};

use crate::kernel::Direction;

/// On which sides of AES a mode whitens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whitening {
    /// The plaintext side only: XE.
    Plaintext,
    /// Both sides: XEX and XTS.
    Both,
}

impl Whitening {
    /// Whether the block is whitened ahead of AES.
    fn before(self, direction: Direction) -> bool {
        self == Self::Both || direction == Direction::Encrypt
    }

    /// Whether the block is whitened behind AES.
    fn after(self, direction: Direction) -> bool {
        self == Self::Both || direction == Direction::Decrypt
    }
}
