//! Several implementations of one case: the same result first, then the time of each.

use std::hint::black_box;
use std::iter;
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
    /// The least cycles for 64 bytes, where there is such a limit.
    bound: Option<f64>,
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
        Some(Self { name: name.into(), bound: Some(bound), workers: workers? })
    }

    /// One whose work has no limit that is known.
    pub(crate) fn unbounded(
        name: impl Into<String>,
        threads: usize,
        worker: impl Fn() -> Worker,
    ) -> Self {
        let workers = (0..threads).map(|_| Mutex::new(worker())).collect();
        Self { name: name.into(), bound: None, workers }
    }

    fn work(&self, thread: usize, calls: u32, memory: &mut [u8]) {
        (self.workers[thread].lock().expect("no worker panics"))(calls, memory);
    }
}

/// Says yes or no to inputs of one type.
pub(crate) struct Judge<I> {
    name: &'static str,
    answer: Mutex<Answer<I>>,
}

type Answer<I> = Box<dyn FnMut(&I) -> bool + Send>;

impl<I> Judge<I> {
    pub(crate) fn new(name: &'static str, answer: impl FnMut(&I) -> bool + Send + 'static) -> Self {
        Self { name, answer: Mutex::new(Box::new(answer)) }
    }

    /// The last one of so many answers.
    fn answer(&self, calls: u32, input: &I) -> bool {
        let mut answer = self.answer.lock().expect("no judge panics");
        (0..calls).fold(false, |_, _| black_box(answer(black_box(input))))
    }
}

/// The name of the judge that does nothing but the signature checks that a case cannot do without: its time is the bound
/// of ours.
pub(crate) const SUM_OF_CHECKS: &str = "sum-of-checks";

/// A case, to be held between contestants.
pub(crate) struct Contest {
    pub(crate) group: &'static str,
    pub(crate) name: String,
    /// The memory of each thread.
    pub(crate) bytes: usize,
    pub(crate) threads: usize,
    pub(crate) budget: Duration,
}

impl Contest {
    /// Checks that all make the bytes that the first one makes, then measures all in turn, memory and the AES units too.
    pub(crate) fn of_bytes(
        &self,
        contestants: &[Contestant],
        aes_units: Option<&Contestant>,
        aes_bound: f64,
    ) -> Result<Vec<Row>, String> {
        self.same_bytes(contestants)?;
        let memory = Contestant::unbounded("memory-in-place", self.threads, memory_in_place);
        let all = iter::once(&memory).chain(aes_units).chain(contestants);
        let mut rows = self.measured(all, self.bytes);
        rows.push(Row::aes_bound(self.group, self.name.clone(), self.bytes, aes_bound));
        Ok(rows)
    }

    /// As [`of_bytes`](Self::of_bytes) for contestants that need what they left in the memory: nobody else writes to it.
    pub(crate) fn of_texts(
        &self,
        contestants: &[Contestant],
        aes_bound: f64,
    ) -> Result<Vec<Row>, String> {
        self.same_bytes(contestants)?;
        let mut rows = self.measured(contestants, self.bytes);
        rows.push(Row::aes_bound(self.group, self.name.clone(), self.bytes, aes_bound));
        Ok(rows)
    }

    /// As [`of_bytes`](Self::of_bytes) for contestants that only read the memory, but for a few bytes of a result.
    pub(crate) fn of_results(&self, contestants: &[Contestant]) -> Result<Vec<Row>, String> {
        self.same_bytes(contestants)?;
        Ok(self.measured(contestants, self.bytes))
    }

    /// Checks that all make the bytes that the first one makes.
    fn same_bytes(&self, contestants: &[Contestant]) -> Result<(), String> {
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
        Ok(())
    }

    /// Measures calls that work on no memory.
    pub(crate) fn of_calls(&self, contestants: &[Contestant]) -> Vec<Row> {
        self.measured(contestants, 0)
    }

    /// Checks that all say yes to the one input and no to the others, then measures all in turn on the one, on one
    /// thread. An answer is about `share` things, and the time is that of one.
    pub(crate) fn of_answers<I: Sync>(
        &self,
        genuine: &I,
        others: &[I],
        judges: &[Judge<I>],
        share: u32,
    ) -> Result<Vec<Row>, String> {
        for judge in judges {
            let says = |what: String| format!("{}: {} {what}", self.name, judge.name);
            if !judge.answer(1, genuine) {
                return Err(says("refuses what is genuine".to_owned()));
            }
            if let Some(which) = others.iter().position(|other| judge.answer(1, other)) {
                return Err(says(format!("accepts the changed input number {which}")));
            }
        }
        let case = |judge| Case {
            bytes: 0,
            calls: Box::new(move |_, calls| {
                Judge::answer(judge, calls, genuine);
            }),
        };
        let cases: Vec<_> = judges.iter().map(case).collect();
        let mut measured = measure::interleaved(&cases, 1, self.budget);
        measured.iter_mut().for_each(|it| it.ns /= f64::from(share));
        let sum = judges.iter().position(|judge| judge.name == SUM_OF_CHECKS);
        let bound = sum.map(|index| measured[index].ns);
        let rows = judges.iter().zip(&measured).map(|(judge, &measured)| Row {
            group: self.group,
            case: self.name.clone(),
            implementation: judge.name.to_owned(),
            bytes: 0,
            measured,
            bound: bound.filter(|_| judge.name == "sevcrypt"),
        });
        Ok(rows.collect())
    }

