//! A guest asks its firmware for a report and for a key, and a relying party verifies the report.
//!
//! The guest's half ([`Guest`]) needs neither an operating system nor an allocator. The hypervisor and the firmware
//! are models in this process; the chip is one of the test platform in `vectors/attestation`, whose root must be named
//! as trusted.
//!
//! ```sh
//! cargo run --release --example guest_report
//! ```

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};

use sevcrypt::ecdsa::SigningKey;
use sevcrypt::snp::GuestPolicy;
use sevcrypt::snp::certs::Collateral;
use sevcrypt::snp::keys::{
    ChipSecret, DerivedKey, GuestFacts, GuestFieldSelect, GuestIdentity, HashSticks, IdBlockKey,
    KeyRequest, KeySelect, PlatformFacts, derive_guest_key,
};
use sevcrypt::snp::message::{
    ChannelError, Exit, ExitError, FirmwareChannels, GuestChannel, GuestRequest, MessageBuffer,
    Next, OpenError, ReportRequest, Request, Response, Vmpck,
};
use sevcrypt::snp::policy::Policy;
use sevcrypt::snp::report::{Draft, REPORT_LEN, Report};
use sevcrypt::snp::secrets::SecretsPage;
use sevcrypt::snp::tcb::{CpuModel, Product, TcbVersion};
use sevcrypt::snp::verify::{Time, Trust, verify};
use sevcrypt::x509::Certificate;
use sevcrypt::{Backend, Hex, Status, Vmpl};

// ---- The guest: what stands here runs without an operating system. ----

/// Memory that the hypervisor reads and writes at any time: one page each for requests and responses.
struct SharedPages {
    request: [AtomicU8; 4096],
    response: [AtomicU8; 4096],
}

fn write(page: &[AtomicU8], bytes: &[u8]) {
    for (to, from) in page.iter().zip(bytes) {
        to.store(*from, Ordering::Relaxed);
    }
}

fn read(page: &[AtomicU8], bytes: &mut [u8]) {
    for (to, from) in bytes.iter_mut().zip(page) {
        *to = from.load(Ordering::Relaxed);
    }
}

/// The exit to the hypervisor (VMGEXIT), which gives SW_EXITINFO2.
trait Vmgexit {
    fn guest_request(&mut self, exit: Exit, shared: &SharedPages) -> u64;
}

#[derive(Debug)]
enum GuestError {
    Channel(ChannelError),
    Exit(ExitError),
    Open(OpenError),
    /// The hypervisor was busy for too long.
    Busy,
}

impl std::fmt::Display for GuestError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Channel(error) => error.fmt(f),
            Self::Exit(error) => error.fmt(f),
            Self::Open(error) => error.fmt(f),
            Self::Busy => f.write_str("the hypervisor is busy"),
        }
    }
}

impl Error for GuestError {}

struct Guest<'a, V> {
    channel: GuestChannel,
    shared: &'a SharedPages,
    hypervisor: V,
}

impl<V: Vmgexit> Guest<'_, V> {
    /// Sends a request and opens its response, which may borrow from `buffer`.
    fn ask<'b, R: Request>(
        &mut self,
        request: &R,
        buffer: &'b mut MessageBuffer,
    ) -> Result<R::Response<'b>, GuestError> {
        let mut in_flight = self.channel.seal(request, buffer).map_err(GuestError::Channel)?;
        for _ in 0..30 {
            // A retry writes the same bytes: the hypervisor may have changed the page.
            write(&self.shared.request, in_flight.bytes());
            let exit_info_2 = self.hypervisor.guest_request(Exit::Plain, self.shared);
            match in_flight.returned(Exit::Plain, exit_info_2).map_err(GuestError::Exit)? {
                Next::Open(in_flight) => {
                    let response = &self.shared.response;
                    return in_flight.open(|copy| read(response, copy)).map_err(GuestError::Open);
                }
                // A real guest waits for `message::BUSY_PAUSE`.
                Next::SendAgain(again) | Next::SendAsPlain(again) => in_flight = again,
            }
        }
        // The request is dropped, and with it the channel stops.
        Err(GuestError::Busy)
    }
}

