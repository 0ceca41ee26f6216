//! The supervisor: what each call is about, and what is answered.

use std::ffi::{OsString, c_int, c_long};
use std::fs::{self, File};
use std::io;
use std::mem::{offset_of, size_of};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::process::{Child, ExitStatus};

use super::RunError;
use crate::platform::device::{self, Errno, Fault, GuestDevice, Memory};
use crate::platform::supervisor::{self, Answer, Call, Listener, Signals, SpawnError};

/// Longest path that the kernel takes, its final zero included.
const PATH_MAX: usize = libc::PATH_MAX as usize;
/// A piece of memory that ends at a multiple of this lies in one page, whatever a page's size is.
const SMALLEST_PAGE: u64 = 4096;
/// Most bytes of a path that are read at a time: few paths are longer.
const PIECE: u64 = 256;

/// Runs a program (its name and arguments) with `device` as its `/dev/sev-guest`, and says how it ended.
///
/// While it runs, this thread holds SIGINT, SIGQUIT, SIGTERM and SIGHUP.
///
/// # Errors
/// [`RunError`].
pub fn run_with(
    device: &mut dyn GuestDevice,
    command: &[OsString],
) -> Result<ExitStatus, RunError> {
    let (program, arguments) = command.split_first().ok_or(RunError::NoCommand)?;
    if !Listener::has_room().map_err(refused(NO_NOTIFICATION))? {
        let error = io::Error::other("they are larger than any known");
        return Err(RunError::Refused("the kernel's notifications have a new form", error));
    }
    let file = supervisor::empty_file().map_err(refused("no file in memory can be made"))?;
    let signals = Signals::hold().map_err(refused("signals cannot be held"))?;
    let (mut child, listener) =
        supervisor::spawn(program, arguments).map_err(|error| match error {
            SpawnError::Program(error) => RunError::Program(program.clone(), error),
            SpawnError::Call(call, error) => RunError::Refused(reason(call, &error), error),
        })?;
    let served = Supervisor::new(device, listener, file, &child)
        .and_then(|mut supervisor| supervisor.serve(&mut child, &signals));
    if served.is_err() {
        // Without answers it would not get far. If it has already ended, there is nothing to do.
        let _ = child.kill();
    }
    let status = child.wait().map_err(refused(LOST))?;
    served.map(|()| status)
}

const NO_NOTIFICATION: &str = "the kernel has no seccomp user notification, which needs Linux 5.9";
const LOST: &str = "the program's calls cannot be answered";

fn refused(what: &'static str) -> impl FnOnce(io::Error) -> RunError {
    move |error| RunError::Refused(what, error)
}

/// What it means that a system call has failed before the program's start.
fn reason(call: &'static str, error: &io::Error) -> &'static str {
    match (call, error.raw_os_error()) {
        ("seccomp", Some(libc::EBUSY)) => {
            "this process is already supervised through a seccomp listener (of a container, or of another `platform run`), \
             and the kernel allows one only"
        }
        ("seccomp", Some(libc::ENOSYS | libc::EINVAL)) => NO_NOTIFICATION,
        ("seccomp", _) => {
            "the kernel, or a sandbox around this process, refuses the seccomp filter"
        }
        (call, _) => call,
    }
}

struct Supervisor<'d> {
    device: &'d mut dyn GuestDevice,
    listener: Listener,
    /// What programs have descriptors of.
    file: OwnedFd,
    identity: Identity,
    /// The kernel gives descriptors as answers.
    in_one_step: bool,
}

/// Device and inode.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    fn of(file: &fs::Metadata) -> Self {
        Self { device: file.dev(), inode: file.ino() }
    }
}

impl<'d> Supervisor<'d> {
    fn new(
        device: &'d mut dyn GuestDevice,
        listener: Listener,
        file: OwnedFd,
        child: &Child,
    ) -> Result<Self, RunError> {
        let (gives, in_one_step) = listener.gives_descriptors(file.as_fd());
        if !gives {
            let what =
                "the kernel cannot give a descriptor to another process, which needs Linux 5.9";
            return Err(RunError::Refused(what, io::Error::from_raw_os_error(libc::EINVAL)));
        }
        // Nothing is at the address 0, but the kernel says so only to those who may look.
        if let Err(error) = supervisor::read_memory(child.id(), 0, &mut [0])
            && matches!(error.raw_os_error(), Some(libc::EPERM | libc::ENOSYS))
        {
            let what = "the program's memory cannot be read: its file is not readable, or a container or \
                /proc/sys/kernel/yama/ptrace_scope forbids it";
            return Err(RunError::Refused(what, error));
        }
        let file = File::from(file);
        let identity = file.metadata().map_err(refused("a file in memory has no inode"))?;
        let identity = Identity::of(&identity);
        Ok(Self { device, listener, file: file.into(), identity, in_one_step })
    }

