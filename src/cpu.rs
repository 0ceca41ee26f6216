//! Which backends this CPU has, and the tokens that prove it.
//!
//! A kernel takes its backend's token as an argument; the only ways to a token are detection and
//! [`Backend::assume`]. So a kernel cannot be reached on a CPU that lacks what its bytes need.
//!
//! Detection is the `cpufeatures` crate's, helped by the standard library where there is one. Where CPUID
//! may trap or says nothing (`target_os` none, uefi and sgx) it is not executed: there, the features that
//! the build was compiled for are the answer.
//! Without the crate's feature `kernels`, or on a target without x86-64 SSE2, there is no detection at
//! all, the tokens are types without a value, and only [`Backend::portable`] exists.

use core::fmt;
use core::str::FromStr;

/// The one definition of "the kernels are part of this build", as a pair of alternatives.
macro_rules! if_kernels {
    ({ $($yes:item)* } else { $($no:item)* }) => {
        $(#[cfg(all(feature = "kernels", target_arch = "x86_64", target_feature = "sse2"))] $yes)*
        $(#[cfg(not(all(feature = "kernels", target_arch = "x86_64", target_feature = "sse2")))] $no)*
    };
}
pub(crate) use if_kernels;

/// Declares [`Feature`] and its detection.
macro_rules! features {
    ($($variant:ident = $name:tt, $module:ident $(or $other:ident)?;)*) => {
        /// A CPU feature that a backend needs, by its CPUID name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Feature {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl Feature {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name in lower case, as compilers and `/proc/cpuinfo` tools spell it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }

        if_kernels! {
            {
                $(cpufeatures::new!($module, $name);)*

                impl Feature {
                    fn detected(self) -> bool {
                        match self { $(Self::$variant => $module::get() $(|| $other())?,)* }
                    }
                }
            } else {
                impl Feature {
                    fn detected(self) -> bool {
                        false
                    }
                }
            }
        }
    };
}

features! {
    Sse2 = "sse2", cpu_sse2;
    Aes = "aes", cpu_aes;
    Pclmulqdq = "pclmulqdq", cpu_pclmulqdq;
    Ssse3 = "ssse3", cpu_ssse3;
    Avx = "avx", cpu_avx;
    Avx2 = "avx2", cpu_avx2;
    Vaes = "vaes", cpu_vaes or std_vaes;
    Vpclmulqdq = "vpclmulqdq", cpu_vpclmulqdq or std_vpclmulqdq;
    Avx512f = "avx512f", cpu_avx512f;
    Avx512vl = "avx512vl", cpu_avx512vl;
    Avx512bw = "avx512bw", cpu_avx512bw;
    Bmi2 = "bmi2", cpu_bmi2;
    Adx = "adx", cpu_adx;
    Fma = "fma", cpu_fma;
    Sse41 = "sse4.1", cpu_sse41;
    Sse42 = "sse4.2", cpu_sse42;
    Avx512dq = "avx512dq", cpu_avx512dq;
    Avx512ifma = "avx512ifma", cpu_avx512ifma;
}

/// Those of `needs` that a CPU lacks: `has` says what it has. Every choice of a backend or an arithmetic is made by it.
fn lacking(
    needs: &'static [Feature],
    has: impl Fn(Feature) -> bool,
) -> impl Iterator<Item = Feature> {
    needs.iter().copied().filter(move |&feature| !has(feature))
}

if_kernels! {
    {
        /// Declares what asks the standard library for a feature. `cpufeatures` reports the wide AES and carry-less
        /// products only where the 512-bit registers are enabled, but their 256-bit forms do not need those.
        macro_rules! std_features {
            ($($function:ident = $name:tt;)*) => {
                $(fn $function() -> bool {
                    #[cfg(all(feature = "std", not(any(target_env = "sgx", target_os = "none", target_os = "uefi"))))]
                    return std::is_x86_feature_detected!($name);
                    #[cfg(not(all(feature = "std", not(any(target_env = "sgx", target_os = "none", target_os = "uefi")))))]
                    false
                })*
            };
        }

        std_features! {
            std_vaes = "vaes";
            std_vpclmulqdq = "vpclmulqdq";
        }

        /// What a token holds: nothing, where there are kernels...
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) struct Built(());

        const BUILT: Option<Built> = Some(Built(()));

        impl Isa {
            /// What a place for a key holds before its own token is written. It proves nothing and calls nothing.
            pub(crate) const BLANK: Self = Self::AesNi(Built(()));
        }
    } else {
        /// ... and where there are none, a value that cannot exist.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Built {}

        const BUILT: Option<Built> = None;

        impl Isa {
            /// There is no such value.
            pub(crate) fn never<T>(self) -> T {
                match self {
                    Self::AesNi(built) | Self::Vaes256(built) | Self::Vaes512(built) => match built {},
                }
            }
        }

        impl Vaes512 {
            /// There is no such value.
            pub(crate) fn never<T>(self) -> T {
                match self.0 {}
            }
        }
    }
}

/// Proof that the CPU has what the kernels of an instruction set need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Isa {
    AesNi(Built),
    Vaes256(Built),
    Vaes512(Built),
}

