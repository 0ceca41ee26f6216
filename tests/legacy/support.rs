//! The keys and certificates of the worked example.

use sevcrypt::ecdh;
use sevcrypt::ecdsa::SigningKey;
use sevcrypt::sev::ApiVersion;
use sevcrypt::sev::cert::{Certificate, PlatformCertificates, Usage};
use sevcrypt::sev::keys::ChipUniqueKey;
use sha2::{Digest, Sha256};

pub(crate) const OCA: &str = "d74e2b8068d20d9c792c1314a00ebbd6778108d7f2d85484c40466995b1ca3a0\
    95eff53228280d16fe30f85278128abd";
pub(crate) const PEK: &str = "bdd68b61a529be1ca5f72cf122d949d1c28af6e7522f16a92b4e8ef5cb64bc79\
    741df7e1fdc9a816b04e9b9edb5b40fc";
pub(crate) const PDH: &str = "5b53a12149a75d8873dc96e933242c64bd13a1dd6e3573db0fa3229cfb115943\
    87d988b35dee9aedd5d6335b200301d6";
/// The guest owner's.
pub(crate) const OWNER: &str = "76d72e53c906c087d2cdca11eed35235efbdd28c1f453c4a74f4357d067ef921\
    7cde8c19fa78605bffecdc78b7ea8718";

pub(crate) const API: ApiVersion = ApiVersion { major: 1, minor: 55 };

pub(crate) fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    base16ct::lower::decode_vec(hex).expect("digits").try_into().expect("the length")
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}

pub(crate) fn signing_key(scalar: &str) -> SigningKey {
    SigningKey::from_scalar(&bytes(scalar)).expect("a private key")
}

pub(crate) fn ecdh_key(scalar: &str) -> ecdh::PrivateKey {
    ecdh::PrivateKey::from_scalar(&bytes(scalar)).expect("a private key")
}

pub(crate) fn chip() -> ChipUniqueKey {
    ChipUniqueKey::new(&std::array::from_fn(|i| i as u8))
}

/// A certificate of a key, signed.
pub(crate) fn certificate(
    usage: Usage,
    key: &SigningKey,
    by: &[(Usage, &SigningKey)],
) -> Certificate {
    let mut certificate = Certificate::of_verifying_key(usage, &key.verifying_key(), API);
    for (usage, signer) in by {
        certificate.sign(*usage, *signer).expect("signed");
    }
    certificate
}

pub(crate) fn pdh_certificate(scalar: &str, by: &[(Usage, &SigningKey)]) -> Certificate {
    let mut certificate = Certificate::of_ecdh_key(&ecdh_key(scalar).public_key(), API);
    for (usage, signer) in by {
        certificate.sign(*usage, *signer).expect("signed");
    }
    certificate
}

/// The platform of the worked example, as it exports its certificates.
pub(crate) fn platform() -> PlatformCertificates {
    let (oca, pek, cek) = (signing_key(OCA), signing_key(PEK), chip().cek());
    PlatformCertificates {
        pdh: pdh_certificate(PDH, &[(Usage::PEK, &pek)]),
        pek: certificate(Usage::PEK, &pek, &[(Usage::OCA, &oca), (Usage::CEK, &cek)]),
        oca: certificate(Usage::OCA, &oca, &[(Usage::OCA, &oca)]),
        cek: certificate(Usage::CEK, &cek, &[]),
    }
}

/// The same certificate with other bytes.
pub(crate) fn edited(certificate: &Certificate, edit: impl FnOnce(&mut [u8])) -> Certificate {
    let mut bytes = *certificate.as_bytes();
    edit(&mut bytes);
    Certificate::from_bytes(&bytes)
}
