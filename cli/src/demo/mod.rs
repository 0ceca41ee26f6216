//! `sevcrypt demo`: what memory encryption does and does not do, what is measured at launch, what a report proves, and how an
//! owner and firmware share keys, computed and checked before your eyes.

mod attestation;
mod launch;
mod messages;
mod session;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use sevcrypt::mem::{self, MemoryCipher, Tweak, XtsUnit};
use sevcrypt::{Backend, Block, KeySize, PhysAddr};

use crate::failure::Failure;
use crate::measure::{self, Case};
use crate::mode::Mode;
use crate::output;
use crate::platform::image;

#[derive(Args, Default)]
pub(crate) struct Options {
    /// Leave the demo's files in this folder: the guest image, its ciphertext, the keys, a firmware, reports and certificates
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
}

/// Where the guest image lies in the machine.
const BASE: u64 = 0x1_0000_0000;
const KEY: [u8; 32] = *b"a key that the whole world knows";
const TWEAK_KEY: [u8; 32] = *b"and another one for XTS tweaks..";
const SECRET: &Block = b"balance: 1000000";

/// The guest image: 1 MiB with text a reader can find, the same secret in two pages.
fn image() -> Vec<u8> {
    let mut image: Vec<u8> = (0..1 << 20).map(|i| (i % 251) as u8).collect();
    for page in [2, 5] {
        image[4096 * page..][..16].copy_from_slice(SECRET);
    }
    image
}

fn addr(offset: u64) -> Result<PhysAddr, Failure> {
    PhysAddr::new(BASE + offset).map_err(Failure::usage)
}

fn xor(a: Block, b: Block) -> Block {
    std::array::from_fn(|i| a[i] ^ b[i])
}

fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

/// A statement of the demo that turned out wrong: the library has a bug.
fn hold(statement: &str, holds: bool) -> Result<(), Failure> {
    if holds {
        Ok(())
    } else {
        Err(Failure::usage(format_args!("this should hold and does not: {statement}")))
    }
}

fn encrypted(cipher: &MemoryCipher, at: PhysAddr, mut block: Block) -> Result<Block, Failure> {
    cipher.encrypt(at, &mut block).map_err(Failure::usage)?;
    Ok(block)
}

