//! The operations of `vector.rs` without the CPU's: every lane has a value, and the bounds between which it lies for all inputs.
//!
//! A value is an integer, and the lane's 64 bits are that integer modulo 2^64. Each operation says what it asks of its arguments,
//! and panics where the bounds allow anything else: a factor that may not be a limb, a result that 64 bits may not hold. Bounds do
//! not depend on values (but see [`limbs`](vector::limbs), which compares), so one run shows them for all inputs that take the
//! same branches.

#![allow(clippy::duplicate_mod, reason = "the same source on other lanes")]

pub(super) mod vector {
    use super::super::LIMB_MAX;
    pub(in super::super) use super::super::Limbs;

    /// Lanes with their bounds.
    #[derive(Clone, Copy, Debug)]
    pub(in super::super) struct V([Lane; 8]);

    pub(in super::super) type Mask = u8;

    #[derive(Clone, Copy, Debug)]
    struct Lane {
        value: i128,
        least: i128,
        most: i128,
    }

    macro_rules! compiled {
        ($($item:item)*) => { $($item)* };
    }
    pub(in super::super) use compiled;

    impl Lane {
        /// A value with its bounds: 64 bits hold all between them, with a sign or without.
        #[track_caller]
        fn new(value: i128, least: i128, most: i128) -> Self {
            assert!(least <= value && value <= most, "{value} is not from {least} to {most}");
            let unsigned = 0 <= least && most < 1 << 64;
            let signed = -(1 << 63) <= least && most < 1 << 63;
            assert!(unsigned || signed, "64 bits do not hold {least} to {most}");
            Self { value, least, most }
        }

        /// Any 64 bits.
        fn any(bits: u64) -> Self {
            Self::new(bits.into(), 0, u64::MAX.into())
        }

        fn constant(bits: u64) -> Self {
            Self::new(bits.into(), bits.into(), bits.into())
        }

        fn bits(self) -> u64 {
            self.value as u64
        }

        #[track_caller]
        fn limb(self) -> Self {
            let most = LIMB_MAX.into();
            assert!(
                self.least >= 0 && self.most <= most,
                "{} to {} is not a limb",
                self.least,
                self.most
            );
            self
        }

        #[track_caller]
        fn not_negative(self) -> Self {
            assert!(self.least >= 0, "from {} on, and no sign is expected", self.least);
            self
        }
    }

    impl V {
        #[track_caller]
        fn lanes(mut lane: impl FnMut(usize) -> Lane) -> Self {
            let mut lanes = [Lane { value: 0, least: 0, most: 0 }; 8];
            for (n, place) in lanes.iter_mut().enumerate() {
                *place = lane(n);
            }
            Self(lanes)
        }

        /// The least and the most of all lanes.
        pub(in super::super) fn bounds(&self) -> (i128, i128) {
            let least = self.0.iter().map(|lane| lane.least).min();
            let most = self.0.iter().map(|lane| lane.most).max();
            (least.unwrap(), most.unwrap())
        }

        /// Says that every lane lies between bounds that the lane's own do not show. The values must.
        #[track_caller]
        pub(in super::super) fn within(self, least: i128, most: i128) -> Self {
            let lane =
                |lane: Lane| Lane::new(lane.value, least.max(lane.least), most.min(lane.most));
            Self(self.0.map(lane))
        }
    }

    pub(in super::super) fn load(lanes: &[u64; 8]) -> V {
        V(lanes.map(Lane::any))
    }

    pub(in super::super) fn store(x: V) -> [u64; 8] {
        x.0.map(Lane::bits)
    }

    pub(in super::super) fn load_limbs(limbs: &Limbs) -> V {
        V(limbs.0.map(|limb| Lane::new(limb.into(), 0, LIMB_MAX.into())))
    }

    #[track_caller]
    pub(in super::super) fn store_limbs(x: V) -> Limbs {
        x.0.iter().for_each(|lane| _ = lane.limb());
        Limbs(store(x))
    }

    pub(in super::super) fn splat_limb(limbs: &Limbs, n: usize) -> V {
        V([Lane::new(limbs.0[n].into(), 0, LIMB_MAX.into()); 8])
    }

    pub(in super::super) fn zero() -> V {
        constant(0)
    }

    pub(in super::super) fn splat(x: u64) -> V {
        V([Lane::any(x); 8])
    }

    pub(in super::super) fn constant(x: u64) -> V {
        V([Lane::constant(x); 8])
    }

    pub(in super::super) fn constants(x: &'static [u64; 8]) -> V {
        V(x.map(Lane::constant))
    }

