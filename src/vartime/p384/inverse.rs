//! Inverses modulo an odd number of 384 bits, in variable time, by division steps (Bernstein and Yang, "Fast
//! constant-time gcd computation and modular inversion", 2019).
//!
//! Two numbers f and g begin as the modulus and the number, and a step halves g, or a sum of both, so that their common
//! divisor stays. What 62 steps do depends on the lowest 62 bits of both, and is a matrix of four integers: a round finds it
//! with words alone, and then applies it to the whole numbers. Meanwhile d and e follow, with f = d * number and
//! g = e * number modulo the modulus. When g is zero, f is 1 or -1, and d or -d is the inverse.

use super::words::Words;

/// A number with a sign: limbs of 62 bits, the lowest first, and above them the last one, which has the sign.
type Limbs = [i64; 7];

/// The bits of a limb, and the steps of a round.
const LIMB: u32 = 62;
const MASK: i64 = (1 << LIMB) - 1;

/// Theorem 11.2 of the paper: numbers of d bits, 46 or more, take at most (49 d + 57) / 17 steps, rounded down.
const ROUNDS: usize = ((49 * 384 + 57) / 17_usize).div_ceil(LIMB as usize);

/// An odd number, modulo which numbers are inverted.
pub(crate) struct Inverter {
    modulus: Limbs,
    /// `1 / modulus` modulo 2^62.
    inverse: u64,
}

/// What a round's steps do: f becomes `(u f + v g) / 2^62`, and g `(q f + r g) / 2^62`. The absolute values of a row's two
/// sum up to 2^62 at most.
struct Matrix {
    u: i64,
    v: i64,
    q: i64,
    r: i64,
}

impl Inverter {
    pub(crate) const fn new(modulus: &Words) -> Self {
        // Each step doubles the number of bits that are right; of an odd number, its own three lowest are.
        let mut inverse = modulus[0];
        let mut bits = 3;
        while bits < LIMB {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(modulus[0].wrapping_mul(inverse)));
            bits *= 2;
        }
        Self { modulus: to_limbs(modulus), inverse }
    }

    /// The inverse of a number below the modulus; `None` if there is none. Whoever asks multiplies the two, to be sure.
    pub(crate) fn inverse(&self, number: &Words) -> Option<Words> {
        let (mut f, mut g) = (self.modulus, to_limbs(number));
        let (mut d, mut e) = ([0; 7], [1, 0, 0, 0, 0, 0, 0]);
        let mut delta = 1;
        let mut used = f.len();
        for _ in 0..ROUNDS {
            let matrix = Matrix::of_steps(&mut delta, f[0] as u64, g[0] as u64);
            self.apply(&matrix, &mut d, &mut e);
            matrix.apply(&mut f, &mut g, &mut used);
            if g.iter().take(used).all(|limb| *limb == 0) {
                return match (used, f[0]) {
                    (1, 1) => Some(self.reduced(&d, 1)),
                    (1, -1) => Some(self.reduced(&d, -1)),
                    _ => None,
                };
            }
        }
        None
    }

    /// Applies a matrix to d and e, modulo the modulus: both are, and stay, above its negated double and below itself.
    fn apply(&self, &Matrix { u, v, q, r }: &Matrix, d: &mut Limbs, e: &mut Limbs) {
        let (d_sign, e_sign) = (d[6] >> 63, e[6] >> 63);
        // So many moduli are added: one to d and to e where they are below zero...
        let mut to_d = (u & d_sign) + (v & e_sign);
        let mut to_e = (q & d_sign) + (r & e_sign);
        let mut d_sum = wide(u, d[0]) + wide(v, e[0]);
        let mut e_sum = wide(q, d[0]) + wide(r, e[0]);
        // ... and as many less as make the lowest 62 bits zero.
        let less = |sum: i128, added: i64| {
            (self.inverse.wrapping_mul(sum as u64) as i64).wrapping_add(added) & MASK
        };
        to_d -= less(d_sum, to_d);
        to_e -= less(e_sum, to_e);
        d_sum = (d_sum + wide(to_d, self.modulus[0])) >> LIMB;
        e_sum = (e_sum + wide(to_e, self.modulus[0])) >> LIMB;
        for i in 1..7 {
            d_sum += wide(u, d[i]) + wide(v, e[i]) + wide(to_d, self.modulus[i]);
            e_sum += wide(q, d[i]) + wide(r, e[i]) + wide(to_e, self.modulus[i]);
            (d[i - 1], e[i - 1]) = (d_sum as i64 & MASK, e_sum as i64 & MASK);
            (d_sum, e_sum) = (d_sum >> LIMB, e_sum >> LIMB);
        }
        (d[6], e[6]) = (d_sum as i64, e_sum as i64);
    }

    /// What d is, times 1 or -1, from 0 to the modulus less one.
    fn reduced(&self, d: &Limbs, sign: i64) -> Words {
        let positive = |limbs: Limbs| {
            if limbs[6] < 0 { sum(&limbs, 1, &self.modulus) } else { limbs }
        };
        from_limbs(&positive(sum(&positive(*d), sign, &[0; 7])))
    }
}

