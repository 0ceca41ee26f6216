//! The demo's SEV-ES guest: its owner's session with a platform, the measurement, a secret, and a page that goes to another
//! platform.

use std::io::Write;

use sevcrypt::ecdh::PrivateKey;
use sevcrypt::sev::cert::{AmdCertificates, Certificate, PdhKey, Trust, verify};
use sevcrypt::sev::keys::{ChipUniqueKey, PlatformKeys, PlatformRandom};
use sevcrypt::sev::launch::{Attested, LaunchDigest, Loading, SecretTable};
use sevcrypt::sev::packet::PacketIv;
use sevcrypt::sev::session::{Channel, ClientSession, SessionRandom};
use sevcrypt::sev::transport::{Receiver, Receiving, Sender};
use sevcrypt::sev::{ApiVersion, FirmwareVersion, GuestPolicy};
use sevcrypt::{Backend, Hex, Status};

use super::hold;
use crate::failure::Failure;

const FIRMWARE: FirmwareVersion =
    FirmwareVersion { api: ApiVersion { major: 1, minor: 55 }, build: 25 };
/// No debugger, and SEV-ES.
const POLICY: GuestPolicy = GuestPolicy(0x3701_0005);
const IMAGE: &[u8; 4096] = &[0xcc; 4096];
const SAVE_AREA: &[u8; 4096] = &[0; 4096];
const PASSPHRASE: &[u8] = b"the passphrase of the disk";

/// A platform with keys that everybody knows.
fn platform(seed: u8) -> Result<PlatformKeys, Failure> {
    let (chip, random) = (ChipUniqueKey::new(&[seed; 32]), PlatformRandom::new(&[seed; 168]));
    PlatformKeys::generate(&chip, FIRMWARE.api, &random).map_err(Failure::usage)
}

