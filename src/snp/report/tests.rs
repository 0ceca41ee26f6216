use std::format;
use std::string::ToString;
use std::vec::Vec;

use proptest::prelude::*;
use sha2::{Digest, Sha256, Sha384};

use super::*;
use crate::ecdsa::SigningKey;

fn bytes<const N: usize>(digits: &str) -> [u8; N] {
    base16ct::lower::decode_vec(digits).expect("digits").try_into().expect("the length")
}

fn counting<const N: usize>(first: u8) -> [u8; N] {
    core::array::from_fn(|i| first + i as u8)
}

/// The signer of the examples: a model VCEK.
fn signer() -> SigningKey {
    SigningKey::from_scalar(&bytes(
        "1f809082038e474c8130823e07c4fb305b28fc285c835f4918a930b27f3dac2d56a36a87117c99922f011025997b1c73",
    ))
    .expect("a scalar")
}

const MILAN_CHIP: &str = "84bf7562262bbd6940085748f3be6afa52ae317155181ece31b66351ccffa4b0\
     8cc43d63b2859d469fee15f31c9edb5324266e6fd0407e87382d60fc4511acd8";

/// What the examples have in common: a guest with an ID block and an author key.
fn example(version: u32, tcb: [u8; 8], build: u8, minor: u8) -> Draft {
    let tcb = TcbVersion::new(tcb);
    let firmware = FirmwareVersion { major: 1, minor, build };
    Draft::new(version)
        .guest_svn(5)
        .policy(GuestPolicy(0x3_0000))
        .family_id(&counting(0x01))
        .image_id(&counting(0x31))
        .vmpl(Vmpl::VMPL1)
        .key_info(KeyInfo(1))
        .report_data(&counting(0))
        .measurement(&bytes(
            "34c94b940900393b2c55936d5bb2099e37ce99bba725b186bf564314491c69dfdf1e5a3e564e024e4afaea3b8a912a3d",
        ))
        .host_data(&counting(0xa0))
        .id_key_digest(&bytes(
            "e6daf694fc53178244dbe1e38a89d1745109f311b3562c4c6788048c2db409d6540649973031eb2d9230f88113f397ed",
        ))
        .author_key_digest(&bytes(
            "603725508e4cda0503ff8cb2f44f5ea65e1cedf857b26202795c865ceb06daf859959fcc38179f104b7ccf996e21442a",
        ))
        .report_id(&counting(0xc0))
        .current_tcb(tcb)
        .reported_tcb(tcb)
        .committed_tcb(tcb)
        .launch_tcb(tcb)
        .current_version(firmware)
        .committed_version(firmware)
}

/// The known answers of a second implementation for versions 2, 3 and 5: digest of the signed bytes and of the whole.
#[test]
fn known_answers() {
    let milan = [3, 0, 0, 0, 0, 0, 8, 0x73];
    let mut turin_chip = [0; 64];
    turin_chip[..8].copy_from_slice(&counting::<8>(0x11));
    let cpu = |family, model| CpuModel { family, model, stepping: 1 };
    for (draft, body, whole) in [
        (
            example(2, milan, 4, 52).platform_info(PlatformInfo(1)).chip_id(&bytes(MILAN_CHIP)),
            "916cd196255d63ef38ead4726f1678849f797720419fae4d4fc56b8d20a1a2501e5c67ccc6a7152307720fd10ba070c4",
            "dc7013e8ccefe6d165390708e15e5d365835ce123545bbf124735919d8696a40",
        ),
        (
            example(3, milan, 40, 55)
                .platform_info(PlatformInfo(0x27))
                .cpu(cpu(0x19, 0x11))
                .chip_id(&bytes(MILAN_CHIP)),
            "f0e200e8b60662f3a6a9702e4f4ea5d3d5a48d868a2aa7ae15fd1a88ec1807701fc934eb52d018f774f35519dfd68c08",
            "f11762c5f2bce2f4b38619d0b5feb8e5a2203c83d619ac17dc127bf191020cc3",
        ),
        (
            example(5, [1, 1, 1, 4, 0, 0, 0, 0x51], 65, 55)
                .platform_info(PlatformInfo(0x25))
                .cpu(cpu(0x1a, 0x02))
                .chip_id(&turin_chip)
                .launch_mit_vector(0x3f)
                .current_mit_vector(0x3f),
            "e3c0d5f724be3adf76ad8b0fe4f1a2496f5c490ffe4b50e8eb0cf36fc4bc30fec2622a19a315cd9504b8bfaf857395dc",
            "847ea106d3fe3eb0c301bdefac358f5781834979b8b93fa08f9ccc699f3d90c0",
        ),
    ] {
        let report = draft.sign(&signer()).expect("a signature");
        let view = Report::from_bytes(&report).expect("a report");
        assert_eq!(Sha384::digest(view.signed_bytes())[..], bytes::<48>(body));
        // RFC 6979's nonce makes the signature the same everywhere.
        assert_eq!(Sha256::digest(report)[..], bytes::<32>(whole));
        let key = signer().verifying_key();
        assert!(key.verify_vartime(view.signed_bytes(), &view.signature().expect("a signature")));
        assert_eq!(view.check_reserved(), Ok(()));
    }
}

