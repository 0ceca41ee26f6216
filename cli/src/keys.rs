//! `sevcrypt keys`: the keys of a platform and its guests, from secrets that the user has.

use std::io::{self, Write};

use clap::{Args, Subcommand, ValueEnum};
use sevcrypt::snp::GuestPolicy;
use sevcrypt::snp::keys::{
    ChipSecret, GuestFieldSelect, GuestIdentity, HashStick, HashSticks, IdBlockKey, KeyRequest,
    KeySelect, PrivateKey, RootKey, RootKeySelect, Vmrk,
};
use sevcrypt::snp::tcb::{Product, TcbVersion};
use sevcrypt::{Hex, Vmpl, kdf};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::input::{self, Given, fixed, optional};
use crate::output::{self, Fields};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// AMD's key derivation (SP 800-108, counter mode, HMAC-SHA-256)
    Kdf(KdfOptions),
    /// The VCEK of a chip at a TCB version: its stick and private key, and the public one
    Vcek(EndorsementOptions),
    /// The VLEK of a provider at a TCB version: its stick and private key, and the public one
    Vlek(EndorsementOptions),
    /// A guest's derived key, as MSG_KEY_REQ gives it
    Guest(Box<GuestOptions>),
}

#[derive(Args)]
pub(crate) struct KdfOptions {
    /// The key: hexadecimal digits, or @FILE for a file's bytes
    #[arg(long, value_name = "KEY")]
    key: String,
    /// What the output is for; @FILE for a file's bytes
    #[arg(long, value_name = "TEXT")]
    label: String,
    /// More to derive from: hexadecimal digits, or @FILE for a file's bytes [default: nothing]
    #[arg(long, value_name = "HEX")]
    context: Option<String>,
    /// Bytes of output, 1 to 65536
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65536))]
    length: u32,
}

#[derive(Args)]
pub(crate) struct EndorsementOptions {
    /// The secret of the chip, or of the VLEK's provider: 48 bytes as hexadecimal digits, or @FILE for a file's bytes
    #[arg(long, value_name = "KEY")]
    chip_secret: String,
    /// TCB version: 8 bytes as they stand in memory
    #[arg(long, value_name = "HEX16")]
    tcb: String,
    /// Refuse a TCB version that is not this product's: milan, genoa or turin (a model: AMD has not published its order)
    #[arg(long, value_name = "PRODUCT")]
    product: Option<Product>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct GuestOptions {
    /// What the key is derived from
    #[arg(long, value_name = "ROOT")]
    root: Root,
    /// The 48 bytes of stick 7 at the TCB version in question (vcek, vlek), or the 32 of the VMRK: hexadecimal digits, or
    /// @FILE for a file's bytes
    #[arg(long, value_name = "KEY")]
    root_key: String,
    /// What is mixed in besides VMPL, host data and the ID block's key
    #[arg(long, value_name = "FIELD,...", value_delimiter = ',')]
    fields: Vec<Field>,
    /// The level
    #[arg(long, value_name = "N", default_value = "0", value_parser = vmpl)]
    vmpl: Vmpl,
    /// The request's security version of the guest
    #[arg(long, value_name = "N")]
    guest_svn: Option<u32>,
    /// The request's TCB version: 8 bytes as they stand in memory
    #[arg(long, value_name = "HEX16")]
    tcb: Option<String>,
    /// The guest's policy: a hexadecimal number
    #[arg(long, value_name = "HEX", value_parser = policy)]
    policy: Option<GuestPolicy>,
    /// IMAGE_ID of the ID block: 16 bytes
    #[arg(long, value_name = "HEX")]
    image_id: Option<String>,
    /// FAMILY_ID of the ID block: 16 bytes
    #[arg(long, value_name = "HEX")]
    family_id: Option<String>,
    /// The launch measurement: 48 bytes
    #[arg(long, value_name = "HEX")]
    measurement: Option<String>,
    /// HOST_DATA: 32 bytes [default: zeros]
    #[arg(long, value_name = "HEX")]
    host_data: Option<String>,
    /// Digest of the key that signed the ID block: 48 bytes [default: there is no ID block]
    #[arg(long, value_name = "HEX", conflicts_with = "author_key_digest")]
    id_key_digest: Option<String>,
    /// Digest of the key that signed the ID key: 48 bytes
    #[arg(long, value_name = "HEX")]
    author_key_digest: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Root {
    Vcek,
    Vlek,
    Vmrk,
}

/// What can be selected, by the name of the option that has its value.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Field {
    Policy,
    ImageId,
    FamilyId,
    Measurement,
    GuestSvn,
    Tcb,
}

pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Kdf(options) => derive(options),
        Command::Vcek(options) => endorsement(options, PrivateKey::vcek),
        Command::Vlek(options) => endorsement(options, PrivateKey::vlek),
        Command::Guest(options) => guest(options),
    }
}

fn derive(options: &KdfOptions) -> Result<(), Failure> {
    let key = Given::read("--key", &options.key)?;
    if key.bytes.is_empty() {
        return Err(key.wrong("no bytes; expected at least one"));
    }
    let label = Given::read_text("--label", &options.label)?.bytes;
    let context = options.context.as_deref().map(|text| Given::read("--context", text));
    let context = context.transpose()?.map(|context| context.bytes).unwrap_or_default();
    let mut out = Zeroizing::new(vec![0; options.length as usize]);
    kdf::derive(&key.bytes, &label, &context, &mut out).map_err(Failure::usage)?;
    print(&out)
}

