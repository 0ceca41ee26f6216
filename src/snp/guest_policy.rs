//! The guest policy: what the guest's owner allows the platform.

use core::fmt;

use crate::flags::flags;

flags! {
    /// POLICY: what a guest's owner allows, fixed at launch (AMD 56860, section 4.3).
    ///
    /// ```
    /// use sevcrypt::snp::GuestPolicy;
    ///
    /// let policy = GuestPolicy(0xb_0000);
    /// assert!(policy.smt() && policy.debug() && !policy.migrate_ma());
    /// assert_eq!(policy.to_string(), "0xb0000: ABI 0.0 or later, SMT RESERVED_ONE DEBUG");
    /// ```
    GuestPolicy(u64), "POLICY", reserved !0xffff, {
        16 => smt "SMT", "simultaneous multithreading may be enabled";
        17 => reserved_one "RESERVED_ONE", "always; a policy without it is no policy";
        18 => migrate_ma "MIGRATE_MA", "a migration agent may be associated with the guest";
        19 => debug "DEBUG", "the host may read and write the guest's memory through the firmware";
        20 => single_socket "SINGLE_SOCKET", "the guest runs on one socket only";
        21 => cxl_allow "CXL_ALLOW", "CXL devices or memory may be there";
        22 => mem_aes_256_xts "MEM_AES_256_XTS", "memory encryption must be AES-256-XTS";
        23 => rapl_dis "RAPL_DIS", "RAPL must be disabled";
        24 => ciphertext_hiding_dram "CIPHERTEXT_HIDING_DRAM", "ciphertext hiding must be on";
        25 => page_swap_disable "PAGE_SWAP_DISABLE", "the firmware may not move or swap the guest's pages";
    }
}

impl GuestPolicy {
    /// The bit that is always one.
    pub const RESERVED_ONE: u64 = 1 << 17;

    /// The least minor version of the firmware's ABI.
    #[must_use]
    pub const fn abi_minor(self) -> u8 {
        self.0.to_le_bytes()[0]
    }

    /// The least major version of the firmware's ABI.
    #[must_use]
    pub const fn abi_major(self) -> u8 {
        self.0.to_le_bytes()[1]
    }
}

impl fmt::Display for GuestPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}: ABI {}.{} or later,", self.0, self.abi_major(), self.abi_minor())?;
        self.fmt_names(f)
    }
}
