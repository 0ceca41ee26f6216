//! The inside of the program `sevcrypt`.
