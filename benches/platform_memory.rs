//! The memory controller per access.
fn main() {}