pub(super) fn show(out: &mut impl Write) -> Result<(), Failure> {
    let backend = Backend::best();
    let (old, new) = (platform(1)?, platform(2)?);

    writeln!(
        out,
        "11. An SEV-ES guest. Its owner shares keys with the firmware of a platform, past the host:"
    )?;
    let chain = verify(old.certificates(), AmdCertificates::default(), &Trust::amd());
    hold("a platform that AMD has not signed is refused", chain.is_err())?;
    if let Err(why) = chain {
        let why = why.to_string();
        let why = why.split(';').next().unwrap_or_default();
        writeln!(out, "     this platform is made here, and its chain says so: {why}")?;
    }
    let pdh = PdhKey::unauthenticated(&old.certificates().pdh).map_err(Failure::usage)?;
    // All of it would be fresh.
    let own = PrivateKey::from_random(&[3; 56]);
    let certificate = Certificate::of_ecdh_key(&own.public_key(), ApiVersion::default());
    let session = || ClientSession::new(&own, &pdh, POLICY, &SessionRandom::new(&[4; 64]));
    let buffer = session().buffer().to_bytes();
    writeln!(out, "     the host sees {}...", Hex(&buffer[16..40]))?;
    let open = |policy| {
        Channel::open(old.pdh(), certificate.as_bytes(), &buffer, policy, FIRMWARE.api)
            .map_err(|why| why.status())
    };
    let opened = open(GuestPolicy(POLICY.0 & !1)).map(drop);
    hold("a session is for one policy", opened == Err(Status::BAD_MEASUREMENT))?;
    writeln!(out, "     another policy, one that lets debuggers in: {}", said(opened))?;

    writeln!(
        out,
        "   The firmware measures what the host loads; the owner knows what that should be:"
    )?;
    let mut guest = Loading::start(open(POLICY).map_err(Failure::usage)?);
    guest.update_data(IMAGE).map_err(Failure::usage)?;
    guest.update_vmsa(SAVE_AREA).map_err(Failure::usage)?;
    let (measurement, guest) = guest.measure(FIRMWARE, &[5; 16], backend);
    let digest_of = |image: &[u8]| {
        let mut digest = LaunchDigest::new();
        digest.update_data(image).map_err(Failure::usage)?;
        digest.update_vmsa(SAVE_AREA);
        Ok::<_, Failure>(digest.digest())
    };
    let check = |digest| Attested::check(session(), FIRMWARE, &digest, &measurement, backend);
    let attested = check(digest_of(IMAGE)?).map_err(Failure::usage)?;
    writeln!(out, "     measurement {}...: as expected", Hex(&measurement.measure[..24]))?;
    let other = check(digest_of(&[0xcd; 4096])?).map(drop);
    hold("a measurement is of one image", other.is_err())?;
    if let Err(why) = other {
        writeln!(out, "     for another image: {why}")?;
    }

    writeln!(out, "   So the guest may have its secret:")?;
    let entries = [(SecretTable::DISK_PASSPHRASE, PASSPHRASE)];
    let len = SecretTable::len_of(&entries).ok_or_else(|| Failure::usage("a short secret"))?;
    let mut packet = vec![0; len];
    SecretTable::write(&entries, &mut packet).map_err(Failure::usage)?;
    let header = attested
        .seal_secret(PacketIv::from_random([6; 16]), &mut packet)
        .map_err(Failure::usage)?;
    writeln!(out, "     the host sees {}...", Hex(&packet[..24]))?;
    let mut changed = packet.clone();
    changed[30] ^= 1;
    let refused = guest.open_secret(&header, &mut changed).map_err(|why| why.status());
    hold("a changed packet is refused", refused == Err(Status::BAD_MEASUREMENT))?;
    writeln!(out, "     changed: {}", said(refused))?;
    guest.open_secret(&header, &mut packet).map_err(Failure::usage)?;
    let table = SecretTable::parse(&packet).map_err(Failure::usage)?;
    let found = table.get(SecretTable::DISK_PASSPHRASE);
    hold("the secret arrives", found == Some(PASSPHRASE))?;
    writeln!(out, "     the guest reads {:?}", String::from_utf8_lossy(found.unwrap_or_default()))?;

    writeln!(
        out,
        "   The guest goes to another platform, page by page, under keys of the two firmwares:"
    )?;
    let guest = guest.finish();
    let receiver = Receiver { pdh: new.certificates().pdh.as_bytes(), platform: &[], amd: &[] };
    let sender = Sender { pdh: old.pdh(), oca: &old.certificates().oca, trust: Trust::amd() };
    let random = SessionRandom::new(&[7; 64]);
    let sending = guest.send_start(&receiver, &sender, &random, backend);
    let (sending, buffer) = sending.map_err(Failure::usage)?;
    let mut page = *IMAGE;
    let header = sending.data(PacketIv::from_random([8; 16]), &mut page).map_err(Failure::usage)?;
    sending.finish();
    writeln!(out, "     the host sees {}...", Hex(&page[..24]))?;
    let peer = old.certificates().pdh.as_bytes();
    let channel = Channel::open(new.pdh(), peer, &buffer.to_bytes(), POLICY, FIRMWARE.api);
    let receiving = Receiving::start(channel.map_err(Failure::usage)?, backend);
    let mut changed = page;
    changed[0] ^= 1;
    let refused = receiving.data(&header, &mut changed).map_err(|why| why.status());
    hold("a changed page is refused", refused == Err(Status::BAD_MEASUREMENT))?;
    writeln!(out, "     changed: {}", said(refused))?;
    receiving.data(&header, &mut page).map_err(Failure::usage)?;
    hold("the page arrives", page == *IMAGE)?;
    writeln!(out, "     as it was sent: the page is back")?;
    writeln!(
        out,
        "   A packet has no number and no address: the host can leave pages out, repeat them and mix them up."
    )?;
    Ok(())
}

/// What the firmware says.
fn said(result: Result<(), Status>) -> String {
    result.map_or_else(|status| format!("the firmware says {status}"), |()| "taken".to_owned())
}
