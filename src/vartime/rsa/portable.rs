//! The public operation by the crate `crypto-bigint`. The only file that names it.

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U2048, U4096, Uint};

use super::LONGEST;

pub(super) fn raise(modulus: &[u8], signature: &[u8]) -> Option<[u8; LONGEST]> {
    if modulus.len() != signature.len() {
        return None;
    }
    let mut power = [0; LONGEST];
    match modulus.len() {
        U2048::BYTES => {
            let result = raise_limbs::<{ U2048::LIMBS }>(modulus, signature)?;
            power[..U2048::BYTES].copy_from_slice(result.to_be_bytes().as_ref());
        }
        U4096::BYTES => {
            let result = raise_limbs::<{ U4096::LIMBS }>(modulus, signature)?;
            power.copy_from_slice(result.to_be_bytes().as_ref());
        }
        _ => return None,
    }
    Some(power)
}

/// Both are as long as the `Uint`.
///
/// The last factor is the signature itself, not its Montgomery form: the product then needs no conversion back.
fn raise_limbs<const LIMBS: usize>(modulus: &[u8], signature: &[u8]) -> Option<Uint<LIMBS>> {
    let modulus = Odd::new(Uint::<LIMBS>::from_be_slice(modulus)).into_option()?;
    let signature = Uint::<LIMBS>::from_be_slice(signature);
    if signature.cmp_vartime(modulus.as_ref()).is_ge() {
        return None;
    }
    let params = FixedMontyParams::new_vartime(modulus);
    let power = FixedMontyForm::new(&signature, &params).square_repeat_vartime(16);
    Some(power.mul(&FixedMontyForm::from_montgomery(signature, &params)).to_montgomery())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small roots: 2^65537 mod (2^4096 - 1) = 2^(65537 mod 4096) = 2, since 65537 = 16 * 4096 + 1.
    #[test]
    fn a_power_that_is_known() {
        let modulus = [0xFF; 512];
        let mut two = [0; 512];
        two[511] = 2;
        assert_eq!(raise(&modulus, &two), Some(two));
        assert!(raise(&modulus, &modulus).is_none(), "not below the modulus");
        two[510] = 1;
        let below = raise(&modulus[..256], &two[256..]).unwrap();
        let times = (0..65537).fold(U2048::ONE, |product, _| {
            product.mul_mod(&U2048::from_u16(0x102), &U2048::MAX.to_nz().unwrap())
        });
        assert_eq!(below[..256], *times.to_be_bytes().as_ref());
    }
}
