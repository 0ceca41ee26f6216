//! Save areas: their fields are the whole page, what is put on comes off, and what is changed is found.

use sevcrypt::vmsa::{CheckBlock, Field, IntegrityError, IntegrityValue, RegisterProtection, Vmsa};
use sevcrypt::{Page, PhysAddr, Status};

use crate::check_error;

/// A bit (two bytes) and a bitmap of protected quadwords, then a save area, cut or filled up.
pub fn vmsa(data: &[u8]) {
    let mut head = [0; 66];
    let len = data.len().min(head.len());
    head[..len].copy_from_slice(&data[..len]);
    let data = &data[len..];
    let mut page: Page = [0; 4096];
    let len = data.len().min(page.len());
    page[..len].copy_from_slice(&data[..len]);
    let [low, high, bitmap @ ..] = head;
    let bit = usize::from(u16::from_le_bytes([low, high])) % (8 * page.len());

    fields(&Vmsa::from_bytes(&page), &page);
    protection(&page, &bitmap);
    integrity(&page, bit);
}

fn fields(vmsa: &Vmsa, page: &Page) {
    assert_eq!(vmsa.as_bytes(), page);
    let zero = Vmsa::ZERO;
    assert!(vmsa.differences(&zero).map(|it| it.field).eq(vmsa.non_zero().map(|(field, _)| field)));
    assert_eq!(vmsa.differences(vmsa).count(), 0);
    let mut covered = [0; 4096];
    for field in Field::all() {
        let range = field.offset()..field.offset() + field.size();
        covered[range.clone()].iter_mut().for_each(|count| *count += 1);
        let value = vmsa.get(field);
        assert_eq!(value.is_zero(), page[range].iter().all(|byte| *byte == 0), "{field}");
        assert!(!value.to_string().is_empty());
    }
    assert!(covered == [1; 4096], "each byte is in one field");
    match vmsa.check_reserved() {
        Ok(()) => assert!(vmsa.non_zero().all(|(field, _)| !field.is_reserved())),
        Err(error) => {
            check_error(&error);
            assert!(error.value != 0 && page[error.offset] == error.value);
        }
    }
}

fn protection(page: &Page, bitmap: &[u8; 64]) {
    let protection = RegisterProtection::from_bitmap(bitmap);
    assert_eq!(protection.bitmap(), bitmap);
    let mut vmsa = Vmsa::from_bytes(page);
    let (features, nonce) = (vmsa.sev_features(), vmsa.reg_prot_nonce());
    protection.apply(&mut vmsa);
    assert_eq!((vmsa.sev_features(), vmsa.reg_prot_nonce()), (features, nonce));
    if !features.vmsa_reg_prot() {
        assert_eq!(vmsa.as_bytes(), page);
    }
    protection.apply(&mut vmsa);
    assert_eq!(vmsa.as_bytes(), page);
}

fn integrity(page: &Page, bit: usize) {
    let at = |address| PhysAddr::new(address).expect("a small address");
    let mut vmsa = Vmsa::from_bytes(page);
    let block = vmsa.prepare(at(0x5000));
    let other = CheckBlock { address: at(0x6000), value: IntegrityValue(0) };
    assert_eq!(vmsa.check_integrity(&[other, block]), Ok(()));

    let mut changed = *vmsa.as_bytes();
    changed[bit / 8] ^= 1 << (bit % 8);
    let checked = Vmsa::from_bytes(&changed).check_integrity(&[block]);
    match bit / 8 {
        0x388..0x390 => assert!(matches!(checked, Err(IntegrityError::Address { .. }))),
        ..0xfc0 => assert_eq!(checked, Err(IntegrityError::Value)),
        _ => assert_eq!(checked, Ok(()), "nothing is said of it"),
    }

    // A guest that the host has made up.
    let vmsa = Vmsa::from_bytes(page);
    if let Err(error) = vmsa.check_integrity(&[other]) {
        check_error(&error);
        assert!([Status::INVALID_ADDRESS, Status::BAD_MEASUREMENT].contains(&error.status()));
    }
}
