//! The arithmetic of verification: P-384 and RSA with public numbers only, in variable time.
//!
//! Nothing here may see a secret: no private key, no nonce, no scalar of a Diffie-Hellman exchange. What comes in are public
//! keys, digests of messages, and signatures; what comes out are verdicts.
//!
//! Every function takes the [`Arithmetic`](crate::Arithmetic) that it is to compute with, and gives the same verdict on each.

#[cfg_attr(
    not(all(
        feature = "std",
        feature = "kernels",
        target_arch = "x86_64",
        target_feature = "sse2"
    )),
    allow(dead_code, reason = "much of it is for those who have the instructions and a heap")
)]
pub(crate) mod ifma;
pub(crate) mod p384;
pub(crate) mod rsa;
