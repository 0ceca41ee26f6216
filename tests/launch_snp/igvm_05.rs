//! IGVM files that the crate `igvm` makes: its bytes and its values measure the same.

use igvm::snp_defs::SevVmsa;
use igvm::{IgvmDirectiveHeader, IgvmFile as Parsed, IgvmPlatformHeader, IgvmRevision};
use igvm_defs::{
    IGVM_VHS_PARAMETER, IGVM_VHS_PARAMETER_INSERT, IGVM_VHS_SNP_ID_BLOCK_PUBLIC_KEY,
    IGVM_VHS_SNP_ID_BLOCK_SIGNATURE, IGVM_VHS_SUPPORTED_PLATFORM, IgvmPageDataFlags,
    IgvmPageDataType, IgvmPlatformType,
};
use sevcrypt::Backend;
use sevcrypt::snp::launch::igvm::{
    Contexts, ConvertError, Directive, IgvmFile, Measurement, Options, directives_of, measure,
};
use zerocopy::FromZeros;

fn platform(mask: u32, platform_type: IgvmPlatformType) -> IgvmPlatformHeader {
    IgvmPlatformHeader::SupportedPlatform(IGVM_VHS_SUPPORTED_PLATFORM {
        compatibility_mask: mask,
        highest_vtl: 0,
        platform_type,
        platform_version: 1,
        shared_gpa_boundary: 0,
    })
}

fn page(gpa: u64, mask: u32, flags: IgvmPageDataFlags, data: &[u8]) -> IgvmDirectiveHeader {
    typed_page(gpa, mask, flags, IgvmPageDataType::NORMAL, data)
}

fn typed_page(
    gpa: u64,
    compatibility_mask: u32,
    flags: IgvmPageDataFlags,
    data_type: IgvmPageDataType,
    data: &[u8],
) -> IgvmDirectiveHeader {
    IgvmDirectiveHeader::PageData { gpa, compatibility_mask, flags, data_type, data: data.into() }
}

fn id_block(ld: [u8; 48]) -> IgvmDirectiveHeader {
    let signature =
        |r, s| Box::new(IGVM_VHS_SNP_ID_BLOCK_SIGNATURE { r_comp: [r; 72], s_comp: [s; 72] });
    let key = |curve, x, y| {
        let (qx, qy) = ([x; 72], [y; 72]);
        Box::new(IGVM_VHS_SNP_ID_BLOCK_PUBLIC_KEY { curve, reserved: 0, qx, qy })
    };
    IgvmDirectiveHeader::SnpIdBlock {
        compatibility_mask: 2,
        author_key_enabled: 1,
        reserved: [0; 3],
        ld,
        family_id: [1; 16],
        image_id: [2; 16],
        version: 4,
        guest_svn: 3,
        id_key_algorithm: 5,
        author_key_algorithm: 6,
        id_key_signature: signature(7, 8),
        id_public_key: key(11, 12, 13),
        author_key_signature: signature(9, 10),
        author_public_key: key(14, 15, 16),
    }
}

/// A guest like those of paravisors: for two platforms, with every kind of directive.
fn guest() -> Vec<IgvmDirectiveHeader> {
    let plain = IgvmPageDataFlags::new();
    let mut vmsa: Box<SevVmsa> = SevVmsa::new_box_zeroed().unwrap();
    vmsa.cr0 = 0x11;
    vmsa.rip = 0x10_0000;
    let parameter = IGVM_VHS_PARAMETER { parameter_area_index: 0, byte_offset: 0 };
    vec![
        page(0x10_0000, 3, plain, &[0xcc; 4096]),
        page(0x10_1000, 1, plain, &[0xdd; 4096]),
        page(0x10_2000, 2, plain, b"the begin of a page"),
        page(0x10_3000, 2, plain, b""),
        page(0x10_4000, 2, plain.with_unmeasured(true), &[7; 4096]),
        page(0x10_5000, 2, plain.with_shared(true), &[8; 4096]),
        typed_page(0x10_6000, 2, plain, IgvmPageDataType::SECRETS, b""),
        typed_page(0x10_7000, 2, plain, IgvmPageDataType::CPUID_DATA, b""),
        typed_page(0x10_8000, 2, plain, IgvmPageDataType::CPUID_XF, b""),
        IgvmDirectiveHeader::ParameterArea {
            number_of_bytes: 0x3000,
            parameter_area_index: 0,
            initial_data: vec![],
        },
        IgvmDirectiveHeader::VpCount(parameter),
        IgvmDirectiveHeader::MemoryMap(parameter),
        IgvmDirectiveHeader::ParameterInsert(IGVM_VHS_PARAMETER_INSERT {
            gpa: 0x10_9000,
            compatibility_mask: 2,
            parameter_area_index: 0,
        }),
        IgvmDirectiveHeader::RequiredMemory {
            gpa: 0x100_0000,
            compatibility_mask: 2,
            number_of_bytes: 0x1000,
            vtl2_protectable: false,
        },
        IgvmDirectiveHeader::SnpVpContext {
            gpa: 0x11_0000,
            compatibility_mask: 2,
            vp_index: 0,
            vmsa,
        },
        id_block([9; 48]),
    ]
}

