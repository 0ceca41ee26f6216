//! Fields of fixed structures at places that the compiler checks.

/// `N` bytes from `AT`.
#[inline(always)]
pub(crate) fn field<const AT: usize, const N: usize, const LEN: usize>(
    bytes: &[u8; LEN],
) -> &[u8; N] {
    const { assert!(AT + N <= LEN, "the field ends before the structure does") };
    bytes[AT..].first_chunk().expect("asserted above")
}

/// `N` bytes from `AT`, to write.
#[inline(always)]
pub(crate) fn field_mut<const AT: usize, const N: usize, const LEN: usize>(
    bytes: &mut [u8; LEN],
) -> &mut [u8; N] {
    const { assert!(AT + N <= LEN, "the field ends before the structure does") };
    bytes[AT..].first_chunk_mut().expect("asserted above")
}

/// The little-endian number at `AT`.
#[inline(always)]
pub(crate) fn get_u32<const AT: usize, const LEN: usize>(bytes: &[u8; LEN]) -> u32 {
    u32::from_le_bytes(*field::<AT, 4, LEN>(bytes))
}

/// The little-endian number at `AT`.
#[inline(always)]
pub(crate) fn get_u64<const AT: usize, const LEN: usize>(bytes: &[u8; LEN]) -> u64 {
    u64::from_le_bytes(*field::<AT, 8, LEN>(bytes))
}

/// Whether the `N` bytes from `AT` are all zero.
#[inline(always)]
pub(crate) fn is_zero<const AT: usize, const N: usize, const LEN: usize>(
    bytes: &[u8; LEN],
) -> bool {
    field::<AT, N, LEN>(bytes).iter().all(|byte| *byte == 0)
}
