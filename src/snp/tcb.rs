//! TCB versions, products, and what tells one product from another.

use core::cmp::Ordering;
use core::fmt;
use core::str::FromStr;

use crate::Hex;

/// A line of EPYC processors with a certificate chain of its own at AMD's Key Distribution Service.
///
/// Zen 4c parts (Bergamo, Siena) belong to Genoa's chain. A product is never guessed: it comes from the
/// CPUID values of a report ([`CpuModel::product`]), from a certificate, or from the caller.
///
/// ```
/// use sevcrypt::snp::tcb::Product;
///
/// assert_eq!("Milan".parse(), Ok(Product::Milan));
/// assert!("Zürich".parse::<Product>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Product {
    /// Zen 3.
    Milan,
    /// Zen 4 and 4c: also Bergamo and Siena.
    Genoa,
    /// Zen 5 and 5c.
    Turin,
    /// Zen 6. MODEL: the layout of its TCB is known from third parties only, and its CA keys are not built in.
    Venice,
}

impl Product {
    /// All that this version of the library knows.
    pub const ALL: &[Self] = &[Self::Milan, Self::Genoa, Self::Turin, Self::Venice];

    /// The name in certificates and in addresses of the Key Distribution Service (AMD 57230, section 4.1).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Milan => "Milan",
            Self::Genoa => "Genoa",
            Self::Turin => "Turin",
            Self::Venice => "Venice",
        }
    }

    /// How many bytes of CHIP_ID identify a chip: 64, or 8 since Turin (AMD 57230, section 3.1, hwID).
    #[must_use]
    pub const fn hw_id_len(self) -> usize {
        match self {
            Self::Milan | Self::Genoa => 64,
            Self::Turin | Self::Venice => 8,
        }
    }

    /// The places of the TCB's components among its eight bytes.
    const fn layout(self) -> &'static [Component] {
        use Component::{BootLoader, Fmc, Microcode, Reserved, Snp, Tee};
        const R: Component = Reserved;
        match self {
            Self::Milan | Self::Genoa => &[BootLoader, Tee, R, R, R, R, Snp, Microcode],
            Self::Turin => &[Fmc, BootLoader, Tee, Snp, R, R, R, Microcode],
            Self::Venice => &[Fmc, Tee, Snp, R, R, R, R, R],
        }
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no product's.
///
/// ```
/// use sevcrypt::snp::tcb::{Product, UnknownProduct};
///
/// assert_eq!("Genoa".parse(), Ok(Product::Genoa));
/// assert_eq!("EPYC".parse::<Product>(), Err(UnknownProduct));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownProduct;

impl fmt::Display for UnknownProduct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no product has this name; known are Milan, Genoa, Turin, Venice")
    }
}

impl core::error::Error for UnknownProduct {}

impl FromStr for Product {
    type Err = UnknownProduct;

    /// The name in any case.
    fn from_str(name: &str) -> Result<Self, UnknownProduct> {
        let mut all = Self::ALL.iter();
        all.find(|product| product.name().eq_ignore_ascii_case(name)).copied().ok_or(UnknownProduct)
    }
}

/// Family, model and stepping of a processor, as CPUID Fn0000_0001 EAX gives them and reports since version 3.
///
/// ```
/// use sevcrypt::snp::tcb::{CpuModel, Product};
///
/// let bergamo = CpuModel::from_eax(0x00aa_0f02);
/// assert_eq!(bergamo, CpuModel { family: 0x19, model: 0xa0, stepping: 2 });
/// assert_eq!(bergamo.product(), Some(Product::Genoa));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CpuModel {
    /// Base family plus extended family.
    pub family: u8,
    /// Extended model, then base model, four bits each.
    pub model: u8,
    /// Stepping.
    pub stepping: u8,
}

