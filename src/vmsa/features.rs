//! SEV_FEATURES: what a guest's vCPU runs with.

use core::fmt;

use crate::flags::flags;

flags! {
    /// SEV_FEATURES of a save area: what the guest's owner measured, and hardware obeys (AMD APM volume 2, Table B-4).
    ///
    /// The three features PmcVirtualization, GuestInterceptControl and SecureAvic work only where the VMCB's mask
    /// ALLOWED_SEV_FEATURES allows them. Bit 63 is that mask's enable bit and no feature.
    ///
    /// ```
    /// use sevcrypt::vmsa::SevFeatures;
    ///
    /// let features = SevFeatures(0x21);
    /// assert!(features.snp_active() && features.debug_virtualization());
    /// assert_eq!(features.to_string(), "0x21: SNPActive DebugVirtualization");
    /// assert_eq!(features.to_sev_status(), 0x87);
    /// ```
    SevFeatures(u64), "SEV_FEATURES", reserved !0, {
        0 => snp_active "SNPActive", "the guest is an SEV-SNP guest";
        1 => virtual_tom "vTOM", "memory below VIRTUAL_TOM is private";
        2 => reflect_vc "ReflectVC", "#VC becomes an exit to a more privileged VMPL";
        3 => restricted_injection "RestrictedInjection", "the host may inject #HV only";
        4 => alternate_injection "AlternateInjection", "injection is taken from this save area";
        5 => debug_virtualization "DebugVirtualization", "debug registers are swapped at entry and exit";
        6 => prevent_host_ibs "PreventHostIBS", "the host's instruction sampling is off while the guest runs";
        7 => btb_isolation "SNPBTBIsolation", "the guest's branch targets are kept from the host's";
        8 => vmpl_sss "VmplSSS", "supervisor shadow stacks are a permission of each VMPL";
        9 => secure_tsc "SecureTSC", "the time-stamp counter is the guest's own";
        10 => vmgexit_parameter "VmgexitParameter", "VMGEXIT hands RAX and CPL to the host";
        11 => pmc_virtualization "PmcVirtualization", "performance counters are swapped at entry and exit";
        12 => ibs_virtualization "IbsVirtualization", "the registers of instruction sampling are swapped";
        13 => guest_intercept_control "GuestInterceptControl", "the guest's own intercepts count, too";
        14 => vmsa_reg_prot "VmsaRegProt", "registers are stored changed by a nonce";
        15 => smt_protection "SmtProtection", "the guest runs only while the sibling thread is idle";
        16 => secure_avic "SecureAvic", "the guest has an interrupt controller of its own";
        21 => ibpb_on_entry "IbpbOnEntry", "branch prediction is flushed at each entry";
    }
}

impl SevFeatures {
    /// SNPActive alone: what a VMM sets for an SEV-SNP guest if it asks for nothing more.
    pub const SNP_ACTIVE: Self = Self(1);

    /// SEV_STATUS, MSR C001_0131h, as a guest with these features reads it (AMD APM volume 2, section
    /// 15.34.10): SEV and SEV-ES are enabled, which have no bits here, and each feature stands two bits further
    /// up.
    #[must_use]
    pub const fn to_sev_status(self) -> u64 {
        self.0 << 2 | 0b11
    }

    /// The features that a guest finds in SEV_STATUS.
    ///
    /// ```
    /// # use sevcrypt::vmsa::SevFeatures;
    /// assert_eq!(SevFeatures::from_sev_status(0b111), SevFeatures::SNP_ACTIVE);
    /// ```
    #[must_use]
    pub const fn from_sev_status(sev_status: u64) -> Self {
        Self(sev_status >> 2)
    }
}

impl fmt::Display for SevFeatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}:", self.0)?;
        self.fmt_names(f)
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;
    use std::vec::Vec;

    use super::*;

    #[test]
    fn status_bits() {
        assert_eq!(SevFeatures::default().to_sev_status(), 3);
        for (bit, _) in SevFeatures::NAMED {
            let features = SevFeatures(1 << bit);
            assert_eq!(features.to_sev_status(), 1 << (bit + 2) | 3);
            assert_eq!(SevFeatures::from_sev_status(features.to_sev_status()), features);
            assert_eq!(features.unknown_bits(), 0);
        }
        // SecureTSC is SEV_STATUS bit 11, SmtProtection 17, IbpbOnEntry 23.
        assert_eq!(SevFeatures(1 << 9 | 1 << 15 | 1 << 21).to_sev_status(), 0x82_0803);
    }

    #[test]
    fn bits_without_a_name() {
        let unknown: Vec<u32> =
            (0..64).filter(|bit| SevFeatures(1 << bit).unknown_bits() != 0).collect();
        let expected: Vec<u32> = (17..21).chain(22..64).collect();
        assert_eq!(unknown, expected);
        assert_eq!(
            SevFeatures(1 << 63 | 1).to_string(),
            "0x8000000000000001: SNPActive unknown=0x8000000000000000"
        );
    }
}
