//! How checked runs go to the kernels: inside one unit as they are, others cut into segments, a batch of them in each call.

use zeroize::Zeroize;

use crate::addr::{BLOCK, Block, LINE, PAGE, PhysAddr};
use crate::cpu::Isa;
use crate::kernel::{self, Batch, Direction, RoundKeys, Segment, ZERO_TABLE};
use crate::mem::Whitening;
use crate::mem::guest::{segment, segments};
use crate::mem::portable;
use crate::mem::run::Run;
use crate::mem::tweak::{Linear, Xts, XtsUnit};

/// How many segments go to a kernel in one call.
const BATCH: usize = 16;

/// From so many lines on, a run under line units goes to the kernel for lines.
const FEW_LINES: usize = 4;

/// How a run lies over lines.
struct Lines {
    /// Bytes ahead of the first whole line.
    head: usize,
    /// Whole lines.
    whole: usize,
}

impl Lines {
    fn of(run: &Run<'_>) -> Self {
        let head = (run.addr.page_offset().wrapping_neg() % LINE).min(run.src.len());
        Self { head, whole: (run.src.len() - head) / LINE }
    }
}

/// What runs are encrypted or decrypted with.
pub(super) struct Job<'j> {
    pub(super) isa: Isa,
    pub(super) keys: &'j RoundKeys,
    pub(super) direction: Direction,
}

