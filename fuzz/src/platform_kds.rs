//! The Key Distribution Service of a test CA.

use std::sync::LazyLock;

use sevcrypt::platform::Chip;
use sevcrypt::platform::ca::TestCa;
use sevcrypt::platform::kds::Kds;
use sevcrypt::snp::certs::Bundle;
use sevcrypt::snp::kds::Request;
use sevcrypt::snp::keys::ChipSecret;
use sevcrypt::snp::tcb::Product;

/// 2026-01-01 00:00:00 UTC.
const NOW: i64 = 1_767_225_600;

/// For each product its CA, with a chip whose CHIP_ID is the generator of secp256k1.
static WORLDS: LazyLock<[(TestCa, Chip); 3]> = LazyLock::new(|| {
    [Product::Milan, Product::Genoa, Product::Turin].map(|product| {
        let ca = TestCa::published(product).expect("it has a profile");
        let mut one = [0; 32];
        one[31] = 1;
        (ca, Chip::new(product, &[7; 48], &one))
    })
});

/// Any text is answered; what is found can be read, and what is not found has a reason.
pub fn platform_kds(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let provider = ChipSecret::new(&[9; 48]);
    for (ca, chip) in &*WORLDS {
        let kds = Kds::new(ca, &[chip]).with_provider("CN=fuzz", &provider);
        let answer = kds.answer(text, NOW);
        match answer.status {
            200 => {
                let request = Request::parse(text).expect("it was answered");
                assert_eq!(kds.answer(&request.to_string(), NOW), answer);
                let mut bundle = Bundle::default();
                bundle.add(&answer.body).expect("certificates, or a list");
                let parsed = bundle.parse().expect("well-formed ones");
                let found = (parsed.certificates.len(), parsed.crls.len());
                let wanted = match request {
                    Request::CertChain { .. } => (2, 0),
                    Request::Crl { .. } => (0, 1),
                    _ => (1, 0),
                };
                assert_eq!(found, wanted);
            }
            400 | 404 => {
                let line = str::from_utf8(&answer.body).expect("text");
                let line = line.strip_suffix('\n').expect("a line");
                assert!(!line.is_empty() && !line.contains(char::is_control), "{line:?}");
            }
            status => panic!("status {status}"),
        }
    }
}