/// An [`Isa`] that is `Vaes512`.
#[derive(Clone, Copy)]
pub(crate) struct Vaes512(Built);

impl Isa {
    /// Proof of what the 512-bit kernels need, if it is that.
    pub(crate) fn vaes512(self) -> Option<Vaes512> {
        match self {
            Self::Vaes512(built) => Some(Vaes512(built)),
            Self::AesNi(_) | Self::Vaes256(_) => None,
        }
    }
}

/// The name of a [`Backend`], also of one that this CPU lacks.
///
/// ```
/// use sevcrypt::BackendKind;
///
/// let kind: BackendKind = "aesni".parse()?;
/// for feature in kind.missing() {
///     println!("{kind} needs {}, which this CPU lacks", feature.name());
/// }
/// # Ok::<(), sevcrypt::UnknownBackend>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BackendKind {
    /// The definition, in Rust, on the `aes` crate's block cipher. Runs everywhere.
    Portable,
    /// 128-bit AES instructions: `asm/*_aesni.S`.
    AesNi,
    /// AES instructions on 256 bits (AMD Zen 3, Intel Alder Lake and later): `asm/*_vaes256.S`.
    Vaes256,
    /// AES instructions on 512 bits (AMD Zen 4, Intel Ice Lake and later): `asm/*_vaes512.S`.
    Vaes512,
}

impl BackendKind {
    /// Every backend that the crate knows, slowest first.
    pub const ALL: &[Self] = &[Self::Portable, Self::AesNi, Self::Vaes256, Self::Vaes512];

    /// The name: `portable`, `aesni`, `vaes256`, `vaes512`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::AesNi => "aesni",
            Self::Vaes256 => "vaes256",
            Self::Vaes512 => "vaes512",
        }
    }

    /// The CPU features that the backend's kernels use. Every one of them sets its keys up by
    /// `asm/aes_schedule.S`, enciphers a few tweaks by `asm/aes_blocks_aesni.S` and hashes by `asm/ghash_*.S`.
    #[must_use]
    pub const fn needs(self) -> &'static [Feature] {
        use Feature::*;
        match self {
            Self::Portable => &[],
            Self::AesNi => &[Sse2, Ssse3, Aes, Pclmulqdq],
            Self::Vaes256 => &[Sse2, Ssse3, Aes, Pclmulqdq, Avx, Avx2, Vaes, Vpclmulqdq],
            Self::Vaes512 => &[
                Sse2, Ssse3, Aes, Pclmulqdq, Avx, Avx512f, Avx512vl, Avx512bw, Bmi2, Vaes,
                Vpclmulqdq,
            ],
        }
    }

    /// Those of [`needs`](Self::needs) that were not detected.
    pub fn missing(self) -> impl Iterator<Item = Feature> {
        lacking(self.needs(), Feature::detected)
    }
}

