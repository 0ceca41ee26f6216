//! The list of all checks, and what became of each.

use core::fmt;

use crate::ecdsa::SignatureFormError;
use crate::snp::certs::Role;
use crate::snp::report::{FirmwareVersion, ReportKey, Requester};
use crate::snp::tcb::{CpuModel, Product, TcbBelow, TcbVersion};
use crate::x509::{UtcTime, Validity};

/// Declares the checks, in their order.
macro_rules! checks {
    ($($(#[$doc:meta])* $check:ident $name:literal;)+) => {
        /// One thing that is checked. The names are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Check {
            $($(#[$doc])* $check,)+
        }

        impl Check {
            /// All of them, in the order in which reasons are given.
            pub const ALL: &[Self] = &[$(Self::$check),+];

            /// The name in the program's output.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$check => $name,)+
                }
            }
        }
    };
}

checks! {
    /// SIGNATURE_ALGO is ECDSA on P-384 with SHA-384.
    SignatureAlgorithm "signature-algorithm";
    /// SIGNING_KEY names a VCEK or VLEK, and the leaf is that.
    SigningKey "signing-key";
    /// MASK_CHIP_KEY is not set in a report under a VCEK, which firmware never makes.
    ChipKeyMask "chip-key-mask";
    /// r and s are from 1 to n - 1, and the signature's other bytes zero.
    SignatureEncoding "signature-encoding";
    /// Every certificate that was given has a role in AMD's hierarchy.
    Certificates "certificates";
    /// The ARK's key is one of AMD's, or one that the caller trusts.
    ArkTrusted "ark-trusted";
    /// The ARK has the names, key and extensions of an ARK.
    ArkCertificate "ark-certificate";
    /// The ARK is valid at the caller's time.
    ArkDates "ark-dates";
    /// The ARK is signed by itself. Not asked for where the built-in key or the caller's root is used.
    ArkSignature "ark-signature";
    /// The ASK or ASVK has the names, key and extensions of one.
    IntermediateCertificate "intermediate-certificate";
    /// The ASK or ASVK is valid at the caller's time.
    IntermediateDates "intermediate-dates";
    /// The ASK or ASVK is signed by the ARK. Not asked for where the built-in key is used.
    IntermediateSignature "intermediate-signature";
    /// The VCEK or VLEK has the names, key and extensions of one, and belongs under its issuer.
    LeafCertificate "leaf-certificate";
    /// The VCEK or VLEK is valid at the caller's time.
    LeafDates "leaf-dates";
    /// The VCEK or VLEK is signed by the ASK or ASVK.
    LeafSignature "leaf-signature";
    /// Each revocation list for the ARK is signed by it. Not asked for without one.
    CrlSignature "crl-signature";
    /// The ASK or ASVK is not revoked. Not asked for without a revocation list.
    CrlRevocation "crl-revocation";
    /// Issuer, productName, fmcSPL, the report's processor and the caller's product agree.
    Product "product";
    /// REPORTED_TCB is that of the certificate.
    ReportedTcb "reported-tcb";
    /// CHIP_ID is that of the VCEK. Not asked for under a VLEK, and where CHIP_ID is masked.
    ChipId "chip-id";
    /// The report is signed by the leaf's key.
    ReportSignature "report-signature";
    /// Every field of the report's version is understood.
    ReportVersion "report-version";
    /// Reserved bytes are zero.
    ReservedBits "reserved-bits";
    /// The guest policy has no unknown bit.
    UnknownPolicyBits "unknown-policy-bits";
    /// Bit 17 of the guest policy is one.
    PolicyBit17 "policy-bit-17";
    /// The firmware's ABI is as new as the guest policy asks.
    PolicyAbi "policy-abi";
    /// The guest policy does not allow debugging.
    Debug "debug";
    /// The guest policy does not allow a migration agent.
    MigrationAgent "migration-agent";
    /// The firmware that runs is the committed one.
    ProvisionalFirmware "provisional-firmware";
    /// Reported TCB <= committed <= current, launch <= current.
    TcbOrder "tcb-order";
    /// A guest asked for the report, at a VMPL that is accepted.
    Vmpl "vmpl";
    /// CHIP_ID is not masked under a VCEK.
    MaskedChipId "masked-chip-id";
    /// The revocation list is current. Not asked for without one.
    StaleCrl "stale-crl";
    /// Bits of the guest policy are as demanded.
    GuestPolicy "guest-policy";
    /// Bits of PLATFORM_INFO are as demanded.
    PlatformInfo "platform-info";
    /// MEASUREMENT is an accepted one.
    Measurement "measurement";
    /// REPORT_DATA is the demanded one.
    ReportData "report-data";
    /// HOST_DATA is the demanded one.
    HostData "host-data";
    /// ID_KEY_DIGEST is an accepted one.
    IdKey "id-key";
    /// AUTHOR_KEY_DIGEST is an accepted one, or there is one where one is required.
    AuthorKey "author-key";
    /// The guest was launched with an ID block.
    IdBlock "id-block";
    /// GUEST_SVN is high enough.
    GuestSvn "guest-svn";
    /// FAMILY_ID is the demanded one.
    FamilyId "family-id";
    /// IMAGE_ID is the demanded one.
    ImageId "image-id";
    /// REPORT_ID is the demanded one.
    ReportId "report-id";
    /// REPORT_ID_MA is the demanded one.
    ReportIdMa "report-id-ma";
    /// The firmware's ABI version is high enough.
    MinimumAbi "minimum-abi";
    /// The firmware's build is high enough.
    MinimumBuild "minimum-build";
    /// Reported and committed TCB are high enough.
    MinimumTcb "minimum-tcb";
    /// The TCB at launch was high enough.
    MinimumLaunchTcb "minimum-launch-tcb";
    /// The demanded mitigations are in force.
    Mitigations "mitigations";
    /// The VLEK is that of an accepted cloud.
    CspId "csp-id";
    /// CHIP_ID is an accepted one.
    ChipIdAllowed "chip-id-allowed";
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nobody asked for it, or there is nothing to check.
    NotAsked,
    /// It holds.
    Passed,
    /// It does not hold, or could not be made for the failure of another.
    Failed(Reason),
}

/// Every check with its outcome, in a hundred bytes: errors that hold it stay small and need no allocation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Checks {
    /// A bit for each check, by its place in [`Check::ALL`].
    passed: u64,
    failed: u64,
    /// Failed for the failure of another.
    unreached: u64,
    /// The reasons of the first checks that failed for a reason of their own, in order.
    reasons: [Reason; Self::REASONS],
}

