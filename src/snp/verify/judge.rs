//! An authentic report against a policy.

use super::{Accepted, Authentic, Missing, Time, VerifyError, endorser};
use crate::snp::certs::Role;
use crate::snp::checks::{Check, Checks, Reason, Tcb};
use crate::snp::policy::{Policy, Rule};
use crate::snp::report::{Report, Requester};
use crate::snp::tcb::{Product, TcbParts, TcbVersion};

impl<'r> Authentic<'r> {
    /// Whether the report is what a policy asks for.
    ///
    /// # Errors
    /// [`VerifyError::Refused`] with every check; [`VerifyError::Missing`] where the policy requires a revocation list and
    /// none was given.
    pub fn judge(mut self, policy: &Policy<'_>) -> Result<Accepted<'r>, VerifyError> {
        self.check_sense();
        self.check_rules(policy);
        self.check_demands(policy);
        if self.checks.failed() {
            return Err(VerifyError::Refused(self.checks));
        }
        if policy.require_crl && self.crl.is_none() {
            let missing = Missing::Crl { endorser: endorser(self.role), product: self.product };
            return Err(VerifyError::Missing(missing));
        }
        Ok(Accepted(self))
    }

    /// What holds unless it is relaxed.
    fn check_rules(&mut self, policy: &Policy<'_>) {
        let report = self.report;
        let guest = report.policy();
        let mut rule = |rule: Rule, refused: Option<Reason>| {
            if !policy.allows(rule) {
                self.checks.set(rule.check(), refused.map_or(Ok(()), Err));
            }
        };
        let version = report.version();
        rule(Rule::ReportVersion, (version == 6).then_some(Reason::ReportVersion { version }));
        rule(
            Rule::ReservedBits,
            reserved_byte(&report, self.product).map(|offset| Reason::ReservedByte { offset }),
        );
        let bits = guest.unknown_bits();
        rule(Rule::UnknownPolicyBits, (bits != 0).then_some(Reason::UnknownPolicyBits { bits }));
        rule(Rule::PolicyBit17, (!guest.reserved_one()).then_some(Reason::PolicyBit17));
        let (current, committed) = (report.current_version(), report.committed_version());
        let asked = (guest.abi_major(), guest.abi_minor());
        let has = (current.major, current.minor);
        rule(
            Rule::PolicyAbi,
            (asked > has).then_some(Reason::PolicyAbi { policy: asked, firmware: has }),
        );
        rule(Rule::Debug, guest.debug().then_some(Reason::Debug));
        let agent =
            (*report.report_id_ma() != [0xff; 32]).then_some(Reason::UnannouncedMigrationAgent);
        rule(Rule::MigrationAgent, guest.migrate_ma().then_some(Reason::MigrationAgent).or(agent));
        rule(
            Rule::ProvisionalFirmware,
            (current != committed).then_some(Reason::Provisional { current, committed }),
        );
        rule(Rule::TcbOrder, tcb_order(&report, policy));
        let asked = match (policy.vmpl, report.vmpl()) {
            (None, Requester::Guest(_)) => true,
            (Some(wanted), found) => found == Requester::Guest(wanted),
            (None, _) => false,
        };
        let wrong_vmpl = (!asked).then_some(Reason::Vmpl { found: report.vmpl() });
        if policy.vmpl.is_some() {
            self.checks.set(Check::Vmpl, wrong_vmpl.map_or(Ok(()), Err));
        } else {
            rule(Rule::Vmpl, wrong_vmpl);
        }
        if self.role == Role::Vcek && !policy.allows(Rule::MaskedChipId) {
            let masked = report.chip_id_is_masked();
            let result = if masked { Err(Reason::MaskedChipId) } else { Ok(()) };
            self.checks.set(Check::MaskedChipId, result);
        }
        if let (Some(crl), Time::At(at)) = (self.crl, self.time)
            && !policy.allows(Rule::StaleCrl)
        {
            let fresh = crl.this_update <= at && crl.next_update.is_some_and(|next| at <= next);
            let reason = Reason::CrlDates {
                this_update: crl.this_update,
                next_update: crl.next_update.unwrap_or(i64::MAX),
            };
            self.checks.set(Check::StaleCrl, if fresh { Ok(()) } else { Err(reason) });
        }
    }

    /// What no policy allows: layouts that nobody knows, and what firmware does not make.
    fn check_sense(&mut self) {
        let (report, version) = (self.report, self.report.version());
        if !(2..=6).contains(&version) {
            self.checks.set(Check::ReportVersion, Err(Reason::ReportVersion { version }));
        }
        if !report.policy().migrate_ma() && *report.report_id_ma() != [0xff; 32] {
            self.checks.set(Check::MigrationAgent, Err(Reason::UnannouncedMigrationAgent));
        }
    }

    /// What the caller asks for.
    fn check_demands(&mut self, policy: &Policy<'_>) {
        let report = self.report;
        let checks = &mut self.checks;
        bits(
            checks,
            Check::GuestPolicy,
            report.policy().0,
            policy.policy_required,
            policy.policy_forbidden,
        );
        bits(
            checks,
            Check::PlatformInfo,
            report.platform_info().0,
            policy.platform_required,
            policy.platform_forbidden,
        );
        member(checks, Check::Measurement, report.measurement(), policy.measurements);
        if let Some(wanted) = policy.report_data {
            let found = report.report_data();
            let equal = wanted.len() <= found.len()
                && found.starts_with(wanted)
                && found[wanted.len()..].iter().all(|byte| *byte == 0);
            checks.set(Check::ReportData, equal.then_some(()).ok_or(Reason::Value { accepted: 1 }));
        }
        equal(checks, Check::HostData, report.host_data(), policy.host_data.as_ref());
        member(checks, Check::IdKey, report.id_key_digest(), policy.id_keys);
        if policy.author_key && !report.key_info().author_key_en() {
            checks.set(Check::AuthorKey, Err(Reason::Absent));
        } else if policy.author_keys.is_none() {
            if policy.author_key {
                checks.set(Check::AuthorKey, Ok(()));
            }
        } else {
            member(checks, Check::AuthorKey, report.author_key_digest(), policy.author_keys);
        }
        if policy.id_block {
            let there = *report.id_key_digest() != [0; 48];
            checks.set(Check::IdBlock, there.then_some(()).ok_or(Reason::Absent));
        }
        if let Some(minimum) = policy.guest_svn {
            let found = report.guest_svn();
            let reason = Reason::GuestSvn { found, minimum };
            checks.set(Check::GuestSvn, (found >= minimum).then_some(()).ok_or(reason));
        }
        equal(checks, Check::FamilyId, report.family_id(), policy.family_id.as_ref());
        equal(checks, Check::ImageId, report.image_id(), policy.image_id.as_ref());
        equal(checks, Check::ReportId, report.report_id(), policy.report_id.as_ref());
        equal(checks, Check::ReportIdMa, report.report_id_ma(), policy.report_id_ma.as_ref());
        let versions = [report.current_version(), report.committed_version()];
        if let Some(minimum) = policy.minimum_abi {
            let low = versions.into_iter().find(|found| (found.major, found.minor) < minimum);
            let reason = low.map(|found| Reason::Abi { found, minimum });
            checks.set(Check::MinimumAbi, reason.map_or(Ok(()), Err));
        }
        if let Some(minimum) = policy.minimum_build {
            let low = versions.into_iter().find(|found| found.build < minimum);
            let reason = low.map(|found| Reason::Build { found, minimum });
            checks.set(Check::MinimumBuild, reason.map_or(Ok(()), Err));
        }
        let below = |minimum: TcbParts, tcbs: &[_]| {
            tcbs.iter().find_map(|&(name, tcb): &(_, TcbVersion)| {
                let below = tcb.parts(self.product).below(minimum)?;
                Some(Reason::TcbBelow { tcb: name, below })
            })
        };
        if policy.minimum_tcb != TcbParts::default() {
            let tcbs =
                [(Tcb::Reported, report.reported_tcb()), (Tcb::Committed, report.committed_tcb())];
            let reason = below(policy.minimum_tcb, &tcbs);
            checks.set(Check::MinimumTcb, reason.map_or(Ok(()), Err));
        }
        if policy.minimum_launch_tcb != TcbParts::default() {
            let reason = below(policy.minimum_launch_tcb, &[(Tcb::Launch, report.launch_tcb())]);
            checks.set(Check::MinimumLaunchTcb, reason.map_or(Ok(()), Err));
        }
        let wanted = [policy.current_mitigations, policy.launch_mitigations];
        if wanted != [0, 0] {
            // A report that has no vectors has none in force; what version 4 has there was never published.
            let published = |vector: Option<u64>| vector.filter(|_| report.version() >= 5);
            let found = [report.current_mit_vector(), report.launch_mit_vector()].map(published);
            let missing = wanted.into_iter().zip(found).find_map(|(wanted, found)| {
                let missing = wanted & !found.unwrap_or(0);
                (missing != 0).then_some(Reason::Bits { missing, forbidden: 0 })
            });
            checks.set(Check::Mitigations, missing.map_or(Ok(()), Err));
        }
        if let Some(accepted) = policy.csp_ids {
            let result = match self.csp_id.as_ref() {
                None => Err(Reason::Absent),
                Some(id) if accepted.contains(&id.as_str()) => Ok(()),
                Some(_) => Err(Reason::Value { accepted: accepted.len() }),
            };
            checks.set(Check::CspId, result);
        }
        member(checks, Check::ChipIdAllowed, report.chip_id(), policy.chip_ids);
    }
}

/// The first reserved byte that is not zero, those of the TCBs included.
fn reserved_byte(report: &Report<'_>, product: Product) -> Option<usize> {
    let tcbs = [
        (0x38, report.current_tcb()),
        (0x180, report.reported_tcb()),
        (0x1e0, report.committed_tcb()),
        (0x1f0, report.launch_tcb()),
    ];
    let tcb = tcbs.into_iter().find(|(_, tcb)| !tcb.reserved_is_zero(product));
    report.check_reserved().err().map(|byte| byte.offset).or(tcb.map(|(offset, _)| offset))
}

/// Reported <= committed <= current, and launch <= current unless the guest may have been migrated here, since import takes
/// over LAUNCH_TCB as it is.
fn tcb_order(report: &Report<'_>, policy: &Policy<'_>) -> Option<Reason> {
    let (committed, current) = (report.committed_tcb(), report.current_tcb());
    let migrated = policy.allows(Rule::MigrationAgent) && report.policy().migrate_ma();
    let mut orders = [
        (report.reported_tcb() <= committed, Tcb::Reported, Tcb::Committed),
        (committed <= current, Tcb::Committed, Tcb::Current),
        (migrated || report.launch_tcb() <= current, Tcb::Launch, Tcb::Current),
    ]
    .into_iter();
    orders.find(|(holds, ..)| !holds).map(|(_, low, high)| Reason::TcbOrder { low, high })
}

fn bits(checks: &mut Checks, check: Check, found: u64, required: u64, forbidden: u64) {
    if required | forbidden != 0 {
        let (missing, forbidden) = (required & !found, forbidden & found);
        let holds = missing | forbidden == 0;
        checks.set(check, holds.then_some(()).ok_or(Reason::Bits { missing, forbidden }));
    }
}

/// Whether a value is in a set. None is in the empty one.
fn member<const N: usize>(
    checks: &mut Checks,
    check: Check,
    found: &[u8; N],
    set: Option<&[[u8; N]]>,
) {
    if let Some(set) = set {
        let reason = Reason::Value { accepted: set.len() };
        checks.set(check, set.contains(found).then_some(()).ok_or(reason));
    }
}

fn equal<const N: usize>(
    checks: &mut Checks,
    check: Check,
    found: &[u8; N],
    one: Option<&[u8; N]>,
) {
    member(checks, check, found, one.map(core::slice::from_ref));
}
