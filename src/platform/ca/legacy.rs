//! Certificates for SEV and SEV-ES, in AMD's binary forms (AMD 55766, appendix C).

use std::vec;
use std::vec::Vec;

use sha2::{Digest, Sha256};

use super::{CaError, CaRole, Member, TestCa};
use crate::platform::Chip;
use crate::sev::ApiVersion;
use crate::sev::cert::{Algorithm, AmdDraft, Certificate, Slot, Usage};

/// The API version in the CEK certificates that AMD's Key Distribution Service sends.
const CEK_API: ApiVersion = ApiVersion { major: 0, minor: 14 };

/// The certificates of the generations before SEV-SNP, by the same keys.
impl TestCa {
    /// The ARK's certificate for SEV, 1600 bytes. A platform of this CA has it in its fuses; whoever verifies such a platform trusts it
    /// ([`Trust::only`](crate::sev::cert::Trust::only)).
    ///
    /// MODEL: a KEY_ID is the first half of SHA-256 of the key's modulus, big-endian.
    ///
    /// # Errors
    /// [`CaError::Key`]
    pub fn sev_ark(&self) -> Result<Vec<u8>, CaError> {
        self.amd_certificate(&self.ark, Usage::ARK)
    }

    /// The ASK's certificate for SEV, 1600 bytes.
    ///
    /// # Errors
    /// [`CaError::Key`]
    pub fn sev_ask(&self) -> Result<Vec<u8>, CaError> {
        self.amd_certificate(&self.ask, Usage::ASK)
    }

    /// ASK and ARK, as SEND_START takes them and AMD publishes them.
    ///
    /// # Errors
    /// [`CaError::Key`]
    pub fn sev_chain(&self) -> Result<Vec<u8>, CaError> {
        Ok([self.sev_ask()?, self.sev_ark()?].concat())
    }

    fn amd_certificate(&self, member: &Member, usage: Usage) -> Result<Vec<u8>, CaError> {
        let draft = AmdDraft {
            key_id: key_id(member),
            certifying_id: key_id(&self.ark),
            usage,
            key: member.key.public_key(),
        };
        let mut bytes = vec![0; draft.written_len()];
        let error = CaError::Key { role: CaRole::Ark };
        draft
            .write(&mut bytes, |signed, place| {
                let signature = self.ark.key.sign(signed).ok_or(error)?;
                let to = place.get_mut(..signature.len()).ok_or(error)?;
                to.copy_from_slice(&signature);
                Ok(())
            })
            .map_err(|_: crate::sev::cert::AmdWriteError<CaError>| error)?;
        Ok(bytes)
    }

    /// The certificate of a chip's CEK with the ASK's signature, which AMD's Key Distribution Service has and no platform exports.
    ///
    /// ```
    /// use sevcrypt::platform::Chip;
    /// use sevcrypt::platform::ca::TestCa;
    /// use sevcrypt::sev::cert::{AmdCertificate, Trust};
    /// use sevcrypt::snp::tcb::Product;
    ///
    /// let ca = TestCa::published(Product::Milan)?;
    /// let chip = Chip::new(Product::Milan, &[7; 48], &[8; 32]);
    /// let chain = ca.sev_chain()?;
    /// let [ask, ark] = AmdCertificate::parse_chain(&chain)?;
    /// assert_eq!(ark.validate_root(&Trust::only(&[ark]))?, None);
    /// ask.validate(&ark)?;
    /// ca.sev_cek(&chip)?.validate_by_ask(&ask)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`CaError::Key`]
    pub fn sev_cek(&self, chip: &Chip) -> Result<Certificate, CaError> {
        let error = CaError::Key { role: CaRole::Ask };
        let key = chip.unique_key().cek().verifying_key();
        let mut cek = Certificate::of_verifying_key(Usage::CEK, &key, CEK_API);
        let mut signature = self.ask.key.sign(cek.body()).ok_or(error)?;
        signature.reverse();
        let signature = signature.first_chunk().ok_or(error)?;
        let slot = Slot { usage: Usage::ASK, algorithm: Algorithm::RSA_SHA384, signature };
        if cek.add_signature(slot) { Ok(cek) } else { Err(error) }
    }
}

fn key_id(member: &Member) -> [u8; 16] {
    let digest: [u8; 32] = Sha256::digest(member.key.modulus()).into();
    *crate::wire::field::<0, 16, _>(&digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sev::cert::{AmdCertificate, CertificateError, Trust};
    use crate::snp::tcb::Product;

    #[test]
    fn the_chain_is_the_cas() {
        let ca = TestCa::published(Product::Genoa).unwrap();
        let chain = ca.sev_chain().unwrap();
        assert_eq!(chain.len(), 3200);
        assert_eq!(chain, ca.sev_chain().unwrap(), "the same call gives the same bytes");
        let [ask, ark] = AmdCertificate::parse_chain(&chain).unwrap();
        assert_eq!(ark.check_form(), Ok(()));
        assert_eq!(ask.check_form(), Ok(()));
        assert_eq!(ark.validate_root(&Trust::only(&[ark])), Ok(None));
        let untrusted = CertificateError::Root { key_id: *ark.key_id() };
        assert_eq!(ark.validate_root(&Trust::amd()), Err(untrusted), "never AMD's");
        assert_eq!(ask.validate(&ark), Ok(()));
        assert_ne!(ask.key_id(), ark.key_id());

        let chip = Chip::new(Product::Genoa, &[1; 48], &[2; 32]);
        let cek = ca.sev_cek(&chip).unwrap();
        assert_eq!(cek.validate_by_ask(&ask), Ok(()));
        assert_eq!(cek.check_form(), Ok(()));
        assert!(cek.validate_by_ask(&ark).is_err(), "the ARK signs no CEK");
        let other = ca.sev_cek(&Chip::new(Product::Genoa, &[1; 48], &[3; 32])).unwrap();
        assert_ne!(other.body(), cek.body());
    }
}
