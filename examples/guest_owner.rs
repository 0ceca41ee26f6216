//! The owner of an SEV-ES guest: is it a genuine platform, did the host start what it was given, and only then the secret.
//!
//! The host and the platform are models in this process. The platform's root is the published one for tests; an owner of a real
//! guest takes `Trust::amd()`.
//!
//! ```sh
//! cargo run --release --features platform --example guest_owner
//! ```

use std::error::Error;

use sevcrypt::ecdh::PrivateKey;
use sevcrypt::image::{CpuSignature, Generation, Launch, Ovmf, Profile};
use sevcrypt::platform::Chip;
use sevcrypt::platform::ca::TestCa;
use sevcrypt::sev::cert::{AmdCertificate, Bundle, Certificate, Trust, VerifiedPlatform, verify};
use sevcrypt::sev::keys::{PlatformKeys, PlatformRandom};
use sevcrypt::sev::launch::{Attested, Loading, Measured, Measurement, SecretTable, measure};
use sevcrypt::sev::packet::{PacketHeader, PacketIv};
use sevcrypt::sev::report::Expected;
use sevcrypt::sev::session::{Channel, ClientSession, SessionRandom};
use sevcrypt::sev::{ApiVersion, FirmwareVersion, GuestPolicy};
use sevcrypt::snp::tcb;
use sevcrypt::{Backend, Hex};

const FIRMWARE: FirmwareVersion =
    FirmwareVersion { api: ApiVersion { major: 1, minor: 55 }, build: 25 };
/// SEV-ES, no debugging, no sharing of keys, firmware 1.55 at least.
const POLICY: GuestPolicy = GuestPolicy(0x3701_0007);

/// Two pages with the table of OVMF, of which only the reset vector's address is there.
fn firmware_image() -> Vec<u8> {
    let reset_block = *b"\xde\x71\xf7\x00\x7e\x1a\xcb\x4f\x89\x0e\x68\xc7\x7e\x2f\xb4\x4e";
    let footer = *b"\xde\x82\xb5\x96\xb2\x1f\xf7\x45\xba\xea\xa3\x66\xc5\x5a\x08\x2d";
    let table = [&[4, 0xb0, 0x80, 0, 22, 0][..], &reset_block, &[40, 0], &footer].concat();
    let mut image = vec![0x90; 8192];
    image[8192 - 32 - 40..8192 - 32].copy_from_slice(&table);
    image
}

/// The launch that the owner expects: the image, and one vCPU as QEMU starts it.
fn launch(image: &[u8]) -> Result<Launch<'_>, Box<dyn Error>> {
    Ok(Launch::new(Ovmf::parse(image)?, CpuSignature(0x00a0_0f11), &Profile::QEMU))
}

// ---- The platform. What the owner sends it goes through the host's hands. ----

struct Platform {
    keys: PlatformKeys,
    guest: Option<Measured>,
}

impl Platform {
    /// LAUNCH_START to LAUNCH_MEASURE, with what the host chooses to load.
    fn launch(
        &mut self,
        certificate: &Certificate,
        session: &[u8],
        image: &[u8],
    ) -> Result<Measurement, Box<dyn Error>> {
        let pdh = self.keys.pdh();
        let channel = Channel::open(pdh, certificate.as_bytes(), session, POLICY, FIRMWARE.api)?;
        let mut guest = Loading::start(channel);
        guest.update_data(image)?;
        let features = launch(image)?.sev_es_features;
        let vmsa =
            Profile::QEMU.vmsa(Profile::RESET_VECTOR, true, CpuSignature(0x00a0_0f11), features);
        guest.update_vmsa(vmsa.as_bytes())?;
        let (measurement, guest) = guest.measure(FIRMWARE, &[0x33; 16], Backend::best());
        self.guest = Some(guest);
        Ok(measurement)
    }

    /// LAUNCH_SECRET: what the guest finds in its memory.
    fn secret(&self, header: &PacketHeader, packet: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut secret = packet.to_vec();
        self.guest.as_ref().ok_or("no guest")?.open_secret(header, &mut secret)?;
        Ok(secret)
    }
}

