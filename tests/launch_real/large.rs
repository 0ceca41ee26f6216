//! A firmware image of 64 MiB.

use sevcrypt::Backend;
use sevcrypt::hash::{Workers, sha384};
use sevcrypt::image::{CpuSignature, Digest, Launch, Log, Origin, Ovmf, PageType, Profile};
use sevcrypt::snp::launch::measure;

use crate::builder::Image;

/// Its log has a step for each page, and the steps are a chain of PAGE_INFO (AMD 56860, SNP_LAUNCH_UPDATE), whoever hashed the
/// pages.
#[test]
fn large() {
    const LEN: usize = 64 << 20;
    let mut image = Image::ovmf(LEN).build();
    for (number, page) in image.chunks_mut(4096).take(LEN / 4096 - 1).enumerate() {
        page[..8].copy_from_slice(&number.to_le_bytes());
    }
    let firmware = Ovmf::parse(&image).unwrap();
    let launch = Launch::new(firmware, CpuSignature(0x00a0_0f11), &Profile::QEMU);
    let mut log = Log::default();
    let digest = measure(&launch, Workers::new(Backend::best(), 2), &mut |it| log.push(*it));
    let digest = digest.unwrap();

    let mut before = [0; 48];
    for (number, step) in log.steps.iter().enumerate() {
        let contents = match image.chunks(4096).nth(number) {
            Some(page) => {
                let offset = 4096 * number as u64;
                assert_eq!(step.origin, Origin::Firmware { offset });
                assert_eq!(step.gpa.get(), (1 << 32) - LEN as u64 + offset);
                assert_eq!(step.page_type, PageType::Normal);
                sha384(page)
            }
            None => step.contents.as_bytes().try_into().unwrap(),
        };
        assert_eq!(step.contents, Digest::Sha384(contents));
        let mut page_info = [0; 0x70];
        page_info[..0x30].copy_from_slice(&before);
        page_info[0x30..0x60].copy_from_slice(&contents);
        page_info[0x60] = 0x70;
        page_info[0x62] = step.page_type as u8;
        page_info[0x68..].copy_from_slice(&step.gpa.get().to_le_bytes());
        before = sha384(&page_info);
        assert_eq!(step.after, Digest::Sha384(before), "step {number}");
    }
    assert_eq!(digest, before);

    // The same of its end and the digests of its pages.
    let mut digests = vec![[0; 48]; LEN / 4096];
    Workers::new(Backend::best(), 2).digests(&image, &mut digests);
    let firmware = Ovmf::parse_tail(&image[LEN - 4096..], &digests).unwrap();
    let mut other = Log::default();
    let mut launch = launch;
    launch.firmware = firmware;
    let again = measure(&launch, Backend::best(), &mut |step| other.push(*step)).unwrap();
    assert_eq!((again, other.compare(&log)), (digest, None));
    assert_eq!(other.steps.len(), log.steps.len());

    // Sections of 9, 1, 1, 1, 1 and 2 pages, and a vCPU.
    assert_eq!(log.steps.len(), LEN / 4096 + 15 + 1);
}