impl fmt::Display for BackendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no backend.
///
/// ```
/// use sevcrypt::{BackendKind, UnknownBackend};
///
/// assert_eq!("aesni".parse(), Ok(BackendKind::AesNi));
/// assert_eq!("sse9".parse::<BackendKind>(), Err(UnknownBackend));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownBackend;

impl fmt::Display for UnknownBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no backend has this name; there are ")?;
        for (i, kind) in BackendKind::ALL.iter().enumerate() {
            write!(f, "{}{kind}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownBackend {}

impl FromStr for BackendKind {
    type Err = UnknownBackend;
    fn from_str(name: &str) -> Result<Self, UnknownBackend> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name).ok_or(UnknownBackend)
    }
}

/// A backend that cannot be had here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BackendError {
    /// The CPU, or its operating system, lacks features.
    MissingFeatures(BackendKind),
    /// The crate was built without its kernels (feature `kernels`), or for a target that has none.
    NotBuilt(BackendKind),
}

impl fmt::Display for BackendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingFeatures(kind) => {
                write!(f, "backend {kind} cannot run here: the CPU lacks")?;
                for (i, feature) in kind.missing().enumerate() {
                    write!(f, "{}{}", if i == 0 { " " } else { ", " }, feature.name())?;
                }
                Ok(())
            }
            Self::NotBuilt(kind) => write!(
                f,
                "backend {kind} is not part of this build: it needs x86-64 with SSE2 and the crate's feature `kernels`"
            ),
        }
    }
}

impl core::error::Error for BackendError {}

/// An implementation that this CPU can run. Every backend gives the same results.
///
/// It is chosen once, when a key is set up, and the key keeps it: a schedule laid out for one backend
/// never meets another's kernel.
///
/// ```
/// use sevcrypt::{Backend, BackendKind};
///
/// println!("the fastest here: {}", Backend::best());
/// for backend in Backend::available() {
///     println!("has {backend}");
/// }
/// match Backend::new(BackendKind::AesNi) {
///     Ok(backend) => assert_eq!(backend.kind(), BackendKind::AesNi),
///     Err(why) => println!("{why}"),
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Backend(pub(crate) Token);

/// A backend with its proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Token {
    Portable,
    Kernels(Isa),
}

impl Backend {
    /// The definition in Rust; on every CPU.
    ///
    /// ```
    /// use sevcrypt::{Backend, BackendKind};
    ///
    /// assert_eq!(Backend::portable().kind(), BackendKind::Portable);
    /// assert_eq!(Backend::available().next(), Some(Backend::portable()));
    /// ```
    #[must_use]
    pub const fn portable() -> Self {
        Self(Token::Portable)
    }

    /// The backend of this name.
    ///
    /// # Errors
    /// [`BackendError`] if this build has no kernels, or the CPU lacks a feature (which it names).
    pub fn new(kind: BackendKind) -> Result<Self, BackendError> {
        Self::on(kind, Feature::detected)
    }

    /// [`new`](Self::new) on a CPU that `has` its features.
    fn on(kind: BackendKind, has: impl Fn(Feature) -> bool) -> Result<Self, BackendError> {
        let backend = Self::built(kind)?;
        match lacking(kind.needs(), has).next() {
            None => Ok(backend),
            Some(_) => Err(BackendError::MissingFeatures(kind)),
        }
    }

    /// The backend of this name if it is part of this build, whatever the CPU has.
    pub(crate) fn built(kind: BackendKind) -> Result<Self, BackendError> {
        let isa = match kind {
            BackendKind::Portable => return Ok(Self(Token::Portable)),
            BackendKind::AesNi => BUILT.map(Isa::AesNi),
            BackendKind::Vaes256 => BUILT.map(Isa::Vaes256),
            BackendKind::Vaes512 => BUILT.map(Isa::Vaes512),
        };
        isa.map(|isa| Self(Token::Kernels(isa))).ok_or(BackendError::NotBuilt(kind))
    }

    /// The backends that this CPU has, slowest first; never empty.
    pub fn available() -> impl DoubleEndedIterator<Item = Self> {
        Self::available_on(Feature::detected)
    }

