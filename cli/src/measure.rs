//! The one clock of the benchmarks: cases measured in turn, medians, cycles at the clock found beside them, and the
//! limit that the AES units set.
//!
//! Machines are shared and their clocks move. So every round runs each case once, next to each other, together with a
//! loop of known length that tells the core's clock; what is reported is the median of the rounds, and what is to be
//! compared is a ratio from one run or the number of cycles for 64 bytes.

use std::fs;
use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sevcrypt::Backend;

/// A working set, with its name in the names of cases and its size in bytes.
pub struct WorkingSet {
    /// `page`, `pages-l2`.
    pub name: &'static str,
    /// `4 KiB`.
    pub title: &'static str,
    /// The size in bytes: so many pages in a row.
    pub bytes: usize,
}

/// From one page in the L1 cache to DRAM; the named levels are those of today's EPYC parts.
pub const WORKING_SETS: &[WorkingSet] = &[
    WorkingSet { name: "page", title: "4 KiB", bytes: 4 << 10 },
    WorkingSet { name: "pages-16k", title: "16 KiB", bytes: 16 << 10 },
    WorkingSet { name: "pages-64k", title: "64 KiB", bytes: 64 << 10 },
    WorkingSet { name: "pages-l2", title: "256 KiB", bytes: 256 << 10 },
    WorkingSet { name: "pages-1m", title: "1 MiB", bytes: 1 << 20 },
    WorkingSet { name: "pages-l3", title: "8 MiB", bytes: 8 << 20 },
    WorkingSet { name: "pages-32m", title: "32 MiB", bytes: 32 << 20 },
    WorkingSet { name: "pages-dram", title: "128 MiB", bytes: 128 << 20 },
];

/// The least cycles that 64 bytes take on AES units that start two instructions a cycle of `vector_bits` bits each.
///
/// ```
/// use sevcrypt_cli::measure::aes_bound;
///
/// assert_eq!(aes_bound(10, 128), 20.0);
/// assert_eq!(aes_bound(14, 512), 7.0);
/// ```
#[must_use]
pub fn aes_bound(rounds: usize, vector_bits: usize) -> f64 {
    let instructions = rounds as f64 * 512.0 / vector_bits as f64;
    instructions / 2.0
}

/// The width of this CPU's AES units: the widest vector of which they start two AES instructions a cycle. 512 bits for
/// AMD since Zen 5; 256 for other CPUs with VAES, which cut longer vectors in halves or start one a cycle; else 128.
#[must_use]
pub fn aes_unit_bits() -> usize {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("vaes") {
        let amd = cpu_info("vendor_id").is_some_and(|vendor| vendor == "AuthenticAMD");
        let family = cpu_info("cpu family").and_then(|family| family.parse().ok());
        return if amd && family.is_some_and(|family: u32| family >= 26) { 512 } else { 256 };
    }
    128
}

/// The width of the vectors that a backend of this name gives to the AES units.
#[must_use]
pub fn vector_bits(backend: &str) -> usize {
    [512, 256].into_iter().find(|bits| backend.ends_with(&bits.to_string())).unwrap_or(128)
}

/// The least cycles that 64 bytes take with this backend on this CPU.
#[must_use]
pub fn backend_bound(rounds: usize, backend: Backend) -> f64 {
    aes_bound(rounds, vector_bits(backend.kind().name()).min(aes_unit_bits()))
}

/// A line of what Linux says about the first CPU; `None` on other systems.
fn cpu_info(key: &str) -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    let mut values = fields.filter(|(name, _)| name.trim() == key).map(|(_, value)| value);
    values.next().map(|value| value.trim().to_owned())
}

/// One line of a table: what was done, by whom, how fast.
pub struct Row {
    /// The family of cases, `memory`.
    pub group: &'static str,
    /// What was done: `xts256-encrypt-page`.
    pub case: String,
    /// Who did it: `sevcrypt-aesni`.
    pub implementation: String,
    /// How many bytes one call worked on, on one thread; 0 where bytes are not what counts.
    pub bytes: usize,
    /// How long it took.
    pub measured: Measured,
    /// The least that it takes, where there is a limit: cycles for 64 bytes, or nanoseconds where bytes are not what
    /// counts.
    pub bound: Option<f64>,
}