    #[track_caller]
    pub(in super::super) fn madd_lo(sum: V, a: V, b: V) -> V {
        V::lanes(|n| {
            let (sum, a, b) = (sum.0[n], a.0[n].limb(), b.0[n].limb());
            let limb = i128::from(LIMB_MAX);
            let most = sum.most + limb.min(a.most * b.most);
            Lane::new(sum.value + ((a.value * b.value) & limb), sum.least, most)
        })
    }

    #[track_caller]
    pub(in super::super) fn madd_hi(sum: V, a: V, b: V) -> V {
        V::lanes(|n| {
            let (sum, a, b) = (sum.0[n], a.0[n].limb(), b.0[n].limb());
            Lane::new(
                sum.value + ((a.value * b.value) >> 52),
                sum.least + ((a.least * b.least) >> 52),
                sum.most + ((a.most * b.most) >> 52),
            )
        })
    }

    #[track_caller]
    pub(in super::super) fn add(a: V, b: V) -> V {
        V::lanes(|n| {
            let (a, b) = (a.0[n], b.0[n]);
            Lane::new(a.value + b.value, a.least + b.least, a.most + b.most)
        })
    }

    #[track_caller]
    pub(in super::super) fn sub(a: V, b: V) -> V {
        V::lanes(|n| {
            let (a, b) = (a.0[n], b.0[n]);
            Lane::new(a.value - b.value, a.least - b.most, a.most - b.least)
        })
    }

    #[track_caller]
    pub(in super::super) fn and(a: V, b: V) -> V {
        V::lanes(|n| {
            let (a, b) = (a.0[n].not_negative(), b.0[n].not_negative());
            Lane::new(a.value & b.value, 0, a.most.min(b.most))
        })
    }

    pub(in super::super) fn low(x: V) -> V {
        let limb = i128::from(LIMB_MAX);
        V::lanes(|n| {
            let lane = x.0[n];
            let most = if lane.least < 0 { limb } else { limb.min(lane.most) };
            Lane::new(lane.value & limb, 0, most)
        })
    }

    #[track_caller]
    pub(in super::super) fn shl<const BITS: u32>(x: V) -> V {
        V::lanes(|n| {
            let lane = x.0[n];
            Lane::new(lane.value << BITS, lane.least << BITS, lane.most << BITS)
        })
    }

    pub(in super::super) fn shl_dropping<const BITS: u32>(x: V) -> V {
        V::lanes(|n| Lane::any(x.0[n].bits() << BITS))
    }

    #[track_caller]
    pub(in super::super) fn shr<const BITS: u32>(x: V) -> V {
        V::lanes(|n| {
            let lane = x.0[n].not_negative();
            Lane::new(lane.value >> BITS, lane.least >> BITS, lane.most >> BITS)
        })
    }

    #[track_caller]
    pub(in super::super) fn sar<const BITS: u32>(x: V) -> V {
        V::lanes(|n| {
            let lane = x.0[n];
            assert!(lane.most < 1 << 63, "{} is taken for a negative number", lane.most);
            Lane::new(lane.value >> BITS, lane.least >> BITS, lane.most >> BITS)
        })
    }

    pub(in super::super) fn align<const FROM: i32>(high: V, low: V) -> V {
        let from = FROM as usize;
        V::lanes(|n| if n + from < 8 { low.0[n + from] } else { high.0[n + from - 8] })
    }

    pub(in super::super) fn permute(x: V, lanes: &'static [u64; 8]) -> V {
        V::lanes(|n| x.0[lanes[n] as usize])
    }

    pub(in super::super) fn permute2(a: V, b: V, lanes: &'static [u64; 8]) -> V {
        V::lanes(|n| match lanes[n] as usize {
            lane @ 0..8 => a.0[lane],
            lane => b.0[lane - 8],
        })
    }

    #[track_caller]
    pub(in super::super) fn blend(mask: Mask, a: V, b: V) -> V {
        V::lanes(|n| {
            let (a, b) = (a.0[n], b.0[n]);
            let value = if mask >> n & 1 == 1 { b.value } else { a.value };
            Lane::new(value, a.least.min(b.least), a.most.max(b.most))
        })
    }

    fn mask(mut lane: impl FnMut(usize) -> bool) -> Mask {
        (0..8).filter(|&n| lane(n)).fold(0, |mask, n| mask | 1 << n)
    }

    pub(in super::super) fn equal(a: V, b: V) -> Mask {
        mask(|n| a.0[n].bits() == b.0[n].bits())
    }

