//! Two platforms under a root for tests, and one owner's OCA on both.

use sevcrypt::ecdsa::SigningKey;
use sevcrypt::sev::cert::{AmdCertificate, Certificate, PlatformCertificates};
use sevcrypt::sev::keys::{ChipUniqueKey, Oca, PlatformKeys, PlatformRandom};
use sevcrypt::sev::{ApiVersion, FirmwareVersion};

pub(crate) const FIRMWARE: FirmwareVersion =
    FirmwareVersion { api: ApiVersion { major: 1, minor: 55 }, build: 25 };

/// ASK and ARK.
pub(crate) const ASK_ARK: &[u8; 3200] = &{
    let (ask, ark) = (
        include_bytes!("../../vectors/sev/ask.cert"),
        include_bytes!("../../vectors/sev/ark.cert"),
    );
    let mut both = [0; 3200];
    let (first, second) = both.split_at_mut(ask.len());
    first.copy_from_slice(ask);
    second.copy_from_slice(ark);
    both
};

/// The certificates of the two chips' CEKs, with the ASK's signature.
const CEKS: [&[u8; Certificate::LEN]; 2] = [
    include_bytes!("../../vectors/sev/cek.cert"),
    include_bytes!("../../vectors/sev/second-cek.cert"),
];

/// The root of [`ASK_ARK`].
pub(crate) fn ark() -> AmdCertificate<'static> {
    AmdCertificate::parse_chain(ASK_ARK).unwrap()[1]
}

/// Platform 0 or 1, as it comes.
pub(crate) fn platform(number: u8) -> PlatformKeys {
    let chip = ChipUniqueKey::new(&core::array::from_fn(|i| 32 * number + i as u8));
    PlatformKeys::generate(&chip, FIRMWARE.api, &PlatformRandom::new(&[number + 1; 168])).unwrap()
}

/// The same, taken over by an owner.
pub(crate) fn owned_platform(number: u8, oca: &Oca) -> PlatformKeys {
    let mut keys = platform(number);
    let pek = oca.sign_csr(&keys.pek_csr()).unwrap();
    let oca = oca.certificate().as_bytes();
    keys.pek_cert_import(pek.as_bytes(), oca, &[number + 11; 56]).unwrap();
    keys
}

pub(crate) fn owner(seed: u8) -> Oca {
    Oca::new(SigningKey::from_random(&[seed; 56])).unwrap()
}

/// What a platform exports, with AMD's certificate of its CEK.
pub(crate) fn certificates(number: usize, keys: &PlatformKeys) -> PlatformCertificates {
    let cek = Certificate::from_bytes(CEKS[number]);
    PlatformCertificates { cek, ..keys.certificates().clone() }
}
