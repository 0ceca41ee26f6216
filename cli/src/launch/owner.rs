//! What the owner of an SEV or SEV-ES guest compares: the launch measurement, which only the ends of a session can make.

use clap::Args;
use sevcrypt::Hex;
use sevcrypt::sev::launch::{Measurement, MeasurementInput};
use sevcrypt::sev::session::Tik;
use sevcrypt::sev::{ApiVersion, FirmwareVersion, GuestPolicy};

use crate::failure::Failure;
use crate::input::fixed;
use crate::session;

#[derive(Args)]
pub(super) struct OwnerOptions {
    /// The session's TIK: 16 bytes as hexadecimal digits, or @FILE. The result is then the launch measurement, HMAC and
    /// nonce, as base64
    #[arg(long, value_name = "KEY", requires_all = ["nonce", "api_major", "api_minor", "build_id", "policy"])]
    tik: Option<String>,
    /// MNONCE, which the firmware drew: 16 bytes, the last ones of its measurement
    #[arg(long, value_name = "HEX", requires = "tik")]
    nonce: Option<String>,
    /// API_MAJOR of the firmware
    #[arg(long, value_name = "N", requires = "tik")]
    api_major: Option<u8>,
    /// API_MINOR of the firmware
    #[arg(long, value_name = "N", requires = "tik")]
    api_minor: Option<u8>,
    /// BUILD_ID of the firmware
    #[arg(long, value_name = "N", requires = "tik")]
    build_id: Option<u8>,
    /// The guest's policy: a hexadecimal number
    #[arg(long, value_name = "HEX", requires = "tik", value_parser = session::policy)]
    policy: Option<GuestPolicy>,
    /// The launch digest, in place of what is launched: 32 bytes
    #[arg(
        long,
        value_name = "HEX",
        requires = "tik",
        conflicts_with_all = [
            "ovmf",
            "kernel",
            "initrd",
            "append",
            "guest_features",
            "vmm",
            "ovmf_hash",
            "dump_vmsa",
            "vcpus",
            "cpu",
            "vcpu_model",
            "vcpu_stepping",
        ]
    )]
    launch_digest: Option<String>,
}

/// Who measures in a session: all but the digest.
pub(super) struct Owner {
    tik: Tik,
    input: MeasurementInput,
    /// The digest, if it was given.
    pub(super) launch_digest: Option<[u8; 32]>,
}

impl OwnerOptions {
    /// `None` without `--tik`.
    pub(super) fn read(&self) -> Result<Option<Owner>, Failure> {
        // The options ask for each other.
        let (Some(tik), Some(nonce), Some(major), Some(minor), Some(build), Some(policy)) =
            (&self.tik, &self.nonce, self.api_major, self.api_minor, self.build_id, self.policy)
        else {
            return Ok(None);
        };
        let digest = self.launch_digest.as_deref().map(|text| fixed("--launch-digest", text));
        let api = ApiVersion { major, minor };
        let input = MeasurementInput {
            firmware: FirmwareVersion { api, build },
            policy,
            digest: [0; 32],
            mnonce: *fixed("--nonce", nonce)?,
        };
        let launch_digest = digest.transpose()?.map(|digest| *digest);
        Ok(Some(Owner { tik: Tik::new(&*fixed("--tik", tik)?), input, launch_digest }))
    }
}

impl Owner {
    /// The measurement of a launch with this digest.
    pub(super) fn measure(&self, digest: &[u8; 32]) -> Measurement {
        MeasurementInput { digest: *digest, ..self.input }.measure(&self.tik)
    }

    /// What goes into it besides the digest, for people.
    pub(super) fn inputs(&self) -> [(&'static str, String); 3] {
        let MeasurementInput { firmware, policy, mnonce, .. } = self.input;
        [
            ("firmware", firmware.to_string()),
            ("policy", format!("{:#x}", policy.0)),
            ("nonce", Hex(&mnonce).to_string()),
        ]
    }
}
