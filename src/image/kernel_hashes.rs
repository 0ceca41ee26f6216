//! The table with the hashes of a kernel, its initrd and its command line.

use sha2::{Digest as _, Sha256};

use super::uefi_guid;
use crate::addr::{PAGE, Page};
use crate::hash::Sha256Digest;

const TABLE: [u8; 16] = uefi_guid(0x9438d606_4f22_4cc9_b479_a793d411fd21);
const COMMAND_LINE: [u8; 16] = uefi_guid(0x97d02dd8_bd20_4c94_aa78_e7714d36ab2a);
const INITRD: [u8; 16] = uefi_guid(0x44baf731_3a2f_4bd7_9af1_41e29169781d);
const KERNEL: [u8; 16] = uefi_guid(0x4de79437_abd2_427f_b835_d5b172d2045b);

/// Bytes of GUID and length, before the data of the table and of each entry.
const HEADER: usize = 18;
/// Bytes of an entry.
const ENTRY: usize = HEADER + size_of::<Sha256Digest>();
/// Bytes of the table without the padding: its length field.
const TABLE_LEN: usize = HEADER + 3 * ENTRY;

/// SHA-256 of what a VMM boots without a boot loader. The VMM puts the hashes into a table in guest memory, which is
/// measured, and OVMF compares what it is given (`OvmfPkg/AmdSev/BlobVerifierLibSevHashes`; QEMU: `kernel-hashes=on`).
///
/// Hashes of files that are too long for memory can be put in as they are.
///
/// ```
/// use sevcrypt::image::KernelHashes;
///
/// let hashes = KernelHashes::new(b"kernel", b"initrd", b"console=ttyS0");
/// assert_eq!(hashes.table()[16..18], 168u16.to_le_bytes());
/// let page = hashes.page(0xc00).expect("there is room for 1024 bytes");
/// assert_eq!(page[0xc00..][..176], hashes.table());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KernelHashes {
    /// Of the kernel, with its setup header as it is in the file.
    pub kernel: Sha256Digest,
    /// Of the initrd; of no bytes if there is none.
    pub initrd: Sha256Digest,
    /// Of the command line and the NUL behind it; of the NUL if there is none.
    pub command_line: Sha256Digest,
}

impl KernelHashes {
    /// Bytes of the table: 168, and 8 zeroes to a multiple of 16.
    pub const TABLE: usize = TABLE_LEN.next_multiple_of(16);

    /// Of the files' bytes, empty for one that there is not. `command_line` comes without its NUL.
    ///
    /// A newline at the end of the command line counts: what the VMM is given is what is hashed. So does a NUL inside;
    /// a VMM that holds the command line as a C string ends it there, and so has another digest.
    #[must_use]
    pub fn new(kernel: &[u8], initrd: &[u8], command_line: &[u8]) -> Self {
        Self {
            kernel: Sha256::digest(kernel).into(),
            initrd: Sha256::digest(initrd).into(),
            command_line: Sha256::new()
                .chain_update(command_line)
                .chain_update([0])
                .finalize()
                .into(),
        }
    }

    /// The table as QEMU writes it: command line, initrd, kernel.
    ///
    /// ```text
    /// GUID 16 | length u16 = 168 | { GUID 16 | length u16 = 50 | SHA-256 32 } three times | 8 zeroes
    /// ```
    #[must_use]
    pub fn table(&self) -> [u8; Self::TABLE] {
        let mut table = [0; Self::TABLE];
        let (header, rest) = table.split_at_mut(HEADER);
        write_header(header, &TABLE, TABLE_LEN);
        let entries =
            [(COMMAND_LINE, self.command_line), (INITRD, self.initrd), (KERNEL, self.kernel)];
        for (out, (guid, digest)) in rest.chunks_exact_mut(ENTRY).zip(&entries) {
            let (header, hash) = out.split_at_mut(HEADER);
            write_header(header, guid, ENTRY);
            hash.copy_from_slice(digest);
        }
        table
    }

    /// A page of zeroes with the table at this offset, as it is measured under SEV-SNP; `None` if it does not fit.
    #[must_use]
    pub fn page(&self, offset: u32) -> Option<Page> {
        let mut page = [0; PAGE];
        let start = usize::try_from(offset).ok()?;
        let place = page.get_mut(start..)?.first_chunk_mut()?;
        *place = self.table();
        Some(page)
    }
}

/// Writes a GUID, and a length of at most a page.
fn write_header(out: &mut [u8], guid: &[u8; 16], length: usize) {
    let length = (length as u16).to_le_bytes();
    out.iter_mut().zip(guid.iter().chain(&length)).for_each(|(out, byte)| *out = *byte);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> std::string::String {
        base16ct::lower::encode_string(bytes)
    }

    /// The worked example of the legacy launch.
    #[test]
    fn known_answer() {
        let table = KernelHashes::new(b"kernel", b"initrd", b"console=ttyS0").table();
        assert_eq!(
            hex(&Sha256::digest(table)),
            "c1b2d6975c0ce0b6a60116dfc7710772454b8c44820d3e3ef310ad4f7c7f85a7"
        );
        assert_eq!(hex(&table[..18]), "06d63894224fc94cb479a793d411fd21a800");
        assert_eq!(hex(&table[18..36]), "d82dd09720bd944caa78e7714d36ab2a3200");
        assert_eq!(hex(&table[68..86]), "31f7ba442f3ad74b9af141e29169781d3200");
        assert_eq!(hex(&table[118..136]), "3794e74dd2ab7f42b835d5b172d2045b3200");
        assert_eq!(table[168..], [0; 8]);
    }

    #[test]
    fn what_is_not_there() {
        let KernelHashes { kernel, initrd, command_line } = KernelHashes::new(b"", b"", b"");
        let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!((hex(&kernel), hex(&initrd)), (nothing.into(), nothing.into()));
        assert_eq!(command_line, <[u8; 32]>::from(Sha256::digest([0])));
    }

    #[test]
    fn places() {
        let hashes = KernelHashes::new(b"k", b"i", b"c");
        for offset in 0..=PAGE {
            let page = hashes.page(offset.try_into().unwrap());
            assert_eq!(page.is_some(), offset <= 4096 - 176, "{offset}");
            if let Some(page) = page {
                let (before, rest) = page.split_at(offset);
                assert_eq!(rest[..176], hashes.table());
                let zeroes = before.iter().chain(&rest[176..]);
                assert!(zeroes.eq(std::iter::repeat_n(&0, 4096 - 176)));
            }
        }
        assert_eq!(hashes.page(u32::MAX), None);
    }
}
