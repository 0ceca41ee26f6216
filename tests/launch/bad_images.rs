//! Each rule of the table and the metadata, broken on its own.

use proptest::prelude::*;
use sevcrypt::image::Ovmf;
use sevcrypt::image::ovmf::{Area, OvmfError, SectionKind, SectionProblem, TableEntry};

use crate::builder::{
    FOOTER, HASH_TABLE, Image, METADATA, RESET_BLOCK, SECRET_AREA, SVSM_INFO, guid, words,
};
use crate::{real_image, sections};

/// Bytes of the made images.
const LEN: usize = 0x2000;
/// Where their table ends.
const END: usize = LEN - 32;
/// Where their metadata begin.
const META: usize = LEN - 0x800;

#[track_caller]
fn refused(image: &[u8], expected: OvmfError, text: &str) {
    let error = Ovmf::parse(image).unwrap_err();
    assert_eq!(error, expected);
    assert_eq!(error.to_string(), text);
}

/// The end of an image, with the digests of its pages, is as good as the whole, as far as what is looked at is there.
#[test]
fn the_end_of_an_image() {
    let bytes = Image::ovmf(4 * LEN).build();
    let digests: Vec<_> = bytes.chunks(4096).map(sevcrypt::hash::sha384).collect();
    let whole = Ovmf::parse(&bytes).unwrap();
    for kept in [0x1000, LEN, 4 * LEN] {
        let tail = Ovmf::parse_tail(&bytes[4 * LEN - kept..], &digests).unwrap();
        assert_eq!((tail.size(), tail.gpa()), (4 * LEN, whole.gpa()));
        assert_eq!((tail.image().len(), tail.page_digests()), (kept, Some(&digests[..])));
        assert_eq!(tail.reset_eip(), whole.reset_eip());
        assert!(tail.sections().unwrap().eq(whole.sections().unwrap()));
    }
    let refused =
        |tail: &[u8], pages: usize| Ovmf::parse_tail(tail, &digests[..pages]).unwrap_err();
    assert_eq!(refused(&[], 8), OvmfError::Empty);
    assert_eq!(refused(&[], 0), OvmfError::Empty);
    assert_eq!(refused(&bytes[1..], 8), OvmfError::NotPages { len: 4 * LEN - 1 });
    let error = refused(&bytes[LEN..], 5);
    assert_eq!(error, OvmfError::TailTooLong { len: 3 * LEN, pages: 5 });
    let text = "the image's last 24576 bytes are more than its 5 pages have";
    assert_eq!(error.to_string(), text);
    // A section that lies over a part of the image that is not here.
    let over = 0xffff_a000 - 0x1000;
    let bytes = Image::new(4 * LEN).sections(&[[over, 0x1000, 1]]).build();
    let error = Ovmf::parse_tail(&bytes[3 * LEN..], &digests).unwrap_err();
    let problem = |error| match error {
        OvmfError::Section { problem, .. } => problem,
        other => panic!("{other:?}"),
    };
    assert_eq!(problem(error), problem(Ovmf::parse(&bytes).unwrap_err()));
}

#[test]
fn a_good_one() {
    let bytes = Image::ovmf(LEN).entry(SVSM_INFO, &words(&[0x40])).build();
    let image = Ovmf::parse(&bytes).unwrap();
    assert_eq!(image.image(), bytes);
    assert_eq!(image.gpa().get(), 0xffff_e000);
    assert_eq!(image.reset_eip(), Some(0x80_b004));
    assert_eq!(image.secret_area(), Some(Area { base: 0x81_0000, size: 0xc00 }));
    assert_eq!(image.hash_table(), Some(Area { base: 0x81_0c00, size: 0x400 }));
    assert_eq!(image.svsm_launch_offset(), Some(0x40));
    let expected = [
        (0x80_0000, 0x9000, SectionKind::SecMem),
        (0x80_d000, 0x1000, SectionKind::Secrets),
        (0x80_e000, 0x1000, SectionKind::Cpuid),
        (0x80_f000, 0x1000, SectionKind::SvsmCaa),
        (0x81_0000, 0x1000, SectionKind::KernelHashes),
        (0x81_1000, 0x2000, SectionKind::SecMem),
    ];
    assert_eq!(sections(&image), Some(expected.to_vec()));
    assert_eq!(
        format!("{image:?}"),
        "Ovmf { size: 8192, reset_eip: Some(8433668), hash_table: Some(Area { base: 8457216, size: 1024 }), \
         secret_area: Some(Area { base: 8454144, size: 3072 }), svsm_launch_offset: Some(64), sections: Some(6), .. }"
    );
}

