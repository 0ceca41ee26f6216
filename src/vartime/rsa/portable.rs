//! The public operation by the crate `crypto-bigint`. The only file that names it.

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U2048, U4096, Uint};

pub(super) const LIMBS_2048: usize = U2048::LIMBS;
pub(super) const LIMBS_4096: usize = U4096::LIMBS;

/// A modulus as long as the `Uint`, with its Montgomery parameters.
#[derive(Clone)]
pub(super) struct Key<const LIMBS: usize>(FixedMontyParams<LIMBS>);

impl<const LIMBS: usize> Key<LIMBS> {
    /// `None`: the modulus is even.
    pub(super) fn new(modulus: &[u8]) -> Option<Self> {
        let modulus = Odd::new(Uint::<LIMBS>::from_be_slice(modulus)).into_option()?;
        Some(Self(FixedMontyParams::new_vartime(modulus)))
    }

    /// As [`Prepared::raise`](super::Prepared::raise), for a signature as long as the modulus.
    ///
    /// The last factor is the signature itself, not its Montgomery form: the product then needs no conversion back.
    pub(super) fn raise(&self, signature: &[u8], power: &mut [u8]) -> bool {
        let Self(params) = self;
        let signature = Uint::<LIMBS>::from_be_slice(signature);
        if signature.cmp_vartime(params.modulus().as_ref()).is_ge() {
            return false;
        }
        let x = FixedMontyForm::new(&signature, params).square_repeat_vartime(16);
        let x = x.mul(&FixedMontyForm::from_montgomery(signature, params)).to_montgomery();
        for (bytes, limb) in power.rchunks_mut(crypto_bigint::Limb::BYTES).zip(x.to_limbs()) {
            bytes.copy_from_slice(&limb.0.to_be_bytes());
        }
        true
    }
}
