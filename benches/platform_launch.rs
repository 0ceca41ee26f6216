//! The launch of a 256 MiB image on a machine, against what it cannot do without: the launch digest over the same pages, and their
//! encryption in place. All of one case are measured in turn; the medians are printed with what the machine adds to them, and, for
//! computers that do something else meanwhile, what it adds to the best of each.
//!
//! ```sh
//! cargo bench --features platform --bench platform_launch
//! ```

#![allow(missing_docs, reason = "a program")]

use std::time::{Duration, Instant};

use sevcrypt::hash::Workers;
use sevcrypt::mem::{MemoryCipher, Tweak, XtsUnit};
use sevcrypt::platform::command::{
    SnpActivate, SnpDecommission, SnpDfFlush, SnpGctxCreate, SnpInit, SnpLaunchStart,
};
use sevcrypt::platform::memory::Encryption;
use sevcrypt::platform::rand_core;
use sevcrypt::platform::{Chip, Machine, MachineConfig};
use sevcrypt::rmp::PageAssignment;
use sevcrypt::snp::launch::{LaunchDigest, PageType};
use sevcrypt::snp::tcb::Product;
use sevcrypt::{Asid, Backend, GuestPhysAddr, PageSize, PhysAddr};

#[path = "../tests/support/counting.rs"]
mod counting;

use counting::Counting;

const PAGE: usize = 4096;
const IMAGE: usize = 256 << 20;
const ROUNDS: usize = 9;
/// The guest's context, and where its image lies.
const GCTX: u64 = 0x1000;
const PLACE: u64 = 0x20_0000;

fn machine(encryption: Encryption) -> Machine {
    let chip = Chip::new(Product::Genoa, &[7; 48], &[8; 32]);
    let mut config = MachineConfig::new(&chip);
    config.encryption = encryption;
    let machine = Machine::new(chip, config, PLACE + IMAGE as u64, Counting(1)).expect("memory");
    machine.issue(&mut SnpInit {}).expect("a fresh machine");
    machine
}

/// Gives the image to a guest in LAUNCH, and takes the time of its pages.
fn launch(machine: &Machine, image: &[u8], workers: Workers) -> Duration {
    let rmp = machine.rmp();
    let firmware = PageAssignment::FIRMWARE.to_bytes();
    let _ = rmp.rmpupdate(Asid::HOST, GCTX, &firmware);
    machine.issue(&mut SnpGctxCreate { gctx_paddr: GCTX }).expect("a page of the firmware");
    let mut start =
        SnpLaunchStart { gctx_paddr: GCTX, policy: 0x3_0000, ..SnpLaunchStart::default() };
    machine.issue(&mut start).expect("a policy");
    // No page of the last round has the ASID.
    let hypervisor = PageAssignment::HYPERVISOR.to_bytes();
    let pages: Vec<_> =
        (0..IMAGE as u64).step_by(PAGE).map(|offset| (PLACE + offset, PageSize::Size4K)).collect();
    for (page, _) in &pages {
        rmp.rmpupdate(Asid::HOST, *page, &hypervisor).expect("the host's page");
    }
    machine.issue(&mut SnpActivate { gctx_paddr: GCTX, asid: 1 }).expect("an ASID");
    machine.host_write(PhysAddr::new(PLACE).expect("below 2^52"), image).expect("the host's pages");
    for (page, _) in &pages {
        let gpa = GuestPhysAddr::new(*page).expect("below 2^52");
        let guest = PageAssignment::guest(Asid::new(1), gpa, PageSize::Size4K).locked();
        rmp.rmpupdate(Asid::HOST, *page, &guest.to_bytes()).expect("the host's page");
    }
    let begin = Instant::now();
    machine.launch_update_pages(GCTX, &pages, PageType::Normal, workers).expect("pages of a guest");
    let time = begin.elapsed();
    machine.issue(&mut SnpDecommission { gctx_paddr: GCTX }).expect("a guest");
    machine.wbinvd();
    machine.issue(&mut SnpDfFlush {}).expect("written back");
    time
}

/// The median and the least.
fn of(mut times: Vec<Duration>) -> [f64; 2] {
    times.sort_unstable();
    [times[times.len() / 2], times[0]].map(|time| 1e3 * time.as_secs_f64())
}

fn main() {
    let backend = Backend::best();
    let image: Vec<u8> = (0..IMAGE).map(|n| (n % 251) as u8 | 1).collect();
    let mut memory = image.clone();
    println!("256 MiB, pages of 4 KiB, {backend}; medians of {ROUNDS}");
    println!(
        "cipher   threads  digest ms  cipher ms  machine ms  machine / (digest + cipher)  of the best"
    );
    for (name, encryption) in [("XEX-128", Encryption::Aes128), ("XTS-256", Encryption::Aes256Xts)]
    {
        let cipher = match encryption {
            Encryption::Aes128 => MemoryCipher::xex(&[1; 16], Tweak::from_seed(&[2; 32]), backend),
            _ => {
                let tweak = Tweak::xts(&[2; 32], XtsUnit::Page, backend);
                MemoryCipher::xts(&[1; 32], tweak, backend)
            }
        };
        let cipher = cipher.expect("a key");
        let machine = machine(encryption);
        for threads in [1, 2] {
            let workers = Workers::new(backend, threads);
            let [mut digests, mut ciphers, mut machines] = [const { Vec::new() }; 3];
            for _ in 0..ROUNDS {
                let gpa = GuestPhysAddr::new(PLACE).expect("below 2^52");
                let begin = Instant::now();
                let mut digest = LaunchDigest::new();
                digest
                    .update_bytes(workers, PageType::Normal, gpa, &image, &mut |_| {})
                    .expect("whole pages");
                digests.push(begin.elapsed());
                std::hint::black_box(digest);
                let begin = Instant::now();
                let place = PhysAddr::new(PLACE).expect("below 2^52");
                cipher.encrypt(place, &mut memory[..]).expect("whole blocks");
                ciphers.push(begin.elapsed());
                machines.push(launch(&machine, &image, workers));
            }
            let [digest, cipher, all] = [digests, ciphers, machines].map(of);
            let [ratio, best] = [0, 1].map(|n| all[n] / (digest[n] + cipher[n]));
            let [digest, cipher, all] = [digest[0], cipher[0], all[0]];
            println!(
                "{name}  {threads:7}  {digest:9.1}  {cipher:9.1}  {all:10.1}  {ratio:27.3}  {best:11.3}"
            );
        }
    }
}
