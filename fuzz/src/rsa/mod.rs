//! Verification of RSA-PSS signatures: every arithmetic, with the key prepared and without, against the crate `rsa`.

mod factors;

use factors::Factors;
use rsa::pss::{Signature, VerifyingKey};
use rsa::signature::Verifier;
use rsa::{BoxedUint, PublicKey};
use sevcrypt::Arithmetic;
use sevcrypt::x509::{PreparedRsaKey, RsaPublicKey, SignatureError};
use sha2::digest::FixedOutputReset;
use sha2::{Digest, Sha256, Sha384};

/// The only exponent that is taken; a prime.
const EXPONENT: u32 = 65537;

type Verdict = Result<(), SignatureError>;

/// A hash function of AMD's signatures, with what is verified by it.
trait Hash: Digest + FixedOutputReset {
    fn once(key: &RsaPublicKey<'_>, message: &[u8], signature: &[u8]) -> Verdict;
    fn prepared(key: &PreparedRsaKey, message: &[u8], signature: &[u8]) -> Verdict;
}

impl Hash for Sha384 {
    fn once(key: &RsaPublicKey<'_>, message: &[u8], signature: &[u8]) -> Verdict {
        key.verify_pss_sha384(message, signature)
    }

    fn prepared(key: &PreparedRsaKey, message: &[u8], signature: &[u8]) -> Verdict {
        key.verify_pss_sha384(message, signature)
    }
}

impl Hash for Sha256 {
    fn once(key: &RsaPublicKey<'_>, message: &[u8], signature: &[u8]) -> Verdict {
        key.verify_pss_sha256(message, signature)
    }

    fn prepared(key: &PreparedRsaKey, message: &[u8], signature: &[u8]) -> Verdict {
        key.verify_pss_sha256(message, signature)
    }
}

/// Reads from the input; behind its end there are zeros.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        array.copy_from_slice(&self.bytes(N));
        array
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        let (now, later) = self.0.split_at(self.0.len().min(len));
        self.0 = later;
        let mut bytes = now.to_vec();
        bytes.resize(len, 0);
        bytes
    }
}

/// A byte that says how: the hash function, and whether the key is made of factors, so that there are signatures that are valid.
pub fn rsa(data: &[u8]) {
    let Some((how, rest)) = data.split_first() else { return };
    let input = Input(rest);
    match (how & 1, how & 2) {
        (0, 0) => made::<Sha384>(how >> 2, input),
        (0, _) => any::<Sha384>(input),
        (_, 0) => made::<Sha256>(how >> 2, input),
        _ => any::<Sha256>(input),
    }
}

/// How far the salt's length is from the right one, a change of the encoding, a change of the signature, the factors, the message.
fn made<D: Hash>(how: u8, mut input: Input<'_>) {
    let [salt_change] = input.array();
    let changes: [[u8; 3]; 2] = [input.array(), input.array()];
    let count = if how & 1 == 0 { 32 } else { 64 };
    let factors = Factors::new((0..count).map(|_| u64::from_le_bytes(input.array())));
    let Input(message) = input;

    let modulus = factors.product();
    let salt_len = <D as Digest>::output_size() ^ usize::from(salt_change & 0x7F);
    let salt: Vec<u8> = message.iter().copied().chain(0..=255).take(salt_len).collect();
    let mut encoded = encode::<D>(message, &salt, modulus.len());
    change(&mut encoded, changes[0]);
    let mut signature = factors.root(&encoded);
    change(&mut signature, changes[1]);
    match how >> 1 & 3 {
        0 => {}
        // The same residue, where it fits.
        1 => add(&mut signature, &modulus),
        2 => _ = signature.pop(),
        _ => signature.insert(0, 0),
    }
    let is_as_made = changes.iter().all(|change| change[2] == 0);
    let is_right = salt_change & 0x7F == 0 && is_as_made && how >> 1 & 3 == 0;
    assert_eq!(check::<D>(&modulus, message, &signature), is_right);
}

/// The modulus' length, how far the exponent is from the right one, modulus, signature and message.
fn any<D: Hash>(mut input: Input<'_>) {
    const LENGTHS: [usize; 10] = [256, 512, 384, 128, 255, 257, 511, 513, 1, 0];
    let [length] = input.array();
    let len = LENGTHS[usize::from(length) % LENGTHS.len()];
    let exponent = EXPONENT ^ u32::from_le_bytes(input.array());
    let (modulus, signature) = (input.bytes(len), input.bytes(len));
    let Input(message) = input;

    let is_key = matches!(len, 256 | 512)
        && modulus[0] >= 0x80
        && modulus[len - 1] % 2 == 1
        && exponent == EXPONENT;
    match RsaPublicKey::new(&modulus, exponent) {
        Ok(_) => {
            assert!(is_key, "a key that is none");
            check::<D>(&modulus, message, &signature);
        }
        Err(error) => {
            assert!(!is_key, "{error}");
            crate::check_error(&error);
        }
    }
}

/// The verdict of the crate, which is that of all ways.
fn check<D: Hash>(modulus: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let wanted = verdict::<D>(modulus, message, signature);
    let key = RsaPublicKey::new(modulus, EXPONENT).expect("a key");
    let length_is_right = signature.len() == modulus.len();
    let agree = |found: Verdict, what: &dyn core::fmt::Display| {
        assert_eq!(found.is_ok(), wanted, "{what}");
        let length = SignatureError::Length { found: signature.len(), expected: modulus.len() };
        assert_eq!(found != Err(length), length_is_right, "{what}");
    };
    agree(D::once(&key, message, signature), &"once");
    for arithmetic in Arithmetic::available() {
        let prepared = key.prepare_with(arithmetic);
        agree(D::prepared(&prepared, message, signature), &arithmetic.kind());
    }
    wanted
}

/// That of the crate.
fn verdict<D: Hash>(modulus: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = PublicKey::new(BoxedUint::from_be_slice_vartime(modulus), EXPONENT.into());
    let key = VerifyingKey::<D>::new(key.expect("a key"));
    Signature::try_from(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
}

/// EMSA-PSS-ENCODE (RFC 8017, 9.1.1), one bit shorter than a modulus of so many bytes.
fn encode<D: Digest>(message: &[u8], salt: &[u8], len: usize) -> Vec<u8> {
    let hash = D::new()
        .chain_update([0; 8])
        .chain_update(D::digest(message))
        .chain_update(salt)
        .finalize();
    let mut encoded = vec![0; len - hash.len() - 1 - salt.len() - 1];
    encoded.push(1);
    encoded.extend_from_slice(salt);
    for (counter, block) in (0u32..).zip(encoded.chunks_mut(hash.len())) {
        let mask = D::new().chain_update(&hash).chain_update(counter.to_be_bytes()).finalize();
        block.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    }
    encoded[0] &= 0x7F;
    encoded.extend_from_slice(&hash);
    encoded.push(0xBC);
    encoded
}

/// Adds bits to the byte at a place.
fn change(bytes: &mut [u8], [low, high, bits]: [u8; 3]) {
    let at = usize::from(u16::from_le_bytes([low, high])) % bytes.len();
    bytes[at] ^= bits;
}

/// `a += b`, modulo 2 to their length; big-endian.
fn add(a: &mut [u8], b: &[u8]) {
    let mut carry = 0;
    for (a, b) in a.iter_mut().zip(b).rev() {
        let sum = u16::from(*a) + u16::from(*b) + carry;
        *a = sum as u8;
        carry = sum >> 8;
    }
}
