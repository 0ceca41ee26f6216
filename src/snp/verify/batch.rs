//! Many reports at once.

use alloc::vec::Vec;

use super::chain::Chain;
use super::{Accepted, Trust, VerifyError};
use crate::cpu::Arithmetic;
use crate::ecdsa::{Claim, KeyTable, Signature, VerifyingKey, verify_each_vartime};
use crate::snp::certs::Collateral;
use crate::snp::policy::Policy;
use crate::snp::report::Report;

/// One report to verify, with what belongs to it.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'r, 'a> {
    /// The report's bytes.
    pub report: &'r [u8],
    /// Its certificates and revocation lists.
    pub collateral: Collateral<'a>,
    /// What is asked of it.
    pub policy: &'a Policy<'a>,
}

/// Verifies reports, each as [`verify`](super::verify) does: the outcomes are the same, in the order of the reports. Signatures are
/// verified together, in less time for each.
///
/// Every chain is verified anew. Who meets the same chips again has `EndorsementCache::verify_batch` (feature `std`).
///
/// ```
/// use sevcrypt::snp::policy::Policy;
/// use sevcrypt::snp::verify::{Evidence, Time, Trust, verify_batch};
///
/// let policy = Policy::default();
/// let evidence = [Evidence { report: b"no report", collateral: (&[]).into(), policy: &policy }];
/// let outcomes = verify_batch(&evidence, &Trust::amd(Time::At(1_767_225_600)));
/// assert!(outcomes[0].is_err());
/// ```
pub fn verify_batch<'r>(
    evidence: &[Evidence<'r, '_>],
    trust: &Trust<'_>,
) -> Vec<Result<Accepted<'r>, VerifyError>> {
    let opened: Vec<_> = evidence.iter().map(|one| Opened::new(one, trust)).collect();
    let signed = opened.iter().map(|one| one.as_ref().ok().and_then(Opened::signed));
    let signed: Vec<Option<Signed<'_>>> = signed.collect();
    let mut claims: Vec<_> = signed.iter().flatten().map(Signed::claim).collect();
    verify_each_vartime(Arithmetic::best(), &mut claims, &mut { KeyTable::EMPTY });
    let mut claims = claims.into_iter();
    let parts = evidence.iter().zip(&opened).zip(&signed);
    parts
        .map(|((evidence, opened), signed)| {
            let holds = signed.as_ref().and_then(|_| claims.next()).is_some_and(|it| it.holds());
            let opened = opened.as_ref().map_err(Clone::clone)?;
            let authentic = opened.chain.authenticate(&opened.report, trust.time, |_, _| holds)?;
            authentic.judge(evidence.policy)
        })
        .collect()
}

/// A report under its chain.
struct Opened<'r> {
    report: Report<'r>,
    chain: Chain,
}

impl<'r> Opened<'r> {
    fn new(evidence: &Evidence<'r, '_>, trust: &Trust<'_>) -> Result<Self, VerifyError> {
        let report = Report::from_bytes(evidence.report)?;
        Ok(Self { report, chain: Chain::of(&report, evidence.collateral, trust)? })
    }

    /// What is to be verified, if there is a key and a signature.
    fn signed(&self) -> Option<Signed<'_>> {
        let message = self.report.signed_bytes();
        Some(Signed {
            key: self.chain.key.as_ref()?,
            message,
            signature: self.report.signature().ok()?,
        })
    }
}

struct Signed<'a> {
    key: &'a VerifyingKey,
    message: &'a [u8],
    signature: Signature,
}

impl Signed<'_> {
    fn claim(&self) -> Claim<'_> {
        Claim::new(self.key, self.message, &self.signature)
    }
}
