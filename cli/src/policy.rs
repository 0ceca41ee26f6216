//! What a report must be: a policy file, and options that say the same.
//!
//! A policy file is TOML. `examples/policy.toml` has every key.

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, Visitor};
use sevcrypt::Vmpl;
use sevcrypt::snp::policy::{Policy, Rule};
use sevcrypt::snp::tcb::{Component, TcbParts};

use crate::failure::Failure;
use crate::input::{Content, Given};

/// A policy that owns its values.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct OwnedPolicy {
    #[serde(deserialize_with = "rules")]
    allow: Vec<Rule>,
    #[serde(deserialize_with = "vmpl")]
    vmpl: Option<Vmpl>,
    policy_required: Mask,
    policy_forbidden: Mask,
    platform_required: Mask,
    platform_forbidden: Mask,
    #[serde(deserialize_with = "set")]
    measurement: Vec<[u8; 48]>,
    report_data: Option<ReportData>,
    #[serde(deserialize_with = "one")]
    host_data: Option<[u8; 32]>,
    #[serde(deserialize_with = "set")]
    id_key_digest: Vec<[u8; 48]>,
    #[serde(deserialize_with = "set")]
    author_key_digest: Vec<[u8; 48]>,
    id_block: bool,
    author_key: bool,
    guest_svn: Option<u32>,
    #[serde(deserialize_with = "one")]
    family_id: Option<[u8; 16]>,
    #[serde(deserialize_with = "one")]
    image_id: Option<[u8; 16]>,
    #[serde(deserialize_with = "one")]
    report_id: Option<[u8; 32]>,
    #[serde(deserialize_with = "one")]
    report_id_ma: Option<[u8; 32]>,
    #[serde(deserialize_with = "abi")]
    min_abi: Option<(u8, u8)>,
    min_build: Option<u8>,
    #[serde(deserialize_with = "tcb")]
    min_tcb: TcbParts,
    #[serde(deserialize_with = "tcb")]
    min_launch_tcb: TcbParts,
    mitigations: Mask,
    launch_mitigations: Mask,
    #[serde(deserialize_with = "some")]
    csp_id: Vec<String>,
    #[serde(deserialize_with = "some")]
    chip_id: Vec<ChipId>,
    require_crl: bool,
}

impl OwnedPolicy {
    /// The same with a revocation list required.
    pub(crate) fn with_crl_required(self, require_crl: bool) -> Self {
        Self { require_crl: self.require_crl || require_crl, ..self }
    }

    /// Lends the policy to whoever judges by it.
    pub fn lend<T>(&self, judge: impl FnOnce(&Policy<'_>) -> T) -> T {
        let csp_ids: Vec<_> = self.csp_id.iter().map(String::as_str).collect();
        let chip_ids: Vec<_> = self.chip_id.iter().map(|chip| chip.0).collect();
        let mut policy =
            self.allow.iter().fold(Policy::default(), |policy, rule| policy.allow(*rule));
        policy.vmpl = self.vmpl;
        policy.policy_required = self.policy_required.0;
        policy.policy_forbidden = self.policy_forbidden.0;
        policy.platform_required = self.platform_required.0;
        policy.platform_forbidden = self.platform_forbidden.0;
        policy.measurements = asked(&self.measurement);
        policy.report_data = self.report_data.as_ref().map(|data| data.0.as_slice());
        policy.host_data = self.host_data;
        policy.id_keys = asked(&self.id_key_digest);
        policy.author_keys = asked(&self.author_key_digest);
        policy.id_block = self.id_block;
        policy.author_key = self.author_key;
        policy.guest_svn = self.guest_svn;
        policy.family_id = self.family_id;
        policy.image_id = self.image_id;
        policy.report_id = self.report_id;
        policy.report_id_ma = self.report_id_ma;
        policy.minimum_abi = self.min_abi;
        policy.minimum_build = self.min_build;
        policy.minimum_tcb = self.min_tcb;
        policy.minimum_launch_tcb = self.min_launch_tcb;
        policy.current_mitigations = self.mitigations.0;
        policy.launch_mitigations = self.launch_mitigations.0;
        policy.csp_ids = asked(&csp_ids);
        policy.chip_ids = asked(&chip_ids);
        policy.require_crl = self.require_crl;
        judge(&policy)
    }
}

/// A set that somebody gave: none is empty.
fn asked<T>(set: &[T]) -> Option<&[T]> {
    (!set.is_empty()).then_some(set)
}

/// A policy file that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// Line and column, from 1, where it is known.
    pub place: Option<(usize, usize)>,
    /// What is wrong, and what was expected.
    pub why: String,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.place {
            write!(f, "line {line}, column {column}: ")?;
        }
        f.write_str(&self.why)
    }
}