fn file(directives: Vec<IgvmDirectiveHeader>) -> Parsed {
    let platforms =
        vec![platform(1, IgvmPlatformType::VSM_ISOLATION), platform(2, IgvmPlatformType::SEV_SNP)];
    Parsed::new(IgvmRevision::V1, platforms, vec![], directives).unwrap()
}

#[test]
fn bytes_and_values_measure_the_same() {
    let made = file(guest());
    let mut bytes = Vec::new();
    made.serialize(&mut bytes).unwrap();
    let ours = IgvmFile::parse(&bytes).unwrap();
    assert_eq!(ours.platform(), 2);
    for contexts in [Contexts::AsInFile, Contexts::Kvm] {
        let mut options = Options::default();
        options.contexts = contexts;
        let mut steps = Vec::new();
        let from_bytes =
            ours.measure(&options, Backend::best(), &mut |step| steps.push(*step)).unwrap();
        let (platform, directives) = directives_of(&made).unwrap();
        let is_block =
            |directive: &Directive<'_>| matches!(directive, Directive::SnpIdBlock { .. });
        let block = directives.clone().find(is_block);
        assert!(block.is_some() && block == ours.directives().find(is_block));
        let mut again = Vec::new();
        let visit = &mut |step: &_| again.push(*step);
        let from_values = measure(directives, platform, &options, Backend::best(), visit).unwrap();
        assert_eq!(from_bytes, from_values);
        assert_eq!(steps, again);
        assert_eq!(from_bytes.id_block_digest, Some([9; 48]));
        // Normal, zeroes, unmeasured, secrets, twice CPUID, three of the area, a save area.
        assert_eq!(steps.len(), 11);
    }
    // What the crate reads of its own bytes.
    let read = Parsed::new_from_binary(&bytes, None).unwrap();
    let (platform, directives) = directives_of(&read).unwrap();
    let options = Options::default();
    let measured: Measurement =
        measure(directives, platform, &options, Backend::best(), &mut |_| {}).unwrap();
    assert_eq!(measured, ours.measure(&options, Backend::best(), &mut |_| {}).unwrap());
}

#[test]
fn files_that_cannot_be_taken_over() {
    let other = Parsed::new(
        IgvmRevision::V1,
        vec![platform(1, IgvmPlatformType::VSM_ISOLATION)],
        vec![],
        vec![page(0, 1, IgvmPageDataFlags::new(), b"")],
    )
    .unwrap();
    let error = |file: &Parsed| directives_of(file).map(|_| ()).unwrap_err();
    assert_eq!(error(&other), ConvertError::NotForSnp);
    assert_eq!(error(&other).to_string(), "no platform of the file is SEV-SNP");
    let large = IgvmPageDataFlags::new().with_is_2mb_page(true);
    assert!(directives_of(&file(vec![page(0x20_0000, 2, large, b"")])).is_ok());
    let with_data = file(vec![page(0, 2, large, b""), page(0x20_0000, 2, large, b"code")]);
    assert_eq!(error(&with_data), ConvertError::LargePage { directive: 1 });
}
