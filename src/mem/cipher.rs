//! [`MemoryCipher`]: one guest's key, and every operation of the engine.

use core::borrow::Borrow;
use core::fmt;

use zeroize::Zeroize;

use crate::addr::{BLOCK, PAGE, PhysAddr};
use crate::aes::{AesKey, Portable, Schedule};
use crate::cpu::Backend;
use crate::error::{KeyError, MemoryError, RunError};
use crate::kernel::Direction;
use crate::key::{Key, KeySize};
use crate::mem::Whitening;
use crate::mem::guest::{GuestBytes, GuestSource};
use crate::mem::job::Job;
use crate::mem::portable::{self, Tweaks};
use crate::mem::run::Run;
use crate::mem::tweak::{Kept, Kind, PageTweak, Tweak, Xts, XtsUnit};
use crate::wipe::Wiped;

/// How a block is enciphered; see [the table](crate::mem) of what is accurate for which part.
///
/// ```
/// use sevcrypt::{Backend, mem::{MemoryCipher, Mode, Tweak}};
///
/// let cipher = MemoryCipher::xe(&[1; 16], Tweak::zen1(), Backend::best())?;
/// assert_eq!(cipher.mode(), Mode::Xe);
/// # Ok::<(), sevcrypt::KeyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// Xor, encrypt: C = E(K1, P ^ T(address)).
    Xe,
    /// Xor, encrypt, xor: C = E(K1, P ^ T(address)) ^ T(address).
    Xex,
    /// XTS (IEEE 1619-2018) without ciphertext stealing, with this data unit.
    Xts(XtsUnit),
}

/// A data key with its mode, tweak and backend: what a memory controller holds for one ASID.
///
/// `T` is how it holds its [`Tweak`]: by value, `&Tweak`, `Arc<Tweak>`. All operations take `&self` and may
/// run on many threads at once. The keys are wiped on drop and cannot be printed, copied or compared.
///
/// # What it does not do
/// It does not authenticate: changed ciphertext decrypts to changed plaintext, old ciphertext is accepted,
/// equal blocks at one address are seen to be equal. The hardware has the same properties.
///
/// ```
/// use sevcrypt::{Backend, PhysAddr, mem::{MemoryCipher, Tweak}};
///
/// // A guest on a Milan part with the model's tweak constants.
/// let platform = Tweak::from_seed(b"one boot");
/// let guest = MemoryCipher::xex(&[7; 16], &platform, Backend::best())?;
///
/// let mut line = *b"the guest writes this line of 64 bytes; DRAM holds its cipher...";
/// guest.encrypt(PhysAddr::new(0x1234_5640)?, &mut line)?;
/// guest.decrypt(PhysAddr::new(0x1234_5640)?, &mut line)?;
/// assert!(line.starts_with(b"the guest"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Keys do not leave it:
/// ```compile_fail,E0599
/// # use sevcrypt::{Backend, mem::{MemoryCipher, Tweak}};
/// let cipher = MemoryCipher::xe(&[1; 16], Tweak::zen1(), Backend::best()).unwrap();
/// let copy = cipher.clone();
/// ```
pub struct MemoryCipher<T = Tweak>(Wiped<Parts<T>>);

struct Parts<T> {
    key: AesKey,
    mode: Mode,
    tweak: T,
}

