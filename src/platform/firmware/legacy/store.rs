//! The keys of a platform in memory that the host keeps: INIT_EX.

use std::vec::Vec;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::addr::Block;
use crate::cpu::Backend;
use crate::ctr::CtrKey;
use crate::kdf;
use crate::sev::cert::PlatformCertificates;
use crate::sev::keys::{ChipUniqueKey, PlatformParts};
use crate::status::Status;
use crate::wipe::Wiped;
use crate::wire::{field, field_mut};

/// The bytes of the host's memory.
pub(super) const NV_LEN: usize = 0x8000;

/// The bytes that the firmware uses of them: ciphertext, HMAC-SHA-256, IV.
pub(super) const LEN: usize = TEXT + 32 + 16;

/// PEK and PDH, private; the certificates; whether an owner has taken the platform over.
pub(super) const TEXT: usize = CERTIFICATES + PlatformCertificates::LEN + 1;
const CERTIFICATES: usize = 96;

/// The first bytes of memory that holds nothing.
const ERASED: [u8; 4] = [0xff; 4];

/// The keys as bytes for the host to keep: `{ciphertext of AES-128-CTR, HMAC-SHA-256 of ciphertext and IV, IV}` under keys of the chip
/// (AMD's published firmware, `sev_persistent.c`).
///
/// MODEL: what is enciphered, and in which order, is this library's own, and the keys follow from the chip's unique key where the
/// firmware has one from its boot loader (UNKNOWN: its derivation).
pub(super) fn seal(chip: &ChipUniqueKey, parts: &PlatformParts, iv: &Block) -> Vec<u8> {
    let mut text = encode(parts);
    encryption(chip).apply(iv, &mut text[..]);
    let mac = integrity(chip).chain_update(&text[..]).chain_update(iv).finalize().into_bytes();
    [&text[..], &mac, iv].concat()
}

/// The keys out of bytes that [`seal`] has made; `None`: the memory holds nothing.
///
/// # Errors
/// `SECURE_DATA_INVALID`: they are not what this chip has made.
pub(super) fn open(
    chip: &ChipUniqueKey,
    bytes: &[u8; LEN],
) -> Result<Option<PlatformParts>, Status> {
    if bytes.starts_with(&ERASED) {
        return Ok(None);
    }
    let iv = field::<{ TEXT + 32 }, 16, _>(bytes);
    let mut text = Wiped::new(*field::<0, TEXT, _>(bytes));
    let mac = integrity(chip).chain_update(&text[..]).chain_update(iv);
    let found = field::<TEXT, 32, _>(bytes);
    mac.verify_slice(found).map_err(|_| Status::SECURE_DATA_INVALID)?;
    encryption(chip).apply(iv, &mut text[..]);
    Ok(Some(decode(&text)))
}

/// The keys as bytes that are not enciphered.
pub(super) fn encode(parts: &PlatformParts) -> Wiped<[u8; TEXT]> {
    let PlatformParts { pek, pdh, certificates, externally_owned } = parts;
    let mut text = Wiped::new([0; TEXT]);
    *field_mut::<0, 48, _>(&mut text) = **pek;
    *field_mut::<48, 48, _>(&mut text) = **pdh;
    *field_mut::<CERTIFICATES, { PlatformCertificates::LEN }, _>(&mut text) =
        certificates.to_bytes();
    *field_mut::<{ TEXT - 1 }, 1, _>(&mut text) = [(*externally_owned).into()];
    text
}

/// The keys out of bytes that [`encode`] has made. What they say nobody has checked.
pub(super) fn decode(text: &[u8; TEXT]) -> PlatformParts {
    PlatformParts {
        pek: Zeroizing::new(*field::<0, 48, _>(text)),
        pdh: Zeroizing::new(*field::<48, 48, _>(text)),
        certificates: PlatformCertificates::from_bytes(field::<CERTIFICATES, _, _>(text)),
        externally_owned: field::<{ TEXT - 1 }, 1, _>(text) == &[1],
    }
}

fn encryption(chip: &ChipUniqueKey) -> CtrKey {
    let mut key = Wiped::new([0; 16]);
    kdf::derive_array(chip.as_bytes(), b"sev-persistent-encryption\0", &[0; 4], &mut key);
    CtrKey::new(&*key, Backend::portable())
}

fn integrity(chip: &ChipUniqueKey) -> Hmac<Sha256> {
    let mut key = Wiped::new([0; 32]);
    kdf::derive_array(chip.as_bytes(), b"sev-persistent-integrity\0", &[0; 4], &mut key);
    Hmac::new_from_slice(&key[..]).expect("HMAC takes keys of any length")
}
