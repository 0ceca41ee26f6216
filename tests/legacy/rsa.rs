//! RSASSA-PSS signatures by the public test keys of `vectors/attestation/keys`, and AMD certificates with them.

use std::convert::Infallible;
use std::path::Path;

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U2048, U4096, Uint};
use sevcrypt::sev::cert::{AmdDraft, Certificate, Slot, Usage};
use sevcrypt::x509::RsaPublicKey;
use sha2::{Digest, Sha256, Sha384};

/// n and d, big-endian.
pub(crate) struct RsaKey {
    n: Vec<u8>,
    d: Vec<u8>,
}

impl RsaKey {
    pub(crate) fn load(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/attestation/keys");
        let pem = std::fs::read_to_string(folder.join(name)).expect("a test key");
        let der = base64(pem.lines().filter(|line| !line.starts_with('-')).collect());
        // PrivateKeyInfo: version, algorithm, OCTET STRING of RSAPrivateKey: version, n, e, d ...
        let info = tlv(&der).1;
        let (_, _, rest) = tlv(info);
        let (_, _, rest) = tlv(rest);
        let mut rest = tlv(tlv(rest).1).1;
        let mut numbers = Vec::new();
        for _ in 0..4 {
            let (_, number, after) = tlv(rest);
            numbers.push(number.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<u8>>());
            rest = after;
        }
        let d = numbers.pop().expect("d");
        Self { n: numbers.swap_remove(1), d }
    }

    pub(crate) fn public(&self) -> RsaPublicKey<'_> {
        RsaPublicKey::new(&self.n, 65537).expect("a test key")
    }

    /// Big-endian; the hash goes with the size.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self.n.len() {
            256 => self.power::<{ U2048::LIMBS }>(&encode::<Sha256>(message, 256)),
            _ => self.power::<{ U4096::LIMBS }>(&encode::<Sha384>(message, 512)),
        }
    }

    /// With the hash that does not go with the size.
    pub(crate) fn sign_with_the_other_hash(&self, message: &[u8]) -> Vec<u8> {
        match self.n.len() {
            256 => self.power::<{ U2048::LIMBS }>(&encode::<Sha384>(message, 256)),
            _ => self.power::<{ U4096::LIMBS }>(&encode::<Sha256>(message, 512)),
        }
    }

    fn power<const LIMBS: usize>(&self, encoded: &[u8]) -> Vec<u8> {
        let number = |bytes: &[u8]| {
            let mut filled = vec![0; self.n.len() - bytes.len()];
            filled.extend(bytes);
            Uint::<LIMBS>::from_be_slice(&filled)
        };
        let modulus = Odd::new(number(&self.n)).into_option().expect("odd");
        let params = FixedMontyParams::new_vartime(modulus);
        let power = FixedMontyForm::new(&number(encoded), &params).pow(&number(&self.d));
        let mut bytes = Vec::new();
        for word in power.retrieve().to_words().iter().rev() {
            bytes.extend(word.to_be_bytes());
        }
        bytes
    }

    /// The draft of a certificate of this key.
    pub(crate) fn draft(&self, usage: Usage, key_id: [u8; 16], by: [u8; 16]) -> AmdDraft<'_> {
        AmdDraft { key_id, certifying_id: by, usage, key: self.public() }
    }

    /// Writes a certificate, signed by this key.
    pub(crate) fn certify(&self, draft: &AmdDraft<'_>) -> Vec<u8> {
        let mut out = vec![0; draft.written_len()];
        let written = draft.write(&mut out, |signed, place| {
            // A signer of another size cannot sign in this form.
            let signature = self.sign(signed);
            let len = place.len().min(signature.len());
            place[..len].copy_from_slice(&signature[..len]);
            Ok::<(), Infallible>(())
        });
        assert_eq!(written.expect("written").as_bytes().len(), draft.written_len());
        out
    }

    /// The certificate with AMD's place of a signature filled by this key.
    pub(crate) fn sign_cek(&self, cek: &Certificate) -> Certificate {
        let mut signature = [0; 512];
        let numbers = self.sign(cek.body());
        signature.iter_mut().zip(numbers.iter().rev()).for_each(|(to, from)| *to = *from);
        let algorithm = sevcrypt::sev::cert::RsaKey::from(self.public()).algorithm();
        let mut signed = cek.clone();
        assert!(signed.add_signature(Slot { usage: Usage::ASK, algorithm, signature: &signature }));
        signed
    }
}

/// EMSA-PSS-ENCODE (RFC 8017, 9.1.1) for n bytes of modulus, with a salt of sevens.
fn encode<D: Digest>(message: &[u8], bytes: usize) -> Vec<u8> {
    let len = <D as Digest>::output_size();
    let salt = vec![7; len];
    let hash = D::new()
        .chain_update([0; 8])
        .chain_update(D::digest(message))
        .chain_update(&salt)
        .finalize();
    let mut encoded = vec![0; bytes - 2 * len - 2];
    encoded.push(1);
    encoded.extend(salt);
    for (counter, block) in (0u32..).zip(encoded.chunks_mut(len)) {
        let mask = D::new().chain_update(&hash).chain_update(counter.to_be_bytes()).finalize();
        block.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    }
    encoded[0] &= 0x7f;
    encoded.extend_from_slice(&hash);
    encoded.push(0xbc);
    encoded
}

/// Tag, content, and what follows.
fn tlv(der: &[u8]) -> (u8, &[u8], &[u8]) {
    let (head, len) = match der[1] {
        short @ 0..0x80 => (2, usize::from(short)),
        long => {
            let bytes = usize::from(long & 0x7f);
            (2 + bytes, der[2..2 + bytes].iter().fold(0, |len, byte| len << 8 | usize::from(*byte)))
        }
    };
    (der[0], &der[head..head + len], &der[head + len..])
}

fn base64(text: String) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut bits, mut word) = (0, 0u32);
    for digit in text.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        (word, bits) = (word << 6 | u32::from(value), bits + 6);
        if bits >= 8 {
            bits -= 8;
            bytes.push((word >> bits) as u8);
        }
    }
    bytes
}