#[test]
fn what_may_be_missing() {
    let bytes = Image::new(4096).build();
    let image = Ovmf::parse(&bytes).unwrap();
    assert_eq!((image.reset_eip(), image.hash_table(), image.secret_area()), (None, None, None));
    assert_eq!((image.svsm_launch_offset(), sections(&image)), (None, None));
    // Metadata without sections are not the same as none.
    let bytes = Image::new(4096).sections(&[]).build();
    assert_eq!(sections(&Ovmf::parse(&bytes).unwrap()), Some(vec![]));
    // Unknown entries are skipped, whatever their length.
    let bytes = Image::new(4096).entry(1, &[]).entry(2, &[7; 999]).entry(1, &[]);
    let bytes = bytes.entry(RESET_BLOCK, &words(&[5])).build();
    assert_eq!(Ovmf::parse(&bytes).unwrap().reset_eip(), Some(5));
}

#[test]
fn lengths() {
    let bytes = Image::ovmf(LEN).build();
    refused(&[], OvmfError::Empty, "the image is empty");
    for len in 1..LEN {
        let suffix = &bytes[LEN - len..];
        if len.is_multiple_of(4096) {
            // What is cut off from its front is an image of its own.
            assert_eq!(Ovmf::parse(suffix).unwrap().gpa().get(), (1 << 32) - len as u64);
        } else {
            assert_eq!(Ovmf::parse(suffix).unwrap_err(), OvmfError::NotPages { len });
        }
    }
    refused(
        &bytes[1..],
        OvmfError::NotPages { len: 8191 },
        "the image has 8191 bytes: expected a multiple of 4096",
    );
}

#[test]
fn no_table() {
    for at in END - 16..END {
        let mut bytes = Image::ovmf(LEN).build();
        bytes[at] ^= 1;
        let found = bytes[END - 16..END].try_into().unwrap();
        let error = Ovmf::parse(&bytes).unwrap_err();
        assert_eq!(error, OvmfError::NoTable { offset: END - 16, found });
    }
    refused(
        &[0; LEN],
        OvmfError::NoTable { offset: 0x1fd0, found: [0; 16] },
        "at offset 0x1fd0: no table for SEV: expected the footer's GUID 96b582de-1fb2-45f7-baea-a366c55a082d, found 00000000-0000-0000-0000-000000000000",
    );
}

#[test]
fn table_size() {
    let mut bytes = Image::new(LEN).build();
    for found in [0, 17, 0x1fe1, 0xffff_usize] {
        bytes[END - 18..END - 16].copy_from_slice(&(found as u16).to_le_bytes());
        refused(
            &bytes,
            OvmfError::TableSize { offset: 0x1fce, found, room: 0x1fe0 },
            &format!("at offset 0x1fce: the table's length is {found}: expected 18 to 8160"),
        );
    }
}

#[test]
fn stray_bytes_before_the_entries() {
    for stray in 1..18 {
        let mut bytes = Image::new(LEN).build();
        let length = 18 + stray as u16;
        bytes[END - 18..END - 16].copy_from_slice(&length.to_le_bytes());
        let offset = END - 18 - stray;
        refused(
            &bytes,
            OvmfError::EntryCutOff { offset, found: stray },
            &format!(
                "at offset {offset:#x}: the table begins with {stray} bytes that are no entry: expected 18 at least"
            ),
        );
    }
}

#[test]
fn entry_size() {
    // Two entries of 22 bytes: what the second may take is 22, the first 44.
    let image = Image::new(LEN).entry(RESET_BLOCK, &words(&[1])).entry(7, &words(&[2])).build();
    for (offset, room, sizes) in
        [(END - 36, 44, [0, 17, 45, 0xffff_usize]), (END - 58, 22, [0, 17, 23, 0xffff])]
    {
        for found in sizes {
            let mut bytes = image.clone();
            bytes[offset..offset + 2].copy_from_slice(&(found as u16).to_le_bytes());
            refused(
                &bytes,
                OvmfError::EntrySize { offset, found, room },
                &format!(
                    "at offset {offset:#x}: an entry's length is {found}: expected 18 to {room}, all that is left of the table"
                ),
            );
        }
    }
}