const _: () = assert!(Check::ALL.len() <= 64);

impl Checks {
    /// How many reasons are kept; of further failures it is only known that they are.
    pub const REASONS: usize = 3;

    pub(super) const fn new() -> Self {
        Self { passed: 0, failed: 0, unreached: 0, reasons: [Reason::NotKept; Self::REASONS] }
    }

    /// Notes the result of a check that has none yet, or that has passed.
    pub(super) fn set(&mut self, check: Check, result: Result<(), Reason>) {
        let bit = 1 << check as u64;
        let Err(reason) = result else {
            self.passed |= bit;
            return;
        };
        self.passed &= !bit;
        if reason == Reason::Unreached {
            self.unreached |= bit;
        } else if self.failed & bit == 0 {
            let place = self.place(bit);
            if place < Self::REASONS {
                self.reasons[place..].rotate_right(1);
                self.reasons[place] = reason;
            }
            self.failed |= bit;
        }
    }

    /// How many checks before this one failed for reasons of their own.
    const fn place(&self, bit: u64) -> usize {
        (self.failed & (bit - 1)).count_ones() as usize
    }

    /// The outcome of a check.
    #[must_use]
    pub fn outcome(&self, check: Check) -> Outcome {
        let bit = 1 << check as u64;
        if self.failed & bit != 0 {
            Outcome::Failed(self.reasons.get(self.place(bit)).copied().unwrap_or(Reason::NotKept))
        } else if self.unreached & bit != 0 {
            Outcome::Failed(Reason::Unreached)
        } else if self.passed & bit != 0 {
            Outcome::Passed
        } else {
            Outcome::NotAsked
        }
    }

