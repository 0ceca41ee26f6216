//! Several implementations of one case: the same result first, then the time of each.

use std::hint::black_box;
use std::sync::Mutex;
use std::time::Duration;

use sevcrypt_cli::measure::{self, Case, Row};

/// The address of the first byte in every case: the first of a page.
pub(crate) const ADDR: u64 = 0x1_0000_0000;

/// Does its work on the memory so many times.
pub(crate) type Worker = Box<dyn FnMut(u32, &mut [u8]) + Send>;

/// A worker from what has to be done once, with memory at an address.
///
/// The address waits for the first byte of the result before: calls do not overlap, so that the time of one call is the
/// time that a caller waits for it.
pub(crate) fn repeat(mut work: impl FnMut(u64, &mut [u8]) + Send + 'static) -> Worker {
    Box::new(move |calls, memory| {
        let zero = black_box(0);
        for _ in 0..calls {
            let addr = ADDR + u64::from(memory[0] & zero);
            work(addr, black_box(&mut *memory));
        }
    })
}

/// An implementation with a worker for each thread.
pub(crate) struct Contestant {
    name: String,
    /// The least cycles for 64 bytes.
    bound: f64,
    workers: Vec<Mutex<Worker>>,
}

impl Contestant {
    /// `None` if the implementation does not offer what the case needs.
    pub(crate) fn new(
        name: impl Into<String>,
        bound: f64,
        threads: usize,
        worker: impl Fn() -> Option<Worker>,
    ) -> Option<Self> {
        let workers: Option<_> = (0..threads).map(|_| worker().map(Mutex::new)).collect();
        Some(Self { name: name.into(), bound, workers: workers? })
    }

    fn work(&self, thread: usize, calls: u32, memory: &mut [u8]) {
        (self.workers[thread].lock().expect("no worker panics"))(calls, memory);
    }
}

/// A case, to be held between contestants.
pub(crate) struct Contest {
    pub(crate) name: String,
    /// The memory of each thread.
    pub(crate) bytes: usize,
    pub(crate) threads: usize,
    pub(crate) budget: Duration,
}

impl Contest {
    /// Checks that all make the bytes that the first one makes, then measures all in turn, memory too.
    pub(crate) fn of_bytes(
        &self,
        contestants: &[Contestant],
        aes_bound: f64,
    ) -> Result<Vec<Row>, String> {
        let mut expected: Option<Vec<u8>> = None;
        for contestant in contestants {
            let mut memory = pattern(self.bytes);
            contestant.work(0, 1, &mut memory);
            match &expected {
                None => expected = Some(memory),
                Some(expected) => {
                    if let Some(at) = expected.iter().zip(&memory).position(|(a, b)| a != b) {
                        return Err(format!(
                            "{}: {} and {} make different bytes, the first at {at}",
                            self.name, contestants[0].name, contestant.name
                        ));
                    }
                }
            }
        }
        drop(expected);
        let mut rows = self.measured(contestants, self.bytes, true);
        rows.push(Row::aes_bound("memory", self.name.clone(), self.bytes, aes_bound));
        Ok(rows)
    }

    /// Measures calls that work on no memory.
    pub(crate) fn of_calls(&self, contestants: &[Contestant]) -> Vec<Row> {
        self.measured(contestants, 0, false)
    }

    fn measured(&self, contestants: &[Contestant], bytes: usize, baseline: bool) -> Vec<Row> {
        let memories: Vec<_> = (0..self.threads).map(|_| Mutex::new(pattern(self.bytes))).collect();
        let on = |thread: usize| memories[thread].lock().expect("no worker panics");
        let mut cases = Vec::new();
        let mut names = Vec::new();
        if baseline {
            names.push(("memory-in-place".to_owned(), None));
            cases.push(Case {
                bytes,
                calls: Box::new(|thread, calls| {
                    let mut memory = on(thread);
                    for _ in 0..calls {
                        measure::memory_in_place(black_box(&mut memory));
                    }
                }),
            });
        }
        for contestant in contestants {
            names.push((contestant.name.clone(), (bytes > 0).then_some(contestant.bound)));
            cases.push(Case {
                bytes,
                calls: Box::new(|thread, calls| contestant.work(thread, calls, &mut on(thread))),
            });
        }
        names
            .into_iter()
            .zip(measure::interleaved(&cases, self.threads, self.budget))
            .map(|((implementation, bound), measured)| Row {
                group: "memory",
                case: self.name.clone(),
                implementation,
                bytes,
                measured,
                bound,
            })
            .collect()
    }
}

/// Memory of which no two lines are equal.
fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes as u32).map(|i| (i.wrapping_mul(0x9e37_79b1) >> 24) as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contest() -> Contest {
        Contest { name: "test".to_owned(), bytes: 64, threads: 1, budget: Duration::ZERO }
    }

    fn xors(name: &str, value: u8) -> Contestant {
        let worker = || repeat(move |_, memory| memory.iter_mut().for_each(|byte| *byte ^= value));
        Contestant::new(name, 1.0, 1, || Some(worker())).expect("it is offered")
    }

    #[test]
    fn different_bytes_are_an_error() {
        let error = contest().of_bytes(&[xors("one", 1), xors("two", 2)], 1.0).err();
        assert_eq!(
            error.as_deref(),
            Some("test: one and two make different bytes, the first at 0")
        );
    }

    #[test]
    fn every_contestant_gets_a_row_between_the_baselines() {
        let rows = contest().of_bytes(&[xors("one", 3), xors("two", 3)], 1.0).expect("equal");
        let names: Vec<_> = rows.iter().map(|row| row.implementation.as_str()).collect();
        assert_eq!(names, ["memory-in-place", "one", "two", "aes-bound"]);
    }
}
