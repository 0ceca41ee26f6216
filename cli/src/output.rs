//! Files that appear whole or not at all.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

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
                let file = beside(&path).map_err(failed)?;
                fs::set_permissions(file.path(), metadata.permissions()).map_err(failed)?;
                Target::Renamed { file, path }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Target::Renamed { file: beside(path).map_err(failed)?, path: path.to_owned() }
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

/// A temporary file in the folder of `path`, with the permissions of any new file.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = Builder::new();
    builder.prefix(".sevcrypt-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666)); // less the process's mask
    builder.tempfile_in(folder)
}

/// Writes a whole file.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut output = Output::create(path)?;
    output.write(bytes)?;
    output.finish()
}