    fn available_on(has: impl Fn(Feature) -> bool + Copy) -> impl DoubleEndedIterator<Item = Self> {
        BackendKind::ALL.iter().filter_map(move |&kind| Self::on(kind, has).ok())
    }

    /// The fastest backend that this CPU has.
    #[must_use]
    pub fn best() -> Self {
        Self::best_on(Feature::detected)
    }

    fn best_on(has: impl Fn(Feature) -> bool + Copy) -> Self {
        Self::available_on(has).next_back().unwrap_or(Self::portable())
    }

    /// Which backend this is.
    #[must_use]
    pub const fn kind(self) -> BackendKind {
        match self.0 {
            Token::Portable => BackendKind::Portable,
            Token::Kernels(Isa::AesNi(_)) => BackendKind::AesNi,
            Token::Kernels(Isa::Vaes256(_)) => BackendKind::Vaes256,
            Token::Kernels(Isa::Vaes512(_)) => BackendKind::Vaes512,
        }
    }
}

impl fmt::Display for Arithmetic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind().fmt(f)
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind().fmt(f)
    }
}

/// Proof that the CPU has MULX, ADCX and ADOX.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mulx(Built);

/// Proof that the CPU has the 512-bit multiplications of 52-bit integers, and [`Mulx`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ifma(Built);

impl Ifma {
    /// What it proves as well.
    pub(crate) fn mulx(self) -> Mulx {
        Mulx(self.0)
    }
}

if_kernels! {
    {} else {
        impl Mulx {
            /// There is no such value.
            pub(crate) fn never<T>(self) -> T {
                match self.0 {}
            }
        }

        impl Ifma {
            /// There is no such value.
            pub(crate) fn never<T>(self) -> T {
                match self.0 {}
            }
        }
    }
}

/// The name of an [`Arithmetic`], also of one that this CPU lacks.
///
/// ```
/// use sevcrypt::ArithmeticKind;
///
/// for feature in ArithmeticKind::Ifma.missing() {
///     println!("verification is slower for want of {}", feature.name());
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ArithmeticKind {
    /// The crates `p384` and `crypto-bigint`. Runs everywhere, and is the reference for the others.
    Portable,
    /// Products of 64-bit words with two chains of carries: `asm/*_mulx.S` (AMD Zen, Intel Broadwell and later).
    Mulx,
    /// Eight products of 52-bit words at a time (AMD Zen 4, Intel Ice Lake and later), beside the kernels of `Mulx`.
    Ifma,
}

impl ArithmeticKind {
    /// All that the crate knows, slowest first.
    pub const ALL: &[Self] = &[Self::Portable, Self::Mulx, Self::Ifma];

    /// The name: `portable`, `mulx`, `ifma`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Mulx => "mulx",
            Self::Ifma => "ifma",
        }
    }

    /// The CPU features that it uses, and those that a compiler takes for granted with them. (So it does F16C, which cannot be asked
    /// for everywhere: there are no numbers here that it is for.)
    #[must_use]
    pub const fn needs(self) -> &'static [Feature] {
        use Feature::*;
        match self {
            Self::Portable => &[],
            Self::Mulx => &[Bmi2, Adx],
            Self::Ifma => &[
                Bmi2, Adx, Ssse3, Sse41, Sse42, Avx, Avx2, Fma, Avx512f, Avx512dq, Avx512vl,
                Avx512ifma,
            ],
        }
    }

    /// Those of [`needs`](Self::needs) that were not detected.
    pub fn missing(self) -> impl Iterator<Item = Feature> {
        lacking(self.needs(), Feature::detected)
    }
}

impl fmt::Display for ArithmeticKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How the numbers of public keys are multiplied when a signature is verified. Every one gives the same verdicts.
///
/// Verification takes the best that the CPU has; this type is for those who compare or test.
///
/// ```
/// use sevcrypt::Arithmetic;
///
/// println!("signatures are verified by {}", Arithmetic::best().kind());
/// assert!(Arithmetic::available().any(|one| one == Arithmetic::portable()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Arithmetic(pub(crate) ArithmeticToken);

/// An arithmetic with its proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ArithmeticToken {
    Portable,
    Mulx(Mulx),
    Ifma(Ifma),
}

