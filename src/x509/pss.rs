//! RSASSA-PSS (RFC 8017, 8.1) with the only parameters that AMD uses: one hash function for the message and for MGF1, a
//! salt as long as its hash, trailer BCh. It is SHA-384 everywhere but in the certificates of SEV's first generation, which
//! have SHA-256.

use sha2::{Digest, Sha256, Sha384};

use crate::cpu::Backend;
use crate::hash::sha384_each;

/// The `AlgorithmIdentifier` (RFC 4055, 3.1) of AMD's newer leaves and of its CRLs, with `trailerField` left out,
/// as DER wants it for a default.
const IMPLICIT_TRAILER: [u8; 67] = *b"\x30\x41\
    \x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\
    \x30\x34\
    \xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\
    \xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\
    \x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\
    \xa2\x03\x02\x01\x30";

/// That of AMD's CA certificates and older leaves: `trailerField` is there, with the value that it has by default.
const EXPLICIT_TRAILER: [u8; 72] = *b"\x30\x46\
    \x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\
    \x30\x39\
    \xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\
    \xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\
    \x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\
    \xa2\x03\x02\x01\x30\
    \xa3\x03\x02\x01\x01";

/// Whether the DER of an `AlgorithmIdentifier` is one of the two forms that occur. No other is accepted, though
/// some would mean the same.
pub(super) fn is_algorithm(der: &[u8]) -> bool {
    der == IMPLICIT_TRAILER || der == EXPLICIT_TRAILER
}

/// EMSA-PSS-VERIFY (RFC 8017, 9.1.2) for a modulus of 8n bits: `encoded` has n bytes, its top bit is none of the
/// encoded message's. The mask is taken off in place.
pub(super) fn verify<D: MaskHash>(message: &[u8], encoded: &mut [u8]) -> bool {
    let hash_len = <D as Digest>::output_size();
    // Steps 3 to 6: maskedDB, H, trailer; the bit above the encoded message is zero.
    let Some((0xBC, encoded)) = encoded.split_last_mut().map(|(last, rest)| (*last, rest)) else {
        return false;
    };
    let db_len = encoded.len().checked_sub(hash_len);
    let Some((db, hash)) = db_len.and_then(|len| encoded.split_at_mut_checked(len)) else {
        return false;
    };
    if db.first().is_none_or(|&first| first & 0x80 != 0) {
        return false;
    }
    // Steps 7 to 9: take off the mask.
    D::unmask(hash, db);
    if let Some(first) = db.first_mut() {
        *first &= 0x7F;
    }
    // Step 10: zeros, 01h, salt.
    let padding_len = db.len().checked_sub(hash_len);
    let Some((padding, salt)) = padding_len.and_then(|len| db.split_at_checked(len)) else {
        return false;
    };
    let Some((1, zeros)) = padding.split_last().map(|(last, rest)| (*last, rest)) else {
        return false;
    };
    if zeros.iter().any(|&byte| byte != 0) {
        return false;
    }
    // Steps 2 and 12 to 14.
    let wanted = D::new()
        .chain_update([0; 8])
        .chain_update(D::digest(message))
        .chain_update(salt)
        .finalize();
    wanted[..] == hash[..]
}

/// A hash function of AMD's signatures.
pub(super) trait MaskHash: Digest + Sized {
    /// Adds MGF1 (RFC 8017, B.2.1) of `seed`, which is a hash, to `data`, which is shorter than a modulus.
    fn unmask(seed: &[u8], data: &mut [u8]) {
        for (counter, block) in (0u32..).zip(data.chunks_mut(<Self as Digest>::output_size())) {
            let mask =
                Self::new().chain_update(seed).chain_update(counter.to_be_bytes()).finalize();
            add(&mask, block);
        }
    }
}

impl MaskHash for Sha256 {}

impl MaskHash for Sha384 {
    /// The blocks of the mask do not depend on each other: they are hashed side by side, where there are kernels for that.
    fn unmask(seed: &[u8], data: &mut [u8]) {
        /// The seed and the counter.
        const MESSAGE: usize = 48 + 4;
        /// As many blocks as the longest modulus takes.
        const MOST: usize = 10;

        let (mut messages, mut masks) = ([[0; MESSAGE]; MOST], [[0; 48]; MOST]);
        for (counter, message) in (0u32..).zip(&mut messages) {
            message.iter_mut().zip(seed).for_each(|(to, from)| *to = *from);
            message[48..].copy_from_slice(&counter.to_be_bytes());
        }
        let count = data.len().div_ceil(48).min(MOST);
        sha384_each(
            Backend::best(),
            MESSAGE,
            messages[..count].as_flattened(),
            &mut masks[..count],
        );
        add(masks.as_flattened(), data);
    }
}

