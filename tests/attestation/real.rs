//! Real reports with real certificates: `vectors/real.toml` says where they come from.

#[path = "../support/real.rs"]
mod folder;

use std::fs;
use std::path::Path;

use folder::folder;
use sevcrypt::snp::certs::Bundle;
use sevcrypt::snp::policy::{Policy, Rule};
use sevcrypt::snp::report::Report;
use sevcrypt::snp::tcb::Product;
use sevcrypt::snp::verify::{
    Authentic, Check, Endorsement, Missing, Outcome, Time, Trust, VerifyError, authenticate, verify,
};
use sevcrypt::snp::{azure, response};

use crate::evidence::verdict;

/// 2026-05-28: every VCEK at hand is valid; the VLEK is not any more.
const TIME: Time = Time::At(1_780_000_000);

fn bundle(folder: &Path, files: &[&str]) -> Bundle {
    let mut bundle = Bundle::default();
    for file in files {
        let content = fs::read(folder.join(file)).unwrap_or_else(|why| panic!("{file}: {why}"));
        bundle.add(&content).unwrap_or_else(|why| panic!("{file}: {why}"));
    }
    bundle
}

/// A report from any wrapping, under certificates from these files.
fn judged(
    folder: &Path,
    report: &str,
    certs: &[&str],
    time: Time,
    policy: &Policy<'_>,
) -> Result<Product, VerifyError> {
    let bundle = bundle(folder, certs);
    let parsed = bundle.parse()?;
    let report = fs::read(folder.join(report)).expect("a report");
    let found = response::find(&report).expect("a report");
    verify(found.report, parsed.collateral(), &Trust::amd(time), policy)
        .map(|accepted| accepted.product())
}

/// Report, leaf, product.
const GOOD: &[(&str, &str, Product)] = &[
    ("reports/milan_v2_linux_kvm.bin", "certs/milan_v2_linux_kvm.vcek.der", Product::Milan),
    ("reports/milan_v2_coco.bin", "certs/milan_v2_coco.vcek.der", Product::Milan),
    ("reports/milan_v2_azure_cvm.bin", "certs/milan_v2_azure_cvm.vcek.der", Product::Milan),
    ("reports/milan_v2_aci_uvm.bin", "certs/milan_v2_aci_uvm.vcek.der", Product::Milan),
    ("reports/milan_v3_azure.bin", "certs/milan_v3_azure.vcek.der", Product::Milan),
    ("reports/genoa_v3_azure.bin", "certs/genoa_v3_azure.vcek.der", Product::Genoa),
    ("reports/genoa_v5.bin", "certs/genoa_v5.vcek.der", Product::Genoa),
    ("reports/turin_v5_oak.bin", "certs/turin_v5_oak.vcek.der", Product::Turin),
    (
        "reports/milan_v5_gcp_vtpm_vmpl0.bin",
        "certs/milan_v5_gcp_vtpm_vmpl0.vcek.der",
        Product::Milan,
    ),
    ("reports/milan_v2_cmc.bin", "certs/milan_v2_cmc.vcek.der", Product::Milan),
    ("azure/hcl_report_v1_milan.bin", "azure/hcl_v1_milan.vcek.der", Product::Milan),
    ("azure/hcl_v1_milan_c.bin", "azure/hcl_v1_milan_c.vcek.der", Product::Milan),
];

/// The report and the leaf suffice, and AMD's CA certificates may stand beside them in any order.
#[test]
fn real_reports_are_accepted() {
    let Some(folder) = folder("real_reports_are_accepted") else { return };
    let cas = [
        "ca/kds_cert_chain_milan_vcek.pem",
        "ca/kds_cert_chain_genoa_vcek.pem",
        "ca/kds_cert_chain_turin_vcek.pem",
        "ca/kds_cert_chain_milan_vlek.pem",
        "ca/kds_cert_chain_genoa_vlek.pem",
        "ca/kds_cert_chain_turin_vlek.pem",
    ];
    for (report, leaf, product) in GOOD {
        let policy = Policy::default();
        let alone = judged(&folder, report, &[leaf], TIME, &policy);
        assert_eq!(alone.unwrap_or_else(|why| panic!("{report}: {why}")), *product);
        let mut all = cas.to_vec();
        all.push(leaf);
        judged(&folder, report, &all, TIME, &policy)
            .unwrap_or_else(|why| panic!("{report}: {why}"));
        all.reverse();
        judged(&folder, report, &all, TIME, &policy)
            .unwrap_or_else(|why| panic!("{report}: {why}"));
    }
}

