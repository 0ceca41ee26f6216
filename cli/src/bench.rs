//! `sevcrypt memory bench`: the engine's throughput by working set, against the AES units and the memory.

use std::hint::black_box;
use std::io::{self, Write};
use std::sync::Mutex;
use std::time::Duration;

use clap::Args;
use sevcrypt::mem::{MemoryCipher, Tweak, XtsUnit};
use sevcrypt::{Backend, Key, KeySize, PhysAddr};

use crate::failure::Failure;
use crate::measure::{self, Case, Row, WORKING_SETS, WorkingSet};
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

/// How long the cases of one mode and working set are measured.
const BUDGET: Duration = Duration::from_millis(200);

/// A cipher with keys that nobody uses.
pub(crate) fn cipher(mode: Mode, backend: Backend) -> Result<MemoryCipher, Failure> {
    let unit = mode.xts_unit();
    let (key, tweak) = match mode.key_size() {
        KeySize::Aes128 => {
            (Key::Aes128(&[1; 16]), unit.map(|unit| Tweak::xts(&[2; 16], unit, backend)))
        }
        _ => (Key::Aes256(&[1; 32]), unit.map(|unit| Tweak::xts(&[2; 32], unit, backend))),
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

/// Measures one mode on one working set: the memory itself, then every backend, then what the AES units allow.
fn rows(mode: Mode, set: &WorkingSet, options: &Options) -> Result<Vec<Row>, Failure> {
    let addr = PhysAddr::new(0x1_0000_0000).map_err(Failure::usage)?;
    let backends = match &options.backend[..] {
        [] => Backend::available().rev().collect(),
        named => named.to_vec(),
    };
    let ciphers: Result<Vec<_>, _> =
        backends.iter().map(|&backend| cipher(mode, backend)).collect();
    let ciphers = ciphers?;
    let memories: Vec<_> =
        (0..options.threads).map(|_| Mutex::new(vec![0x5a_u8; set.bytes])).collect();
    let on = |thread: usize| memories[thread].lock().expect("no case panics");

    let mut cases = vec![Case {
        bytes: set.bytes,
        calls: Box::new(|thread, calls| {
            let mut memory = on(thread);
            for _ in 0..calls {
                measure::memory_in_place(black_box(&mut memory));
            }
        }),
    }];
    for cipher in &ciphers {
        cases.push(Case {
            bytes: set.bytes,
            calls: Box::new(|thread, calls| {
                let mut memory = on(thread);
                for _ in 0..calls {
                    let done = cipher.encrypt(black_box(addr), black_box(&mut memory[..]));
                    done.expect("an aligned run");
                }
            }),
        });
    }
    let rounds = mode.key_size().rounds();
    let names = backends.iter().map(|&backend| {
        (format!("sevcrypt-{backend}"), Some(measure::backend_bound(rounds, backend)))
    });
    let case = case_name(mode, set.name);
    let mut rows: Vec<_> = std::iter::once(("memory-in-place".to_owned(), None))
        .chain(names)
        .zip(measure::interleaved(&cases, options.threads, BUDGET))
        .map(|((implementation, bound), measured)| Row {
            group: "memory",
            case: case.clone(),
            implementation,
            bytes: set.bytes,
            measured,
            bound,
        })
        .collect();
    let bound = measure::aes_bound(rounds, measure::aes_unit_bits());
    rows.push(Row::aes_bound("memory", case, set.bytes, bound));
    Ok(rows)
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let modes = match &options.mode[..] {
        [] => <Mode as clap::ValueEnum>::value_variants(),
        named => named,
    };
    let mut out = io::stdout().lock();
    let mut all = Vec::new();
    if !options.json {
        writeln!(
            out,
            "Encryption in place, GB/s by working set, {} thread(s), medians of interleaved rounds.",
            options.threads
        )?;
        writeln!(
            out,
            "aes-bound: two AES instructions a cycle, {} bits each. memory-in-place: reading and writing.",
            measure::aes_unit_bits()
        )?;
        writeln!(out, "of bound: the best of the row, of what the backend's vectors allow.")?;
    }
    for &mode in modes {
        let sets: Result<Vec<_>, _> =
            WORKING_SETS.iter().map(|set| rows(mode, set, options)).collect();
        if options.json {
            all.extend(sets?.into_iter().flatten());
        } else {
            chart(&mut out, mode.name(), &sets?, options.threads)?;
        }
    }
    if options.json {
        writeln!(out, "{:#}", measure::document(&all, options.threads))?;
    }
    Ok(())
}

/// How a chart shows the rows of a working set, in their order: memory, backends, AES bound.
fn symbol(index: usize, rows: usize) -> String {
    match index {
        0 => "M".to_owned(),
        last if last == rows - 1 => "=".to_owned(),
        backend => backend.to_string(),
    }
}

/// A chart with a column per working set, and the table of what it shows.
fn chart(
    out: &mut impl Write,
    title: &str,
    sets: &[Vec<Row>],
    threads: usize,
) -> Result<(), Failure> {
    const LINES: usize = 12;
    let count = sets.first().map_or(0, Vec::len);
    let speed = |set: usize, row: usize| sets[set][row].gb_per_s(threads).unwrap_or_default();
    // Memory may be many times faster than AES: it is drawn on the top line then.
    let fastest = (0..sets.len())
        .flat_map(|set| (1..count).map(move |row| speed(set, row)))
        .fold(f64::MIN_POSITIVE, f64::max);
    let step = 1.1 * fastest / LINES as f64;
    let line_of = |speed: f64| ((speed / step) as usize).min(LINES - 1);

    writeln!(out, "\n{title}")?;
    for line in (0..LINES).rev() {
        write!(out, "{:>17.1} | ", step * (line as f64 + 0.5))?;
        for set in 0..sets.len() {
            let symbols: String = (0..count)
                .filter(|&row| line_of(speed(set, row)) == line)
                .map(|row| symbol(row, count))
                .collect();
            write!(out, "{symbols:>8}")?;
        }
        writeln!(out)?;
    }
    write!(out, "{:>17} +-", "GB/s")?;
    for set in WORKING_SETS {
        write!(out, "{:->8}", format!(" {}", set.title))?;
    }
    writeln!(out, "  of bound")?;
    for row in 0..count {
        let name = sets[0][row].implementation.trim_start_matches("sevcrypt-");
        write!(out, "{} {name:<15} | ", symbol(row, count))?;
        for set in 0..sets.len() {
            write!(out, "{:>8.1}", speed(set, row))?;
        }
        let best = sets.iter().filter_map(|set| set[row].of_bound()).max_by(f64::total_cmp);
        match best {
            Some(best) if row < count - 1 => writeln!(out, "{:>8.0} %", 100.0 * best)?,
            _ => writeln!(out)?,
        }
    }
    Ok(())
}
