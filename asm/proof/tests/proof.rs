//! Every linked kernel keeps its contract.

#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Mutex;
use std::thread;

use sevcrypt::{ArithmeticKind, BackendKind};
use sevcrypt_proof::contract::{Effort, Proof, Proved, hash_job, scratch};
use sevcrypt_proof::kernels::{FILES, Kernel, features, linked};
use sevcrypt_proof::machine::Program;

/// The instructions that a kernel may use, a mnemonic a line.
const ALLOWED: &str = include_str!("../../ALLOWED");

/// What an emulator or a user is told of a kernel: for which backends or arithmetics it was proved.
fn backends(kernel: &Kernel) -> String {
    let serving = BackendKind::ALL.iter().filter(|backend| kernel.serves(**backend));
    let computing = ArithmeticKind::ALL.iter().filter(|kind| kernel.computes(**kind));
    let names = serving.map(|backend| backend.name()).chain(computing.map(|kind| kind.name()));
    names.collect::<Vec<_>>().join(", ")
}

#[test]
fn every_kernel_keeps_its_contract() {
    let kernels = linked();
    let results: Mutex<Vec<(Kernel, Result<Proved, String>)>> = Mutex::default();
    let todo = Mutex::new(kernels.into_iter());
    let worker = || {
        loop {
            let Some(kernel) = todo.lock().unwrap().next() else { return };
            let result = Proof::new(&kernel).and_then(|mut proof| proof.run(Effort::Proof));
            results.lock().unwrap().push((kernel, result));
        }
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(worker);
        }
    });
    let (mut said, mut failed) = (String::new(), 0);
    for (kernel, result) in results.into_inner().unwrap() {
        match result {
            Ok(Proved { states, runs, steps }) => {
                said += &format!(
                    "proved {} ({}): {} bytes, {states} general states, {runs} runs, {steps} steps\n",
                    kernel.name(),
                    backends(&kernel),
                    kernel.bytes.len(),
                )
            }
            Err(why) => {
                failed += 1;
                said += &format!("NOT PROVED {why}\n");
            }
        }
    }
    // Past the test runner, which shows only what failed.
    std::io::stderr().write_all(said.as_bytes()).unwrap();
    assert_eq!(failed, 0, "the kernels named above do not keep their contracts");
}

#[test]
fn no_kernel_is_missing() {
    let found: BTreeSet<_> = linked().iter().map(Kernel::name).collect();
    let mut wanted = BTreeSet::new();
    for file in ["aes_schedule", "aes_blocks_aesni"] {
        wanted.extend(["aes128", "aes256"].map(|body| format!("{file}::{body}")));
    }
    wanted.extend(["ghash_aesni::any", "ghash_powers_aesni::any"].map(str::to_owned));
    wanted.insert("rsa_mulx::any".to_owned());
    let fields = ["mul", "sqr", "add", "sub", "half"];
    wanted.extend(fields.map(|body| format!("p384_mulx::{body}")));
    let hashes = ["sha384_vaes256::any", "sha384_vaes512::one", "sha384_vaes512::two"];
    wanted.extend(hashes.map(str::to_owned));
    for file in ["gcm_aesni", "gcm_vaes512"] {
        for size in ["aes128", "aes256"] {
            wanted.extend(["seal", "open"].map(|turn| format!("{file}::{size}_{turn}")));
        }
    }
    for backend in BackendKind::ALL.iter().filter(|kind| **kind != BackendKind::Portable) {
        for size in ["aes128", "aes256"] {
            wanted.insert(format!("ctr_{backend}::{size}"));
        }
        for shape in ["xex", "xts", "xts_lines"] {
            for size in ["aes128", "aes256"] {
                for direction in ["encrypt", "decrypt"] {
                    wanted.insert(format!("{shape}_{backend}::{size}_{direction}"));
                }
            }
        }
    }
    assert_eq!(found, wanted);
}

#[test]
fn every_file_of_kernels_is_known() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    let mut files: Vec<_> =
        names.filter_map(|name| name.strip_suffix(".S").map(str::to_owned)).collect();
    files.sort();
    assert_eq!(files, FILES);
}

