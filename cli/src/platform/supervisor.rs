//! The system calls that give a program `/dev/sev-guest`: every one that needs `unsafe`, behind functions that do not.
//!
//! [`spawn`] starts a program under a seccomp filter that stops it in every call that opens or looks for a file, and in
//! every ioctl of the type 'S'; its children inherit the filter. The [`Listener`] gets these [`Call`]s and answers them.
//! Calls of 32-bit and x32 programs are not stopped.
//!
//! It is no sandbox: what a call's pointers show may change between our look and the kernel's.

#![allow(unsafe_code, reason = "cli/src/platform/supervisor.rs is a listed unsafe file")]

use std::ffi::{OsString, c_int, c_long, c_uint, c_ulong, c_void};
use std::io;
use std::mem::{offset_of, size_of};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::ptr;

use libc::{
    seccomp_data, seccomp_notif, seccomp_notif_addfd, seccomp_notif_resp, seccomp_notif_sizes,
    signalfd_siginfo, sock_filter, sock_fprog,
};

// The kernel's sizes, which its numbers of the listener's ioctls are made of.
const _: () = assert!(size_of::<seccomp_notif>() == 80);
const _: () = assert!(size_of::<seccomp_notif_resp>() == 24);
const _: () = assert!(size_of::<seccomp_notif_addfd>() == 24);
const _: () = assert!(size_of::<seccomp_data>() == 64);
const _: () = assert!(size_of::<signalfd_siginfo>() == 128);

/// `include/uapi/linux/audit.h`: how a filter tells the system call's ABI.
#[cfg(target_arch = "x86_64")]
const AUDIT_ARCH: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const AUDIT_ARCH: u32 = 0xc000_00b7;
/// Numbers from here on are of the x32 ABI, which x86-64's architecture word does not tell apart.
const X32_CALLS: u32 = 0x4000_0000;

/// The calls that take a path, as all machines have them.
const PATH_CALLS: &[c_long] = &[
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
];
/// Their older forms.
#[cfg(target_arch = "x86_64")]
const OLD_PATH_CALLS: &[c_long] =
    &[libc::SYS_open, libc::SYS_stat, libc::SYS_lstat, libc::SYS_access, libc::SYS_readlink];
#[cfg(target_arch = "aarch64")]
const OLD_PATH_CALLS: &[c_long] = &[];

/// The filter: which calls stop, all others go on.
fn filter() -> Vec<sock_filter> {
    let statement = |code: u32, k: u32| sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let load = |offset: usize| statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset as u32);
    let answer = |k: u32| statement(libc::BPF_RET | libc::BPF_K, k);
    // Jumps count the instructions that are left out.
    let jump = |test: u32, k: u32, if_so: u8, if_not: u8| sock_filter {
        code: (libc::BPF_JMP | test | libc::BPF_K) as u16,
        jt: if_so,
        jf: if_not,
        k,
    };
    let allow = answer(libc::SECCOMP_RET_ALLOW);
    let notify = answer(libc::SECCOMP_RET_USER_NOTIF);

    let mut program = vec![
        load(offset_of!(seccomp_data, arch)),
        jump(libc::BPF_JEQ, AUDIT_ARCH, 1, 0),
        allow,
        load(offset_of!(seccomp_data, nr)),
        jump(libc::BPF_JGE, X32_CALLS, 0, 1),
        allow,
    ];
    for call in PATH_CALLS.iter().chain(OLD_PATH_CALLS) {
        program.extend([jump(libc::BPF_JEQ, *call as u32, 0, 1), notify]);
    }
    // The low word of the second argument comes first on little-endian machines. Its second byte is the type.
    let request = offset_of!(seccomp_data, args) + size_of::<u64>();
    program.extend([
        jump(libc::BPF_JEQ, libc::SYS_ioctl as u32, 1, 0),
        allow,
        load(request),
        statement(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0xff00),
        jump(libc::BPF_JEQ, (b'S' as u32) << 8, 0, 1),
        notify,
        allow,
    ]);
    program
}

