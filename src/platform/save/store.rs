//! A folder in which a platform is kept.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::vec::Vec;

use zeroize::Zeroizing;

use super::{Header, StoreError};

/// A folder with a saved machine, open for one program at a time.
///
/// `machine.sev` is the machine, with every secret of it, readable for its owner only; `generation` the number that it must have
/// at least. Whoever takes the machine out ([`take`](Self::take)) leaves a copy of what it is without its guests, with the
/// next number: a second machine with the same guests, and the same counts of their messages, cannot be made of a copy of the file.
/// A program that ends without [`replace`](Self::replace) thus loses the guests, as a machine without power does, and nothing else.
///
/// Every file is written under another name, flushed and renamed: a crash at any moment leaves the one before or the one after,
/// and perhaps a file `*.new`, which the next one to be put in replaces.
///
/// MODEL: whoever may write the folder can put an older machine *and* its number there. Hardware has monotonic counters for that.
///
/// See [the module](super) for an example.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    /// The lock, as long as the folder is open.
    _lock: File,
}

const MACHINE: &str = "machine.sev";
const GENERATION: &str = "generation";
const LOCK: &str = "lock";

impl Store {
    /// A folder for a new machine. It is made if it is not there.
    ///
    /// # Errors
    /// [`StoreError`]: there is a machine in it already; another program has it open; the file system's own.
    pub fn create(folder: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(|error| StoreError::at(folder, error))?;
        let store = Self { folder: folder.into(), _lock: lock(folder, true)? };
        let machine = store.folder.join(MACHINE);
        match fs::symlink_metadata(&machine) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(store),
            Err(error) => Err(StoreError::at(&machine, error)),
            Ok(_) => Err(StoreError::Exists(machine)),
        }
    }

    /// A folder with a machine.
    ///
    /// # Errors
    /// [`StoreError`]: another program has it open; the file system's own.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        Ok(Self { folder: folder.into(), _lock: lock(folder, false)? })
    }

    /// The bytes of the saved machine, for a look: whoever makes a machine of them that answers guests takes them with [`take`](Self::take).
    ///
    /// # Errors
    /// [`StoreError`]: no machine, an older one than the folder has seen, the file system's own.
    pub fn look(&self) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        look(&self.folder)
    }

    /// Takes the saved machine out: its bytes. `without_guests` makes of them, and the next generation, what stays in the folder.
    ///
    /// # Errors
    /// As [`look`](Self::look), and what `without_guests` says.
    pub fn take(
        &self,
        without_guests: impl FnOnce(&[u8], u64) -> Result<Zeroizing<Vec<u8>>, StoreError>,
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let saved = self.look()?;
        let generation =
            Header::parse(&saved).map_err(|error| self.not_restored(error))?.generation;
        let next = generation.checked_add(1).ok_or(StoreError::Exhausted)?;
        self.replace(&without_guests(&saved, next)?, next)?;
        Ok(saved)
    }

    /// The generation that the next machine to be saved has.
    ///
    /// # Errors
    /// As [`look`](Self::look).
    pub fn next_generation(&self) -> Result<u64, StoreError> {
        // The machine's own: a crash may have left it newer than the number.
        let header = Header::parse(&self.look()?).map_err(|error| self.not_restored(error))?;
        header.generation.checked_add(1).ok_or(StoreError::Exhausted)
    }

    /// Puts a machine of that generation in: that with which it was saved.
    ///
    /// # Errors
    /// The file system's own: what was there before still is, or the new one.
    pub fn replace(&self, saved: &[u8], generation: u64) -> Result<(), StoreError> {
        let number = std::format!("{generation}\n");
        steps(&self.folder, saved, &number).iter().try_for_each(Step::run)
    }

    fn not_restored(&self, error: super::RestoreError) -> StoreError {
        StoreError::NotRestored(self.folder.join(MACHINE), error)
    }
}

/// The bytes of a folder's machine, without a lock: for who only reads what never changes.
///
/// # Errors
/// [`StoreError`]
pub fn look(folder: &Path) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let path = folder.join(MACHINE);
    // First: who puts a machine in meanwhile writes the number last.
    let counter = counter(folder)?;
    let saved = fs::read(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StoreError::None(path.clone()),
        _ => StoreError::at(&path, error),
    })?;
    let saved = Zeroizing::new(saved);
    let header =
        Header::parse(&saved).map_err(|error| StoreError::NotRestored(path.clone(), error))?;
    match counter {
        // Only the first machine of a folder may stand without its number: a crash came between the two.
        None if header.generation > 0 => Err(StoreError::Counter(folder.join(GENERATION))),
        Some(expected) if header.generation < expected => {
            Err(StoreError::Older { path, found: header.generation, expected })
        }
        _ => Ok(saved),
    }
}

/// The number in a folder; `None` if there is none yet.
fn counter(folder: &Path) -> Result<Option<u64>, StoreError> {
    let path = folder.join(GENERATION);
    match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map(Some).map_err(|_| StoreError::Counter(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::at(&path, error)),
    }
}

fn lock(folder: &Path, create: bool) -> Result<File, StoreError> {
    let path = folder.join(LOCK);
    if !create && !folder.join(MACHINE).exists() {
        return Err(StoreError::None(folder.join(MACHINE)));
    }
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| StoreError::at(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(folder.into())),
        Err(TryLockError::Error(error)) => Err(StoreError::at(&path, error)),
    }
}

/// One operation on files on the way to a new machine, whole or not at all but for what [`Write`](Self::Write) leaves
/// under a name that nobody reads.
enum Step<'a> {
    /// Removes what a crash has left: it may have other permissions.
    Clear(PathBuf),
    /// Makes a file, for its owner only, whose bytes are on the disk afterwards.
    Write(PathBuf, &'a [u8]),
    /// Gives it the name by which it is read.
    Publish(PathBuf, PathBuf),
    /// The name, too, is on the disk afterwards.
    Settle(PathBuf),
}

/// What puts a machine in. Up to the third step there is the old machine, from then on the new one: newer than the number for
/// a while, which is the least that a machine must have.
fn steps<'a>(folder: &Path, saved: &'a [u8], number: &'a str) -> [Step<'a>; 8] {
    let [a, b, c, d] = file_steps(folder, MACHINE, saved);
    let [e, f, g, h] = file_steps(folder, GENERATION, number.as_bytes());
    [a, b, c, d, e, f, g, h]
}

fn file_steps<'a>(folder: &Path, name: &str, bytes: &'a [u8]) -> [Step<'a>; 4] {
    let new = folder.join(std::format!("{name}.new"));
    [
        Step::Clear(new.clone()),
        Step::Write(new.clone(), bytes),
        Step::Publish(new, folder.join(name)),
        Step::Settle(folder.into()),
    ]
}

impl Step<'_> {
    fn run(&self) -> Result<(), StoreError> {
        let (path, result) = match self {
            Self::Clear(path) => match fs::remove_file(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                result => (path, result),
            },
            Self::Write(path, bytes) => (path, write(path, bytes)),
            Self::Publish(from, to) => (to, fs::rename(from, to)),
            Self::Settle(folder) => (folder, settle(folder)),
        };
        result.map_err(|error| StoreError::at(path, error))
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(unix)]
fn settle(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Other systems open no folders.
#[cfg(not(unix))]
fn settle(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
