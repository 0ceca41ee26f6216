//! Signatures whose verdict AWS-LC gives as well: every arithmetic and every way of verification agrees with it.

#![allow(missing_docs, reason = "tests")]

mod aws_lc;
mod p384_ecdsa;
mod rsa_pss;

/// The hash function of a signature by RSASSA-PSS.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
}

impl Hash {
    /// How many bytes it gives.
    pub(crate) const fn len(self) -> u8 {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }
}
