//! Certificates of SEV and SEV-ES.

use sevcrypt::sev::cert::{
    AmdCertificate, AmdCertificates, AmdDraft, Bundle, Certificate, PdhKey, Trust, verify,
};
use sevcrypt::x509::RsaPublicKey;

use crate::check_error;

/// Files of certificates: whatever is read is written back, and checked under each other. The key of a SEV certificate
/// that is taken is written again.
pub fn sev_certificate(data: &[u8]) {
    let mut bundle = Bundle::default();
    match bundle.add(data) {
        Err(error) => {
            check_error(&error);
            assert_eq!(bundle, Bundle::default());
        }
        Ok(()) => whole(&bundle),
    }
    if let Err(error) = AmdCertificate::parse_chain(data) {
        check_error(&error);
    }
    match AmdCertificate::parse(data) {
        Err(error) => check_error(&error),
        Ok((certificate, rest)) => {
            assert_eq!([certificate.as_bytes(), rest].concat(), data);
            amd(&certificate);
        }
    }
    // So that no input is wasted on its length.
    let mut bytes = [0; Certificate::LEN];
    bytes.iter_mut().zip(data).for_each(|(to, from)| *to = *from);
    sev(&Certificate::from_bytes(&bytes));
}

fn whole(bundle: &Bundle<'_>) {
    let mut file = vec![0; bundle.pieces().map(<[u8]>::len).sum()];
    assert_eq!(bundle.write(&mut file), Ok(file.len()));
    let mut again = Bundle::default();
    again.add(&file).expect("what was written");
    assert_eq!(&again, bundle);

    let sev = [bundle.pdh(), bundle.pek(), bundle.oca(), bundle.cek()];
    let AmdCertificates { ask, ark } = bundle.amd();
    for certificate in sev.into_iter().flatten() {
        for signer in sev.into_iter().flatten() {
            if let Err(error) = certificate.validate(signer) {
                check_error(&error);
            }
        }
        if let Some(Err(error)) = ask.map(|ask| certificate.validate_by_ask(&ask)) {
            check_error(&error);
        }
    }
    if let (Some(ask), Some(ark)) = (ask, ark)
        && let Err(error) = ask.validate(&ark)
    {
        check_error(&error);
    }
    match bundle.platform() {
        Err(error) => check_error(&error),
        Ok(platform) => match verify(&platform, bundle.amd(), &Trust::amd()) {
            Err(error) => check_error(&error),
            Ok(verified) => assert_eq!(verified.certificates(), &platform),
        },
    }
}

fn amd(certificate: &AmdCertificate<'_>) {
    assert!(!certificate.to_string().is_empty() && !format!("{certificate:?}").is_empty());
    if let Err(error) = certificate.validate_root(&Trust::amd()) {
        check_error(&error);
    }
    let key = match certificate.key() {
        Ok(key) => key,
        Err(error) => return check_error(&error),
    };
    // The sizes of exponent and modulus may differ in what is read.
    let Some(signature) = certificate.signature() else { return };
    if certificate.signed_bytes().len() != 64 + 2 * signature.len()
        || certificate.version() != 1
        || certificate.check_form().is_err()
    {
        return;
    }
    let draft = AmdDraft {
        key_id: *certificate.key_id(),
        certifying_id: *certificate.certifying_id(),
        usage: certificate.usage(),
        key: RsaPublicKey::new(key.modulus(), 65537).expect("it was taken"),
    };
    let mut out = vec![0; draft.written_len()];
    let again = draft.write(&mut out, |signed, place| {
        assert_eq!(signed, certificate.signed_bytes());
        place.iter_mut().rev().zip(signature).for_each(|(to, from)| *to = *from);
        Ok::<(), std::convert::Infallible>(())
    });
    assert_eq!(&again.expect("written"), certificate);
}

fn sev(certificate: &Certificate) {
    assert!(!certificate.to_string().is_empty() && !format!("{certificate:?}").is_empty());
    if let Err(error) = certificate.validate(certificate) {
        check_error(&error);
    }
    match PdhKey::unauthenticated(certificate) {
        Err(error) => check_error(&error),
        Ok(key) => {
            let again = Certificate::of_ecdh_key(key.key(), certificate.api());
            assert_eq!(PdhKey::unauthenticated(&again), Ok(key));
        }
    }
    let key = match certificate.key() {
        Ok(key) => key,
        Err(error) => return check_error(&error),
    };
    let (usage, algorithm) = (certificate.usage(), certificate.algorithm());
    let mut again = Certificate::new(usage, algorithm, &key, certificate.api());
    again.set_version(certificate.version());
    again.set_slots(certificate.slots());
    assert_eq!(again.key(), Ok(key));
    match certificate.check_form() {
        Ok(()) => assert_eq!(&again, certificate),
        Err(error) => check_error(&error),
    }
}
