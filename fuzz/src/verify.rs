//! Verification: nothing that was changed is accepted, also where chains are kept and reports come together.

use core::num::NonZeroUsize;

use sevcrypt::snp::certs::{Collateral, Identity};
use sevcrypt::snp::policy::Policy;
use sevcrypt::snp::verify::{
    Accepted, EndorsementCache, Evidence, Time, Trust, VerifyError, verify as verify_report,
    verify_batch,
};
use sevcrypt::x509::{Certificate, Crl};

macro_rules! vector {
    ($path:literal) => {
        include_bytes!(concat!("../../vectors/attestation/", $path))
    };
}

/// Evidence that is accepted as it is. Files are numbered: report, certificates, revocation lists, unused.
struct Case {
    report: &'static [u8],
    certificates: &'static [&'static [u8]],
    crls: &'static [&'static [u8]],
    /// Certificates that come first in the collateral and have no part in this.
    unused: &'static [&'static [u8]],
    root: &'static [u8],
}

/// 2026-01-01, as in `cases.toml`.
const AT: i64 = 1_767_225_600;

const MILAN: &[&[u8]] = &[
    vector!("certs/milan-vcek.der"),
    vector!("certs/milan-ask.der"),
    vector!("certs/milan-ark.der"),
];
const MILAN_VLEK: &[&[u8]] = &[
    vector!("certs/milan-vlek.der"),
    vector!("certs/milan-asvk.der"),
    vector!("certs/milan-ark.der"),
];
const TURIN: &[&[u8]] = &[
    vector!("certs/turin-vcek.der"),
    vector!("certs/turin-ask.der"),
    vector!("certs/turin-ark.der"),
];

const CASES: &[Case] = &[
    case(vector!("reports/vcek-milan-v3.bin"), MILAN),
    case(vector!("reports/vlek-milan-v2.bin"), MILAN_VLEK),
    case(vector!("reports/vlek-milan-v3.bin"), MILAN_VLEK),
    case(vector!("reports/vlek-milan-v5.bin"), MILAN_VLEK),
    case(vector!("reports/vcek-turin-v5.bin"), TURIN),
    Case {
        crls: &[vector!("crls/milan-empty.der")],
        ..case(vector!("reports/vcek-milan-v3.bin"), MILAN)
    },
    Case {
        unused: &[
            vector!("certs/milan-vlek.der"),
            vector!("certs/milan-asvk.der"),
            vector!("certs/genoa-vcek.der"),
            vector!("certs/genoa-ask.der"),
            vector!("certs/genoa-ark.der"),
        ],
        ..case(vector!("reports/vcek-milan-v3.bin"), MILAN)
    },
];

const fn case(report: &'static [u8], certificates: &'static [&'static [u8]]) -> Case {
    Case { report, certificates, crls: &[], unused: &[], root: certificates[2] }
}

/// The files of a case: as they are, or changed.
#[derive(Clone, PartialEq)]
struct Files {
    report: Vec<u8>,
    certificates: Vec<Vec<u8>>,
    crls: Vec<Vec<u8>>,
    unused: Vec<Vec<u8>>,
}

impl Files {
    /// Changes: a file's number, an offset (two bytes, little-endian), the new byte.
    fn edit(&mut self, edits: &[[u8; 4]]) {
        for [file, low, high, byte] in edits {
            let Self { report, certificates, crls, unused } = self;
            let mut all: Vec<_> =
                [report].into_iter().chain(certificates).chain(crls).chain(unused).collect();
            let file = usize::from(*file) % all.len();
            let at = usize::from(u16::from_le_bytes([*low, *high])) % all[file].len();
            all[file][at] = *byte;
        }
    }
}

impl Case {
    fn files(&self) -> Files {
        let owned = |files: &[&[u8]]| files.iter().map(|file| file.to_vec()).collect();
        Files {
            report: self.report.to_vec(),
            certificates: owned(self.certificates),
            crls: owned(self.crls),
            unused: owned(self.unused),
        }
    }

    /// Whether these files are accepted. Errors print one line.
    fn accepts(&self, files: &Files) -> bool {
        match self.verify(files) {
            Ok(()) => true,
            Err(error) => {
                crate::check_error(&error);
                let failed = error.checks().map(|checks| checks.first_failure().is_some());
                assert_ne!(failed, Some(false), "refused, and no check failed");
                false
            }
        }
    }

    fn verify(&self, files: &Files) -> Result<(), VerifyError> {
        let certificates: Result<Vec<_>, _> = (files.unused.iter().chain(&files.certificates))
            .map(|der| Certificate::from_der(der))
            .collect();
        let crls: Result<Vec<_>, _> = files.crls.iter().map(|der| Crl::from_der(der)).collect();
        let (certificates, crls) = (certificates?, crls?);
        let collateral = Collateral { certificates: &certificates, crls: &crls };
        let roots = [Certificate::from_der(self.root)?];
        let mut policy = Policy::default();
        policy.require_crl = !self.crls.is_empty();
        let trust = Trust::amd(Time::At(AT)).with_roots(&roots);
        let accepted = verify_report(&files.report, collateral, &trust, &policy)?;
        assert_eq!(accepted.checks().failures().count(), 0, "accepted, and a check failed");
        Ok(())
    }
}

/// A case's number, then changes of four bytes each: a file's number, an offset (two bytes, little-endian), the new byte.
///
/// (An ECDSA signature stays valid if its `s` becomes `n - s`. No edit comes upon these 48 bytes by chance.)
pub fn verify(data: &[u8]) {
    let Some((number, edits)) = data.split_first() else { return };
    let case = &CASES[usize::from(*number) % CASES.len()];
    let original = case.files();
    let mut files = original.clone();
    files.edit(edits.as_chunks().0);
    let accepted = case.accepts(&files);
    if files == original {
        assert!(accepted, "the case itself is not accepted");
    }
    if !accepted {
        return;
    }
    assert!(files.report == original.report, "a report that was changed is accepted");
    assert!(files.crls == original.crls, "a revocation list that was changed is accepted");
    // A certificate that was changed into one of another role or product is not used any more, and its place may be
    // taken by a trusted root.
    let identity = |der: &[u8]| {
        let certificate = Certificate::from_der(der).expect("what was accepted was read");
        Identity::of(&certificate).map(|identity| (identity.role, identity.product.to_owned()))
    };
    for (new, old) in files.certificates.iter().zip(&original.certificates) {
        assert!(
            new == old || identity(new) != identity(old),
            "a certificate that was changed is accepted"
        );
    }
    files.unused.clear();
    files.certificates.retain(|certificate| original.certificates.contains(certificate));
    assert!(case.accepts(&files), "accepted only with certificates that were changed");
}

/// Files that are certificates and lists. The policy is that of its case.
struct Piece<'a> {
    case: &'a Case,
    report: &'a [u8],
    certificates: Vec<Certificate<'a>>,
    crls: Vec<Crl<'a>>,
    policy: Policy<'static>,
}