impl Row {
    /// The row that stands for the limit itself, at the clock of the moment.
    #[must_use]
    pub fn aes_bound(group: &'static str, case: String, bytes: usize, bound: f64) -> Self {
        let ns = bound * bytes as f64 / 64.0 / clock_ghz();
        let measured = Measured { ns, c64: bound };
        let implementation = "aes-bound".to_owned();
        Self { group, case, implementation, bytes, measured, bound: Some(bound) }
    }

    /// Cycles of one core for 64 bytes.
    #[must_use]
    pub fn c64(&self) -> Option<f64> {
        (self.bytes > 0).then_some(self.measured.c64)
    }

    /// The limit divided by what was measured: 1 is as fast as can be.
    #[must_use]
    pub fn of_bound(&self) -> Option<f64> {
        Some(self.bound? / self.c64().unwrap_or(self.measured.ns))
    }

    /// Bytes in a nanosecond, of all threads together.
    #[must_use]
    pub fn gb_per_s(&self, threads: usize) -> Option<f64> {
        (self.bytes > 0).then(|| (self.bytes * threads) as f64 / self.measured.ns)
    }
}

/// The benchmarks' common form: the machine and the rows as one JSON document.
#[must_use]
pub fn document(rows: &[Row], threads: usize) -> Value {
    let row = |row: &Row| {
        json!({
            "group": row.group,
            "case": row.case,
            "impl": row.implementation,
            "bytes": row.bytes,
            "ns": row.measured.ns,
            "c64": row.c64(),
            "of_bound": row.of_bound(),
        })
    };
    json!({
        "machine": {
            "cpu": cpu_info("model name"),
            "clock_ghz": clock_ghz(),
            "aes_unit_bits": aes_unit_bits(),
            "arch": std::env::consts::ARCH,
            "os": std::env::consts::OS,
            "cpus": thread::available_parallelism().ok(),
            "threads": threads,
            "backends": Backend::available().map(|backend| backend.to_string()).collect::<Vec<_>>(),
        },
        "rows": rows.iter().map(row).collect::<Vec<_>>(),
    })
}

/// The baseline of every case: reads all bytes and writes all bytes, in place. It moves them by one line of 64 bytes,
/// because the platform's `memmove` uses the widest vectors that the CPU has; the last line is inverted where it stands.
pub fn memory_in_place(memory: &mut [u8]) {
    const LINE: usize = 64;
    memory.copy_within(LINE.min(memory.len()).., 0);
    let last = memory.len().saturating_sub(LINE);
    memory[last..].iter_mut().for_each(|byte| *byte = !*byte);
}

/// Something to measure.
pub struct Case<'a> {
    /// How many bytes one call works on, on one thread; 0 where bytes are not what counts.
    pub bytes: usize,
    /// Makes so many calls on the thread of this number.
    pub calls: Box<dyn Fn(usize, u32) + Sync + 'a>,
}

/// What was measured: the medians of the rounds, for one call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Nanoseconds.
    pub ns: f64,
    /// Cycles of one core for 64 bytes; not finite where a call works on no bytes.
    pub c64: f64,
}

/// Measures the cases in turn for about `budget`, at least five rounds of each, on `threads` threads at once.
#[must_use]
pub fn interleaved(cases: &[Case<'_>], threads: usize, budget: Duration) -> Vec<Measured> {
    const SAMPLE: Duration = Duration::from_micros(500);
    let counts: Vec<u32> = cases
        .iter()
        .map(|case| {
            let (mut calls, mut time) = (1, timed(case, threads, 1));
            while time < SAMPLE && calls < 1 << 24 {
                calls *= 2;
                time = timed(case, threads, calls);
            }
            calls
        })
        .collect();
    let mut samples = vec![Vec::new(); cases.len()];
    let start = Instant::now();
    let mut clock = clock_ghz();
    for round in 0.. {
        if round >= 5 && start.elapsed() >= budget || round == 101 {
            break;
        }
        // Each round begins with another case, so that none always follows the same neighbour.
        for index in (0..cases.len()).map(|index| (index + round) % cases.len()) {
            let (case, calls) = (&cases[index], counts[index]);
            let ns = timed(case, threads, calls).as_nanos() as f64 / f64::from(calls);
            let (before, after) = (clock, clock_ghz());
            clock = after;
            let cycles = ns * (before + after) / 2.0;
            samples[index].push(Measured { ns, c64: cycles * 64.0 / case.bytes as f64 });
        }
    }
    samples
        .iter()
        .map(|samples| Measured {
            ns: median(samples.iter().map(|sample| sample.ns)),
            c64: median(samples.iter().map(|sample| sample.c64)),
        })
        .collect()
}

/// How long so many calls take, on so many threads at the same time.
fn timed(case: &Case<'_>, threads: usize, calls: u32) -> Duration {
    if threads == 1 {
        let start = Instant::now();
        (case.calls)(0, calls);
        return start.elapsed();
    }
    let barrier = Barrier::new(threads);
    let run = |thread| {
        barrier.wait();
        let start = Instant::now();
        (case.calls)(thread, calls);
        start.elapsed()
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || run(thread))).collect();
        let times = running.into_iter().map(|thread| thread.join().expect("a case does not panic"));
        times.max().unwrap_or_default()
    })
}