/// Why a program was not started.
#[derive(Debug)]
pub(super) enum SpawnError {
    /// The system call of this name failed.
    Call(&'static str, io::Error),
    /// The program could not be executed.
    Program(io::Error),
}

fn failed(call: &'static str) -> impl FnOnce(io::Error) -> SpawnError {
    move |error| SpawnError::Call(call, error)
}

/// The result of a call that answers -1 when it fails.
fn checked<T: Copy + PartialEq + From<i8>>(result: T) -> io::Result<T> {
    if result == T::from(-1) { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// What the child says before it is the program.
const PRIVILEGES: u8 = 1;
const FILTER: u8 = 2;
const STARTED: u8 = 3;

/// Starts a program under the filter.
pub(super) fn spawn(
    program: &OsString,
    arguments: &[OsString],
) -> Result<(Child, Listener), SpawnError> {
    let (ours, theirs) = UnixStream::pair().map_err(failed("socketpair"))?;
    let filter = filter();
    let mut command = Command::new(program);
    command.args(arguments);
    // SAFETY: between fork and exec only calls are made that are safe in a signal handler (prctl, seccomp, sendmsg): nothing
    // is allocated, no lock is taken. The filter and the socket are the closure's own.
    unsafe {
        command.pre_exec(move || {
            let (stage, result) = match set_filter(&filter) {
                Ok(listener) => return send(&theirs, STARTED, Some(listener.as_fd())),
                Err((stage, error)) => (stage, error),
            };
            send(&theirs, stage, None)?;
            Err(result)
        });
    }
    let spawned = command.spawn();
    // With it goes our end of the child's socket.
    drop(command);
    let mut told = receive(&ours).map_err(failed("recvmsg"))?;
    match (spawned, told.take()) {
        (Ok(child), Some((STARTED, Some(listener)))) => Ok((child, Listener(listener))),
        (Err(error), Some((PRIVILEGES, _))) => Err(SpawnError::Call("prctl", error)),
        (Err(error), Some((FILTER, _))) => Err(SpawnError::Call("seccomp", error)),
        (Err(error), _) => Err(SpawnError::Program(error)),
        (Ok(mut child), _) => {
            let _ = child.kill();
            let _ = child.wait();
            let error = io::Error::other("the listener has not arrived");
            Err(SpawnError::Call("recvmsg", error))
        }
    }
}

/// Puts the calling thread under the filter. Runs between fork and exec.
fn set_filter(filter: &[sock_filter]) -> Result<OwnedFd, (u8, io::Error)> {
    let one: c_ulong = 1;
    let none: c_ulong = 0;
    // SAFETY: sets an attribute of the calling thread; no memory is passed.
    checked(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, one, none, none, none) })
        .map_err(|error| (PRIVILEGES, error))?;
    // If the supervisor is killed, each of these calls fails from then on: nothing that a program can work with.
    // SAFETY: as above.
    checked(unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as c_ulong, none, none, none)
    })
    .map_err(|error| (PRIVILEGES, error))?;
    let program = sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    let set = |flags: c_ulong| {
        // SAFETY: `program` and the instructions that it points to are valid for the call, which reads them. On success the
        // result is a new descriptor.
        checked(unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::c_long::from(libc::SECCOMP_SET_MODE_FILTER),
                flags,
                &raw const program,
            )
        })
    };
    // From 5.19 on signals that do not kill can wait until a call has its answer: no call is answered twice.
    let listener = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    let fd = match set(listener | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => set(listener),
        other => other,
    }
    .map_err(|error| (FILTER, error))?;
    // SAFETY: the descriptor is new, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// `cmsghdr` with one descriptor, as `CMSG_SPACE` counts it.
#[repr(C)]
struct DescriptorMessage {
    header: libc::cmsghdr,
    fd: RawFd,
}

const DESCRIPTOR_MESSAGE_LEN: usize = offset_of!(DescriptorMessage, fd) + size_of::<RawFd>();

impl DescriptorMessage {
    fn new(fd: RawFd) -> Self {
        // The types of these fields differ between C libraries, and musl's structure has padding.
        // SAFETY: zeroes are a `cmsghdr`: integers.
        let mut header: libc::cmsghdr = unsafe { std::mem::zeroed() };
        header.cmsg_len = DESCRIPTOR_MESSAGE_LEN as _;
        header.cmsg_level = libc::SOL_SOCKET;
        header.cmsg_type = libc::SCM_RIGHTS;
        Self { header, fd }
    }
}

/// A message of one byte, and what may come with it.
fn message(byte: &mut libc::iovec, control: Option<&mut DescriptorMessage>) -> libc::msghdr {
    // SAFETY: zeroes are a `msghdr`: integers and null pointers.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = byte;
    message.msg_iovlen = 1;
    if let Some(control) = control {
        message.msg_control = ptr::from_mut(control).cast();
        message.msg_controllen = size_of::<DescriptorMessage>() as _;
    }
    message
}