impl<'a> Piece<'a> {
    fn of(case: &'a Case, files: &'a Files) -> Option<Self> {
        let certificates = (files.unused.iter().chain(&files.certificates))
            .map(|der| Certificate::from_der(der).ok())
            .collect::<Option<_>>()?;
        let crls = files.crls.iter().map(|der| Crl::from_der(der).ok()).collect::<Option<_>>()?;
        let mut policy = Policy::default();
        policy.require_crl = !case.crls.is_empty();
        Some(Self { case, report: &files.report, certificates, crls, policy })
    }

    fn collateral(&self) -> Collateral<'_> {
        Collateral { certificates: &self.certificates, crls: &self.crls }
    }

    fn evidence(&self) -> Evidence<'_, '_> {
        Evidence { report: self.report, collateral: self.collateral(), policy: &self.policy }
    }
}

/// A verdict, with all that is said of it.
fn verdict(outcome: Result<Accepted<'_>, VerifyError>) -> Result<String, String> {
    match outcome {
        Ok(accepted) => Ok(format!("{accepted:?}")),
        Err(error) => Err(format!("{error:?}")),
    }
}

/// Pieces of evidence: a case's number, how many changes, and the changes. They come one after the other to a cache that has room
/// for two chains, then together, with and without it. Each verdict is that of `verify`.
pub fn verify_kept(data: &[u8]) {
    let mut files = Vec::new();
    let mut rest = data;
    while let ([number, edits, behind @ ..], true) = (rest, files.len() < 4) {
        let (edits, behind) = behind.split_at(behind.len().min(usize::from(edits % 8) * 4));
        let case = &CASES[usize::from(*number) % CASES.len()];
        let mut changed = case.files();
        changed.edit(edits.as_chunks().0);
        files.push((case, changed));
        rest = behind;
    }
    let pieces: Vec<_> = files.iter().filter_map(|(case, files)| Piece::of(case, files)).collect();
    let cache = EndorsementCache::new(NonZeroUsize::new(2).expect("two"));
    for root in [MILAN[2], TURIN[2]] {
        let roots = [Certificate::from_der(root).expect("a root")];
        let trust = Trust::amd(Time::At(AT)).with_roots(&roots);
        let alone: Vec<_> = pieces
            .iter()
            .map(|it| verdict(verify_report(it.report, it.collateral(), &trust, &it.policy)))
            .collect();
        for (piece, alone) in pieces.iter().zip(&alone) {
            let kept = cache.verify(piece.report, piece.collateral(), &trust, &piece.policy);
            assert_eq!(verdict(kept), *alone);
            assert!(piece.case.root == root || alone.is_err(), "another product's root");
        }
        assert!(cache.len() <= 2);
        let evidence: Vec<_> = pieces.iter().map(Piece::evidence).collect();
        assert!(verify_batch(&evidence, &trust).into_iter().map(verdict).eq(alone.iter().cloned()));
        let kept = cache.verify_batch(&evidence, &trust);
        assert!(kept.into_iter().map(verdict).eq(alone));
    }
}
