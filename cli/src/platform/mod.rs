//! `sevcrypt platform`: a machine in software.

#![cfg_attr(not(test), expect(dead_code, reason = "the command comes with the machine"))]

mod kds;
