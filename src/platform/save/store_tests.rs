use std::format;
use std::process;
use std::string::{String, ToString};
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::platform::save::RestoreError;
use crate::platform::save::machine::sealed;

/// A folder of a test's own, gone when it ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("sevcrypt-store-{}-{number}", process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn copy(&self) -> Self {
        let copy = Self::new();
        for file in fs::read_dir(&self.0).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), copy.0.join(file.file_name())).unwrap();
        }
        copy
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Stands for a machine: the store looks at the head alone.
fn machine(generation: u64, body: &[u8]) -> Zeroizing<Vec<u8>> {
    sealed(generation, body)
}

fn without_guests(_: &[u8], generation: u64) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    Ok(machine(generation, b"off"))
}

fn stored(folder: &Folder, generation: u64) -> Zeroizing<Vec<u8>> {
    let saved = machine(generation, b"guests");
    Store::create(&folder.0).unwrap().replace(&saved, generation).unwrap();
    saved
}

#[test]
fn put_in_and_taken_out() {
    let folder = Folder::new();
    assert!(matches!(Store::open(&folder.0), Err(StoreError::None(_))));
    assert!(matches!(look(&folder.0), Err(StoreError::None(_))));
    let first = stored(&folder, 0);
    assert_eq!(folder.files(), ["generation", "lock", "machine.sev"]);
    assert!(matches!(Store::create(&folder.0), Err(StoreError::Exists(_))));

    let store = Store::open(&folder.0).unwrap();
    assert_eq!(store.look().unwrap(), first);
    assert_eq!(store.take(without_guests).unwrap(), first);
    // What is left has no guests; a copy of the first is refused.
    assert_eq!(store.look().unwrap(), machine(1, b"off"));
    fs::write(folder.0.join(MACHINE), &*first).unwrap();
    for again in [store.look(), store.take(without_guests), look(&folder.0)] {
        let error = again.unwrap_err();
        assert!(matches!(error, StoreError::Older { found: 0, expected: 1, .. }));
        assert!(error.to_string().contains("of generation 0 where 1 is the least"));
    }
    fs::write(folder.0.join(MACHINE), &*machine(1, b"off")).unwrap();
    assert_eq!(store.next_generation().unwrap(), 2);
    store.replace(&machine(2, b"later"), 2).unwrap();
    assert_eq!(look(&folder.0).unwrap(), machine(2, b"later"));
}

#[test]
fn two_programs() {
    let folder = Folder::new();
    stored(&folder, 5);
    let one = Store::open(&folder.0).unwrap();
    for other in [Store::open(&folder.0), Store::create(&folder.0)] {
        let error = other.unwrap_err();
        assert!(matches!(&error, StoreError::InUse(path) if *path == folder.0), "{error}");
    }
    assert!(look(&folder.0).is_ok(), "what never changes is read meanwhile");
    drop(one);
    assert!(Store::open(&folder.0).is_ok());
}

/// Ends after each operation, and within the writing of each file.
fn crashes(folder: &Folder, saved: &[u8], generation: u64, check: impl Fn(&Folder)) {
    let number = format!("{generation}\n");
    let count = steps(&folder.0, saved, &number).len();
    for done in 0..=count {
        let copy = folder.copy();
        let steps = steps(&copy.0, saved, &number);
        steps.iter().take(done).try_for_each(Step::run).unwrap();
        check(&copy);
        if let Some(Step::Write(path, bytes)) = steps.get(done) {
            for part in [0, bytes.len() / 2, bytes.len()] {
                fs::write(path, &bytes[..part]).unwrap();
                check(&copy);
            }
        }
    }
}

