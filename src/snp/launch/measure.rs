//! Measuring a whole launch.

use super::digest::{LaunchDigest, Measured};
use crate::addr::PAGE;
use crate::hash::{Sha384Digest, Workers};
use crate::image::{
    Contents, Digest, Generation, Launch, LaunchError, Origin, PageType, Step, Update,
};

/// The launch digest of a guest: MEASUREMENT of its attestation reports. Every page is shown as one step, in the order in which the
/// VMM loads it; of pages of which only the digest behind them is known ([`Launch::firmware_digest`]) there is none.
///
/// A [`Backend`](crate::Backend) is a worker, too.
///
/// # Errors
/// The parts of the launch do not fit together; nothing is shown then.
///
/// ```
/// use sevcrypt::Backend;
/// use sevcrypt::image::{CpuSignature, KernelHashes, Launch, LaunchError, Log, Ovmf, Profile};
/// use sevcrypt::snp::launch::measure;
///
/// # fn measure_file(image: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
/// let mut launch = Launch::new(Ovmf::parse(image)?, CpuSignature(0x00a0_0f11), &Profile::QEMU);
/// launch.vcpus = 4;
/// launch.kernel = Some(KernelHashes::new(b"kernel", b"initrd", b"console=ttyS0"));
/// let mut log = Log::default();
/// let digest = measure(&launch, Backend::best(), &mut |step| log.push(*step))?;
/// println!("{log}measurement: {}", sevcrypt::Hex(&digest));
/// # Ok(())
/// # }
/// ```
pub fn measure(
    launch: &Launch<'_>,
    workers: impl Into<Workers>,
    visit: &mut dyn FnMut(&Step),
) -> Result<Sha384Digest, LaunchError> {
    let workers = workers.into();
    let mut digest = LaunchDigest::new();
    launch.updates(Generation::Snp, &mut |update| apply(&mut digest, workers, update, visit))?;
    Ok(*digest.digest())
}

/// Measures one piece of a launch, page by page.
pub(super) fn apply(
    digest: &mut LaunchDigest,
    workers: Workers,
    update: &Update<'_>,
    visit: &mut dyn FnMut(&Step),
) {
    let Update { gpa, page_type, contents, origin } = *update;
    let mut number = 0;
    let visit = &mut |page: &Measured| {
        visit(&step(page, page_type, further(origin, number)));
        number += 1;
    };
    let measured = match contents {
        Contents::Bytes(bytes) => digest.update_bytes(workers, page_type, gpa, bytes, visit),
        Contents::Pages(pages) => digest.update_pages(page_type, gpa, pages, visit),
        Contents::Measured(known) => {
            *digest = LaunchDigest::resume(known);
            Ok(())
        }
    };
    debug_assert_eq!(measured, Ok(()), "`Launch::updates` shows whole pages of a guest");
}

/// The log's step of a page.
pub(super) fn step(page: &Measured, page_type: PageType, origin: Origin) -> Step {
    let (contents, after) = (Digest::Sha384(page.contents), Digest::Sha384(page.digest));
    Step::new(page.gpa, PAGE as u64, page_type, contents, after, origin)
}

/// Where a page came from, so many pages behind the first.
fn further(origin: Origin, pages: u64) -> Origin {
    let bytes = pages * PAGE as u64;
    match origin {
        Origin::Firmware { offset } => Origin::Firmware { offset: offset + bytes },
        Origin::Svsm { offset } => Origin::Svsm { offset: offset + bytes },
        other => other,
    }
}
