//! `sevcrypt platform`: a machine in software.

#![expect(dead_code, reason = "the command comes with the machine")]

mod kds;
