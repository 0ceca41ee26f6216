//! SHA-384 of many messages of one length at once.
//!
//! The pages of a launch are measured each by its own SHA-384 (FIPS 180-4), independent of one another, so the kernels hash
//! up to 16 of them side by side. What is hashed is public to whoever hashes it: neither messages nor what is left of them on the
//! stack are wiped.
//!
//! ```
//! use sevcrypt::{Backend, hash};
//!
//! let image = vec![0xcc; 3 * 4096];
//! let mut digests = [[0; 48]; 3];
//! hash::sha384_each(Backend::best(), 4096, &image, &mut digests);
//! assert_eq!(digests[2], hash::sha384(&image[..4096]));
//! ```

mod chain;
mod workers;

use sha2::{Digest as _, Sha384};

use crate::addr::{PAGE, Page};
use crate::cpu::{Backend, Isa, Token};
use crate::kernel;

pub(crate) use chain::sha384_step;
pub use workers::Workers;

/// A SHA-384 digest.
pub type Sha384Digest = [u8; 48];
/// A SHA-256 digest.
pub type Sha256Digest = [u8; 32];

/// SHA-384 of one message.
#[must_use]
pub fn sha384(message: &[u8]) -> Sha384Digest {
    Sha384::digest(message).into()
}

/// SHA-384 of each `length` bytes of `messages`, which stand one behind the other, into `digests`. Pages (4096) are
/// what it is fastest for. It takes about 16 KiB of stack.
///
/// # Panics
/// If `messages` is not `length` bytes for each digest.
pub fn sha384_each(backend: Backend, length: usize, messages: &[u8], digests: &mut [Sha384Digest]) {
    assert_eq!(
        Some(messages.len()),
        length.checked_mul(digests.len()),
        "a digest for each message"
    );
    sha384_of_each(backend, length, &|n| &messages[n * length..][..length], digests);
}

/// SHA-384 of pages that stand anywhere, into `digests`.
///
/// ```
/// use sevcrypt::{Backend, hash};
///
/// let (a, b) = ([0xaa; 4096], [0xbb; 4096]);
/// let mut digests = [[0; 48]; 3];
/// hash::sha384_pages(Backend::best(), &[&a, &b, &a], &mut digests);
/// assert_eq!(digests[1], hash::sha384(&b));
/// ```
///
/// # Panics
/// If there is not a digest for each page.
pub fn sha384_pages(backend: Backend, pages: &[&Page], digests: &mut [Sha384Digest]) {
    assert_eq!(pages.len(), digests.len(), "a digest for each page");
    sha384_of_each(backend, PAGE, &|n| pages[n], digests);
}

/// SHA-384 of each message, by its number; all have `length` bytes.
fn sha384_of_each<'m>(
    backend: Backend,
    length: usize,
    message: &dyn Fn(usize) -> &'m [u8],
    digests: &mut [Sha384Digest],
) {
    let kernel = lanes(backend);
    // The numbers of messages that wait for a kernel.
    let (mut group, mut count) = ([0; MOST_LANES], 0);
    for n in 0..digests.len() {
        if length == PAGE && is_zero(message(n)) {
            digests[n] = ZERO_PAGE;
            continue;
        }
        let Some((isa, lanes)) = kernel else {
            digests[n] = sha384(message(n));
            continue;
        };
        group[count] = n;
        count += 1;
        if count == lanes {
            side_by_side(isa, length, message, &group[..count], digests);
            count = 0;
        }
    }
    match kernel {
        // With fewer a kernel is no faster than one message after the other.
        Some((isa, lanes)) if count >= if lanes == MOST_LANES { 2 } else { 3 } => {
            side_by_side(isa, length, message, &group[..count], digests);
        }
        _ => group[..count].iter().for_each(|&n| digests[n] = sha384(message(n))),
    }
}