#[test]
fn a_real_vlek() {
    let Some(folder) = folder("a_real_vlek") else { return };
    let report = "reports/milan_v3_vlek_aws_us_east_2.bin";
    let leaf = "certs/milan_v3_vlek_aws_us_east_2.vlek.der";
    let at = |time, policy: &Policy<'_>| {
        verdict(judged(&folder, report, &[leaf], time, policy).map(drop))
    };
    let mut policy = Policy::default();
    assert_eq!(at(Time::Unchecked, &policy), ("accepted", None));
    assert_eq!(at(Time::At(1_900_000_000), &policy), ("not-authentic", Some(Check::LeafDates)));
    policy.csp_ids = Some(&["CN=cc-us-east-2.amazonaws.com"]);
    assert_eq!(at(Time::Unchecked, &policy).0, "accepted");
    policy.csp_ids = Some(&["CN=cc-us-east-1.amazonaws.com"]);
    assert_eq!(at(Time::Unchecked, &policy), ("refused", Some(Check::CspId)));
    // The chain of the other branch does not help, and its absence does not hurt.
    let with_ask = [leaf, "ca/kds_cert_chain_milan_vcek.pem"];
    assert!(judged(&folder, report, &with_ask, Time::Unchecked, &Policy::default()).is_ok());
}

#[test]
fn real_reports_that_are_refused() {
    let Some(folder) = folder("real_reports_that_are_refused") else { return };
    let run = |report: &str, certs: &[&str], policy: &Policy<'_>| {
        verdict(judged(&folder, report, certs, TIME, policy).map(drop))
    };
    let policy = Policy::default();
    let debug = ("reports/milan_v2_debug_policy.bin", "certs/milan_v2_debug_policy.vcek.der");
    assert_eq!(run(debug.0, &[debug.1], &policy), ("refused", Some(Check::Debug)));
    assert_eq!(run(debug.0, &[debug.1], &policy.allow(Rule::Debug)).0, "accepted");
    let tampered =
        ("reports/milan_v2_cmc_tampered_a.bin", "certs/milan_v2_cmc_tampered_a.vcek.der");
    assert_eq!(
        run(tampered.0, &[tampered.1], &policy),
        ("not-authentic", Some(Check::ReportSignature))
    );
    let other_chip = ("azure/hcl_report_v1_milan_b.bin", "azure/hcl_b_wrong_chip.vcek.der");
    assert_eq!(run(other_chip.0, &[other_chip.1], &policy).0, "not-authentic");
    // A leaf of another report.
    assert_eq!(run(GOOD[0].0, &[GOOD[5].1], &policy).0, "not-authentic");
    // No CA signed it.
    assert_eq!(
        run(GOOD[0].0, &["certs/vcek_unsigned_legacy_hwid.der"], &policy).0,
        "not-authentic"
    );
    // The CA of another product, which no built-in key makes good.
    assert_eq!(
        run(GOOD[0].0, &[GOOD[0].1, "ca/ask_genoa.pem"], &policy),
        ("not-authentic", Some(Check::LeafCertificate))
    );
    assert_eq!(run(GOOD[0].0, &[GOOD[0].1, "ca/ark_genoa.pem"], &policy).0, "not-authentic");
    // A root that only its maker trusts.
    let fake = ["made/milan/vcek.der", "made/milan/ask.der", "made/milan/ark.der"];
    assert_eq!(
        run("made/milan/report_vcek_v3.bin", &fake, &policy),
        ("not-authentic", Some(Check::ArkTrusted))
    );
    assert_eq!(run("reports/milan_v2_lit.bin", &[], &policy).0, "incomplete");
    assert_eq!(run("reports/v1_fake_aci.bin", &[], &policy).0, "malformed");
}

#[test]
fn missing_certificates_are_named() {
    let Some(folder) = folder("missing_certificates_are_named") else { return };
    let missing = |report: &str| match judged(&folder, report, &[], TIME, &Policy::default()) {
        Err(VerifyError::Missing(missing)) => missing,
        other => panic!("{report}: {other:?}"),
    };
    let urls = |missing: Missing| -> Vec<_> {
        missing.requests().map(|request| request.to_string()).collect()
    };
    let turin = urls(missing("reports/turin_v5_oak.bin"));
    assert_eq!(
        turin,
        ["/vcek/v1/Turin/3b42092f69c656d3?fmcSPL=0&blSPL=1&teeSPL=0&snpSPL=2&ucodeSPL=71"]
    );
    let genoa = urls(missing("reports/genoa_v5.bin"));
    assert!(genoa.len() == 1 && genoa[0].starts_with("/vcek/v1/Genoa/"), "{genoa:?}");
    // Version 2 does not tell Milan from Genoa.
    let either = urls(missing("reports/milan_v2_lit.bin"));
    assert!(either.len() == 2 && either[0].starts_with("/vcek/v1/Milan/"), "{either:?}");
    assert!(either[0].ends_with("?blSPL=2&teeSPL=0&snpSPL=5&ucodeSPL=115"), "{either:?}");
    let vlek = missing("reports/milan_v3_vlek_aws_us_east_2.bin");
    assert!(vlek.to_string().contains("/vlek/v1/Milan/cert?"), "{vlek}");
}