    /// Answers calls until the last process under the filter has ended; or, after the program's end, until a signal.
    fn serve(&mut self, child: &mut Child, signals: &Signals) -> Result<(), RunError> {
        let process = supervisor::process(child).map_err(refused("a process cannot be watched"))?;
        let mut running = Some(process.as_fd());
        loop {
            let descriptors = [Some(self.listener.as_fd()), running, Some(signals.as_fd())];
            let [calls, ended, signal] = supervisor::wait(descriptors).map_err(refused(LOST))?;
            if signal.readable {
                let (signal, is_sent) = signals.next().map_err(refused(LOST))?;
                match running {
                    None => return Ok(()),
                    Some(_) if is_sent => supervisor::signal(child, signal),
                    Some(_) => {}
                }
            }
            if ended.readable {
                // Older kernels count a process among the listener's until it has been waited for. `child` keeps the status.
                child.wait().map_err(refused(LOST))?;
                running = None;
            }
            if calls.readable {
                if let Some(call) = self.listener.receive().map_err(refused(LOST))? {
                    self.handle(&call).map_err(refused(LOST))?;
                }
            } else if calls.closed {
                return Ok(());
            }
        }
    }

    fn handle(&mut self, call: &Call) -> io::Result<()> {
        match self.decide(call) {
            Decision::Answer(answer) => self.listener.answer(call, answer),
            Decision::Open { flags } => {
                let close_on_exec = flags & libc::O_CLOEXEC as u64 != 0;
                self.listener.give(call, self.file.as_fd(), close_on_exec, self.in_one_step)
            }
        }
    }

    fn decide(&mut self, call: &Call) -> Decision {
        if call.number == libc::SYS_ioctl {
            return Decision::Answer(self.ioctl(call));
        }
        let found = Question::of(call).and_then(|question| {
            let path = self.device_path(call, &question)?;
            Some((question.about, path))
        });
        let Some((about, path)) = found else {
            return Decision::Answer(Answer::Continue);
        };
        let mut memory = Caller { listener: &self.listener, call };
        let done = |result: Result<(), Fault>| match result {
            Ok(()) => Answer::Success,
            Err(Fault) => Answer::Error(libc::EFAULT),
        };
        Decision::Answer(match about {
            About::Open { flags } => return open(flags),
            About::Open2 { how, size } => return open2(&mut memory, how, size, &path),
            About::Stat { place } => done(memory.write(place, &stat(self.identity))),
            About::Statx { place } => done(memory.write(place, &statx(self.identity))),
            About::Access { mode } => access(mode),
            // It is no symbolic link.
            About::Link => Answer::Error(libc::EINVAL),
        })
    }

    /// The path of a call, if it is the device's.
    fn device_path(&self, call: &Call, question: &Question) -> Option<Vec<u8>> {
        let path = Caller { listener: &self.listener, call }.path(question.path)?;
        if !device::may_name_device(&path) {
            return None;
        }
        let is_device = match path.starts_with(b"/") {
            true => device::names_device(&path),
            false => {
                let folder = match question.folder {
                    libc::AT_FDCWD => format!("/proc/{}/cwd", call.thread),
                    fd => format!("/proc/{}/fd/{fd}", call.thread),
                };
                let folder = fs::read_link(folder).ok()?;
                device::names_device(&[folder.as_os_str().as_bytes(), b"/", &path].concat())
            }
        };
        is_device.then_some(path)
    }

    fn ioctl(&mut self, call: &Call) -> Answer {
        let [fd, request, argument, ..] = call.arguments;
        let file = fs::metadata(format!("/proc/{}/fd/{}", call.thread, fd as c_int));
        if !file.is_ok_and(|file| Identity::of(&file) == self.identity) {
            return Answer::Continue;
        }
        let mut memory = Caller { listener: &self.listener, call };
        match device::ioctl(self.device, &mut memory, request as u32, argument) {
            Ok(()) => Answer::Success,
            Err(Errno::Fault) => Answer::Error(libc::EFAULT),
            Err(Errno::Invalid) => Answer::Error(libc::EINVAL),
            Err(Errno::Io) => Answer::Error(libc::EIO),
            Err(Errno::NotTty) => Answer::Error(libc::ENOTTY),
            Err(Errno::BadMessage) => Answer::Error(libc::EBADMSG),
        }
    }
}