impl Job<'_> {
    /// A run inside one page, under a linear tweak whose share of the page's address is `base`.
    #[inline(always)]
    pub(super) fn in_page(
        &self,
        linear: &Linear,
        whitening: Whitening,
        base: Block,
        run: &Run<'_>,
    ) {
        let place = run.addr.page_offset() / BLOCK;
        let mut only = segment(&run.src, &run.dst, 0, run.src.len() / BLOCK, place);
        self.whiten(whitening, base, &mut only);
        self.xex(linear, whitening, core::slice::from_ref(&only));
    }

    /// Runs under a linear tweak.
    pub(super) fn pages(&self, linear: &Linear, whitening: Whitening, runs: &[Run<'_>]) {
        batches(runs.iter(), PAGE, |segments, addrs| {
            for (segment, addr) in segments.iter_mut().zip(addrs) {
                self.whiten(whitening, linear.base(*addr), segment);
            }
            self.xex(linear, whitening, segments);
        });
    }

    #[inline(always)]
    fn whiten(&self, whitening: Whitening, base: Block, segment: &mut Segment<'_>) {
        let side = |is_whitened| if is_whitened { base } else { [0; BLOCK] };
        let (before, after) = (whitening.before(self.direction), whitening.after(self.direction));
        segment.set_whitening(side(before), side(after));
    }

    #[inline(always)]
    fn xex(&self, linear: &Linear, whitening: Whitening, segments: &[Segment<'_>]) {
        let table = |is_whitened| if is_whitened { &linear.in_page } else { &ZERO_TABLE };
        let before = table(whitening.before(self.direction));
        let after = table(whitening.after(self.direction));
        kernel::xex(self.isa, self.keys, self.direction, before, after, segments);
    }

    /// A run inside one unit of XTS, whose first tweak may be kept.
    #[inline(always)]
    pub(super) fn in_unit(&self, xts: &Xts, kept: Option<&Block>, run: &Run<'_>) {
        let (isa, keys, direction) = (self.isa, self.keys, self.direction);
        let place = run.addr.offset_in(xts.unit.bytes()) / BLOCK;
        let mut only = segment(&run.src, &run.dst, 0, run.src.len() / BLOCK, place);
        // In the segment itself: each copy of the tweak is a detour through memory that the whole unit waits for.
        let tweak = only.before_mut();
        match kept {
            Some(first) => *tweak = *first,
            None => {
                *tweak = xts.unit_number(run.addr);
                xts.encrypt_units(core::slice::from_mut(tweak));
            }
        }
        portable::multiply(tweak, place);
        match run.src.len() {
            // XEX with the block's tweak, which is sooner ready than the many that a kernel for XTS begins with.
            BLOCK => {
                only.whiten_alike();
                let only = core::slice::from_ref(&only);
                kernel::xex(isa, keys, direction, &ZERO_TABLE, &ZERO_TABLE, only);
            }
            // As if it were a unit of its own.
            LINE => {
                let tweak = core::slice::from_ref(only.before());
                kernel::xts_lines(isa, keys, direction, tweak, &only);
            }
            _ => kernel::xts(isa, keys, direction, core::slice::from_ref(&only)),
        }
        only.wipe();
    }

    /// Runs under XTS.
    pub(super) fn units(&self, xts: &Xts, runs: &[Run<'_>]) {
        match xts.unit {
            XtsUnit::Page => self.some_units(xts, runs.iter()),
            XtsUnit::Line => {
                // A run alone has no other to share a batch with.
                let few = if runs.len() == 1 { 1 } else { FEW_LINES };
                let is_long = |run: &Run<'_>| Lines::of(run).whole >= few;
                // In the order of the list: a run's source may be what another has written.
                for runs in runs.split_inclusive(is_long) {
                    let (long, others) = match runs {
                        [others @ .., last] if is_long(last) => (Some(last), others),
                        others => (None, others),
                    };
                    if !others.is_empty() {
                        self.some_units(xts, others.iter());
                    }
                    if let Some(run) = long {
                        self.lines(xts, run, Lines::of(run));
                    }
                }
            }
        }
    }

    /// A run whose units are lines: the whole lines together, a page's at a time, then what is left at both ends.
    fn lines(&self, xts: &Xts, run: &Run<'_>, Lines { head, whole }: Lines) {
        let mut tweaks = [[0; BLOCK]; PAGE / LINE];
        for first in (0..whole).step_by(tweaks.len()) {
            let count = tweaks.len().min(whole - first);
            let tweaks = &mut tweaks[..count];
            let offset = head + first * LINE;
            for (n, tweak) in tweaks.iter_mut().enumerate() {
                *tweak = xts.unit_number(run.addr.offset(offset + n * LINE));
            }
            xts.encrypt_units(tweaks);
            let blocks = tweaks.len() * (LINE / BLOCK);
            let lines = segment(&run.src, &run.dst, offset, blocks, 0);
            kernel::xts_lines(self.isa, self.keys, self.direction, tweaks, &lines);
        }
        tweaks.as_flattened_mut().zeroize();
        let tail = head + whole * LINE;
        if head != 0 || tail != run.src.len() {
            let ends = [run.part(0, head), run.part(tail, run.src.len() - tail)];
            self.some_units(xts, ends.iter());
        }
    }

    /// Units of any kind, whole or in part.
    fn some_units<'r>(&self, xts: &Xts, runs: impl Iterator<Item = &'r Run<'r>>) {
        batches(runs, xts.unit.bytes(), |segments, addrs| {
            let mut units = [[0; BLOCK]; BATCH];
            let units = &mut units[..addrs.len()];
            for (unit, addr) in units.iter_mut().zip(addrs) {
                *unit = xts.unit_number(*addr);
            }
            xts.encrypt_units(units);
            for (segment, unit) in segments.iter_mut().zip(&*units) {
                let place = segment.place();
                *segment.before_mut() = *unit;
                portable::multiply(segment.before_mut(), place);
            }
            kernel::xts(self.isa, self.keys, self.direction, segments);
            units.as_flattened_mut().zeroize();
            segments.iter_mut().for_each(Segment::wipe);
        });
    }
}

/// Cuts runs at the multiples of `unit` bytes into segments, of which up to [`BATCH`] go to `work` at a time, with their
/// addresses.
#[inline(always)]
fn batches<'r>(
    runs: impl Iterator<Item = &'r Run<'r>>,
    unit: usize,
    work: impl Fn(&mut [Segment<'_>], &[PhysAddr]),
) {
    let mut batch = Batch::<BATCH>::new();
    let mut addrs = [PhysAddr::default(); BATCH];
    for run in runs {
        for (addr, segment) in segments(run.addr, &run.src, &run.dst, unit) {
            if let Some(last) = batch.as_mut_slice().last_mut() {
                last.set_next(&segment);
            }
            if batch.is_full() {
                work(batch.as_mut_slice(), &addrs);
                batch.clear();
            }
            addrs[batch.len()] = addr;
            batch.push(segment);
        }
    }
    if batch.len() > 0 {
        let count = batch.len();
        work(batch.as_mut_slice(), &addrs[..count]);
    }
}
