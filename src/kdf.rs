//! AMD's key derivation: NIST SP 800-108 in counter mode with HMAC-SHA-256, in the profile of the firmware.
//!
//! Block i, from 1 on, is HMAC-SHA-256(key, i || label || 0 || context || L), where L is the length of the whole output in
//! bits. The counter and L are 32-bit numbers and *little-endian*: other profiles have them big-endian, and other
//! libraries' output differs (AMD's published firmware, `nist_kdf.c`).

use core::fmt;

use crate::wipe::Wiped;
use hmac::digest::FixedOutputReset;
use hmac::{HmacReset, KeyInit, Mac};
use sha2::Sha256;

/// The longest output in bytes: its length in bits is a number of 32 bits.
pub const MAX_LEN: usize = (u32::MAX / 8) as usize;

/// The bytes of one block.
const BLOCK: usize = 32;

/// Fills `out` from a key.
///
/// The key may have any length, as HMAC allows; the firmware's keys have at most 64 bytes. The label says what the output
/// is for. Labels of SEV-SNP have no zero at their end, some of the legacy ones have: it is part of the label, and comes
/// before the zero that the profile puts behind every label. The output's length is part of what is hashed: a shorter one
/// is no beginning of a longer one.
///
/// # Errors
/// [`KdfError::TooLong`]; nothing was written.
///
/// ```
/// use sevcrypt::{Hex, kdf};
///
/// let key: [u8; 32] = core::array::from_fn(|i| i as u8);
/// let mut out = [0; 20];
/// kdf::derive(&key, b"label", b"ctx", &mut out)?;
/// assert_eq!(Hex(&out).to_string(), "717f22b46e717ddf6bb72ff83191978221d23264");
/// # Ok::<(), kdf::KdfError>(())
/// ```
pub fn derive(key: &[u8], label: &[u8], context: &[u8], out: &mut [u8]) -> Result<(), KdfError> {
    if out.len() > MAX_LEN {
        return Err(KdfError::TooLong { len: out.len() });
    }
    fill(key, label, context, out);
    Ok(())
}

/// The same for a length that the compiler can check.
pub(crate) fn derive_array<const N: usize>(
    key: &[u8],
    label: &[u8],
    context: &[u8],
    out: &mut [u8; N],
) {
    const { assert!(N <= MAX_LEN) };
    fill(key, label, context, out);
}

/// The derivation; `out` is not longer than [`MAX_LEN`].
fn fill(key: &[u8], label: &[u8], context: &[u8], out: &mut [u8]) {
    // It fits, and so does the counter, which ends below 2^24.
    let bits = (out.len() * 8) as u32;
    // Its states are wiped when it is dropped.
    let mut mac = HmacReset::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    let mut block = Wiped::new([0; BLOCK]);
    for (counter, part) in (1u32..).zip(out.chunks_mut(BLOCK)) {
        mac.update(&counter.to_le_bytes());
        mac.update(label);
        mac.update(&[0]);
        mac.update(context);
        mac.update(&bits.to_le_bytes());
        mac.finalize_into_reset((&mut *block).into());
        part.iter_mut().zip(block.iter()).for_each(|(to, from)| *to = *from);
    }
}

/// Why nothing was derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KdfError {
    /// The output is longer than [`MAX_LEN`].
    TooLong {
        /// Its bytes.
        len: usize,
    },
}

impl fmt::Display for KdfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { len } => {
                write!(f, "an output of {len} bytes, at most {MAX_LEN} can be derived")
            }
        }
    }
}

impl core::error::Error for KdfError {}

#[cfg(test)]
mod tests {
    use std::format;
    use std::vec::Vec;

    use super::*;
    use crate::Hex;

    fn hex(digits: &str) -> Vec<u8> {
        base16ct::lower::decode_vec(digits).expect("hexadecimal digits")
    }

    fn key() -> [u8; 32] {
        core::array::from_fn(|i| i as u8)
    }

