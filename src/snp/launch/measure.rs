//! Measuring a whole launch.

use super::digest::{LaunchDigest, Measured, NOT_MEASURED, UpdateError};
use crate::addr::PAGE;
use crate::hash::{Sha384Digest, Workers};
use crate::image::{
    Contents, Digest, Generation, Launch, LaunchError, Origin, PageType, Step, Update,
};

/// The launch digest of a guest: MEASUREMENT of its attestation reports. Every page is shown as one step, in the order in which the
/// VMM loads it; pages of which only the digest behind them is known ([`Launch::firmware_digest`]) are one step together
/// ([`Step::is_known_by_digest`]).
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
    let mut refused = None;
    launch.updates(Generation::Snp, &mut |update| {
        if let Contents::Measured(known) = update.contents {
            let Update { gpa, page_type, origin, .. } = *update;
            let length = launch.firmware.size() as u64;
            let [contents, after] = [NOT_MEASURED, known].map(Digest::Sha384);
            visit(&Step::new(gpa, length, page_type, contents, after, origin));
        }
        if refused.is_none() && apply(&mut digest, workers, update, visit).is_err() {
            refused = Some(LaunchError::NoPages { gpa: update.gpa });
        }
    })?;
    refused.map_or(Ok(*digest.digest()), Err)
}

/// Measures one piece of a launch, page by page.
pub(super) fn apply(
    digest: &mut LaunchDigest,
    workers: Workers,
    update: &Update<'_>,
    visit: &mut dyn FnMut(&Step),
) -> Result<(), UpdateError> {
    let Update { gpa, page_type, contents, origin } = *update;
    let mut bytes = 0;
    let mut show = |page: &Measured| {
        visit(&step(page, page_type, origin.further(bytes)));
        bytes += PAGE as u64;
    };
    match contents {
        Contents::Bytes(bytes) => digest.update_bytes(workers, page_type, gpa, bytes, &mut show),
        Contents::Digests(digests) => digest.update_digests(page_type, gpa, digests, &mut show),
        Contents::Pages(pages) => digest.update_pages(page_type, gpa, pages, &mut show),
        Contents::Measured(known) => {
            *digest = LaunchDigest::resume(known);
            Ok(())
        }
    }
}

/// The log's step of a page.
pub(super) fn step(page: &Measured, page_type: PageType, origin: Origin) -> Step {
    let (contents, after) = (Digest::Sha384(page.contents), Digest::Sha384(page.digest));
    Step::new(page.gpa, PAGE as u64, page_type, contents, after, origin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addr::GuestPhysAddr;
    use crate::cpu::Backend;

    /// What `Launch::updates` never shows is an error in all builds.
    #[test]
    fn pieces_that_are_no_pages() {
        let good = Update {
            gpa: GuestPhysAddr::new(0x1000).unwrap(),
            page_type: PageType::Normal,
            contents: Contents::Bytes(&[0; PAGE]),
            origin: Origin::Vcpu(0),
        };
        let measured = |update: Update<'_>| {
            let mut digest = LaunchDigest::new();
            let mut steps = 0;
            let result = apply(&mut digest, Backend::best().into(), &update, &mut |_| steps += 1);
            (result, steps)
        };
        assert_eq!(measured(good), (Ok(()), 1));
        let gpa = GuestPhysAddr::new(0x1010).unwrap();
        assert_eq!(measured(Update { gpa, ..good }), (Err(UpdateError::Address { gpa }), 0));
        let text = std::format!("{}", LaunchError::NoPages { gpa });
        assert_eq!(text, "what is loaded at 0x1010 is no whole pages of a guest");
        let short = Update { contents: Contents::Bytes(&[0; 16]), ..good };
        assert_eq!(measured(short), (Err(UpdateError::Length { length: 16 }), 0));
        let page_type = PageType::Normal;
        let none = Update { contents: Contents::Pages(1), ..good };
        assert_eq!(measured(none), (Err(UpdateError::ContentsMissing { page_type }), 0));
    }
}