#[test]
fn entry_length() {
    for (id, entry, name, expected) in [
        (RESET_BLOCK, TableEntry::ResetBlock, "SEV-ES reset block", 4),
        (HASH_TABLE, TableEntry::HashTable, "SEV hash table", 8),
        (SECRET_AREA, TableEntry::SecretArea, "SEV secret block", 8),
        (METADATA, TableEntry::Metadata, "SEV metadata", 4),
        (SVSM_INFO, TableEntry::SvsmInfo, "SVSM info", 4),
    ] {
        for found in (0..20).filter(|found| *found != expected) {
            let bytes = Image::new(LEN).entry(id, &vec![0; found]).build();
            let offset = END - 36 - found;
            refused(
                &bytes,
                OvmfError::EntryLength { offset, entry, found, expected },
                &format!(
                    "at offset {offset:#x}: the entry \"{name}\" has {found} bytes of data: expected {expected}"
                ),
            );
        }
    }
}

#[test]
fn entry_twice() {
    for (id, entry, len) in [
        (RESET_BLOCK, TableEntry::ResetBlock, 4),
        (HASH_TABLE, TableEntry::HashTable, 8),
        (SECRET_AREA, TableEntry::SecretArea, 8),
        (METADATA, TableEntry::Metadata, 4),
        (SVSM_INFO, TableEntry::SvsmInfo, 4),
    ] {
        let data = if id == METADATA { words(&[0x800]) } else { vec![9; len] };
        let header = [u32::from_le_bytes(*b"ASEV"), 16, 1, 0];
        let mut image = Image::new(LEN);
        image = if id == METADATA { image.metadata(&header, &[]) } else { image.entry(id, &data) };
        let bytes = image.entry(3, b"between").entry(id, &data).build();
        let offset = END - 18 - (18 + len) - (18 + 7) - (18 + len);
        refused(
            &bytes,
            OvmfError::EntryTwice { offset, entry },
            &format!("at offset {offset:#x}: the entry \"{entry}\" for the second time"),
        );
    }
}

#[test]
fn metadata_offset() {
    let offset = END - 40;
    for found in [0, 15, 0x2001, u32::MAX] {
        let bytes = Image::new(LEN).entry(METADATA, &words(&[found])).build();
        refused(
            &bytes,
            OvmfError::MetadataOffset { offset, found, len: LEN },
            &format!(
                "at offset 0x1fb8: the SEV metadata begin {found:#x} bytes before the end of the image: expected 0x10 to 0x2000"
            ),
        );
    }
    // The whole image, and the last 16 bytes, may be looked at: what is there is no signature.
    for found in [16, 0x2000] {
        let bytes = Image::new(LEN).entry(METADATA, &words(&[found])).build();
        let error = Ovmf::parse(&bytes).unwrap_err();
        assert!(matches!(error, OvmfError::MetadataSignature { .. }), "{error}");
    }
}

#[test]
fn metadata_header() {
    let asev = u32::from_le_bytes(*b"ASEV");
    let section = [[0x1000, 0x1000, 1]];
    let with = |header| Image::new(LEN).metadata(&header, &section).build();
    refused(
        &with([asev ^ 1, 28, 1, 1]),
        OvmfError::MetadataSignature { offset: META, found: *b"@SEV" },
        "at offset 0x1800: the SEV metadata begin with 40534556: expected 41534556 (\"ASEV\")",
    );
    for found in [0, 2, u32::MAX] {
        refused(
            &with([asev, 28, found, 1]),
            OvmfError::MetadataVersion { offset: META + 8, found },
            &format!("at offset 0x1808: version {found} of the SEV metadata: expected 1"),
        );
    }
    for found in [65, 0x8000_0000, u32::MAX] {
        refused(
            &with([asev, 16u32.wrapping_add(found.wrapping_mul(12)), 1, found]),
            OvmfError::MetadataCount { offset: META + 12, found },
            &format!(
                "at offset 0x180c: the SEV metadata have {found} sections: expected at most 64"
            ),
        );
    }
    for (found, count, expected) in [(0, 1, 28), (27, 1, 28), (28, 2, 40), (29, 1, 28), (28, 0, 16)]
    {
        refused(
            &with([asev, found, 1, count]),
            OvmfError::MetadataSize { offset: META + 4, found, expected },
            &format!(
                "at offset 0x1804: the length of the SEV metadata is {found}: expected {expected}, by the number of sections"
            ),
        );
    }
    // 64 are not too many.
    let most: Vec<_> = (0..64).map(|number| [number << 12, 0x1000, 1]).collect();
    let bytes = Image::new(LEN).sections(&most).build();
    assert_eq!(Ovmf::parse(&bytes).unwrap().sections().unwrap().count(), 64);
}