fn add(mask: &[u8], data: &mut [u8]) {
    data.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
}

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use super::*;

    /// EMSA-PSS-ENCODE (RFC 8017, 9.1.1), with a DB of the test's choice.
    fn encode<D: MaskHash>(message: &[u8], db: &[u8], salt: &[u8]) -> Vec<u8> {
        let hash = D::new()
            .chain_update([0; 8])
            .chain_update(D::digest(message))
            .chain_update(salt)
            .finalize();
        let mut encoded = db.to_vec();
        D::unmask(&hash, &mut encoded);
        encoded[0] &= 0x7F;
        encoded.extend_from_slice(&hash);
        encoded.push(0xBC);
        encoded
    }

    /// zeros, `one`, salt: what is left of `bytes` beside the hash and the trailer.
    fn db<D: MaskHash>(bytes: usize, one: u8, salt: &[u8]) -> Vec<u8> {
        let mut db = vec![0; bytes - <D as Digest>::output_size() - 1 - 1 - salt.len()];
        db.push(one);
        db.extend_from_slice(salt);
        db
    }

    fn accepts<D: MaskHash>(message: &[u8], encoded: &[u8]) -> bool {
        verify::<D>(message, &mut encoded.to_vec())
    }

    fn every_bit<D: MaskHash>(bytes: usize) {
        let salt: Vec<u8> = (0..).take(<D as Digest>::output_size()).collect();
        let mut encoded = encode::<D>(b"message", &db::<D>(bytes, 1, &salt), &salt);
        assert_eq!(encoded.len(), bytes);
        assert!(accepts::<D>(b"message", &encoded));
        assert!(!accepts::<D>(b"Message", &encoded));
        for bit in 0..bytes * 8 {
            encoded[bit / 8] ^= 0x80 >> (bit % 8);
            assert!(!accepts::<D>(b"message", &encoded), "bit {bit} of {bytes} bytes");
            encoded[bit / 8] ^= 0x80 >> (bit % 8);
        }
    }

    #[test]
    fn every_bit_counts() {
        every_bit::<Sha384>(256);
        every_bit::<Sha384>(512);
        every_bit::<Sha256>(256);
    }

    /// Encodings whose hash is right, and whose form is not.
    fn forms<D: MaskHash>() {
        let len = <D as Digest>::output_size();
        for other in (0..len).chain([len + 1, 64]) {
            let salt = vec![7; other];
            let encoded = encode::<D>(b"message", &db::<D>(512, 1, &salt), &salt);
            assert!(!accepts::<D>(b"message", &encoded), "{other}");
        }
        let salt = vec![7; len];
        for one in [0, 2, 0x81, 0xFF] {
            let encoded = encode::<D>(b"message", &db::<D>(512, one, &salt), &salt);
            assert!(!accepts::<D>(b"message", &encoded));
        }
        let good = db::<D>(512, 1, &salt);
        for at in 0..good.len() - len - 1 {
            let mut db = good.clone();
            db[at] = 1;
            let encoded = encode::<D>(b"message", &db, &salt);
            assert!(!accepts::<D>(b"message", &encoded), "padding, byte {at}");
        }
        let mut trailer = encode::<D>(b"message", &good, &salt);
        trailer[511] = 0xCC;
        assert!(!accepts::<D>(b"message", &trailer));
    }

    #[test]
    fn other_forms() {
        forms::<Sha384>();
        forms::<Sha256>();
    }

    #[test]
    fn the_other_hash() {
        let salt = [7; 32];
        let encoded = encode::<Sha256>(b"message", &db::<Sha256>(256, 1, &salt), &salt);
        assert!(accepts::<Sha256>(b"message", &encoded));
        assert!(!accepts::<Sha384>(b"message", &encoded));
    }

    #[test]
    fn encodings_that_are_too_short() {
        for bytes in 0..200 {
            for last in [0xBC, 0x3C] {
                assert!(!accepts::<Sha384>(b"", &vec![last; bytes]));
                assert!(!accepts::<Sha256>(b"", &vec![last; bytes]));
            }
        }
    }
}