    fn derived<const N: usize>(key: &[u8], label: &str, context: &[u8]) -> [u8; N] {
        let mut out = [0xa5; N];
        derive(key, label.as_bytes(), context, &mut out).unwrap();
        let mut same = [0x5a; N];
        derive_array(key, label.as_bytes(), context, &mut same);
        assert_eq!(out, same);
        out
    }

    #[track_caller]
    fn check<const N: usize>(key: &[u8], label: &str, context: &[u8], answer: &str) {
        assert_eq!(format!("{}", Hex(&derived::<N>(key, label, context))), answer);
    }

    /// Computed by another implementation, in Python.
    #[test]
    fn known_answers() {
        let context: [u8; 16] = core::array::from_fn(|i| 0x80 + i as u8);
        check::<32>(
            &key(),
            "gmsg-keyreq",
            &context,
            "5d58d9dfc7686e71dfed81bf9b02750e2ebae97c676deb5789f4f503eb6a061f",
        );
        check::<56>(
            &key(),
            "sev-versioned-chip-endorsement-key",
            b"",
            "95f99d6ad51f930387eaf0165133635bb026942a14cf54d236b2d6b4d42b55e4\
             c55b38f94a49b4fe6ebc774ed36be58981c549d7afb058e6",
        );
        check::<20>(&key(), "label", b"ctx", "717f22b46e717ddf6bb72ff83191978221d23264");
    }

    /// The keys of a legacy session, in which public client code agrees.
    #[test]
    fn legacy_sessions() {
        check::<16>(&[0; 16], "sev-master-secret", &[0; 16], "ab4d269fcc62bedb4511d56c386ce706");
        let shared = hex("938fff5e263b3819f21f47d96ab775fbc5943b7432a41f8500e3b7a03451fea9\
             fd66216674bc3e175016ffb5610cab1a");
        let nonce: [u8; 16] = core::array::from_fn(|i| 0x10 + i as u8);
        let master = "730bd2de91e124b8f9b5f2435ecf307d";
        check::<16>(&shared, "sev-master-secret", &nonce, master);
        check::<16>(&hex(master), "sev-kek", b"", "2a2abbf56865b3a2c890b53bda11609a");
        check::<16>(&hex(master), "sev-kik", b"", "d81d697a676c80fc087e89f1e65e50eb");
    }

    #[test]
    fn the_length_is_hashed() {
        let long = derived::<33>(&key(), "label", b"");
        let short = derived::<32>(&key(), "label", b"");
        assert_ne!(long[..32], short);
        derive(&key(), b"label", b"", &mut []).unwrap();
    }

    /// Block by block, with another form of HMAC.
    #[test]
    fn it_is_the_formula() {
        for len in [1_usize, 31, 32, 33, 63, 64, 65, 100, 300 /* more than eight blocks */] {
            for key_len in [0, 1, 63, 64, 65 /* hashed first */, 200] {
                let key: Vec<u8> = (0..key_len).map(|i| i as u8 ^ 0x5c).collect();
                let mut wanted = Vec::new();
                for i in 1..=len.div_ceil(32) as u32 {
                    let mut mac = hmac::SimpleHmac::<Sha256>::new_from_slice(&key).unwrap();
                    mac.update(
                        &[&i.to_le_bytes()[..], b"a label\0c", &(len as u32 * 8).to_le_bytes()]
                            .concat(),
                    );
                    wanted.extend(mac.finalize().into_bytes());
                }
                let mut out = std::vec![0; len];
                derive(&key, b"a label", b"c", &mut out).unwrap();
                assert_eq!(out, wanted[..len], "{len} bytes, key of {key_len}");
            }
        }
    }

    #[test]
    fn too_long() {
        // Never touched, so that it costs address space only.
        let mut out = std::vec![0; MAX_LEN + 1];
        let error = derive(&key(), b"label", b"", &mut out).unwrap_err();
        assert_eq!(error, KdfError::TooLong { len: 0x2000_0000 });
        assert_eq!(
            format!("{error}"),
            "an output of 536870912 bytes, at most 536870911 can be derived"
        );
    }
}
