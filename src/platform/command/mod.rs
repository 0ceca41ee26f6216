//! Command buffers: what a host puts into the mailbox of the Secure Processor.

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
