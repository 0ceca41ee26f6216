//! What the AES units of this CPU give at this moment: AES instructions on registers and nothing else.
//!
//! The computed bound trusts a clock that is found with scalar instructions. Where wide vectors lower the clock, or a neighbour
//! takes a part of the core, that says what nobody can reach; this loop is measured in the same rounds and has the same
//! conditions as the kernels beside it.

#![allow(unsafe_code, reason = "a loop in assembly")]

use sevcrypt::{Backend, BackendKind};
use sevcrypt_cli::measure;

use crate::contest::{Contestant, Worker};

/// The name of the row.
pub(crate) const AES_UNITS: &str = "aes-units";

/// How many vectors are on their way at a time: as many as hide the latency of every unit known.
const LANES: usize = 16;

/// The rounds of a cipher on as many blocks as the memory has, at the width of the fastest backend; the memory is not touched.
/// `None` if that backend has no AES instructions of its own.
pub(crate) fn contestant(rounds: usize, bound: f64, threads: usize) -> Option<Contestant> {
    let kind = Backend::best().kind();
    let pairs: fn(usize) = match kind {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a backend is available where the CPU has all that its kind needs: VAES and AVX-512F.
        BackendKind::Vaes512 => |pairs| unsafe { vaes512(pairs) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above: VAES and AVX.
        BackendKind::Vaes256 => |pairs| unsafe { vaes256(pairs) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above: AES-NI.
        BackendKind::AesNi => |pairs| unsafe { aesni(pairs) },
        _ => return None,
    };
    let bytes_at_a_time = LANES * measure::vector_bits(kind.name()) / 8;
    let worker = || -> Worker {
        Box::new(move |calls, memory| {
            let groups = (calls as usize * memory.len()).div_ceil(bytes_at_a_time);
            pairs((groups * rounds / 2).max(1));
        })
    };
    Contestant::new(AES_UNITS, bound, threads, || Some(worker()))
}

/// Declares a function that puts all lanes through so many pairs of rounds, at least one. Each lane is its own round key: its
/// value does not matter. The last round of a cipher takes the units as long as the others.
#[cfg(target_arch = "x86_64")]
macro_rules! pairs_of_rounds {
    ($(#[$doc:meta])* $name:ident, $instruction:literal, $end:literal) => {
        $(#[$doc])*
        unsafe fn $name(pairs: usize) {
            // SAFETY: the caller's CPU has the instructions; every register they write is declared.
            unsafe {
                std::arch::asm!(
                    ".p2align 5",
                    "2:",
                    ".rept 2",
                    ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
                    $instruction,
                    ".endr",
                    ".endr",
                    "dec {pairs}",
                    "jnz 2b",
                    $end,
                    pairs = inout(reg) pairs => _,
                    out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _,
                    out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
                    out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
                    out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
                    options(nomem, nostack),
                );
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
pairs_of_rounds! {
    /// # Safety
    /// The CPU has VAES and AVX-512F.
    vaes512, "vaesenc zmm\\n, zmm\\n, zmm\\n", "vzeroupper"
}

#[cfg(target_arch = "x86_64")]
pairs_of_rounds! {
    /// # Safety
    /// The CPU has VAES and AVX.
    vaes256, "vaesenc ymm\\n, ymm\\n, ymm\\n", "vzeroupper"
}

#[cfg(target_arch = "x86_64")]
pairs_of_rounds! {
    /// # Safety
    /// The CPU has AES-NI.
    aesni, "aesenc xmm\\n, xmm\\n", ""
}
