//! AMD's key derivation.
