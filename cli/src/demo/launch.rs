//! The demo's launch: measured before it happens, explained, signed. The firmware is made here.

use std::io::Write;

use sevcrypt::ecdsa::SigningKey;
use sevcrypt::image::{KernelHashes, Launch, Log, Ovmf, Profile, VcpuType};
use sevcrypt::snp::id_block::{IdAuth, IdBlock, LaunchFinish};
use sevcrypt::snp::launch::{Suspects, explain, measure};
use sevcrypt::{Backend, Hex, Status};

use super::hold;
use crate::failure::Failure;
use crate::launch::print_runs;

/// A key that everybody knows; an owner's own stays with the owner.
const ID_KEY: [u8; 48] = *b"a key for ID blocks that the whole world knows..";
const COMMAND_LINE: &str = "console=ttyS0";

/// A firmware image of 64 KiB with the table that OVMF has behind its code.
pub(super) fn firmware() -> Vec<u8> {
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

pub(super) fn show(out: &mut impl Write) -> Result<(), Failure> {
    let backend = Backend::best();
    let image = firmware();
    let ovmf = Ovmf::parse(&image).map_err(Failure::usage)?;
    let cpu = VcpuType::by_name("EPYC-Milan").map_err(Failure::usage)?.signature();
    let mut launch = Launch::new(ovmf, cpu, &Profile::QEMU);
    let kernel = |line: &str| KernelHashes::new(b"the kernel", b"the initrd", line.as_bytes());
    launch.kernel = Some(kernel(COMMAND_LINE));
    launch.vcpus = 4;

    writeln!(
        out,
        "8. What will be measured of a guest that starts with firmware, a kernel and four vCPUs:"
    )?;
    let mut log = Log::default();
    let digest = measure(&launch, backend, &mut |step| log.push(*step)).map_err(Failure::usage)?;
    print_runs(&log, out)?;
    writeln!(out, "     measurement {}...", Hex(&digest[..24]))?;

    let mut other = launch.clone();
    other.kernel = Some(kernel(&format!("{COMMAND_LINE}\n")));
    let found = measure(&other, backend, &mut |_| {}).map_err(Failure::usage)?;
    writeln!(out, "   A host measured {}...: why?", Hex(&found[..24]))?;
    let mut suspects = Suspects::usual();
    suspects.add_command_line(COMMAND_LINE);
    let why = explain(&launch, &found, &suspects, backend).map_err(Failure::usage)?;
    writeln!(out, "     {why}")?;
    hold(
        "the culprit is one change",
        why.changes.as_ref().is_some_and(|changes| changes.len() == 1),
    )?;

    let id_block = IdBlock::new(digest);
    let key = SigningKey::from_scalar(&ID_KEY).ok_or_else(|| Failure::usage("the demo's key"))?;
    let id = id_block.sign(&key.verifying_key(), &key).map_err(Failure::usage)?;
    let mut page = [0; 4096];
    IdAuth::write(&mut page, &id, None);
    writeln!(
        out,
        "   The owner signs an ID block over the measurement; the firmware starts nothing else:"
    )?;
    let mut finish = LaunchFinish {
        launch_digest: &digest,
        policy: id_block.policy,
        id_block: Some((id_block, IdAuth::from_bytes(&page))),
        auth_key_en: false,
    };
    for (what, launch_digest, expected) in [
        ("as signed:           ", &digest, Ok(())),
        ("another command line:", &found, Err(Status::BAD_MEASUREMENT)),
    ] {
        finish.launch_digest = launch_digest;
        let said = finish.check().map(drop).map_err(|why| why.status());
        hold("an ID block is for one measurement", said == expected)?;
        let said = said
            .map_or_else(|it| format!("the firmware says {it}"), |()| "the guest starts".into());
        writeln!(out, "     {what} {said}")?;
    }
    Ok(())
}
