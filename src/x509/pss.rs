//! RSASSA-PSS (RFC 8017, 8.1) with the only parameters that AMD uses: SHA-384, MGF1 with SHA-384, 48 bytes of
//! salt, trailer BCh.

use sha2::{Digest, Sha384};

/// Length of a SHA-384 hash and of the salt in bytes.
const HASH: usize = 48;

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
pub(super) fn verify(message: &[u8], encoded: &mut [u8]) -> bool {
    // Steps 3 to 6: maskedDB, H, trailer; the bit above the encoded message is zero.
    let Some((0xBC, encoded)) = encoded.split_last_mut().map(|(last, rest)| (*last, rest)) else {
        return false;
    };
    let Some((db, hash)) = encoded.split_last_chunk_mut::<HASH>() else { return false };
    if db.first().is_none_or(|&first| first & 0x80 != 0) {
        return false;
    }
    // Steps 7 to 9: take off the mask.
    unmask(hash, db);
    if let Some(first) = db.first_mut() {
        *first &= 0x7F;
    }
    // Step 10: zeros, 01h, salt.
    let Some((padding, salt)) = db.split_last_chunk::<HASH>() else { return false };
    let Some((1, zeros)) = padding.split_last().map(|(last, rest)| (*last, rest)) else {
        return false;
    };
    if zeros.iter().any(|&byte| byte != 0) {
        return false;
    }
    // Steps 2 and 12 to 14.
    let wanted = Sha384::new()
        .chain_update([0; 8])
        .chain_update(Sha384::digest(message))
        .chain_update(salt)
        .finalize();
    wanted[..] == hash[..]
}

/// Adds MGF1 (RFC 8017, B.2.1) of `seed` to `data`.
fn unmask(seed: &[u8; HASH], data: &mut [u8]) {
    for (counter, block) in (0u32..).zip(data.chunks_mut(HASH)) {
        let mask = Sha384::new().chain_update(seed).chain_update(counter.to_be_bytes()).finalize();
        for (byte, mask) in block.iter_mut().zip(mask) {
            *byte ^= mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use super::*;

    /// EMSA-PSS-ENCODE (RFC 8017, 9.1.1), with a DB of the test's choice.
    fn encode(message: &[u8], db: &[u8], salt: &[u8]) -> Vec<u8> {
        let hash = Sha384::new()
            .chain_update([0; 8])
            .chain_update(Sha384::digest(message))
            .chain_update(salt)
            .finalize();
        let mut encoded = db.to_vec();
        unmask(&hash.into(), &mut encoded);
        encoded[0] &= 0x7F;
        encoded.extend_from_slice(&hash);
        encoded.push(0xBC);
        encoded
    }

    /// zeros, `one`, salt, in all `bytes - 49` bytes.
    fn db(bytes: usize, one: u8, salt: &[u8]) -> Vec<u8> {
        let mut db = vec![0; bytes - 49 - 1 - salt.len()];
        db.push(one);
        db.extend_from_slice(salt);
        db
    }

    fn accepts(message: &[u8], encoded: &[u8]) -> bool {
        verify(message, &mut encoded.to_vec())
    }

    #[test]
    fn every_bit_counts() {
        for bytes in [256, 512] {
            let salt: Vec<u8> = (0..48).collect();
            let mut encoded = encode(b"message", &db(bytes, 1, &salt), &salt);
            assert_eq!(encoded.len(), bytes);
            assert!(accepts(b"message", &encoded));
            assert!(!accepts(b"Message", &encoded));
            for bit in 0..bytes * 8 {
                encoded[bit / 8] ^= 0x80 >> (bit % 8);
                assert!(!accepts(b"message", &encoded), "bit {bit} of {bytes} bytes");
                encoded[bit / 8] ^= 0x80 >> (bit % 8);
            }
        }
    }

    /// Encodings whose hash is right, and whose form is not.
    #[test]
    fn other_forms() {
        for len in (0..48).chain([49, 64]) {
            let salt = vec![7; len];
            assert!(!accepts(b"message", &encode(b"message", &db(512, 1, &salt), &salt)), "{len}");
        }
        let salt = [7; 48];
        for one in [0, 2, 0x81, 0xFF] {
            assert!(!accepts(b"message", &encode(b"message", &db(512, one, &salt), &salt)));
        }
        let good = db(512, 1, &salt);
        for at in 0..good.len() - 49 {
            let mut db = good.clone();
            db[at] = 1;
            assert!(!accepts(b"message", &encode(b"message", &db, &salt)), "padding, byte {at}");
        }
        let mut trailer = encode(b"message", &good, &salt);
        trailer[511] = 0xCC;
        assert!(!accepts(b"message", &trailer));
    }

    #[test]
    fn encodings_that_are_too_short() {
        for bytes in 0..200 {
            assert!(!accepts(b"", &vec![0xBC; bytes]));
            assert!(!accepts(b"", &vec![0x3C; bytes]));
        }
    }
}
