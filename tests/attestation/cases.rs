//! Every made case has its verdict, and every check has a case in which it fails.

use std::collections::BTreeSet;

use sevcrypt::snp::verify::Check;

use crate::evidence::cases;

#[test]
fn every_case_has_its_verdict() {
    let mut wrong = Vec::new();
    let mut failed = BTreeSet::new();
    for case in cases() {
        let (verdict, check) = case.run(&case.files());
        let check = check.map(Check::name);
        if verdict != case.verdict || check != case.check.as_deref() {
            wrong.push(format!(
                "{}: {verdict} {check:?}, expected {} {:?}",
                case.name, case.verdict, case.check
            ));
        }
        failed.extend(check);
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    let never: Vec<_> =
        Check::ALL.iter().map(|check| check.name()).filter(|name| !failed.contains(name)).collect();
    assert!(never.is_empty(), "no case fails {never:?}");
}

#[test]
fn there_are_more_bad_cases_than_good_ones() {
    let (good, bad): (Vec<_>, Vec<_>) =
        cases().into_iter().partition(|case| case.verdict == "accepted");
    assert!(good.len() > 100 && bad.len() > good.len(), "{} good, {} bad", good.len(), bad.len());
}
