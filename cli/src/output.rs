//! Files that appear whole or not at all.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};
use serde_json::Value;
use tempfile::{Builder, NamedTempFile};

use crate::failure::Failure;

/// Where the result goes.
pub(crate) struct Output {
    name: String,
    target: Target,
    written: u64,
}

enum Target {
    /// Standard output, a device, a pipe: written as it comes.
    Direct(Box<dyn Write>),
    /// A file that takes the name of `path` once it is complete.
    Renamed { file: NamedTempFile, path: PathBuf },
}

impl Output {
    /// Opens a file to write; `-` is standard output. A file that exists stays as it is until [`finish`](Self::finish).
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        Self::open(path, Readers::Anyone)
    }

    /// The same for a secret: only its owner may read the file, whoever could read one of that name before.
    pub(crate) fn create_secret(path: &Path) -> Result<Self, Failure> {
        Self::open(path, Readers::Owner)
    }

    fn open(path: &Path, readers: Readers) -> Result<Self, Failure> {
        if path == Path::new("-") {
            let target = Target::Direct(Box::new(io::stdout()));
            return Ok(Self { name: "standard output".to_owned(), target, written: 0 });
        }
        let name = path.display().to_string();
        let failed = |error| Failure::usage(format_args!("{name}: {error}"));
        let target = match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                return Err(Failure::usage(format_args!(
                    "{name}: is a directory, expected a file"
                )));
            }
            Ok(metadata) if !metadata.is_file() => {
                Target::Direct(Box::new(OpenOptions::new().write(true).open(path).map_err(failed)?))
            }
            Ok(metadata) => {
                // Through a link, so that the link stays one.
                let path = fs::canonicalize(path).map_err(failed)?;
                let file = beside(&path, readers).map_err(failed)?;
                if readers == Readers::Anyone {
                    fs::set_permissions(file.path(), metadata.permissions()).map_err(failed)?;
                }
                Target::Renamed { file, path }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let file = beside(path, readers).map_err(failed)?;
                Target::Renamed { file, path: path.to_owned() }
            }
            Err(error) => return Err(failed(error)),
        };
        Ok(Self { name, target, written: 0 })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let result = match &mut self.target {
            Target::Direct(writer) => writer.write_all(bytes),
            Target::Renamed { file, .. } => file.write_all(bytes),
        };
        result.map_err(|error| failed(&self.name, self.written, &error))?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Gives the complete file its name.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let finished = match self.target {
            Target::Direct(mut writer) => writer.flush(),
            Target::Renamed { file, path } => file.persist(path).map(drop).map_err(|e| e.error),
        };
        finished.map_err(|error| failed(&self.name, self.written, &error))
    }
}

fn failed(name: &str, written: u64, error: &io::Error) -> Failure {
    Failure::usage(format_args!("{name}: cannot write behind byte {written}: {error}"))
}

/// Who may read a file that is new.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Readers {
    /// As the process's mask has it.
    Anyone,
    Owner,
}

impl Readers {
    #[cfg(unix)]
    const fn mode(self) -> u32 {
        match self {
            Self::Anyone => 0o666, // less the process's mask
            Self::Owner => 0o600,
        }
    }
}

/// A temporary file in the folder of `path`.
fn beside(path: &Path, readers: Readers) -> io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = Builder::new();
    builder.prefix(".sevcrypt-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(readers.mode()));
    #[cfg(not(unix))]
    let _ = readers;
    builder.tempfile_in(folder)
}

/// Writes a whole file.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut output = Output::create(path)?;
    output.write(bytes)?;
    output.finish()
}

/// Named values in their order, for people and as a map of JSON.
#[derive(Default)]
pub(crate) struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    pub(crate) fn add(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.push((name, value.into()));
    }

    /// A line for each.
    pub(crate) fn print(&self, out: &mut impl Write) -> Result<(), Failure> {
        for (name, value) in &self.0 {
            writeln!(out, "{:<18} {}", name.replace('_', " "), text(value))?;
        }
        Ok(())
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// A value for people.
fn text(value: &Value) -> String {
    let named = |(name, value): (&String, &Value)| format!("{name}={}", text(value));
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        Value::Array(values) if values.is_empty() => "none".to_owned(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join("; "),
        Value::Object(fields) if fields.is_empty() => "none".to_owned(),
        Value::Object(fields) => fields.iter().map(named).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// Prints one JSON document.
pub(crate) fn json(document: &impl Serialize) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, document).map_err(io::Error::from)?;
    Ok(writeln!(out)?)
}
