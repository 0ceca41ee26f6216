//! Kept CAs: nothing that was changed comes back.

use std::sync::OnceLock;

use sevcrypt::platform::ca::{CaRole, TestCa};
use sevcrypt::snp::tcb::Product;

use crate::check_error;

/// The products whose CA is made of published keys.
const PRODUCTS: [Product; 3] = [Product::Milan, Product::Genoa, Product::Turin];

fn published() -> &'static [Vec<u8>; 3] {
    static BYTES: OnceLock<[Vec<u8>; 3]> = OnceLock::new();
    BYTES.get_or_init(|| {
        PRODUCTS.map(|product| TestCa::published(product).expect("its keys").to_bytes().to_vec())
    })
}

/// A number. Below three, that of a product's published CA, followed by changes of three bytes each: a place and the new byte.
/// Another, and what follows is a file, after the 16 bytes that name it.
pub fn platform_ca(data: &[u8]) {
    let Some((number, data)) = data.split_first() else { return };
    let Some(original) = published().get(usize::from(*number)) else {
        let file = [&published()[0][..16], data].concat();
        return match TestCa::from_bytes(&file) {
            Ok(ca) => assert_eq!(ca.to_bytes()[..], file),
            Err(error) => check_error(&error),
        };
    };
    let mut file = original.clone();
    for [low, high, byte] in data.as_chunks().0 {
        let at = usize::from(u16::from_le_bytes([*low, *high])) % file.len();
        file[at] = *byte;
    }
    match TestCa::from_bytes(&file) {
        Ok(ca) => {
            assert!(file == *original, "a CA that was changed is taken");
            assert!(ca.is_published() && ca.to_bytes()[..] == file[..]);
            assert!(CaRole::ALL.iter().all(|role| !ca.certificate(*role).is_empty()));
        }
        Err(error) => {
            check_error(&error);
            assert!(file != *original);
        }
    }
}
