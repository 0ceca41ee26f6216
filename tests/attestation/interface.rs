//! What the interface promises beside verdicts: how evidence comes in, what is missing, what is said.

use std::io::Write;

use sevcrypt::ecdsa::VerifyingKey;
use sevcrypt::snp::GuestPolicy;
use sevcrypt::snp::cert_table::{self, EntryKind};
use sevcrypt::snp::certs::{Bundle, BundleError, Collateral, Identity, Role};
use sevcrypt::snp::policy::{Policy, Rule};
use sevcrypt::snp::report::{Draft, KeyInfo, Report};
use sevcrypt::snp::tcb::{CpuModel, Product, TcbVersion};
use sevcrypt::snp::verify::{
    Check, Endorsement, Missing, Outcome, Time, Trust, VerifyError, authenticate, verify,
};
use sevcrypt::x509::{Certificate, PublicKey, split};
use sevcrypt::{Arithmetic, ArithmeticKind, Feature, Vmpl};

use crate::evidence::{Files, cases};

/// The files of a case and the time at which it is judged.
fn files(name: &str) -> (Files, Time) {
    let case = cases().into_iter().find(|case| case.name == name).expect("the case is there");
    (case.files(), Time::At(1_767_225_600))
}

fn parsed(files: &Files) -> Vec<Certificate<'_>> {
    files.certs.iter().map(|der| Certificate::from_der(der).expect("a certificate")).collect()
}

/// A report's and a certificate's signature by each arithmetic that this CPU has. Says which those are and which are skipped, past the
/// capture of a test's output.
#[test]
fn every_arithmetic_verifies() {
    let (files, _) = files("vcek-milan-v3");
    let certificates = parsed(&files);
    let report = Report::from_bytes(&files.report).expect("a report");
    let signature = report.signature().expect("a signature");
    let of_role = |role| {
        let is_it = |it: &&Certificate<'_>| Identity::of(it).is_some_and(|it| it.role == role);
        *certificates.iter().find(is_it).expect("a certificate of each role")
    };
    let (leaf, ask) = (of_role(Role::Vcek), of_role(Role::Ask));
    let PublicKey::P384(point) = leaf.public_key() else { panic!("a P-384 key") };
    let PublicKey::Rsa(ask) = ask.public_key() else { panic!("an RSA key") };
    let key = VerifyingKey::from_sec1(point).expect("a point of the curve");
    let (message, mut changed) = (report.signed_bytes(), report.signed_bytes().to_vec());
    changed[0x90] ^= 1;
    let mut lines = String::new();
    for &kind in ArithmeticKind::ALL {
        let Some(arithmetic) = Arithmetic::new(kind) else {
            let lacks: Vec<_> = kind.missing().map(Feature::name).collect();
            lines += &format!("arithmetic {kind}: SKIPPED, the CPU lacks {}\n", lacks.join(", "));
            continue;
        };
        assert!(key.verify_vartime_by(arithmetic, message, &signature), "{kind}");
        assert!(!key.verify_vartime_by(arithmetic, &changed, &signature), "{kind}");
        let ask = ask.prepare_with(arithmetic);
        assert!(leaf.verify_signature_prepared(&ask).is_ok(), "{kind}");
        assert!(ask.verify_pss_sha384(&changed, leaf.signature()).is_err(), "{kind}");
        lines += &format!("arithmetic {kind}: tested\n");
    }
    std::io::stderr().write_all(lines.as_bytes()).expect("standard error");
}

#[test]
fn roles_and_products_come_from_the_names() {
    for (case, role, product) in [
        ("vcek-milan-v3", Role::Vcek, "Milan"),
        ("vcek-turin-v5", Role::Vcek, "Turin"),
        ("vlek-milan-v3", Role::Vlek, "Milan"),
    ] {
        let (files, _) = files(case);
        let all = parsed(&files);
        let identity = |index: usize| Identity::of(&all[index]).expect("AMD's hierarchy");
        assert_eq!((identity(0).role, identity(0).product), (role, product));
        let intermediate = if role == Role::Vlek { Role::Asvk } else { Role::Ask };
        assert_eq!((identity(1).role, identity(1).product), (intermediate, product));
        assert_eq!((identity(2).role, identity(2).product), (Role::Ark, product));
    }
}