    /// Every check in order.
    pub fn iter(&self) -> impl Iterator<Item = (Check, Outcome)> {
        Check::ALL.iter().map(|check| (*check, self.outcome(*check)))
    }

    /// Every check that failed, with the reason.
    pub fn failures(&self) -> impl Iterator<Item = (Check, Reason)> {
        self.iter().filter_map(|(check, outcome)| match outcome {
            Outcome::Failed(reason) => Some((check, reason)),
            Outcome::NotAsked | Outcome::Passed => None,
        })
    }

    /// The first failure that is a reason in itself.
    #[must_use]
    pub fn first_failure(&self) -> Option<(Check, Reason)> {
        let own = self.failures().find(|(_, reason)| *reason != Reason::Unreached);
        own.or_else(|| self.failures().next())
    }

    pub(super) const fn failed(&self) -> bool {
        self.failed | self.unreached != 0
    }
}

impl fmt::Debug for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let made = self.iter().filter(|(_, outcome)| *outcome != Outcome::NotAsked);
        f.debug_map().entries(made.map(|(check, outcome)| (check.name(), outcome))).finish()
    }
}

/// What a certificate lacks for its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Profile {
    /// Its subject is not that of the role.
    Subject,
    /// Its issuer is not the subject of the certificate above it.
    Issuer,
    /// Its issuer does not sign certificates of this role.
    IssuerRole,
    /// Its key is not RSA with 4096 bits.
    RsaKey,
    /// Its key is not a point of P-384.
    P384Key,
    /// BasicConstraints do not make it a CA that may have what stands under it, or make a leaf a CA.
    BasicConstraints,
    /// KeyUsage does not allow it to sign certificates.
    KeyUsage,
    /// An SPL extension that its product's TCB needs is not there.
    MissingSpl,
    /// An SPL that must be zero is not.
    ReservedSpl,
    /// hwID is missing, has another length than its product's, or stands in a VLEK.
    HwId,
    /// cspID is missing, longer than 128 bytes, or stands in a VCEK.
    CspId,
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Subject => "its subject is not that of its role",
            Self::Issuer => "its issuer is not the subject of the certificate above it",
            Self::IssuerRole => "its issuer does not sign certificates of this role",
            Self::RsaKey => "its key is not RSA with 4096 bits",
            Self::P384Key => "its key is not a point of P-384",
            Self::BasicConstraints => "its BasicConstraints are not those of its role",
            Self::KeyUsage => "its KeyUsage does not allow it to sign certificates",
            Self::MissingSpl => "it lacks an SPL extension of its product's TCB",
            Self::ReservedSpl => "an SPL that must be zero is not",
            Self::HwId => "its hwID is not that of its role and product",
            Self::CspId => "its cspID is not that of its role",
        })
    }
}