#[test]
fn crash_at_every_moment() {
    let folder = Folder::new();
    let old = stored(&folder, 7);
    let new = machine(8, b"later");
    let seen = core::cell::RefCell::new(Vec::new());
    crashes(&folder, &new, 8, |folder| {
        let found = look(&folder.0).unwrap();
        assert!(found == old || found == new);
        seen.borrow_mut().push(found == new);
        // Whoever comes next takes it, with a number that no machine had; what the crash has left is no hindrance.
        let copy = folder.copy();
        let store = Store::open(&copy.0).unwrap();
        let generation = Header::parse(&found).unwrap().generation;
        assert_eq!(store.next_generation().unwrap(), generation + 1);
        assert_eq!(store.take(without_guests).unwrap(), found);
        assert_eq!(store.look().unwrap(), machine(generation + 1, b"off"));
        assert_eq!(copy.files(), ["generation", "lock", "machine.sev"]);
        // Neither the old nor the new one is taken again.
        for other in [&old, &new] {
            fs::write(copy.0.join(MACHINE), &**other).unwrap();
            let is_newer = Header::parse(other).unwrap().generation > generation;
            assert_eq!(store.look().is_ok(), is_newer);
        }
    });
    let seen = seen.into_inner();
    assert!(seen.is_sorted() && seen.first() == Some(&false) && seen.last() == Some(&true));
}

/// The first machine of a folder: none, or it.
#[test]
fn crash_at_the_beginning() {
    let folder = Folder::new();
    let first = machine(0, b"first");
    crashes(&folder, &first, 0, |folder| match look(&folder.0) {
        Ok(found) => assert_eq!(found, first),
        Err(error) => {
            assert!(matches!(error, StoreError::None(_)));
            let copy = folder.copy();
            Store::create(&copy.0).unwrap().replace(&first, 0).unwrap();
            assert_eq!(look(&copy.0).unwrap(), first);
        }
    });
}

#[test]
fn what_is_refused() {
    let folder = Folder::new();
    let saved = stored(&folder, u64::MAX);
    let store = Store::open(&folder.0).unwrap();
    assert!(matches!(store.take(without_guests), Err(StoreError::Exhausted)));
    assert!(matches!(store.next_generation(), Err(StoreError::Exhausted)));
    assert_eq!(store.look().unwrap(), saved, "nothing was changed");
    let refused = store.take(|_, _| Err(StoreError::Exhausted));
    assert!(refused.is_err() && store.look().unwrap() == saved);

    for text in ["", "x", "-1", "18446744073709551616"] {
        fs::write(folder.0.join(GENERATION), text).unwrap();
        assert!(matches!(store.look(), Err(StoreError::Counter(_))), "{text:?}");
    }
    fs::remove_file(folder.0.join(GENERATION)).unwrap();
    assert!(matches!(store.look(), Err(StoreError::Counter(_))), "a number is missed");
    let path = folder.0.join(MACHINE);
    for (bytes, expected) in [
        (&b"short"[..], RestoreError::NoMachine),
        (&saved[..saved.len() - 1], RestoreError::Damaged),
    ] {
        fs::write(&path, bytes).unwrap();
        let error = store.look().unwrap_err();
        assert!(matches!(error, StoreError::NotRestored(_, found) if found == expected));
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(matches!(store.look(), Err(StoreError::Io(..))));
}

/// For the owner alone, also what is not whole yet, and where a crash has left a file for everybody.
#[cfg(unix)]
#[test]
fn permissions() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let left = folder.0.join("machine.sev.new");
    fs::write(&left, b"left by a crash").unwrap();
    fs::set_permissions(&left, fs::Permissions::from_mode(0o666)).unwrap();
    let saved = machine(0, b"guests");
    let mode = |name: &str| fs::metadata(folder.0.join(name)).unwrap().permissions().mode() & 0o777;
    let mut modes = Vec::new();
    for step in &steps(&folder.0, &saved, "0\n") {
        step.run().unwrap();
        if let Step::Write(path, _) = step {
            modes.push(mode(path.file_name().unwrap().to_str().unwrap()));
        }
    }
    modes.extend([mode(MACHINE), mode(GENERATION)]);
    assert_eq!(modes, [0o600; 4]);
}
