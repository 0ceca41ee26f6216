//! The cryptography of AMD SEV, SEV-ES and SEV-SNP in software: what the memory controllers of an EPYC
//! processor and its Secure Processor compute, behind a safe interface.
//!
//! | you write | begin with |
//! |---|---|
//! | an emulator, a VMM, a research model | [`mem::MemoryCipher`]: a physical address, a key and bytes in, the ciphertext of DRAM out |
//! | a key broker, a relying party, a CI system | [`snp::verify::verify`]: a report and its certificate in, accepted or the reason why not out; for many reports `EndorsementCache` beside it |
//! | whoever must know a guest's measurement before it starts | [`image::Launch`] and [`snp::launch::measure`]: firmware, kernel and vCPUs in, the launch digest and its steps out; [`snp::id_block`]: sign it |
//! | tools and owners of SEV and SEV-ES guests | [`sev::cert::verify`]: a platform's certificates; [`sev::session`]: keys past the host; [`sev::launch`]: measurement and secrets |
//! | tests and tools without the hardware | `platform::Machine` (feature `platform`): memory, RMP and firmware in software, with guests, reports and certificates |
//! | guest code: firmware, an SVSM, a unikernel | [`snp::message::GuestChannel`]: a key of the secrets page in, reports and derived keys out |
//! | a platform's firmware | [`snp::report::Draft`]: an attestation report to fill in and to sign; [`snp::message::FirmwareChannels`]: guests' messages; [`snp::keys`]: the keys that sign it, and those of guests |
//!
//! Memory, as DRAM holds it:
//! ```
//! use sevcrypt::mem::{MemoryCipher, Tweak};
//! use sevcrypt::{Backend, PhysAddr};
//!
//! let platform = Tweak::from_seed(b"the random bytes of one boot");
//! let guest = MemoryCipher::xex(&[0x2b; 16], &platform, Backend::best())?;
//!
//! let mut page = [0u8; 4096];
//! guest.encrypt(PhysAddr::new(0x1234_5000)?, &mut page)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A report, down to AMD's keys, which are built in:
//! ```no_run
//! # #[cfg(feature = "std")] {
//! use sevcrypt::snp::certs::Bundle;
//! use sevcrypt::snp::policy::Policy;
//! use sevcrypt::snp::verify::{Time, Trust, verify};
//!
//! let (report, vcek) = (std::fs::read("report.bin")?, std::fs::read("vcek.der")?);
//! let mut bundle = Bundle::default();
//! bundle.add(&vcek)?;
//! let mut policy = Policy::default();
//! policy.measurements = Some(&[[0xab; 48]]);
//! policy.report_data = Some(b"the nonce that the guest was sent");
//! verify(&report, bundle.parse()?.collateral(), &Trust::amd(Time::now()), &policy)?;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Guest code: a key out of the secrets page, a report of the firmware. Needs neither an operating system nor an allocator:
//! ```
//! use sevcrypt::Backend;
//! use sevcrypt::snp::message::{Exit, GuestChannel, MessageBuffer, Next, ReportRequest, Vmpck};
//! use sevcrypt::snp::secrets::SecretsPage;
//!
//! # use sevcrypt::snp::message::{FirmwareChannels, Response};
//! # let (mut memory, mut shared) = ([0; 4096], [0; 4096]);
//! # SecretsPage::create(&mut memory).set_vmpck(Vmpck::VMPCK0, &[1; 32]);
//! # let mut firmware = FirmwareChannels::new(&[[1; 32]; 4], [0; 4], Backend::best());
//! # let mut vmgexit = |shared: &mut [u8; 4096]| {
//! #     let mut buffer = MessageBuffer::new();
//! #     let opened = firmware.open(&mut buffer, |copy| copy.copy_from_slice(shared)).unwrap();
//! #     let answer = opened.respond(Ok(Response::Report(&[7; 1184]))).unwrap();
//! #     shared[..answer.len()].copy_from_slice(answer);
//! #     0
//! # };
//! // `memory`: the page of the launch; `shared`: one that the hypervisor sees; `vmgexit`: SNP_GUEST_REQUEST, and what it returns.
//! let mut page = SecretsPage::open(&mut memory)?;
//! let mut channel = GuestChannel::take(&mut page, Vmpck::VMPCK0, Backend::best())?;
//!
//! let mut buffer = MessageBuffer::new();
//! let request = channel.seal(&ReportRequest::new(&[0x5a; 64]), &mut buffer)?;
//! shared[..request.bytes().len()].copy_from_slice(request.bytes());
//! let Next::Open(request) = request.returned(Exit::Plain, vmgexit(&mut shared))? else {
//!     return Err("busy: after a pause, the same bytes again".into());
//! };
//! let report = request.open(|copy| copy.copy_from_slice(&shared[..copy.len()]))?;
//! assert_eq!(report.len(), 1184);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Whole programs are in `examples/`: an emulator, guest memory of a VMM, a verifier, a key broker, a launch that is measured, a guest that asks for a report,
//! the owner of an SEV-ES guest, and a platform's firmware.
//!
//! # The map
//! Modules name those of their own floor and of the floors above (`tests/architecture.rs`):
//! * [`PhysAddr`], [`GuestPhysAddr`], [`Asid`], [`Vmpl`], [`Block`], [`Line`], [`Page`], [`PageSize`]: addresses, levels and sizes (`addr`); [`Key`],
//!   [`KeySize`] (`key`); [`Hex`], [`Guid`]; [`Status`]: the firmware's codes; errors (`error`)
//! * [`Backend`], [`BackendKind`]: which kernels this CPU has (`cpu`); the assembly itself (`kernel`)
//! * [`Arithmetic`], [`ArithmeticKind`]: by what signatures are verified (`cpu`); the arithmetic of verification (`vartime`), private
//! * AES keys and blocks for every backend (`aes`), private
//! * [`hash`]: SHA-384 of many pages at once; [`gcm`]: AES-GCM on every backend; [`kdf`]: AMD's key derivation; [`ctr`]: AES-CTR as AMD's legacy packets use it
//! * [`ecdsa`]: P-384 signatures in AMD's form; [`ecdh`]: shared secrets on that curve; [`x509`]: AMD's certificates and revocation lists, RSA-PSS; AMD's CA keys
//!   (`anchors`), private
//! * [`mem`]: the memory-encryption engine; [`rmp`]: the reverse map table; [`vmsa`]: save areas of vCPUs; [`image`]: firmware images, kernels, VMMs, and what they load at a
//!   launch, for every generation
//! * [`sev`]: SEV and SEV-ES: certificates and keys of platforms, sessions, launches, secrets, reports, migration, swapped pages
//! * [`snp`]: attestation reports, certificate chains, policies, and how they reach a verifier; launch digests, CPUID pages, IGVM files, ID blocks; guest messages; keys of a platform
//!   and its guests; page swap
//! * `platform`: a machine of all that
//!
//! # Features
//! `default = ["std", "kernels"]`; all are additive and none changes a result.
//! * `kernels`: the assembly in `asm/`, on x86-64 with SSE2. Without it: Rust only, no CPU detection.
//! * `alloc`, `std`: the core needs neither. With `alloc`, the tables of a linear tweak are on the heap, and
//!   `snp::certs::Bundle` takes certificates in any form; with `std`, VAES is found also on CPUs without AVX-512, and a
//!   verified chain keeps a table of its key, and threads hash pages where the caller asks for them.
//! * `serde`: reports and claims can be serialised.
//! * `igvm-05`: `snp::launch::igvm::directives_of`, files of the `igvm` crate, version 0.5.
//! * `platform`: the machine in software; needs `std`, and brings RSA signing for its test certificates.
//! * `aead-06`: the traits of the `aead` crate, version 0.6, for [`gcm::GcmKey`].
//! * `vm-memory-018`: `mem::vm_memory`, guest memory of the `vm-memory` crate, version 0.18; with `platform`, such memory as a machine's DRAM.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod addr;
mod aes;
mod anchors;
mod cpu;
pub mod ctr;
pub mod ecdh;
pub mod ecdsa;
mod error;
mod flags;
pub mod gcm;
mod guid;
pub mod hash;
mod hex;
pub mod image;
pub mod kdf;
mod kernel;
mod key;
pub mod mem;
#[cfg(feature = "platform")]
pub mod platform;
pub mod rmp;
mod secret;
pub mod sev;
pub mod snp;
mod status;
mod vartime;
pub mod vmsa;
mod wipe;
mod wire;
pub mod x509;

#[cfg(test)]
#[path = "../tests/support/real.rs"]
mod real;

pub use addr::{Asid, Block, GuestPhysAddr, Line, Page, PageSize, PhysAddr, Vmpl};
pub use cpu::{
    Arithmetic, ArithmeticKind, Backend, BackendError, BackendKind, Feature, UnknownBackend,
};
pub use error::{AddressError, KeyError, MemoryError, RunError, TweakTableError};
pub use guid::Guid;
pub use hex::Hex;
pub use key::{Key, KeySize};
pub use status::Status;