/// The same chain as single files, as PEM, as a table in both byte orders of the GUIDs, with a policy of nothing.
#[test]
fn evidence_in_every_form() {
    let (files, time) = files("vcek-milan-v3");
    let root =
        Certificate::from_der(files.root.as_deref().expect("a root")).expect("a certificate");
    let roots = [root];
    let trust = Trust::amd(time).with_roots(&roots);
    let accepted = |bundle: &Bundle| {
        let parsed = bundle.parse().expect("certificates");
        assert_eq!((parsed.certificates.len(), parsed.crls.len()), (3, 0));
        let accepted = verify(&files.report, parsed.collateral(), &trust, &Policy::default());
        assert_eq!(accepted.expect("accepted").product(), Product::Milan);
    };
    let mut single = Bundle::default();
    files.certs.iter().for_each(|der| single.add(der).expect("a certificate"));
    accepted(&single);

    let kinds = [EntryKind::Vcek, EntryKind::Ask, EntryKind::Ark];
    let extra: &[u8] = &[8, 0, 0, 0, 0, 0, 0, 0];
    let mut entries: Vec<_> =
        kinds.iter().zip(&files.certs).map(|(kind, der)| (*kind, &der[..])).collect();
    entries.insert(1, (EntryKind::ExtraPlatformInfo, extra));
    let mut table = vec![0; 8192];
    cert_table::write(&entries, &mut table).expect("it has room");
    let mut from_table = Bundle::default();
    from_table.add(&table).expect("a table");
    accepted(&from_table);
    // The mixed-endian form of the GUIDs.
    for entry in table.chunks_exact_mut(24).take(entries.len()) {
        entry[..4].reverse();
        entry[4..6].reverse();
        entry[6..8].reverse();
    }
    let mut mixed = Bundle::default();
    mixed.add(&table).expect("a table");
    accepted(&mixed);

    // Borrowed arrays and slices, without a bundle.
    let [leaf, ask, ark]: [Certificate<'_>; 3] = parsed(&files).try_into().expect("three");
    let (two, three) = ([leaf, ask], [ark, leaf, ask]);
    for collateral in [Collateral::from(&two), Collateral::from(&three[..])] {
        assert!(verify(&files.report, collateral, &trust, &Policy::default()).is_ok());
    }
}

/// Without a leaf, a report that names no key lacks no certificate that anybody could be asked for.
#[test]
fn reports_that_name_no_key() {
    let (files, time) = files("vcek-milan-v3");
    let certificates = parsed(&files);
    for key in [7, 2] {
        let mut bytes = files.report.clone();
        bytes[0x48] = key << 2;
        let report = Report::from_bytes(&bytes).expect("a report");
        let why = authenticate(&report, (&certificates[1..]).into(), &Trust::amd(time));
        let why = why.expect_err("no key");
        assert!(matches!(why, VerifyError::NotAuthentic(_)), "{why}");
        let failed = why.checks().expect("checks").first_failure().map(|(check, _)| check);
        assert_eq!(failed, Some(Check::SigningKey));
    }
}

/// A leaf whose issuer is neither there nor built in.
#[test]
fn an_intermediate_that_is_missing() {
    let (files, time) = files("vcek-milan-v3");
    let mut leaf = files.certs[0].clone();
    let name = leaf.windows(9).position(|part| part == b"SEV-Milan").expect("its issuer");
    leaf[name + 4] = b'W';
    let certificates = [Certificate::from_der(&leaf).expect("a certificate")];
    let report = Report::from_bytes(&files.report).expect("a report");
    let why = authenticate(&report, (&certificates).into(), &Trust::amd(time));
    let missing = Missing::Intermediate { role: Role::Ask, product: None };
    assert!(matches!(why.expect_err("no ASK"), VerifyError::Missing(found) if found == missing));
    assert_eq!(missing.requests().count(), 0);
}

#[test]
fn pem_is_bounded() {
    let block = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    assert_eq!(split(block.repeat(256).as_bytes()).expect("as many as may be").len(), 256);
    let why = split(block.repeat(257).as_bytes()).expect_err("one more");
    assert!(why.to_string().contains("256"), "{why}");
    let long = block.replace("MAA=", &"MAAA".repeat(13 << 19));
    let why = split(long.as_bytes()).expect_err("longer than 16 MiB");
    assert!(why.to_string().contains("16777216"), "{why}");
}

#[test]
fn bundles_are_bounded() {
    let (files, _) = files("vcek-milan-v3");
    let mut bundle = Bundle::default();
    for _ in 0..Bundle::CAPACITY {
        bundle.add(&files.certs[0]).expect("there is room");
    }
    let full = bundle.add(&files.certs[0]);
    assert_eq!(full, Err(BundleError::TooMany));
    let mut long = Bundle::default();
    let text = vec![b'\n'; Bundle::MAX_BYTES + 1];
    assert_eq!(long.add(&text), Err(BundleError::TooLong));
    // As long as may be, and no certificate: the third of the bundle would have been it.
    let mut two = Bundle::default();
    two.add(&files.certs[0]).expect("a certificate");
    two.add(&files.certs[1]).expect("a certificate");
    let rest = Bundle::MAX_BYTES - files.certs[0].len() - files.certs[1].len();
    let index = |added: Result<(), BundleError>| match added {
        Err(BundleError::Certificate { index, .. }) => index,
        other => panic!("{other:?}"),
    };
    assert_eq!(index(two.add(&text[..rest])), 2);
    let entries = [(EntryKind::Vcek, &files.certs[0][..]), (EntryKind::Ask, b"not DER")];
    let mut table = [0; 8192];
    cert_table::write(&entries, &mut table).expect("it has room");
    assert_eq!(index(two.add(&table)), 3);
    assert_eq!(two.parse().expect("certificates").certificates.len(), 2, "nothing was added");
    let mut damaged = files.certs[1].clone();
    damaged[13] ^= 0x20; // the tag of the serial number
    two.add(&damaged).expect("a certificate by its outside");
    let why = two.parse().expect_err("a certificate that is damaged");
    assert!(why.to_string().starts_with("certificate or revocation list 3: "), "{why}");
    assert_eq!(full.unwrap_err().to_string(), "more than 256 certificates and revocation lists");
    assert_eq!(bundle.parse().expect("certificates").certificates.len(), Bundle::CAPACITY);
    // Tables without an entry, and what is none.
    for (input, good) in [
        (&[][..], true),
        (&[0; 16], false),
        (&[0; 24], true),
        (&[0; 4096], true),
        (&[1; 24], false),
    ] {
        assert_eq!(Bundle::default().add(input).is_ok(), good, "{} bytes", input.len());
    }
    let why = Bundle::default().add(&[0; 16]).unwrap_err();
    assert!(why.to_string().starts_with("certificate table: "), "{why}");
}

#[test]
fn a_product_that_the_caller_states() {
    let (files, time) = files("vcek-milan-v3");
    let certificates = parsed(&files);
    let roots = [certificates[2]];
    let report = Report::from_bytes(&files.report).expect("a report");
    let of = |product| {
        let trust = Trust::amd(time).with_roots(&roots).with_product(product);
        authenticate(&report, Collateral::from(&certificates[..]), &trust)
    };
    assert_eq!(of(Product::Milan).expect("authentic").product(), Product::Milan);
    let why = of(Product::Genoa).expect_err("another product");
    assert!(matches!(why.checks().expect("checks").outcome(Check::Product), Outcome::Failed(_)));
    assert_eq!(
        why.to_string(),
        "not authentic: product: the certificate's issuer is that of Milan, but the product that was asked for is Genoa"
    );
}

#[test]
fn what_is_missing() {
    let tcb = TcbVersion::new([1, 2, 0, 0, 0, 0, 3, 4]);
    let requests = |draft: Draft, product: Option<Product>| {
        let bytes = draft.reported_tcb(tcb).unsigned();
        let report = Report::from_bytes(&bytes).expect("a report");
        let trust = Trust::amd(Time::Unchecked);
        let trust = product.map_or(trust, |product| trust.with_product(product));
        match authenticate(&report, Collateral::default(), &trust) {
            Err(VerifyError::Missing(missing)) => (
                missing.requests().map(|request| request.to_string()).collect::<Vec<_>>(),
                missing.to_string(),
            ),
            other => panic!("{other:?}"),
        }
    };
    let long = [7; 64];
    let mut short = [0; 64];
    short[..8].fill(7);
    let (milan, genoa) = ("/vcek/v1/Milan/", "/vcek/v1/Genoa/");
    let (found, text) = requests(Draft::new(2).chip_id(&long), None);
    assert!(
        found.len() == 2 && found[0].starts_with(milan) && found[1].starts_with(genoa),
        "{found:?}"
    );
    assert!(found[0].ends_with("?blSPL=1&teeSPL=2&snpSPL=3&ucodeSPL=4"), "{found:?}");
    assert!(text.contains(" is missing: https://kdsintf.amd.com/vcek/v1/Milan/"), "{text}");
    assert!(text.contains(" or https://kdsintf.amd.com/vcek/v1/Genoa/"), "{text}");
    let (found, _) = requests(Draft::new(2).chip_id(&long), Some(Product::Genoa));
    assert!(found.len() == 1 && found[0].starts_with(genoa), "{found:?}");
    let turin = Draft::new(2).chip_id(&short).reported_tcb(TcbVersion::default());
    let bytes = turin.unsigned();
    let report = Report::from_bytes(&bytes).expect("a report");
    match authenticate(&report, Collateral::default(), &Trust::amd(Time::Unchecked)) {
        Err(VerifyError::Missing(missing)) => {
            let found: Vec<_> = missing.requests().map(|request| request.to_string()).collect();
            assert!(
                found.len() == 1 && found[0].starts_with("/vcek/v1/Turin/0707070707070707?"),
                "{found:?}"
            );
        }
        other => panic!("{other:?}"),
    }
    for masked in
        [Draft::new(2), Draft::new(3).cpu(CpuModel { family: 0x19, model: 1, stepping: 1 })]
    {
        let (found, text) = requests(masked, None);
        assert!(found.is_empty() && text.contains("the chip id is masked"), "{found:?} {text}");
    }
    let bytes = Draft::new(2).unsigned();
    let report = Report::from_bytes(&bytes).expect("a report");
    let masked = authenticate(&report, Collateral::default(), &Trust::amd(Time::Unchecked));
    assert!(matches!(
        masked,
        Err(VerifyError::Missing(Missing::Vcek { products: [None, None], .. }))
    ));
    let unknown =
        Draft::new(3).chip_id(&long).cpu(CpuModel { family: 0x17, model: 0x31, stepping: 0 });
    assert!(requests(unknown, None).0.is_empty());
    let vlek = |draft: Draft| draft.key_info(KeyInfo(1 << 2));
    let (found, text) =
        requests(vlek(Draft::new(3)).cpu(CpuModel { family: 0x19, model: 1, stepping: 1 }), None);
    assert_eq!(found, ["/vlek/v1/Milan/cert?blSPL=1&teeSPL=2&snpSPL=3&ucodeSPL=4"]);
    assert!(text.contains("the cloud provider has it"), "{text}");
    assert!(requests(vlek(Draft::new(2)), None).0.is_empty());

    // A test platform's leaf without its ASK, for which no key is built in.
    let (files, time) = files("vcek-milan-v3");
    let certificates = parsed(&files);
    let report = Report::from_bytes(&files.report).expect("a report");
    match authenticate(&report, Collateral::from(&certificates[..1]), &Trust::amd(time)) {
        Err(VerifyError::Missing(missing @ Missing::Intermediate { role: Role::Ask, .. })) => {
            assert!(missing.to_string().starts_with("the ASK that signed"), "{missing}");
            let requests: Vec<_> = missing.requests().map(|request| request.to_string()).collect();
            assert_eq!(requests, ["/vcek/v1/Milan/cert_chain"]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_said() {
    let run = |name: &str, policy: &Policy<'_>| {
        let (files, time) = files(name);
        let certificates = parsed(&files);
        let roots = [certificates[2]];
        let trust = Trust::amd(time).with_roots(&roots);
        let done = verify(&files.report, Collateral::from(&certificates[..]), &trust, policy);
        done.map(|accepted| accepted.csp_id().map(str::to_owned)).map_err(|why| why.to_string())
    };
    let refused = |name: &str| run(name, &Policy::default()).expect_err("refused");
    assert_eq!(refused("debug"), "refused: the guest policy allows debugging (bit 19)");
    assert_eq!(
        refused("report-version-7"),
        "malformed: report version 7 at offset 0 is not known; known are 2 to 6"
    );
    assert_eq!(run("vcek-milan-v3", &Policy::default()), Ok(None));
    assert_eq!(
        run("vlek-milan-v3", &Policy::default()),
        Ok(Some("CN=test.cloud.example".to_owned()))
    );
    let mut policy = Policy::default();
    policy.vmpl = Some(Vmpl::VMPL3);
    assert_eq!(
        run("vcek-milan-v3", &policy),
        Err("refused: the report was asked for by VMPL0".to_owned())
    );
    policy = Policy::default();
    policy.policy_forbidden = 1 << 16;
    assert_eq!(
        run("vcek-milan-v3", &policy),
        Err("refused: bits 0x10000 are set, and must not be".to_owned())
    );
    policy.policy_required = GuestPolicy::RESERVED_ONE | 1 << 24;
    assert_eq!(
        run("vcek-milan-v3", &policy),
        Err("refused: bits 0x1000000 are not set, and must be; bits 0x10000 are set, and must not be".to_owned())
    );
    // A demand that nothing can meet.
    (policy.policy_required, policy.policy_forbidden) = (1 << 16, 1 << 16);
    assert_eq!(
        run("vcek-milan-v3", &policy),
        Err("refused: bits 0x10000 are set, and must not be".to_owned())
    );
    policy = Policy::default();
    policy.require_crl = true;
    let missing = run("vlek-milan-v3", &policy).expect_err("no revocation list");
    assert!(missing.ends_with("https://kdsintf.amd.com/vlek/v1/Milan/crl"), "{missing}");
    for rule in Rule::ALL {
        assert_eq!(rule.to_string(), rule.name());
        assert_eq!(rule.name().parse(), Ok(*rule));
    }
    let unknown = "nothing".parse::<Rule>().expect_err("no rule").to_string();
    assert!(unknown.ends_with("masked-chip-id stale-crl"), "{unknown}");
}

/// Only a good chain becomes an endorsement, and it does not print its key.
#[test]
fn endorsements_are_of_good_chains() {
    let of = |name: &str, time| {
        let (files, _) = files(name);
        let certificates = parsed(&files);
        let roots = [*certificates.last().expect("the ARK")];
        let report = Report::from_bytes(&files.report).expect("a report");
        let trust = Trust::amd(time).with_roots(&roots);
        Endorsement::of(&report, Collateral::from(&certificates[..]), &trust)
    };
    let now = Time::At(1_767_225_600);
    let good = of("vcek-milan-v3", now).expect("a good chain");
    assert_eq!((good.role(), good.product()), (Role::Vcek, Product::Milan));
    assert_eq!(format!("{good:?}"), "Endorsement(VCEK of Milan at 0300000000000873)");
    assert_eq!(of("vlek-milan-v3", now).expect("a good chain").role(), Role::Vlek);
    for (name, time) in
        [("vcek-milan-v3", Time::At(4_000_000_000)), ("leaf-is-ca", now), ("leaf-off-curve", now)]
    {
        assert!(matches!(of(name, time), Err(VerifyError::NotAuthentic(_))), "{name}");
    }
}

/// A chain is endorsed for the report that names its key, and for no other.
#[test]
fn an_endorsement_is_of_the_reports_own_key() {
    let now = Time::At(1_767_225_600);
    let of = |report: &str, chain: &str| {
        let (report, _) = files(report);
        let (chain, _) = files(chain);
        let certificates = parsed(&chain);
        let roots = [*certificates.last().expect("the ARK")];
        let report = Report::from_bytes(&report.report).expect("a report");
        let trust = Trust::amd(now).with_roots(&roots);
        let done = Endorsement::of(&report, Collateral::from(&certificates[..]), &trust);
        done.map_err(|why| {
            why.checks().and_then(|checks| checks.first_failure()).expect("a check").0
        })
    };
    let own = of("vcek-milan-v3", "vcek-milan-v3").expect("its own");
    assert!(own.chip_id().is_some_and(|id| id[63] != 0) && own.csp_id().is_none());
    assert!(own.validity().contains(1_767_225_600) && !own.validity().contains(4_000_000_000));
    let cloud = of("vlek-milan-v3", "vlek-milan-v3").expect("its own");
    assert!(cloud.csp_id().is_some() && cloud.chip_id().is_none());
    assert_eq!(of("vcek-milan-v3", "vlek-milan-v3").unwrap_err(), Check::SigningKey);
    assert_eq!(of("vcek-milan-v3", "leaf-of-another-chip").unwrap_err(), Check::ChipId);
    assert_eq!(of("vcek-milan-v3", "leaves-of-others").unwrap_err(), Check::ReportedTcb);
    assert_eq!(of("vcek-turin-v5", "vcek-milan-v3").unwrap_err(), Check::Product);
}

/// Evidence that is wrong in many ways is refused, with every failure listed, cold and warm.
#[test]
fn evidence_that_is_wrong_in_many_ways() {
    let (mut files, time) = files("vcek-milan-v3");
    let good = files.report.clone();
    let certs = files.certs.clone();
    let certificates: Vec<_> =
        certs.iter().map(|der| Certificate::from_der(der).expect("a certificate")).collect();
    let roots = [certificates[2]];
    let trust = Trust::amd(time).with_roots(&roots);
    let report = Report::from_bytes(&good).expect("a report");
    let endorsement = Endorsement::of(&report, Collateral::from(&certificates[..]), &trust)
        .expect("a good chain");
    // SIGNATURE_ALGO, MASK_CHIP_KEY, REPORTED_TCB, the processor, CHIP_ID, a reserved byte, r.
    for offset in [0x34, 0x180, 0x188, 0x1a0, 0x29f, 0x2a0] {
        files.report[offset] ^= 0x40;
    }
    files.report[0x48] |= 2;
    let report = Report::from_bytes(&files.report).expect("a report");
    let cold =
        authenticate(&report, Collateral::from(&certificates[..]), &trust).expect_err("wrong");
    let late = Time::At(4_000_000_000);
    for (why, wanted) in [
        (cold, 6),
        (endorsement.authenticate(&report, time).expect_err("wrong"), 6),
        (endorsement.authenticate(&report, late).expect_err("wrong"), 9),
    ] {
        let failures: Vec<_> = why.checks().expect("checks").failures().collect();
        assert_eq!(failures.len(), wanted, "{failures:?}");
        assert_eq!(failures[0].0, Check::SignatureAlgorithm);
    }
}

/// What no policy lets through: layouts that nobody knows, sets with nothing in them.
#[test]
fn what_no_policy_accepts() {
    let (files, time) = files("vcek-milan-v3");
    let certificates = parsed(&files);
    let roots = [certificates[2]];
    let trust = Trust::amd(time).with_roots(&roots);
    let judged = |policy: &Policy<'_>| {
        let collateral = Collateral::from(&certificates[..]);
        verify(&files.report, collateral, &trust, policy).map(drop).map_err(|why| {
            why.checks().and_then(|checks| checks.first_failure()).map(|(check, _)| check)
        })
    };
    let all = Rule::ALL.iter().fold(Policy::default(), |policy, rule| policy.allow(*rule));
    assert_eq!(judged(&all), Ok(()));
    let with = |change: fn(&mut Policy<'_>)| {
        let mut policy = all;
        change(&mut policy);
        judged(&policy)
    };
    assert_eq!(with(|policy| policy.measurements = Some(&[])), Err(Some(Check::Measurement)));
    assert_eq!(with(|policy| policy.id_keys = Some(&[])), Err(Some(Check::IdKey)));
    assert_eq!(with(|policy| policy.author_keys = Some(&[])), Err(Some(Check::AuthorKey)));
    assert_eq!(with(|policy| policy.csp_ids = Some(&[])), Err(Some(Check::CspId)));
    assert_eq!(with(|policy| policy.chip_ids = Some(&[])), Err(Some(Check::ChipIdAllowed)));
    assert_eq!(with(|policy| policy.report_data = Some(&[0; 65])), Err(Some(Check::ReportData)));
    assert_eq!(with(|policy| policy.require_crl = true), Err(None));

    for version in [0, 1, 7, u32::MAX] {
        let mut bytes: [u8; 1184] = files.report[..].try_into().expect("a report");
        bytes[..4].copy_from_slice(&version.to_le_bytes());
        assert!(Report::from_bytes(&bytes).is_err());
        // Even if somebody's key signed it.
        let report = Report::of_unknown_version(&bytes).expect("1184 bytes");
        let why = authenticate(&report, Collateral::from(&certificates[..]), &trust).unwrap_err();
        let checks = why.checks().expect("checks");
        assert!(matches!(checks.outcome(Check::ReportSignature), Outcome::Failed(_)));
    }
}

/// A debugger is the reason, also where a revocation list is missing.
#[test]
fn a_refusal_comes_before_what_is_missing() {
    let (files, time) = files("debug");
    let certificates = parsed(&files);
    let roots = [certificates[2]];
    let mut policy = Policy::default();
    policy.require_crl = true;
    let trust = Trust::amd(time).with_roots(&roots);
    let run = |policy: &Policy<'_>| {
        verify(&files.report, Collateral::from(&certificates[..]), &trust, policy).map(drop)
    };
    assert!(matches!(run(&policy), Err(VerifyError::Refused(_))));
    assert!(matches!(
        run(&policy.allow(Rule::Debug)),
        Err(VerifyError::Missing(Missing::Crl { .. }))
    ));
}

/// A processor that the library does not know is the caller's to vouch for: its product, by name.
#[test]
fn an_unknown_processor() {
    let (files, time) = files("cpuid-model-unknown");
    let certificates = parsed(&files);
    let roots = [certificates[2]];
    let run = |trust: Trust<'_>| {
        let trust = trust.with_roots(&roots);
        let collateral = Collateral::from(&certificates[..]);
        let done = verify(&files.report, collateral, &trust, &Policy::default());
        done.map(drop).map_err(|why| why.to_string())
    };
    let unknown = "not authentic: product: the report's processor is not known: family 0x1a model 0x18 stepping 0";
    assert_eq!(run(Trust::amd(time)), Err(unknown.to_owned()));
    assert_eq!(run(Trust::amd(time).with_product(Product::Turin)), Ok(()));
    assert!(run(Trust::amd(time).with_product(Product::Genoa)).is_err());
}