#[test]
fn versions_and_lengths() {
    let draft = Draft::new(2).unsigned();
    for len in (0..REPORT_LEN).chain([REPORT_LEN + 1, 4000]) {
        let bytes: Vec<u8> = draft.iter().copied().chain([0; 4000]).take(len).collect();
        assert_eq!(Report::from_bytes(&bytes), Err(ReportError::Length { len }));
    }
    for version in [0, 1, 7, 8, u32::MAX] {
        let bytes = Draft::new(version).unsigned();
        assert_eq!(Report::from_bytes(&bytes), Err(ReportError::Version { version }));
        assert!(Report::of_unknown_version(&bytes).is_ok());
    }
    for version in 2..=6 {
        let bytes = Draft::new(version).unsigned();
        let report = Report::from_bytes(&bytes).expect("a known version");
        assert_eq!(report.cpu().is_some(), version >= 3);
        assert_eq!(report.current_mit_vector().is_some(), version >= 4);
        assert_eq!(report.extended_tcbs().is_some(), version >= 6);
    }
}

/// A byte is reserved in exactly the versions of which the sheet says so.
#[test]
fn reserved_bytes() {
    for version in 2..=6u32 {
        for offset in 4..at::SIGNATURE {
            let mut bytes = Draft::new(version).unsigned();
            bytes[offset] |= 0x80;
            let report = Report::from_bytes(&bytes).expect("a report");
            let reserved = match offset {
                0x4c..=0x4f | 0x1eb | 0x1ef | 0x208..=0x21f | 0x280..=0x29f => true,
                0x220..=0x27f => version < 6,
                0x188..=0x18a => version < 3,
                0x18b..=0x19f => true,
                0x1f8..=0x207 => version < 4,
                // KEY_INFO, bits 31:5.
                0x48..=0x4b => true,
                _ => false,
            };
            let found = report.check_reserved().err().map(|byte| byte.offset);
            let wanted =
                reserved.then_some(if (0x48..0x4c).contains(&offset) { 0x48 } else { offset });
            assert_eq!(found, wanted, "version {version}, offset {offset:#x}");
        }
    }
    let text = ReservedByte { offset: 0x208 }.to_string();
    assert_eq!(text, "byte 0x208 of the report is reserved and not zero");
}

/// What the caller says of the product counts where the report says nothing.
#[test]
fn products() {
    let milan = CpuModel { family: 0x19, model: 1, stepping: 1 };
    for (draft, wanted) in [
        (Draft::new(2), Some(Product::Turin)),
        (Draft::new(3).cpu(milan), Some(Product::Milan)),
        (Draft::new(3).cpu(CpuModel { family: 0x50, ..milan }), Some(Product::Turin)),
    ] {
        let bytes = draft.unsigned();
        let report = Report::from_bytes(&bytes).expect("a report");
        assert_eq!(report.product(), wanted.filter(|product| *product == Product::Milan));
        assert_eq!(report.with_product(Product::Turin).product(), wanted);
    }
}

#[test]
fn printed() {
    let bytes = example(5, [1, 1, 1, 4, 0, 0, 0, 0x51], 65, 55)
        .cpu(CpuModel { family: 0x1a, model: 2, stepping: 1 })
        .platform_info(PlatformInfo(0x167))
        .unsigned();
    let text = Report::from_bytes(&bytes).expect("a report").to_string();
    for line in [
        "version              5\n",
        "policy               0x30000: ABI 0.0 or later, SMT RESERVED_ONE\n",
        "vmpl                 VMPL1\n",
        "reported_tcb         0101010400000051: fmc=1 bootloader=1 tee=1 snp=4 microcode=81\n",
        "platform_info        0x167: SMT_EN TSME_EN ECC_EN ALIAS_CHECK_COMPLETE IOMMU_WRITE_SAFE unknown=0x100\n",
        "cpuid                family 0x1a model 0x2 stepping 1\n",
        "current_version      1.55.65\n",
        "current_mit_vector   0x0\n",
    ] {
        assert!(text.contains(line), "no {line:?} in:\n{text}");
    }
    let text = format!("{:?}", Report::from_bytes(&bytes).expect("a report"));
    assert!(text.starts_with("Report(version 5, measurement "), "{text}");
    assert_eq!(format!("{:?}", Draft::new(2)), "Draft(..)");
    let keys = [ReportKey::Vcek, ReportKey::Vlek, ReportKey::None, ReportKey::Reserved(3)];
    assert_eq!(keys.map(|key| key.to_string()), ["VCEK", "VLEK", "none", "reserved (3)"]);
    let host = {
        let mut bytes = bytes;
        bytes[0x30..0x34].fill(0xff);
        bytes
    };
    let report = Report::from_bytes(&host).expect("a report");
    assert_eq!(report.vmpl(), Requester::Host);
    assert_eq!(report.vmpl().to_string(), "the host (0xffffffff)");
}