enum Decision {
    Answer(Answer),
    Open { flags: u64 },
}

/// The memory of the thread that waits in a call.
struct Caller<'c> {
    listener: &'c Listener,
    call: &'c Call,
}

impl Caller<'_> {
    /// A path, without the final zero.
    fn path(&self, mut address: u64) -> Option<Vec<u8>> {
        let mut path = Vec::new();
        while path.len() < PATH_MAX {
            let mut piece = [0; PIECE as usize];
            let in_page = SMALLEST_PAGE - address % SMALLEST_PAGE;
            let piece = piece.get_mut(..in_page.min(PIECE) as usize)?;
            supervisor::read_memory(self.call.thread, address, piece).ok()?;
            if let Some(end) = piece.iter().position(|byte| *byte == 0) {
                path.extend(piece.iter().take(end));
                return self.listener.is_waiting(self.call).then_some(path);
            }
            address = address.checked_add(piece.len() as u64)?;
            path.extend_from_slice(piece);
        }
        None
    }
}

impl Memory for Caller<'_> {
    fn read(&mut self, address: u64, bytes: &mut [u8]) -> Result<(), Fault> {
        let copied = supervisor::read_memory(self.call.thread, address, bytes);
        let is_whole = copied.is_ok_and(|copied| copied == bytes.len());
        // The thread's number may be another's by now; if the call still waits, it was not when we read.
        if is_whole && self.listener.is_waiting(self.call) { Ok(()) } else { Err(Fault) }
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Fault> {
        if !self.listener.is_waiting(self.call) {
            return Err(Fault);
        }
        let copied = supervisor::write_memory(self.call.thread, address, bytes);
        if copied.is_ok_and(|copied| copied == bytes.len()) { Ok(()) } else { Err(Fault) }
    }
}

/// What a call asks about a path.
struct Question {
    /// Where relative paths start: a descriptor, or `AT_FDCWD`.
    folder: c_int,
    /// The address of the path.
    path: u64,
    about: About,
}

enum About {
    Open {
        flags: u64,
    },
    /// openat2: where its `struct open_how` is.
    Open2 {
        how: u64,
        size: u64,
    },
    Stat {
        place: u64,
    },
    Statx {
        place: u64,
    },
    Access {
        mode: u64,
    },
    Link,
}

impl Question {
    fn of(call: &Call) -> Option<Self> {
        let [folder, path, a2, a3, a4, _] = call.arguments;
        let about = match call.number {
            libc::SYS_openat => About::Open { flags: a2 },
            libc::SYS_openat2 => About::Open2 { how: a2, size: a3 },
            libc::SYS_newfstatat => About::Stat { place: a2 },
            libc::SYS_statx => About::Statx { place: a4 },
            libc::SYS_faccessat | libc::SYS_faccessat2 => About::Access { mode: a2 },
            libc::SYS_readlinkat => About::Link,
            number => {
                let [path, argument, ..] = call.arguments;
                let about = Self::of_old_form(number, argument)?;
                return Some(Self { folder: libc::AT_FDCWD, path, about });
            }
        };
        Some(Self { folder: folder as c_int, path, about })
    }

