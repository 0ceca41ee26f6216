//! What the fuzz targets do, as plain functions: `fuzz_targets/` hands them to libFuzzer, `tests/replay.rs` runs them
//! over the corpora with any toolchain. Each panics where the library breaks a promise.

mod channel;
mod device;
mod ecdsa;
mod gcm;
mod id_block;
mod launch;
mod launch_snp;
mod messages;
mod parsers;
mod platform_ca;
mod platform_kds;
mod platform_mailbox;
mod platform_memory;
mod platform_saved;
mod rmp;
mod rsa;
mod sev_certificate;
mod sev_session;
mod sev_transport;
mod snp_swap;
mod structures;
mod verify;
mod vmsa;

pub use channel::channel;
pub use device::device;
pub use ecdsa::ecdsa;
pub use gcm::gcm;
pub use id_block::id_block;
pub use launch::ovmf;
pub use launch_snp::{cpuid_page, igvm};
pub use messages::{message_request, message_response, secrets_page};
pub use parsers::{bundle, cert_table, certificate, crl, hcl, kds, policy, report, response};
pub use platform_ca::platform_ca;
pub use platform_kds::platform_kds;
pub use platform_mailbox::platform_mailbox;
pub use platform_memory::platform_memory;
pub use platform_saved::platform_saved;
pub use rmp::rmp;
pub use rsa::rsa;
pub use sev_certificate::sev_certificate;
pub use sev_session::{sev_packet, sev_session};
pub use sev_transport::sev_transport;
pub use snp_swap::snp_swap;
pub use structures::{linux, structures};
pub use verify::{verify, verify_kept};
pub use vmsa::vmsa;

/// What libFuzzer calls with its inputs.
pub type Target = fn(&[u8]);

/// Every target by its name, which is that of its corpus and of its file in `fuzz_targets/`.
pub const TARGETS: &[(&str, Target)] = &[
    ("bundle", bundle),
    ("cert_table", cert_table),
    ("certificate", certificate),
    ("channel", channel),
    ("cpuid_page", cpuid_page),
    ("crl", crl),
    ("device", device),
    ("ecdsa", ecdsa),
    ("gcm", gcm),
    ("hcl", hcl),
    ("id_block", id_block),
    ("igvm", igvm),
    ("kds", kds),
    ("linux", linux),
    ("message_request", message_request),
    ("message_response", message_response),
    ("ovmf", ovmf),
    ("platform_ca", platform_ca),
    ("platform_kds", platform_kds),
    ("platform_mailbox", platform_mailbox),
    ("platform_memory", platform_memory),
    ("platform_saved", platform_saved),
    ("policy", policy),
    ("report", report),
    ("response", response),
    ("rmp", rmp),
    ("rsa", rsa),
    ("secrets_page", secrets_page),
    ("sev_certificate", sev_certificate),
    ("sev_packet", sev_packet),
    ("sev_session", sev_session),
    ("sev_transport", sev_transport),
    ("snp_swap", snp_swap),
    ("structures", structures),
    ("verify", verify),
    ("verify_kept", verify_kept),
    ("vmsa", vmsa),
];

/// The program of a target: a loop of libFuzzer, or nothing where it is not built by cargo-fuzz.
#[macro_export]
macro_rules! main {
    ($target:ident) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|data: &[u8]| $crate::$target(data));

        #[cfg(not(fuzzing))]
        fn main() {}
    };
}

/// An error prints something, on one line.
fn check_error(error: &dyn std::error::Error) {
    let text = error.to_string();
    assert!(!text.is_empty() && !text.contains(char::is_control), "{text:?}");
}