/// Why a check failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are what the sentences of `Display` name")]
pub enum Reason {
    /// It could not be made, because another check failed.
    Unreached,
    /// A reason of its own, behind those that are kept ([`Checks::REASONS`]).
    NotKept,
    SignatureAlgorithm {
        found: u32,
    },
    /// The report's signing key, and the role of the certificate that was given for it.
    SigningKey {
        report: ReportKey,
        leaf: Option<Role>,
    },
    ChipKeyMasked,
    SignatureForm(SignatureFormError),
    /// A certificate that is none of AMD's hierarchy: its place in the list, counted from 0.
    NoRole {
        index: usize,
    },
    /// The ARK's key is not trusted.
    Untrusted,
    /// A certificate is not what its role asks.
    Profile(Profile),
    Dates(Validity),
    /// A signature of a certificate or revocation list is not that of the key above it.
    Signature,
    Revoked,
    /// The product of the issuer is not known to this library.
    UnknownProduct,
    /// Another product than the issuer's.
    ProductDiffers {
        issuer: Product,
        other: Product,
        of: ProductSource,
    },
    /// productName in the leaf is another's.
    ProductName {
        issuer: Product,
    },
    /// fmcSPL in the leaf is there, or is not, as its product's may not be.
    FmcSpl {
        issuer: Product,
    },
    /// The report's processor is not known to this library; [`Trust::with_product`](super::verify::Trust::with_product) settles it.
    UnknownProcessor(CpuModel),
    Tcb {
        certificate: TcbVersion,
        report: TcbVersion,
    },
    ChipId,
    ReportSignature,
    ReportVersion {
        version: u32,
    },
    ReservedByte {
        offset: usize,
    },
    UnknownPolicyBits {
        bits: u64,
    },
    PolicyBit17,
    PolicyAbi {
        policy: (u8, u8),
        firmware: (u8, u8),
    },
    Debug,
    MigrationAgent,
    /// REPORT_ID_MA names a migration agent that the guest policy does not allow.
    UnannouncedMigrationAgent,
    Provisional {
        current: FirmwareVersion,
        committed: FirmwareVersion,
    },
    /// The first TCB is above the second one in a component.
    TcbOrder {
        low: Tcb,
        high: Tcb,
    },
    Vmpl {
        found: Requester,
    },
    MaskedChipId,
    /// When the revocation list was made, and when the next one was due; never, if it does not say.
    CrlDates {
        this_update: i64,
        next_update: i64,
    },
    /// Bits that are clear and must be set, and the reverse.
    Bits {
        missing: u64,
        forbidden: u64,
    },
    /// A value is not the accepted one, or none of the accepted ones.
    Value {
        accepted: usize,
    },
    /// There is no value at all.
    Absent,
    GuestSvn {
        found: u32,
        minimum: u32,
    },
    Abi {
        found: FirmwareVersion,
        minimum: (u8, u8),
    },
    Build {
        found: FirmwareVersion,
        minimum: u8,
    },
    /// Which TCB, and the component that is too low.
    TcbBelow {
        tcb: Tcb,
        below: TcbBelow,
    },
}

/// One of a report's TCBs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tcb {
    /// CURRENT_TCB.
    Current,
    /// COMMITTED_TCB.
    Committed,
    /// REPORTED_TCB.
    Reported,
    /// LAUNCH_TCB.
    Launch,
}

impl fmt::Display for Tcb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Current => "CURRENT_TCB",
            Self::Committed => "COMMITTED_TCB",
            Self::Reported => "REPORTED_TCB",
            Self::Launch => "LAUNCH_TCB",
        })
    }
}

/// Where a product was read that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProductSource {
    /// Family and model in the report.
    Report,
    /// The caller.
    Caller,
}

