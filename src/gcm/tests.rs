use super::*;

/// The check of page-swap texts in AMD's firmware self-test (snp-pages.md, section 14).
#[test]
fn firmware_self_test() {
    use base16ct::lower::decode_vec;
    let hex = |text: &str| decode_vec(text).unwrap();
    let key: [u8; 32] =
        hex("3789185b3e6a1971be0e8bb8649735101bfce11af6e30d49e56c63fb26409f20").try_into().unwrap();
    let text = hex("c6992d2c4c9672b5dd94dd5f5fd785c085cb85f54b6a26b20eecdad4ab536cca");
    let ciphertext = hex("c2ecf16c9dba49d4e89570cd2238b0e187eb7e2ef46729a1a86526cec3e9fc9f");
    let mut nonce = [0; 12];
    nonce[..8].copy_from_slice(&hex("f47889260a258277"));
    for backend in Backend::available() {
        let key = MessageKey::new(&key, backend);
        for (aad, tag) in [
            (b"d", "e17c67d436bfce8a663e2abde2d0e6f9"),
            (b"v", "18e9772756e895e21fc6f5146fb9d502"),
            (b"m", "7cb6efad8694633e5ac2456924647f04"),
        ] {
            let mut bytes = text.clone();
            let sealed = key.seal_in_place(&nonce, aad, &mut bytes).unwrap();
            assert_eq!((&bytes, sealed.to_vec()), (&ciphertext, hex(tag)), "{backend}");
            key.open_in_place(&nonce, aad, &mut bytes, &sealed).unwrap();
            assert_eq!(bytes, text, "{backend}");
        }
    }
}