#[test]
fn metadata_cut_off() {
    let mut bytes = Image::new(LEN).entry(METADATA, &words(&[32])).build();
    let header = words(&[u32::from_le_bytes(*b"ASEV"), 40, 1, 2]);
    bytes[END..][..16].copy_from_slice(&header);
    refused(
        &bytes,
        OvmfError::MetadataCutOff { offset: END, room: 32, expected: 40 },
        "at offset 0x1fe0: the SEV metadata have 40 bytes, but the image ends after 32",
    );
    // One section fits behind the table.
    bytes[END + 4] = 28;
    bytes[END + 12] = 1;
    bytes[END + 16..][..12].copy_from_slice(&words(&[0x5000, 0x1000, 1]));
    let image = Ovmf::parse(&bytes).unwrap();
    assert_eq!(sections(&image), Some(vec![(0x5000, 0x1000, SectionKind::SecMem)]));
}

/// Few bytes of an image name as many pages as there are below 4 GiB: each would be a step.
#[test]
fn pages_of_all_sections() {
    let with = |size| {
        let sections = [[0x1000_0000, size, 1], [0, 0x1000, 2], [0x8000_0000, 0x800_0000, 4]];
        Image::new(0x1000).sections(&sections).build()
    };
    let bytes = with(0x800_0000 - 0x1000);
    assert_eq!(Ovmf::parse(&bytes).unwrap().sections().unwrap().count(), 3);
    for (size, found) in [(0x800_0000, 65_537), (0x7000_0000, 491_521)] {
        refused(
            &with(size),
            OvmfError::SectionPages { offset: 0x800, found },
            &format!(
                "at offset 0x800: the sections of the SEV metadata have {found} pages: expected at most 65536"
            ),
        );
    }
}

#[track_caller]
fn section_refused(section: [u32; 3], problem: SectionProblem, text: &str) {
    let good = [0x10_0000, 0x2000, 1];
    let bytes = Image::new(LEN).sections(&[good, section, good]).build();
    refused(
        &bytes,
        OvmfError::Section { offset: META + 28, number: 1, problem },
        &format!("at offset 0x181c: section 1: {text}"),
    );
}

#[test]
fn sections_in_themselves() {
    for found in [0, 5, 0x0f, 0x11, 0x100, 0x0300_0000, u32::MAX] {
        section_refused(
            [0x1000, 0x1000, found],
            SectionProblem::UnknownKind { found },
            &format!("type {found:#x} is not known: expected 1, 2, 3, 4 or 0x10"),
        );
    }
    for kind in [1, 2, 3, 4, 0x10] {
        for found in [1, 0x800, 0x1fff, 0xffff_ffff] {
            section_refused(
                [found, 0x1000, kind],
                SectionProblem::Gpa { found },
                &format!("it begins at {found:#x}: expected a multiple of 0x1000"),
            );
        }
        for found in [0, 1, 0xfff, 0x1001, 0xffff_ffff] {
            section_refused(
                [0x1000, found, kind],
                SectionProblem::Size { found },
                &format!("its size is {found:#x}: expected a multiple of 0x1000 above 0"),
            );
        }
    }
    for (number, kind, name) in [
        (2, SectionKind::Secrets, "SNP_SECRETS"),
        (3, SectionKind::Cpuid, "CPUID"),
        (0x10, SectionKind::KernelHashes, "SNP_KERNEL_HASHES"),
    ] {
        for found in [0x2000, 0xffff_f000] {
            section_refused(
                [0x1000, found, number],
                SectionProblem::NotOnePage { kind, found },
                &format!("its size is {found:#x}: expected 0x1000, as its type is {name}"),
            );
        }
    }
}

