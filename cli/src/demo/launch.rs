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
use crate::platform::image;

/// A key that everybody knows; an owner's own stays with the owner.
const ID_KEY: [u8; 48] = *b"a key for ID blocks that the whole world knows..";
const COMMAND_LINE: &str = "console=ttyS0";

pub(super) fn show(out: &mut impl Write) -> Result<(), Failure> {
    let backend = Backend::best();
    let image = image::firmware();
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