impl fmt::Display for ProductSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Report => "the report's processor is a",
            Self::Caller => "the product that was asked for is",
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unreached => f.write_str("could not be checked, because another check failed"),
            Self::NotKept => f.write_str("it does not hold"),
            Self::SignatureAlgorithm { found } => {
                write!(
                    f,
                    "the report's SIGNATURE_ALGO is {found}, expected 1 (ECDSA P-384 with SHA-384)"
                )
            }
            Self::SigningKey { report, leaf: Some(leaf) } => {
                write!(f, "the report's SIGNING_KEY is {report}, the certificate is a {leaf}")
            }
            Self::SigningKey { report, leaf: None } => {
                write!(f, "the report's SIGNING_KEY is {report}, expected VCEK or VLEK")
            }
            Self::ChipKeyMasked => f.write_str(
                "the report has MASK_CHIP_KEY set under a VCEK, which firmware does not make",
            ),
            Self::SignatureForm(error) => error.fmt(f),
            Self::NoRole { index } => write!(
                f,
                "certificate {} of those given has no role in AMD's hierarchy by its names",
                index + 1
            ),
            Self::Untrusted => f.write_str("the ARK's key is neither AMD's nor a given root's"),
            Self::Profile(profile) => write!(f, "the certificate does not fit its role: {profile}"),
            Self::Dates(Validity { not_before, not_after }) => write!(
                f,
                "it is not the time of the certificate, which is valid from {} to {}",
                UtcTime(not_before),
                UtcTime(not_after)
            ),
            Self::Signature => f.write_str("the signature is not that of the key above it"),
            Self::Revoked => {
                f.write_str("the certificate that issued the leaf is on the revocation list")
            }
            Self::UnknownProduct => f.write_str("the product in the issuer's name is not known"),
            Self::ProductDiffers { issuer, other, of } => {
                write!(f, "the certificate's issuer is that of {issuer}, but {of} {other}")
            }
            Self::ProductName { issuer } => {
                write!(
                    f,
                    "the certificate's issuer is that of {issuer}, but its productName is not"
                )
            }
            Self::FmcSpl { issuer } => {
                write!(f, "the certificate's issuer is that of {issuer}, but its fmcSPL is not")
            }
            Self::UnknownProcessor(cpu) => {
                write!(f, "the report's processor is not known: {cpu}")
            }
            Self::Tcb { certificate, report } => write!(
                f,
                "the report's REPORTED_TCB is {report}, the certificate's TCB {certificate}"
            ),
            Self::ChipId => f.write_str("the report's CHIP_ID is not the certificate's hwID"),
            Self::ReportSignature => {
                f.write_str("the report's signature is not that of the certificate's key")
            }
            Self::ReportVersion { version } => {
                write!(f, "report version {version} has fields that are not understood yet")
            }
            Self::ReservedByte { offset } => {
                write!(f, "the reserved byte at {offset:#x} of the report is not zero")
            }
            Self::UnknownPolicyBits { bits } => {
                write!(f, "the guest policy has unknown bits: {bits:#x}")
            }
            Self::PolicyBit17 => f.write_str("bit 17 of the guest policy is zero, expected one"),
            Self::PolicyAbi { policy, firmware } => write!(
                f,
                "the guest policy asks for ABI {}.{} or later, the firmware has {}.{}",
                policy.0, policy.1, firmware.0, firmware.1
            ),
            Self::Debug => f.write_str("the guest policy allows debugging (bit 19)"),
            Self::MigrationAgent => {
                f.write_str("the guest policy allows a migration agent (bit 18)")
            }
            Self::UnannouncedMigrationAgent => f.write_str(
                "REPORT_ID_MA names a migration agent, which the guest policy does not allow",
            ),
            Self::Provisional { current, committed } => {
                write!(f, "firmware {current} runs provisionally, committed is {committed}")
            }
            Self::TcbOrder { low, high } => write!(f, "{low} is above {high} in a component"),
            Self::Vmpl { found } => write!(f, "the report was asked for by {found}"),
            Self::MaskedChipId => {
                f.write_str("CHIP_ID is masked: the report does not name its chip")
            }
            Self::CrlDates { this_update, next_update } => {
                write!(f, "the revocation list is not current: it is of {}", UtcTime(this_update))?;
                match next_update {
                    i64::MAX => f.write_str(" and does not say until when"),
                    next => write!(f, ", and the next one was due {}", UtcTime(next)),
                }
            }
            Self::Bits { missing, forbidden: 0 } => {
                write!(f, "bits {missing:#x} are not set, and must be")
            }
            Self::Bits { missing: 0, forbidden } => {
                write!(f, "bits {forbidden:#x} are set, and must not be")
            }
            Self::Bits { missing, forbidden } => write!(
                f,
                "bits {missing:#x} are not set, and must be; bits {forbidden:#x} are set, and must not be"
            ),
            Self::Value { accepted: 1 } => {
                f.write_str("the report has another value than the accepted one")
            }
            Self::Value { accepted } => {
                write!(f, "the report's value is none of the {accepted} accepted ones")
            }
            Self::Absent => f.write_str("the report has no such value"),
            Self::GuestSvn { found, minimum } => {
                write!(f, "GUEST_SVN is {found}, expected at least {minimum}")
            }
            Self::Abi { found, minimum } => write!(
                f,
                "the firmware is {found}, expected ABI {}.{} or later",
                minimum.0, minimum.1
            ),
            Self::Build { found, minimum } => {
                write!(f, "the firmware is {found}, expected build {minimum} or later")
            }
            Self::TcbBelow { tcb, below } => {
                write!(f, "{} of {tcb} is ", below.component)?;
                match below.found {
                    Some(found) => write!(f, "{found}")?,
                    None => f.write_str("not there")?,
                }
                write!(f, ", expected at least {}", below.minimum)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reasons_are_kept_in_order() {
        let mut checks = Checks::new();
        let version = |version| Reason::ReportVersion { version };
        checks.set(Check::Debug, Ok(()));
        for (check, number) in
            [(Check::Vmpl, 4), (Check::ChipId, 1), (Check::Debug, 3), (Check::PolicyAbi, 2)]
        {
            checks.set(check, Err(version(number)));
        }
        checks.set(Check::ArkDates, Err(Reason::Unreached));
        checks.set(Check::ChipId, Err(version(9))); // the first one stays
        checks.set(Check::Vmpl, Ok(())); // and a failure does not go away
        let failures: std::vec::Vec<_> = checks.failures().collect();
        assert_eq!(
            failures,
            [
                (Check::ArkDates, Reason::Unreached),
                (Check::ChipId, version(1)),
                (Check::PolicyAbi, version(2)),
                (Check::Debug, version(3)),
                (Check::Vmpl, Reason::NotKept),
            ]
        );
        assert_eq!(checks.first_failure(), Some((Check::ChipId, version(1))));
        assert_eq!(checks.outcome(Check::Measurement), Outcome::NotAsked);
    }

    /// Any checks fail in any order: every one is listed, the first three with their reasons.
    #[test]
    fn any_checks_in_any_order() {
        let orders: [&[usize]; 5] =
            [&[0, 1, 2, 3, 4, 5], &[5, 4, 3, 2, 1, 0], &[3, 3, 0], &[2, 52, 1, 30], &[9]];
        for order in orders {
            let mut checks = Checks::new();
            for &index in order {
                let reason = Reason::NoRole { index };
                checks.set(Check::ALL[index], Err(reason));
            }
            let mut wanted = order.to_vec();
            wanted.sort_unstable();
            wanted.dedup();
            let found = checks.failures().enumerate().map(|(place, (check, reason))| {
                let index = check as usize;
                let kept = Reason::NoRole { index };
                assert_eq!(reason, if place < Checks::REASONS { kept } else { Reason::NotKept });
                index
            });
            assert_eq!(found.collect::<std::vec::Vec<_>>(), wanted);
        }
    }

    #[test]
    fn a_failure_behind_an_unreached_one() {
        let mut checks = Checks::new();
        checks.set(Check::Product, Ok(()));
        checks.set(Check::Vmpl, Ok(()));
        checks.set(Check::Vmpl, Err(Reason::Debug));
        assert_eq!(checks.outcome(Check::Product), Outcome::Passed, "another's failure is its own");
        assert_eq!(checks.outcome(Check::Vmpl), Outcome::Failed(Reason::Debug));

        let mut checks = Checks::new();
        checks.set(Check::ChipId, Err(Reason::Unreached));
        assert!(checks.failed());
        assert_eq!(checks.first_failure(), Some((Check::ChipId, Reason::Unreached)));
        checks.set(Check::ChipId, Err(Reason::ChipId));
        assert!(checks.failed());
        assert_eq!(checks.first_failure(), Some((Check::ChipId, Reason::ChipId)));
        assert_eq!(std::format!("{checks:?}"), r#"{"chip-id": Failed(ChipId)}"#);
        checks.set(Check::Debug, Ok(()));
        let text = std::format!("{checks:?}");
        assert_eq!(text, r#"{"chip-id": Failed(ChipId), "debug": Passed}"#);
    }

    #[test]
    fn reasons_in_words() {
        use crate::snp::tcb::Component;
        use std::string::ToString;

        let firmware = |build| FirmwareVersion { major: 1, minor: 55, build };
        let tcb = |byte| TcbVersion::new([byte, 0, 0, 0, 0, 0, 0, 0]);
        let (issuer, other) = (Product::Milan, Product::Turin);
        let below = |found| TcbBelow { component: Component::Snp, found, minimum: 9 };
        let cpu = CpuModel { family: 0x1a, model: 0x18, stepping: 0 };
        let (found, vmpl) = (firmware(4), Requester::Other(4));
        for (reason, words) in [
            (Reason::Unreached, "could not be checked"),
            (Reason::NotKept, "does not hold"),
            (Reason::SignatureAlgorithm { found: 7 }, "SIGNATURE_ALGO is 7, expected 1"),
            (
                Reason::SigningKey { report: ReportKey::Vlek, leaf: Some(Role::Vcek) },
                "SIGNING_KEY is VLEK, the certificate is a VCEK",
            ),
            (
                Reason::SigningKey { report: ReportKey::None, leaf: None },
                "SIGNING_KEY is none, expected VCEK or VLEK",
            ),
            (
                Reason::SigningKey { report: ReportKey::Reserved(3), leaf: None },
                "SIGNING_KEY is reserved (3)",
            ),
            (Reason::ChipKeyMasked, "MASK_CHIP_KEY"),
            (Reason::SignatureForm(SignatureFormError::Padding { offset: 48 }), "byte 0x30"),
            (
                Reason::SignatureForm(SignatureFormError::Range { number: 's' }),
                "s of the signature",
            ),
            (Reason::NoRole { index: 1 }, "certificate 2 of those given"),
            (Reason::Untrusted, "neither AMD's nor a given root's"),
            (
                Reason::Dates(Validity { not_before: 0, not_after: 86_400 }),
                "from 1970-01-01T00:00:00Z to 1970-01-02T00:00:00Z",
            ),
            (Reason::Signature, "not that of the key above it"),
            (Reason::Revoked, "on the revocation list"),
            (Reason::UnknownProduct, "not known"),
            (
                Reason::ProductDiffers { issuer, other, of: ProductSource::Report },
                "the report's processor is a Turin",
            ),
            (
                Reason::ProductDiffers { issuer, other, of: ProductSource::Caller },
                "the product that was asked for is Turin",
            ),
            (Reason::ProductName { issuer }, "its productName is not"),
            (Reason::FmcSpl { issuer }, "its fmcSPL is not"),
            (Reason::UnknownProcessor(cpu), "not known: family 0x1a model 0x18 stepping 0"),
            (
                Reason::Tcb { certificate: tcb(1), report: tcb(2) },
                "REPORTED_TCB is 0200000000000000, the certificate's TCB 0100000000000000",
            ),
            (Reason::ChipId, "CHIP_ID is not the certificate's hwID"),
            (Reason::ReportSignature, "not that of the certificate's key"),
            (Reason::ReportVersion { version: 6 }, "report version 6"),
            (Reason::ReservedByte { offset: 0x1eb }, "at 0x1eb"),
            (Reason::UnknownPolicyBits { bits: 1 << 26 }, "0x4000000"),
            (Reason::PolicyBit17, "bit 17"),
            (
                Reason::PolicyAbi { policy: (1, 56), firmware: (1, 55) },
                "asks for ABI 1.56 or later, the firmware has 1.55",
            ),
            (Reason::Debug, "bit 19"),
            (Reason::MigrationAgent, "bit 18"),
            (Reason::UnannouncedMigrationAgent, "REPORT_ID_MA names"),
            (
                Reason::Provisional { current: firmware(5), committed: found },
                "1.55.5 runs provisionally, committed is 1.55.4",
            ),
            (
                Reason::TcbOrder { low: Tcb::Reported, high: Tcb::Committed },
                "REPORTED_TCB is above COMMITTED_TCB",
            ),
            (
                Reason::TcbOrder { low: Tcb::Launch, high: Tcb::Current },
                "LAUNCH_TCB is above CURRENT_TCB",
            ),
            (Reason::Vmpl { found: vmpl }, "0x4, which is no VMPL"),
            (Reason::MaskedChipId, "CHIP_ID is masked"),
            (
                Reason::CrlDates { this_update: 0, next_update: 86_400 },
                "of 1970-01-01T00:00:00Z, and the next one was due 1970-01-02T00:00:00Z",
            ),
            (Reason::CrlDates { this_update: 0, next_update: i64::MAX }, "does not say until when"),
            (Reason::Bits { missing: 1, forbidden: 0 }, "bits 0x1 are not set, and must be"),
            (Reason::Bits { missing: 0, forbidden: 2 }, "bits 0x2 are set, and must not be"),
            (Reason::Bits { missing: 1, forbidden: 2 }, "0x1 are not set, and must be; bits 0x2"),
            (Reason::Value { accepted: 1 }, "another value than the accepted one"),
            (Reason::Value { accepted: 3 }, "none of the 3 accepted ones"),
            (Reason::Absent, "no such value"),
            (Reason::GuestSvn { found: 1, minimum: 2 }, "GUEST_SVN is 1, expected at least 2"),
            (Reason::Abi { found, minimum: (1, 56) }, "1.55.4, expected ABI 1.56 or later"),
            (Reason::Build { found, minimum: 9 }, "1.55.4, expected build 9 or later"),
            (
                Reason::TcbBelow { tcb: Tcb::Committed, below: below(Some(8)) },
                "snp of COMMITTED_TCB is 8, expected at least 9",
            ),
            (Reason::TcbBelow { tcb: Tcb::Launch, below: below(None) }, "is not there"),
        ] {
            let text = reason.to_string();
            assert!(text.contains(words), "no {words:?} in {text:?}");
        }
        let profiles = [
            Profile::Subject,
            Profile::Issuer,
            Profile::IssuerRole,
            Profile::RsaKey,
            Profile::P384Key,
            Profile::BasicConstraints,
            Profile::KeyUsage,
            Profile::MissingSpl,
            Profile::ReservedSpl,
            Profile::HwId,
            Profile::CspId,
        ];
        let words: std::collections::BTreeSet<_> =
            profiles.iter().map(|profile| Reason::Profile(*profile).to_string()).collect();
        assert_eq!(words.len(), profiles.len());
        assert!(words.iter().all(|text| {
            text.starts_with("the certificate does not fit its role: its ")
                || text.starts_with("the certificate does not fit its role: it lacks")
                || text.starts_with("the certificate does not fit its role: an SPL")
        }));
        for check in Check::ALL {
            assert_eq!(check.to_string(), check.name());
        }
    }

    /// An error that a caller's functions can return without a lint against large ones.
    #[test]
    fn errors_are_small() {
        let size = size_of::<crate::snp::verify::VerifyError>();
        assert!(size < 128, "{size} bytes");
    }
}
