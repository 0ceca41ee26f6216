//! Save areas from outside: registers do not stay behind, changes are found, registers behind a nonce.

#![allow(missing_docs, reason = "tests")]

#[path = "../support/dropped.rs"]
mod dropped;

use dropped::{dropped, longest_stretch};
use sevcrypt::snp::secrets::SecretsPage;
use sevcrypt::vmsa::{CheckBlock, IntegrityError, RegisterProtection, SevFeatures, Vmsa};
use sevcrypt::{PhysAddr, Status};

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

/// What the host can do to a save area that it cannot read, under SEV-ES.
#[test]
fn a_changed_save_area_is_found() {
    let mut vmsa = Vmsa::from_bytes(&PAGE);
    let block = vmsa.prepare(PhysAddr::new(0x7_f000_0008).unwrap());
    assert_eq!(vmsa.check_integrity(&[block]), Ok(()));

    // A hardware exit writes registers, and a new value.
    vmsa.set_rax(7);
    assert_eq!(vmsa.check_integrity(&[block]), Err(IntegrityError::Value));
    let newer = CheckBlock { value: vmsa.integrity_value(), ..block };
    assert_eq!(vmsa.check_integrity(&[newer]), Ok(()));

    // The page of another guest, or an older one.
    assert_eq!(
        Vmsa::from_bytes(&PAGE).check_integrity(&[newer]).map_err(IntegrityError::status),
        Err(Status::INVALID_ADDRESS)
    );
}

/// An SVSM reads and edits another vCPU's registers with the list of its secrets page.
#[test]
fn registers_behind_a_nonce() {
    let mut memory = [0; 4096];
    let mut page = SecretsPage::create(&mut memory);
    page.set_vmsa_tweak_bitmap(RegisterProtection::GENOA.bitmap());
    let protection = RegisterProtection::from_bitmap(page.vmsa_tweak_bitmap());

    let mut vmsa = Vmsa::ZERO;
    vmsa.set_sev_features(SevFeatures(0x4001));
    vmsa.set_rsp(0x1000);
    protection.launch(&mut vmsa, 0xdead_beef_0bad_cafe);
    assert_ne!(vmsa.rsp(), 0x1000);

    protection.apply(&mut vmsa);
    assert_eq!(vmsa.rsp(), 0x1000);
    vmsa.set_rip(0x2000);
    protection.apply(&mut vmsa);
    assert_eq!(vmsa.rip(), 0x2000 ^ 0xdead_beef_0bad_cafe);
}
