//! Structures of a fixed length, and names: what is read prints or is written as it was, but for bits without a meaning.

use sevcrypt::image::{Profile, VcpuType};
use sevcrypt::platform::{FirmwareImage, GuestStatus, PlatformStatus};
use sevcrypt::rmp::{PageAssignment, RmpAdjust};
use sevcrypt::snp::id_block::PublicKey;
use sevcrypt::snp::keys::VlekLoad;
use sevcrypt::snp::message::ReportRequest;
use sevcrypt::snp::message::linux::{
    self, DERIVED_KEY_RESPONSE_LEN, ExtendedReportRequest, GuestRequestIoctl,
};
use sevcrypt::snp::policy::Rule;
use sevcrypt::snp::report::REPORT_LEN;
use sevcrypt::snp::tcb::Product;
use sevcrypt::{BackendKind, Status};

use crate::check_error;

/// The bytes, cut or filled up.
fn filled<const N: usize>(data: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    let len = data.len().min(N);
    bytes[..len].copy_from_slice(&data[..len]);
    bytes
}

/// `snp::message::linux`: the structures of calls, and the attributes of configfs-tsm.
pub fn linux(data: &[u8]) {
    let argument = GuestRequestIoctl::from_bytes(&filled(data));
    assert_eq!(GuestRequestIoctl::from_bytes(&argument.to_bytes()), argument);
    let halves = u64::from(argument.vmm_error()) << 32 | u64::from(argument.firmware_error().0);
    assert_eq!(halves, argument.exit_info_2);

    let bytes = filled(data);
    match ExtendedReportRequest::from_bytes(&bytes) {
        Ok(request) => {
            assert_eq!(ExtendedReportRequest::from_bytes(&request.to_bytes()), Ok(request));
            assert_eq!(ReportRequest::parse(&bytes[..ReportRequest::LEN]), Ok(request.report));
        }
        Err(status) => assert_eq!(status, Status::INVALID_PARAM),
    }

    let response: [u8; DERIVED_KEY_RESPONSE_LEN] = filled(data);
    let status = Status(u32::from_le_bytes(*response.first_chunk().expect("a status")));
    match linux::derived_key(&response) {
        Ok(key) => assert!(status.is_success() && key.as_bytes() == &response[0x20..0x40]),
        Err(error) => assert!(error == status && !status.is_success()),
    }

    let text = str::from_utf8(data).unwrap_or_default();
    let number = text.strip_suffix('\n').unwrap_or(text).trim_start_matches('0');
    if let Some(generation) = linux::generation(data) {
        assert!(number == generation.to_string() || generation == 0 && number.is_empty());
        let level = linux::privlevel_floor(data).map(|vmpl| u64::from(vmpl.get()));
        assert_eq!(level, Some(generation).filter(|level| *level < 4));
    } else {
        let is_number = number.len() < 20 && number.bytes().all(|byte| byte.is_ascii_digit());
        assert!(!is_number || number.is_empty());
        assert_eq!(linux::privlevel_floor(data), None);
    }
    assert_eq!(linux::is_sev_guest(data), ["sev_guest", "sev_guest\n"].contains(&text));
    assert_eq!(linux::outblob(data).is_some(), data.len() == REPORT_LEN);
}

/// What the firmware and the RMP read and write.
pub fn structures(data: &[u8]) {
    let bytes = filled(data);
    let status = PlatformStatus::from_bytes(&bytes);
    assert_eq!(PlatformStatus::from_bytes(&status.to_bytes()), status);
    match GuestStatus::from_bytes(&bytes) {
        Some(status) => assert_eq!(GuestStatus::from_bytes(&status.to_bytes()), Some(status)),
        None => assert!(bytes[0xc] > 2),
    }
    let operand = filled(data);
    if let Some(assignment) = PageAssignment::from_bytes(&operand) {
        assert_eq!(assignment.to_bytes(), operand);
    }
    let rdx = u64::from_le_bytes(filled(data));
    if let Ok(adjust) = RmpAdjust::from_rdx(rdx) {
        assert_eq!(adjust.to_rdx(), rdx);
    }
    let buffer = filled(data);
    match VlekLoad::parse(&buffer) {
        Ok(load) => assert_eq!(load.to_bytes(), buffer),
        Err(status) => assert_eq!(status, Status::INVALID_PARAM),
    }
    let image = filled(data);
    match FirmwareImage::from_bytes(&image) {
        Ok(firmware) => assert_eq!(firmware.to_bytes(), image),
        Err(error) => check_error(&error),
    }
    let bytes: [u8; PublicKey::IGVM_LEN] = filled(data);
    let key = PublicKey::from_igvm(&bytes);
    assert_eq!(key.curve().to_le_bytes(), bytes[..4]);
    if let Err(error) = key.verifying_key() {
        check_error(&error);
    }
    names(str::from_utf8(data).unwrap_or_default());
}

fn names(text: &str) {
    match text.parse::<Product>() {
        Ok(product) => assert!(product.name().eq_ignore_ascii_case(text)),
        Err(error) => check_error(&error),
    }
    match text.parse::<Rule>() {
        Ok(rule) => assert_eq!(rule.to_string(), text),
        Err(error) => check_error(&error),
    }
    match text.parse::<BackendKind>() {
        Ok(kind) => assert_eq!(kind.name(), text),
        Err(error) => check_error(&error),
    }
    match VcpuType::by_name(text) {
        Ok(vcpu) => assert!(vcpu.name().eq_ignore_ascii_case(text)),
        Err(error) => check_error(&error),
    }
    match Profile::by_name(text) {
        Ok(profile) => assert!(profile.name.eq_ignore_ascii_case(text)),
        Err(error) => check_error(&error),
    }
}
