//! RSA keys with many small factors, of which whoever knows them can take roots quickly.

use super::EXPONENT;

/// Different primes just below 2^64, so that the product of 32 or 64 has 64 bits for each.
pub(super) struct Factors(Vec<u64>);

impl Factors {
    /// The primes at these places of the range, or the next ones below them.
    pub(super) fn new(places: impl Iterator<Item = u64>) -> Self {
        let mut primes = Vec::new();
        for place in places {
            // Above 2^64 (1 - 1/128): 64 of them are above 2^4095.
            let mut candidate = u64::MAX - (place >> 7);
            while !is_factor(candidate) || primes.contains(&candidate) {
                // The range goes on for longer than it takes to find another.
                candidate -= 1;
            }
            primes.push(candidate);
        }
        Self(primes)
    }

    /// Big-endian.
    pub(super) fn product(&self) -> Vec<u8> {
        let mut product = vec![1];
        self.0.iter().for_each(|prime| multiply(&mut product, *prime));
        big_endian(&product, self.0.len())
    }

    /// The number below the product of which the power by the exponent is congruent to `power`; both big-endian.
    pub(super) fn root(&self, power: &[u8]) -> Vec<u8> {
        let power: Vec<u64> = words(power);
        // The root modulo the factors so far, and their product.
        let (mut root, mut product) = (vec![0], vec![1]);
        for &prime in &self.0 {
            let own = raise(residue(&power, prime), inverse_exponent(prime), prime);
            let (so_far, step) = (residue(&root, prime), residue(&product, prime));
            let missing =
                (u128::from(own) + u128::from(prime) - u128::from(so_far)) % u128::from(prime);
            let times = times(missing as u64, raise(step, prime - 2, prime), prime);
            let mut more = product.clone();
            multiply(&mut more, times);
            add(&mut root, &more);
            multiply(&mut product, prime);
        }
        big_endian(&root, self.0.len())
    }
}

/// Whether it is a prime modulo which every number has one root.
fn is_factor(number: u64) -> bool {
    number % 2 == 1 && number % u64::from(EXPONENT) != 1 && is_prime(number)
}

/// Miller and Rabin's test; the first twelve primes are witnesses enough for numbers below 2^64.
fn is_prime(number: u64) -> bool {
    let twos = (number - 1).trailing_zeros();
    [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37].into_iter().all(|witness| {
        let mut power = raise(witness, (number - 1) >> twos, number);
        let mut found = power == 1;
        for _ in 0..twos {
            found |= power == number - 1;
            power = times(power, power, number);
        }
        found
    })
}

/// The d with `d * EXPONENT = 1` modulo `prime - 1`: (1 + k (prime - 1)) / EXPONENT.
fn inverse_exponent(prime: u64) -> u64 {
    let exponent = u64::from(EXPONENT);
    let k = exponent - raise((prime - 1) % exponent, exponent - 2, exponent);
    ((1 + u128::from(k) * u128::from(prime - 1)) / u128::from(exponent)) as u64
}

fn times(a: u64, b: u64, modulus: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(modulus)) as u64
}

fn raise(base: u64, exponent: u64, modulus: u64) -> u64 {
    (0..64).rev().fold(1, |power, bit| {
        let square = times(power, power, modulus);
        if exponent >> bit & 1 == 1 { times(square, base, modulus) } else { square }
    })
}

/// Big-endian bytes, whole words of them, as words, the lowest first.
fn words(bytes: &[u8]) -> Vec<u64> {
    let (chunks, _) = bytes.as_chunks();
    chunks.iter().rev().map(|chunk| u64::from_be_bytes(*chunk)).collect()
}

fn big_endian(words: &[u64], len: usize) -> Vec<u8> {
    let zeros = std::iter::repeat_n(&0, len - words.len());
    zeros.chain(words.iter().rev()).flat_map(|word| word.to_be_bytes()).collect()
}

fn residue(number: &[u64], modulus: u64) -> u64 {
    let modulus = u128::from(modulus);
    number
        .iter()
        .rev()
        .fold(0, |rest, word| ((u128::from(rest) << 64 | u128::from(*word)) % modulus) as u64)
}

fn multiply(number: &mut Vec<u64>, factor: u64) {
    let mut carry = 0;
    for word in number.iter_mut() {
        let product = u128::from(*word) * u128::from(factor) + carry;
        *word = product as u64;
        carry = product >> 64;
    }
    if carry != 0 {
        number.push(carry as u64);
    }
}

fn add(number: &mut Vec<u64>, other: &[u64]) {
    let len = number.len().max(other.len());
    number.resize(len, 0);
    let mut carry = 0;
    for (word, other) in number.iter_mut().zip(other.iter().chain(std::iter::repeat(&0))) {
        let sum = u128::from(*word) + u128::from(*other) + carry;
        *word = sum as u64;
        carry = sum >> 64;
    }
    if carry != 0 {
        number.push(carry as u64);
    }
}
