//! IGVM files and CPUID pages: no bytes make a panic, and what is taken can be measured.

use sevcrypt::image::{CpuSignature, Digest, Origin, Step};
use sevcrypt::snp::id_block::{IdAuth, IdBlock};
use sevcrypt::snp::launch::igvm::{
    Contexts, Directive, EmptyPages, IgvmFile, Options, ParameterAreas, SharedPages,
};
use sevcrypt::snp::launch::{CpuidPage, CpuidTable, Expected};
use sevcrypt::{Backend, Status};

use crate::check_error;

/// `snp::launch::igvm`: the first byte says how it is measured, the rest is the file, whose length and checksum are made right.
pub fn igvm(data: &[u8]) {
    let Some((&bits, bytes)) = data.split_first() else { return };
    if let Err(error) = IgvmFile::parse(bytes) {
        check_error(&error);
    }
    let mut bytes = bytes.to_vec();
    seal(&mut bytes);
    let file = match IgvmFile::parse(&bytes) {
        Ok(file) => file,
        Err(error) => return check_error(&error),
    };
    assert!(file.platform().is_power_of_two());

    let has = |bit: u8| bits >> bit & 1 == 1;
    let mut options = Options::default();
    options.contexts = if has(0) { Contexts::Kvm } else { Contexts::AsInFile };
    options.shared_pages = if has(1) { SharedPages::Measured } else { SharedPages::NotMeasured };
    options.parameter_areas =
        if has(2) { ParameterAreas::FirstPage } else { ParameterAreas::AllPages };
    options.empty_pages = if has(3) { EmptyPages::Zero } else { EmptyPages::Normal };
    let count = file.directives().count();
    let mut after = Digest::Sha384([0; 48]);
    let measured = file.measure(&options, Backend::best(), &mut |step: &Step| {
        assert!(step.gpa.is_page() && step.length == 4096);
        assert!(matches!(step.origin, Origin::Directive(number) if (number as usize) < count));
        after = step.after;
    });
    if let Some(id_block) = file.id_block() {
        let policy = file.policy().unwrap_or(IdBlock::DEFAULT_POLICY);
        let (mut page, bytes) = ([0; 4096], id_block.id_block(policy).to_bytes());
        let id_auth = id_block.write_id_auth(&mut page);
        assert_eq!(IdBlock::from_bytes(&bytes).launch_digest, id_block.launch_digest);
        assert_eq!(id_auth.check_reserved(), IdAuth::from_bytes(id_auth.bytes()).check_reserved());
    }
    let has_block = |directive| {
        matches!(directive, Directive::SnpIdBlock { compatibility_mask, .. }
            if compatibility_mask & file.platform() != 0)
    };
    match measured {
        Ok(measured) => {
            assert_eq!(after, Digest::Sha384(measured.digest));
            assert_eq!(measured.id_block_digest.is_some(), file.directives().any(has_block));
        }
        Err(error) => check_error(&error),
    }
}

/// Puts in length and checksum, if the headers are inside of the file.
fn seal(bytes: &mut [u8]) {
    let total = bytes.len() as u32;
    let Some(header) = bytes.first_chunk_mut::<0x18>() else { return };
    header[0x10..0x14].copy_from_slice(&total.to_le_bytes());
    header[0x14..].fill(0);
    let fixed = if header[4..8] == [2, 0, 0, 0] { 0x20 } else { 0x18 };
    let [offset, length] = [8, 12]
        .map(|at| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes")) as usize);
    let headers = bytes.get(offset..).and_then(|rest| rest.get(..length)).unwrap_or_default();
    let counted = bytes.iter().take(fixed).chain(headers);
    let checksum = !counted.fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| match crc & 1 {
            1 => crc >> 1 ^ 0xedb8_8320,
            _ => crc >> 1,
        })
    });
    bytes[0x14..0x18].copy_from_slice(&checksum.to_le_bytes());
}

/// `snp::launch::CpuidPage`: the processor, then the begin of a page. What was corrected is acceptable.
pub fn cpuid_page(data: &[u8]) {
    let Some((processor, begin)) = data.split_first_chunk() else { return };
    // A real processor has nothing in the reserved bits.
    let processor = CpuSignature(u32::from_le_bytes(*processor) & 0x0fff_0fff);
    let mut bytes = [0; 4096];
    let len = begin.len().min(bytes.len());
    bytes[..len].copy_from_slice(&begin[..len]);
    let original = bytes;
    let mut page = match CpuidPage::open(&mut bytes) {
        Ok(page) => page,
        Err(error) => return check_error(&error),
    };
    let mut changes = 0;
    let mut reserved = 0;
    let status = page.check(&CpuidTable::GENOA, processor, &mut |failure| {
        assert!(!failure.to_string().contains(char::is_control));
        match failure.found == failure.corrected {
            true => reserved += 1,
            false => changes += 1,
        }
    });
    assert_eq!(status.is_success(), changes + reserved == 0);
    let again = page.check(&CpuidTable::GENOA, processor, &mut |failure| {
        assert_eq!((failure.expected, failure.found), (Expected::Zero, failure.corrected));
        reserved -= 1;
    });
    assert_eq!(reserved, 0);
    assert!(again == Status::SUCCESS || again == Status::INVALID_PARAM);
    assert_eq!(bytes == original, changes == 0);
}
