//! What a verifier demands of a report that is authentic.

use core::fmt;
use core::str::FromStr;

use super::checks::Check;
use super::tcb::TcbParts;
use crate::Vmpl;

/// Declares the rules that hold unless they are relaxed.
macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident;)+) => {
        /// A rule that holds unless the caller relaxes it by name.
        ///
        /// ```
        /// use sevcrypt::snp::policy::Rule;
        ///
        /// assert_eq!("debug".parse(), Ok(Rule::Debug));
        /// assert_eq!(Rule::StaleCrl.name(), "stale-crl");
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $($(#[$doc])* $rule,)+
        }

        impl Rule {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$rule),+];

            /// What relaxes the rule in the program's `--allow` and in policy files: the name of its check.
            #[must_use]
            pub const fn name(self) -> &'static str {
                self.check().name()
            }

            /// The check that fails while the rule holds.
            #[must_use]
            pub const fn check(self) -> Check {
                match self {
                    $(Self::$rule => Check::$rule,)+
                }
            }
        }
    };
}

rules! {
    /// Report version 6 is refused. (Versions that nobody knows are refused in any case.)
    ReportVersion;
    /// Reserved bytes must be zero.
    ReservedBits;
    /// Bits of the guest policy must be known ones.
    UnknownPolicyBits;
    /// Bit 17 of the guest policy must be one.
    PolicyBit17;
    /// The guest policy may not ask for a newer ABI than the firmware has.
    PolicyAbi;
    /// The guest policy may not allow debugging.
    Debug;
    /// The guest policy may not allow a migration agent. (One that it does not allow may not be there in any case.)
    MigrationAgent;
    /// The firmware that runs must be the committed one.
    ProvisionalFirmware;
    /// Reported TCB at most committed, committed at most current, launch at most current.
    TcbOrder;
    /// A guest at VMPL 0 to 3 must have asked for the report.
    Vmpl;
    /// A report under a VCEK must name its chip.
    MaskedChipId;
    /// A revocation list, if one is given, must be current.
    StaleCrl;
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no rule's.
///
/// ```
/// use sevcrypt::snp::policy::{Rule, UnknownRule};
/// use sevcrypt::snp::verify::Check;
///
/// assert_eq!("debug".parse(), Ok(Rule::Debug));
/// assert_eq!(Rule::Debug.check(), Check::Debug);
/// assert_eq!("bugs".parse::<Rule>(), Err(UnknownRule));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownRule;

impl fmt::Display for UnknownRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no rule has this name; expected one of")?;
        Rule::ALL.iter().try_for_each(|rule| write!(f, " {rule}"))
    }
}

impl core::error::Error for UnknownRule {}

impl FromStr for Rule {
    type Err = UnknownRule;

    fn from_str(name: &str) -> Result<Self, UnknownRule> {
        Self::ALL.iter().find(|rule| rule.name() == name).copied().ok_or(UnknownRule)
    }
}

/// What must hold of an authentic report.
///
/// The default refuses what no verifier should accept unawares: each [`Rule`] holds. Everything else is demanded only if
/// its field is set. A set holds the accepted values; an empty one accepts none.
///
/// ```
/// use sevcrypt::snp::policy::{Policy, Rule};
///
/// let mut policy = Policy::default().allow(Rule::MigrationAgent);
/// policy.measurements = Some(&[[0xab; 48]]);
/// policy.report_data = Some(b"nonce"); // compared with zeros behind it
/// assert!(policy.allows(Rule::MigrationAgent) && !policy.allows(Rule::Debug));
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Policy<'a> {
    allowed: u16,
    /// The only VMPL that may have asked for the report.
    pub vmpl: Option<Vmpl>,
    /// Bits of the guest policy that must be set.
    pub policy_required: u64,
    /// Bits of the guest policy that must be clear.
    pub policy_forbidden: u64,
    /// Bits of PLATFORM_INFO that must be set.
    pub platform_required: u64,
    /// Bits of PLATFORM_INFO that must be clear.
    pub platform_forbidden: u64,
    /// Accepted launch digests.
    pub measurements: Option<&'a [[u8; 48]]>,
    /// REPORT_DATA; a value shorter than 64 bytes is compared with zeros behind it, a longer one is never equal.
    pub report_data: Option<&'a [u8]>,
    /// HOST_DATA.
    pub host_data: Option<[u8; 32]>,
    /// Accepted digests of the ID key.
    pub id_keys: Option<&'a [[u8; 48]]>,
    /// Accepted digests of the author key.
    pub author_keys: Option<&'a [[u8; 48]]>,
    /// The guest must have been launched with an ID block.
    pub id_block: bool,
    /// The ID block's key must have been signed by an author key.
    pub author_key: bool,
    /// The least GUEST_SVN.
    pub guest_svn: Option<u32>,
    /// FAMILY_ID.
    pub family_id: Option<[u8; 16]>,
    /// IMAGE_ID.
    pub image_id: Option<[u8; 16]>,
    /// REPORT_ID.
    pub report_id: Option<[u8; 32]>,
    /// REPORT_ID_MA: the migration agent's report.
    pub report_id_ma: Option<[u8; 32]>,
    /// The least ABI version of the firmware, major and minor: of the one that runs and of the committed one.
    pub minimum_abi: Option<(u8, u8)>,
    /// The least build of the firmware: of the one that runs and of the committed one. Builds count per product.
    pub minimum_build: Option<u8>,
    /// The least TCB, component by component: of the reported and of the committed one.
    pub minimum_tcb: TcbParts,
    /// The least TCB at launch.
    pub minimum_launch_tcb: TcbParts,
    /// Mitigations that must be in force now. Their bits are per product; reports before version 5 have none.
    pub current_mitigations: u64,
    /// Mitigations that must have been in force at launch.
    pub launch_mitigations: u64,
    /// Accepted clouds of a VLEK (cspID); a report under a VCEK has none and is then refused.
    pub csp_ids: Option<&'a [&'a str]>,
    /// Accepted chips.
    pub chip_ids: Option<&'a [[u8; 64]]>,
    /// A revocation list of the chain's ARK must be there. (AMD serves one for VCEKs and one for VLEKs under the ARK's name; the
    /// lists do not say which they are, so it is for the caller to fetch the right one: [`Missing`](super::verify::Missing) has its
    /// address.)
    pub require_crl: bool,
}

impl Policy<'_> {
    /// The same policy without a rule.
    #[must_use]
    pub const fn allow(mut self, rule: Rule) -> Self {
        self.allowed |= 1 << rule as u16;
        self
    }

    /// Whether a rule is relaxed.
    #[must_use]
    pub const fn allows(&self, rule: Rule) -> bool {
        self.allowed >> rule as u16 & 1 == 1
    }
}

const _: () = assert!(Rule::ALL.len() <= 16);