// ---- The hypervisor, and the firmware behind it. ----

struct Platform {
    channels: FirmwareChannels,
    buffer: MessageBuffer,
    firmware: Firmware,
    /// How often the hypervisor will say that it is busy.
    busy: u32,
}

struct Firmware {
    vcek: SigningKey,
    chip_id: [u8; 64],
    chip: ChipSecret,
    tcb: TcbVersion,
    guest: GuestIdentity,
}

impl Firmware {
    fn report(&self, request: &ReportRequest, vmpck: Vmpck) -> Result<[u8; REPORT_LEN], Status> {
        // This platform has no VLEK.
        if !matches!(request.key_select, Some(KeySelect::VlekOrVcek | KeySelect::Vcek)) {
            return Err(Status::INVALID_KEY);
        }
        request.check_vmpl(vmpck)?;
        Draft::new(3)
            .policy(self.guest.policy)
            .measurement(&self.guest.measurement)
            .report_data(&request.report_data)
            .vmpl(request.vmpl)
            .cpu(CpuModel { family: 0x19, model: 1, stepping: 1 })
            .chip_id(&self.chip_id)
            .current_tcb(self.tcb)
            .reported_tcb(self.tcb)
            .committed_tcb(self.tcb)
            .launch_tcb(self.tcb)
            .sign(&self.vcek)
            .map_err(|_| Status::HWERROR_PLATFORM)
    }

    fn key(&self, request: &KeyRequest, vmpck: Vmpck) -> Result<DerivedKey, Status> {
        let sticks = HashSticks::new(&self.chip, self.tcb);
        let guest = GuestFacts { identity: self.guest, guest_svn: 0, vcek_dis: false, vmrk: None };
        let platform = PlatformFacts {
            product: Product::Milan,
            mask_chip_key: false,
            committed_tcb: self.tcb,
            sticks: &sticks,
            vcek: Some(sticks.stick_7()),
            vlek: None,
        };
        derive_guest_key(request, vmpck.get(), &guest, &platform)
    }
}

impl Platform {
    /// SNP_GUEST_REQUEST.
    fn snp_guest_request(&mut self, shared: &SharedPages) -> Result<(), Status> {
        let request = self.channels.open(&mut self.buffer, |copy| read(&shared.request, copy))?;
        let vmpck = request.vmpck();
        let response = match request.request() {
            Ok(GuestRequest::Report(asked)) => {
                let report = self.firmware.report(&asked, vmpck);
                request.respond(report.as_ref().map(Response::Report).map_err(|status| *status))
            }
            Ok(GuestRequest::Key(asked)) => {
                let key = self.firmware.key(&asked, vmpck);
                request.respond(key.as_ref().map(Response::Key).map_err(|status| *status))
            }
            Ok(_) => request.respond(Err(Status::UNSUPPORTED)),
            Err(status) => request.respond(Err(status)),
        };
        write(&shared.response, response.map_err(|_| Status::HWERROR_PLATFORM)?);
        Ok(())
    }
}

impl Vmgexit for Platform {
    fn guest_request(&mut self, _: Exit, shared: &SharedPages) -> u64 {
        if self.busy > 0 {
            self.busy -= 1;
            return 2 << 32;
        }
        self.snp_guest_request(shared).err().map_or(0, |status| status.0.into())
    }
}

/// The private key in `vectors/attestation/keys/vcek.pem`, which protects nothing.
const TEST_VCEK: &str = "9d1fe607c961fa7dd65c979cf01599bf7e0d3b3f664c9b29fafa7bc299d6d1461f6bf4c86f37666bbf66b0bebf06cb21";
/// Beginning of 2026: the test certificates are valid.
const NOW: Time = Time::At(1_767_225_600);

