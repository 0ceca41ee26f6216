use std::string::ToString;
use std::vec::Vec;

use super::*;
use crate::ecdsa::SigningKey;
use crate::sev::launch::Running;

const POLICY: GuestPolicy = GuestPolicy(0x3701_0005);

fn hex<const N: usize>(digits: &str) -> [u8; N] {
    let bytes: Vec<u8> = base16ct::lower::decode_vec(digits).unwrap();
    bytes.try_into().unwrap()
}

/// The worked example's.
fn pek() -> SigningKey {
    SigningKey::from_scalar(&hex(
        "bdd68b61a529be1ca5f72cf122d949d1c28af6e7522f16a92b4e8ef5cb64bc79741df7e1fdc9a816b04e9b9edb5b40fc",
    ))
    .unwrap()
}

fn mnonce() -> [u8; 16] {
    core::array::from_fn(|i| 0x50 + i as u8)
}

fn digest() -> Sha256Digest {
    hex("d35340b57032d6b88d70e03567857ab00024d096b39b20c392dd1c6a67669b52")
}

fn report() -> AttestationReport {
    AttestationReport::sign(&mnonce(), &digest(), POLICY, &pek()).unwrap()
}

fn verify(bytes: &[u8; 208]) -> Result<(), ReportError> {
    AttestationReport::from_bytes(bytes).verify_vartime(&pek().verifying_key())
}

/// Computed by another implementation, in Python.
#[test]
fn known_answer() {
    let expected: Vec<u8> = [
        &mnonce()[..],
        &digest(),
        &hex::<16>("05000137021000000200000000000000"),
        &hex::<48>(
            "216649566d60e6e60308f91689dc75937b538e0293c9edebf117a18b9f4fbad2dcc675cb68bcaa2731b84636a35c3ff1",
        ),
        &[0; 24],
        &hex::<48>(
            "733a578444b0607b0e70dc0fe4a693bbe72a1a0cda5e50e952b6f97362cf699c0626bba86687a5601e9970b42940b665",
        ),
        &[0; 24],
    ]
    .concat();
    let report = report();
    assert_eq!(report.as_bytes()[..], expected);
    assert_eq!(report.mnonce(), &mnonce());
    assert_eq!(report.digest(), &digest());
    assert_eq!(report.policy(), POLICY);
    assert_eq!(report.signature_usage(), Usage::PEK);
    assert_eq!(report.signature_algorithm(), Algorithm::ECDSA_SHA256);
    assert_eq!(verify(report.as_bytes()), Ok(()));
    let guest = Running { policy: POLICY, digest: digest() };
    assert_eq!(guest.attest(&mnonce(), &pek()), Ok(report));
    let text = std::format!("{report:?}");
    assert!(text.contains("mnonce: 505152535455565758595a5b5c5d5e5f"), "{text}");
}

/// Each bit with the check that finds it.
#[test]
fn changed_bits() {
    let bytes = *report().as_bytes();
    for bit in 0..8 * AttestationReport::LEN {
        let mut changed = bytes;
        changed[bit / 8] ^= 1 << (bit % 8);
        let word = |at: usize| u32::from_le_bytes(*changed[at..].first_chunk().unwrap());
        let error = verify(&changed).unwrap_err();
        let expected = match bit / 8 {
            0x00..0x34 => ReportError::Signature,
            0x34..0x38 => ReportError::Usage { found: Usage(word(0x34)) },
            0x38..0x3c => ReportError::Algorithm { found: Algorithm(word(0x38)) },
            0x3c..0x40 => ReportError::Reserved { found: word(0x3c) },
            at @ (0x70..0x88 | 0xb8..) => {
                ReportError::SignatureForm(SignatureFormError::Padding { offset: at - 0x40 })
            }
            // r or s, which may also leave its range; not by a single bit of these.
            _ => ReportError::Signature,
        };
        assert_eq!(error, expected, "bit {bit}");
    }
}

#[test]
fn signature_forms() {
    for (at, number) in [(0x40, 'r'), (0x88, 's')] {
        for byte in [0, 0xff] {
            let mut bytes = *report().as_bytes();
            bytes[at..at + 48].fill(byte);
            let error = verify(&bytes).unwrap_err();
            let range = SignatureFormError::Range { number };
            assert_eq!(error, ReportError::SignatureForm(range));
            assert_eq!(error.to_string(), range.to_string());
        }
    }
}

/// Where two things are wrong, the earlier check answers.
#[test]
fn order() {
    let mut bytes = [0xff; 208];
    let mut step = |at: usize, word: u32, expected: ReportError, text: &str| {
        assert_eq!(verify(&bytes), Err(expected));
        assert_eq!(expected.to_string(), text);
        bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
    };
    let ones = u32::MAX;
    step(
        0x34,
        0x1002,
        ReportError::Usage { found: Usage(ones) },
        "SIG_USAGE is 0xffffffff, expected that of a PEK, 0x1002",
    );
    step(
        0x38,
        2,
        ReportError::Algorithm { found: Algorithm(ones) },
        "SIG_ALGO is 0xffffffff, expected ECDSA with SHA-256, 0x2",
    );
    step(
        0x3c,
        0,
        ReportError::Reserved { found: ones },
        "the reserved word at 0x3c is 0xffffffff, expected 0",
    );
    let padding = SignatureFormError::Padding { offset: 48 };
    assert_eq!(verify(&bytes), Err(ReportError::SignatureForm(padding)));
}

#[test]
fn another_key() {
    let other = SigningKey::from_scalar(&[7; 48]).unwrap().verifying_key();
    assert_eq!(report().verify_vartime(&other), Err(ReportError::Signature));
    assert_eq!(ReportError::Signature.to_string(), "the signature is not this PEK's");
    let (mnonce, digest) = (mnonce(), digest());
    let expected = Expected { mnonce: &mnonce, digest: &digest, policy: POLICY };
    assert_eq!(report().judge_vartime(&other, &expected), Err(ReportError::Signature));
}

#[test]
fn judged() {
    let pek = pek().verifying_key();
    let (mnonce, digest) = (mnonce(), digest());
    let right = Expected { mnonce: &mnonce, digest: &digest, policy: POLICY };
    assert_eq!(report().judge_vartime(&pek, &right), Ok(()));
    let refused = |expected: &Expected<'_>, error: ReportError, text: &str| {
        assert_eq!(report().judge_vartime(&pek, expected), Err(error));
        assert_eq!(error.to_string(), text);
    };
    let (other, no_digest, other_policy) = ([0; 16], [0; 32], GuestPolicy(POLICY.0 ^ 1 << 31));
    let mut wrong = Expected { mnonce: &other, digest: &no_digest, policy: other_policy };
    refused(&wrong, ReportError::Mnonce, "MNONCE is not the one that was asked with");
    wrong.mnonce = &mnonce;
    refused(
        &wrong,
        ReportError::Digest { found: digest },
        "the launch digest is d35340b57032d6b88d70e03567857ab00024d096b39b20c392dd1c6a67669b52",
    );
    wrong.digest = &digest;
    refused(
        &wrong,
        ReportError::Policy { found: POLICY, expected: other_policy },
        "the policy is 0x37010005, expected 0xb7010005",
    );
}