/// Sends a byte and a descriptor. Runs between fork and exec.
fn send(socket: &UnixStream, byte: u8, fd: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let mut byte = [byte];
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    let mut control = fd.map(|fd| DescriptorMessage::new(fd.as_raw_fd()));
    let message = message(&mut part, control.as_mut());
    // SAFETY: `message` points to `part`, it to `byte`, and to `control`: all live until the call returns.
    checked(unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) })?;
    Ok(())
}

/// What the child has said, if anything; it has said it before it became the program, so nothing is waited for.
fn receive(socket: &UnixStream) -> io::Result<Option<(u8, Option<OwnedFd>)>> {
    let mut byte = [0];
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    let mut control = DescriptorMessage::new(-1);
    let mut message = message(&mut part, Some(&mut control));
    let flags = libc::MSG_CMSG_CLOEXEC | libc::MSG_DONTWAIT;
    // SAFETY: `message` points to `part`, it to `byte`, and to `control`: all live until the call returns, which writes no
    // more than the lengths in `message`.
    let received = checked(unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) });
    match received {
        Ok(0) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
        other => other?,
    };
    // Where none has come, there is still -1.
    let has_descriptor = control.fd >= 0;
    // SAFETY: the kernel has put a new descriptor there, and nobody else has seen it.
    let fd = has_descriptor.then(|| unsafe { OwnedFd::from_raw_fd(control.fd) });
    let [byte] = byte;
    Ok(Some((byte, fd)))
}

/// A call in which a thread of the program waits.
pub(super) struct Call {
    id: u64,
    /// The thread's number; 0 if it is in a PID namespace that we do not see.
    pub(super) thread: u32,
    /// The call's number.
    pub(super) number: c_long,
    /// Its arguments.
    pub(super) arguments: [u64; 6],
}

/// What a call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// What the kernel says to it.
    Continue,
    /// 0.
    Success,
    /// -1, and this in `errno`.
    Error(c_int),
}

/// A structure of the kernel's, with room for what newer kernels append to it.
#[repr(C)]
struct Padded<T> {
    value: T,
    room: [u64; 32],
}

impl<T> Padded<T> {
    const fn new(value: T) -> Self {
        Self { value, room: [0; 32] }
    }
}

