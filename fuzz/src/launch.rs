//! Firmware images and launches of them: what is taken can be measured, and what cannot shows nothing.

use sevcrypt::GuestPhysAddr;
use sevcrypt::image::ovmf::Section;
use sevcrypt::image::{
    Contents, CpuSignature, Generation, KernelHashes, Launch, LaunchError, Origin, Ovmf, PageType,
    Profile, Svsm, Update,
};
use sevcrypt::sev;
use sevcrypt::vmsa::SevFeatures;

use crate::check_error;

/// Bytes of the pages that an input is the end of.
const MAX_PAGES: usize = 4;

/// `image::Ovmf` and `image::Launch`: the first bytes say how it is launched, the rest is the end of an image.
pub fn ovmf(data: &[u8]) {
    let Some((&[kernel, vcpus, profile, vars], tail)) = data.split_first_chunk::<4>() else {
        return;
    };
    if let Err(error) = Ovmf::parse(tail) {
        check_error(&error);
    }
    let pages = tail.len().div_ceil(4096).clamp(1, MAX_PAGES);
    let mut bytes = vec![0; 4096 * pages];
    let tail = &tail[tail.len().saturating_sub(bytes.len())..];
    let start = bytes.len() - tail.len();
    bytes[start..].copy_from_slice(tail);
    let image = match Ovmf::parse(&bytes) {
        Ok(image) => image,
        Err(error) => return check_error(&error),
    };
    assert_eq!(image.gpa().get() + bytes.len() as u64, 1 << 32);
    check_sections(&image);

    let mut launch = Launch::new(
        image,
        CpuSignature(0x00a0_0f11),
        &Profile::ALL[usize::from(profile) % Profile::ALL.len()],
    );
    launch.kernel = (kernel & 1 == 1).then(|| KernelHashes::new(&[kernel], &[], &data[..4]));
    launch.firmware_digest = (kernel & 2 == 2).then_some([kernel; 48]);
    launch.svsm = (kernel & 4 == 4).then_some(Svsm { image, vars_size: u64::from(vars) << 9 });
    launch.vcpus = u32::from(vcpus % 8) | u32::from(vcpus & 8) << 20;
    launch.features = SevFeatures(profile.into());
    for generation in [Generation::Sev, Generation::SevEs, Generation::Snp] {
        check_launch(&launch, generation);
    }
}

fn check_sections(image: &Ovmf<'_>) {
    let Some(sections) = image.sections() else { return };
    let sections: Vec<Section> = sections.collect();
    assert!(sections.len() <= Ovmf::MAX_SECTIONS);
    let end = |section: &Section| section.gpa.get() + u64::from(section.size);
    for (number, section) in sections.iter().enumerate() {
        assert!(section.gpa.is_page() && section.size > 0 && section.size % 4096 == 0);
        assert!(end(section) <= image.gpa().get());
        for other in &sections[..number] {
            assert!(end(other) <= section.gpa.get() || end(section) <= other.gpa.get());
        }
    }
}

fn check_launch(launch: &Launch<'_>, generation: Generation) {
    let mut shown = 0;
    let mut vcpus = 0;
    let result = launch.updates(generation, &mut |update| {
        shown += 1;
        if let Origin::Vcpu(number) = update.origin {
            assert_eq!(number, vcpus);
            vcpus += 1;
        }
        check_update(update, generation);
    });
    match &result {
        Ok(()) => {
            let is_measured = generation != Generation::Sev;
            assert_eq!(vcpus, if is_measured { launch.vcpus } else { 0 });
        }
        Err(error) => {
            check_error(error);
            assert_eq!(shown, 0);
        }
    }
    let mut steps = 0;
    let digest = sev::launch::measure(launch, generation, &mut |step| {
        steps += 1;
        assert!(!step.to_string().contains(char::is_control));
    });
    if generation == Generation::Snp {
        let error = LaunchError::OtherGeneration { found: generation };
        assert_eq!((digest, steps), (Err(error), 0));
    } else {
        assert_eq!((digest.map(drop), steps), (result, shown));
    }
}

fn check_update(update: &Update<'_>, generation: Generation) {
    let Update { gpa, page_type, contents, .. } = *update;
    let is_snp = generation == Generation::Snp;
    assert!(is_snp || page_type.measures_contents());
    let end = |bytes: u64| gpa.checked_add(bytes - 1).map(GuestPhysAddr::get);
    match contents {
        Contents::Bytes(bytes) => {
            assert!(!bytes.is_empty() && page_type.measures_contents());
            assert!(bytes.len() % if is_snp { 4096 } else { 16 } == 0);
            assert!(end(bytes.len() as u64).is_some());
        }
        Contents::Pages(pages) => {
            assert!(is_snp && pages > 0 && !page_type.measures_contents());
            assert!(end(4096 * pages).is_some());
        }
        Contents::Measured(_) => assert!(is_snp && page_type == PageType::Normal),
        other => panic!("{other:?}"),
    }
    assert!(gpa.is_page() || !is_snp);
}