impl std::error::Error for PolicyError {}

/// Reads the text of a policy file.
///
/// # Errors
/// [`PolicyError`]: no TOML, a key that is not known, a value that is none of its key.
///
/// ```
/// use sevcrypt_cli::policy::parse;
///
/// let policy = parse("min-build = 29\nallow = ['debug']")?;
/// assert_eq!(policy.lend(|policy| policy.minimum_build), Some(29));
///
/// let error = parse("min-build = 29\nallow = ['everything']").unwrap_err();
/// assert_eq!(error.place, Some((2, 10)));
/// # Ok::<(), sevcrypt_cli::policy::PolicyError>(())
/// ```
pub fn parse(text: &str) -> Result<OwnedPolicy, PolicyError> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let place = before.map(|before| {
            let line = before.rsplit('\n').next().unwrap_or_default();
            (before.matches('\n').count() + 1, line.chars().count() + 1)
        });
        let why = error.message().lines().collect::<Vec<_>>().join(", ");
        PolicyError { place, why }
    })
}

/// Bits: a number of TOML, or the text of one with `0x`, which holds all 64.
#[derive(Clone, Copy, Debug, Default)]
struct Mask(u64);

impl<'de> Deserialize<'de> for Mask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bits;
        impl Visitor<'_> for Bits {
            type Value = Mask;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bits: a number that is not negative, or text such as \"0x20000\"")
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Mask, E> {
                let bits = u64::try_from(number).map(Mask);
                bits.map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(number), &self))
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Mask, E> {
                Ok(Mask(number))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Mask, E> {
                let digits = text.strip_prefix("0x").filter(|digits| !digits.starts_with('+'));
                let bits = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
                bits.map(Mask)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Bits)
    }
}

/// REPORT_DATA, or its beginning.
#[derive(Clone, Debug)]
struct ReportData(Vec<u8>);

impl TryFrom<&[u8]> for ReportData {
    type Error = String;

    fn try_from(bytes: &[u8]) -> Result<Self, String> {
        match bytes.len() {
            1..=64 => Ok(Self(bytes.to_vec())),
            len => Err(format!("{len} bytes, expected 1 to 64")),
        }
    }
}

/// CHIP_ID as a report has it.
#[derive(Clone, Debug)]
struct ChipId([u8; 64]);

impl TryFrom<&[u8]> for ChipId {
    type Error = String;

    fn try_from(bytes: &[u8]) -> Result<Self, String> {
        let mut id = [0; 64];
        match bytes.len() {
            len @ (8 | 64) => id[..len].copy_from_slice(bytes),
            len => return Err(format!("{len} bytes, expected 64, or 8 of a Turin")),
        }
        Ok(Self(id))
    }
}

/// A value of a fixed length.
struct Fixed<const N: usize>([u8; N]);

impl<const N: usize> TryFrom<&[u8]> for Fixed<N> {
    type Error = String;

    fn try_from(bytes: &[u8]) -> Result<Self, String> {
        let array = bytes.try_into();
        array.map(Self).map_err(|_| format!("{} bytes, expected {N}", bytes.len()))
    }
}

/// A value from its text. An error names the place of the text, also inside an array.
fn from_text<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    struct Text<P>(P);
    impl<T, P: FnOnce(&str) -> Result<T, String>> Visitor<'_> for Text<P> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("text")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            self.0(text).map_err(E::custom)
        }
    }
    deserializer.deserialize_str(Text(parse))
}

/// A value from its hexadecimal digits, with or without `0x`.
fn from_hex<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: for<'b> TryFrom<&'b [u8], Error = String>,
{
    from_text(deserializer, |text| {
        let bytes = base16ct::mixed::decode_vec(text.strip_prefix("0x").unwrap_or(text));
        T::try_from(&bytes.map_err(|_| "expected pairs of hexadecimal digits".to_owned())?)
    })
}

