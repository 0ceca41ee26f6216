//! What a check found, and what was wanted, in words.

use sevcrypt::Hex;
use sevcrypt::snp::policy::{Policy, Rule};
use sevcrypt::snp::report::Report;
use sevcrypt::snp::tcb::{Product, TcbVersion};
use sevcrypt::snp::verify::{Check, Reason, Time};
use sevcrypt::x509::UtcTime;

/// A report and what is asked of it.
pub(super) struct Facts<'a> {
    pub(super) report: &'a Report<'a>,
    pub(super) policy: &'a Policy<'a>,
    pub(super) time: Time,
    pub(super) product: Option<Product>,
    pub(super) csp_id: Option<String>,
    /// The files of the certificates.
    pub(super) names: Vec<&'a str>,
}

/// The bytes of CHIP_ID that tell one chip from another on sight.
pub(super) fn chip_id(chip_id: &[u8; 64], product: Product) -> String {
    match (product.hw_id_len(), *chip_id == [0; 64]) {
        (_, true) => "that is masked".to_owned(),
        (8, _) => Hex(&chip_id[..8]).to_string(),
        _ => format!("{}...", Hex(&chip_id[..8])),
    }
}

impl Facts<'_> {
    /// Why a check failed, and the option that relaxes it.
    pub(super) fn refusal(&self, check: Check, reason: Reason) -> String {
        let why = self.reason(check, reason);
        match Rule::ALL.iter().find(|rule| rule.check() == check) {
            // A VMPL that is asked for is not the rule's.
            Some(Rule::Vmpl) if self.policy.vmpl.is_some() => why,
            Some(rule) if reason != Reason::Unreached => {
                format!("{why}; to accept it: --allow {rule}")
            }
            _ => why,
        }
    }

    fn reason(&self, check: Check, reason: Reason) -> String {
        let field = field(check);
        let found = self.found(check).unwrap_or_else(|| "not there".to_owned());
        match reason {
            Reason::Value { .. } => format!("{field} is {found}, expected {}", self.wanted(check)),
            Reason::Bits { .. } => format!("{field} is {found}: {reason}"),
            Reason::Absent => match check {
                Check::IdBlock => {
                    "the guest was launched without an ID block: ID_KEY_DIGEST is zero".to_owned()
                }
                Check::AuthorKey => {
                    "no author key has signed the ID key: AUTHOR_KEY_EN is 0".to_owned()
                }
                _ => format!("{field} is not there, expected {}", self.wanted(check)),
            },
            Reason::Vmpl { .. } if self.policy.vmpl.is_some() => {
                format!("{reason}, expected {}", self.wanted(check))
            }
            Reason::NoRole { index } => {
                let name = self.names.get(index).unwrap_or(&"a certificate");
                format!(
                    "{name} holds a certificate that is neither a CA's nor a leaf of AMD's hierarchy"
                )
            }
            Reason::NotKept if !self.wanted(check).is_empty() => {
                format!("{field} is {found}, expected {}", self.wanted(check))
            }
            Reason::Dates { .. } | Reason::CrlDates { .. } => match self.time {
                Time::At(at) => format!("{reason}; it is {}", UtcTime(at)),
                Time::Unchecked => reason.to_string(),
            },
            other => other.to_string(),
        }
    }

    /// What is worth telling of a check that passed.
    pub(super) fn passed(&self, check: Check) -> Option<String> {
        match check {
            Check::ChipId => Some(chip_id(self.report.chip_id(), self.product?)),
            Check::SigningKey => Some(self.report.key_info().signing_key().to_string()),
            Check::Product => self.product.map(|product| product.to_string()),
            Check::ReportedTcb => Some(self.tcb(self.report.reported_tcb())),
            _ if check >= Check::GuestPolicy || check == Check::Vmpl => self.found(check),
            _ => None,
        }
    }

    /// What nobody asked for, and should not be overlooked.
    pub(super) fn not_asked(&self, check: Check) -> Option<String> {
        matches!(check, Check::Measurement | Check::ReportData).then(|| self.found(check)).flatten()
    }

    /// What the report says of what a check looks at.
    fn found(&self, check: Check) -> Option<String> {
        let report = self.report;
        let hex = |bytes: &[u8]| Some(Hex(bytes).to_string());
        match check {
            Check::Vmpl => Some(report.vmpl().to_string()),
            Check::GuestPolicy => Some(report.policy().to_string()),
            Check::PlatformInfo => Some(report.platform_info().to_string()),
            Check::Measurement => hex(report.measurement()),
            Check::ReportData => hex(report.report_data()),
            Check::HostData => hex(report.host_data()),
            Check::IdKey | Check::IdBlock => hex(report.id_key_digest()),
            Check::AuthorKey => hex(report.author_key_digest()),
            Check::GuestSvn => Some(report.guest_svn().to_string()),
            Check::FamilyId => hex(report.family_id()),
            Check::ImageId => hex(report.image_id()),
            Check::ReportId => hex(report.report_id()),
            Check::ReportIdMa => hex(report.report_id_ma()),
            Check::MinimumAbi | Check::MinimumBuild => Some(format!(
                "{}, committed {}",
                report.current_version(),
                report.committed_version()
            )),
            Check::MinimumTcb => {
                let committed = self.tcb(report.committed_tcb());
                Some(format!("reported {}, committed {committed}", self.tcb(report.reported_tcb())))
            }
            Check::MinimumLaunchTcb => Some(self.tcb(report.launch_tcb())),
            Check::Mitigations => {
                let vector = |vector: Option<u64>| {
                    vector.map_or("none".to_owned(), |bits| format!("{bits:#x}"))
                };
                let launch = vector(report.launch_mit_vector());
                Some(format!("{}, at launch {launch}", vector(report.current_mit_vector())))
            }
            Check::CspId => self.csp_id.clone(),
            Check::ChipIdAllowed => hex(report.chip_id()),
            _ => None,
        }
    }

    fn tcb(&self, tcb: TcbVersion) -> String {
        self.product.map_or(tcb.to_string(), |product| tcb.parts(product).to_string())
    }

    /// The accepted values of a check that compares.
    fn wanted(&self, check: Check) -> String {
        fn hex<'b, const N: usize>(set: impl IntoIterator<Item = &'b [u8; N]>) -> Vec<String> {
            set.into_iter().map(|value| Hex(value).to_string()).collect()
        }
        let policy = self.policy;
        let values = match check {
            Check::Vmpl => policy.vmpl.iter().map(ToString::to_string).collect(),
            Check::Measurement => hex(policy.measurements.into_iter().flatten()),
            Check::ReportData => {
                policy.report_data.iter().map(|data| Hex(data).to_string()).collect()
            }
            Check::HostData => hex(&policy.host_data),
            Check::IdKey => hex(policy.id_keys.into_iter().flatten()),
            Check::AuthorKey => hex(policy.author_keys.into_iter().flatten()),
            Check::FamilyId => hex(&policy.family_id),
            Check::ImageId => hex(&policy.image_id),
            Check::ReportId => hex(&policy.report_id),
            Check::ReportIdMa => hex(&policy.report_id_ma),
            Check::ChipIdAllowed => hex(policy.chip_ids.into_iter().flatten()),
            Check::CspId => policy.csp_ids.into_iter().flatten().map(ToString::to_string).collect(),
            _ => Vec::new(),
        };
        values.join(" or ")
    }
}

/// What a check compares, by AMD's name.
fn field(check: Check) -> &'static str {
    match check {
        Check::GuestPolicy => "POLICY",
        Check::PlatformInfo => "PLATFORM_INFO",
        Check::Measurement => "MEASUREMENT",
        Check::ReportData => "REPORT_DATA",
        Check::HostData => "HOST_DATA",
        Check::IdKey => "ID_KEY_DIGEST",
        Check::AuthorKey => "AUTHOR_KEY_DIGEST",
        Check::FamilyId => "FAMILY_ID",
        Check::ImageId => "IMAGE_ID",
        Check::ReportId => "REPORT_ID",
        Check::ReportIdMa => "REPORT_ID_MA",
        Check::Mitigations => "the vector of mitigations",
        Check::CspId => "the certificate's cspID",
        Check::ChipIdAllowed => "CHIP_ID",
        other => other.name(),
    }
}
