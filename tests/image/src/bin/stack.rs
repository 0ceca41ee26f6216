//! How much of the stack messages take, on every backend of this CPU: a key's set-up, sealing and opening, and an exchange
//! of a guest's channel with the firmware's.
//!
//! Runs without an operating system's help but for Linux's calls to write and to exit. Each operation runs on a stack of its
//! own that was painted before; what is not painted any more was used. More than [`LIMIT`] bytes fail, but for the portable
//! backend beside kernels: a key's place then has room for the kernels' tables, and the portable key is moved into it. It is
//! measured and told. Without kernels, as firmware is built, the limit holds for it.

#![no_std]
#![no_main]

use core::arch::asm;
use core::cell::UnsafeCell;
use core::fmt::{self, Write};
use core::hint::black_box;
use core::mem::MaybeUninit;

use sevcrypt::gcm::{MessageKey, Tag};
use sevcrypt::snp::message::{
    CountWidth, FirmwareChannels, GuestChannel, InFlight, MessageBuffer, ReportRequest, Response,
    Vmpck,
};
use sevcrypt::{Backend, BackendKind, Page};

/// What an operation may take.
const LIMIT: usize = 2048;

const STACK: usize = 64 << 10;
const PAINT: u8 = 0xa5;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    exit(101)
}

/// Aligns the stack and goes on in Rust.
#[unsafe(no_mangle)]
#[unsafe(naked)]
extern "sysv64" fn _start() -> ! {
    core::arch::naked_asm!("and rsp, -16", "call {run}", "ud2", run = sym run)
}

/// Memory of one thread: there is no other.
#[repr(align(64))]
struct Place<T>(UnsafeCell<T>);

// SAFETY: the program has one thread.
unsafe impl<T> Sync for Place<T> {}

static PAINTED: Place<[u8; STACK]> = Place(UnsafeCell::new([PAINT; STACK]));
static KEY: Place<Option<MessageKey>> = Place(UnsafeCell::new(None));
static TEXT: Place<[u8; 4096]> = Place(UnsafeCell::new([7; 4096]));
static BACKEND: Place<Backend> = Place(UnsafeCell::new(Backend::portable()));
static TAGS: Place<[Tag; 2]> = Place(UnsafeCell::new([[0; 16]; 2]));
static CHANNEL: Place<Option<GuestChannel>> = Place(UnsafeCell::new(None));
static FIRMWARE: Place<FirmwareChannels> =
    Place(UnsafeCell::new(FirmwareChannels::new(&[[9; 32]; 4], [0; 4], Backend::portable())));
static IN_FLIGHT: Place<MaybeUninit<InFlight<'static, 'static, ReportRequest>>> =
    Place(UnsafeCell::new(MaybeUninit::uninit()));
/// The guest's and the firmware's.
static BUFFERS: Place<[MessageBuffer; 2]> =
    Place(UnsafeCell::new([const { MessageBuffer::new() }; 2]));
static SHARED: Place<Page> = Place(UnsafeCell::new([0; 4096]));
static REPORT: [u8; 1184] = [3; 1184];

/// Calls a function on another stack.
#[unsafe(naked)]
unsafe extern "sysv64" fn on_stack(top: *mut u8, function: extern "sysv64" fn()) {
    core::arch::naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "mov rsp, rdi",
        "call rsi",
        "mov rsp, rbp",
        "pop rbp",
        "ret",
    )
}

/// The bytes of stack that a function takes, its return address included.
fn used_by(function: extern "sysv64" fn()) -> usize {
    let bottom = PAINTED.0.get().cast::<u8>();
    // SAFETY: the stack is a static that nothing else uses; the function finds it painted and as large as any. The bytes are
    // looked at, one by one, after it has returned.
    unsafe {
        bottom.write_bytes(PAINT, STACK);
        on_stack(bottom.add(STACK), function);
        let kept = (0..STACK).take_while(|&at| bottom.add(at).read_volatile() == PAINT);
        STACK - kept.count()
    }
}

/// A pointer to a static, of which the compiler knows nothing.
fn place<T>(place: &'static Place<T>) -> *mut T {
    black_box(place.0.get())
}

extern "sysv64" fn nothing() {}

extern "sysv64" fn set_up() {
    // SAFETY: nobody else has a reference to these statics.
    unsafe { MessageKey::set_up(&mut *place(&KEY), black_box(&[9; 32]), *place(&BACKEND)) };
}

/// The text of a report's request, and one longer than any message.
const LENGTHS: [usize; 2] = [96, 4096];

extern "sysv64" fn seal() {
    // SAFETY: the key was set up before; nobody else has a reference to these statics.
    let (key, text, tags) = unsafe { (&*place(&KEY), &mut *place(&TEXT), &mut *place(&TAGS)) };
    let Some(key) = key else { exit(10) };
    for (tag, len) in tags.iter_mut().zip(LENGTHS) {
        let Some(text) = text.get_mut(..len) else { return };
        *tag = key.seal_in_place(&[1; 12], &[2; 48], text).unwrap_or_default();
    }
}

