//! vCPU types: which processor a guest's CPUID shows.

use core::fmt;

use super::write_unknown_name;

/// EAX of CPUID Fn0000_0001: family, model and stepping (AMD APM volume 3, appendix E.3.2). QEMU puts it into
/// RDX of every save area, and so into the launch measurement.
///
/// ```
/// use sevcrypt::image::CpuSignature;
///
/// let milan = CpuSignature::from_parts(25, 1, 1).unwrap();
/// assert_eq!(milan, CpuSignature(0x00a0_0f11));
/// assert_eq!((milan.family(), milan.model(), milan.stepping()), (25, 1, 1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CpuSignature(pub u32);

impl CpuSignature {
    /// The largest family: base family 15 and an extended family of 255.
    pub const MAX_FAMILY: u32 = 0xf + 0xff;
    /// The largest model.
    pub const MAX_MODEL: u32 = 0xff;
    /// The largest stepping.
    pub const MAX_STEPPING: u32 = 0xf;

    /// The signature of a processor; `None` if one of the numbers is above its largest.
    ///
    /// A family above 15 is written as base family 15 and the rest as extended family.
    #[must_use]
    pub const fn from_parts(family: u32, model: u32, stepping: u32) -> Option<Self> {
        if family > Self::MAX_FAMILY || model > Self::MAX_MODEL || stepping > Self::MAX_STEPPING {
            return None;
        }
        let extended_family = family.saturating_sub(0xf);
        let base_family = family - extended_family;
        let (extended_model, base_model) = (model >> 4, model & 0xf);
        Some(Self(
            extended_family << 20
                | extended_model << 16
                | base_family << 8
                | base_model << 4
                | stepping,
        ))
    }

    /// The family: base family, and extended family where that is 15.
    #[must_use]
    pub const fn family(self) -> u32 {
        match self.0 >> 8 & 0xf {
            0xf => 0xf + (self.0 >> 20 & 0xff),
            base_family => base_family,
        }
    }

    /// The model: extended model, then base model, four bits each.
    #[must_use]
    pub const fn model(self) -> u32 {
        self.0 >> 12 & 0xf0 | self.0 >> 4 & 0xf
    }

    /// The stepping.
    #[must_use]
    pub const fn stepping(self) -> u32 {
        self.0 & 0xf
    }
}

impl fmt::Display for CpuSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

/// A CPU model that QEMU has a name for, and the signature that comes with it.
///
/// A VMM that passes the host's CPUID on gives the signature of the host, whose stepping may be another one.
///
/// ```
/// use sevcrypt::image::VcpuType;
///
/// let milan = VcpuType::by_name("EPYC-Milan")?;
/// assert_eq!(milan.signature().to_string(), "0x00a00f11");
///
/// let error = VcpuType::by_name("Xeon").unwrap_err();
/// assert!(error.to_string().starts_with("no vCPU type has this name; known are EPYC, EPYC-v1,"));
/// # Ok::<(), sevcrypt::image::UnknownVcpuType>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VcpuType {
    name: &'static str,
    signature: CpuSignature,
}

impl VcpuType {
    /// All that are known. Those of one processor have one signature, and so one measurement.
    ///
    /// The names EPYC-Turin-v1 and -v2 are from the crate `sev` 8.0.0 only.
    pub const ALL: &[Self] = &{
        const NAPLES: CpuSignature = CpuSignature(0x0080_0f12);
        const ROME: CpuSignature = CpuSignature(0x0083_0f10);
        const MILAN: CpuSignature = CpuSignature(0x00a0_0f11);
        const GENOA: CpuSignature = CpuSignature(0x00a1_0f10);
        const TURIN: CpuSignature = CpuSignature(0x00b0_0f00);
        [
            Self { name: "EPYC", signature: NAPLES },
            Self { name: "EPYC-v1", signature: NAPLES },
            Self { name: "EPYC-v2", signature: NAPLES },
            Self { name: "EPYC-IBPB", signature: NAPLES },
            Self { name: "EPYC-v3", signature: NAPLES },
            Self { name: "EPYC-v4", signature: NAPLES },
            Self { name: "EPYC-Rome", signature: ROME },
            Self { name: "EPYC-Rome-v1", signature: ROME },
            Self { name: "EPYC-Rome-v2", signature: ROME },
            Self { name: "EPYC-Rome-v3", signature: ROME },
            Self { name: "EPYC-Milan", signature: MILAN },
            Self { name: "EPYC-Milan-v1", signature: MILAN },
            Self { name: "EPYC-Milan-v2", signature: MILAN },
            Self { name: "EPYC-Genoa", signature: GENOA },
            Self { name: "EPYC-Genoa-v1", signature: GENOA },
            Self { name: "EPYC-Turin", signature: TURIN },
            Self { name: "EPYC-Turin-v1", signature: TURIN },
            Self { name: "EPYC-Turin-v2", signature: TURIN },
        ]
    };