#[test]
fn sections_over_the_image() {
    for (gpa, size) in [
        (0xffff_e000, 0x1000),
        (0xffff_f000, 0x1000),
        (0xffff_d000, 0x2000),
        (0xffff_f000, 0x2000),
        (0x1000, 0xffff_f000),
        (0xffff_f000, 0xffff_f000),
    ] {
        let bytes = Image::new(LEN).sections(&[[gpa, size, 1]]).build();
        let Err(OvmfError::Section { offset: 0x1810, number: 0, problem }) = Ovmf::parse(&bytes)
        else {
            panic!("{gpa:#x} {size:#x}")
        };
        let SectionProblem::OverFirmware { section, firmware: 0xffff_e000 } = problem else {
            panic!("{problem}")
        };
        assert_eq!((section.gpa.get(), section.size), (gpa.into(), size));
        assert_eq!(
            problem.to_string(),
            format!("{size:#x} bytes from {gpa:#x} reach over 0xffffe000, where the image begins")
        );
    }
    let bytes =
        Image::new(LEN).sections(&[[0xffff_d000, 0x1000, 1], [0xfff0_0000, 0xf_d000, 4]]).build();
    assert_eq!(Ovmf::parse(&bytes).unwrap().sections().unwrap().count(), 2);
}

#[test]
fn sections_over_one_another() {
    let first = [[0x10_0000, 0x3000, 1], [0x20_0000, 0x1000, 3]];
    for (section, other) in [
        ([0x10_0000, 0x3000, 1], 0),
        ([0x0f_f000, 0x2000, 1], 0),
        ([0x10_1000, 0x1000, 2], 0),
        ([0x10_2000, 0x2000, 4], 0),
        ([0x20_0000, 0x1000, 0x10], 1),
        ([0, 0x30_0000, 1], 0),
    ] {
        let bytes = Image::new(LEN).sections(&[first[0], first[1], section]).build();
        let error = Ovmf::parse(&bytes).unwrap_err();
        let OvmfError::Section {
            offset: 0x1828,
            number: 2,
            problem: SectionProblem::Overlap { section: found, other: found_other },
        } = error
        else {
            panic!("{error}")
        };
        assert_eq!(
            (found.gpa.get(), found.size, found_other),
            (section[0].into(), section[1], other)
        );
        assert_eq!(
            error.to_string(),
            format!(
                "at offset 0x1828: section 2: {:#x} bytes from {:#x} overlap section {other}",
                section[1], section[0]
            )
        );
    }
    for section in [[0x0f_f000, 0x1000, 1], [0x10_3000, 0xf_d000, 1], [0x20_1000, 0x1000, 3]] {
        let bytes = Image::new(LEN).sections(&[first[0], first[1], section]).build();
        assert_eq!(Ovmf::parse(&bytes).unwrap().sections().unwrap().count(), 3);
    }
}

#[test]
fn guids_as_in_the_file() {
    assert_eq!(guid(FOOTER)[..8], [0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45]);
}

/// An image with any bytes changed in what is read.
fn check_changed(mut bytes: Vec<u8>, changes: &[(usize, u8)]) {
    let len = bytes.len();
    for (from_end, byte) in changes {
        bytes[len - 1 - from_end % len.min(0x1000)] = *byte;
    }
    match Ovmf::parse(&bytes) {
        Ok(image) => {
            let all = sections(&image).unwrap_or_default();
            assert!(all.len() <= Ovmf::MAX_SECTIONS);
            for (number, (gpa, size, _)) in all.iter().enumerate() {
                let end = gpa + u64::from(*size);
                assert!(end <= image.gpa().get() && gpa % 4096 == 0 && size % 4096 == 0);
                let mut others = all[..number].iter();
                assert!(
                    others
                        .all(|(other, size, _)| end <= *other || other + u64::from(*size) <= *gpa)
                );
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Places in the table, in the metadata, or anywhere.
fn changes(metadata_from_end: usize) -> impl Strategy<Value = Vec<(usize, u8)>> {
    let place = prop_oneof![
        32..32 + 140_usize,
        metadata_from_end - 110..metadata_from_end,
        0..0x1000_usize
    ];
    proptest::collection::vec((place, any::<u8>()), 1..6)
}

proptest! {
    #[test]
    fn changed_made_images(changes in changes(0x800)) {
        check_changed(Image::ovmf(LEN).build(), &changes);
    }
}

#[test]
fn changed_real_images() {
    for (file, metadata_from_end) in [
        ("ovmf_AmdSev_suffix.bin", 0x554),
        ("ovmf_amdsev_el9_20220126_suffix.bin", 0x554),
        ("svsm.bin", 0xc2),
        ("svsm_ovmf.fd", 0x558),
    ] {
        let Some(bytes) = real_image("changed_real_images", file) else { return };
        // A table does not know what stands before it.
        let bytes = &bytes[bytes.len() - 4096..];
        proptest!(|(changes in changes(metadata_from_end))| check_changed(bytes.to_vec(), &changes));
    }
}
