//! A relying party: is this report genuine, and is it the answer to my question?
//!
//! ```sh
//! cargo run --release --example verify_report -- REPORT NONCE_HEX CERTIFICATE...
//! ```

use std::error::Error;
use std::{env, fs};

use sevcrypt::snp::certs::Bundle;
use sevcrypt::snp::policy::Policy;
use sevcrypt::snp::response;
use sevcrypt::snp::verify::{Time, Trust, VerifyError, verify};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [report, nonce, certificates @ ..] = &arguments[..] else {
        return Err("expected REPORT NONCE_HEX CERTIFICATE...".into());
    };
    let answer = fs::read(report)?;
    let nonce = base16ct::mixed::decode_vec(nonce).map_err(|_| "the nonce is not hexadecimal")?;
    let mut bundle = Bundle::default();
    for file in certificates {
        bundle.add(&fs::read(file)?)?;
    }

    let mut policy = Policy::default();
    policy.report_data = Some(&nonce);
    let certificates = bundle.parse()?;
    let report = response::find(&answer)?.report;
    match verify(report, certificates.collateral(), &Trust::amd(Time::now()), &policy) {
        Ok(accepted) => {
            println!("accepted, from {}", accepted.product());
            println!("measurement {}", accepted.claims().measurement);
            Ok(())
        }
        // What to fetch; then try again.
        Err(VerifyError::Missing(missing)) => {
            for request in missing.requests() {
                println!("needed: {}", request.url());
            }
            Err(missing.to_string().into())
        }
        Err(why) => {
            for (check, reason) in why.checks().into_iter().flat_map(|checks| checks.failures()) {
                println!("failed: {check}: {reason}");
            }
            Err(why.to_string().into())
        }
    }
}
