//! No single changed bit of what is signed is accepted.

use sevcrypt::snp::certs::Collateral;
use sevcrypt::snp::report::Report;
use sevcrypt::snp::verify::{Endorsement, Time, Trust};
use sevcrypt::x509::Certificate;

use crate::evidence::{Case, Files, cases};

fn case(name: &str) -> (Case, Files) {
    let case = cases().into_iter().find(|case| case.name == name).expect("the case is there");
    let files = case.files();
    assert_eq!(case.run(&files).0, "accepted");
    (case, files)
}

fn refused(case: &Case, files: &Files, what: &str, bit: usize) {
    let (verdict, _) = case.run(files);
    assert!(
        ["malformed", "not-authentic", "refused", "incomplete"].contains(&verdict),
        "{}: {what} with bit {bit} changed is {verdict}",
        case.name
    );
}

/// All 9472 bits of a report: those that are signed, r, s, and those that must be zero.
#[test]
fn no_bit_of_a_report() {
    let (case, mut files) = case("vcek-milan-v3");
    for bit in 0..files.report.len() * 8 {
        files.report[bit / 8] ^= 1 << (bit % 8);
        refused(&case, &files, "the report", bit);
        files.report[bit / 8] ^= 1 << (bit % 8);
    }
}

/// The same by a kept chain and the table of its key.
#[test]
fn no_bit_of_a_report_under_an_endorsement() {
    let (case, mut files) = case("vcek-milan-v3");
    let certificates: Vec<_> =
        files.certs.iter().map(|der| Certificate::from_der(der).expect("a certificate")).collect();
    let roots = [certificates[2]];
    let time = Time::At(case.at);
    let trust = Trust::amd(time).with_roots(&roots);
    let report = Report::from_bytes(&files.report).expect("a report");
    let endorsement = Endorsement::of(&report, Collateral::from(&certificates[..]), &trust);
    let endorsement = endorsement.expect("a good chain");
    assert!(endorsement.authenticate(&report, time).is_ok());
    for bit in 0..files.report.len() * 8 {
        files.report[bit / 8] ^= 1 << (bit % 8);
        let report = Report::of_unknown_version(&files.report).expect("1184 bytes");
        assert!(endorsement.authenticate(&report, time).is_err(), "bit {bit}");
        files.report[bit / 8] ^= 1 << (bit % 8);
    }
}

/// Every bit of the leaf and of the ASK, and of the ARK. The root that the caller trusts stays as it is.
#[test]
fn no_bit_of_a_certificate() {
    let (case, mut files) = case("vcek-milan-v3");
    for index in 0..files.certs.len() {
        for bit in 0..files.certs[index].len() * 8 {
            files.certs[index][bit / 8] ^= 1 << (bit % 8);
            refused(&case, &files, &format!("certificate {index}"), bit);
            files.certs[index][bit / 8] ^= 1 << (bit % 8);
        }
    }
}
