//! What is kept of chains, and what is verified together, changes no outcome.

use core::num::NonZeroUsize;

use sevcrypt::snp::certs::{Bundle, Collateral};
use sevcrypt::snp::policy::Policy;
use sevcrypt::snp::report::Report;
use sevcrypt::snp::verify::{
    Check, EndorsementCache, Evidence, Time, Trust, VerifyError, authenticate, verify, verify_batch,
};
use sevcrypt::x509::{Certificate, Crl};

use crate::evidence::{Case, cases, read};

fn cache(capacity: usize) -> EndorsementCache {
    EndorsementCache::new(NonZeroUsize::new(capacity).expect("not zero"))
}

/// All that an outcome says.
fn all_of<T: core::fmt::Debug>(result: &Result<T, VerifyError>) -> String {
    match result {
        Ok(accepted) => format!("{accepted:?}"),
        Err(error) => format!("{error:?}"),
    }
}

fn outcome(case: &Case) -> String {
    let files = case.files();
    case.verify_by(&files, |evidence, trust| {
        let accepted = verify(evidence.report, evidence.collateral, trust, evidence.policy);
        Ok(all_of(&accepted))
    })
    .unwrap_or_else(|error| format!("{error:?}"))
}

fn outcome_of(case: &Case, cache: &EndorsementCache) -> String {
    let files = case.files();
    case.verify_by(&files, |evidence, trust| {
        let accepted = cache.verify(evidence.report, evidence.collateral, trust, evidence.policy);
        Ok(all_of(&accepted))
    })
    .unwrap_or_else(|error| format!("{error:?}"))
}

/// Every made case, with a cache that is empty, that has seen all cases, and with two that are too small for them.
#[test]
fn a_cache_changes_no_outcome() {
    let (large, small, single) = (cache(10_000), cache(2), cache(1));
    let cases = cases();
    let outcomes: Vec<_> = cases.iter().map(outcome).collect();
    for round in ["cold", "warm", "warmer"] {
        for (case, wanted) in cases.iter().zip(&outcomes) {
            for cache in [&large, &small, &single] {
                assert_eq!(outcome_of(case, cache), *wanted, "{}, {round}", case.name);
            }
            assert!(small.len() <= 2 && single.len() <= 1);
        }
        for (case, wanted) in cases.iter().zip(&outcomes).rev() {
            assert_eq!(outcome_of(case, &large), *wanted, "{}, {round}, backwards", case.name);
        }
    }
    assert!(large.len() > 10 && !large.is_empty(), "{large:?}");
    large.clear();
    assert!(large.is_empty());
}

/// Batches of every size from one to nine over neighbouring cases, good and bad, with and without a cache.
#[test]
fn a_batch_changes_no_outcome() {
    let mut cases: Vec<_> = cases().into_iter().filter(|case| case.root.is_some()).collect();
    // Certificates that cannot be read do not come so far.
    cases.retain(|case| case.verify_by(&case.files(), |_, _| Ok(())).is_ok());
    let outcomes: Vec<_> = cases.iter().map(outcome).collect();
    let kept = cache(8);
    let mut compared = 0;
    for size in 1..=9 {
        for (cases, outcomes) in cases.chunks(size).zip(outcomes.chunks(size)).step_by(size) {
            // Those of the first one's root and time, to which the trust belongs.
            let first = &cases[0];
            let files: Vec<_> = cases.iter().map(Case::files).collect();
            let same = |case: &&Case| case.root == first.root && case.at == first.at;
            let wanted: Vec<_> = cases
                .iter()
                .zip(outcomes)
                .filter(|(case, _)| same(case))
                .map(|(_, it)| it)
                .collect();
            let parts = cases.iter().zip(&files).filter(|(case, _)| same(case));
            collect(&mut parts.into_iter(), &[], &mut |evidence, trust| {
                for (outcomes, how) in [
                    (verify_batch(evidence, trust), "alone"),
                    (kept.verify_batch(evidence, trust), "kept"),
                ] {
                    let found: Vec<_> = outcomes.iter().map(all_of).collect();
                    assert!(
                        found.iter().eq(wanted.iter().copied()),
                        "{}, {size}, {how}",
                        first.name
                    );
                }
                compared += evidence.len();
            });
        }
    }
    assert!(compared > 500, "{compared}");
}

/// Gathers the evidence of cases, which borrows from all of them, and gives it to `work` with the last one's trust.
fn collect<'c>(
    cases: &mut dyn Iterator<Item = (&'c Case, &'c crate::evidence::Files)>,
    evidence: &[Evidence<'_, '_>],
    work: &mut dyn FnMut(&[Evidence<'_, '_>], &Trust<'_>),
) {
    let Some((case, files)) = cases.next() else { return };
    let result = case.verify_by(files, |one, trust| {
        // The lifetimes shrink on the way down.
        let mut evidence: Vec<Evidence<'_, '_>> = evidence.to_vec();
        evidence.push(*one);
        let mut rest = cases.peekable();
        match rest.peek() {
            None => work(&evidence, trust),
            Some(_) => collect(&mut rest, &evidence, work),
        }
        Ok(())
    });
    assert!(result.is_ok(), "{}: certificates that are none", case.name);
}

