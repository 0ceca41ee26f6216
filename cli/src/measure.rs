//! The one clock of the benchmarks: cases measured in turn, medians, cycles at the clock found beside them, and the
//! limit that the AES units set.
//!
//! Machines are shared and their clocks move. So every round runs each case once, next to each other, together with a
//! loop of known length that tells the core's clock; what is reported is the median of the rounds, and what is to be
//! compared is a ratio from one run or the number of cycles for 64 bytes.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// The least cycles that 64 bytes take on AES units that start two instructions a cycle of `vector_bits` bits each:
/// AMD since Zen 1 (128 bits), Zen 3 (256) and Zen 5 (512).
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

/// Something to measure.
pub struct Case<'a> {
    /// How many bytes one call works on, on one thread.
    pub bytes: usize,
    /// Makes so many calls on the thread of this number.
    pub calls: Box<dyn Fn(usize, u32) + Sync + 'a>,
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Nanoseconds of one call: the median of the rounds.
    pub ns: f64,
    /// Cycles of one core for 64 bytes: the median of the rounds.
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
    for round in 0.. {
        if round >= 5 && start.elapsed() >= budget || round == 101 {
            break;
        }
        for ((case, &calls), samples) in cases.iter().zip(&counts).zip(&mut samples) {
            let ns = timed(case, threads, calls).as_nanos() as f64 / f64::from(calls);
            let cycles = ns * clock_ghz();
            samples.push(Measured { ns, c64: cycles * 64.0 / case.bytes as f64 });
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