/// Test keys of other people, under their root.
#[test]
fn the_made_chain() {
    let Some(folder) = folder("the_made_chain") else { return };
    let root = bundle(&folder, &["made/milan/ark.der"]);
    let root = root.parse().unwrap();
    let run = |report: &str, certs: &[&str], at| {
        let certs = bundle(&folder, certs);
        let certs = certs.parse().unwrap();
        let trust = Trust::amd(Time::At(at)).with_roots(&root.certificates);
        let report = fs::read(folder.join("made/milan").join(report)).unwrap();
        verdict(verify(&report, certs.collateral(), &trust, &Policy::default()).map(drop))
    };
    let (vcek, ask) = ("made/milan/vcek.der", "made/milan/ask.der");
    let (vlek, asvk) = ("made/milan/vlek.der", "made/milan/asvk.der");
    let (empty, revokes) = ("made/milan/crl_empty.der", "made/milan/crl_revokes_ask.der");
    let (now, late) = (1_800_000_000, 1_825_000_000);
    assert_eq!(run("report_vcek_v3.bin", &[vcek, ask], now), ("accepted", None));
    assert_eq!(run("report_vcek_v2.bin", &[ask, vcek, empty], now), ("accepted", None));
    assert_eq!(run("report_vlek_v3.bin", &[vlek, asvk, revokes], now), ("accepted", None));
    assert_eq!(
        run("report_vcek_v3.bin", &[vcek, ask, revokes], now),
        ("not-authentic", Some(Check::CrlRevocation))
    );
    assert_eq!(
        run("report_vcek_v3.bin", &[vcek, ask, empty], late),
        ("refused", Some(Check::StaleCrl))
    );
    assert_eq!(
        run("neg_report_policy_bit17_clear.bin", &[vcek, ask], now),
        ("refused", Some(Check::PolicyBit17))
    );
    assert_eq!(
        run("neg_report_sig_s_zero.bin", &[vcek, ask], now),
        ("not-authentic", Some(Check::SignatureEncoding))
    );
    // The built-in ASK of the same name did not sign it.
    assert_eq!(
        run("report_vcek_v3.bin", &[vcek], now),
        ("not-authentic", Some(Check::LeafSignature))
    );
}

#[test]
fn the_real_revocation_list() {
    let Some(folder) = folder("the_real_revocation_list") else { return };
    let (report, leaf, _) = GOOD[0];
    let run = |time, policy: &Policy<'_>| {
        verdict(judged(&folder, report, &[leaf, "crl/kds_crl_milan.der"], time, policy).map(drop))
    };
    let in_time = Time::At(1_682_000_000);
    assert_eq!(run(in_time, &Policy::default()), ("accepted", None));
    assert_eq!(run(TIME, &Policy::default()), ("refused", Some(Check::StaleCrl)));
    assert_eq!(run(TIME, &Policy::default().allow(Rule::StaleCrl)), ("accepted", None));
    let mut policy = Policy::default();
    policy.require_crl = true;
    assert_eq!(run(in_time, &policy), ("accepted", None));
    assert_eq!(verdict(judged(&folder, report, &[leaf], TIME, &policy).map(drop)).0, "incomplete");
    // One that is another product's says nothing of this chain.
    let (genoa, genoa_leaf, _) = GOOD[5];
    let other = |policy: &Policy<'_>| {
        let files = [genoa_leaf, "crl/kds_crl_milan.der"];
        verdict(judged(&folder, genoa, &files, TIME, policy).map(drop)).0
    };
    assert_eq!((other(&Policy::default()), other(&policy)), ("accepted", "incomplete"));
}

/// A test root does not get between AMD's built-in keys and their revocation list.
#[test]
fn a_test_root_beside_real_evidence() {
    let Some(folder) = folder("a_test_root_beside_real_evidence") else { return };
    let case = crate::evidence::cases().into_iter().find(|case| case.name == "crl-first-second");
    let made = case.expect("the case is there").files();
    let (test_ark, test_crl) = (made.root.as_deref().expect("a root"), &made.crls[0]);
    let root = sevcrypt::x509::Certificate::from_der(test_ark).expect("a certificate");
    let roots = [root];
    let trust = Trust::amd(TIME).with_roots(&roots);
    let report = fs::read(folder.join(GOOD[0].0)).expect("a report");
    let run = |files: &[&[u8]], policy: &Policy<'_>| {
        let mut bundle = bundle(&folder, &[GOOD[0].1]);
        files.iter().for_each(|file| bundle.add(file).expect("a file"));
        let parsed = bundle.parse().expect("certificates");
        verdict(verify(&report, parsed.collateral(), &trust, policy).map(drop))
    };
    let mut policy = Policy::default().allow(Rule::StaleCrl);
    policy.require_crl = true;
    assert_eq!(run(&[], &Policy::default()), ("accepted", None));
    assert_eq!(run(&[test_ark, test_crl], &policy), ("not-authentic", Some(Check::ArkTrusted)));
    assert_eq!(run(&[test_crl], &policy).0, "incomplete");
    let own = fs::read(folder.join("ca/ark_milan.pem")).expect("the ARK");
    assert_eq!(run(&[test_ark, &own], &Policy::default()), ("accepted", None));
}

