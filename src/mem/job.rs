//! How checked runs go to the kernels: cut into pieces, a batch of segments in each call.

use zeroize::Zeroize;

use crate::addr::{BLOCK, Block, LINE, PAGE, PhysAddr};
use crate::cpu::Isa;
use crate::kernel::{self, Direction, RoundKeys, Segment, ZERO_TABLE};
use crate::mem::Whitening;
use crate::mem::guest::segment;
use crate::mem::portable;
use crate::mem::run::{Piece, Run};
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

/// Runs to encrypt or decrypt under one key.
pub(super) struct Job<'j> {
    pub(super) isa: Isa,
    pub(super) keys: &'j RoundKeys,
    pub(super) direction: Direction,
    pub(super) runs: &'j [Run<'j>],
}

impl Job<'_> {
    /// Under a linear tweak, whose share of a page's address is `base`.
    pub(super) fn linear(
        &self,
        linear: &Linear,
        whitening: Whitening,
        base: impl Fn(PhysAddr) -> Block,
    ) {
        let (before, after) = (whitening.before(self.direction), whitening.after(self.direction));
        let table = |is_whitened| if is_whitened { &linear.in_page } else { &ZERO_TABLE };
        let whiten = |addr, segment: &mut Segment<'_>| {
            let base = base(addr);
            let side = |is_whitened| if is_whitened { base } else { [0; BLOCK] };
            segment.set_whitening(side(before), side(after));
        };
        let work = |segments: &[Segment<'_>]| {
            let (before, after) = (table(before), table(after));
            kernel::xex(self.isa, self.keys, self.direction, before, after, segments);
        };
        match self.runs {
            // One block, line or page, alone: nothing to cut.
            [run] if run.addr.page_offset() + run.src.len() <= PAGE && !run.src.is_empty() => {
                let place = run.addr.page_offset() / BLOCK;
                let mut only = [segment(&run.src, &run.dst, 0, run.src.len() / BLOCK, place)];
                whiten(run.addr, &mut only[0]);
                work(&only);
            }
            runs => self.batches(
                runs.iter(),
                PAGE,
                |piece, segment| whiten(piece.addr, segment),
                |segments, _| work(segments),
            ),
        }
    }

    /// Under XTS, with the first tweak of the only unit if it is kept.
    pub(super) fn xts(&self, xts: &Xts, kept: Option<Block>) {
        match xts.unit {
            XtsUnit::Page => match (kept, self.runs) {
                (Some(first), [run]) if run.src.len() == BLOCK => self.block(first, run),
                (Some(first), [run]) if run.src.len() == LINE && Lines::of(run).head == 0 => {
                    self.line(first, run);
                }
                _ => self.units(xts, kept, self.runs.iter()),
            },
            XtsUnit::Line => {
                // A line alone has no other to share a batch with.
                let few = if self.runs.len() == 1 { 1 } else { FEW_LINES };
                let is_long = |run: &Run<'_>| Lines::of(run).whole >= few;
                // In the order of the list: a run's source may be what another has written.
                for runs in self.runs.split_inclusive(is_long) {
                    let (last, others) = match runs {
                        [others @ .., last] if is_long(last) => (Some(last), others),
                        others => (None, others),
                    };
                    if !others.is_empty() {
                        self.units(xts, None, others.iter());
                    }
                    match last.map(|run| (run, Lines::of(run))) {
                        None => {}
                        Some((run, lines @ Lines { whole: 1, .. })) => {
                            self.lines::<1>(xts, run, lines);
                        }
                        Some((run, lines)) => self.lines::<{ PAGE / LINE }>(xts, run, lines),
                    }
                }
            }
        }
    }

    /// One block of a unit whose first tweak is kept: XEX with the block's tweak, which is sooner ready than the many that
    /// a kernel for XTS begins with.
    fn block(&self, first: Block, run: &Run<'_>) {
        let place = run.addr.page_offset() / BLOCK;
        let mut tweak = portable::multiply(first, place);
        let mut only = [segment(&run.src, &run.dst, 0, 1, place)];
        only[0].set_whitening(tweak, tweak);
        kernel::xex(self.isa, self.keys, self.direction, &ZERO_TABLE, &ZERO_TABLE, &only);
        tweak[..].zeroize();
        only[0].wipe();
    }

    /// One line of a unit whose first tweak is kept: as if it were a unit of its own.
    fn line(&self, first: Block, run: &Run<'_>) {
        let mut tweak = [portable::multiply(first, run.addr.page_offset() / BLOCK)];
        let only = segment(&run.src, &run.dst, 0, LINE / BLOCK, 0);
        kernel::xts_lines(self.isa, self.keys, self.direction, &tweak, &only);
        tweak.as_flattened_mut().zeroize();
    }

    /// A run whose units are lines: the whole lines together, N at a time, then what is left at both ends.
    fn lines<const N: usize>(&self, xts: &Xts, run: &Run<'_>, Lines { head, whole }: Lines) {
        let mut tweaks = [[0; BLOCK]; N];
        for first in (0..whole).step_by(N) {
            let tweaks = &mut tweaks[..(whole - first).min(N)];
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
            self.units(xts, None, ends.iter());
        }
    }

    /// Units of any kind, whole or in part.
    fn units<'r>(&self, xts: &Xts, kept: Option<Block>, runs: impl Iterator<Item = &'r Run<'r>>) {
        self.batches(
            runs,
            xts.unit.bytes(),
            |piece, segment| {
                segment.set_whitening(xts.unit_number(piece.addr), [0; BLOCK]);
            },
            |segments, units| {
                match kept {
                    Some(first) => units.fill(first),
                    None => {
                        for (unit, segment) in units.iter_mut().zip(&*segments) {
                            *unit = segment.before();
                        }
                        xts.encrypt_units(units);
                    }
                }
                for (unit, segment) in units.iter().zip(&mut *segments) {
                    segment.set_whitening(*unit, [0; BLOCK]);
                    // A product is stored in halves, for which the kernel's load of the whole has to wait: where there is one only.
                    if segment.place() != 0 {
                        let first = portable::multiply(*unit, segment.place());
                        segment.set_whitening(first, [0; BLOCK]);
                    }
                }
                kernel::xts(self.isa, self.keys, self.direction, segments);
                units.as_flattened_mut().zeroize();
                segments.iter_mut().for_each(Segment::wipe);
            },
        );
    }

    /// Cuts runs at the multiples of `unit` bytes; each piece becomes a segment that `prepare` fills in, and
    /// up to [`BATCH`] of them go to `work` at a time, with room for a block of each, which `work` wipes.
    fn batches<'r>(
        &self,
        runs: impl Iterator<Item = &'r Run<'r>>,
        unit: usize,
        prepare: impl FnMut(&Piece, &mut Segment<'_>),
        work: impl FnMut(&mut [Segment<'_>], &mut [Block]),
    ) {
        match self.runs {
            // One block, line or page, alone: no array to set up.
            [run] if run.addr.page_offset() % unit + run.src.len() <= unit => {
                batches_of::<1>(runs, unit, prepare, work);
            }
            _ => batches_of::<BATCH>(runs, unit, prepare, work),
        }
    }
}

#[inline]
fn batches_of<'r, const N: usize>(
    runs: impl Iterator<Item = &'r Run<'r>>,
    unit: usize,
    mut prepare: impl FnMut(&Piece, &mut Segment<'_>),
    mut work: impl FnMut(&mut [Segment<'_>], &mut [Block]),
) {
    let mut segments = [const { Segment::EMPTY }; N];
    let mut blocks = [[0; BLOCK]; N];
    let mut filled = 0;
    for run in runs {
        for piece in run.pieces(unit) {
            let place = piece.addr.page_offset() % unit / BLOCK;
            let next = &mut segments[filled];
            *next = segment(&run.src, &run.dst, piece.offset, piece.len / BLOCK, place);
            prepare(&piece, next);
            filled += 1;
            if let [.., before, last] = &mut segments[..filled] {
                before.set_next(last);
            }
            if filled == N {
                if piece.offset + piece.len < run.src.len() {
                    segments[N - 1].set_next_behind();
                }
                work(&mut segments, &mut blocks);
                filled = 0;
            }
        }
    }
    if filled > 0 {
        work(&mut segments[..filled], &mut blocks[..filled]);
    }
}
