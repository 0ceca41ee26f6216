//! Every made case has its verdict, and every check has a case in which it fails.

use std::collections::BTreeSet;

use sevcrypt::snp::policy::Rule;
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

/// For each rule there is an authentic report that a caller who relaxes nothing does not get past.
#[test]
fn every_rule_refuses_by_default() {
    let refused: BTreeSet<_> = cases()
        .into_iter()
        .filter(|case| case.allow.is_empty() && case.verdict == "refused")
        .filter_map(|case| case.run(&case.files()).1)
        .collect();
    for rule in Rule::ALL {
        assert!(refused.contains(&rule.check()), "{rule}");
    }
}

/// README's page on verification names every check and every rule, and no other.
#[test]
fn readme_lists_every_check() {
    let readme = include_str!("../../README.md");
    let (_, page) = readme.split_once("## What verification checks").expect("the page");
    let (page, _) = page.split_once("\n## ").expect("another section");
    let (checks, _) = page.split_once("**Left to you:**").expect("what is left");
    let quoted: BTreeSet<_> = checks.split('`').skip(1).step_by(2).collect();
    let known: BTreeSet<_> = Check::ALL.iter().map(|check| check.name()).collect();
    let rules: BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
    assert!(known.is_subset(&quoted), "missing: {:?}", known.difference(&quoted));
    assert!(rules.is_subset(&quoted), "missing: {:?}", rules.difference(&quoted));
    let words =
        ["passed", "failed", "not-asked", "Time::Unchecked", "--no-clock", "--allow", "Rule"];
    let other: Vec<_> = quoted
        .iter()
        .filter(|name| !known.contains(*name) && !rules.contains(*name) && !words.contains(name))
        .collect();
    assert!(other.is_empty(), "{other:?} is no check");
}