#[cfg(feature = "serde")]
#[test]
fn serialised() {
    let bytes = example(3, [3, 0, 0, 0, 0, 0, 8, 0x73], 40, 55)
        .cpu(CpuModel { family: 0x19, model: 1, stepping: 1 })
        .unsigned();
    let report = Report::from_bytes(&bytes).expect("a report");
    let value = toml::Value::try_from(report).expect("a table");
    assert_eq!(value["version"].as_integer(), Some(3));
    assert_eq!(value["policy"]["set"][0].as_str(), Some("SMT"));
    assert_eq!(value["reported_tcb"]["microcode"].as_integer(), Some(115));
    assert_eq!(value["reported_tcb"]["raw"].as_str(), Some("0300000000000873"));
    assert_eq!(value["chip_id"].as_str(), Some("00".repeat(64).as_str()));
    let claims = toml::Value::try_from(report.claims(Product::Milan)).expect("a table");
    assert_eq!(claims["policy_smt_allowed"].as_bool(), Some(true));
    assert_eq!(claims["reported_tcb_snp"].as_integer(), Some(8));
    assert_eq!(claims["init_data"].as_str(), value["host_data"].as_str());
    assert!(claims.get("reported_tcb_fmc").is_none());
}

proptest! {
    /// What was set is what is read.
    #[test]
    fn there_and_back(
        guest_svn: u32, policy: u64, vmpl in 0u32..4, platform: u64, key_info: u32,
        data: [u8; 32], digest in proptest::collection::vec(any::<u8>(), 64),
        tcbs: [[u8; 8]; 4], version in 2u32..=6, firmware: [u8; 6], cpu: [u8; 3], vectors: [u64; 2],
    ) {
        let [current, reported, committed, launch] = tcbs.map(TcbVersion::new);
        let wide: &[u8; 64] = digest[..].try_into().expect("64");
        let long: &[u8; 48] = digest[..48].try_into().expect("48");
        let other: &[u8; 48] = digest[16..].try_into().expect("48");
        let (first, second): (&[u8; 16], &[u8; 16]) =
            (data[..16].try_into().expect("16"), data[16..].try_into().expect("16"));
        let firmware = |at: usize| FirmwareVersion {
            major: firmware[at], minor: firmware[at + 1], build: firmware[at + 2],
        };
        let cpu = CpuModel { family: cpu[0], model: cpu[1], stepping: cpu[2] };
        let vmpl = Vmpl::new(vmpl).expect("a VMPL");
        let bytes = Draft::new(version)
            .guest_svn(guest_svn).policy(GuestPolicy(policy)).family_id(first).image_id(second)
            .vmpl(vmpl).current_tcb(current).platform_info(PlatformInfo(platform))
            .key_info(KeyInfo(key_info)).report_data(wide).measurement(long).host_data(&data)
            .id_key_digest(other).author_key_digest(long).report_id(&data).report_id_ma(&data)
            .reported_tcb(reported).cpu(cpu).chip_id(wide).committed_tcb(committed)
            .current_version(firmware(0)).committed_version(firmware(3)).launch_tcb(launch)
            .launch_mit_vector(vectors[0]).current_mit_vector(vectors[1])
            .unsigned();
        let report = Report::from_bytes(&bytes).expect("a report");
        prop_assert_eq!(report.version(), version);
        prop_assert_eq!((report.guest_svn(), report.policy().0), (guest_svn, policy));
        prop_assert_eq!((report.family_id(), report.image_id()), (first, second));
        prop_assert_eq!(report.vmpl(), Requester::Guest(vmpl));
        prop_assert_eq!((report.platform_info().0, report.key_info().0), (platform, key_info));
        prop_assert_eq!((report.report_data(), report.chip_id()), (wide, wide));
        prop_assert_eq!((report.measurement(), report.id_key_digest()), (long, other));
        prop_assert_eq!((report.author_key_digest(), report.host_data()), (long, &data));
        prop_assert_eq!((report.report_id(), report.report_id_ma()), (&data, &data));
        prop_assert_eq!((report.current_tcb(), report.reported_tcb()), (current, reported));
        prop_assert_eq!((report.committed_tcb(), report.launch_tcb()), (committed, launch));
        prop_assert_eq!(report.current_version(), firmware(0));
        prop_assert_eq!(report.committed_version(), firmware(3));
        prop_assert_eq!(report.cpu(), (version >= 3).then_some(cpu));
        prop_assert_eq!(report.launch_mit_vector(), (version >= 4).then_some(vectors[0]));
        prop_assert_eq!(report.current_mit_vector(), (version >= 4).then_some(vectors[1]));
        let text = format!("{report}{report:?}{}", report.policy());
        prop_assert!(text.contains("measurement"));
    }
}