macro_rules! from_hex {
    ($($type:ty),+; $fixed:ident) => {
        $(impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                from_hex(deserializer)
            }
        })+

        impl<'de, const N: usize> Deserialize<'de> for $fixed<N> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                from_hex(deserializer)
            }
        }
    };
}

from_hex!(ReportData, ChipId; Fixed);

fn one<'de, D: Deserializer<'de>, const N: usize>(
    deserializer: D,
) -> Result<Option<[u8; N]>, D::Error> {
    Fixed::deserialize(deserializer).map(|fixed| Some(fixed.0))
}

/// The accepted values. None at all would accept nothing, and nobody means that.
fn some<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let set = Vec::deserialize(deserializer)?;
    let empty = "expected a value at least: without one nothing would be accepted";
    if set.is_empty() { Err(D::Error::custom(empty)) } else { Ok(set) }
}

fn set<'de, D: Deserializer<'de>, const N: usize>(
    deserializer: D,
) -> Result<Vec<[u8; N]>, D::Error> {
    let set: Vec<Fixed<N>> = some(deserializer)?;
    Ok(set.into_iter().map(|fixed| fixed.0).collect())
}

fn rules<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Rule>, D::Error> {
    struct Named(Rule);
    impl<'de> Deserialize<'de> for Named {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let parse = |name: &str| name.parse().map_err(|why| format!("{name:?}: {why}"));
            from_text(deserializer, parse).map(Self)
        }
    }
    let rules = Vec::<Named>::deserialize(deserializer)?;
    Ok(rules.into_iter().map(|named| named.0).collect())
}

fn vmpl<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vmpl>, D::Error> {
    let vmpl = Vmpl::new(u32::deserialize(deserializer)?);
    vmpl.map(Some).ok_or_else(|| D::Error::custom("expected a VMPL, 0 to 3"))
}

fn abi<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<(u8, u8)>, D::Error> {
    let numbers = |text: &str| {
        let (major, minor) = text.split_once('.')?;
        let digits = text.bytes().all(|byte| byte == b'.' || byte.is_ascii_digit());
        digits.then_some((major.parse().ok()?, minor.parse().ok()?))
    };
    let wrong = || "expected major and minor version, such as \"1.55\"".to_owned();
    from_text(deserializer, |text| numbers(text).ok_or_else(wrong)).map(Some)
}

fn tcb<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TcbParts, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parts {
        fmc: Option<u8>,
        bootloader: Option<u8>,
        tee: Option<u8>,
        snp: Option<u8>,
        microcode: Option<u8>,
    }
    let Parts { fmc, bootloader, tee, snp, microcode } = Parts::deserialize(deserializer)?;
    let mut parts = TcbParts::default();
    (parts.fmc, parts.boot_loader, parts.tee) = (fmc, bootloader, tee);
    (parts.snp, parts.microcode) = (snp, microcode);
    Ok(parts)
}

/// The policy on the command line.
#[derive(Args)]
#[group(skip)]
pub(crate) struct Options {
    /// Policy file (TOML). An option replaces the file's value; --allow and --min-tcb add to it
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Accepted launch digest; several: any of them. HEX is hexadecimal digits, or @FILE for a file's bytes
    #[arg(long, value_name = "HEX")]
    measurement: Vec<String>,
    /// REPORT_DATA: up to 64 bytes, zeros follow
    #[arg(long, value_name = "HEX")]
    report_data: Option<String>,
    /// HOST_DATA: 32 bytes
    #[arg(long, value_name = "HEX")]
    host_data: Option<String>,
    /// The only VMPL that may have asked for the report
    #[arg(long, value_name = "N", value_parser = vmpl_option)]
    vmpl: Option<Vmpl>,
    /// The least TCB, of the components that are named: fmc, bootloader, tee, snp, microcode
    #[arg(long, value_name = "KEY=N,...", value_delimiter = ',', value_parser = component)]
    min_tcb: Vec<(Component, u8)>,
    /// Accepted cloud of a VLEK; several: any of them
    #[arg(long, value_name = "TEXT")]
    csp_id: Vec<String>,
    /// Accepted chip: 64 bytes, or 8 of a Turin; several: any of them
    #[arg(long, value_name = "HEX")]
    chip_id: Vec<String>,
    /// The least GUEST_SVN
    #[arg(long, value_name = "N")]
    guest_svn: Option<u32>,
    /// The least build of the firmware
    #[arg(long, value_name = "N")]
    min_build: Option<u8>,
    /// Rules that need not hold
    #[arg(long, value_name = "WHAT,...", value_delimiter = ',', help = allow_help())]
    allow: Vec<Rule>,
}