impl CpuModel {
    /// From EAX of CPUID Fn0000_0001 (AMD APM volume 3, appendix E.3.2).
    #[must_use]
    pub const fn from_eax(eax: u32) -> Self {
        let [low, middle, high, top] = eax.to_le_bytes();
        let (base_family, extended_family) = (middle & 0xf, (top << 4) | (high >> 4));
        let family = if base_family == 0xf {
            extended_family.wrapping_add(base_family)
        } else {
            base_family
        };
        Self { family, model: (high << 4) | (low >> 4), stepping: low & 0xf }
    }

    /// The product; `None` for a processor that this version of the library does not know.
    #[must_use]
    pub const fn product(self) -> Option<Product> {
        match (self.family, self.model) {
            (0x19, 0x00..=0x0f) => Some(Product::Milan),
            (0x19, 0x10..=0x1f | 0xa0..=0xaf) => Some(Product::Genoa),
            (0x1a, 0x00..=0x11) => Some(Product::Turin),
            (0x1a, 0x50..=0x57 | 0x90..=0x9f | 0xa0..=0xaf | 0xc0..=0xc7) => Some(Product::Venice),
            _ => None,
        }
    }
}

impl fmt::Display for CpuModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "family {:#x} model {:#x} stepping {}", self.family, self.model, self.stepping)
    }
}

/// What a byte of a TCB version counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Component {
    /// First mutable code (Turin and later).
    Fmc,
    /// The Secure Processor's boot loader.
    BootLoader,
    /// The Secure Processor's operating system.
    Tee,
    /// The SEV-SNP firmware.
    Snp,
    /// The lowest patch level of all cores.
    Microcode,
    /// A byte without a meaning yet.
    Reserved,
}

impl Component {
    /// The name in key brokers' policies and in options of the program.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fmc => "fmc",
            Self::BootLoader => "bootloader",
            Self::Tee => "tee",
            Self::Snp => "snp",
            Self::Microcode => "microcode",
            Self::Reserved => "reserved",
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// TCB_VERSION: the security version numbers of a platform's firmware, eight bytes as they stand in memory
/// (AMD 56860, section 2.3). What each byte means depends on the product: [`parts`](Self::parts).
///
/// The order is the component-wise one: `a <= b` says that no component of `a` is above that of `b`, and two
/// versions of which each is ahead in something are not ordered. (As one integer, microcode would decide alone.)
///
/// ```
/// use sevcrypt::snp::tcb::{Product, TcbVersion};
///
/// let tcb = TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x73]);
/// let parts = tcb.parts(Product::Milan);
/// assert_eq!((parts.boot_loader, parts.snp, parts.microcode), (Some(3), Some(8), Some(115)));
///
/// let other = TcbVersion::new([4, 0, 0, 0, 0, 0, 7, 0x73]);
/// assert!(!(tcb <= other) && !(other <= tcb));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TcbVersion([u8; 8]);

impl TcbVersion {
    /// From the eight bytes in memory order.
    #[must_use]
    pub const fn new(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The eight bytes in memory order.
    #[must_use]
    pub const fn bytes(self) -> [u8; 8] {
        self.0
    }

    /// The components by name, for a product.
    #[must_use]
    pub fn parts(self, product: Product) -> TcbParts {
        let mut parts = TcbParts::default();
        for (component, value) in product.layout().iter().zip(self.0) {
            if let Some(place) = parts.place(*component) {
                *place = Some(value);
            }
        }
        parts
    }

    /// The version with these components; `None` if the product has one that is not given, or lacks one that is.
    ///
    /// ```
    /// use sevcrypt::snp::tcb::{Product, TcbParts, TcbVersion};
    ///
    /// let tcb = TcbVersion::new([1, 1, 1, 4, 0, 0, 0, 0x51]);
    /// let parts = tcb.parts(Product::Turin);
    /// assert_eq!(TcbVersion::from_parts(Product::Turin, parts), Some(tcb));
    /// assert_eq!(TcbVersion::from_parts(Product::Milan, parts), None); // Milan has no FMC
    /// ```
    #[must_use]
    pub fn from_parts(product: Product, mut parts: TcbParts) -> Option<Self> {
        let mut bytes = [0; 8];
        for (component, byte) in product.layout().iter().zip(&mut bytes) {
            if let Some(place) = parts.place(*component) {
                *byte = place.take()?;
            }
        }
        (parts == TcbParts::default()).then_some(Self(bytes))
    }

    /// The same with the values of a certificate's spl4 to spl7 in the reserved bytes; `None` if a value that is not zero
    /// has no place there. Milan and Genoa have four such bytes, Turin three, for spl5 to spl7 (AMD 57230, section 3.1).
    pub(crate) fn with_reserved(mut self, product: Product, mut spls: [u8; 4]) -> Option<Self> {
        let mut places = product.layout().iter().zip(&mut self.0).rev();
        for spl in spls.iter_mut().rev() {
            if let Some((_, byte)) =
                places.find(|(component, _)| **component == Component::Reserved)
            {
                *byte = core::mem::take(spl);
            }
        }
        (spls == [0; 4]).then_some(self)
    }

    /// The bytes that have no meaning for a product: all zero in every report of today.
    #[must_use]
    pub fn reserved_is_zero(self, product: Product) -> bool {
        let mut bytes = product.layout().iter().zip(self.0);
        bytes.all(|(component, value)| *component != Component::Reserved || value == 0)
    }
}

impl PartialOrd for TcbVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let mut order = Ordering::Equal;
        for (own, other) in self.0.iter().zip(&other.0) {
            match (order, own.cmp(other)) {
                (_, Ordering::Equal) => {}
                (Ordering::Equal, this) => order = this,
                (so_far, this) if so_far != this => return None,
                _ => {}
            }
        }
        Some(order)
    }
}