    #[track_caller]
    pub(in super::super) fn less(a: V, b: V) -> Mask {
        mask(|n| a.0[n].not_negative().value < b.0[n].not_negative().value)
    }

    #[track_caller]
    pub(in super::super) fn negative(x: V) -> Mask {
        mask(|n| {
            assert!(x.0[n].most < 1 << 63, "{} is taken for a negative number", x.0[n].most);
            x.0[n].value < 0
        })
    }

    pub(in super::super) fn factor_of(x: V) -> V {
        low(x)
    }

    #[track_caller]
    pub(in super::super) fn negate(mask: Mask, x: V) -> V {
        blend(mask, x, sub(zero(), x))
    }

    pub(in super::super) fn exchange<const DISTANCE: usize>(x: V) -> V {
        V::lanes(|n| x.0[n ^ DISTANCE])
    }

    pub(in super::super) fn lower<const DISTANCE: usize>(a: V, b: V) -> V {
        V::lanes(|n| if n & DISTANCE == 0 { a.0[n] } else { b.0[n ^ DISTANCE] })
    }

    pub(in super::super) fn upper<const DISTANCE: usize>(a: V, b: V) -> V {
        V::lanes(|n| if n & DISTANCE == 0 { a.0[n ^ DISTANCE] } else { b.0[n] })
    }

    pub(in crate::vartime::ifma) use super::bound::Bound;

    /// If the values are limbs, that is what is known of them behind the branch: this is the one place where values decide.
    #[track_caller]
    pub(in super::super) fn limbs(x: V) -> Option<V> {
        let most = i128::from(LIMB_MAX);
        let limbs = x.0.iter().all(|lane| lane.not_negative().value <= most);
        limbs.then(|| x.within(0, most))
    }
}

#[path = "operations.rs"]
pub(super) mod operations;
#[path = "rsa.rs"]
pub(in crate::vartime) mod rsa;

#[path = "bound.rs"]
mod bound;

#[path = "p384/mod.rs"]
pub(super) mod p384;

mod tests {
    use super::super::LIMB_MAX;
    use super::vector::*;

    const LIMB: i128 = LIMB_MAX as i128;

    /// Bounds by hand.
    #[test]
    fn bounds() {
        let limbs = load_limbs(&Limbs::ZERO);
        let any = load(&[0; 8]);
        assert_eq!(limbs.bounds(), (0, LIMB));
        assert_eq!(madd_lo(limbs, limbs, limbs).bounds(), (0, 2 * LIMB));
        assert_eq!(madd_hi(limbs, limbs, limbs).bounds(), (0, LIMB + LIMB - 1));
        assert_eq!(madd_lo(zero(), limbs, constant(8)).bounds(), (0, LIMB));
        assert_eq!(madd_hi(zero(), limbs, constant(1 << 20)).bounds(), (0, (1 << 20) - 1));
        assert_eq!(sub(limbs, constant(3)).bounds(), (-3, LIMB - 3));
        assert_eq!(sar::<52>(sub(limbs, limbs)).bounds(), (-1, 0));
        assert_eq!(shr::<60>(any).bounds(), (0, 15));
        assert_eq!(low(sub(zero(), limbs)).bounds(), (0, LIMB));
        assert_eq!(and(any, constant(5)).bounds(), (0, 5));
        assert_eq!(blend(0, constant(1), constant(7)).bounds(), (1, 7));
        assert_eq!(align::<1>(constant(9), zero()).bounds(), (0, 9));
        assert_eq!(store_limbs(limbs), Limbs::ZERO);
    }

    /// What the values would allow, and the bounds do not.
    #[test]
    fn what_is_out_of_bounds_panics() {
        let refuse: [fn() -> V; 12] = [
            || madd_lo(zero(), load(&[0; 8]), zero()),
            || madd_hi(zero(), zero(), constant(1 << 52)),
            || madd_lo(load(&[0; 8]), constant(1), constant(1)),
            || madd_lo(zero(), sub(zero(), constant(1)), zero()),
            || add(load(&[0; 8]), constant(1)),
            || sub(load(&[0; 8]), constant(1)),
            || shl::<13>(load_limbs(&Limbs::ZERO)),
            || shr::<1>(sub(zero(), constant(1))),
            || sar::<1>(load(&[0; 8])),
            || and(sub(zero(), constant(1)), constant(1)),
            || load_limbs(&store_limbs(load(&[0; 8]))),
            || constant(5).within(0, 4),
        ];
        for (n, refuse) in refuse.into_iter().enumerate() {
            assert!(std::panic::catch_unwind(refuse).is_err(), "operation {n}");
        }
    }
}