fn decrypted(cipher: &MemoryCipher, at: PhysAddr, mut block: Block) -> Result<Block, Failure> {
    cipher.decrypt(at, &mut block).map_err(Failure::usage)?;
    Ok(block)
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let backend = Backend::best();
    let short: &[u8; 16] = KEY.first_chunk().ok_or_else(|| Failure::usage("a key of 16 bytes"))?;
    let linear = || Tweak::from_seed(b"the random bytes of one boot");
    let xe = MemoryCipher::xe(short, linear(), backend).map_err(Failure::usage)?;
    let xex = MemoryCipher::xex(short, linear(), backend).map_err(Failure::usage)?;
    let xts_tweak = Tweak::xts(&TWEAK_KEY, XtsUnit::Page, backend);
    let xts = MemoryCipher::xts(&KEY, xts_tweak, backend).map_err(Failure::usage)?;
    let image = image();
    let (p, q) = (addr(2 * 4096)?, addr(5 * 4096)?);
    let out = &mut io::stdout().lock();

    writeln!(out, "sevcrypt: the memory encryption of AMD SEV in software (backend {backend})\n")?;
    writeln!(
        out,
        "A guest image of {} bytes lies in DRAM from {} on. Two of its pages begin with the same",
        image.len(),
        addr(0)?
    )?;
    writeln!(
        out,
        "16 bytes, {:?}. All keys of this demo are public.\n",
        String::from_utf8_lossy(SECRET)
    )?;

    writeln!(out, "1. One text, two addresses. XTS-AES-256, the mode of Zen 4 and Zen 5:")?;
    let (at_p, at_q) = (encrypted(&xts, p, *SECRET)?, encrypted(&xts, q, *SECRET)?);
    writeln!(out, "     DRAM at {p}: {}\n     DRAM at {q}: {}", hex(&at_p), hex(&at_q))?;
    hold("two addresses, two ciphertexts", at_p != at_q)?;
    writeln!(out, "   The address is part of the cipher, so equal pages do not show.\n")?;

    writeln!(out, "2. One address, two moments:")?;
    let changed = encrypted(&xts, p, *b"balance: 0000000")?;
    let again = encrypted(&xts, p, *SECRET)?;
    writeln!(
        out,
        "     at first: {}\n     changed:  {}\n     restored: {}",
        hex(&at_p),
        hex(&changed),
        hex(&again)
    )?;
    hold("one address, one ciphertext", at_p == again && at_p != changed)?;
    writeln!(
        out,
        "   Who watches DRAM sees that the old value is back (CipherLeaks 2021), and who puts the old"
    )?;
    writeln!(
        out,
        "   ciphertext back makes the guest read it. No mode prevents that: nothing authenticates memory.\n"
    )?;

    let tweak =
        |at| xe.tweak().value(at).ok_or_else(|| Failure::usage("an address inside the table"));
    let d = xor(tweak(p)?, tweak(q)?);
    writeln!(
        out,
        "3. Ciphertext moved from {p} to {q} under XE, the mode of the first Zen 1 parts:"
    )?;
    let read = decrypted(&xe, q, encrypted(&xe, p, *SECRET)?)?;
    writeln!(
        out,
        "     the guest reads:       {}\n     secret ^ T(p) ^ T(q):  {}",
        hex(&read),
        hex(&xor(*SECRET, d))
    )?;
    hold("XE: D(q, E(p, m)) = m ^ T(p) ^ T(q)", read == xor(*SECRET, d))?;
    writeln!(
        out,
        "   The change does not depend on the key: code can be moved to where it does harm (Du et al. 2017).\n"
    )?;

    writeln!(out, "4. The same under XEX, the mode of later Zen 1 parts, Zen 2 and Zen 3:")?;
    let plain_move = decrypted(&xex, q, encrypted(&xex, p, *SECRET)?)?;
    let corrected = decrypted(&xex, q, xor(encrypted(&xex, p, *SECRET)?, d))?;
    writeln!(out, "     moved as it is, the guest reads: {}", hex(&plain_move))?;
    writeln!(out, "     ciphertext ^ T(p) ^ T(q):        {}", hex(&corrected))?;
    hold(
        "XEX: D(q, E(p, m) ^ d) = m ^ d",
        corrected == xor(*SECRET, d) && plain_move != corrected,
    )?;
    writeln!(
        out,
        "   One xor more, and the move works as before, if the constants are known: on Zen 1 they were fixed"
    )?;
    writeln!(
        out,
        "   and have been measured (SEVurity 2020); later parts draw them at each boot.\n"
    )?;

    writeln!(out, "5. The same under XTS:")?;
    let noise = decrypted(&xts, q, encrypted(&xts, p, *SECRET)?)?;
    writeln!(out, "     the guest reads: {}", hex(&noise))?;
    let known = xts.tweak().value(p).zip(xts.tweak().value(q)).map(|(a, b)| xor(a, b));
    hold(
        "XTS: a moved block is noise",
        noise != *SECRET && known.is_some_and(|d| noise != xor(*SECRET, d)),
    )?;
    writeln!(out, "   The tweaks come from a secret key, so there is nothing to correct with.\n")?;

    writeln!(
        out,
        "6. The host may move a page, with the firmware's help: decrypted at {p}, encrypted at {q}."
    )?;
    let mut dram = image.clone();
    xts.encrypt(addr(0)?, &mut dram[..]).map_err(Failure::usage)?;
    hold("the image in DRAM is not the image", dram != image)?;
    let ciphertext = dram.clone();
    let (low, high) = dram.split_at_mut(5 * 4096);
    mem::move_page((&xts, p), (&xts, q), &low[2 * 4096..3 * 4096], &mut high[..4096])
        .map_err(Failure::usage)?;
    xts.decrypt(q, &mut high[..4096]).map_err(Failure::usage)?;
    hold("a moved page is the page", high[..4096] == image[2 * 4096..3 * 4096])?;
    writeln!(out, "     the guest reads: {:?}\n", String::from_utf8_lossy(&high[..16]))?;

    throughput(out, backend)?;
    writeln!(out)?;
    launch::show(out)?;
    writeln!(out)?;
    messages::show(out)?;
    writeln!(out)?;
    attestation::show(out)?;
    writeln!(out)?;
    session::show(out)?;

    let folder = match &options.write {
        Some(folder) => {
            write_files(folder, &image, &ciphertext)?;
            writeln!(
                out,
                "\nThe guest image, its ciphertext, the keys, a firmware, reports and certificates are in {}.",
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

/// A page where pages lie.
#[repr(align(4096))]
struct Page([u8; 4096]);

/// One page of 4 KiB, on one thread.
fn throughput(out: &mut impl Write, backend: Backend) -> Result<(), Failure> {
    const PAGE: usize = 4096;
    let at = addr(0)?;
    let modes = [Mode::XexAes128, Mode::XtsAes256];
    let ciphers: Result<Vec<_>, _> =
        modes.into_iter().map(|mode| crate::bench::cipher(mode, backend)).collect();
    let ciphers = ciphers?;
    let cases: Vec<_> = ciphers
        .iter()
        .map(|cipher| Case {
            bytes: PAGE,
            calls: Box::new(move |_, calls| {
                let mut page = Page([0x5a; PAGE]);
                for _ in 0..calls {
                    cipher.encrypt(at, std::hint::black_box(&mut page.0)).expect("an aligned page");
                }
            }),
        })
        .collect();
    writeln!(
        out,
        "7. How fast: pages on one thread with {backend}, against what the AES units alone could do:"
    )?;
    for (mode, measured) in
        modes.iter().zip(measure::interleaved(&cases, 1, Duration::from_millis(300)))
    {
        let bound = measure::backend_bound(mode.key_size().rounds(), backend);
        let bits = if mode.key_size() == KeySize::Aes128 { "128" } else { "256" };
        writeln!(
            out,
            "     {:<11} {:5.2} GB/s, {:5.1} cycles for 64 bytes; AES-{bits} alone takes {bound:.1}: {:.0} % of the bound",
            mode.name(),
            PAGE as f64 / measured.ns,
            measured.c64,
            100.0 * bound / measured.c64,
        )?;
    }
    Ok(())
}

fn write_files(folder: &Path, image: &[u8], ciphertext: &[u8]) -> Result<(), Failure> {
    fs::create_dir_all(folder)
        .map_err(|error| Failure::usage(format_args!("{}: {error}", folder.display())))?;
    output::write_file(&folder.join("guest.img"), image)?;
    output::write_file(&folder.join("dram.img"), ciphertext)?;
    output::write_file(&folder.join("key.bin"), &KEY)?;
    output::write_file(&folder.join("tweak-key.bin"), &TWEAK_KEY)?;
    output::write_file(&folder.join("firmware.fd"), &image::firmware())?;
    attestation::files()
        .iter()
        .try_for_each(|(name, content)| output::write_file(&folder.join(name), content))
}

fn commands(folder: Option<&Path>) -> [String; 3] {
    let bench = "sevcrypt memory bench --mode xts-aes256".to_owned();
    let Some(folder) = folder else {
        return [
            "sevcrypt demo --write sev-demo".to_owned(),
            "sevcrypt memory backends".to_owned(),
            bench,
        ];
    };
    let file =
        |prefix: &str, name: &str| quoted(&format!("{prefix}{}", folder.join(name).display()));
    [
        format!(
            "sevcrypt memory decrypt --mode xts-aes256 --key {} --tweak-key {} --address {BASE:#x} {} {}",
            file("@", "key.bin"),
            file("@", "tweak-key.bin"),
            file("", "dram.img"),
            file("", "back.img"),
        ),
        format!(
            "sevcrypt verify {} --cert {} --cert {} --root {} --at {} # then wrong-report.bin, debug-report.bin",
            file("", "report.bin"),
            file("", "vcek.der"),
            file("", "ask.der"),
            file("", "ark.der"),
            attestation::TIME_TEXT,
        ),
        bench,
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