fn allow_help() -> String {
    let names: Vec<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
    format!("Rules that need not hold: {}", names.join(", "))
}

fn vmpl_option(text: &str) -> Result<Vmpl, String> {
    text.parse().ok().and_then(Vmpl::new).ok_or_else(|| "expected 0 to 3".to_owned())
}

fn component(text: &str) -> Result<(Component, u8), String> {
    use Component::{BootLoader, Fmc, Microcode, Snp, Tee};
    let (name, number) = text.split_once('=').ok_or("expected KEY=N")?;
    let mut all = [Fmc, BootLoader, Tee, Snp, Microcode].into_iter();
    let component = all.find(|component| component.name() == name);
    let component = component
        .ok_or_else(|| format!("{name}: expected fmc, bootloader, tee, snp or microcode"))?;
    let number = number.parse().map_err(|_| format!("{name}: expected a number from 0 to 255"))?;
    Ok((component, number))
}

/// A value of an option.
fn value<T: for<'b> TryFrom<&'b [u8], Error = String>>(
    option: &str,
    text: &str,
) -> Result<T, Failure> {
    let given = Given::read(option, text)?;
    T::try_from(&given.bytes).map_err(|why| given.wrong(why))
}

/// The values of an option, in the place of the file's if there are any.
fn values<T: for<'b> TryFrom<&'b [u8], Error = String>>(
    option: &str,
    texts: &[String],
) -> Result<Option<Vec<T>>, Failure> {
    let values: Result<Vec<T>, _> = texts.iter().map(|text| value(option, text)).collect();
    values.map(|values| (!values.is_empty()).then_some(values))
}

impl Options {
    /// The policy of file and options.
    pub(crate) fn read(&self) -> Result<OwnedPolicy, Failure> {
        let mut policy = match &self.policy {
            Some(path) => from_file(&Content::read(path)?)?,
            None => OwnedPolicy::default(),
        };
        if let Some(set) = values::<Fixed<48>>("--measurement", &self.measurement)? {
            policy.measurement = set.into_iter().map(|fixed| fixed.0).collect();
        }
        if let Some(set) = values("--chip-id", &self.chip_id)? {
            policy.chip_id = set;
        }
        if let Some(text) = &self.report_data {
            policy.report_data = Some(value("--report-data", text)?);
        }
        if let Some(text) = &self.host_data {
            policy.host_data = Some(value::<Fixed<32>>("--host-data", text)?.0);
        }
        if !self.csp_id.is_empty() {
            policy.csp_id.clone_from(&self.csp_id);
        }
        for (component, number) in &self.min_tcb {
            if let Some(place) = policy.min_tcb.place(*component) {
                *place = Some(*number);
            }
        }
        policy.vmpl = self.vmpl.or(policy.vmpl);
        policy.guest_svn = self.guest_svn.or(policy.guest_svn);
        policy.min_build = self.min_build.or(policy.min_build);
        policy.allow.extend(&self.allow);
        Ok(policy)
    }
}

fn from_file(content: &Content) -> Result<OwnedPolicy, Failure> {
    let name = &content.name;
    let text = std::str::from_utf8(&content.bytes).map_err(|error| {
        Failure::usage(format_args!("{name}: offset {}: no UTF-8", error.valid_up_to()))
    })?;
    parse(text).map_err(|error| Failure::usage(format_args!("{name}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example has every key, with a value that is not the default.
    #[test]
    fn the_example_has_every_key() {
        let text = include_str!("../../examples/policy.toml");
        let policy = format!("{:?}", parse(text).expect("a policy"));
        let default = format!("{:#?}", OwnedPolicy::default());
        // The fields of the policy itself are those that stand in by four.
        let fields = default.lines().filter_map(|line| line.strip_prefix("    "));
        for field in fields.filter(|field| field.starts_with(char::is_alphabetic)) {
            let name = field.split(':').next().expect("a name");
            let key = format!("\n{} = ", name.replace('_', "-"));
            assert!(text.contains(&key), "no {key}");
        }
        assert!(policy.contains("require_crl: true") && policy.contains("min_build: Some(29)"));
    }
}
