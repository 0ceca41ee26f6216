//! `sevcrypt platform run`: gives an unmodified program, and every program that it starts, a `/dev/sev-guest`.
//!
//! The program runs under a seccomp filter whose listener is this process: no root, nothing to install. It answers
//!
//! - open, openat, openat2 of the device (its absolute path, or one that is it by text from the working folder or a folder's
//!   descriptor) with a descriptor of an empty file in memory, by whose inode it is known again: in copies, in
//!   children, after exec, over sockets;
//! - stat, lstat, fstatat, statx, access, faccessat, readlink of the device: a character device for everybody;
//! - the ioctls of [`device`] on the descriptor, by reading and writing the caller's memory.
//!
//! Everything else goes to the kernel. A program that looks at the descriptor itself (fstat) sees a file, not a device; the
//! device is in no listing of `/dev`; configfs-tsm is not there. 32-bit programs see no device. Programs cannot
//! gain privileges (no setuid), and a program that installs a seccomp listener of its own gets `EBUSY`.
//!
//! It is no sandbox: a program that makes its own memory wait (userfaultfd, a file system of its own) makes this process wait, and with it every
//! program under the filter; SIGKILL ends it then.
//!
//! It ends when the last process under the filter has: background processes keep their device. Ctrl-C is the terminal's
//! affair, which sends it to the program, too; signals that a process sends are passed on to the program, and
//! end the supervisor where the program has already ended. If the supervisor is killed, so is the program.
//!
//! It is no sandbox: a program can go around it (through symbolic links, with io_uring, by changing a path while it is looked
//! at), and then finds what it would have found without. So does a process whose memory cannot be read: one that has
//! forbidden it (`PR_SET_DUMPABLE`), and where Yama's `ptrace_scope` is 1, one whose parents up to the program have ended.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::process::ExitStatus;

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod linux;

/// Why a program has not run, or has lost its device.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// There was no COMMAND.
    NoCommand,
    /// The program could not be executed.
    Program(OsString, io::Error),
    /// The kernel refuses what the device needs: what it is, and the error.
    Refused(&'static str, io::Error),
    /// Not Linux on x86-64 or AArch64.
    Elsewhere,
}

/// What can be done without the device.
const WITHOUT: &str = "Programs that read files can go on: the certificates are in the platform's folder and at \
    `sevcrypt platform kds`, a report is among the files of `sevcrypt demo --write`";

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCommand => f.write_str("which program? Its name and arguments follow after --"),
            Self::Program(name, error) => write!(f, "{}: {error}", name.to_string_lossy()),
            Self::Refused(what, error) => write!(
                f,
                "no /dev/sev-guest can be given to a program here: {what} ({error}). {WITHOUT}"
            ),
            Self::Elsewhere => write!(
                f,
                "a program can be given /dev/sev-guest on Linux only, on x86-64 and AArch64. {WITHOUT}"
            ),
        }
    }
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Program(_, error) | Self::Refused(_, error) => Some(error),
            Self::NoCommand | Self::Elsewhere => None,
        }
    }
}

/// What a shell makes of how a program ended: its exit code, or 128 and the signal that ended it.
#[must_use]
pub fn exit_code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal: Option<i32> = None;
    let code = status.code().or(signal.map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// Runs a program (its name and arguments) with `device` as its `/dev/sev-guest`, and says how it ended.
///
/// While it runs, this thread holds SIGINT, SIGQUIT, SIGTERM and SIGHUP.
///
/// # Errors
/// [`RunError`].
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub fn run_with(
    _: &mut dyn super::device::GuestDevice,
    _: &[OsString],
) -> Result<ExitStatus, RunError> {
    Err(RunError::Elsewhere)
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub use linux::run_with;
