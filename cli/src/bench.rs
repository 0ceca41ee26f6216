//! `sevcrypt memory bench`: the engine's throughput against the AES units and the memory.

use std::hint::black_box;
use std::io::{self, Write};
use std::sync::Mutex;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use sevcrypt::mem::{MemoryCipher, Tweak, XtsUnit};
use sevcrypt::{Backend, BackendKind, KeySize, PhysAddr};

use crate::failure::Failure;
use crate::measure::{self, Case, Measured};
use crate::mode::{self, Mode};

#[derive(Args)]
pub(crate) struct Options {
    /// Only this mode; may be given several times [default: all]
    #[arg(long, value_name = "MODE")]
    mode: Vec<Mode>,
    /// Only this backend; may be given several times [default: all that this CPU has]
    #[arg(long, value_name = "NAME", value_parser = mode::backend)]
    backend: Vec<Backend>,
    /// How many threads work at once, each on memory of its own
    #[arg(long, value_name = "N", value_parser = mode::threads, default_value = "1")]
    threads: usize,
    /// One JSON document instead of charts
    #[arg(long)]
    json: bool,
}

/// Working sets, each for the level of the memory that holds it on today's EPYC parts.
const SETS: &[(&str, &str, usize)] = &[
    ("page", "one page", 4 << 10),
    ("pages-l2", "256 KiB", 256 << 10),
    ("pages-l3", "8 MiB", 8 << 20),
    ("pages-dram", "128 MiB", 128 << 20),
];

/// How long the cases of one mode and working set are measured.
const BUDGET: Duration = Duration::from_millis(200);

/// One line of a chart.
struct Row {
    case: String,
    implementation: String,
    bytes: usize,
    measured: Measured,
    bound: Option<f64>,
}

impl Row {
    fn of_bound(&self) -> Option<f64> {
        self.bound.map(|bound| bound / self.measured.c64)
    }

    fn gb_per_s(&self, threads: usize) -> f64 {
        (self.bytes * threads) as f64 / self.measured.ns
    }
}

/// The width of the vectors that a backend gives to the AES units.
fn vector_bits(backend: Backend) -> usize {
    match backend.kind() {
        BackendKind::Portable | BackendKind::AesNi => 128,
        BackendKind::Vaes256 => 256,
        BackendKind::Vaes512 => 512,
        other => unreachable!("{other} has a width of its own, to be stated here"),
    }
}

/// A cipher with keys that nobody uses.
pub(crate) fn cipher(mode: Mode, backend: Backend) -> Result<MemoryCipher, Failure> {
    let unit = mode.xts_unit();
    let (key, tweak) = match mode.key_size() {
        KeySize::Aes128 => (&[1; 32][..16], unit.map(|unit| Tweak::xts(&[2; 16], unit, backend))),
        _ => (&[1; 32][..], unit.map(|unit| Tweak::xts(&[2; 32], unit, backend))),
    };
    mode.cipher(key, tweak.unwrap_or_else(|| Tweak::from_seed(b"bench")), backend)
}

/// The name of what is measured: `xts256-encrypt-page`.
fn case_name(mode: Mode, set: &str) -> String {
    let kind = mode.name().split('-').next().unwrap_or_default();
    let unit = if mode.xts_unit() == Some(XtsUnit::Line) { "-line-unit" } else { "" };
    let bits = if mode.key_size() == KeySize::Aes128 { 128 } else { 256 };
    format!("{kind}{bits}{unit}-encrypt-{set}")
}

