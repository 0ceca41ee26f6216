//! The assembly in `asm/`, each body behind a safe function: the first room in which `unsafe` may stand.
//!
//! A kernel is a naked `extern "sysv64"` function, so there is one calling convention on every operating
//! system (on Windows the compiler makes the caller save xmm6 to xmm15). Its text is a file of `asm/`
//! with the assembly-time numbers set before it. A new kernel goes here, and nowhere else.
//!
//! What the safe functions rest on, for all of them:
//! * the token argument proves the CPU features (see [`crate::cpu`]);
//! * keys, tables and scratch are references to types of exactly the size and alignment in the kernel's
//!   contract;
//! * memory is named by [`Segment`]s, whose constructor is `unsafe` and takes the promise that it is valid, or by slices whose
//!   lengths are checked here.

#![allow(unsafe_code, reason = "src/kernel.rs is a listed unsafe file")]

use core::marker::PhantomData;
use core::mem::MaybeUninit;

use zeroize::Zeroize;

use crate::addr::{BLOCK, Block, PAGE};
use crate::cpu::{
    Arithmetic, ArithmeticKind, Backend, BackendError, BackendKind, Isa, Mulx, Vaes512, if_kernels,
};
use crate::key::{Key, KeySize};

/// Which way a block cipher runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Encrypt,
    Decrypt,
}

/// What the linear tweak puts on a block by its place in the page: 256 values.
#[repr(C, align(64))]
pub(crate) struct PageTable(pub(crate) [Block; PAGE / BLOCK]);

/// The table of a side that has no whitening.
pub(crate) static ZERO_TABLE: PageTable = PageTable([[0; BLOCK]; PAGE / BLOCK]);

/// A piece of memory and what its blocks are whitened with; read by the kernels (`SEG_*` in `asm/`).
#[repr(C, align(64))]
pub(crate) struct Segment<'a> {
    src: *const u8,
    dst: *mut u8,
    /// What to bring into the caches meanwhile: the source of the segment that comes next. Never accessed.
    prefetch: *const u8,
    /// Where in its page or unit the segment begins, and where it ends, in bytes.
    offset: u32,
    end: u32,
    before: Block,
    after: Block,
    memory: PhantomData<&'a [core::cell::Cell<u8>]>,
}