/// The clock of the core that runs this, in cycles per nanosecond: a chain of exclusive ors (1 cycle) and 64-bit
/// multiplications (3 cycles; AMD since Zen 1, Intel since Nehalem), timed.
#[must_use]
pub fn clock_ghz() -> f64 {
    const STEPS: u32 = 10_000;
    let (factor, mask) = (black_box(0x9e37_79b9_7f4a_7c15_u64), black_box(0xd1b5_4a32_d192_ed03));
    // The best of three: what disturbs a chain can only make it longer.
    let best = (0..3).map(|_| {
        let mut x = black_box(1u64);
        let start = Instant::now();
        for _ in 0..STEPS {
            x = (x ^ mask).wrapping_mul(factor);
        }
        black_box(x);
        start.elapsed().as_nanos() as f64
    });
    f64::from(4 * STEPS) / best.fold(f64::INFINITY, f64::min)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_of_the_sorted_values() {
        assert_eq!(median([3.0, 1.0, 100.0].into_iter()), 3.0);
        assert_eq!(median([2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0].into_iter()), 4.0);
        assert!(median(std::iter::empty()).is_nan());
    }

    #[test]
    fn the_bound_follows_rounds_and_width() {
        assert_eq!(aes_bound(10, 512), 5.0);
        assert_eq!(aes_bound(14, 256), 14.0);
        assert_eq!(aes_bound(14, 128), 28.0);
    }

    #[test]
    fn a_backend_is_as_wide_as_its_name_says() {
        let widths = ["portable", "aesni", "vaes256", "vaes512"].map(vector_bits);
        assert_eq!(widths, [128, 128, 256, 512]);
    }

    #[test]
    fn a_row_divides_by_its_bytes() {
        let measured = Measured { ns: 512.0, c64: 16.0 };
        let mut row = Row {
            group: "memory",
            case: "xts256-encrypt-page".to_owned(),
            implementation: "sevcrypt-aesni".to_owned(),
            bytes: 4096,
            measured,
            bound: Some(8.0),
        };
        assert_eq!(
            (row.c64(), row.of_bound(), row.gb_per_s(2)),
            (Some(16.0), Some(0.5), Some(16.0))
        );
        row.bytes = 0;
        row.bound = Some(128.0);
        assert_eq!((row.c64(), row.of_bound(), row.gb_per_s(2)), (None, Some(0.25), None));
    }

    #[test]
    fn the_memory_baseline_writes_every_line() {
        for lines in 0..4_u8 {
            let mut memory: Vec<u8> = (0..lines).flat_map(|line| [line; 64]).collect();
            memory_in_place(&mut memory);
            let want: Vec<u8> = (1..lines).chain((lines > 0).then(|| !(lines - 1))).collect();
            assert_eq!(memory, want.iter().flat_map(|&line| [line; 64]).collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_case_is_measured_by_itself() {
        let waits = |micros| Case {
            bytes: 0,
            calls: Box::new(move |_, calls| thread::sleep(Duration::from_micros(micros) * calls)),
        };
        let measured = interleaved(&[waits(200), waits(2000)], 2, Duration::ZERO);
        assert!(measured[0].ns >= 200e3 && measured[1].ns >= 2000e3);
        assert!(measured[0].ns < measured[1].ns);
    }
}