/// The instruction set whose kernel hashes so many messages at a time, if there is one.
fn lanes(backend: Backend) -> Option<(Isa, usize)> {
    match backend.0 {
        Token::Kernels(isa) => {
            Some((isa, kernel::sha384_lanes(isa))).filter(|(_, lanes)| *lanes > 0)
        }
        Token::Portable => None,
    }
}

/// Images have many pages without contents; others are told from them by their first bytes.
fn is_zero(page: &[u8]) -> bool {
    page.as_chunks::<64>().0.iter().all(|line| *line == [0; 64])
}

/// The most messages that a kernel takes.
const MOST_LANES: usize = 16;

/// Bytes of a block.
const BLOCK: usize = 128;

/// The messages of these numbers.
fn side_by_side<'m>(
    isa: Isa,
    length: usize,
    message: &dyn Fn(usize) -> &'m [u8],
    group: &[usize],
    digests: &mut [Sha384Digest],
) {
    let (mut blocks, rest) = (length / BLOCK, length % BLOCK);
    let mut lanes: [&[u8]; MOST_LANES] = [&[]; MOST_LANES];
    let lanes = &mut lanes[..group.len()];
    for (lane, n) in lanes.iter_mut().zip(group) {
        *lane = message(*n);
    }
    let mut states = [INITIAL; MOST_LANES];
    let states = &mut states[..group.len()];
    let has_tail = blocks == 0 || rest > 0;
    while blocks > 0 {
        let some = blocks.min(kernel::HASH_BLOCKS);
        blocks -= some;
        let padding = match (blocks, has_tail) {
            (0, false) if length == PAGE => Some(&PAGE_PADDING),
            (0, false) => Some(&padding(length)),
            _ => None,
        };
        kernel::sha384_blocks(isa, states, lanes, some, &CONSTANTS, padding);
        lanes.iter_mut().for_each(|lane| *lane = &lane[BLOCK * some..]);
    }
    if has_tail {
        // What is left of each message with its padding: a block, or two.
        let mut tails = [[0; 2 * BLOCK]; MOST_LANES];
        let blocks = if rest + 17 <= BLOCK { 1 } else { 2 };
        for (tail, lane) in tails.iter_mut().zip(lanes.iter_mut()) {
            tail[..rest].copy_from_slice(lane);
            tail[rest] = 0x80;
            let bits = 8 * length as u128;
            tail[BLOCK * blocks - 16..BLOCK * blocks].copy_from_slice(&bits.to_be_bytes());
        }
        for (lane, tail) in lanes.iter_mut().zip(&tails) {
            *lane = tail;
        }
        kernel::sha384_blocks(isa, states, lanes, blocks, &CONSTANTS, None);
    }
    for (n, state) in group.iter().zip(states) {
        digests[*n] = digest_of(state);
    }
}

/// The digest of a hash value: its first six words.
fn digest_of(state: &[u64; 8]) -> Sha384Digest {
    let mut digest = [0; 48];
    for (bytes, word) in digest.as_chunks_mut::<8>().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    digest
}

/// The digest of a page of zeroes.
pub(crate) const ZERO_PAGE: Sha384Digest = [
    0xc0, 0xe5, 0x9a, 0x3e, 0x3f, 0xfb, 0xd3, 0xb5, 0xc7, 0x54, 0x28, 0xfb, 0x36, 0x43, 0x2f, 0xac,
    0xab, 0xc7, 0x45, 0x94, 0x42, 0x96, 0xff, 0x51, 0x5f, 0x73, 0x7c, 0x4f, 0xef, 0x4e, 0xfc, 0x64,
    0x58, 0x68, 0x09, 0xf7, 0xa1, 0x6f, 0x56, 0x35, 0x4a, 0x1e, 0xae, 0xcf, 0x2a, 0xa8, 0xd7, 0x74,
];

/// [`padding`] of a page.
static PAGE_PADDING: [u64; 80] = padding(PAGE);

/// The schedule of the block behind a message of `length` bytes, a multiple of [`BLOCK`], plus the constants.
const fn padding(length: usize) -> [u64; 80] {
    let mut block = [0; 16];
    block[0] = 1 << 63;
    block[15] = 8 * length as u64;
    scheduled(&block)
}

