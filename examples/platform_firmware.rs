//! A platform's firmware: from the secret in a chip's fuses to signed reports, through an update, and for a cloud's own key.
//!
//! What is not published, the secret itself, is the caller's; the certificates are from the published CA for tests.
//!
//! ```sh
//! cargo run --release --features platform --example platform_firmware
//! ```

use std::error::Error;

use sevcrypt::Backend;
use sevcrypt::ecdsa::SigningKey;
use sevcrypt::platform::Chip;
use sevcrypt::platform::ca::TestCa;
use sevcrypt::sev::ApiVersion;
use sevcrypt::sev::cert::Usage;
use sevcrypt::sev::keys::{Oca, PlatformKeys, PlatformRandom};
use sevcrypt::snp::GuestPolicy;
use sevcrypt::snp::keys::{ChipSecret, HashSticks, PrivateKey, VlekSticks};
use sevcrypt::snp::policy::Policy;
use sevcrypt::snp::report::{Draft, KeyInfo, REPORT_LEN};
use sevcrypt::snp::tcb::{Product, TcbVersion};
use sevcrypt::snp::verify::{Time, Trust, VerifyError, verify};
use sevcrypt::x509::Certificate;

/// Beginning of 2026.
const NOW: i64 = 1_767_225_600;
const OLD: TcbVersion = TcbVersion::new([4, 0, 0, 0, 0, 0, 22, 0x54]);
const NEW: TcbVersion = TcbVersion::new([4, 0, 0, 0, 0, 0, 24, 0x54]);
/// KEY_INFO: signed by the VLEK.
const BY_VLEK: KeyInfo = KeyInfo(1 << 2);

/// A report of a guest on firmware of this version.
fn report(
    chip: &Chip,
    tcb: TcbVersion,
    info: KeyInfo,
    key: &SigningKey,
) -> Result<[u8; REPORT_LEN], Box<dyn Error>> {
    let draft = Draft::new(3)
        .policy(GuestPolicy(0x3_0000))
        .measurement(&[0xab; 48])
        .report_data(&[0x5a; 64])
        .key_info(info)
        .cpu(chip.cpu())
        .chip_id(chip.chip_id())
        .current_tcb(tcb)
        .reported_tcb(tcb)
        .committed_tcb(tcb)
        .launch_tcb(tcb);
    Ok(draft.sign(key)?)
}

/// Whether a verifier that trusts the CA accepts it.
fn judge(ca: &TestCa, leaf: &[u8], report: &[u8]) -> Result<String, Box<dyn Error>> {
    let certificates = [leaf, ca.ask(), ca.asvk()].map(Certificate::from_der);
    let certificates = certificates.into_iter().collect::<Result<Vec<_>, _>>()?;
    let roots = [Certificate::from_der(ca.ark())?];
    let trust = Trust::amd(Time::At(NOW)).with_roots(&roots);
    match verify(report, certificates.as_slice().into(), &trust, &Policy::default()) {
        Ok(accepted) => Ok(format!("accepted, signed by a {}", accepted.signed_by())),
        Err(VerifyError::NotAuthentic(checks)) => {
            let failure = checks.first_failure().ok_or("it failed nothing")?;
            Ok(format!("refused: {}: {}", failure.0, failure.1))
        }
        Err(why) => Err(why.to_string().into()),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let ca = TestCa::published(Product::Genoa)?;
    let chip = Chip::new(Product::Genoa, &[0x5c; 48], &[0x5d; 32]);

    // The key that signs depends on the chip and on all versions: the CA certifies each.
    let sticks = HashSticks::new(chip.secret(), OLD);
    let old = PrivateKey::vcek(sticks.stick_7()).signing_key();
    let certificate = ca.vcek(&chip.hw_id()?, OLD, &old.verifying_key(), NOW)?;
    let verdict = judge(&ca, &certificate, &report(&chip, OLD, KeyInfo(0), &old)?)?;
    println!("before the update: {verdict}");
    assert!(verdict.starts_with("accepted"));

    // After an update the firmware has another key. Older ones follow from it, newer ones do not.
    let sticks = HashSticks::new(chip.secret(), NEW);
    let new = PrivateKey::vcek(sticks.stick_7()).signing_key();
    assert_ne!(new.verifying_key(), old.verifying_key());
    let back = PrivateKey::vcek(sticks.at(OLD)?.stick_7()).signing_key();
    assert_eq!(back.verifying_key(), old.verifying_key());
    println!(
        "the old firmware cannot have the new key: {}",
        HashSticks::new(chip.secret(), OLD).at(NEW).unwrap_err()
    );
    let verdict = judge(&ca, &certificate, &report(&chip, NEW, KeyInfo(0), &new)?)?;
    println!("after it, with the old certificate: {verdict}");
    assert!(verdict.starts_with("refused"));
    let certificate = ca.vcek(&chip.hw_id()?, NEW, &new.verifying_key(), NOW)?;
    let verdict = judge(&ca, &certificate, &report(&chip, NEW, KeyInfo(0), &new)?)?;
    println!("with the new one: {verdict}");

    // A cloud loads a key that many of its chips share: wrapped for this chip at this version, and for no other.
    let provider = HashSticks::new(&ChipSecret::new(&[0xc1; 48]), NEW);
    let wrapped =
        VlekSticks::from(&provider).wrap(sticks.stick_7(), NEW, &[1; 12], Backend::best());
    let loaded = VlekSticks::unwrap(&wrapped, sticks.stick_7(), NEW, Backend::best())?;
    let elsewhere = HashSticks::new(&ChipSecret::new(&[0x5e; 48]), NEW);
    let elsewhere = VlekSticks::unwrap(&wrapped, elsewhere.stick_7(), NEW, Backend::best());
    println!("on another chip: {}", elsewhere.unwrap_err());
    let vlek = PrivateKey::vlek(loaded.stick_7()).signing_key();
    let certificate = ca.vlek("CN=a cloud", NEW, &vlek.verifying_key(), NOW)?;
    let verdict = judge(&ca, &certificate, &report(&chip, NEW, BY_VLEK, &vlek)?)?;
    println!("by the cloud's key: {verdict}");
    assert!(verdict.starts_with("accepted"));

    // SEV and SEV-ES: the chip's CEK signs the platform's PEK, and an owner may sign it too.
    let (api, random) = (ApiVersion { major: 1, minor: 55 }, PlatformRandom::new(&[9; 168]));
    let mut keys = PlatformKeys::generate(chip.unique_key(), api, &random)?;
    let oca = Oca::new(SigningKey::from_random(&[3; 56]))?;
    let pek = oca.sign_csr(&keys.pek_csr())?;
    keys.pek_cert_import(pek.as_bytes(), oca.certificate().as_bytes(), &[4; 56])?;
    let signers = keys.certificates().pek.slots().map(|slot| slot.usage);
    println!("the PEK is signed by {} and {}", signers[0], signers[1]);
    assert!(signers.contains(&Usage::OCA) && signers.contains(&Usage::CEK));
    Ok(())
}