impl<T: Borrow<Tweak>> MemoryCipher<T> {
    /// XE under `key`, 16 or 32 bytes (AES-256 with XE is a model: no part is known to have it).
    ///
    /// # Errors
    /// [`KeyError::LinearTweakNeeded`] if `tweak` is not linear.
    pub fn xe<'k>(key: impl Into<Key<'k>>, tweak: T, backend: Backend) -> Result<Self, KeyError> {
        Self::linear(key.into(), Mode::Xe, tweak, backend)
    }

    /// XEX under `key`, 16 or 32 bytes (AES-256 with XEX is a model: no part is known to have it).
    ///
    /// # Errors
    /// [`KeyError::LinearTweakNeeded`] if `tweak` is not linear.
    pub fn xex<'k>(key: impl Into<Key<'k>>, tweak: T, backend: Backend) -> Result<Self, KeyError> {
        Self::linear(key.into(), Mode::Xex, tweak, backend)
    }

    /// XTS under the data key `key`, 16 or 32 bytes; the tweak key and the unit are the tweak's.
    ///
    /// # Errors
    /// [`KeyError::XtsTweakNeeded`] if `tweak` is linear; [`KeyError::EqualKeys`] and
    /// [`KeyError::KeySizes`] if its key does not fit `key`.
    ///
    /// ```
    /// use sevcrypt::{Backend, KeyError, mem::{MemoryCipher, Tweak, XtsUnit}};
    ///
    /// let tweak = Tweak::xts(&[1; 32], XtsUnit::Page, Backend::best());
    /// assert_eq!(
    ///     MemoryCipher::xts(&[1; 32], &tweak, Backend::best()).err(),
    ///     Some(KeyError::EqualKeys),
    /// );
    /// ```
    pub fn xts<'k>(key: impl Into<Key<'k>>, tweak: T, backend: Backend) -> Result<Self, KeyError> {
        let key = key.into();
        let Kind::Xts(xts) = tweak.borrow().kind() else {
            return Err(KeyError::XtsTweakNeeded);
        };
        xts.check_data_key(key)?;
        Ok(Self::of(Parts { key: AesKey::new(key, backend), mode: Mode::Xts(xts.unit), tweak }))
    }

    /// XTS whose two keys may be equal: for the published vectors that have them so.
    #[cfg(test)]
    pub(crate) fn xts_with_equal_keys(key: Key<'_>, tweak: T, backend: Backend) -> Self {
        let &Kind::Xts(Xts { unit, .. }) = tweak.borrow().kind() else { panic!("an XTS tweak") };
        Self::of(Parts { key: AesKey::new(key, backend), mode: Mode::Xts(unit), tweak })
    }

    fn of(parts: Parts<T>) -> Self {
        Self(Wiped::new(parts))
    }

    fn linear(key: Key<'_>, mode: Mode, tweak: T, backend: Backend) -> Result<Self, KeyError> {
        match tweak.borrow().kind() {
            Kind::Linear(_) => Ok(Self::of(Parts { key: AesKey::new(key, backend), mode, tweak })),
            Kind::Xts(_) => Err(KeyError::LinearTweakNeeded),
        }
    }

    /// The mode.
    pub fn mode(&self) -> Mode {
        self.0.mode
    }

    /// The size of the data key.
    pub fn key_size(&self) -> KeySize {
        self.0.key.size()
    }

    /// The backend that the data key was set up for.
    pub fn backend(&self) -> Backend {
        self.0.key.backend()
    }

    /// The tweak.
    pub fn tweak(&self) -> &Tweak {
        self.0.tweak.borrow()
    }

    /// Encrypts memory in place: a block, a line, a page, or any physically contiguous run.
    ///
    /// `addr` is the physical address of the first byte, a multiple of 16; the length is a multiple of 16
    /// and may begin and end inside a page. The memory itself needs no alignment.
    ///
    /// # Errors
    /// [`MemoryError`], before anything is written.
    ///
    /// ```
    /// # use sevcrypt::{Backend, MemoryError, PhysAddr, mem::{MemoryCipher, Tweak}};
    /// # let cipher = MemoryCipher::xex(&[7; 16], Tweak::from_seed(b"boot"), Backend::best())?;
    /// let mut block = [0u8; 16];
    /// cipher.encrypt(PhysAddr::new(0x10)?, &mut block)?;
    ///
    /// let mut run = vec![0u8; 3 * 4096 + 32];
    /// cipher.encrypt(PhysAddr::new(0xff0)?, &mut run[..])?;
    ///
    /// let refused = cipher.encrypt(PhysAddr::new(0x8)?, &mut block);
    /// assert_eq!(refused, Err(MemoryError::UnalignedAddress { addr: 8 }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn encrypt<'a>(
        &self,
        addr: PhysAddr,
        memory: impl Into<GuestBytes<'a>>,
    ) -> Result<(), MemoryError> {
        self.run(Direction::Encrypt, Run::in_place(addr, memory))
    }

    /// Decrypts memory in place; otherwise as [`encrypt`](Self::encrypt).
    ///
    /// # Errors
    /// [`MemoryError`], before anything is written.
    pub fn decrypt<'a>(
        &self,
        addr: PhysAddr,
        memory: impl Into<GuestBytes<'a>>,
    ) -> Result<(), MemoryError> {
        self.run(Direction::Decrypt, Run::in_place(addr, memory))
    }

    /// Encrypts `src` into `dst`, which are the same memory or do not overlap; otherwise as
    /// [`encrypt`](Self::encrypt).
    ///
    /// # Errors
    /// [`MemoryError`], before anything is written.
    ///
    /// ```
    /// # use sevcrypt::{Backend, PhysAddr, mem::{MemoryCipher, Tweak}};
    /// # let cipher = MemoryCipher::xex(&[7; 16], Tweak::from_seed(b"boot"), Backend::best())?;
    /// let (plain, mut dram) = ([1u8; 4096], [0u8; 4096]);
    /// cipher.encrypt_to(PhysAddr::new(0x4000)?, &plain, &mut dram)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn encrypt_to<'a>(
        &self,
        addr: PhysAddr,
        src: impl Into<GuestSource<'a>>,
        dst: impl Into<GuestBytes<'a>>,
    ) -> Result<(), MemoryError> {
        self.run(Direction::Encrypt, Run::new(addr, src, dst))
    }

    /// Decrypts `src` into `dst`; otherwise as [`encrypt_to`](Self::encrypt_to).
    ///
    /// ```
    /// use sevcrypt::mem::{MemoryCipher, Run, Tweak};
    /// use sevcrypt::{Backend, PhysAddr};
    ///
    /// let cipher = MemoryCipher::xex(&[7; 16], Tweak::from_seed(b"boot"), Backend::best())?;
    /// let at = PhysAddr::new(0x7000)?;
    /// let (mut dram, mut plain) = ([0u8; 4096], [0u8; 4096]);
    /// cipher.encrypt_to(at, &[0xcc; 4096], &mut dram)?;
    /// cipher.decrypt_to(at, &dram, &mut plain)?;
    /// assert_eq!(plain, [0xcc; 4096]);
    ///
    /// // Several places at once.
    /// cipher.decrypt_runs(&[Run::in_place(at, &mut dram)])?;
    /// assert_eq!(dram, [0xcc; 4096]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`MemoryError`], before anything is written.
    pub fn decrypt_to<'a>(
        &self,
        addr: PhysAddr,
        src: impl Into<GuestSource<'a>>,
        dst: impl Into<GuestBytes<'a>>,
    ) -> Result<(), MemoryError> {
        self.run(Direction::Decrypt, Run::new(addr, src, dst))
    }

    /// Encrypts a list of runs: scattered pages, lines, or pieces of any length.
    ///
    /// They are done in the order of the list, each to its end: a run may read what one before it has written.
    ///
    /// # Errors
    /// [`RunError`] with the first entry that cannot be done, before anything is written for any.
    ///
    /// ```
    /// # use sevcrypt::{Backend, PhysAddr, mem::{MemoryCipher, Run, Tweak}};
    /// # let cipher = MemoryCipher::xex(&[7; 16], Tweak::from_seed(b"boot"), Backend::best())?;
    /// let (mut a, mut b) = ([0u8; 4096], [0u8; 4096]);
    /// cipher.encrypt_runs(&[
    ///     Run::in_place(PhysAddr::new(0x7000)?, &mut a),
    ///     Run::in_place(PhysAddr::new(0x3000)?, &mut b),
    /// ])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn encrypt_runs(&self, runs: &[Run<'_>]) -> Result<(), RunError> {
        self.runs(Direction::Encrypt, runs)
    }

    /// Decrypts a list of runs; otherwise as [`encrypt_runs`](Self::encrypt_runs).
    ///
    /// # Errors
    /// [`RunError`] with the first entry that cannot be done, before anything is written for any.
    pub fn decrypt_runs(&self, runs: &[Run<'_>]) -> Result<(), RunError> {
        self.runs(Direction::Decrypt, runs)
    }

    /// Encrypts memory inside one page whose tweak is kept: see [`Tweak::page_tweak`].
    ///
    /// # Errors
    /// [`MemoryError::OtherPage`] if the range leaves the page, [`MemoryError::OtherTweak`] if `page` was
    /// made by another kind of tweak, and those of [`encrypt`](Self::encrypt); before anything is written.
    pub fn encrypt_in_page<'a>(
        &self,
        page: &PageTweak,
        addr: PhysAddr,
        memory: impl Into<GuestBytes<'a>>,
    ) -> Result<(), MemoryError> {
        self.in_page(Direction::Encrypt, page, Run::in_place(addr, memory))
    }

    /// Decrypts memory inside one page whose tweak is kept.
    ///
    /// # Errors
    /// As [`encrypt_in_page`](Self::encrypt_in_page).
    pub fn decrypt_in_page<'a>(
        &self,
        page: &PageTweak,
        addr: PhysAddr,
        memory: impl Into<GuestBytes<'a>>,
    ) -> Result<(), MemoryError> {
        self.in_page(Direction::Decrypt, page, Run::in_place(addr, memory))
    }

    /// Encrypts `src` into `dst` inside one page whose tweak is kept: see [`encrypt_to`](Self::encrypt_to).
    ///
    /// ```
    /// use sevcrypt::mem::{GuestSource, MemoryCipher, Tweak};
    /// use sevcrypt::{Backend, PhysAddr};
    ///
    /// let cipher = MemoryCipher::xex(&[7; 16], Tweak::from_seed(b"boot"), Backend::best())?;
    /// let kept = cipher.tweak().page_tweak(PhysAddr::new(0x4000)?)?;
    /// let (plain, mut dram) = ([0xcc; 4096], [0u8; 64]);
    /// let line = GuestSource::from(&plain).subrange(64, 64).expect("it lies inside");
    /// cipher.encrypt_in_page_to(&kept, PhysAddr::new(0x4040)?, line, &mut dram)?;
    /// assert_ne!(dram, [0xcc; 64]);
    /// cipher.decrypt_in_page(&kept, PhysAddr::new(0x4040)?, &mut dram)?;
    /// assert_eq!(dram, [0xcc; 64]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`encrypt_in_page`](Self::encrypt_in_page).
    pub fn encrypt_in_page_to<'a>(
        &self,
        page: &PageTweak,
        addr: PhysAddr,
        src: impl Into<GuestSource<'a>>,
        dst: impl Into<GuestBytes<'a>>,
    ) -> Result<(), MemoryError> {
        self.in_page(Direction::Encrypt, page, Run::new(addr, src, dst))
    }

    /// Decrypts `src` into `dst` inside one page whose tweak is kept.
    ///
    /// # Errors
    /// As [`encrypt_in_page`](Self::encrypt_in_page).
    ///
    /// ```
    /// # use sevcrypt::{Backend, PhysAddr, mem::{MemoryCipher, Tweak}};
    /// # let cipher = MemoryCipher::xex(&[7; 16], Tweak::from_seed(b"boot"), Backend::best())?;
    /// let (mut dram, mut line) = ([0u8; 4096], [0u8; 64]);
    /// cipher.encrypt(PhysAddr::new(0x4000)?, &mut dram)?;
    /// let kept = cipher.tweak().page_tweak(PhysAddr::new(0x4000)?)?;
    /// cipher.decrypt_in_page_to(&kept, PhysAddr::new(0x4040)?, &dram[64..128], &mut line)?;
    /// assert_eq!(line, [0; 64]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn decrypt_in_page_to<'a>(
        &self,
        page: &PageTweak,
        addr: PhysAddr,
        src: impl Into<GuestSource<'a>>,
        dst: impl Into<GuestBytes<'a>>,
    ) -> Result<(), MemoryError> {
        self.in_page(Direction::Decrypt, page, Run::new(addr, src, dst))
    }

    fn run(&self, direction: Direction, run: Run<'_>) -> Result<(), MemoryError> {
        run.check(self.tweak().address_bits())?;
        self.checked_run(direction, run, None);
        Ok(())
    }

    fn runs(&self, direction: Direction, runs: &[Run<'_>]) -> Result<(), RunError> {
        let bits = self.tweak().address_bits();
        for (index, run) in runs.iter().enumerate() {
            run.check(bits).map_err(|error| RunError { index, error })?;
        }
        self.checked_runs(direction, runs);
        Ok(())
    }

    fn in_page(
        &self,
        direction: Direction,
        page: &PageTweak,
        run: Run<'_>,
    ) -> Result<(), MemoryError> {
        run.check(self.tweak().address_bits())?;
        let (addr, len) = (run.addr, run.src.len());
        if addr.page() != page.page || addr.page_offset() + len > PAGE {
            return Err(MemoryError::OtherPage { page: page.page.get(), addr: addr.get(), len });
        }
        let kept = match (&*page.kept, self.tweak().kind()) {
            (kept @ Kept::Linear(_), Kind::Linear(_)) => Some(kept),
            (kept @ Kept::Xts(_), Kind::Xts(Xts { unit: XtsUnit::Page, .. })) => Some(kept),
            (Kept::Nothing, Kind::Xts(Xts { unit: XtsUnit::Line, .. })) => None,
            _ => return Err(MemoryError::OtherTweak),
        };
        self.checked_run(direction, run, kept);
        Ok(())
    }

    /// A run that has been checked, with the tweak value of its page if it is kept.
    #[inline]
    fn checked_run(&self, direction: Direction, run: Run<'_>, kept: Option<&Kept>) {
        let tweak = self.tweak();
        match self.0.key.schedule() {
            Schedule::Portable(cipher) => {
                self.portable(cipher, direction, &run, kept);
                run.dst.mark_written();
            }
            // Nothing to cut.
            Schedule::Kernels(isa, keys) if run.is_inside(tweak.unit_bytes()) => {
                let job = Job { isa: *isa, keys, direction };
                match tweak.kind() {
                    Kind::Linear(linear) => {
                        let base = match kept {
                            Some(Kept::Linear(base)) => *base,
                            _ => linear.base(run.addr),
                        };
                        job.in_page(linear, self.whitening(), base, &run);
                    }
                    Kind::Xts(xts) => {
                        let first = match kept {
                            Some(Kept::Xts(first)) => Some(first),
                            _ => None,
                        };
                        job.in_unit(xts, first, &run);
                    }
                }
                run.dst.mark_written();
            }
            // Not with a kept tweak: that is of one unit.
            Schedule::Kernels(..) => self.checked_runs(direction, &[run]),
        }
    }

    /// Runs that have been checked.
    #[inline(never)]
    fn checked_runs(&self, direction: Direction, runs: &[Run<'_>]) {
        match self.0.key.schedule() {
            Schedule::Portable(cipher) => {
                for run in runs {
                    self.portable(cipher, direction, run, None);
                }
            }
            Schedule::Kernels(isa, keys) => {
                let job = Job { isa: *isa, keys, direction };
                match self.tweak().kind() {
                    Kind::Linear(linear) => job.pages(linear, self.whitening(), runs),
                    Kind::Xts(xts) => job.units(xts, runs),
                }
            }
        }
        for run in runs {
            run.dst.mark_written();
        }
    }

    fn portable(
        &self,
        cipher: &Portable,
        direction: Direction,
        run: &Run<'_>,
        kept: Option<&Kept>,
    ) {
        let tweak = self.tweak();
        for piece in run.pieces(tweak.unit_bytes()) {
            portable::crypt(
                cipher,
                direction,
                self.whitening(),
                &mut tweaks(tweak, piece.addr, kept),
                (&run.src, &run.dst),
                (piece.offset, piece.len),
            );
        }
    }

    fn whitening(&self) -> Whitening {
        match self.0.mode {
            Mode::Xe => Whitening::Plaintext,
            Mode::Xex | Mode::Xts(_) => Whitening::Both,
        }
    }

    /// One data unit with any unit number and of any length below a page: for published vectors, whose
    /// units are no pages of a physical address space.
    #[cfg(test)]
    pub(crate) fn crypt_unit(
        &self,
        direction: Direction,
        number: crate::addr::Block,
        memory: &mut [u8],
    ) {
        let Kind::Xts(xts) = self.tweak().kind() else { panic!("an XTS tweak") };
        let mut unit = [number];
        xts.encrypt_units(&mut unit);
        let run = Run::in_place(PhysAddr::default(), memory);
        self.checked_run(direction, run, Some(&Kept::Xts(unit[0])));
    }
}

/// The whitening values of the definition, from the block at `addr` on.
fn tweaks<'t>(tweak: &'t Tweak, addr: PhysAddr, kept: Option<&Kept>) -> Tweaks<'t> {
    match tweak.kind() {
        Kind::Linear(linear) => Tweaks::Linear {
            base: match kept {
                Some(Kept::Linear(base)) => *base,
                _ => linear.base(addr),
            },
            in_page: &linear.in_page.0[addr.page_offset() / BLOCK..],
        },
        Kind::Xts(xts) => {
            let mut tweak = match kept {
                Some(Kept::Xts(first)) => *first,
                _ => xts.first_tweak(addr),
            };
            portable::multiply(&mut tweak, addr.offset_in(xts.unit.bytes()) / BLOCK);
            let tweaks = Tweaks::Xts(tweak);
            tweak[..].zeroize();
            tweaks
        }
    }
}

