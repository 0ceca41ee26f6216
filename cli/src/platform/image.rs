//! The firmware image that guests here start from. It is made here, and runs on no processor.

use sevcrypt::image::CpuSignature;
use sevcrypt::platform::Chip;

use crate::failure::Failure;

/// The signature of a chip's vCPUs: CPUID Fn0000_0001 EAX.
pub(crate) fn cpu(chip: &Chip) -> Result<CpuSignature, Failure> {
    let cpu = chip.cpu();
    CpuSignature::from_parts(cpu.family.into(), cpu.model.into(), cpu.stepping.into())
        .ok_or_else(|| Failure::usage(format_args!("{cpu} has no signature")))
}

/// A firmware image of 64 KiB with the table that OVMF has behind its code.
pub(crate) fn firmware() -> Vec<u8> {
    const LEN: usize = 1 << 16;
    // Address, size and type: memory, secrets, CPUID, the hashes of the kernel.
    const SECTIONS: [[u32; 3]; 4] = [
        [0x80_0000, 0x9000, 1],
        [0x80_d000, 0x1000, 2],
        [0x80_e000, 0x1000, 3],
        [0x81_0000, 0x1000, 0x10],
    ];
    const METADATA: usize = LEN - 0x400;
    let words =
        |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    // Data, then the length of all and the GUID, its first three fields little-endian.
    let entry = |data: &[u8], guid: u128| {
        let mut guid = guid.to_be_bytes();
        for field in [0..4, 4..6, 6..8] {
            guid[field].reverse();
        }
        let length = (data.len() + 18) as u16;
        [data, &length.to_le_bytes(), &guid].concat()
    };
    let entries = [
        entry(&words(&[0x81_0c00, 0x400]), 0x7255371f_3a3b_4b04_927b_1da6efa8d454),
        entry(&words(&[0x80_b004]), 0x00f771de_1a7e_4fcb_890e_68c77e2fb44e),
        entry(&words(&[(LEN - METADATA) as u32]), 0xdc886566_984a_4798_a75e_5585a7bf67cc),
    ];
    let entries = entries.concat();
    // The footer's length is that of the whole table.
    let mut footer = entry(&[], 0x96b582de_1fb2_45f7_baea_a366c55a082d);
    let length = (entries.len() + footer.len()) as u16;
    footer[..2].copy_from_slice(&length.to_le_bytes());
    let table = [entries, footer].concat();
    let metadata = words(&[
        u32::from_le_bytes(*b"ASEV"),
        (16 + size_of_val(&SECTIONS)) as u32,
        1,
        SECTIONS.len() as u32,
    ]);
    let metadata = [metadata, words(SECTIONS.as_flattened())].concat();

    let mut image: Vec<u8> = (0..LEN).map(|i| (i % 251) as u8).collect();
    image[METADATA..][..metadata.len()].copy_from_slice(&metadata);
    let end = LEN - 32;
    image[end - table.len()..end].copy_from_slice(&table);
    image
}
