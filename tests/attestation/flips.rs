//! No single changed bit of what is signed is accepted.

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
