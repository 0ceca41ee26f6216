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
    Renamed { file: NamedTempFile, path: PathBuf, readers: Readers },
}

impl Output {
    /// Opens a file to write; `-` is standard output. A file that exists stays as it is until [`finish`](Self::finish).
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        Self::open(path, Readers::Anyone)
    }

    fn open(path: &Path, readers: Readers) -> Result<Self, Failure> {
        if path == Path::new("-") {
            let target = Target::Direct(Box::new(io::stdout()));
            return Ok(Self { name: "standard output".to_owned(), target, written: 0 });
        }
        let name = path.display().to_string();
        let failed = |error| Failure::usage(format_args!("{name}: {error}"));
        // A device, or a link to one, would swallow a secret.
        if readers == Readers::Owner && fs::symlink_metadata(path).is_ok() {
            return Err(Failure::usage(format_args!("{name}: {IS_THERE}")));
        }
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
                fs::set_permissions(file.path(), metadata.permissions()).map_err(failed)?;
                Target::Renamed { file, path, readers }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let file = beside(path, readers).map_err(failed)?;
                Target::Renamed { file, path: path.to_owned(), readers }
            }
            Err(error) => return Err(failed(error)),
        };
        Ok(Self { name, target, written: 0 })
    }

    const fn is_direct(&self) -> bool {
        matches!(self.target, Target::Direct(_))
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
        let Self { name, target, written } = self;
        let renamed = match target {
            Target::Direct(mut writer) => {
                return writer.flush().map_err(|error| failed(&name, written, &error));
            }
            Target::Renamed { file, path, readers: Readers::Anyone } => file.persist(path),
            Target::Renamed { file, path, readers: Readers::Owner } => file.persist_noclobber(path),
        };
        renamed.map(drop).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => Failure::usage(format_args!("{name}: {IS_THERE}")),
            _ => Failure::usage(format_args!(
                "{name}: cannot give the complete file this name: {}",
                error.error
            )),
        })
    }
}

/// Why a secret is not written.
const IS_THERE: &str =
    "is there already, and may be the only copy of a key; choose another directory";

fn failed(name: &str, written: u64, error: &io::Error) -> Failure {
    Failure::usage(format_args!("{name}: cannot write behind byte {written}: {error}"))
}

/// Who may read a file that is new.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// As the process's mask has it.
    Anyone,
    /// It is a secret, and there must be no file of its name before.
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
    let mut builder = Builder::new();
    builder.prefix(".sevcrypt-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(readers.mode()));
    #[cfg(not(unix))]
    let _ = readers;
    builder.tempfile_in(folder(path))
}

/// Writes a whole file.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    write_files(&[Piece { path: path.to_owned(), bytes, readers: Readers::Anyone }])
}

/// One of several files that belong together.
pub(crate) struct Piece<'b> {
    pub(crate) path: PathBuf,
    pub(crate) bytes: &'b [u8],
    pub(crate) readers: Readers,
}

