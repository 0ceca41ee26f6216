//! Save areas from outside: a running guest's registers do not stay behind.

#![allow(missing_docs, reason = "tests")]

#[path = "../support/dropped.rs"]
mod dropped;

use dropped::{dropped, longest_stretch};
use sevcrypt::vmsa::Vmsa;

/// Registers of a guest.
const PAGE: [u8; 4096] = {
    let mut page = [0; 4096];
    let mut at = 0;
    while at < page.len() {
        page[at] = (at % 251) as u8 | 1;
        at += 1;
    }
    page
};

#[test]
fn save_areas_leave_nothing() {
    let (before, after) = dropped(Vmsa::from_bytes(&PAGE));
    assert_eq!(longest_stretch(&before, &PAGE), 4096);
    assert!(after.iter().all(|byte| *byte == 0));
}

#[test]
fn debug_shows_no_register() {
    assert_eq!(format!("{:?}", Vmsa::from_bytes(&PAGE)), "Vmsa(..)");
}