impl Matrix {
    /// That of 62 steps on numbers that end with these bits. `delta` counts the steps that made g shorter against those that
    /// made f so.
    fn of_steps(delta: &mut i64, mut f: u64, mut g: u64) -> Self {
        let (mut u, mut v, mut q, mut r) = (1_i64, 0_i64, 0_i64, 1_i64);
        let mut left = LIMB;
        loop {
            // Steps with an even g halve it.
            let zeroes = (g | u64::MAX << left).trailing_zeros();
            g >>= zeroes;
            (u, v) = (u << zeroes, v << zeroes);
            *delta += i64::from(zeroes);
            left -= zeroes;
            if left == 0 {
                return Self { u, v, q, r };
            }
            if *delta > 0 {
                *delta = -*delta;
                (f, g) = (g, f.wrapping_neg());
                (u, v, q, r) = (q, r, -u, -v);
            }
            // For as long as delta is not above zero, steps with an odd g add f to it. As many as six are done at once: a
            // multiple of f that makes so many bits zero. (f * (2 - f * f) is its inverse modulo 64.)
            let count = (1 - *delta).min(i64::from(left)).min(6);
            let times = g.wrapping_mul(f).wrapping_mul(f.wrapping_mul(f).wrapping_sub(2))
                & ((1 << count) - 1);
            g = g.wrapping_add(f.wrapping_mul(times));
            q += u * times as i64;
            r += v * times as i64;
        }
    }

    /// Applies it to f and g, of which so many limbs are used; the last of these has the sign.
    fn apply(&self, f: &mut Limbs, g: &mut Limbs, used: &mut usize) {
        let &Self { u, v, q, r } = self;
        let mut f_sum = (wide(u, f[0]) + wide(v, g[0])) >> LIMB;
        let mut g_sum = (wide(q, f[0]) + wide(r, g[0])) >> LIMB;
        let mut last = 0;
        for i in 1..(*used).min(7) {
            f_sum += wide(u, f[i]) + wide(v, g[i]);
            g_sum += wide(q, f[i]) + wide(r, g[i]);
            (f[i - 1], g[i - 1]) = (f_sum as i64 & MASK, g_sum as i64 & MASK);
            (f_sum, g_sum) = (f_sum >> LIMB, g_sum >> LIMB);
            last = i;
        }
        (f[last], g[last]) = (f_sum as i64, g_sum as i64);
        // A limb that is nothing but a sign goes into the one below.
        while last > 0 && [f[last], g[last]].iter().all(|limb| matches!(limb, 0 | -1)) {
            let below = last - 1;
            f[below] |= f[last] << LIMB;
            g[below] |= g[last] << LIMB;
            last = below;
        }
        *used = last + 1;
    }
}

fn wide(a: i64, b: i64) -> i128 {
    i128::from(a) * i128::from(b)
}

/// `sign * a + b`, each limb but the last from 0 to 2^62 - 1.
fn sum(a: &Limbs, sign: i64, b: &Limbs) -> Limbs {
    let mut carry = 0;
    let mut limbs = [0; 7];
    for (limb, (a, b)) in limbs.iter_mut().zip(a.iter().zip(b)) {
        let sum = sign * a + b + carry;
        (*limb, carry) = (sum & MASK, sum >> LIMB);
    }
    // Above the last limb is its sign.
    limbs[6] |= carry << LIMB;
    limbs
}

const fn to_limbs(words: &Words) -> Limbs {
    let mut limbs = [0; 7];
    let mut i = 0;
    while i < 7 {
        let bit = LIMB as usize * i;
        let (low, high) = (bit / 64, bit / 64 + 1);
        let low = if low < 6 { words[low] as u128 } else { 0 };
        let high = if high < 6 { words[high] as u128 } else { 0 };
        limbs[i] = ((low | high << 64) >> (bit % 64)) as i64 & MASK;
        i += 1;
    }
    limbs
}

/// Of a number from 0 to 2^384 - 1.
fn from_limbs(limbs: &Limbs) -> Words {
    core::array::from_fn(|i| {
        let bit = 64 * i;
        let at = bit / LIMB as usize;
        let wide = limbs[at] as u128 | (limbs[at + 1] as u128) << LIMB;
        (wide >> (bit % LIMB as usize)) as u64
    })
}