/// Measures one mode on one working set: the memory itself, then every backend.
fn rows(mode: Mode, set: &str, bytes: usize, options: &Options) -> Result<Vec<Row>, Failure> {
    let addr = PhysAddr::new(0x1_0000_0000).map_err(Failure::usage)?;
    let backends = match &options.backend[..] {
        [] => Backend::available().rev().collect(),
        named => named.to_vec(),
    };
    let ciphers: Result<Vec<_>, _> =
        backends.iter().map(|&backend| cipher(mode, backend)).collect();
    let ciphers = ciphers?;
    let memories: Vec<_> =
        (0..options.threads).map(|_| Mutex::new(vec![0x5a_u8; bytes + 4096])).collect();
    let on = |thread: usize| memories[thread].lock().expect("no case panics");

    let mut cases = vec![Case {
        bytes,
        calls: Box::new(|thread, calls| {
            let mut memory = on(thread);
            let at = memory.as_ptr().align_offset(4096);
            let memory = &mut memory[at..][..bytes];
            for _ in 0..calls {
                black_box(&mut *memory).iter_mut().for_each(|byte| *byte ^= 0xa5);
            }
        }),
    }];
    for cipher in &ciphers {
        cases.push(Case {
            bytes,
            calls: Box::new(|thread, calls| {
                let mut memory = on(thread);
                let at = memory.as_ptr().align_offset(4096);
                let memory = &mut memory[at..][..bytes];
                for _ in 0..calls {
                    let done = cipher.encrypt(black_box(addr), black_box(&mut memory[..]));
                    done.expect("an aligned run");
                }
            }),
        });
    }
    let measured = measure::interleaved(&cases, options.threads, BUDGET);
    let bound = |backend| Some(measure::aes_bound(mode.key_size().rounds(), vector_bits(backend)));
    let names = backends.iter().map(|&backend| (format!("sevcrypt-{backend}"), bound(backend)));
    Ok(std::iter::once(("memory-in-place".to_owned(), None))
        .chain(names)
        .zip(measured)
        .map(|((implementation, bound), measured)| Row {
            case: case_name(mode, set),
            implementation,
            bytes,
            measured,
            bound,
        })
        .collect())
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let modes = match &options.mode[..] {
        [] => <Mode as clap::ValueEnum>::value_variants(),
        named => named,
    };
    let mut out = io::stdout().lock();
    let mut documents = Vec::new();
    if !options.json {
        let threads = options.threads;
        writeln!(
            out,
            "Encryption in place, {threads} thread(s), medians. c/64: cycles of one core for 64 bytes."
        )?;
        writeln!(
            out,
            "Bound: two AES instructions a cycle of the backend's width. Memory: reading and writing it."
        )?;
    }
    for &mode in modes {
        for (set, title, bytes) in SETS {
            let rows = rows(mode, set, *bytes, options)?;
            if options.json {
                documents.extend(rows.iter().map(document));
            } else {
                chart(&mut out, &format!("{}, {title}", mode.name()), &rows, options.threads)?;
            }
        }
    }
    if options.json {
        let machine = json!({
            "clock_ghz": measure::clock_ghz(),
            "arch": std::env::consts::ARCH,
            "os": std::env::consts::OS,
            "cpus": mode::all_cpus(),
            "threads": options.threads,
            "backends": Backend::available().map(|backend| backend.to_string()).collect::<Vec<_>>(),
        });
        writeln!(out, "{:#}", json!({ "machine": machine, "rows": documents }))?;
    }
    Ok(())
}

fn document(row: &Row) -> serde_json::Value {
    json!({
        "group": "memory",
        "case": row.case,
        "impl": row.implementation,
        "bytes": row.bytes,
        "ns": row.measured.ns,
        "c64": row.measured.c64,
        "of_bound": row.of_bound(),
    })
}

/// A bar per row, the longest for the fastest.
fn chart(out: &mut impl Write, title: &str, rows: &[Row], threads: usize) -> Result<(), Failure> {
    const WIDTH: f64 = 36.0;
    let fastest = rows.iter().map(|row| row.gb_per_s(threads)).fold(f64::MIN_POSITIVE, f64::max);
    writeln!(out, "\n{title}")?;
    for row in rows {
        let gb_per_s = row.gb_per_s(threads);
        let bar = "█".repeat((gb_per_s / fastest * WIDTH).round().max(1.0) as usize);
        let bound = match row.of_bound() {
            Some(of_bound) => format!("  {:3.0} % of the AES bound", 100.0 * of_bound),
            None => String::new(),
        };
        writeln!(
            out,
            "  {:<18} {bar:<36} {gb_per_s:7.2} GB/s {:7.1} c/64{bound}",
            row.implementation, row.measured.c64
        )?;
    }
    Ok(())
}