/// Decrypts memory at one address under one cipher and encrypts it at another address under another: what
/// the host does when it moves a guest's page, and the firmware when it swaps one.
///
/// `src` holds ciphertext of `from`, `dst` gets ciphertext of `to`. They are the same memory or do not
/// overlap; any multiple of 16 bytes goes, not only a page. The plaintext passes through 1 KiB on the stack,
/// wiped at the end.
///
/// # Errors
/// [`MemoryError`], for either address, before anything is written.
///
/// ```
/// use sevcrypt::{Backend, PhysAddr, mem::{self, MemoryCipher, Tweak}};
///
/// let platform = Tweak::from_seed(b"boot");
/// let guest = MemoryCipher::xex(&[7; 16], &platform, Backend::best())?;
/// let (old, new) = (PhysAddr::new(0x8000)?, PhysAddr::new(0x15000)?);
///
/// let mut dram = [0u8; 4096];
/// guest.encrypt(old, &mut dram)?;
/// mem::move_page((&guest, old), (&guest, new), dram.clone().as_slice(), &mut dram)?;
/// guest.decrypt(new, &mut dram)?;
/// assert_eq!(dram, [0; 4096]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn move_page<'a, A: Borrow<Tweak>, B: Borrow<Tweak>>(
    from: (&MemoryCipher<A>, PhysAddr),
    to: (&MemoryCipher<B>, PhysAddr),
    src: impl Into<GuestSource<'a>>,
    dst: impl Into<GuestBytes<'a>>,
) -> Result<(), MemoryError> {
    let ((from, old), (to, new)) = (from, to);
    let (src, dst) = (src.into(), dst.into());
    Run::new(old, src, dst).check(from.tweak().address_bits())?;
    Run::new(new, src, dst).check(to.tweak().address_bits())?;
    let mut plain = Wiped::new([0; 1024]);
    for offset in (0..src.len()).step_by(plain.len()) {
        let len = plain.len().min(src.len() - offset);
        let plain = &mut plain[..len];
        let (Some(src), Some(dst)) = (src.subrange(offset, len), dst.subrange(offset, len)) else {
            unreachable!("offset + len is at most the length of both")
        };
        from.decrypt_to(old.offset(offset), src, &mut *plain)?;
        to.encrypt_to(new.offset(offset), &*plain, dst)?;
    }
    Ok(())
}

impl<T: Borrow<Tweak>> fmt::Debug for MemoryCipher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "MemoryCipher({:?}, {:?}, {}, ..)",
            self.0.mode,
            self.0.key.size(),
            self.backend()
        )
    }
}
