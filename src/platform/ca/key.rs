//! The RSA keys of a test CA. The only file that names the crate `rsa`.

use core::convert::Infallible;
use std::boxed::Box;
use std::vec::Vec;

use rand_core::{CryptoRng, TryCryptoRng, TryRng, utils};
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use rsa::{BoxedUint, PrivateKey};
use sha2::{Digest, Sha384};
use zeroize::Zeroizing;

use crate::kdf;
use crate::wipe::Wiped;
use crate::x509::RsaPublicKey;

/// RSA-4096.
const BITS: usize = 4096;
/// The bytes of a prime.
pub(super) const PRIME_LEN: usize = BITS / 16;
/// F4.
const EXPONENT: u32 = 0x1_0001;

/// p and q, big-endian.
pub(super) type Primes = Wiped<[[u8; PRIME_LEN]; 2]>;

/// A key of RSA-4096 with the exponent 65537. The crate `rsa` wipes it on drop; what it copies meanwhile it does not wipe.
pub(super) struct CaKey {
    key: PrivateKey,
    modulus: Box<[u8]>,
}

impl CaKey {
    pub(super) fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Option<Self> {
        PrivateKey::new(rng, BITS).ok().map(Self::of)
    }

    /// `None` if it is no such key. Whether the numbers are prime is not checked.
    pub(super) fn from_primes(primes: &[[u8; PRIME_LEN]; 2]) -> Option<Self> {
        let [p, q] = primes.each_ref().map(|prime| {
            let has_form = matches!(prime, [0x80..=0xff, .., last] if last & 1 == 1);
            has_form.then(|| BoxedUint::from_be_slice_truncated(prime, BITS as u32 / 2))
        });
        let key = Self::of(PrivateKey::from_p_q(p?, q?, EXPONENT.into()).ok()?);
        RsaPublicKey::new(&key.modulus, EXPONENT).ok()?;
        Some(key)
    }

    fn of(key: PrivateKey) -> Self {
        Self { modulus: key.n_bytes(), key }
    }

    pub(super) fn primes(&self) -> Primes {
        let mut primes = Wiped::new([[0; PRIME_LEN]; 2]);
        for (place, prime) in primes.iter_mut().zip(self.key.primes()) {
            let bytes = Zeroizing::new(prime.to_be_bytes());
            place.iter_mut().rev().zip(bytes.iter().rev()).for_each(|(to, from)| *to = *from);
        }
        primes
    }

    /// 512 bytes, big-endian.
    pub(super) fn modulus(&self) -> &[u8] {
        &self.modulus
    }

    pub(super) fn public_key(&self) -> RsaPublicKey<'_> {
        RsaPublicKey::new(&self.modulus, EXPONENT).expect("keys are made of this form only")
    }

    /// RSASSA-PSS (RFC 8017, 8.1.1) with SHA-384 and 48 bytes of salt. The same message gets the same signature: salt and
    /// blinding follow from the key and the message.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let digest = Sha384::digest(message);
        let mut random = SignatureRandom { primes: self.primes(), digest: digest.into(), taken: 0 };
        self.key.pss_sign_prehash_with_rng::<Sha384, _>(&mut random, &digest).ok()
    }
}

/// What a signature takes as random: bytes that nobody can tell who does not have the key, as RFC 6979 does it for ECDSA.
struct SignatureRandom {
    primes: Primes,
    digest: [u8; 48],
    /// How many times something was taken.
    taken: u64,
}

impl TryRng for SignatureRandom {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for bytes in bytes.chunks_mut(32) {
            let mut context = [0; 56];
            let all = self.digest.into_iter().chain(self.taken.to_be_bytes());
            context.iter_mut().zip(all).for_each(|(to, from)| *to = from);
            let mut block = Wiped::new([0; 32]);
            kdf::derive_array(
                self.primes.as_flattened(),
                b"sevcrypt-test-ca-signature",
                &context,
                &mut block,
            );
            bytes.iter_mut().zip(block.iter()).for_each(|(to, from)| *to = *from);
            self.taken += 1;
        }
        Ok(())
    }
}

impl TryCryptoRng for SignatureRandom {}

/// For tests: bytes that follow from a number.
#[cfg(test)]
pub(super) fn follows_from(number: u8) -> impl CryptoRng {
    SignatureRandom { primes: Wiped::new([[number; PRIME_LEN]; 2]), digest: [0; 48], taken: 0 }
}
