//! A freestanding program that cannot be linked where a panic can be reached: its panic handler calls a function that does
//! not exist, and the linker looks at what is used only.

#![no_std]
#![no_main]

use core::hint::black_box;

use sevcrypt::Backend;
use sevcrypt::gcm::MessageKey;
use sevcrypt::snp::report::Report;
use sevcrypt::snp::response;
use sevcrypt::snp::swap::MdataEntry;

unsafe extern "C" {
    /// Nowhere.
    fn a_panic_can_be_reached() -> !;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: a program that holds this call is never linked.
    unsafe { a_panic_can_be_reached() }
}

/// Aligns the stack and goes on in Rust.
#[unsafe(no_mangle)]
#[unsafe(naked)]
extern "sysv64" fn _start() -> ! {
    core::arch::naked_asm!("and rsp, -16", "call {run}", "2: jmp 2b", run = sym run)
}

extern "sysv64" fn run() {
    static INPUT: [u8; 4000] = [2; 4000];
    let input: &[u8] = black_box(&INPUT);
    let input = input.get(..black_box(1184)).unwrap_or_default();
    let _ = black_box((report(input), message(input), entry(input)));
    #[cfg(feature = "reachable-panic")]
    black_box(input[black_box(1184)]);
}

/// Every field of a report, also as a guest's device gives it.
fn report(input: &[u8]) -> Option<()> {
    let found = response::find(input).ok()?;
    let report = Report::from_bytes(found.report).ok()?;
    black_box((report.version(), report.guest_svn(), report.policy(), report.vmpl()));
    black_box((report.family_id(), report.image_id(), report.signature_algo()));
    black_box((report.current_tcb(), report.reported_tcb(), report.committed_tcb()));
    black_box((report.launch_tcb(), report.extended_tcbs(), report.cpu(), report.product()));
    black_box((report.platform_info(), report.key_info(), report.report_data()));
    black_box((report.measurement(), report.host_data(), report.id_key_digest()));
    black_box((report.author_key_digest(), report.report_id(), report.report_id_ma()));
    black_box((report.chip_id(), report.chip_id_is_masked()));
    black_box((report.current_version(), report.committed_version()));
    black_box((report.launch_mit_vector(), report.current_mit_vector()));
    black_box((report.signed_bytes(), report.signature_field()));
    let _ = black_box(report.check_reserved());
    Some(())
}

/// What messages stand on.
///
/// The messages themselves belong here: making, sealing, opening and reading of each.
fn message(input: &[u8]) -> Option<()> {
    let (text, rest) = input.split_first_chunk::<96>()?;
    let (bytes, _) = rest.split_first_chunk::<32>()?;
    let (mut text, key) = (*text, MessageKey::new(bytes, Backend::best()));
    let text = text.get_mut(..black_box(90))?;
    let tag = key.seal_in_place(&[2; 12], bytes, text).ok()?;
    key.open_in_place(&[2; 12], bytes, text, &tag).ok()?;
    black_box(text);
    Some(())
}

/// An entry of a metadata page.
fn entry(input: &[u8]) -> Option<[u8; 64]> {
    let entry = MdataEntry::from_bytes(input.first_chunk()?).ok()?;
    Some(entry.to_bytes())
}
