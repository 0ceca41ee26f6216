//! A file through the engine: constant memory, any length, several threads.
//!
//! One thread reads, `threads` threads encrypt, the caller's thread writes. Piece i goes through the channels of
//! worker i mod `threads`, so that the order is kept without a queue to sort; written buffers go back to the
//! reader, which waits where there is none. The threads own what they use: when writing fails, the caller
//! returns at once, even if the reader still waits for standard input.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use sevcrypt::mem::MemoryCipher;
use sevcrypt::{MemoryError, PhysAddr};

use crate::failure::Failure;
use crate::input::Input;
use crate::output::Output;

/// The most threads: what the memory below is shared by.
pub(crate) const MOST_THREADS: usize = 256;
/// What all buffers together take.
const MEMORY: usize = 24 << 20;
const PAGE: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Encrypt,
    Decrypt,
}

/// What is done to the bytes.
pub(crate) struct Work {
    pub(crate) cipher: MemoryCipher,
    pub(crate) direction: Direction,
    pub(crate) addr: PhysAddr,
    pub(crate) threads: usize,
    /// Whether a bar on a terminal shows how far the work is.
    pub(crate) progress: bool,
}

impl Work {
    /// Checks what is known before the first byte: the length, if it is, against the rules of the engine.
    pub(crate) fn check(&self, input: &Input) -> Result<(), Failure> {
        let Some(len) = input.len else { return Ok(()) };
        if len == 0 {
            return Err(Failure::malformed(format_args!("{}: has no bytes", input.name)));
        }
        check_end(&input.name, len)?;
        self.check_range(len)
    }

    fn check_range(&self, len: u64) -> Result<(), Failure> {
        let bits = self.cipher.tweak().address_bits();
        if self.addr.get().checked_add(len).is_none_or(|end| end > 1 << bits) {
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            return Err(Failure::usage(MemoryError::BeyondTweak {
                addr: self.addr.get(),
                len,
                bits,
            }));
        }
        Ok(())
    }
}

fn check_end(name: &str, len: u64) -> Result<(), Failure> {
    if len.is_multiple_of(16) {
        return Ok(());
    }
    Err(Failure::malformed(format_args!("{name}: a length of {len} bytes is not a multiple of 16")))
}

/// Bytes with their place in the file.
struct Piece {
    offset: u64,
    bytes: Vec<u8>,
}

/// Runs the whole input through `work` to the output.
pub(crate) fn run(work: Work, input: Input, output: &mut Output) -> Result<(), Failure> {
    let mut bar = Bar::new(input.len, work.progress);
    let buffers = 2 * work.threads + 2;
    let piece = (MEMORY / buffers / PAGE).clamp(1, 256) * PAGE;
    let work = Arc::new(work);

    let (give_back, free) = channel();
    for _ in 0..buffers {
        give_back.send(vec![0; piece]).expect("the receiver is here");
    }
    let mut to_workers = Vec::new();
    let mut from_workers = Vec::new();
    for _ in 0..work.threads {
        let (to_worker, pieces) = sync_channel(1);
        let (done, from_worker) = sync_channel(1);
        to_workers.push(to_worker);
        from_workers.push(from_worker);
        let work = Arc::clone(&work);
        start(move || encrypt(&work, &pieces, &done))?;
    }
    let (said, reader_says) = channel();
    start(move || {
        // The outcome before the channels close: the writer asks for it when they have.
        let _ = said.send(read(&work, input, piece, &free, &to_workers));
    })?;

    for from_worker in from_workers.iter().cycle() {
        let Ok(piece) = from_worker.recv() else { break };
        let piece = piece?;
        output.write(&piece.bytes)?;
        bar.advance(piece.bytes.len());
        let _ = give_back.send(piece.bytes); // a reader that has finished needs no buffer
    }
    bar.finish();
    reader_says
        .recv()
        .unwrap_or_else(|_| Err(Failure::usage("the reading thread ended unexpectedly")))
}

fn start(thread: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let started = thread::Builder::new().stack_size(256 << 10).spawn(thread);
    started
        .map(drop)
        .map_err(|error| Failure::usage(format_args!("cannot start a thread: {error}")))
}

/// The reading thread: pieces to the workers in turn, until the input ends or nobody takes them.
fn read(
    work: &Work,
    mut input: Input,
    piece: usize,
    free: &Receiver<Vec<u8>>,
    to_workers: &[SyncSender<Piece>],
) -> Result<(), Failure> {
    let mut offset = 0;
    for to_worker in to_workers.iter().cycle() {
        let Ok(mut bytes) = free.recv() else { return Ok(()) };
        bytes.resize(piece, 0);
        let len = fill(&mut input.reader, &mut bytes).map_err(|error| {
            Failure::usage(format_args!("{}: cannot read at byte {offset}: {error}", input.name))
        })?;
        let at_end = len < bytes.len();
        bytes.truncate(len);
        let end = offset + len as u64;
        check_end(&input.name, end)?;
        work.check_range(end)?;
        if at_end {
            match input.len {
                _ if end == 0 => {
                    return Err(Failure::malformed(format_args!("{}: has no bytes", input.name)));
                }
                Some(wanted) if wanted != end => {
                    return Err(Failure::malformed(format_args!(
                        "{}: ended after {end} bytes, expected {wanted}",
                        input.name
                    )));
                }
                _ => {}
            }
        }
        if len > 0 && to_worker.send(Piece { offset, bytes }).is_err() || at_end {
            break;
        }
        offset = end;
    }
    Ok(())
}

/// Reads until the buffer is full or the input ends.
fn fill(reader: &mut dyn Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while len < bytes.len() {
        match reader.read(&mut bytes[len..]) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

/// A working thread.
fn encrypt(work: &Work, pieces: &Receiver<Piece>, done: &SyncSender<Result<Piece, Failure>>) {
    for mut piece in pieces {
        let Some(addr) = work.addr.checked_add(piece.offset) else { return };
        let memory = &mut piece.bytes[..];
        let result = match work.direction {
            Direction::Encrypt => work.cipher.encrypt(addr, memory),
            Direction::Decrypt => work.cipher.decrypt(addr, memory),
        };
        if done.send(result.map(|()| piece).map_err(Failure::usage)).is_err() {
            return;
        }
    }
}

/// A progress bar that appears when the work takes more than half a second.
struct Bar {
    total: Option<u64>,
    started: Instant,
    done: u64,
    shown: Option<ProgressBar>,
    wanted: bool,
}

impl Bar {
    fn new(total: Option<u64>, wanted: bool) -> Self {
        Self { total, started: Instant::now(), done: 0, shown: None, wanted }
    }

    fn advance(&mut self, bytes: usize) {
        self.done += bytes as u64;
        if self.shown.is_none()
            && self.wanted
            && self.started.elapsed() > Duration::from_millis(500)
        {
            self.shown = Some(match self.total {
                Some(total) => ProgressBar::new(total).with_style(
                    ProgressStyle::with_template(
                        "{bytes} of {total_bytes} {wide_bar} {bytes_per_sec}, {eta} left",
                    )
                    .expect("a template of ours"),
                ),
                None => ProgressBar::new_spinner().with_style(
                    ProgressStyle::with_template("{bytes} {bytes_per_sec}")
                        .expect("a template of ours"),
                ),
            });
        }
        if let Some(bar) = &self.shown {
            bar.set_position(self.done);
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}
