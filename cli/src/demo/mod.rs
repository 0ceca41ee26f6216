//! `sevcrypt demo`: the life of a confidential guest, on two machines in software, computed and checked before your eyes.

mod evidence;
mod journey;
mod machine;
mod speed;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use sevcrypt::Backend;

use crate::failure::Failure;
use crate::output;
use crate::platform::image;

use self::machine::Scene;

#[derive(Args, Default)]
pub(crate) struct Options {
    /// Leave the demo's files in this folder: firmware, its ciphertext in DRAM, a report, a wrong one, certificates
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
}

/// A statement of the demo that turned out wrong: the library has a bug.
fn hold(statement: &str, holds: bool) -> Result<(), Failure> {
    if holds {
        Ok(())
    } else {
        Err(Failure::usage(format_args!("this should hold and does not: {statement}")))
    }
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let out = &mut io::stdout().lock();
    writeln!(
        out,
        "sevcrypt: the life of a confidential guest, without the hardware (backend {})\n",
        Backend::best()
    )?;
    let firmware = image::firmware();
    let here = Scene::new(out)?;
    let home = here.host();
    let mut guest = machine::launch(out, &here, &home, &firmware)?;
    machine::attack(out, &here, &home, &mut guest)?;
    let evidence = evidence::report(out, &here, &home, &mut guest)?;
    evidence::key(out, &home, &mut guest)?;
    journey::swap(out, &here, &home, &mut guest)?;
    journey::migrate(out, &here, &home, guest)?;
    speed::show(out)?;

    let folder = match &options.write {
        Some(folder) => {
            write_files(folder, &firmware, &evidence)?;
            writeln!(
                out,
                "\nThe firmware, what DRAM has of it, reports and certificates are in {}.",
                folder.display()
            )?;
            Some(folder.as_path())
        }
        None => None,
    };
    writeln!(
        out,
        "\nTry next (in the source tree, `cargo run --release --` stands for `sevcrypt`):"
    )?;
    for command in commands(folder) {
        writeln!(out, "  {command}")?;
    }
    Ok(())
}

fn write_files(
    folder: &Path,
    firmware: &[u8],
    evidence: &evidence::Evidence,
) -> Result<(), Failure> {
    fs::create_dir_all(folder)
        .map_err(|error| Failure::usage(format_args!("{}: {error}", folder.display())))?;
    for (name, bytes) in [
        ("firmware.fd", firmware),
        ("dram.img", &evidence.dram),
        ("report.bin", &evidence.report),
        ("wrong-report.bin", &evidence.wrong_report()),
        ("vcek.der", &evidence.vcek),
        ("ask.der", &evidence.ask),
        ("ark.der", &evidence.ark),
    ] {
        output::write_file(&folder.join(name), bytes)?;
    }
    Ok(())
}

fn commands(folder: Option<&Path>) -> [String; 3] {
    let create =
        "sevcrypt platform create my-platform # then: platform run --dir my-platform -- COMMAND";
    let Some(folder) = folder else {
        return [
            "sevcrypt demo --write sev-demo".to_owned(),
            create.to_owned(),
            "sevcrypt memory bench --mode xts-aes256".to_owned(),
        ];
    };
    let file = |name: &str| quoted(&folder.join(name).display().to_string());
    [
        format!(
            "sevcrypt verify {} --cert {} --cert {} --root {} --allow migration-agent # then wrong-report.bin",
            file("report.bin"),
            file("vcek.der"),
            file("ask.der"),
            file("ark.der"),
        ),
        format!("sevcrypt measure snp --ovmf {} {}", file("firmware.fd"), machine::MEASURED_AS),
        create.to_owned(),
    ]
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@/._-+:=,".contains(c);
    if word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
