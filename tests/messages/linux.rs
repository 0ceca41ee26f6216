//! The structures of Linux, and real bytes of them.

use sevcrypt::snp::keys::{GuestFieldSelect, KeyRequest, KeySelect};
use sevcrypt::snp::message::ReportRequest;
use sevcrypt::snp::message::linux::{
    self, ExtendedReportRequest, GuestRequestIoctl, SNP_GET_DERIVED_KEY, SNP_GET_EXT_REPORT,
    SNP_GET_REPORT, TsmAttribute,
};
use sevcrypt::snp::tcb::TcbVersion;
use sevcrypt::{Status, Vmpl};

use crate::hex;

#[test]
fn calls() {
    let calls = [SNP_GET_REPORT, SNP_GET_DERIVED_KEY, SNP_GET_EXT_REPORT];
    assert_eq!(calls, [0xc020_5300, 0xc020_5301, 0xc020_5302]);
    assert_eq!((linux::REPORT_RESPONSE_LEN, linux::DERIVED_KEY_RESPONSE_LEN), (4000, 64));
}

#[test]
fn the_argument() {
    let argument = GuestRequestIoctl::new(2, 0x1112_1314_1516_1718, 0x2122_2324_2526_2728);
    let bytes = argument.to_bytes();
    let expected = "020000000000000018171615141312112827262524232221ffffffffffffffff";
    assert_eq!(bytes[..], hex(expected));
    assert_eq!(GuestRequestIoctl::from_bytes(&bytes), argument);

    let mut bytes = bytes;
    bytes[24..].copy_from_slice(&[0x16, 0, 0, 0, 2, 1, 0, 0]);
    let answer = GuestRequestIoctl::from_bytes(&bytes);
    assert_eq!((answer.vmm_error(), answer.firmware_error()), (0x102, Status::INVALID_PARAM));
}

#[test]
fn report_requests() {
    let request = ReportRequest::new(&[0x31; 64]).with_vmpl(Vmpl::VMPL1);
    let bytes = linux::report_request(&request);
    assert_eq!(bytes[..64], [0x31; 64]);
    assert_eq!(bytes[64..68], [1, 0, 0, 0]);
    assert_eq!(bytes[68..], [0; 28]);

    let extended = ExtendedReportRequest {
        report: request,
        certs_address: 0x0102_0304_0506_0708,
        certs_len: 0x0000_4000,
    };
    let bytes = extended.to_bytes();
    assert_eq!(bytes[..96], linux::report_request(&request));
    assert_eq!(bytes[96..], hex("08070605040302010040000000000000"));
    assert_eq!(ExtendedReportRequest::from_bytes(&bytes), Ok(extended));
    let mut bytes = bytes;
    bytes[64] = 4;
    assert_eq!(ExtendedReportRequest::from_bytes(&bytes), Err(Status::INVALID_PARAM));
}

#[test]
fn derived_keys() {
    let request = KeyRequest::new(KeySelect::VlekOrVcek)
        .with_vmpl(Vmpl::VMPL1)
        .with_fields(GuestFieldSelect(0x3f))
        .with_guest_svn(5)
        .with_tcb_version(TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x73]));
    let expected = "00000000000000003f0000000000000001000000050000000300000000000873";
    assert_eq!(linux::derived_key_request(&request).unwrap()[..], hex(expected));
    assert_eq!(linux::derived_key_request(&request.with_launch_mit_vector(0)), None);

    let mut response = [0xab; 64];
    response[..4].fill(0);
    assert_eq!(linux::derived_key(&response).unwrap().as_bytes(), &[0xab; 32]);
    for at in 0..4 {
        let mut refused = response;
        refused[at] = 0x27;
        let status = linux::derived_key(&refused).unwrap_err();
        assert_eq!(status, Status(0x27 << (8 * at)));
    }
}

#[test]
fn tsm() {
    let attributes = [
        (TsmAttribute::InBlob, "inblob"),
        (TsmAttribute::OutBlob, "outblob"),
        (TsmAttribute::AuxBlob, "auxblob"),
        (TsmAttribute::ManifestBlob, "manifestblob"),
        (TsmAttribute::Provider, "provider"),
        (TsmAttribute::Generation, "generation"),
        (TsmAttribute::PrivLevel, "privlevel"),
        (TsmAttribute::PrivLevelFloor, "privlevel_floor"),
        (TsmAttribute::ServiceProvider, "service_provider"),
        (TsmAttribute::ServiceGuid, "service_guid"),
        (TsmAttribute::ServiceManifestVersion, "service_manifest_version"),
    ];
    for (attribute, name) in attributes {
        assert_eq!((attribute.name(), attribute.to_string().as_str()), (name, name));
    }
    assert_eq!(linux::TSM_REPORT_FOLDER, "/sys/kernel/config/tsm/report");

    for (level, text) in ["0", "1", "2", "3"].into_iter().enumerate() {
        let vmpl = Vmpl::new(level as u32).unwrap();
        assert_eq!(linux::privlevel(vmpl), text);
        assert_eq!(linux::privlevel_floor(format!("{text}\n").as_bytes()), Some(vmpl));
    }
    for text in ["4", "-1", "+1", " 1", "1 ", "1\n\n", "", "\n", "4294967296", "0x1"] {
        assert_eq!(linux::privlevel_floor(text.as_bytes()), None, "{text:?}");
    }
    assert_eq!(linux::generation(b"18446744073709551615\n"), Some(u64::MAX));
    assert_eq!(linux::generation(b"18446744073709551616\n"), None);
    assert_eq!(linux::generation(&[0xff]), None);
    assert!(linux::is_sev_guest(b"sev_guest\n") && linux::is_sev_guest(b"sev_guest"));
    assert!(!linux::is_sev_guest(b"tdx_guest\n") && !linux::is_sev_guest(b"sev_guest\n\n"));

    let report = [1; 1184];
    assert_eq!(linux::outblob(&report), Some(&report));
    assert_eq!(linux::outblob(&report[1..]), None);
    assert_eq!(linux::outblob(&[0; 4000]), None);
}
