//! Every operation on lanes that a test gives, to compare those of the CPU with those of the model.

use std::vec::Vec;

use super::vector::*;

compiled! {
    pub(in crate::vartime::ifma) fn each(lanes: &[[u64; 8]; 3]) -> Vec<(&'static str, [u64; 8])> {
        let [x, y, z] = [load(&lanes[0]), load(&lanes[1]), load(&lanes[2])];
        let memory = Limbs::new(lanes[1]);
        let (a, b) = (low(x), load_limbs(&memory));
        // Of 62 bits: sums have room.
        let c = shr::<2>(z);
        let signed = sub(a, b);
        let word = |mask: Mask| [u64::from(mask), 0, 0, 0, 0, 0, 0, 0];
        let mut all = Vec::new();
        all.extend([
            ("load", store(x)),
            ("load_limbs", store(b)),
            ("store_limbs", *store_limbs(a).get()),
            ("splat_limb", store(splat_limb(&memory, 5))),
            ("zero", store(zero())),
            ("splat", store(splat(lanes[2][3]))),
            ("constant", store(constant(0x0123_4567_89AB_CDEF))),
            ("constants", store(constants(&[1, 2, 3, 4, 5, 6, 7, u64::MAX]))),
            ("madd_lo", store(madd_lo(c, a, b))),
            ("madd_hi", store(madd_hi(c, a, b))),
            ("madd_lo to a negative sum", store(madd_lo(signed, a, b))),
            ("madd_hi to a negative sum", store(madd_hi(signed, a, b))),
            ("add", store(add(a, c))),
            ("sub", store(signed)),
            ("and", store(and(x, y))),
            ("low", store(low(signed))),
        ]);
        all.extend([
            ("shl", store(shl::<11>(a))),
            ("shl of a negative", store(shl::<10>(signed))),
            ("shl_dropping", store(shl_dropping::<32>(x))),
            ("shr", store(shr::<52>(x))),
            ("sar", store(sar::<52>(signed))),
            ("sar of a positive", store(sar::<20>(c))),
            ("align 1", store(align::<1>(x, y))),
            ("align 7", store(align::<7>(x, y))),
            ("permute", store(permute(x, &[7, 0, 6, 1, 5, 5, 4, 2]))),
            ("permute2", store(permute2(x, y, &[15, 0, 9, 3, 3, 8, 1, 12]))),
            ("blend", store(blend(lanes[0][0] as u8, y, z))),
            ("factor_of", store(low(factor_of(x)))),
            ("negate", store(negate(0x5A, signed))),
            ("exchange 1", store(exchange::<1>(x))),
            ("exchange 2", store(exchange::<2>(x))),
            ("exchange 4", store(exchange::<4>(x))),
            ("lower 1", store(lower::<1>(x, y))),
            ("lower 2", store(lower::<2>(x, y))),
            ("lower 4", store(lower::<4>(x, y))),
            ("upper 1", store(upper::<1>(x, y))),
            ("upper 2", store(upper::<2>(x, y))),
            ("upper 4", store(upper::<4>(x, y))),
            ("equal", word(equal(x, y))),
            ("equal to some", word(equal(x, blend(0x35, x, y)))),
            ("less", word(less(x, y))),
            ("negative", word(negative(signed))),
            ("limbs", limbs(x).map_or([0; 8], |x| store(x))),
            ("limbs of limbs", limbs(a).map_or([0; 8], |x| store(x))),
        ]);
        all
    }
}