fn endorsement(
    options: &EndorsementOptions,
    private_key: fn(&HashStick) -> PrivateKey,
) -> Result<(), Failure> {
    let chip = ChipSecret::new(&*fixed("--chip-secret", &options.chip_secret)?);
    let tcb_version = TcbVersion::new(*fixed("--tcb", &options.tcb)?);
    if let Some(product) = options.product
        && !tcb_version.reserved_is_zero(product)
    {
        return Err(Failure::usage(format_args!(
            "--tcb: {tcb_version} is no TCB version of {product}: a byte that is reserved there is not zero"
        )));
    }
    let sticks = HashSticks::new(&chip, tcb_version);
    let private_key = private_key(sticks.stick_7());
    let point = private_key.signing_key().verifying_key().to_sec1();
    let (x, y) = point[1..].split_at(48);
    let mut fields = Fields::default();
    fields.add("stick", Hex(sticks.stick_7().as_bytes()).to_string());
    fields.add("scalar", Hex(private_key.scalar()).to_string());
    fields.add("public_x", Hex(x).to_string());
    fields.add("public_y", Hex(y).to_string());
    if options.json { output::json(&fields) } else { fields.print(&mut io::stdout().lock()) }
}

fn guest(options: &GuestOptions) -> Result<(), Failure> {
    let root = match options.root {
        Root::Vcek => KeySelect::Vcek.into(),
        Root::Vlek => KeySelect::Vlek.into(),
        Root::Vmrk => RootKeySelect::VMRK,
    };
    let mut request = KeyRequest::new(root).with_vmpl(options.vmpl);
    for field in Field::value_variants() {
        if options.has(*field)? {
            request = request.with_fields(field.select());
        }
    }
    request.guest_svn = options.guest_svn.unwrap_or_default();
    request.tcb_version = TcbVersion::new(*optional("--tcb", options.tcb.as_deref())?);

    let id_block_key = match (&options.id_key_digest, &options.author_key_digest) {
        (_, Some(text)) => IdBlockKey::Author(*fixed("--author-key-digest", text)?),
        (Some(text), None) => IdBlockKey::Id(*fixed("--id-key-digest", text)?),
        (None, None) => IdBlockKey::None,
    };
    let identity = GuestIdentity {
        policy: options.policy.unwrap_or_default(),
        image_id: *optional("--image-id", options.image_id.as_deref())?,
        family_id: *optional("--family-id", options.family_id.as_deref())?,
        measurement: *optional("--measurement", options.measurement.as_deref())?,
        host_data: *optional("--host-data", options.host_data.as_deref())?,
        id_block_key,
    };
    let mix_data = identity.mix_data(&request);
    let key = if options.root == Root::Vmrk {
        let vmrk = Vmrk::new(&*fixed("--root-key", &options.root_key)?);
        mix_data.derive(RootKey::Vmrk(&vmrk))
    } else {
        let stick_7 = HashStick::new(&*fixed("--root-key", &options.root_key)?);
        mix_data.derive(RootKey::Stick(&stick_7))
    };
    print(key.as_bytes())
}

impl GuestOptions {
    /// Whether a field is mixed in: it is selected and has a value, or neither.
    fn has(&self, field: Field) -> Result<bool, Failure> {
        let has_value = match field {
            Field::Policy => self.policy.is_some(),
            Field::ImageId => self.image_id.is_some(),
            Field::FamilyId => self.family_id.is_some(),
            Field::Measurement => self.measurement.is_some(),
            Field::GuestSvn => self.guest_svn.is_some(),
            Field::Tcb => self.tcb.is_some(),
        };
        let name = field.name();
        match (self.fields.contains(&field), has_value) {
            (true, false) => Err(Failure::usage(format_args!("--fields {name} needs --{name}"))),
            (false, true) => Err(Failure::usage(format_args!(
                "--{name} has no effect: it is mixed in only with --fields {name}"
            ))),
            (is_selected, _) => Ok(is_selected),
        }
    }
}

impl Field {
    fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::ImageId => "image-id",
            Self::FamilyId => "family-id",
            Self::Measurement => "measurement",
            Self::GuestSvn => "guest-svn",
            Self::Tcb => "tcb",
        }
    }

    fn select(self) -> GuestFieldSelect {
        match self {
            Self::Policy => GuestFieldSelect::POLICY,
            Self::ImageId => GuestFieldSelect::IMAGE_ID,
            Self::FamilyId => GuestFieldSelect::FAMILY_ID,
            Self::Measurement => GuestFieldSelect::MEASUREMENT,
            Self::GuestSvn => GuestFieldSelect::GUEST_SVN,
            Self::Tcb => GuestFieldSelect::TCB_VERSION,
        }
    }
}

fn vmpl(text: &str) -> Result<Vmpl, String> {
    text.parse().ok().and_then(Vmpl::new).ok_or_else(|| "expected 0 to 3".to_owned())
}

pub(crate) fn policy(text: &str) -> Result<GuestPolicy, String> {
    input::hexadecimal(text).map(GuestPolicy)
}

/// A line of hexadecimal digits.
fn print(bytes: &[u8]) -> Result<(), Failure> {
    Ok(writeln!(io::stdout().lock(), "{}", Hex(bytes))?)
}