/// A chain that was verified once serves the next report of its key, and no other.
#[test]
fn an_endorsement_is_kept() {
    let Some(folder) = folder("an_endorsement_is_kept") else { return };
    for (file, leaf, product) in &GOOD[..10] {
        let bytes = fs::read(folder.join(file)).unwrap();
        let report = Report::from_bytes(&bytes).unwrap();
        let certs = bundle(&folder, &[leaf]);
        let certs = certs.parse().unwrap();
        let once: Authentic<'_> =
            authenticate(&report, certs.collateral(), &Trust::amd(TIME)).unwrap();
        let endorsement = Endorsement::of(&report, certs.collateral(), &Trust::amd(TIME)).unwrap();
        assert_eq!((endorsement.product(), endorsement.tcb()), (*product, report.reported_tcb()));
        let again = endorsement.authenticate(&report, TIME).unwrap();
        assert!(once.checks().iter().eq(again.checks().iter()));
        let mut changed = bytes.clone();
        changed[0x90] ^= 1;
        let changed = Report::from_bytes(&changed).unwrap();
        let why = endorsement.authenticate(&changed, TIME).unwrap_err();
        assert_eq!(verdict(Err(why)), ("not-authentic", Some(Check::ReportSignature)));
        let why = endorsement.authenticate(&report, Time::At(4_000_000_000)).unwrap_err();
        assert!(matches!(why.checks().unwrap().outcome(Check::LeafDates), Outcome::Failed(_)));
    }
    let other = fs::read(folder.join(GOOD[1].0)).unwrap();
    let (file, leaf, _) = GOOD[0];
    let bytes = fs::read(folder.join(file)).unwrap();
    let certs = bundle(&folder, &[leaf]);
    let report = Report::from_bytes(&bytes).unwrap();
    let parsed = certs.parse().unwrap();
    let endorsement = Endorsement::of(&report, parsed.collateral(), &Trust::amd(TIME)).unwrap();
    let why = endorsement.authenticate(&Report::from_bytes(&other).unwrap(), TIME).unwrap_err();
    assert!(matches!(why.checks().unwrap().outcome(Check::ChipId), Outcome::Failed(_)));
}

/// A cache keeps chains under AMD's own roots, too.
#[cfg(feature = "std")]
#[test]
fn chains_without_a_given_root_are_kept() {
    use core::num::NonZeroUsize;
    use sevcrypt::snp::verify::EndorsementCache;

    let Some(folder) = folder("chains_without_a_given_root_are_kept") else { return };
    let (cache, trust) =
        (EndorsementCache::new(NonZeroUsize::new(10).expect("not zero")), Trust::amd(TIME));
    for (file, leaf, _) in &GOOD[..10] {
        let bytes = fs::read(folder.join(file)).unwrap();
        let report = Report::from_bytes(&bytes).unwrap();
        let certs = bundle(&folder, &[leaf]);
        let certs = certs.parse().unwrap();
        let once = authenticate(&report, certs.collateral(), &trust).unwrap();
        for _ in 0..2 {
            let kept = cache.authenticate(&report, certs.collateral(), &trust).unwrap();
            assert!(once.checks().iter().eq(kept.checks().iter()));
        }
    }
    assert_eq!(cache.len(), 10);
}

#[test]
fn azure_claims_are_bound() {
    let Some(folder) = folder("azure_claims_are_bound") else { return };
    for file in [
        "azure/hcl_report_v1_milan.bin",
        "azure/hcl_v1_milan_c.bin",
        "azure/hcl_report_v1_milan_b.bin",
    ] {
        let blob = fs::read(folder.join(file)).unwrap();
        let hcl = azure::HclReport::parse(&blob).unwrap_or_else(|why| panic!("{file}: {why}"));
        let report = Report::from_bytes(hcl.report_bytes()).unwrap();
        assert!(hcl.is_bound_to(report.report_data()), "{file}");
        let mut other = *report.report_data();
        other[0] ^= 1;
        assert!(!hcl.is_bound_to(&other));
    }
}