    fn measured<'a>(
        &self,
        contestants: impl IntoIterator<Item = &'a Contestant>,
        bytes: usize,
    ) -> Vec<Row> {
        let memories: Vec<_> = (0..self.threads).map(|_| Mutex::new(pattern(self.bytes))).collect();
        let on = |thread: usize| memories[thread].lock().expect("no worker panics");
        let contestants: Vec<_> = contestants.into_iter().collect();
        let case = |contestant: &'a Contestant| Case {
            bytes,
            calls: Box::new(move |thread, calls| contestant.work(thread, calls, &mut on(thread))),
        };
        let cases: Vec<_> = contestants.iter().map(|contestant| case(contestant)).collect();
        contestants
            .iter()
            .zip(measure::interleaved(&cases, self.threads, self.budget))
            .map(|(contestant, measured)| Row {
                group: self.group,
                case: self.name.clone(),
                implementation: contestant.name.clone(),
                bytes,
                measured,
                bound: contestant.bound.filter(|_| bytes > 0),
            })
            .collect()
    }
}

/// The baseline of every case of bytes.
fn memory_in_place() -> Worker {
    Box::new(|calls, memory| {
        for _ in 0..calls {
            measure::memory_in_place(black_box(&mut *memory));
        }
    })
}

/// Memory of which no two lines are equal.
pub(crate) fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes as u32).map(|i| (i.wrapping_mul(0x9e37_79b1) >> 24) as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contest() -> Contest {
        let name = "test".to_owned();
        Contest { group: "memory", name, bytes: 64, threads: 1, budget: Duration::ZERO }
    }

    fn xors(name: &str, value: u8) -> Contestant {
        let worker = || repeat(move |_, memory| memory.iter_mut().for_each(|byte| *byte ^= value));
        Contestant::new(name, 1.0, 1, || Some(worker())).expect("it is offered")
    }

    #[test]
    fn different_bytes_are_an_error() {
        let error = contest().of_bytes(&[xors("one", 1), xors("two", 2)], None, 1.0).err();
        assert_eq!(
            error.as_deref(),
            Some("test: one and two make different bytes, the first at 0")
        );
    }

    #[test]
    fn every_contestant_gets_a_row_between_the_baselines() {
        // The AES units make no bytes, so that theirs are not compared.
        let units = xors("units", 4);
        let rows = contest()
            .of_bytes(&[xors("one", 3), xors("two", 3)], Some(&units), 1.0)
            .expect("equal");
        let names: Vec<_> = rows.iter().map(|row| row.implementation.as_str()).collect();
        assert_eq!(names, ["memory-in-place", "units", "one", "two", "aes-bound"]);
        let rows = contest().of_texts(&[xors("one", 3), xors("two", 3)], 1.0).expect("equal");
        let names: Vec<_> = rows.iter().map(|row| row.implementation.as_str()).collect();
        assert_eq!(names, ["one", "two", "aes-bound"]);
        let rows = contest().of_results(&[xors("one", 3), xors("two", 3)]).expect("equal");
        let names: Vec<_> = rows.iter().map(|row| row.implementation.as_str()).collect();
        assert_eq!(names, ["one", "two"]);
    }

    #[test]
    fn a_wrong_answer_is_an_error() {
        let judges = |least| {
            [Judge::new("one", |input| *input > 1), Judge::new("two", move |input| *input > least)]
        };
        let error = |least| contest().of_answers(&3, &[1, 0], &judges(least), 1).err();
        assert_eq!(error(2), None);
        assert_eq!(error(3).as_deref(), Some("test: two refuses what is genuine"));
        assert_eq!(error(0).as_deref(), Some("test: two accepts the changed input number 0"));
    }

    #[test]
    fn the_sum_of_the_checks_bounds_ours() {
        let judges =
            ["sevcrypt", "other", SUM_OF_CHECKS].map(|name| Judge::new(name, |_: &()| true));
        let rows = contest().of_answers(&(), &[], &judges, 1).expect("all say yes");
        let [own, other, sum] = &rows[..] else { panic!("a row for each") };
        assert_eq!((own.bound, other.bound, sum.bound), (Some(sum.measured.ns), None, None));
    }
}