const NOW: i64 = 1_767_225_600;

/// The evidence of one chip, in parts.
struct Parts {
    report: Vec<u8>,
    ders: [Vec<u8>; 3],
}

impl Parts {
    fn milan() -> Self {
        Self::of("milan")
    }

    fn of(product: &str) -> Self {
        let ders = ["vcek", "ask", "ark"].map(|it| read(&format!("certs/{product}-{it}.der")));
        Self { report: read(&format!("reports/vcek-{product}-v3.bin")), ders }
    }

    fn certificates(&self) -> [Certificate<'_>; 3] {
        self.ders.each_ref().map(|der| Certificate::from_der(der).expect("a certificate"))
    }
}

/// The kept chain is of these bytes, this root and this product, and no other: a certificate that has changed since, a root that is not
/// trusted any more, a time behind the last day are refused as if nothing had been kept.
#[test]
fn a_kept_chain_is_not_taken_for_another() {
    let parts = Parts::milan();
    let certificates = parts.certificates();
    let roots = [certificates[2]];
    let collateral = Collateral::from(&certificates);
    let trust = Trust::amd(Time::At(NOW)).with_roots(&roots);
    let cache = cache(4);
    let report = Report::from_bytes(&parts.report).expect("a report");
    let ask = |cache: &EndorsementCache, collateral: Collateral<'_>, trust: &Trust<'_>| {
        let (kept, alone) = (
            cache.authenticate(&report, collateral, trust),
            authenticate(&report, collateral, trust),
        );
        assert_eq!(all_of(&kept), all_of(&alone));
        kept.map(drop)
    };
    assert!(ask(&cache, collateral, &trust).is_ok());
    assert_eq!(cache.len(), 1);

    // Nobody's root.
    assert!(ask(&cache, collateral, &Trust::amd(Time::At(NOW))).is_err());
    // Another product.
    let genoa = trust.with_product("Genoa".parse().expect("a product"));
    assert!(ask(&cache, collateral, &genoa).is_err());
    // Times ahead of and behind the certificates'.
    for at in [0, i64::MAX] {
        let then = Trust::amd(Time::At(at)).with_roots(&roots);
        assert!(ask(&cache, collateral, &then).is_err());
    }
    // One changed bit of the signatures of the leaf, of the ASK and of the ARK.
    for index in 0..3 {
        let mut changed = Parts::milan();
        *changed.ders[index].last_mut().expect("bytes") ^= 1;
        let certificates = changed.certificates();
        let other = Collateral::from(&certificates);
        assert!(ask(&cache, other, &trust).is_err(), "{index}");
        // Nor is it within a batch, in which both are new.
        let policy = Policy::default().allow("report-version".parse().expect("a rule"));
        let one = |collateral| Evidence { report: &parts.report, collateral, policy: &policy };
        let outcomes = self::cache(4).verify_batch(&[one(collateral), one(other)], &trust);
        assert!(matches!(&outcomes[..], [Ok(_), Err(_)]), "{index}: {outcomes:?}");
    }
    // One changed bit of the report.
    for at in [0x008, 0x090, 0x29f, 0x2a0, 0x2e8] {
        let mut bytes = parts.report.clone();
        bytes[at] ^= 1;
        let changed = Report::from_bytes(&bytes).expect("a report's form");
        let error = cache.authenticate(&changed, collateral, &trust).expect_err("not signed");
        let checks = error.checks().expect("a judgement");
        assert_eq!(checks.first_failure().map(|it| it.0), Some(Check::ReportSignature), "{at:#x}");
    }
    assert_eq!(cache.len(), 1, "failures are not kept");
    assert!(ask(&cache, collateral, &trust).is_ok());
}

/// What stands above a leaf is kept with it, and not what stands above the chain that was kept before.
#[test]
fn chains_of_two_products_are_apart() {
    let (milan, genoa) = (Parts::milan(), Parts::of("genoa"));
    let [_, milan_ask, milan_ark] = milan.certificates();
    let [genoa_leaf, ..] = genoa.certificates();
    let cache = cache(4);
    let ask = |parts: &Parts, certificates: [Certificate<'_>; 3]| {
        let report = Report::from_bytes(&parts.report).expect("a report");
        let roots = [certificates[2]];
        let trust = Trust::amd(Time::At(NOW)).with_roots(&roots);
        cache.authenticate(&report, Collateral::from(&certificates), &trust).map(drop)
    };
    for parts in [&milan, &genoa] {
        assert!(ask(parts, parts.certificates()).is_ok());
    }
    assert_eq!(cache.len(), 2);
    assert!(ask(&genoa, [genoa_leaf, milan_ask, milan_ark]).is_err());
}

