//! Measuring a whole launch.

use super::digest::{LaunchDigest, Measured};
use crate::addr::PAGE;
use crate::cpu::Backend;
use crate::hash::Sha384Digest;
use crate::image::{
    Contents, Digest, Generation, Launch, LaunchError, Origin, PageType, Step, Update,
};

/// The launch digest of a guest: MEASUREMENT of its attestation reports. Every page is shown as one step, in the order in which the
/// VMM loads it; of pages of which only the digest behind them is known ([`Launch::firmware_digest`]) there is none.
///
/// # Errors
/// The parts of the launch do not fit together; nothing is shown then.
pub fn measure(
    launch: &Launch<'_>,
    backend: Backend,
    visit: &mut dyn FnMut(&Step),
) -> Result<Sha384Digest, LaunchError> {
    let mut digest = LaunchDigest::new();
    launch.updates(Generation::Snp, &mut |update| apply(&mut digest, backend, update, visit))?;
    Ok(*digest.digest())
}

/// Measures one piece of a launch, page by page.
pub(super) fn apply(
    digest: &mut LaunchDigest,
    backend: Backend,
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
        Contents::Bytes(bytes) => digest.update_bytes(backend, page_type, gpa, bytes, visit),
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
    Step {
        gpa: page.gpa,
        length: PAGE as u64,
        page_type,
        contents: Digest::Sha384(page.contents),
        after: Digest::Sha384(page.digest),
        origin,
    }
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