impl Arithmetic {
    /// That of the crates `p384` and `crypto-bigint`; on every CPU.
    #[must_use]
    pub const fn portable() -> Self {
        Self(ArithmeticToken::Portable)
    }

    /// The one of this name; `None` if the CPU lacks a feature ([`ArithmeticKind::missing`]), or this build has no kernels.
    ///
    /// ```
    /// use sevcrypt::{Arithmetic, ArithmeticKind};
    ///
    /// match Arithmetic::new(ArithmeticKind::Ifma) {
    ///     Some(arithmetic) => assert_eq!(arithmetic.kind(), ArithmeticKind::Ifma),
    ///     None => println!("no IFMA: {:?}", ArithmeticKind::Ifma.missing().next()),
    /// }
    /// ```
    #[must_use]
    pub fn new(kind: ArithmeticKind) -> Option<Self> {
        Self::on(kind, Feature::detected)
    }

    /// [`new`](Self::new) on a CPU that `has` its features.
    fn on(kind: ArithmeticKind, has: impl Fn(Feature) -> bool) -> Option<Self> {
        Self::built(kind).filter(|_| lacking(kind.needs(), has).next().is_none())
    }

    /// The one of this name if it is part of this build, whatever the CPU has.
    pub(crate) fn built(kind: ArithmeticKind) -> Option<Self> {
        Some(Self(match kind {
            ArithmeticKind::Portable => ArithmeticToken::Portable,
            ArithmeticKind::Mulx => ArithmeticToken::Mulx(Mulx(BUILT?)),
            ArithmeticKind::Ifma => ArithmeticToken::Ifma(Ifma(BUILT?)),
        }))
    }

    /// Those that this CPU has, slowest first; never empty.
    pub fn available() -> impl DoubleEndedIterator<Item = Self> {
        Self::available_on(Feature::detected)
    }

    fn available_on(has: impl Fn(Feature) -> bool + Copy) -> impl DoubleEndedIterator<Item = Self> {
        ArithmeticKind::ALL.iter().filter_map(move |&kind| Self::on(kind, has))
    }

    /// The fastest that this CPU has.
    #[must_use]
    pub fn best() -> Self {
        Self::best_on(Feature::detected)
    }

    fn best_on(has: impl Fn(Feature) -> bool + Copy) -> Self {
        Self::available_on(has).next_back().unwrap_or(Self::portable())
    }