/// A revocation list that comes later is looked at.
#[test]
fn a_later_revocation_list_counts() {
    let revoked: Vec<_> = cases()
        .into_iter()
        .filter(|case| case.check.as_deref() == Some(Check::CrlRevocation.name()))
        .collect();
    assert!(!revoked.is_empty());
    let mut seen = 0;
    for case in revoked {
        let (cache, mut without) = (cache(4), case.files());
        without.crls.clear();
        let first = case.verify_by(&without, |it, trust| {
            cache.verify(it.report, it.collateral, trust, it.policy).map(drop)
        });
        seen += usize::from(first.is_ok());
        assert_eq!(outcome_of(&case, &cache), outcome(&case), "{}", case.name);
    }
    assert!(seen > 0, "no case is accepted without its list");
}

/// Two candidates for one place: nothing is kept, and the outcome is that of the choice.
#[test]
fn chains_with_a_choice_are_not_kept() {
    let parts = Parts::milan();
    let [leaf, ask, ark] = parts.certificates();
    let roots = [ark];
    let trust = Trust::amd(Time::At(NOW)).with_roots(&roots);
    let policy = Policy::default().allow("report-version".parse().expect("a rule"));
    let cache = cache(4);
    for certificates in [vec![leaf, leaf, ask, ark], vec![leaf, ask, ask, ark]] {
        let collateral = Collateral { certificates: &certificates, crls: &[] };
        let kept = cache.verify(&parts.report, collateral, &trust, &policy);
        let alone = verify(&parts.report, collateral, &trust, &policy);
        assert_eq!(all_of(&kept), all_of(&alone));
        assert!(cache.is_empty());
    }
    let two = [ark, ark];
    let trust = trust.with_roots(&two);
    let certificates = [leaf, ask];
    let collateral = Collateral::from(&certificates);
    assert!(cache.verify(&parts.report, collateral, &trust, &policy).is_ok());
    assert!(cache.is_empty());
}

/// Of two revocation lists one is chosen by the time: nothing is kept.
#[test]
fn two_lists_are_not_kept() {
    let parts = Parts::milan();
    let [leaf, ask, ark] = parts.certificates();
    let lists: Vec<_> = cases().iter().flat_map(|case| case.files().crls).collect();
    let crl = lists.iter().find_map(|der| Crl::from_der(der).ok()).expect("a list");
    let roots = [ark];
    let trust = Trust::amd(Time::Unchecked).with_roots(&roots);
    let (cache, crls, certificates) = (cache(4), [crl, crl], [leaf, ask, ark]);
    let report = Report::from_bytes(&parts.report).expect("a report");
    for (crls, kept) in [(&crls[..], 0), (&crls[..1], 1)] {
        let collateral = Collateral { certificates: &certificates, crls };
        let outcome = cache.authenticate(&report, collateral, &trust);
        assert_eq!(all_of(&outcome), all_of(&authenticate(&report, collateral, &trust)));
        assert_eq!(cache.len(), if outcome.is_ok() { kept } else { 0 });
    }
}

/// A list of another product says nothing of the chain, which is not kept with it.
#[test]
fn foreign_lists_are_not_kept() {
    let (parts, der) = (Parts::milan(), read("crls/crl-other-product.der"));
    let (certificates, crls) = (parts.certificates(), [Crl::from_der(&der).expect("a list")]);
    let roots = [certificates[2]];
    let trust = Trust::amd(Time::At(NOW)).with_roots(&roots);
    let report = Report::from_bytes(&parts.report).expect("a report");
    let cache = cache(4);
    let collateral = Collateral { certificates: &certificates, crls: &crls };
    assert!(cache.authenticate(&report, collateral, &trust).is_ok());
    assert!(cache.is_empty());
}

/// Threads share a cache.
#[test]
fn threads_share_it() {
    let cache = cache(2);
    let cases: Vec<_> =
        cases().into_iter().filter(|case| case.verdict == "accepted").take(40).collect();
    std::thread::scope(|scope| {
        for start in 0..4 {
            let (cache, cases) = (&cache, &cases);
            scope.spawn(move || {
                for case in cases.iter().cycle().skip(start * 10).take(cases.len()) {
                    let files = case.files();
                    let result = case.verify_by(&files, |it, trust| {
                        cache.verify(it.report, it.collateral, trust, it.policy).map(drop)
                    });
                    assert!(result.is_ok(), "{}", case.name);
                }
            });
        }
    });
    assert!(cache.len() <= 2);
}

#[test]
fn bundles_serve_it() {
    let parts = Parts::milan();
    let mut bundle = Bundle::default();
    for der in &parts.ders {
        bundle.add(der).expect("a certificate");
    }
    let parsed = bundle.parse().expect("certificates");
    let ark = parts.certificates()[2];
    let roots = [ark];
    let trust = Trust::amd(Time::At(NOW)).with_roots(&roots);
    let report = Report::from_bytes(&parts.report).expect("a report");
    let cache = cache(1);
    assert_eq!(format!("{cache:?}"), "EndorsementCache(0 of 1 chains)");
    for _ in 0..2 {
        assert!(cache.authenticate(&report, parsed.collateral(), &trust).is_ok());
        assert_eq!((cache.len(), cache.capacity().get()), (1, 1));
    }
}