/// The schedule of a block, plus the constants: FIPS 180-4, section 6.4.2.
const fn scheduled(block: &[u64; 16]) -> [u64; 80] {
    let mut words = [0; 80];
    let mut t = 0;
    while t < 80 {
        words[t] = if t < 16 {
            block[t]
        } else {
            let (x, y): (u64, u64) = (words[t - 15], words[t - 2]);
            let small0 = x.rotate_right(1) ^ x.rotate_right(8) ^ x >> 7;
            let small1 = y.rotate_right(19) ^ y.rotate_right(61) ^ y >> 6;
            let sum: u64 = small1.wrapping_add(words[t - 7]).wrapping_add(small0);
            sum.wrapping_add(words[t - 16])
        };
        t += 1;
    }
    t = 0;
    while t < 80 {
        words[t] = words[t].wrapping_add(CONSTANTS[t]);
        t += 1;
    }
    words
}

/// The hash value before the first block: FIPS 180-4, section 5.3.4.
const INITIAL: [u64; 8] = [
    0xcbbb_9d5d_c105_9ed8,
    0x629a_292a_367c_d507,
    0x9159_015a_3070_dd17,
    0x152f_ecd8_f70e_5939,
    0x6733_2667_ffc0_0b31,
    0x8eb4_4a87_6858_1511,
    0xdb0c_2e0d_64f9_8fa7,
    0x47b5_481d_befa_4fa4,
];