/// The scratch that the headers ask for is what the proof allows, and no more than `src/kernel.rs` gives.
#[test]
fn scratch_is_what_the_headers_say() {
    let headers = [
        ("xts_aesni", include_str!("../../xts_aesni.S")),
        ("xts_vaes256", include_str!("../../xts_vaes256.S")),
        ("xts_vaes512", include_str!("../../xts_vaes512.S")),
    ];
    for (file, text) in headers {
        let (len, alignment) = scratch(file);
        let wanted = format!("rcx scratch   {len} bytes, {alignment}-byte aligned");
        assert!(text.contains(&wanted), "asm/{file}.S does not say: {wanted}");
        assert!(len <= 2368 && alignment <= 64, "more than `Scratch` of src/kernel.rs");
    }
}

/// So are the jobs of the hash kernels; `src/kernel.rs` asserts the same sizes of its own.
#[test]
fn jobs_are_what_the_headers_say() {
    let headers = [
        ("sha384_vaes256::any", include_str!("../../sha384_vaes256.S")),
        ("sha384_vaes512::one", include_str!("../../sha384_vaes512.S")),
        ("sha384_vaes512::two", include_str!("../../sha384_vaes512.S")),
    ];
    for (kernel, text) in headers {
        let len = hash_job(kernel).unwrap().to_string();
        let line = text.lines().find(|line| line.contains("rdi job")).unwrap();
        let numbers = line.split(|c: char| !c.is_ascii_digit());
        assert!(numbers.into_iter().any(|number| number == len), "{kernel}, {len}: {line}");
        assert!(line.contains("64-byte aligned"), "{kernel}: {line}");
    }
}

#[test]
fn a_backend_needs_what_its_bytes_use() {
    let kernels = linked();
    for &backend in BackendKind::ALL {
        let bytes = kernels.iter().filter(|kernel| kernel.serves(backend));
        let uses: BTreeSet<_> = bytes
            .flat_map(|kernel| Program::decode(&kernel.bytes, kernel.address).unwrap().instructions)
            .flat_map(|instruction| features(&instruction))
            .collect();
        let needs: BTreeSet<_> = backend.needs().iter().map(|feature| feature.name()).collect();
        assert_eq!(uses, needs, "{backend}: the CPU features of its bytes, and those asked for");
    }
}

/// What the code with vectors needs beside is the compiler's matter.
#[test]
fn the_arithmetic_needs_what_its_bytes_use() {
    let (kernels, arithmetic) = (linked(), ArithmeticKind::Mulx);
    let uses: BTreeSet<_> = kernels
        .iter()
        .filter(|kernel| kernel.computes(arithmetic))
        .flat_map(|kernel| Program::decode(&kernel.bytes, kernel.address).unwrap().instructions)
        .flat_map(|instruction| features(&instruction))
        .collect();
    let needs: BTreeSet<_> = arithmetic.needs().iter().map(|feature| feature.name()).collect();
    assert_eq!(uses, needs);
    let beside = ArithmeticKind::Ifma.needs().iter().map(|feature| feature.name()).collect();
    assert!(needs.is_subset(&beside));
}

#[test]
fn only_allowed_instructions() {
    let lines = ALLOWED.lines().map(|line| line.split('#').next().unwrap().trim());
    let allowed: BTreeSet<_> = lines.flat_map(str::split_whitespace).map(str::to_owned).collect();
    let used: BTreeSet<_> = linked()
        .iter()
        .flat_map(|kernel| Program::decode(&kernel.bytes, kernel.address).unwrap().instructions)
        .map(|instruction| format!("{:?}", instruction.mnemonic()).to_lowercase())
        .collect();
    let (foreign, idle): (Vec<_>, Vec<_>) =
        (used.difference(&allowed).collect(), allowed.difference(&used).collect());
    assert!(foreign.is_empty(), "used, and not on asm/ALLOWED: {foreign:?}");
    assert!(idle.is_empty(), "on asm/ALLOWED, and not used: {idle:?}");
}