// ---- The owner. ----

struct Owner {
    key: PrivateKey,
    certificate: Certificate,
    platform: VerifiedPlatform,
}

impl Owner {
    /// A session; each launch needs one of its own, with fresh random bytes.
    fn session(&self, random: u8) -> ClientSession {
        ClientSession::new(
            &self.key,
            self.platform.pdh(),
            POLICY,
            &SessionRandom::new(&[random; 64]),
        )
    }

    /// The secret, for the guest whose launch is the expected one.
    fn seal(
        session: ClientSession,
        image: &[u8],
        measurement: &Measurement,
    ) -> Result<(PacketHeader, Vec<u8>), Box<dyn Error>> {
        let digest = measure(&launch(image)?, Generation::SevEs, &mut |step| println!("  {step}"))?;
        let attested = Attested::check(session, FIRMWARE, &digest, measurement, Backend::best())?;
        let mut packet = vec![0; 64];
        SecretTable::write(&[(SecretTable::DISK_PASSPHRASE, b"correct horse")], &mut packet)?;
        let header = attested.seal_secret(PacketIv::from_random([0x44; 16]), &mut packet)?;
        Ok((header, packet))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (ca, chip) = (
        TestCa::published(tcb::Product::Milan)?,
        Chip::new(tcb::Product::Milan, &[7; 48], &[8; 32]),
    );
    let random = PlatformRandom::new(&[9; 168]);
    let keys = PlatformKeys::generate(chip.unique_key(), FIRMWARE.api, &random)?;
    let mut platform = Platform { keys, guest: None };

    // The files of the host, and the certificates from AMD.
    let (cek, amd) = (ca.sev_cek(&chip)?, ca.sev_chain()?);
    let exported = platform.keys.certificates().to_bytes();
    let mut bundle = Bundle::default();
    for file in [&exported[..], cek.as_bytes(), &amd] {
        bundle.add(file)?;
    }
    let [_, ark] = AmdCertificate::parse_chain(&amd)?;
    let roots = [ark];
    let verified = verify(&bundle.platform()?, bundle.amd(), &Trust::only(&roots))?;
    println!("a genuine platform, firmware {}", verified.api());
    assert!(verify(&bundle.platform()?, bundle.amd(), &Trust::amd()).is_err());

    let key = PrivateKey::from_random(&[0x11; 56]);
    let certificate = Certificate::of_ecdh_key(&key.public_key(), FIRMWARE.api);
    let owner = Owner { key, certificate, platform: verified };
    let image = firmware_image();

    // A host that starts something else gets no secret.
    let session = owner.session(1);
    let mut other = image.clone();
    other[0] = 0xcc;
    let measurement = platform.launch(&owner.certificate, &session.buffer().to_bytes(), &other)?;
    println!("expected:");
    let refused = Owner::seal(session, &image, &measurement);
    println!("another image: {}", refused.err().ok_or("a secret for another image")?);

    // One that does as it was told.
    let session = owner.session(2);
    let measurement = platform.launch(&owner.certificate, &session.buffer().to_bytes(), &image)?;
    println!("expected:");
    let (header, packet) = Owner::seal(session, &image, &measurement)?;
    println!("for the host: {}...", Hex(&packet[..16]));
    let secret = platform.secret(&header, &packet)?;
    let found = SecretTable::parse(&secret)?.get(SecretTable::DISK_PASSPHRASE);
    assert_eq!(found, Some(&b"correct horse"[..]));
    println!("in the guest: the passphrase of its disk");

    // At any time later, and for others than the owner: a report that the platform signs.
    let guest = platform.guest.take().ok_or("no guest")?.finish();
    let report = guest.attest(b"a verifier's own", platform.keys.pek())?;
    let digest = measure(&launch(&image)?, Generation::SevEs, &mut |_| {})?;
    let expected = Expected { mnonce: b"a verifier's own", digest: &digest, policy: POLICY };
    report.judge_vartime(owner.platform.pek(), &expected)?;
    println!("reported: {}", Hex(report.digest()));
    Ok(())
}