impl From<[u8; 8]> for TcbVersion {
    fn from(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for TcbVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

impl fmt::Debug for TcbVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TcbVersion({self})")
    }
}

/// The components of a TCB version by name. `None`: the product has no such component, or (as a demand of a policy)
/// it may have any value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct TcbParts {
    /// First mutable code (Turin and later).
    pub fmc: Option<u8>,
    /// Boot loader.
    pub boot_loader: Option<u8>,
    /// Secure Processor operating system.
    pub tee: Option<u8>,
    /// SEV-SNP firmware.
    pub snp: Option<u8>,
    /// Microcode.
    pub microcode: Option<u8>,
}

impl TcbParts {
    const COMPONENTS: [Component; 5] = [
        Component::Fmc,
        Component::BootLoader,
        Component::Tee,
        Component::Snp,
        Component::Microcode,
    ];

    /// The value of a component, to read or to set; `None` for [`Component::Reserved`].
    pub fn place(&mut self, component: Component) -> Option<&mut Option<u8>> {
        match component {
            Component::Fmc => Some(&mut self.fmc),
            Component::BootLoader => Some(&mut self.boot_loader),
            Component::Tee => Some(&mut self.tee),
            Component::Snp => Some(&mut self.snp),
            Component::Microcode => Some(&mut self.microcode),
            Component::Reserved => None,
        }
    }

    /// The same with one component set: a demand, built up. [`Component::Reserved`] has no place and changes nothing.
    ///
    /// ```
    /// use sevcrypt::snp::tcb::{Component, TcbParts};
    ///
    /// let minimum = TcbParts::default().with(Component::Snp, 8).with(Component::Microcode, 115);
    /// assert_eq!(minimum.to_string(), "snp=8 microcode=115");
    /// ```
    #[must_use]
    pub fn with(mut self, component: Component, value: u8) -> Self {
        if let Some(place) = self.place(component) {
            *place = Some(value);
        }
        self
    }

    /// Every component that has a value, in the order of boot.
    pub fn iter(mut self) -> impl Iterator<Item = (Component, u8)> {
        Self::COMPONENTS.into_iter().filter_map(move |component| {
            self.place(component).and_then(|place| *place).map(|value| (component, value))
        })
    }