fn main() -> Result<(), Box<dyn Error>> {
    let backend = Backend::best();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/attestation/certs");
    let certificate = |name: &str| fs::read(folder.join(name));
    let (vcek, ask, ark) = (
        certificate("milan-vcek.der")?,
        certificate("milan-ask.der")?,
        certificate("milan-ark.der")?,
    );
    let (vcek, ask, ark) =
        (Certificate::from_der(&vcek)?, Certificate::from_der(&ask)?, Certificate::from_der(&ark)?);

    // The platform launches the guest: four random keys into its secrets page.
    let vmpcks = [[0x51; 32], [0x52; 32], [0x53; 32], [0x54; 32]];
    let mut memory = Box::new([0; 4096]);
    let mut secrets = SecretsPage::create(&mut memory);
    for (vmpck, key) in Vmpck::ALL.into_iter().zip(&vmpcks) {
        secrets.set_vmpck(vmpck, key);
    }
    let scalar = base16ct::lower::decode_vec(TEST_VCEK).map_err(|_| "not hexadecimal")?;
    let platform = Platform {
        channels: FirmwareChannels::new(&vmpcks, [0; 4], backend),
        buffer: MessageBuffer::new(),
        firmware: Firmware {
            vcek: SigningKey::from_scalar(scalar[..].try_into()?).ok_or("not a private key")?,
            chip_id: vcek.amd().hw_id.ok_or("a VCEK has a hwID")?.try_into()?,
            chip: ChipSecret::new(&[0x5c; 48]),
            tcb: TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x73]),
            guest: GuestIdentity {
                policy: GuestPolicy(0x3_0000),
                image_id: [0; 16],
                family_id: [0; 16],
                measurement: [0xab; 48],
                host_data: [0; 32],
                id_block_key: IdBlockKey::None,
            },
        },
        busy: 1,
    };

    // The guest begins.
    let shared = SharedPages {
        request: [const { AtomicU8::new(0) }; 4096],
        response: [const { AtomicU8::new(0) }; 4096],
    };
    let channel = GuestChannel::take(&mut secrets, Vmpck::VMPCK0, backend)?;
    let mut guest = Guest { channel, shared: &shared, hypervisor: platform };
    let (mut buffer, mut key_buffer) = (MessageBuffer::new(), MessageBuffer::new());

    let mut nonce = [0; 64];
    nonce[..25].copy_from_slice(b"the relying party's nonce");
    let report = guest.ask(&ReportRequest::new(&nonce), &mut buffer)?;
    println!("report of {} bytes, measurement {}", report.len(), Hex(&report[0x90..0xc0]));

    let fields = GuestFieldSelect::MEASUREMENT | GuestFieldSelect::POLICY;
    let request = KeyRequest::new(KeySelect::Vcek).with_fields(fields).with_vmpl(Vmpl::VMPL0);
    let key = guest.ask(&request, &mut key_buffer)?;
    let again = guest.ask(&request, &mut key_buffer)?;
    assert!(key.as_bytes() == again.as_bytes(), "the same guest gets the same key");
    println!("derived key of {} bytes", key.as_bytes().len());

    // What the firmware refuses costs a number, and nothing else.
    let refused =
        guest.ask(&ReportRequest::new(&nonce).with_key_select(KeySelect::Vlek), &mut key_buffer);
    println!("asked for a report under a VLEK: {}", refused.unwrap_err());

    // The next stage goes on where this one stops.
    println!("{} messages, handed over", guest.channel.count());
    guest.channel.hand_over(&mut secrets)?;
    assert_eq!(secrets.message_count(Vmpck::VMPCK0), 8);

    // The relying party.
    let certificates = [vcek, ask, ark];
    let collateral = Collateral { certificates: &certificates, crls: &[] };
    let mut policy = Policy::default();
    policy.report_data = Some(&nonce);
    policy.measurements = Some(&[[0xab; 48]]);
    // Without this root, nothing of this platform is accepted.
    let roots = [Certificate::from_der(certificates[2].der())?];
    let accepted = verify(report, collateral, &Trust::amd(NOW).with_roots(&roots), &policy)
        .map_err(|why| why.to_string())?;
    println!("accepted, from {}: {}", accepted.product(), Report::from_bytes(report)?.vmpl());
    assert!(verify(report, collateral, &Trust::amd(NOW), &policy).is_err());
    Ok(())
}
