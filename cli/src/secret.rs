//! `sevcrypt secret`: what the owner of an SEV or SEV-ES guest gives it, once its launch measurement is right.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sevcrypt::sev::launch::{Attested, Measurement, SecretTable, SecretTableError};
use sevcrypt::sev::packet::PacketIv;
use sevcrypt::sev::session::{Tek, Tik, TransportKeys};
use sevcrypt::{Backend, Guid};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::input::{self, Given, Input, fixed};
use crate::output::{self, Piece, Readers};
use crate::session::random;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// A packet for LAUNCH_SECRET: a table of secrets as OVMF looks for it, enciphered and authenticated
    Build(BuildOptions),
}

#[derive(Args)]
pub(crate) struct BuildOptions {
    /// The session's TIK: 16 bytes as hexadecimal digits, or @FILE for a file's bytes; @- is standard input
    #[arg(long, value_name = "KEY")]
    tik: String,
    /// The session's TEK: 16 bytes as hexadecimal digits, or @FILE for a file's bytes; @- is standard input
    #[arg(long, value_name = "KEY")]
    tek: String,
    /// The launch measurement as the firmware gave it, HMAC and nonce: 48 bytes as base64 or hexadecimal digits, or @FILE.
    /// It is not checked here: `measure sev --tik ... --expect` does that
    #[arg(long, value_name = "BASE64")]
    measure: String,
    /// A secret: its GUID, and the file with its bytes; - is standard input. May be given several times
    #[arg(long, value_name = "GUID:FILE", value_parser = secret, required = true)]
    secret: Vec<Secret>,
    /// The first counter block, 16 bytes; never the same twice in a session [default: random bytes]
    #[arg(long, value_name = "HEX")]
    iv: Option<String>,
    /// The file for the packet's header, 52 bytes; - is standard output
    #[arg(long, value_name = "OUT")]
    header: PathBuf,
    /// The file for what is enciphered; - is standard output
    #[arg(long, value_name = "OUT")]
    payload: PathBuf,
}

/// A secret of the table.
#[derive(Clone)]
struct Secret {
    guid: Guid,
    file: PathBuf,
}

fn secret(text: &str) -> Result<Secret, String> {
    let (guid, file) = text.split_once(':').ok_or("expected a GUID, a colon and a file")?;
    let guid = input::guid(guid).ok_or_else(|| {
        format!("'{guid}' is no GUID; expected one such as 736869e5-84f0-4973-92ec-06879ce3da0b")
    })?;
    match file {
        "" => Err("expected a file behind the colon".to_owned()),
        file => Ok(Secret { guid, file: file.into() }),
    }
}

pub(crate) fn run(Command::Build(options): &Command) -> Result<(), Failure> {
    let (tik, tek) = (fixed("--tik", &options.tik)?, fixed("--tek", &options.tek)?);
    let keys = TransportKeys { tek: Tek::new(&tek), tik: Tik::new(&tik) };
    let measurement = Given::read_encoded("--measure", &options.measure)?.fixed()?;
    let measurement = Measurement::from_bytes(&measurement);
    let iv = match &options.iv {
        Some(text) => *fixed("--iv", text)?,
        None => *random()?,
    };

    let mut payload = table(&options.secret)?;
    let attested = Attested::assume(&keys, &measurement, Backend::best());
    let header = attested.seal_secret(PacketIv::from_random(iv), &mut payload);
    let header = header.map_err(|why| Failure::usage(format_args!("--secret: {why}")))?;

    let header = header.to_bytes();
    let piece =
        |path: &PathBuf, bytes| Piece { path: path.clone(), bytes, readers: Readers::Anyone };
    output::write_files(&[piece(&options.header, &header), piece(&options.payload, &payload)])
}

/// The table of secrets.
fn table(secrets: &[Secret]) -> Result<Zeroizing<Vec<u8>>, Failure> {
    const LONGEST: usize = SecretTable::MAX_LEN;
    let read = |secret: &Secret| {
        let input = Input::open(&secret.file)?;
        let name = input.name.clone();
        let bytes = input.read_secret(LONGEST)?;
        if bytes.len() > LONGEST {
            return Err(Failure::usage(format_args!("{name}: longer than {LONGEST} bytes")));
        }
        Ok((secret.guid, bytes))
    };
    let secrets = secrets.iter().map(read).collect::<Result<Vec<_>, Failure>>()?;
    let entries: Vec<_> = secrets.iter().map(|(guid, bytes)| (*guid, &bytes[..])).collect();
    let len = SecretTable::len_of(&entries).ok_or_else(|| {
        let found = entries.iter().fold(20, |len, (_, bytes)| len + 20 + bytes.len());
        Failure::usage(format_args!(
            "--secret: a table of {found} bytes, but a packet has room for {LONGEST}: 20 for the table, and 20 and its bytes for each secret"
        ))
    })?;
    let mut table = Zeroizing::new(vec![0; len]);
    SecretTable::write(&entries, &mut table).map_err(|why| match why {
        SecretTableError::Duplicate { index, .. } => {
            Failure::usage(format_args!("--secret: {} is given twice", entries[index].0))
        }
        why => Failure::usage(format_args!("--secret: {why}")),
    })?;
    Ok(table)
}