    /// A call whose first argument is the path.
    #[cfg(target_arch = "x86_64")]
    fn of_old_form(number: c_long, argument: u64) -> Option<About> {
        Some(match number {
            libc::SYS_open => About::Open { flags: argument },
            libc::SYS_stat | libc::SYS_lstat => About::Stat { place: argument },
            libc::SYS_access => About::Access { mode: argument },
            libc::SYS_readlink => About::Link,
            _ => return None,
        })
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn of_old_form(_: c_long, _: u64) -> Option<About> {
        None
    }
}

fn open(flags: u64) -> Decision {
    let has = |wanted: c_int| flags & wanted as u64 == wanted as u64;
    if has(libc::O_CREAT | libc::O_EXCL) {
        return Decision::Answer(Answer::Error(libc::EEXIST));
    }
    if has(libc::O_DIRECTORY) {
        return Decision::Answer(Answer::Error(libc::ENOTDIR));
    }
    Decision::Open { flags }
}

fn open2(memory: &mut Caller<'_>, how: u64, size: u64, path: &[u8]) -> Decision {
    // `struct open_how`: flags, mode, resolve, and what newer kernels append.
    let mut bytes = [0; 24];
    if size < bytes.len() as u64 {
        return Decision::Answer(Answer::Error(libc::EINVAL));
    }
    if memory.read(how, &mut bytes).is_err() {
        return Decision::Answer(Answer::Error(libc::EFAULT));
    }
    let [f0, f1, f2, f3, f4, f5, f6, f7, .., r0, r1, r2, r3, r4, r5, r6, r7] = bytes;
    let flags = u64::from_ne_bytes([f0, f1, f2, f3, f4, f5, f6, f7]);
    let resolve = u64::from_ne_bytes([r0, r1, r2, r3, r4, r5, r6, r7]);
    // From where the device's folder is not the root, only the name itself leads to it.
    if resolve & (libc::RESOLVE_BENEATH | libc::RESOLVE_IN_ROOT) != 0 && path.contains(&b'/') {
        return Decision::Answer(Answer::Continue);
    }
    open(flags)
}

/// Everybody may read and write it.
fn access(mode: u64) -> Answer {
    let mode = mode as c_int;
    if mode & !(libc::R_OK | libc::W_OK | libc::X_OK) != 0 {
        Answer::Error(libc::EINVAL)
    } else if mode & libc::X_OK != 0 {
        Answer::Error(libc::EACCES)
    } else {
        Answer::Success
    }
}

/// A character device for everybody.
const MODE: u32 = libc::S_IFCHR | 0o666;
/// Linux's number for devices of many kinds, and one of those that it gives to whoever comes (MODEL: any of them will do).
const MAJOR: u32 = 10;
const MINOR: u32 = 125;

/// Puts a field into a structure. (The kernel's structures differ between machines: the offsets are the C library's.)
fn put(bytes: &mut [u8], offset: usize, field: &[u8]) {
    for (place, byte) in bytes.iter_mut().skip(offset).zip(field) {
        *place = *byte;
    }
}

/// The device's `struct stat`; its times are zero.
fn stat(identity: Identity) -> [u8; size_of::<libc::stat>()] {
    let mut bytes = [0; size_of::<libc::stat>()];
    put(&mut bytes, offset_of!(libc::stat, st_dev), &identity.device.to_ne_bytes());
    put(&mut bytes, offset_of!(libc::stat, st_ino), &identity.inode.to_ne_bytes());
    put(&mut bytes, offset_of!(libc::stat, st_mode), &MODE.to_ne_bytes());
    put(&mut bytes, offset_of!(libc::stat, st_nlink), &1u32.to_ne_bytes());
    put(&mut bytes, offset_of!(libc::stat, st_rdev), &libc::makedev(MAJOR, MINOR).to_ne_bytes());
    put(&mut bytes, offset_of!(libc::stat, st_blksize), &4096u32.to_ne_bytes());
    bytes
}

/// The device's `struct statx`; its times are zero.
fn statx(identity: Identity) -> [u8; size_of::<libc::statx>()] {
    let (major, minor) = (libc::major(identity.device), libc::minor(identity.device));
    let mut bytes = [0; size_of::<libc::statx>()];
    let mask = libc::STATX_BASIC_STATS;
    put(&mut bytes, offset_of!(libc::statx, stx_mask), &mask.to_ne_bytes());
    put(&mut bytes, offset_of!(libc::statx, stx_blksize), &4096u32.to_ne_bytes());
    put(&mut bytes, offset_of!(libc::statx, stx_nlink), &1u32.to_ne_bytes());
    put(&mut bytes, offset_of!(libc::statx, stx_mode), &(MODE as u16).to_ne_bytes());
    put(&mut bytes, offset_of!(libc::statx, stx_ino), &identity.inode.to_ne_bytes());
    put(&mut bytes, offset_of!(libc::statx, stx_rdev_major), &MAJOR.to_ne_bytes());
    put(&mut bytes, offset_of!(libc::statx, stx_rdev_minor), &MINOR.to_ne_bytes());
    put(&mut bytes, offset_of!(libc::statx, stx_dev_major), &major.to_ne_bytes());
    put(&mut bytes, offset_of!(libc::statx, stx_dev_minor), &minor.to_ne_bytes());
    bytes
}
