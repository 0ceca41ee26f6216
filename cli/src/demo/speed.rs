//! How fast memory is enciphered.

use std::io::Write;
use std::time::Duration;

use sevcrypt::{Backend, KeySize, PhysAddr};

use crate::failure::Failure;
use crate::measure::{self, Case};
use crate::mode::Mode;

/// A page where pages lie.
#[repr(align(4096))]
struct Page([u8; 4096]);

/// One page of 4 KiB, on one thread.
pub(super) fn show(out: &mut impl Write) -> Result<(), Failure> {
    const PAGE: usize = 4096;
    let backend = Backend::best();
    let at = PhysAddr::new(0x1_0000_0000).map_err(Failure::usage)?;
    let modes = [Mode::XexAes128, Mode::XtsAes256];
    let ciphers: Result<Vec<_>, _> =
        modes.into_iter().map(|mode| crate::bench::cipher(mode, backend)).collect();
    let ciphers = ciphers?;
    let cases: Vec<_> = ciphers
        .iter()
        .map(|cipher| Case {
            bytes: PAGE,
            calls: Box::new(move |_, calls| {
                let mut page = Page([0x5a; PAGE]);
                for _ in 0..calls {
                    cipher.encrypt(at, std::hint::black_box(&mut page.0)).expect("an aligned page");
                }
            }),
        })
        .collect();
    writeln!(
        out,
        "12. How fast: pages on one thread with {backend}, against what the AES units alone could do:"
    )?;
    for (mode, measured) in
        modes.iter().zip(measure::interleaved(&cases, 1, Duration::from_millis(300)))
    {
        let bound = measure::backend_bound(mode.key_size().rounds(), backend);
        let bits = if mode.key_size() == KeySize::Aes128 { "128" } else { "256" };
        writeln!(
            out,
            "     {:<11} {:5.2} GB/s, {:5.1} cycles for 64 bytes; AES-{bits} alone takes {bound:.1}: {:.0} % of the bound",
            mode.name(),
            PAGE as f64 / measured.ns,
            measured.c64,
            100.0 * bound / measured.c64,
        )?;
    }
    Ok(())
}
