//! vCPU types.

/// What CPUID Fn0000_0001 EAX says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CpuSignature(pub u32);

impl CpuSignature {
    /// x
    pub const fn from_parts(family: u32, model: u32, stepping: u32) -> Option<Self> {
        todo!()
    }
}

/// A CPU model of QEMU's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VcpuType {
    name: &'static str,
    signature: CpuSignature,
}

impl VcpuType {
    /// All that are known.
    pub const ALL: &[Self] = &[];
    /// By name.
    pub fn by_name(name: &str) -> Option<Self> {
        todo!()
    }
    /// x
    pub const fn name(self) -> &'static str {
        self.name
    }
    /// x
    pub const fn signature(self) -> CpuSignature {
        self.signature
    }
}
