//! Command buffers: what a host puts into the mailbox of the Secure Processor.
//!
//! Buffers grow with the firmware's interface: a command that is written out ends with `..Default::default()`.
//!
//! ```
//! # use sevcrypt::platform::rand_core::{TryCryptoRng, TryRng};
//! # struct Random(u8);
//! # impl TryRng for Random {
//! #     type Error = core::convert::Infallible;
//! #     fn try_next_u32(&mut self) -> Result<u32, Self::Error> { Ok(4) }
//! #     fn try_next_u64(&mut self) -> Result<u64, Self::Error> { Ok(4) }
//! #     fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
//! #         bytes.iter_mut().for_each(|byte| { self.0 = self.0.wrapping_mul(5).wrapping_add(3); *byte = self.0 });
//! #         Ok(())
//! #     }
//! # }
//! # impl TryCryptoRng for Random {}
//! use sevcrypt::image::PageType;
//! use sevcrypt::platform::command::{Command, CommandId, SevPlatformStatus, SnpConfig, SnpInitEx};
//! use sevcrypt::platform::{Chip, HeapDram, Machine, MachineConfig};
//! use sevcrypt::snp::tcb::Product;
//! use sevcrypt::{Backend, PageSize, Status};
//!
//! let chip = Chip::new(Product::Genoa, &[1; 48], &[2; 32]);
//! let config = MachineConfig::new(&chip);
//! let machine = Machine::with_dram(chip, config, HeapDram::new(4 << 20)?, Random(1))?;
//! machine.issue(&mut SnpInitEx { flags: 1, ..SnpInitEx::default() })?;
//! let mut status = SevPlatformStatus::default();
//! machine.issue(&mut status)?; // filled in by the firmware
//! assert_eq!((status.api_major, status.state), (1, 0));
//!
//! // The same command as the bytes of its buffer, which may lie in memory too.
//! let mut buffer = [0; SevPlatformStatus::LEN];
//! status.write(&mut buffer);
//! assert_eq!(machine.command(SevPlatformStatus::ID, &mut buffer), Status::SUCCESS);
//! assert_eq!((SevPlatformStatus::read(&buffer)?, SevPlatformStatus::get(&buffer)), (status, status));
//! let page = sevcrypt::PhysAddr::new(0x10_0000)?;
//! assert_eq!(machine.mailbox(CommandId(0xfff), page), Status::INVALID_COMMAND);
//! let pages = [(0x20_0000, PageSize::Size4K)]; // many launch updates in one; here there is no such guest
//! let failed = machine.launch_update_pages(page.get(), &pages, PageType::Normal, Backend::best()).unwrap_err();
//! assert_eq!((failed.index, failed.status), (0, Status::INVALID_GUEST));
//! assert!(SevPlatformStatus::ID.is_legacy() && !SnpConfig::ID.is_legacy());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod legacy;
mod snp;

pub use legacy::*;
pub use snp::*;

use core::fmt;

use crate::status::Status;

/// The number of a command.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommandId(pub u32);

/// A command with its buffer, as a host writes it.
pub trait Command: Sized {
    /// Its number.
    const ID: CommandId;
    /// The bytes of its buffer.
    const LEN: usize;

    /// Writes the fields to their places in a buffer that has [`LEN`](Self::LEN) bytes, and nothing else.
    ///
    /// ```
    /// use sevcrypt::platform::command::{Command, SnpShutdownEx};
    ///
    /// let mut buffer = [0xff; SnpShutdownEx::LEN];
    /// SnpShutdownEx { len: 8, flags: 1 }.put(&mut buffer);
    /// assert_eq!(buffer, [8, 0, 0, 0, 1, 0, 0, 0]);
    /// ```
    fn put(&self, buffer: &mut [u8]);

    /// Reads the fields of a buffer that has [`LEN`](Self::LEN) bytes, whatever stands beside them.
    fn get(buffer: &[u8]) -> Self;

    /// Writes the buffer; reserved bytes are zero.
    fn write(&self, buffer: &mut [u8]) {
        buffer.fill(0);
        self.put(buffer);
    }

    /// Reads the fields of a buffer that has [`LEN`](Self::LEN) bytes.
    ///
    /// # Errors
    /// `INVALID_PARAM`: a byte that belongs to no field is not zero.
    fn read(buffer: &[u8]) -> Result<Self, Status>;
}

/// A number or bytes in a command buffer, little-endian.
pub(super) trait Field: Copy {
    fn put(self, to: &mut [u8]);
    fn get(from: &[u8]) -> Self;
}

macro_rules! numbers {
    ($($number:ty),+) => {$(
        impl Field for $number {
            fn put(self, to: &mut [u8]) {
                to.copy_from_slice(&self.to_le_bytes());
            }

            fn get(from: &[u8]) -> Self {
                let mut bytes = [0; size_of::<Self>()];
                bytes.copy_from_slice(from);
                Self::from_le_bytes(bytes)
            }
        }
    )+};
}

numbers!(u8, u16, u32, u64);

impl<const N: usize> Field for [u8; N] {
    fn put(self, to: &mut [u8]) {
        to.copy_from_slice(&self);
    }

    fn get(from: &[u8]) -> Self {
        let mut bytes = [0; N];
        bytes.copy_from_slice(from);
        bytes
    }
}

/// Declares commands: documentation, name, number, length of the buffer, then fields with their places. Places lie in the buffer: a
/// constant says so. What no field covers is reserved and zero.
macro_rules! commands {
    ($(
        $(#[$doc:meta])*
        $name:ident = $id:literal, $len:literal {
            $($(#[$field_doc:meta])* $field:ident: $type:ty = $at:literal,)*
        }
    )+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
            pub struct $name {
                $($(#[$field_doc])* pub $field: $type,)*
            }

            impl Default for $name {
                fn default() -> Self {
                    Self { $($field: Field::get(&[0; size_of::<$type>()]),)* }
                }
            }

            impl Command for $name {
                const ID: CommandId = CommandId($id);
                const LEN: usize = $len;

                #[allow(unused_variables, reason = "a command may have no field")]
                fn put(&self, buffer: &mut [u8]) {
                    $(const {
                        let end = $at + size_of::<$type>();
                        assert!(end <= $len);
                    })*
                    $(self.$field.put(&mut buffer[$at..$at + size_of::<$type>()]);)*
                }

                #[allow(unused_variables, reason = "a command may have no field")]
                fn get(buffer: &[u8]) -> Self {
                    Self { $($field: Field::get(&buffer[$at..$at + size_of::<$type>()]),)* }
                }

                fn read(buffer: &[u8]) -> Result<Self, Status> {
                    let command = Self::get(buffer);
                    let mut same = [0; $len];
                    command.write(&mut same);
                    if buffer == same { Ok(command) } else { Err(Status::INVALID_PARAM) }
                }
            }
        )+
    };
}

use commands;

impl CommandId {
    /// Whether it is one of SEV's or SEV-ES's: below 80h.
    #[must_use]
    pub const fn is_legacy(self) -> bool {
        self.0 < 0x80
    }
}

impl fmt::Debug for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommandId({:#x})", self.0)
    }
}
