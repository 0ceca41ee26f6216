//! The program `sevcrypt`.

use std::process::ExitCode;

fn main() -> ExitCode {
    sevcrypt_cli::run()
}