    /// The one with this name, in any case.
    ///
    /// # Errors
    /// [`UnknownVcpuType`], which lists the known names.
    pub fn by_name(name: &str) -> Result<Self, UnknownVcpuType> {
        let mut all = Self::ALL.iter();
        all.find(|known| known.name.eq_ignore_ascii_case(name)).copied().ok_or(UnknownVcpuType)
    }

    /// The name, as QEMU writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// What its CPUID shows.
    #[must_use]
    pub const fn signature(self) -> CpuSignature {
        self.signature
    }
}

/// A name that is no vCPU type's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownVcpuType;

impl fmt::Display for UnknownVcpuType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_unknown_name(f, "vCPU type", VcpuType::ALL.iter().map(|known| known.name))
    }
}

impl core::error::Error for UnknownVcpuType {}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts() {
        let of = |family, model, stepping| CpuSignature::from_parts(family, model, stepping);
        // What measuring tools compute for them.
        assert_eq!(of(25, 1, 1), Some(CpuSignature(0x00a0_0f11)));
        assert_eq!(of(23, 49, 0), Some(CpuSignature(0x0083_0f10)));
        assert_eq!(of(26, 2, 1), Some(CpuSignature(0x00b0_0f21)));
        assert_eq!(of(15, 1, 2), Some(CpuSignature(0xf12)));
        assert_eq!(of(6, 13, 1), Some(CpuSignature(0x6d1)));
        assert_eq!(of(15, 255, 15), Some(CpuSignature(0xf_0fff)));
        assert_eq!(of(0, 0, 0), Some(CpuSignature(0)));
        assert_eq!(of(0x10e, 0xff, 0xf), Some(CpuSignature(0x0fff_0fff)));
        for (family, model, stepping) in [(0x10f, 0, 0), (0, 0x100, 0), (0, 0, 0x10)] {
            assert_eq!(of(family, model, stepping), None);
        }
    }

    #[test]
    fn names() {
        for known in VcpuType::ALL {
            assert_eq!(VcpuType::by_name(known.name()), Ok(*known));
            assert_eq!(VcpuType::by_name(&known.name().to_ascii_uppercase()), Ok(*known));
        }
        for unknown in ["", "EPYC-", "EPYC-v", " EPYC", "EPYC-Milan-v9"] {
            assert_eq!(VcpuType::by_name(unknown), Err(UnknownVcpuType));
        }
        assert_eq!(
            UnknownVcpuType.to_string(),
            "no vCPU type has this name; known are EPYC, EPYC-v1, EPYC-v2, EPYC-IBPB, EPYC-v3, EPYC-v4, EPYC-Rome, \
             EPYC-Rome-v1, EPYC-Rome-v2, EPYC-Rome-v3, EPYC-Milan, EPYC-Milan-v1, EPYC-Milan-v2, EPYC-Genoa, \
             EPYC-Genoa-v1, EPYC-Turin, EPYC-Turin-v1, EPYC-Turin-v2"
        );
    }

    #[test]
    fn signatures() {
        let of = |name| VcpuType::by_name(name).map(VcpuType::signature);
        assert_eq!(of("EPYC-v4"), Ok(CpuSignature::from_parts(23, 1, 2).unwrap()));
        assert_eq!(of("EPYC-Rome"), Ok(CpuSignature::from_parts(23, 49, 0).unwrap()));
        assert_eq!(of("EPYC-Milan-v2"), Ok(CpuSignature::from_parts(25, 1, 1).unwrap()));
        assert_eq!(of("EPYC-Genoa"), Ok(CpuSignature::from_parts(25, 17, 0).unwrap()));
        assert_eq!(of("EPYC-Turin"), Ok(CpuSignature::from_parts(26, 0, 0).unwrap()));
    }

    proptest! {
        #[test]
        fn there_and_back(family in 0..=0x10e_u32, model in 0..=0xff_u32, stepping in 0..=0xf_u32) {
            let signature = CpuSignature::from_parts(family, model, stepping).unwrap();
            let parts = (signature.family(), signature.model(), signature.stepping());
            prop_assert_eq!(parts, (family, model, stepping));
        }
    }
}