/// Writes files that belong together: all of them, or as far as can be told before none.
pub(crate) fn write_files(pieces: &[Piece<'_>]) -> Result<(), Failure> {
    finish(write(pieces)?)
}

/// Files that are complete and have no names yet, in the order in which they get them. Secrets are the first, as without
/// them the others are worth nothing.
fn write(pieces: &[Piece<'_>]) -> Result<Vec<Output>, Failure> {
    let mut places: Vec<(PathBuf, &Path)> = Vec::new();
    for Piece { path, .. } in pieces {
        let place = place(path);
        if let Some((_, other)) = places.iter().find(|(other, _)| *other == place) {
            let (other, path) = (other.display(), path.display());
            return Err(Failure::usage(format_args!("{other} and {path} are the same file")));
        }
        places.push((place, path));
    }
    let open = |piece: &Piece<'_>| Output::open(&piece.path, piece.readers);
    let mut outputs: Vec<_> =
        pieces.iter().map(|piece| Ok((open(piece)?, piece))).collect::<Result<_, Failure>>()?;
    // What is written to a pipe cannot be taken back: it comes when all else has been written.
    outputs.sort_by_key(|(output, piece)| (output.is_direct(), piece.readers != Readers::Owner));
    for (output, piece) in &mut outputs {
        output.write(piece.bytes)?;
    }
    Ok(outputs.into_iter().map(|(output, _)| output).collect())
}

/// Gives them their names, and says which have theirs if one cannot have its own.
fn finish(outputs: Vec<Output>) -> Result<(), Failure> {
    let direct = outputs.iter().filter(|output| output.is_direct() && output.written > 0);
    let mut changed: Vec<_> = direct.map(|output| output.name.clone()).collect();
    for output in outputs {
        let name = output.name.clone();
        match output.finish() {
            Ok(()) => changed.push(name),
            Err(Failure::Usage(why)) if changed.is_empty() => return Err(Failure::Usage(why)),
            Err(Failure::Usage(why)) => {
                let changed = changed.join(", ");
                return Err(Failure::Usage(format!("{why}; already written: {changed}")));
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(())
}

/// What a path leads to, through links, whether or not it is there.
fn place(path: &Path) -> PathBuf {
    let there = |path: &Path| fs::canonicalize(path).ok();
    let new = || Some(there(folder(path))?.join(path.file_name()?));
    match path == Path::new("-") {
        true => path.to_owned(),
        false => there(path).or_else(new).unwrap_or_else(|| path.to_owned()),
    }
}

/// Where a file is, or would be.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
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

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn piece(path: PathBuf, bytes: &[u8], readers: Readers) -> Piece<'_> {
        Piece { path, bytes, readers }
    }

    #[track_caller]
    fn why(result: Result<(), Failure>) -> String {
        let Err(Failure::Usage(why)) = result else { panic!("expected an error: {result:?}") };
        why
    }

    /// Something takes a name between the look at it and the renaming.
    #[test]
    fn a_name_that_cannot_be_had() {
        let dir = TempDir::new().unwrap();
        let path = |name: &str| dir.path().join(name);
        let pieces = [
            piece(path("host"), b"new", Readers::Anyone),
            piece(path("other"), b"new", Readers::Anyone),
            piece(path("secret"), b"key", Readers::Owner),
        ];
        fs::write(path("other"), "old").unwrap();

        let outputs = write(&pieces).unwrap();
        fs::create_dir(path("host")).unwrap();
        let why_not = why(finish(outputs));
        assert!(why_not.contains("host: cannot give the complete file this name: "), "{why_not}");
        let end = format!("; already written: {}", path("secret").display());
        assert!(why_not.ends_with(&end), "{why_not}");
        // The secret is there, and of the others nothing has changed.
        assert_eq!(fs::read(path("secret")).unwrap(), b"key");
        assert_eq!(fs::read(path("other")).unwrap(), b"old");

        fs::remove_file(path("secret")).unwrap();
        fs::remove_dir(path("host")).unwrap();
        let outputs = write(&pieces).unwrap();
        fs::write(path("secret"), "another key").unwrap();
        let why_not = why(finish(outputs));
        assert!(why_not.contains("secret: is there already"), "{why_not}");
        assert!(!why_not.contains("already written"), "{why_not}");
        assert_eq!(fs::read(path("secret")).unwrap(), b"another key");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn one_file_by_two_names() {
        let dir = TempDir::new().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::create_dir(path("folder")).unwrap();
        let same = |first: PathBuf, second: PathBuf| {
            let pieces = [first, second].map(|path| piece(path, b"bytes", Readers::Anyone));
            let why = why(write_files(&pieces));
            assert!(why.ends_with("are the same file"), "{why}");
        };
        same("-".into(), "-".into());
        same(path("new"), path("new"));
        same(path("new"), path("folder/../new"));
        same(path("new"), path("./new"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            fs::write(path("file"), "old").unwrap();
            std::os::unix::fs::symlink(path("file"), path("link")).unwrap();
            std::os::unix::fs::symlink(path("folder"), path("folder-link")).unwrap();
            same(path("link"), path("file"));
            same(path("folder/new"), path("folder-link/new"));
            assert_eq!(fs::read(path("file")).unwrap(), b"old");
        }
    }

    /// Not even through a link, which may lead to a device.
    #[cfg(unix)]
    #[test]
    fn a_secret_is_a_new_file() {
        let dir = TempDir::new().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("file"), "old").unwrap();
        std::os::unix::fs::symlink("/dev/null", path("null")).unwrap();
        std::os::unix::fs::symlink("/no/such/folder", path("nowhere")).unwrap();
        for name in ["file", "null", "nowhere"] {
            let why = why(write_files(&[piece(path(name), b"key", Readers::Owner)]));
            assert!(why.contains(&format!("{name}: is there already")), "{why}");
        }
        assert_eq!(fs::read(path("file")).unwrap(), b"old");
    }
}