/// Opens what was sealed, the last one first, and refuses what was not.
extern "sysv64" fn open() {
    // SAFETY: as above.
    let (key, text, tags) = unsafe { (&*place(&KEY), &mut *place(&TEXT), &mut *place(&TAGS)) };
    let Some(key) = key else { exit(10) };
    for (tag, len) in tags.iter_mut().zip(LENGTHS).rev() {
        let Some(text) = text.get_mut(..len) else { return };
        if key.open_in_place(&[1; 12], &[2; 48], text, tag).is_err() {
            exit(2);
        }
    }
    let Some(text) = text.get_mut(..96) else { return };
    if key.open_in_place(&[1; 12], &[2; 48], text, &[0; 16]).is_ok() {
        exit(3);
    }
}

extern "sysv64" fn channel() {
    let key = black_box(&[9; 32]);
    // SAFETY: nobody else has a reference to these statics.
    let (place, backend) = unsafe { (&mut *place(&CHANNEL), *place(&BACKEND)) };
    if GuestChannel::set_up(place, key, Vmpck::VMPCK0, 0, CountWidth::Bits64, backend).is_err() {
        exit(5)
    }
}

/// The guest asks for a report.
extern "sysv64" fn ask() {
    // SAFETY: the channel was set up before; nobody else has a reference to these statics.
    let (channel, [buffer, _], in_flight, shared) = unsafe {
        let Some(channel) = &mut *place(&CHANNEL) else { exit(11) };
        (channel, &mut *place(&BUFFERS), &mut *place(&IN_FLIGHT), &mut *place(&SHARED))
    };
    let request = ReportRequest::new(black_box(&[4; 64]));
    let Ok(request) = channel.seal(&request, buffer) else { exit(6) };
    shared.iter_mut().zip(request.bytes()).for_each(|(to, from)| *to = *from);
    in_flight.write(request);
}

/// The firmware answers.
extern "sysv64" fn answer() {
    // SAFETY: the guest has no reference to the firmware's buffer, nor to the shared page.
    let (firmware, buffer, shared) = unsafe {
        let buffers = place(&BUFFERS).cast::<MessageBuffer>();
        (&mut *place(&FIRMWARE), &mut *buffers.add(1), &mut *place(&SHARED))
    };
    let Ok(request) = firmware.open(buffer, |copy| *copy = *shared) else { exit(7) };
    let Ok(answer) = request.respond(Ok(Response::Report(&REPORT))) else { exit(8) };
    shared.iter_mut().zip(answer).for_each(|(to, from)| *to = *from);
}

/// The guest has its report.
extern "sysv64" fn take_answer() {
    // SAFETY: the request was written before, and is read once.
    let (request, shared) = unsafe { ((*place(&IN_FLIGHT)).assume_init_read(), &*place(&SHARED)) };
    let report =
        request.open(|copy| copy.iter_mut().zip(shared).for_each(|(to, from)| *to = *from));
    if report != Ok(&REPORT) {
        exit(9);
    }
}

/// A function that takes more than the limit: it has to be noticed.
extern "sysv64" fn too_much() {
    black_box(&mut [1u8; LIMIT]);
}

extern "sysv64" fn run() -> ! {
    let mut out = StandardOutput;
    let (least, most) = (used_by(nothing), used_by(too_much));
    if least > 64 || most <= LIMIT {
        let _ = writeln!(out, "stack: the measurement says {least} and {most}, it finds nothing");
        exit(4);
    }
    let mut is_kept = true;
    for &kind in BackendKind::ALL {
        let Ok(backend) = Backend::new(kind) else {
            let _ = writeln!(out, "stack: {kind} SKIPPED, this CPU lacks it");
            continue;
        };
        // SAFETY: nobody has a reference to this static.
        unsafe { *place(&BACKEND) = backend };
        let [set_up, seal, open] = [set_up as extern "sysv64" fn(), seal, open].map(used_by);
        let _ = writeln!(out, "stack: {kind}: key set-up {set_up} bytes, seal {seal}, open {open}");
        // SAFETY: nobody has a reference to this static.
        unsafe { *place(&FIRMWARE) = FirmwareChannels::new(&[[9; 32]; 4], [0; 4], backend) };
        let [channel, ask, answer, take_answer] =
            [channel as extern "sysv64" fn(), ask, answer, take_answer].map(used_by);
        let _ = writeln!(
            out,
            "stack: {kind}: channel set-up {channel} bytes, request {ask}, firmware {answer}, response {take_answer}"
        );
        let most = [set_up, seal, open, channel, ask, take_answer].into_iter().max();
        let is_told = cfg!(feature = "kernels") && kind == BackendKind::Portable;
        is_kept &= is_told || most <= Some(LIMIT);
    }
    if !is_kept {
        let _ = writeln!(out, "stack: more than {LIMIT} bytes");
    }
    exit(i32::from(!is_kept))
}

struct StandardOutput;

impl Write for StandardOutput {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // SAFETY: write(1, text, its length); Linux keeps all registers but these three.
        unsafe {
            asm!(
                "syscall",
                inlateout("rax") 1usize => _,
                in("rdi") 1,
                in("rsi") text.as_ptr(),
                in("rdx") text.len(),
                lateout("rcx") _,
                lateout("r11") _,
            );
        }
        Ok(())
    }
}

fn exit(code: i32) -> ! {
    // SAFETY: exit_group(code) does not come back.
    unsafe { asm!("syscall", in("rax") 231, in("rdi") code, options(noreturn)) }
}