// The assembly is told these numbers below; they hold where there is assembly.
#[cfg(target_arch = "x86_64")]
const _: () = {
    use core::mem::offset_of;
    assert!(offset_of!(Segment<'_>, src) == 0 && offset_of!(Segment<'_>, dst) == 8);
    assert!(offset_of!(Segment<'_>, prefetch) == 16);
    assert!(offset_of!(Segment<'_>, offset) == 24 && offset_of!(Segment<'_>, end) == 28);
    assert!(offset_of!(Segment<'_>, before) == 32 && offset_of!(Segment<'_>, after) == 48);
    assert!(size_of::<Segment<'_>>() == 64);
};

impl Segment<'_> {
    /// A segment of `blocks` blocks, the first at block `place` of its page.
    ///
    /// # Safety
    /// For the lifetime of the value, `src` is valid for reads and `dst` for writes of `16 * blocks`
    /// bytes; they are the same or do not overlap. Whoever else reads or writes that memory meanwhile
    /// does so as the memory model of shared guest memory allows (`crate::mem::guest`).
    #[inline]
    pub(crate) unsafe fn new(src: *const u8, dst: *mut u8, blocks: usize, place: usize) -> Self {
        assert!(blocks > 0 && place + blocks <= PAGE / BLOCK, "a segment lies inside a page");
        Self {
            src,
            dst,
            prefetch: src,
            offset: (place * BLOCK) as u32,
            end: ((place + blocks) * BLOCK) as u32,
            before: [0; BLOCK],
            after: [0; BLOCK],
            memory: PhantomData,
        }
    }

    /// Says that the memory of another comes next.
    #[inline]
    pub(crate) fn set_next(&mut self, next: &Self) {
        self.prefetch = next.src;
    }

    /// The block of its page at which the segment begins.
    pub(crate) fn place(&self) -> usize {
        self.offset as usize / BLOCK
    }

    /// Sets the whitening before and after AES: the page's share of a linear tweak, or (before only)
    /// the XTS tweak of the first block.
    pub(crate) fn set_whitening(&mut self, before: Block, after: Block) {
        self.before = before;
        self.after = after;
    }

    /// The whitening before AES.
    pub(crate) fn before(&self) -> &Block {
        &self.before
    }

    /// The same, to set it.
    pub(crate) fn before_mut(&mut self) -> &mut Block {
        &mut self.before
    }

    /// Sets the whitening behind AES to what is ahead of it.
    #[inline]
    pub(crate) fn whiten_alike(&mut self) {
        self.after = self.before;
    }

    /// Erases the whitening.
    #[inline]
    pub(crate) fn wipe(&mut self) {
        (self.before, self.after) = ([0; BLOCK], [0; BLOCK]);
        zeroize::optimization_barrier(self);
    }
}

/// Up to N segments for one call of a kernel.
pub(crate) struct Batch<'a, const N: usize> {
    segments: [MaybeUninit<Segment<'a>>; N],
    /// So many of the first have been written.
    len: usize,
}

impl<'a, const N: usize> Batch<'a, N> {
    pub(crate) const fn new() -> Self {
        Self { segments: [const { MaybeUninit::uninit() }; N], len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len == N
    }

    /// Adds a segment, for which there is room.
    #[inline(always)]
    pub(crate) fn push(&mut self, segment: Segment<'a>) {
        self.segments[self.len].write(segment);
        self.len += 1;
    }

    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [Segment<'a>] {
        // SAFETY: the first `len` have been written; a `MaybeUninit` has the size and alignment of what is in it.
        unsafe { core::slice::from_raw_parts_mut(self.segments.as_mut_ptr().cast(), self.len) }
    }
}

/// Where a kernel's text comes from.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    /// The place where the result goes.
    Same,
    /// Another place of its length.
    Other(&'a [u8]),
}

impl<'a> Source<'a> {
    /// The bytes before and from `at` on.
    pub(crate) fn split_at(self, at: usize) -> (Self, Self) {
        match self {
            Self::Same => (Self::Same, Self::Same),
            Self::Other(bytes) => {
                let (before, from) = bytes.split_at(at);
                (Self::Other(before), Self::Other(from))
            }
        }
    }

    /// A keystream added to the source, from which the text's place is filled; all have one length.
    pub(crate) fn add(self, stream: &[u8], text: &mut [u8]) {
        match self {
            Self::Same => text.iter_mut().zip(stream).for_each(|(byte, key)| *byte ^= key),
            Self::Other(bytes) => {
                let sums = bytes.iter().zip(stream).map(|(byte, key)| byte ^ key);
                text.iter_mut().zip(sums).for_each(|(to, sum)| *to = sum);
            }
        }
    }
}

/// Whether a message is sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Seal,
    Open,
}

/// A message's state between calls: the next counter block and the hash, their bytes turned round.
#[repr(C)]
pub(crate) struct GcmState {
    counter: u128,
    pub(crate) hash: u128,
    distance: u64,
}

impl GcmState {
    /// Before the first block of text.
    pub(crate) fn new(nonce: &[u8; 12]) -> Self {
        Self { counter: turned_counter(nonce, 2), hash: 0, distance: 0 }
    }

    /// The next counter block, as AES takes it.
    pub(crate) fn counter(&self) -> Block {
        self.counter.to_be_bytes()
    }

    /// The counter block whose cipher covers the tag: J0.
    pub(crate) fn first(nonce: &[u8; 12]) -> Block {
        turned_counter(nonce, 1).to_be_bytes()
    }

    pub(crate) fn wipe(&mut self) {
        self.hash.zeroize();
    }
}

/// The counter block of this number, its bytes turned round.
fn turned_counter(nonce: &[u8; 12], number: u32) -> u128 {
    let mut block = [0; BLOCK];
    block[..12].copy_from_slice(nonce);
    block[12..].copy_from_slice(&number.to_be_bytes());
    u128::from_be_bytes(block)
}

impl Backend {
    /// The backend of this name, without asking the CPU: for kernels and firmware that know their CPU
    /// and have enabled its vector state themselves, where CPUID is not executed.
    ///
    /// # Errors
    /// [`BackendError::NotBuilt`] if this build has no kernels.
    ///
    /// # Safety
    /// For as long as the program runs, every CPU that it runs on has every feature of
    /// [`kind.needs()`](BackendKind::needs), the vector state is enabled, and it is saved and restored
    /// around whatever may interrupt a call.
    ///
    /// ```
    /// use sevcrypt::{Backend, BackendKind};
    ///
    /// // SAFETY: the portable backend needs no CPU feature.
    /// let backend = unsafe { Backend::assume(BackendKind::Portable) }?;
    /// # Ok::<(), sevcrypt::BackendError>(())
    /// ```
    pub unsafe fn assume(kind: BackendKind) -> Result<Self, BackendError> {
        Self::built(kind)
    }
}

impl Arithmetic {
    /// The arithmetic of this name, without asking the CPU: for kernels and firmware that know their CPU, where CPUID is not
    /// executed. `None` if it is not part of this build.
    ///
    /// # Safety
    /// For as long as the program runs, every CPU that it runs on has every feature of
    /// [`kind.needs()`](ArithmeticKind::needs); for one that uses vectors, their state is enabled, and saved and restored
    /// around whatever may interrupt a call.
    ///
    /// ```
    /// use sevcrypt::{Arithmetic, ArithmeticKind};
    ///
    /// // SAFETY: the portable arithmetic needs no CPU feature.
    /// let arithmetic = unsafe { Arithmetic::assume(ArithmeticKind::Portable) };
    /// assert_eq!(arithmetic, Some(Arithmetic::portable()));
    /// ```
    #[must_use]
    pub unsafe fn assume(kind: ArithmeticKind) -> Option<Self> {
        Self::built(kind)
    }
}

/// What `asm/rsa_mulx.S` adds products of eight words to.
pub(crate) type RsaSum = [u64; 17];

/// The most blocks of a message that a hash kernel takes at a time: those of a page. `asm/proof` covers every number up to it.
pub(crate) const HASH_BLOCKS: usize = PAGE / 128;

if_kernels! {
    {
        use crate::addr::LINE;

        /// Round keys of one AES key to encipher, in order of use. Holds a secret: wrap it in [`Wiped`](crate::wipe::Wiped).
        #[repr(C, align(64))]
        pub(crate) struct EncryptKeys {
            keys: [Block; ROUND_KEYS],
            size: KeySize,
        }

        /// Round keys of one AES key for both directions, each in order of use. Holds a secret, too.
        #[repr(C, align(64))]
        pub(crate) struct RoundKeys {
            encrypt: EncryptKeys,
            decrypt: [Block; ROUND_KEYS],
        }

        /// As many as the larger size has.
        const ROUND_KEYS: usize = KeySize::Aes256.rounds() + 1;

        impl RoundKeys {
            /// Those to encipher.
            pub(crate) fn to_encrypt(&self) -> &EncryptKeys {
                &self.encrypt
            }
        }

        impl EncryptKeys {
            /// Room for the round keys of a size.
            pub(crate) const fn empty(size: KeySize) -> Self {
                Self { keys: [[0; BLOCK]; ROUND_KEYS], size }
            }

            pub(crate) fn size(&self) -> KeySize {
                self.size
            }
        }

        /// Powers of a hash key, as the kernels for GHASH read them. Holds a secret: wrap it in
        /// [`Wiped`](crate::wipe::Wiped).
        ///
        /// The last block of `powers` is T_1, the key times x in the field of POLYVAL (RFC 8452, appendix A), on bytes turned
        /// round; the one before is T_2 = T_1 * T_1 * x^-128, and so on. `middles` has the sums of their halves, twice.
        #[repr(C, align(64))]
        pub(crate) struct Powers<const N: usize> {
            powers: [Block; N],
            middles: [Block; N],
            /// A kernel reads whole vectors of four blocks from the last power on.
            behind: [Block; 3],
        }

        impl<const N: usize> Powers<N> {
            /// Room for powers: the only beginning of a value, so that every one has a number of powers that kernels can
            /// read.
            pub(crate) const EMPTY: Self = {
                assert!(N >= 40 && N.is_multiple_of(8), "a run has room for a set of text, and more");
                Self { powers: [[0; BLOCK]; N], middles: [[0; BLOCK]; N], behind: [[0; BLOCK]; 3] }
            };

            /// How many of the powers a backend reads: the 512-bit kernels sum up many products before they reduce them.
            fn used(isa: Isa) -> usize {
                match isa {
                    Isa::AesNi(_) | Isa::Vaes256(_) => 8,
                    Isa::Vaes512(_) => N,
                }
            }
        }

        impl RoundKeys {
            /// The round keys of a key.
            #[inline]
            pub(crate) fn new(isa: Isa, key: Key<'_>) -> Self {
                let mut keys = Self {
                    encrypt: EncryptKeys::empty(key.size()),
                    decrypt: [[0; BLOCK]; ROUND_KEYS],
                };
                schedule(isa, key, &mut keys.encrypt.keys, &mut keys.decrypt);
                keys
            }

            fn in_order(&self, direction: Direction) -> *const Block {
                match direction {
                    Direction::Encrypt => self.encrypt.keys.as_ptr(),
                    Direction::Decrypt => self.decrypt.as_ptr(),
                }
            }
        }

        impl EncryptKeys {
            /// Computes the round keys of a key of this size, in their place.
            pub(crate) fn fill(&mut self, isa: Isa, key: Key<'_>) {
                let mut unused = [[0; BLOCK]; ROUND_KEYS];
                self.size = key.size();
                schedule(isa, key, &mut self.keys, &mut unused);
                unused.as_flattened_mut().zeroize();
            }
        }

        /// Whole blocks in counter mode, from `source` to `data`. `counter` is the number of the first, and the next one's is one
        /// more.
        pub(crate) fn ctr(
            isa: Isa,
            keys: &EncryptKeys,
            mut counter: u128,
            source: Source<'_>,
            data: &mut [Block],
        ) {
            let kernel = match isa {
                Isa::AesNi(_) => ctr_aesni::select(keys.size),
                Isa::Vaes256(_) => ctr_vaes256::select(keys.size),
                Isa::Vaes512(_) => ctr_vaes512::select(keys.size),
            };
            let crypt = |segments: &mut Batch<'_, 8>| {
                let segments = segments.as_mut_slice();
                // SAFETY: `isa` proves the CPU features; keys, segments and constants have the sizes and alignments of
                // the contract by their types, and the segments, at least one, are memory of `data`.
                unsafe {
                    let (first, count) = (segments.as_ptr().cast(), segments.len());
                    kernel(keys.keys.as_ptr(), first, count, &raw const CTR_CONSTANTS);
                }
            };
            let mut left = data.len();
            let (mut src, mut dst) = places(source, data.as_flattened_mut());
            let mut batch = Batch::new();
            while left > 0 {
                // The kernels add to the low half alone: a segment ends where that begins anew.
                let to_carry = (!(counter as u64)).saturating_add(1).min((PAGE / BLOCK) as u64);
                let blocks = left.min(to_carry as usize);
                // SAFETY: `places` has checked that source and destination have `data.len()` blocks, the same or
                // disjoint, and both are borrowed for as long as the segment is used; so many blocks are left from
                // `src` and `dst` on.
                let mut segment = unsafe { Segment::new(src, dst, blocks, 0) };
                segment.set_whitening(counter.to_le_bytes(), [0; BLOCK]);
                if let Some(last) = batch.as_mut_slice().last_mut() {
                    last.set_next(&segment);
                }
                if batch.is_full() {
                    crypt(&mut batch);
                    batch.clear();
                }
                batch.push(segment);
                src = src.wrapping_add(BLOCK * blocks);
                dst = dst.wrapping_add(BLOCK * blocks);
                left -= blocks;
                counter = counter.wrapping_add(blocks as u128);
            }
            if batch.len() > 0 {
                crypt(&mut batch);
            }
        }

        /// `CONST_*` in `asm/ctr_*.S`.
        #[repr(C, align(64))]
        struct CtrConstants {
            /// 0 to 64; the rest aligns what follows.
            numbers: [[u64; 2]; 68],
            order: [Block; 4],
        }
        const _: () = assert!(core::mem::offset_of!(CtrConstants, order) == 1088);

        static CTR_CONSTANTS: CtrConstants = CtrConstants {
            numbers: {
                let mut numbers = [[0; 2]; 68];
                let mut n = 0;
                while n <= 64 {
                    numbers[n] = [n as u64, 0];
                    n += 1;
                }
                numbers
            },
            order: [0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f_u128.to_le_bytes(); 4],
        };

        /// Computes the round keys of a key.
        fn schedule(
            _: Isa,
            key: Key<'_>,
            encrypt: &mut [Block; ROUND_KEYS],
            decrypt: &mut [Block; ROUND_KEYS],
        ) {
            let kernel = match key.size() {
                KeySize::Aes128 => aes_schedule::aes128,
                KeySize::Aes256 => aes_schedule::aes256,
            };
            // SAFETY: every `Isa` proves AES-NI. `key` has as many bytes as the kernel of its size reads; each array
            // has room for the round keys of the larger size.
            unsafe {
                kernel(key.bytes().as_ptr(), encrypt.as_mut_ptr(), decrypt.as_mut_ptr());
            }
        }

        /// A number as a little-endian block, made in a vector: a kernel that loads the block right behind two stores of eight bytes
        /// would wait until both have reached the cache.
        #[inline]
        pub(crate) fn numbered(number: u64) -> Block {
            use core::arch::x86_64::_mm_cvtsi64_si128;
            // SAFETY: this code is compiled for SSE2 only; both types are 16 bytes, of which any are a valid `Block`.
            unsafe { core::mem::transmute(_mm_cvtsi64_si128(number.cast_signed())) }
        }

        /// Enciphers each of `data` alone.
        #[inline]
        pub(crate) fn encrypt_blocks(isa: Isa, keys: &EncryptKeys, data: &mut [Block]) {
            match isa {
                Isa::Vaes256(_) | Isa::Vaes512(_) if data.len() >= LINE / BLOCK => {
                    for data in data.chunks_mut(PAGE / BLOCK) {
                        let (memory, blocks) = (data.as_mut_ptr().cast::<u8>(), data.len());
                        // SAFETY: `memory` is exclusive memory of so many blocks, for as long as the segment
                        // is used; source and destination are the same.
                        let alone = unsafe { Segment::new(memory, memory, blocks, 0) };
                        let kernel = xex_kernel(isa, keys.size, Direction::Encrypt);
                        // SAFETY: as in `xex`.
                        unsafe {
                            let alone = (&raw const alone).cast();
                            kernel(keys.keys.as_ptr(), &ZERO_TABLE, &ZERO_TABLE, alone, 1);
                        }
                    }
                }
                _ => {
                    let kernel = match keys.size {
                        KeySize::Aes128 => aes_blocks_aesni::aes128,
                        KeySize::Aes256 => aes_blocks_aesni::aes256,
                    };
                    for data in data.chunks_mut(PAGE / LINE) {
                        // SAFETY: every `Isa` proves AES-NI; the keys have the alignment and the rounds of
                        // the kernel; `data` is exclusive memory of `data.len()` blocks, 1 to 64.
                        unsafe { kernel(keys.keys.as_ptr(), data.as_mut_ptr(), data.len()) }
                    }
                }
            }
        }

        /// Every block of every segment, whitened from the tables and the segments' bases.
        #[inline]
        pub(crate) fn xex(
            isa: Isa,
            keys: &RoundKeys,
            direction: Direction,
            before: &PageTable,
            after: &PageTable,
            segments: &[Segment<'_>],
        ) {
            if segments.is_empty() {
                return;
            }
            let kernel = xex_kernel(isa, keys.encrypt.size, direction);
            // SAFETY: `isa` proves the CPU features; keys, tables and segments have the sizes and alignments
            // of the contract by their types, and there is at least one segment. `Segment::new` was promised
            // that the memory is valid, and checked that each segment ends inside the tables.
            unsafe {
                kernel(
                    keys.in_order(direction),
                    before,
                    after,
                    segments.as_ptr().cast(),
                    segments.len(),
                );
            }
        }

        type XexKernel = unsafe extern "sysv64" fn(
            *const Block,
            *const PageTable,
            *const PageTable,
            *const u8,
            usize,
        );

        fn xex_kernel(isa: Isa, size: KeySize, direction: Direction) -> XexKernel {
            match isa {
                Isa::AesNi(_) => xex_aesni::select(size, direction),
                Isa::Vaes256(_) => xex_vaes256::select(size, direction),
                Isa::Vaes512(_) => xex_vaes512::select(size, direction),
            }
        }

        /// Every block of every segment under XTS; each segment's first tweak is its whitening before AES.
        pub(crate) fn xts(
            isa: Isa,
            keys: &RoundKeys,
            direction: Direction,
            segments: &[Segment<'_>],
        ) {
            if segments.is_empty() {
                return;
            }
            let kernel = match isa {
                Isa::AesNi(_) => xts_aesni::select(keys.encrypt.size, direction),
                Isa::Vaes256(_) => xts_vaes256::select(keys.encrypt.size, direction),
                Isa::Vaes512(_) => xts_vaes512::select(keys.encrypt.size, direction),
            };
            // The kernel erases what it wrote; it starts uninitialised, since the kernel writes before it reads.
            let mut scratch = MaybeUninit::<Scratch>::uninit();
            // SAFETY: `isa` proves the CPU features; keys, segments and scratch have the sizes and
            // alignments of the contract by their types, and there is at least one segment.
            // `Segment::new` was promised that the memory is valid.
            unsafe {
                kernel(
                    keys.in_order(direction),
                    segments.as_ptr().cast(),
                    segments.len(),
                    scratch.as_mut_ptr(),
                );
            }
        }

        /// Whole lines under XTS, each a unit of its own: `tweaks` has the first tweak of each.
        pub(crate) fn xts_lines(
            isa: Isa,
            keys: &RoundKeys,
            direction: Direction,
            tweaks: &[Block],
            lines: &Segment<'_>,
        ) {
            assert!((lines.end - lines.offset) as usize == LINE * tweaks.len(), "a tweak a line");
            let kernel = match isa {
                Isa::AesNi(_) => xts_lines_aesni::select(keys.encrypt.size, direction),
                Isa::Vaes256(_) => xts_lines_vaes256::select(keys.encrypt.size, direction),
                Isa::Vaes512(_) => xts_lines_vaes512::select(keys.encrypt.size, direction),
            };
            // SAFETY: `isa` proves the CPU features; the keys have the size and alignment of the contract by
            // their type; there are 64 bytes of memory for each tweak (asserted above), at least one, which
            // `Segment::new` was promised to be valid, the same or disjoint.
            unsafe {
                kernel(
                    keys.in_order(direction),
                    tweaks.as_ptr(),
                    lines.src,
                    lines.dst,
                    tweaks.len(),
                );
            }
        }

        impl<const N: usize> Powers<N> {
            /// Computes the powers of the hash key H = AES(0).
            pub(crate) fn fill(&mut self, isa: Isa, key: &Block) {
                // mulX_POLYVAL of RFC 8452, appendix A, without a branch on the key.
                let key = u128::from_be_bytes(*key);
                let first = key << 1 ^ 0u128.wrapping_sub(key >> 127) & 0xc2 << 120 ^ key >> 127;
                let used = Self::used(isa);
                let (powers, middles) =
                    (&mut self.powers[N - used..], &mut self.middles[N - used..]);
                powers[used - 1] = first.to_le_bytes();
                // SAFETY: every `Isa` proves SSE2 and PCLMULQDQ. Both places have `used` blocks, a multiple of 4, and
                // are aligned, since the tables are and N is even.
                unsafe {
                    ghash_powers_aesni::any(powers.as_mut_ptr(), middles.as_mut_ptr(), used);
                }
            }

            /// From the powers to the sums of their halves, in bytes.
            const DISTANCE: u64 = (N * BLOCK) as u64;

            fn end(&self) -> *const Block {
                // The whole table's pointer: kernels reach `middles` and `behind` from it.
                (&raw const *self).cast::<Block>().wrapping_add(N)
            }
        }

        /// Whole blocks into a hash.
        pub(crate) fn ghash<const N: usize>(
            _: Isa,
            powers: &Powers<N>,
            hash: &mut u128,
            blocks: &[Block],
        ) {
            if blocks.is_empty() {
                return;
            }
            // SAFETY: every `Isa` proves SSE2, SSSE3 and PCLMULQDQ. The last 8 powers of a table have been computed; it
            // is aligned; there is at least one block. A `u128` is 16 bytes in this order on x86-64.
            unsafe {
                ghash_aesni::any(
                    &raw mut *hash,
                    blocks.as_ptr(),
                    blocks.len(),
                    powers.end(),
                    Powers::<N>::DISTANCE,
                );
            }
        }

        /// Whole blocks of text from `source` to `text`, enciphered or deciphered, and hashed as ciphertext.
        pub(crate) fn gcm_blocks<const N: usize>(
            _: Isa,
            keys: &EncryptKeys,
            powers: &Powers<N>,
            turn: Turn,
            state: &mut GcmState,
            source: Source<'_>,
            text: &mut [u8],
        ) {
            let blocks = text.len() / BLOCK;
            let (src, dst) = places(source, text);
            if blocks == 0 {
                return;
            }
            state.distance = Powers::<N>::DISTANCE;
            let kernel = gcm_aesni::select(keys.size, turn);
            // SAFETY: every `Isa` proves SSE2, SSSE3, AES-NI and PCLMULQDQ; keys and powers have the sizes and alignments of
            // the contract by their types, and the last 8 powers have been computed. `places` has checked that source
            // and destination have `blocks` blocks, the same or disjoint.
            unsafe {
                kernel(
                    keys.keys.as_ptr(),
                    src,
                    dst,
                    blocks,
                    &raw mut *state,
                    powers.end(),
                );
            }
        }

        /// A whole message from `source` to `text`, and its tag. The additional data, of `aad_len` bytes, is `aad`, at most 64
        /// bytes; or if that is empty, `hash` has gone over it.
        #[allow(clippy::too_many_arguments, reason = "a message's parts")]
        pub(crate) fn gcm_message<const N: usize>(
            _: Vaes512,
            keys: &EncryptKeys,
            powers: &Powers<N>,
            turn: Turn,
            nonce: &[u8; 12],
            (hash, aad, aad_len): (&u128, &[u8], u64),
            source: Source<'_>,
            text: &mut [u8],
        ) -> Block {
            assert!(aad.len() <= LINE, "the kernel takes one vector of additional data");
            let len = text.len();
            let (src, dst) = places(source, text);
            // The last set is begun while the one before it ends, whole or not.
            let sets = len.saturating_sub(1) / GCM_SET;
            let tail = len - GCM_SET * sets;
            // Blocks to hash: of the additional data, and behind the sets, where the lengths come last.
            let (ahead, behind) = (aad.len().div_ceil(BLOCK), tail.div_ceil(BLOCK) + 1);
            let per_set = GCM_SET / BLOCK;
            let fits = ahead + per_set * sets + behind <= N;
            // A power is left for the lengths, so that no run is longer than the sets that remain.
            let later = (N - 1) / per_set;
            let run = if fits { usize::MAX } else { (N - 1 - ahead) / per_set };
            let first = ahead + if fits { per_set * sets + behind } else { per_set * run };
            let counter = turned_counter(nonce, 0);
            let mut job = GcmJob {
                src,
                dst,
                sets,
                tail,
                aad: aad.as_ptr(),
                aad_len: aad.len(),
                powers: powers.end().wrapping_sub(first),
                distance: Powers::<N>::DISTANCE,
                run,
                later,
                later_powers: powers.end().wrapping_sub(per_set * later),
                last: (N - behind) / per_set,
                last_powers: powers.end().wrapping_sub(behind),
                aad_bits: 8 * aad_len,
                text_bits: 8 * len as u64,
                carried: u64::from(aad.is_empty() && aad_len > 0),
                nonce: [counter as u64, (counter >> 64) as u64],
                hash: *hash,
            };
            let kernel = gcm_vaes512::select(keys.size, turn);
            // SAFETY: the token proves the CPU features; keys, job and constants have the sizes and alignments of the contract by
            // their types. `places` has checked that source and destination have `len` bytes, the same or disjoint.
            // A run of hashed blocks begins at most N blocks before the end of the powers, which are all computed,
            // by the choice of `run`, `later` and `last`, and N has room for the additional data and a set, and for the
            // tail and the lengths. Behind a vector's first block, 48 bytes of the table follow.
            unsafe { kernel(keys.keys.as_ptr(), &raw mut job, &raw const GCM_CONSTANTS) };
            let tag = job.hash.to_le_bytes();
            if turn == Turn::Open {
                // The right tag of a text that may be forged.
                job.hash.zeroize();
            }
            tag
        }

        /// Declares the safe functions for numbers modulo P-384's prime: six words, the lowest first, below the prime; so are
        /// the results. Of others they are six words without a meaning.
        macro_rules! p384_functions {
            ($($(#[$doc:meta])* $name:ident = $body:ident($($arg:ident),*);)*) => {$(
                $(#[$doc])*
                #[inline]
                pub(crate) fn $name(_: Mulx, $($arg: &[u64; 6]),*) -> [u64; 6] {
                    let mut out = core::mem::MaybeUninit::uninit();
                    // SAFETY: the token proves the CPU features. Places of six words are read, and all six words of `out` are
                    // written.
                    unsafe {
                        p384_mulx::$body(out.as_mut_ptr(), $($arg),*);
                        out.assume_init()
                    }
                }
            )*};
        }

        p384_functions! {
            /// The product in Montgomery's form: `a * b / 2^384`.
            p384_mul = mul(a, b);
            /// The square in Montgomery's form: `a * a / 2^384`.
            p384_sqr = sqr(a);
            /// `a + b`.
            p384_add = add(a, b);
            /// `a - b`.
            p384_sub = sub(a, b);
            /// `a / 2`.
            p384_half = half(a);
        }

        /// Pointers to source and destination, which have the same length.
        fn places(source: Source<'_>, text: &mut [u8]) -> (*const u8, *mut u8) {
            let dst = text.as_mut_ptr();
            match source {
                Source::Same => (dst.cast_const(), dst),
                Source::Other(bytes) => {
                    assert!(bytes.len() == text.len(), "source and destination of one length");
                    (bytes.as_ptr(), dst)
                }
            }
        }

        /// Bytes that the message kernel takes at a time.
        const GCM_SET: usize = 512;

        /// What the message kernel is asked for: `JOB_*` in `asm/gcm_vaes512.S`.
        #[repr(C, align(64))]
        struct GcmJob {
            src: *const u8,
            dst: *mut u8,
            sets: usize,
            tail: usize,
            aad: *const u8,
            aad_len: usize,
            powers: *const Block,
            distance: u64,
            run: usize,
            later: usize,
            later_powers: *const Block,
            last: usize,
            last_powers: *const Block,
            aad_bits: u64,
            text_bits: u64,
            carried: u64,
            nonce: [u64; 2],
            hash: u128,
        }
        const _: () = {
            use core::mem::offset_of;
            assert!(offset_of!(GcmJob, powers) == 48 && offset_of!(GcmJob, last_powers) == 96);
            assert!(offset_of!(GcmJob, text_bits) == 112 && offset_of!(GcmJob, nonce) == 128);
            assert!(offset_of!(GcmJob, hash) == 144);
        };

        /// `CONST_*` in `asm/gcm_vaes512.S`.
        #[repr(C, align(64))]
        struct GcmConstants {
            order: Block,
            fold: [u64; 2],
            one: [u32; 4],
            unused: [u32; 4],
            four: [[u32; 4]; 4],
            lanes: [[u32; 4]; 4],
            seven: [[u32; 4]; 4],
            step: [[u32; 4]; 4],
        }

        static GCM_CONSTANTS: GcmConstants = GcmConstants {
            order: 0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f_u128.to_le_bytes(),
            fold: [0xc2 << 56, 0],
            one: [1, 0, 0, 0],
            unused: [0; 4],
            four: [[4, 0, 0, 0]; 4],
            lanes: [[2, 0, 0, 0], [3, 0, 0, 0], [4, 0, 0, 0], [5, 0, 0, 0]],
            seven: [[28, 0, 0, 0]; 4],
            // The last byte of a block that is not turned.
            step: [[0, 0, 0, 4 << 24]; 4],
        };

        /// What a hash kernel is asked for: `JOB_*` in `asm/sha384_*.S`. `LANES` messages side by side in each of `SETS` sets.
        #[repr(C, align(64))]
        struct HashJob<const LANES: usize, const SETS: usize> {
            state: [[[u64; LANES]; 8]; SETS],
            lanes: [[*const u8; LANES]; SETS],
            blocks: usize,
            padding: usize,
            words: HashWords<LANES, SETS>,
        }

        /// Words of two blocks of each message.
        #[repr(C, align(64))]
        struct HashWords<const LANES: usize, const SETS: usize>([[[[u64; LANES]; 16]; SETS]; 2]);

        const _: () = {
            use core::mem::offset_of;
            assert!(offset_of!(HashJob<4, 1>, lanes) == 256 && offset_of!(HashJob<4, 1>, blocks) == 288);
            assert!(offset_of!(HashJob<4, 1>, words) == 320 && size_of::<HashJob<4, 1>>() == 1344);
            assert!(size_of::<HashJob<8, 1>>() == 2688 && size_of::<HashJob<8, 2>>() == 5312);
            assert!(offset_of!(HashJob<4, 1>, padding) == 296 && offset_of!(HashJob<8, 1>, padding) == 584);
            assert!(offset_of!(HashJob<8, 2>, padding) == 1160);
            assert!(offset_of!(HashJob<8, 1>, lanes) == 512 && offset_of!(HashJob<8, 2>, lanes) == 1024);
            assert!(offset_of!(HashJob<8, 1>, blocks) == 576 && offset_of!(HashJob<8, 2>, blocks) == 1152);
            assert!(offset_of!(HashJob<8, 1>, words) == 640 && offset_of!(HashJob<8, 2>, words) == 1216);
        };

        /// How many messages the hash kernels take at a time: none, where there is no kernel for it.
        pub(crate) fn sha384_lanes(isa: Isa) -> usize {
            match isa {
                Isa::AesNi(_) => 0,
                Isa::Vaes256(_) => 4,
                Isa::Vaes512(_) => 16,
            }
        }

        /// SHA-512's compression of messages side by side: the first `blocks` blocks of each, then the block whose schedule is in
        /// `padding`, if there is one. As many messages as [`sha384_lanes`] says, or fewer; at most [`HASH_BLOCKS`] blocks.
        pub(crate) fn sha384_blocks(
            isa: Isa,
            states: &mut [[u64; 8]],
            messages: &[&[u8]],
            blocks: usize,
            constants: &[u64; 80],
            padding: Option<&[u64; 80]>,
        ) {
            let tables = (constants, padding);
            match isa {
                Isa::AesNi(_) => unreachable!("`sha384_lanes` is zero"),
                Isa::Vaes256(_) => {
                    // SAFETY: `isa` proves the CPU features; the kernel takes one set of four messages.
                    unsafe { hash_job::<4, 1>(sha384_vaes256::any, states, messages, blocks, tables) }
                }
                Isa::Vaes512(_) if messages.len() <= 8 => {
                    // SAFETY: `isa` proves the CPU features; the kernel takes one set of eight messages.
                    unsafe { hash_job::<8, 1>(sha384_vaes512::one, states, messages, blocks, tables) }
                }
                Isa::Vaes512(_) => {
                    // SAFETY: `isa` proves the CPU features; the kernel takes two sets of eight messages.
                    unsafe { hash_job::<8, 2>(sha384_vaes512::two, states, messages, blocks, tables) }
                }
            }
        }

        type HashKernel = unsafe extern "sysv64" fn(*mut u8, *const u64, *const u64, *const ByteOrder);

        /// Fills in a job, has it done, and takes the hash values out of it.
        ///
        /// # Safety
        /// The kernel is one for jobs of `SETS` sets of `LANES` messages, and the CPU has what it needs.
        unsafe fn hash_job<const LANES: usize, const SETS: usize>(
            kernel: HashKernel,
            states: &mut [[u64; 8]],
            messages: &[&[u8]],
            blocks: usize,
            (constants, padding): (&[u64; 80], Option<&[u64; 80]>),
        ) {
            assert!((1..=HASH_BLOCKS).contains(&blocks), "as many blocks as a kernel takes");
            assert!((1..=LANES * SETS).contains(&messages.len()), "as many messages");
            assert!(states.len() == messages.len(), "a hash value for each message");
            assert!(messages.iter().all(|message| message.len() >= 128 * blocks), "every block is there");
            let mut job = HashJob {
                state: [[[0; LANES]; 8]; SETS],
                // Lanes that are left over hash the first message again.
                lanes: [[messages[0].as_ptr(); LANES]; SETS],
                blocks,
                padding: padding.is_some().into(),
                words: HashWords([[[[0; LANES]; 16]; SETS]; 2]),
            };
            for (n, (state, message)) in states.iter().zip(messages).enumerate() {
                let (set, lane) = (n / LANES, n % LANES);
                job.lanes[set][lane] = message.as_ptr();
                for (word, value) in job.state[set].iter_mut().zip(state) {
                    word[lane] = *value;
                }
            }
            let padding = padding.unwrap_or(constants);
            // SAFETY: the caller promises that the kernel is one for this type of job and that the CPU has what it needs. Each
            // lane is a message of at least `blocks` blocks; the tables have 80 words; the byte orders are of their type.
            unsafe {
                kernel((&raw mut job).cast(), constants.as_ptr(), padding.as_ptr(), &raw const BYTE_ORDER);
            }
            for (n, state) in states.iter_mut().enumerate() {
                for (value, word) in state.iter_mut().zip(&job.state[n / LANES]) {
                    *value = word[n % LANES];
                }
            }
        }

        /// What the hash kernels put bytes in order with.
        #[repr(C, align(64))]
        struct ByteOrder {
            /// Turns the bytes of each 64-bit word round.
            turn: [Block; 4],
            /// Rotates each 64-bit word to the right by 8 bits.
            rotate: [Block; 2],
        }

        static BYTE_ORDER: ByteOrder = ByteOrder {
            turn: [0x0809_0a0b_0c0d_0e0f_0001_0203_0405_0607_u128.to_le_bytes(); 4],
            rotate: [0x080f_0e0d_0c0b_0a09_0007_0605_0403_0201_u128.to_le_bytes(); 2],
        };

        /// As much as the kernel with the largest scratch takes.
        #[repr(C, align(64))]
        struct Scratch([Block; 148]);
        const _: () = assert!(size_of::<Scratch>() == 2368, "what `asm/xts_vaes512.S` asks for");

        /// Declares the bodies of a kernel, one for each set of assembly-time numbers, in a module of the
        /// file's name.
        macro_rules! kernel {
            ($module:ident, $file:literal, $args:tt: $($name:ident: $($symbol:literal = $value:expr),*;)*) => {
                #[doc = concat!("`asm/", $file, "`.")]
                mod $module {
                    #[allow(clippy::wildcard_imports, reason = "the types that contracts name")]
                    use super::*;

                    $(kernel! { @one $name $args $file $($symbol = $value),* })*
                }
            };
            (@one $name:ident ($($arg:ident: $type:ty),*) $file:literal $($symbol:literal = $value:expr),*) => {
                /// # Safety
                #[doc = concat!("The contract of `asm/", $file, "`.")]
                #[unsafe(naked)]
                pub(super) unsafe extern "sysv64" fn $name($($arg: $type),*) {
                    core::arch::naked_asm!(
                        $(concat!(".set ", $symbol, ", ", $value),)*
                        include_str!("../asm/directions.inc"),
                        include_str!("../asm/ghash.inc"),
                        include_str!("../asm/ghash_vaes512.inc"),
                        include_str!(concat!("../asm/", $file)),
                        ".purgem aes_round",
                        ".purgem aes_last",
                        ".purgem vaes_round",
                        ".purgem vaes_last",
                        ".purgem ghash_fold",
                        ".purgem ghash_add",
                        ".purgem ghash_reduce",
                        ".purgem ghash512_times",
                        ".purgem ghash512_add",
                        ".purgem ghash512_step",
                        ".purgem ghash512_some",
                        ".purgem ghash512_reduce",
                        ".purgem ghash512_begin",
                        options(raw)
                    )
                }
            };
        }

        kernel! {
            aes_schedule, "aes_schedule.S", (key: *const u8, encrypt: *mut Block, decrypt: *mut Block):
            aes128: "ROUNDS" = 10;
            aes256: "ROUNDS" = 14;
        }
        kernel! {
            aes_blocks_aesni, "aes_blocks_aesni.S", (keys: *const Block, data: *mut Block, count: usize):
            aes128: "ROUNDS" = 10;
            aes256: "ROUNDS" = 14;
        }

        kernel! {
            ghash_powers_aesni, "ghash_powers_aesni.S", (powers: *mut Block, middles: *mut Block, count: usize):
            any: ;
        }
        kernel! {
            ghash_aesni, "ghash_aesni.S",
            (hash: *mut u128, data: *const Block, count: usize, powers: *const Block, distance: u64):
            any: ;
        }

        kernel! {
            rsa_mulx, "rsa_mulx.S", (sum: *mut RsaSum, a: *const u64, b: *const u64):
            any: ;
        }

        /// Adds `a * b` to `sum`, modulo 2^1088; the words of each are lowest first.
        #[inline]
        pub(crate) fn rsa_add_product(_: Mulx, sum: &mut RsaSum, a: &[u64; 8], b: &[u64; 8]) {
            // SAFETY: the token proves MULX, ADCX and ADOX. The arrays are as long as the contract says, and the one that is
            // written is borrowed alone.
            unsafe { rsa_mulx::any(sum, a.as_ptr(), b.as_ptr()) }
        }

        /// Declares the four bodies of a kernel for GCM, both key sizes, sealing and opening, and `select`.
        macro_rules! gcm_kernel {
            ($module:ident, $file:literal, ($($arg:ident: $type:ty),*), $($symbol:literal = $value:expr),*) => {
                gcm_kernel! { @body $module $file ($($arg: $type),*) { $($symbol = $value),* } }
            };
            (@body $module:ident $file:literal $args:tt $numbers:tt) => {
                #[doc = concat!("`asm/", $file, "`.")]
                mod $module {
                    #[allow(clippy::wildcard_imports, reason = "the types that contracts name")]
                    use super::*;

                    gcm_kernel! { @one aes128_seal $args $file 10 1 $numbers }
                    gcm_kernel! { @one aes128_open $args $file 10 0 $numbers }
                    gcm_kernel! { @one aes256_seal $args $file 14 1 $numbers }
                    gcm_kernel! { @one aes256_open $args $file 14 0 $numbers }
                    gcm_kernel! { @select $args }
                }
            };
            (@one $name:ident $args:tt $file:literal $rounds:literal $text:literal { $($symbol:literal = $value:expr),* }) => {
                kernel! { @one $name $args $file "ROUNDS" = $rounds, "TEXT" = $text $(, $symbol = $value)* }
            };
            (@select ($($arg:ident: $type:ty),*)) => {
                pub(super) fn select(size: KeySize, turn: Turn) -> unsafe extern "sysv64" fn($($type),*) {
                    match (size, turn) {
                        (KeySize::Aes128, Turn::Seal) => aes128_seal,
                        (KeySize::Aes128, Turn::Open) => aes128_open,
                        (KeySize::Aes256, Turn::Seal) => aes256_seal,
                        (KeySize::Aes256, Turn::Open) => aes256_open,
                    }
                }
            };
        }

        gcm_kernel! {
            gcm_aesni, "gcm_aesni.S",
            (keys: *const Block, src: *const u8, dst: *mut u8, count: usize, state: *mut GcmState, powers: *const Block),
        }
        gcm_kernel! {
            gcm_vaes512, "gcm_vaes512.S",
            (keys: *const Block, job: *mut GcmJob, constants: *const GcmConstants),
            "JOB_SRC" = 0, "JOB_DST" = 8, "JOB_SETS" = 16, "JOB_TAIL" = 24, "JOB_AAD" = 32, "JOB_AAD_LEN" = 40,
            "JOB_POWERS" = 48, "JOB_DISTANCE" = 56, "JOB_RUN" = 64, "JOB_LATER" = 72, "JOB_LATER_POWERS" = 80,
            "JOB_LAST" = 88, "JOB_LAST_POWERS" = 96, "JOB_AAD_BITS" = 104, "JOB_TEXT_BITS" = 112, "JOB_CARRIED" = 120, "JOB_NONCE" = 128,
            "JOB_HASH" = 144,
            "CONST_ORDER" = 0, "CONST_FOLD" = 16, "CONST_ONE" = 32, "CONST_FOUR" = 64, "CONST_LANES" = 128,
            "CONST_SEVEN" = 192, "CONST_STEP" = 256
        }

        /// Declares the four bodies of a kernel, both key sizes and both directions, and `select`, which tells
        /// them apart.
        macro_rules! directed_kernel {
            ($module:ident, $file:literal, $args:tt) => {
                #[doc = concat!("`asm/", $file, "`.")]
                mod $module {
                    #[allow(clippy::wildcard_imports, reason = "the types that contracts name")]
                    use super::*;

                    directed_kernel! { @body aes128_encrypt $args $file 10 0 }
                    directed_kernel! { @body aes128_decrypt $args $file 10 1 }
                    directed_kernel! { @body aes256_encrypt $args $file 14 0 }
                    directed_kernel! { @body aes256_decrypt $args $file 14 1 }
                    directed_kernel! { @select $args }
                }
            };
            (@body $name:ident $args:tt $file:literal $rounds:literal $decrypt:literal) => {
                kernel! {
                    @one $name $args $file
                    "SEG_SRC" = 0, "SEG_DST" = 8, "SEG_PREFETCH" = 16, "SEG_OFFSET" = 24, "SEG_END" = 28,
                    "SEG_BEFORE" = 32, "SEG_AFTER" = 48, "SEG_BYTES" = 64,
                    "ROUNDS" = $rounds, "DECRYPT" = $decrypt
                }
            };
            (@select ($($arg:ident: $type:ty),*)) => {
                pub(super) fn select(
                    size: KeySize,
                    direction: Direction,
                ) -> unsafe extern "sysv64" fn($($type),*) {
                    match (size, direction) {
                        (KeySize::Aes128, Direction::Encrypt) => aes128_encrypt,
                        (KeySize::Aes128, Direction::Decrypt) => aes128_decrypt,
                        (KeySize::Aes256, Direction::Encrypt) => aes256_encrypt,
                        (KeySize::Aes256, Direction::Decrypt) => aes256_decrypt,
                    }
                }
            };
        }

        macro_rules! xex_kernel {
            ($module:ident, $file:literal) => {
                directed_kernel! {
                    $module, $file,
                    (keys: *const Block, before: *const PageTable, after: *const PageTable, segments: *const u8, count: usize)
                }
            };
        }

        macro_rules! xts_kernel {
            ($module:ident, $file:literal) => {
                directed_kernel! {
                    $module, $file,
                    (keys: *const Block, segments: *const u8, count: usize, scratch: *mut Scratch)
                }
            };
        }

        macro_rules! xts_lines_kernel {
            ($module:ident, $file:literal) => {
                directed_kernel! {
                    $module, $file,
                    (keys: *const Block, tweaks: *const Block, src: *const u8, dst: *mut u8, count: usize)
                }
            };
        }

        kernel! {
            sha384_vaes256, "sha384_vaes256.S", (job: *mut u8, constants: *const u64, padding: *const u64, order: *const ByteOrder):
            any: "JOB_STATE" = 0, "JOB_LANES" = 256, "JOB_BLOCKS" = 288, "JOB_PADDING" = 296, "JOB_WORDS" = 320;
        }
        kernel! {
            sha384_vaes512, "sha384_vaes512.S", (job: *mut u8, constants: *const u64, padding: *const u64, order: *const ByteOrder):
            one: "SETS" = 1, "JOB_STATE" = 0, "JOB_LANES" = 512, "JOB_BLOCKS" = 576, "JOB_PADDING" = 584, "JOB_WORDS" = 640;
            two: "SETS" = 2, "JOB_STATE" = 0, "JOB_LANES" = 1024, "JOB_BLOCKS" = 1152, "JOB_PADDING" = 1160, "JOB_WORDS" = 1216;
        }

        /// Declares the bodies of the kernels for P-384's prime: each has arguments of its own.
        macro_rules! p384_kernels {
            ($($name:ident: $number:literal, $args:tt;)*) => {
                #[doc = "`asm/p384_mulx.S`."]
                mod p384_mulx {
                    $(kernel! {
                        @one $name $args "p384_mulx.S"
                        "MUL" = 0, "SQR" = 1, "ADD" = 2, "SUB" = 3, "HALF" = 4, "BODY" = $number
                    })*
                }
            };
        }

        p384_kernels! {
            mul: 0, (out: *mut [u64; 6], a: *const [u64; 6], b: *const [u64; 6]);
            sqr: 1, (out: *mut [u64; 6], a: *const [u64; 6]);
            add: 2, (out: *mut [u64; 6], a: *const [u64; 6], b: *const [u64; 6]);
            sub: 3, (out: *mut [u64; 6], a: *const [u64; 6], b: *const [u64; 6]);
            half: 4, (out: *mut [u64; 6], a: *const [u64; 6]);
        }

        /// Declares both bodies of a kernel for counter mode, and `select`.
        macro_rules! ctr_kernel {
            ($module:ident, $file:literal) => {
                ctr_kernel! {
                    @body $module $file
                    (keys: *const Block, segments: *const u8, count: usize, constants: *const CtrConstants)
                }
            };
            (@body $module:ident $file:literal $args:tt) => {
                #[doc = concat!("`asm/", $file, "`.")]
                mod $module {
                    #[allow(clippy::wildcard_imports, reason = "the types that contracts name")]
                    use super::*;

                    ctr_kernel! { @one aes128 $args $file 10 }
                    ctr_kernel! { @one aes256 $args $file 14 }
                    ctr_kernel! { @select $args }
                }
            };
            (@one $name:ident $args:tt $file:literal $rounds:literal) => {
                kernel! {
                    @one $name $args $file
                    "SEG_SRC" = 0, "SEG_DST" = 8, "SEG_PREFETCH" = 16, "SEG_OFFSET" = 24, "SEG_END" = 28,
                    "SEG_BEFORE" = 32, "SEG_BYTES" = 64, "CONST_NUMBERS" = 0, "CONST_ORDER" = 1088,
                    "ROUNDS" = $rounds
                }
            };
            (@select ($($arg:ident: $type:ty),*)) => {
                pub(super) fn select(size: KeySize) -> unsafe extern "sysv64" fn($($type),*) {
                    match size {
                        KeySize::Aes128 => aes128,
                        KeySize::Aes256 => aes256,
                    }
                }
            };
        }

        ctr_kernel! { ctr_aesni, "ctr_aesni.S" }
        ctr_kernel! { ctr_vaes256, "ctr_vaes256.S" }
        ctr_kernel! { ctr_vaes512, "ctr_vaes512.S" }
        xex_kernel! { xex_aesni, "xex_aesni.S" }
        xex_kernel! { xex_vaes256, "xex_vaes256.S" }
        xex_kernel! { xex_vaes512, "xex_vaes512.S" }
        xts_kernel! { xts_aesni, "xts_aesni.S" }
        xts_kernel! { xts_vaes256, "xts_vaes256.S" }
        xts_kernel! { xts_vaes512, "xts_vaes512.S" }
        xts_lines_kernel! { xts_lines_aesni, "xts_lines_aesni.S" }
        xts_lines_kernel! { xts_lines_vaes256, "xts_lines_vaes256.S" }
        xts_lines_kernel! { xts_lines_vaes512, "xts_lines_vaes512.S" }
    } else {
        // No kernels in this build: there is no value of `Isa`, and so no call.

        pub(crate) struct EncryptKeys(crate::cpu::Built);

        impl EncryptKeys {
            pub(crate) fn size(&self) -> KeySize {
                match self.0 {}
            }
        }

        pub(crate) struct RoundKeys(crate::cpu::Built);

        impl RoundKeys {
            pub(crate) fn to_encrypt(&self) -> &EncryptKeys {
                match self.0 {}
            }
        }

        pub(crate) struct Powers<const N: usize>(crate::cpu::Built);

        impl RoundKeys {
            pub(crate) fn new(isa: Isa, _: Key<'_>) -> Self {
                isa.never()
            }

        }

        pub(crate) fn numbered(number: u64) -> Block {
            u128::from(number).to_le_bytes()
        }

        pub(crate) fn encrypt_blocks(isa: Isa, _: &EncryptKeys, _: &mut [Block]) {
            isa.never()
        }

        pub(crate) fn ctr(isa: Isa, _: &EncryptKeys, _: u128, _: Source<'_>, _: &mut [Block]) {
            isa.never()
        }

        pub(crate) fn xex(
            isa: Isa,
            _: &RoundKeys,
            _: Direction,
            _: &PageTable,
            _: &PageTable,
            _: &[Segment<'_>],
        ) {
            isa.never()
        }

        pub(crate) fn xts(isa: Isa, _: &RoundKeys, _: Direction, _: &[Segment<'_>]) {
            isa.never()
        }

        pub(crate) fn sha384_lanes(isa: Isa) -> usize {
            isa.never()
        }

        pub(crate) fn sha384_blocks(
            isa: Isa,
            _: &mut [[u64; 8]],
            _: &[&[u8]],
            _: usize,
            _: &[u64; 80],
            _: Option<&[u64; 80]>,
        ) {
            isa.never()
        }

        pub(crate) fn p384_mul(mulx: Mulx, _: &[u64; 6], _: &[u64; 6]) -> [u64; 6] {
            mulx.never()
        }

        pub(crate) fn p384_sqr(mulx: Mulx, _: &[u64; 6]) -> [u64; 6] {
            mulx.never()
        }

        pub(crate) fn p384_add(mulx: Mulx, _: &[u64; 6], _: &[u64; 6]) -> [u64; 6] {
            mulx.never()
        }

        pub(crate) fn p384_sub(mulx: Mulx, _: &[u64; 6], _: &[u64; 6]) -> [u64; 6] {
            mulx.never()
        }

        pub(crate) fn p384_half(mulx: Mulx, _: &[u64; 6]) -> [u64; 6] {
            mulx.never()
        }

        pub(crate) fn rsa_add_product(mulx: Mulx, _: &mut RsaSum, _: &[u64; 8], _: &[u64; 8]) {
            mulx.never()
        }

        pub(crate) fn xts_lines(
            isa: Isa,
            _: &RoundKeys,
            _: Direction,
            _: &[Block],
            _: &Segment<'_>,
        ) {
            isa.never()
        }

        pub(crate) fn ghash<const N: usize>(isa: Isa, _: &Powers<N>, _: &mut u128, _: &[Block]) {
            isa.never()
        }

        pub(crate) fn gcm_blocks<const N: usize>(
            isa: Isa,
            _: &EncryptKeys,
            _: &Powers<N>,
            _: Turn,
            _: &mut GcmState,
            _: Source<'_>,
            _: &mut [u8],
        ) {
            isa.never()
        }

        #[allow(clippy::too_many_arguments, reason = "a message's parts")]
        pub(crate) fn gcm_message<const N: usize>(
            vaes512: Vaes512,
            _: &EncryptKeys,
            _: &Powers<N>,
            _: Turn,
            _: &[u8; 12],
            _: (&u128, &[u8], u64),
            _: Source<'_>,
            _: &mut [u8],
        ) -> Block {
            vaes512.never()
        }
    }
}

#[cfg(all(test, feature = "kernels", target_arch = "x86_64", target_feature = "sse2"))]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
    use crypto_bigint::{Odd, U384};

    use super::*;
    use crate::cpu::ArithmeticToken;

    const P: [u64; 6] =
        [0xffff_ffff, 0xffff_ffff_0000_0000, 0xffff_ffff_ffff_fffe, u64::MAX, u64::MAX, u64::MAX];

    /// Numbers below the prime: those at its ends, with words of nothing or all bits, with single bits, and without a pattern.
    fn numbers() -> Vec<U384> {
        let p = U384::from_words(P);
        let mut numbers = vec![U384::ZERO, U384::ONE];
        for n in 0..384 {
            let bit = U384::ONE.shl(n);
            numbers.extend([bit, bit.wrapping_sub(&U384::ONE), p.wrapping_sub(&bit)]);
        }
        for set in 0..64 {
            let words = core::array::from_fn(|n| if set >> n & 1 == 1 { u64::MAX } else { 0 });
            numbers.extend([U384::from_words(words), p.wrapping_sub(&U384::from_words(words))]);
            numbers.push(U384::from_words(words.map(|word| word & 0xffff_ffff)));
            numbers.push(U384::from_words(words.map(|word| word << 32)));
        }
        let mut seed = 1_u64;
        for _ in 0..200 {
            numbers.push(U384::from_words(core::array::from_fn(|_| {
                seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                seed ^ seed >> 29
            })));
        }
        numbers.retain(|number| number < &p);
        numbers
    }

    #[test]
    fn p384_is_what_another_library_computes() {
        let Some(ArithmeticToken::Mulx(mulx)) =
            Arithmetic::new(ArithmeticKind::Mulx).map(|one| one.0)
        else {
            return;
        };
        let params = FixedMontyParams::new(Odd::new(U384::from_words(P)).unwrap());
        let numbers = numbers();
        let forms: Vec<_> = numbers
            .iter()
            .map(|number| FixedMontyForm::from_montgomery(*number, &params))
            .collect();
        let words = |form: &FixedMontyForm<{ U384::LIMBS }>| form.as_montgomery().to_words();
        for (a, form) in numbers.iter().zip(&forms) {
            let a = a.to_words();
            assert_eq!(p384_sqr(mulx, &a), words(&form.square()), "{a:x?}");
            assert_eq!(p384_half(mulx, &a), words(&form.div_by_2()), "{a:x?}");
            for (b, other) in numbers.iter().zip(&forms) {
                let b = b.to_words();
                assert_eq!(p384_mul(mulx, &a, &b), words(&form.mul(other)), "{a:x?} {b:x?}");
                assert_eq!(p384_add(mulx, &a, &b), words(&form.add(other)), "{a:x?} {b:x?}");
                assert_eq!(p384_sub(mulx, &a, &b), words(&form.sub(other)), "{a:x?} {b:x?}");
            }
        }
    }
}