/// Gets the calls of the program and its children.
pub(super) struct Listener(OwnedFd);

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Listener {
    /// An ioctl of the listener.
    ///
    /// # Safety
    /// `T` is what the request takes, or [`Padded`] with it.
    unsafe fn ioctl<T>(&self, request: libc::Ioctl, argument: &mut T) -> io::Result<c_int> {
        // SAFETY: the listener is open; the kernel reads and writes at `argument` as many bytes as its structure has, which
        // `has_room` has compared with ours.
        checked(unsafe { libc::ioctl(self.0.as_raw_fd(), request, ptr::from_mut(argument)) })
    }

    /// Whether the kernel's structures fit into ours.
    pub(super) fn has_room() -> io::Result<bool> {
        let mut sizes =
            seccomp_notif_sizes { seccomp_notif: 0, seccomp_notif_resp: 0, seccomp_data: 0 };
        // SAFETY: the call writes a `seccomp_notif_sizes`, whose size has not changed since it exists.
        checked(unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                c_long::from(libc::SECCOMP_GET_NOTIF_SIZES),
                c_long::from(0u8),
                &raw mut sizes,
            )
        })?;
        Ok(usize::from(sizes.seccomp_notif) <= size_of::<Padded<seccomp_notif>>()
            && usize::from(sizes.seccomp_notif_resp) <= size_of::<Padded<seccomp_notif_resp>>())
    }

    /// Whether the kernel can give the program a descriptor (5.9), and can do so as the call's answer (5.14): asked
    /// with a call that there is not.
    pub(super) fn gives_descriptors(&self, file: BorrowedFd<'_>) -> (bool, bool) {
        let can = |flags| {
            let mut give =
                add(&Call { id: 0, thread: 0, number: 0, arguments: [0; 6] }, file, false, flags);
            // SAFETY: this is what the request takes.
            let result = unsafe { self.ioctl(libc::SECCOMP_IOCTL_NOTIF_ADDFD, &mut give) };
            result.is_err_and(|error| error.raw_os_error() == Some(libc::ENOENT))
        };
        (can(0), can(libc::SECCOMP_ADDFD_FLAG_SEND as u32))
    }

    /// The next call; `None` if it has gone meanwhile.
    pub(super) fn receive(&self) -> io::Result<Option<Call>> {
        let mut call = Padded::new(seccomp_notif {
            id: 0,
            pid: 0,
            flags: 0,
            data: seccomp_data { nr: 0, arch: 0, instruction_pointer: 0, args: [0; 6] },
        });
        // SAFETY: this is what the request takes.
        match unsafe { self.ioctl(libc::SECCOMP_IOCTL_NOTIF_RECV, &mut call) } {
            Ok(_) => {}
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        let seccomp_notif { id, pid, data, .. } = call.value;
        Ok(Some(Call { id, thread: pid, number: data.nr.into(), arguments: data.args }))
    }

    /// Whether the thread still waits in this call. Only then what was found under its number was its own.
    pub(super) fn is_waiting(&self, call: &Call) -> bool {
        let mut id = call.id;
        // SAFETY: this is what the request takes.
        unsafe { self.ioctl(libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &mut id) }.is_ok()
    }

    /// Answers a call. One that has gone needs no answer.
    pub(super) fn answer(&self, call: &Call, answer: Answer) -> io::Result<()> {
        let (error, flags) = match answer {
            Answer::Continue => (0, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32),
            Answer::Success => (0, 0),
            Answer::Error(errno) => (-errno, 0),
        };
        self.respond(call, 0, error, flags)
    }

    fn respond(&self, call: &Call, val: i64, error: c_int, flags: u32) -> io::Result<()> {
        let mut answer = Padded::new(seccomp_notif_resp { id: call.id, val, error, flags });
        // SAFETY: this is what the request takes.
        gone(unsafe { self.ioctl(libc::SECCOMP_IOCTL_NOTIF_SEND, &mut answer) })?;
        Ok(())
    }

    /// Answers a call with a descriptor of a file, in one step if the kernel can.
    pub(super) fn give(
        &self,
        call: &Call,
        file: BorrowedFd<'_>,
        close_on_exec: bool,
        in_one_step: bool,
    ) -> io::Result<()> {
        let flags = if in_one_step { libc::SECCOMP_ADDFD_FLAG_SEND as u32 } else { 0 };
        let mut give = add(call, file, close_on_exec, flags);
        // SAFETY: this is what the request takes.
        match unsafe { self.ioctl(libc::SECCOMP_IOCTL_NOTIF_ADDFD, &mut give) } {
            Ok(_) if in_one_step => Ok(()),
            Ok(fd) => self.respond(call, fd.into(), 0, 0),
            Err(error) => match gone(Err(error)) {
                Ok(_) => Ok(()),
                // The program has as many descriptors as it may have, or the system has.
                Err(error) => {
                    self.answer(call, Answer::Error(error.raw_os_error().unwrap_or(libc::EIO)))
                }
            },
        }
    }
}

fn add(call: &Call, file: BorrowedFd<'_>, close_on_exec: bool, flags: u32) -> seccomp_notif_addfd {
    seccomp_notif_addfd {
        id: call.id,
        flags,
        srcfd: file.as_raw_fd() as u32,
        newfd: 0,
        newfd_flags: if close_on_exec { libc::O_CLOEXEC as u32 } else { 0 },
    }
}

/// A call that has gone is no error.
fn gone(result: io::Result<c_int>) -> io::Result<c_int> {
    match result {
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINPROGRESS)) => {
            Ok(0)
        }
        other => other,
    }
}

/// Copies from a thread's memory: how many bytes were there.
pub(super) fn read_memory(thread: u32, address: u64, bytes: &mut [u8]) -> io::Result<usize> {
    let local = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let remote = libc::iovec { iov_base: address as *mut c_void, iov_len: bytes.len() };
    let thread = thread as libc::pid_t;
    // SAFETY: the kernel writes at most `bytes.len()` bytes to `bytes`. The other address is looked up in the other
    // process by the kernel, which fails where nothing is.
    checked(unsafe { libc::process_vm_readv(thread, &raw const local, 1, &raw const remote, 1, 0) })
        .map(|copied| copied as usize)
}

/// Copies to a thread's memory: how many bytes were written.
pub(super) fn write_memory(thread: u32, address: u64, bytes: &[u8]) -> io::Result<usize> {
    let local = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let remote = libc::iovec { iov_base: address as *mut c_void, iov_len: bytes.len() };
    let thread = thread as libc::pid_t;
    // SAFETY: the kernel reads `bytes.len()` bytes from `bytes`. The other address is looked up in the other process by
    // the kernel, which fails where nothing may be written.
    checked(unsafe {
        libc::process_vm_writev(thread, &raw const local, 1, &raw const remote, 1, 0)
    })
    .map(|copied| copied as usize)
}

