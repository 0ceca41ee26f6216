//! The prover rejects kernels with a mistake.
//!
//! ```sh
//! cargo test --release -p sevcrypt-proof --test mutants                                    # a sample
//! cargo test --release -p sevcrypt-proof --test mutants -- --ignored --nocapture           # every mutant
//! cargo test --release -p sevcrypt-proof --test mutants -- --ignored --nocapture integers  # of the integers' kernels alone
//! ```

#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;

use sevcrypt::ArithmeticKind;
use sevcrypt_proof::contract::{Effort, Proof};
use sevcrypt_proof::kernels::{Kernel, linked};
use sevcrypt_proof::machine::Program;
use sevcrypt_proof::mutants::mutants;

/// What became of a kernel's mutants.
#[derive(Default)]
struct Tally {
    made: usize,
    /// Those that the prover takes, by the reason why they are right.
    equivalent: BTreeMap<&'static str, usize>,
    /// Those that it takes without one.
    missed: Vec<String>,
}

/// Gives every `step`th mutant of a kernel to the prover: to the fast sieve, and what passes it to all lengths, or without
/// a reason to be right to the whole proof.
fn tally(kernel: &Kernel, step: usize) -> Tally {
    let original = Program::decode(&kernel.bytes, kernel.address).expect("instructions");
    let mut proof = Proof::new(kernel).expect("instructions");
    let mut tally = Tally::default();
    for mutant in mutants(&original).step_by(step) {
        if tally.made % 100 == 99 {
            // What wrong kernels computed is kept nowhere.
            proof = Proof::new(kernel).expect("instructions");
        }
        tally.made += 1;
        let why = mutant.is_equivalent(&kernel.file);
        proof.program = mutant.program;
        let effort = why.map_or(Effort::Proof, |(_, effort)| effort);
        if proof.run(Effort::Sieve).is_err() || proof.run(effort).is_err() {
            continue;
        }
        match why {
            Some((why, _)) => *tally.equivalent.entry(why).or_default() += 1,
            None => tally.missed.push(format!("{} {}", kernel.name(), mutant.what)),
        }
    }
    tally
}

/// Whether a kernel is one of those for integers.
fn is_for_integers(kernel: &Kernel) -> bool {
    kernel.computes(ArithmeticKind::Mulx)
}

fn check(step: usize, is_meant: impl Fn(&Kernel) -> bool) {
    let kernels: Vec<_> = linked().into_iter().filter(is_meant).collect();
    assert!(!kernels.is_empty(), "kernels are linked");
    let (todo, sum) = (Mutex::new(kernels.into_iter()), Mutex::new(Tally::default()));
    let worker = || {
        loop {
            let Some(kernel) = todo.lock().unwrap().next() else { return };
            let tally = tally(&kernel, step);
            let mut sum = sum.lock().unwrap();
            sum.made += tally.made;
            sum.missed.extend(tally.missed);
            for (why, count) in tally.equivalent {
                *sum.equivalent.entry(why).or_default() += count;
            }
        }
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(worker);
        }
    });
    let sum = sum.into_inner().unwrap();
    let equivalent: usize = sum.equivalent.values().sum();
    println!("{} mutants, {} rejected", sum.made, sum.made - equivalent - sum.missed.len());
    for (why, count) in &sum.equivalent {
        println!("{count} are right: {why}");
    }
    assert!(sum.missed.is_empty(), "taken without a reason:\n{}", sum.missed.join("\n"));
}

#[test]
fn a_sample_of_mutants_is_rejected() {
    check(97, |_| true);
}

#[test]
#[ignore = "takes many minutes"]
fn every_mutant_of_the_others_is_rejected() {
    check(1, |kernel| !is_for_integers(kernel));
}

#[test]
#[ignore = "takes a minute"]
fn every_mutant_of_integers_is_rejected() {
    check(1, is_for_integers);
}