/// FIPS 180-4, section 4.2.3.
static CONSTANTS: [u64; 80] = [
    0x428a_2f98_d728_ae22,
    0x7137_4491_23ef_65cd,
    0xb5c0_fbcf_ec4d_3b2f,
    0xe9b5_dba5_8189_dbbc,
    0x3956_c25b_f348_b538,
    0x59f1_11f1_b605_d019,
    0x923f_82a4_af19_4f9b,
    0xab1c_5ed5_da6d_8118,
    0xd807_aa98_a303_0242,
    0x1283_5b01_4570_6fbe,
    0x2431_85be_4ee4_b28c,
    0x550c_7dc3_d5ff_b4e2,
    0x72be_5d74_f27b_896f,
    0x80de_b1fe_3b16_96b1,
    0x9bdc_06a7_25c7_1235,
    0xc19b_f174_cf69_2694,
    0xe49b_69c1_9ef1_4ad2,
    0xefbe_4786_384f_25e3,
    0x0fc1_9dc6_8b8c_d5b5,
    0x240c_a1cc_77ac_9c65,
    0x2de9_2c6f_592b_0275,
    0x4a74_84aa_6ea6_e483,
    0x5cb0_a9dc_bd41_fbd4,
    0x76f9_88da_8311_53b5,
    0x983e_5152_ee66_dfab,
    0xa831_c66d_2db4_3210,
    0xb003_27c8_98fb_213f,
    0xbf59_7fc7_beef_0ee4,
    0xc6e0_0bf3_3da8_8fc2,
    0xd5a7_9147_930a_a725,
    0x06ca_6351_e003_826f,
    0x1429_2967_0a0e_6e70,
    0x27b7_0a85_46d2_2ffc,
    0x2e1b_2138_5c26_c926,
    0x4d2c_6dfc_5ac4_2aed,
    0x5338_0d13_9d95_b3df,
    0x650a_7354_8baf_63de,
    0x766a_0abb_3c77_b2a8,
    0x81c2_c92e_47ed_aee6,
    0x9272_2c85_1482_353b,
    0xa2bf_e8a1_4cf1_0364,
    0xa81a_664b_bc42_3001,
    0xc24b_8b70_d0f8_9791,
    0xc76c_51a3_0654_be30,
    0xd192_e819_d6ef_5218,
    0xd699_0624_5565_a910,
    0xf40e_3585_5771_202a,
    0x106a_a070_32bb_d1b8,
    0x19a4_c116_b8d2_d0c8,
    0x1e37_6c08_5141_ab53,
    0x2748_774c_df8e_eb99,
    0x34b0_bcb5_e19b_48a8,
    0x391c_0cb3_c5c9_5a63,
    0x4ed8_aa4a_e341_8acb,
    0x5b9c_ca4f_7763_e373,
    0x682e_6ff3_d6b2_b8a3,
    0x748f_82ee_5def_b2fc,
    0x78a5_636f_4317_2f60,
    0x84c8_7814_a1f0_ab72,
    0x8cc7_0208_1a64_39ec,
    0x90be_fffa_2363_1e28,
    0xa450_6ceb_de82_bde9,
    0xbef9_a3f7_b2c6_7915,
    0xc671_78f2_e372_532b,
    0xca27_3ece_ea26_619c,
    0xd186_b8c7_21c0_c207,
    0xeada_7dd6_cde0_eb1e,
    0xf57d_4f7f_ee6e_d178,
    0x06f0_67aa_7217_6fba,
    0x0a63_7dc5_a2c8_98a6,
    0x113f_9804_bef9_0dae,
    0x1b71_0b35_131c_471b,
    0x28db_77f5_2304_7d84,
    0x32ca_ab7b_40c7_2493,
    0x3c9e_be0a_15c9_bebc,
    0x431d_67c4_9c10_0d4c,
    0x4cc5_d4be_cb3e_42b6,
    0x597f_299c_fc65_7e2a,
    0x5fcb_6fab_3ad6_faec,
    0x6c44_198c_4a47_5817,
];

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    fn bytes(count: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        core::iter::repeat_with(next).take(count).collect()
    }

    /// Every backend gives the digests of one message after the other: every number of messages, lengths around every
    /// number of blocks and of padding.
    #[test]
    fn side_by_side_is_one_after_the_other() {
        let lengths = [
            0,
            1,
            110,
            111,
            112,
            113,
            127,
            128,
            129,
            239,
            240,
            255,
            256,
            1000,
            PAGE,
            PAGE + 1,
            2 * PAGE,
            10_000,
            2 * PAGE,
            10_000,
        ];
        let pool = bytes(20 * 10_000);
        for backend in Backend::available() {
            for length in lengths {
                for count in 0..=40 {
                    if count > 20 && length > 256 {
                        continue;
                    }
                    let messages = &pool[..count * length];
                    let mut digests = std::vec![[0; 48]; count];
                    sha384_each(backend, length, messages, &mut digests);
                    for (n, digest) in digests.iter().enumerate() {
                        let expected = sha384(&messages[n * length..][..length]);
                        assert_eq!(*digest, expected, "{backend}: {n} of {count}, {length} bytes");
                    }
                }
            }
        }
    }

    /// Pages of zeroes have their digest, wherever they stand among others.
    #[test]
    fn pages_of_zeroes() {
        assert_eq!(ZERO_PAGE, sha384(&[0; PAGE]));
        let mut pages = bytes(37 * PAGE);
        for n in [0, 3, 4, 5, 17, 36] {
            pages[n * PAGE..][..PAGE].fill(0);
        }
        // All but a page's last byte.
        pages[20 * PAGE..][..PAGE - 1].fill(0);
        let expected: Vec<_> = pages.chunks(PAGE).map(sha384).collect();
        for backend in Backend::available() {
            let mut digests = [[0; 48]; 37];
            sha384_each(backend, PAGE, &pages, &mut digests);
            assert!(digests[..] == expected, "{backend}");
        }
    }

    #[test]
    #[should_panic = "a digest for each message"]
    fn the_lengths_have_to_fit() {
        sha384_each(Backend::best(), 5, &[0; 9], &mut [[0; 48]; 2]);
    }

    /// FIPS 180-4's example: "abc".
    #[test]
    fn abc() {
        let hex = std::format!("{}", crate::Hex(&sha384(b"abc")));
        assert!(hex.starts_with("cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163"), "{hex}");
    }
}