    /// Which one this is.
    #[must_use]
    pub const fn kind(self) -> ArithmeticKind {
        match self.0 {
            ArithmeticToken::Portable => ArithmeticKind::Portable,
            ArithmeticToken::Mulx(_) => ArithmeticKind::Mulx,
            ArithmeticToken::Ifma(_) => ArithmeticKind::Ifma,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A set of features, a bit each.
    #[derive(Clone, Copy)]
    struct Cpu(u32);

    impl Cpu {
        /// Every CPU there could be, and many that there could not: VAES without AES, AVX-512 without AVX...
        fn every() -> impl Iterator<Item = Self> {
            (0..1 << Feature::ALL.len()).map(Self)
        }

        fn of(features: &[Feature]) -> Self {
            Self(features.iter().fold(0, |bits, &feature| bits | 1 << feature as u32))
        }

        fn without(self, features: &[Feature]) -> Self {
            Self(self.0 & !Self::of(features).0)
        }

        fn has(self, feature: Feature) -> bool {
            self.0 >> feature as u32 & 1 != 0
        }

        fn has_all(self, features: &[Feature]) -> bool {
            features.iter().all(|&feature| self.has(feature))
        }

        fn best(self) -> (BackendKind, ArithmeticKind) {
            let has = |feature| self.has(feature);
            (Backend::best_on(has).kind(), Arithmetic::best_on(has).kind())
        }
    }

    /// On each of all subsets of the features that dispatch reads: what is there is exactly what has all that it needs, and the
    /// best is the last of it.
    #[test]
    fn every_subset_of_features() {
        let built = Backend::built(BackendKind::AesNi).is_ok();
        let mut cpus = 0_u32;
        for cpu in Cpu::every() {
            let has = |feature| cpu.has(feature);
            let is_there = |needs: &[Feature]| needs.is_empty() || built && cpu.has_all(needs);
            let kinds = || BackendKind::ALL.iter().copied().filter(|kind| is_there(kind.needs()));
            assert!(Backend::available_on(has).map(Backend::kind).eq(kinds()), "{:#x}", cpu.0);
            assert_eq!(Some(Backend::best_on(has).kind()), kinds().next_back(), "{:#x}", cpu.0);

            let kinds =
                || ArithmeticKind::ALL.iter().copied().filter(|kind| is_there(kind.needs()));
            assert!(
                Arithmetic::available_on(has).map(Arithmetic::kind).eq(kinds()),
                "{:#x}",
                cpu.0
            );
            assert_eq!(Some(Arithmetic::best_on(has).kind()), kinds().next_back(), "{:#x}", cpu.0);
            cpus += 1;
        }
        assert_eq!(cpus, 1 << 18, "a feature more: is this test still one of seconds?");
    }

    /// Some of them by name, with the answer written down.
    #[test]
    fn features_that_do_not_belong_together() {
        use ArithmeticKind::{Ifma, Mulx};
        use Feature::*;
        if Backend::built(BackendKind::AesNi).is_err() {
            assert_eq!(Cpu(u32::MAX).best(), (BackendKind::Portable, ArithmeticKind::Portable));
            return;
        }
        let (portable, aes, wide) =
            (BackendKind::Portable, BackendKind::AesNi, BackendKind::Vaes256);
        for (missing, best) in [
            (&[][..], (BackendKind::Vaes512, Ifma)),
            (&[Vpclmulqdq], (aes, Ifma)),
            (&[Vaes], (aes, Ifma)),
            (&[Aes], (portable, Ifma)),
            (&[Pclmulqdq], (portable, Ifma)),
            (&[Avx], (aes, Mulx)),
            (&[Avx2], (BackendKind::Vaes512, Mulx)),
            (&[Avx512f], (wide, Mulx)),
            (&[Avx512bw], (wide, Ifma)),
            (&[Avx512ifma], (BackendKind::Vaes512, Mulx)),
            (&[Bmi2], (wide, ArithmeticKind::Portable)),
            (&[Adx], (BackendKind::Vaes512, ArithmeticKind::Portable)),
            (&[Avx512f, Avx512vl, Avx512bw, Avx512dq, Avx512ifma], (wide, Mulx)),
            (&[Avx512vl, Avx2], (aes, Mulx)),
            (&[Ssse3], (portable, Mulx)),
        ] {
            let cpu = Cpu::of(Feature::ALL).without(missing);
            assert_eq!(cpu.best(), best, "without {missing:?}");
        }
        // One feature alone is never enough, and what is wanted for itself is not taken as a sign of the rest.
        for &feature in Feature::ALL {
            assert_eq!(Cpu::of(&[feature]).best(), (portable, ArithmeticKind::Portable));
        }
        assert_eq!(Cpu::of(&[Sse2, Ssse3, Vaes, Vpclmulqdq]).best().0, portable);
        assert_eq!(Cpu::of(&[Bmi2, Adx, Avx512f, Avx512ifma, Avx512vl]).best().1, Mulx);
    }

    /// What is refused says what is missing, for every name.
    #[test]
    fn a_refusal_names_the_kind() {
        for &kind in BackendKind::ALL {
            let nothing = Backend::on(kind, |_| false);
            match kind {
                BackendKind::Portable => assert_eq!(nothing, Ok(Backend::portable())),
                _ if Backend::built(kind).is_err() => {
                    assert_eq!(nothing, Err(BackendError::NotBuilt(kind)));
                }
                _ => assert_eq!(nothing, Err(BackendError::MissingFeatures(kind))),
            }
            assert!(lacking(kind.needs(), |_| false).eq(kind.needs().iter().copied()));
            assert_eq!(lacking(kind.needs(), |_| true).next(), None);
        }
    }
}