    /// The first component in which `self` is below `minimum`, with its value there; one that `self` lacks is below any.
    ///
    /// ```
    /// use sevcrypt::snp::tcb::{Component, Product, TcbParts, TcbVersion};
    ///
    /// let tcb = TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x73]);
    /// assert!(tcb.reserved_is_zero(Product::Milan));
    /// let mut minimum = TcbParts::default().with(Component::Snp, 8);
    /// assert_eq!(tcb.parts(Product::Milan).below(minimum), None);
    /// if let Some(place) = minimum.place(Component::Microcode) {
    ///     *place = Some(0x80);
    /// }
    /// let below = tcb.parts(Product::Milan).below(minimum).expect("its microcode is older");
    /// assert_eq!((below.component, below.found, below.minimum), (Component::Microcode, Some(0x73), 0x80));
    /// ```
    #[must_use]
    pub fn below(mut self, minimum: Self) -> Option<TcbBelow> {
        minimum.iter().find_map(|(component, minimum)| {
            let found = self.place(component).and_then(|place| *place);
            (found < Some(minimum)).then_some(TcbBelow { component, found, minimum })
        })
    }
}

impl fmt::Display for TcbParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (component, value)) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            write!(f, "{separator}{component}={value}")?;
        }
        Ok(())
    }
}

/// A component that is below a minimum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcbBelow {
    /// Which one.
    pub component: Component,
    /// Its value; `None` where the product has no such component.
    pub found: Option<u8>,
    /// The least value.
    pub minimum: u8,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_component_wise() {
        let tcb = |bytes| TcbVersion::new(bytes);
        let base = tcb([2; 8]);
        for index in 0..8 {
            let (mut above, mut below) = ([2; 8], [2; 8]);
            above[index] = 3;
            below[index] = 1;
            assert!(base < tcb(above) && tcb(below) < base);
            for other in (0..8).filter(|other| *other != index) {
                let mut mixed = above;
                mixed[other] = 1;
                assert_eq!(base.partial_cmp(&tcb(mixed)), None);
                assert_eq!(tcb(mixed).partial_cmp(&base), None);
            }
        }
        assert!(base <= base);
    }

    #[test]
    fn products_by_cpuid() {
        let product = |family, model| CpuModel { family, model, stepping: 0 }.product();
        assert_eq!(product(0x19, 0x01), Some(Product::Milan));
        assert_eq!(product(0x19, 0x11), Some(Product::Genoa));
        assert_eq!(product(0x19, 0xa0), Some(Product::Genoa));
        assert_eq!(product(0x1a, 0x02), Some(Product::Turin));
        assert_eq!(product(0x1a, 0x11), Some(Product::Turin));
        assert_eq!(product(0x1a, 0x12), None);
        assert_eq!(product(0x17, 0x31), None);
        // CPUID values of the parts (AMD revision guides).
        let of = |eax| CpuModel::from_eax(eax).product();
        assert_eq!(of(0x00a0_0f11), Some(Product::Milan));
        assert_eq!(of(0x00a1_0f11), Some(Product::Genoa));
        assert_eq!(of(0x00b0_0f21), Some(Product::Turin));
        assert_eq!(of(0x00b1_0f10), Some(Product::Turin));
    }

    #[test]
    fn parts_there_and_back() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        for &product in Product::ALL {
            let zeroed: [u8; 8] = core::array::from_fn(|i| {
                if product.layout()[i] == Component::Reserved { 0 } else { bytes[i] }
            });
            let tcb = TcbVersion::new(zeroed);
            assert_eq!(TcbVersion::from_parts(product, tcb.parts(product)), Some(tcb));
            assert!(
                tcb.reserved_is_zero(product) && !TcbVersion::new(bytes).reserved_is_zero(product)
            );
        }
    }

    #[test]
    fn a_missing_component_is_below() {
        let milan = TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 115]).parts(Product::Milan);
        let minimum = TcbParts { snp: Some(8), microcode: Some(116), ..TcbParts::default() };
        let below = milan.below(minimum).expect("microcode is below");
        assert_eq!((below.component, below.found), (Component::Microcode, Some(115)));
        let fmc = TcbParts { fmc: Some(0), ..TcbParts::default() };
        assert_eq!(milan.below(fmc).map(|below| below.found), Some(None));
        assert_eq!(milan.below(milan), None);
    }
}