/// A file in memory that stays empty: its inode is like no other.
pub(super) fn empty_file() -> io::Result<OwnedFd> {
    let flags: c_uint = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the name is a C string.
    let fd = checked(unsafe { libc::memfd_create(c"sev-guest".as_ptr(), flags) })?;
    // SAFETY: the descriptor is new, and nobody else's.
    let file = unsafe { OwnedFd::from_raw_fd(fd) };
    let seals = libc::F_SEAL_SEAL | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_WRITE;
    // SAFETY: no memory is passed.
    checked(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) })?;
    Ok(file)
}

/// A descriptor that can be read when the child has ended.
pub(super) fn process(child: &Child) -> io::Result<OwnedFd> {
    // SAFETY: no memory is passed. The child has not been waited for, so that the number is its own.
    let fd = checked(unsafe {
        libc::syscall(libc::SYS_pidfd_open, c_long::from(child.id()), c_long::from(0u8))
    })?;
    // SAFETY: the descriptor is new, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Which of these can be read, and of which the other end has closed; waits until one is either.
pub(super) fn wait<const N: usize>(
    descriptors: [Option<BorrowedFd<'_>>; N],
) -> io::Result<[Ready; N]> {
    let mut list = descriptors.map(|fd| libc::pollfd {
        // Negative ones are left out.
        fd: fd.map_or(-1, |fd| fd.as_raw_fd()),
        events: libc::POLLIN,
        revents: 0,
    });
    loop {
        // SAFETY: `list` is an array of `N` structures.
        let ready = unsafe { libc::poll(list.as_mut_ptr(), N as libc::nfds_t, -1) };
        match checked(ready) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => {
                other?;
                return Ok(list.map(|entry| Ready {
                    readable: entry.revents & libc::POLLIN != 0,
                    closed: entry.revents & (libc::POLLHUP | libc::POLLERR) != 0,
                }));
            }
        }
    }
}

/// What [`wait`] has found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready {
    pub(super) readable: bool,
    pub(super) closed: bool,
}

/// The signals by which somebody ends a program, kept from ending this thread.
pub(super) struct Signals {
    fd: OwnedFd,
    before: libc::sigset_t,
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Signals {
    /// Holds them. (`Command` starts programs with no signal held.)
    pub(super) fn hold() -> io::Result<Self> {
        // SAFETY: zeroes are a `sigset_t`: integers. The calls write to it, or read it.
        let (held, before) = unsafe {
            let (mut held, mut before): (libc::sigset_t, libc::sigset_t) = std::mem::zeroed();
            libc::sigemptyset(&raw mut held);
            for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGHUP] {
                libc::sigaddset(&raw mut held, signal);
            }
            match libc::pthread_sigmask(libc::SIG_BLOCK, &raw const held, &raw mut before) {
                0 => (held, before),
                error => return Err(io::Error::from_raw_os_error(error)),
            }
        };
        // SAFETY: `held` is a `sigset_t`, which the call reads.
        let fd = checked(unsafe { libc::signalfd(-1, &raw const held, libc::SFD_CLOEXEC) })
            .inspect_err(|_| Self::restore(&before))?;
        // SAFETY: the descriptor is new, and nobody else's.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(fd) }, before })
    }

    /// The next signal, and whether a process has sent it (and not the terminal, which sends it to the whole group).
    pub(super) fn next(&self) -> io::Result<(c_int, bool)> {
        // SAFETY: zeroes are a `signalfd_siginfo`: integers.
        let mut signal: signalfd_siginfo = unsafe { std::mem::zeroed() };
        let (fd, length) = (self.fd.as_raw_fd(), size_of::<signalfd_siginfo>());
        // SAFETY: the call writes at most `length` bytes, which `signal` has.
        checked(unsafe { libc::read(fd, (&raw mut signal).cast(), length) })?;
        Ok((signal.ssi_signo as c_int, signal.ssi_code <= 0))
    }

    fn restore(before: &libc::sigset_t) {
        // SAFETY: `before` is a `sigset_t`, which the call reads.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before, ptr::null_mut()) };
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        Self::restore(&self.before);
    }
}

/// Sends a signal to the child, which has not been waited for. One that has ended takes no notice.
pub(super) fn signal(child: &Child, signal: c_int) {
    // SAFETY: no memory is passed. The child has not been waited for, so that the number is its own.
    unsafe { libc::kill(child.id() as libc::pid_t, signal) };
}
