//! The parsers: they never panic, take nothing that is cut off or has something behind it, and agree with what writes
//! the same.

use std::fmt::Debug;

use sevcrypt::snp::azure::HclReport;
use sevcrypt::snp::cert_table::{self, CertTable, EntryKind, ExtraPlatformInfo};
use sevcrypt::snp::certs::{Bundle, Identity};
use sevcrypt::snp::kds::Request;
use sevcrypt::snp::policy::Policy;
use sevcrypt::snp::report::{Draft, REPORT_LEN, Report, Requester};
use sevcrypt::snp::response::{self, Wrapper};
use sevcrypt::snp::tcb::{CpuModel, Product, TcbVersion};
use sevcrypt::x509::{Certificate, Crl, Name, PublicKey, Serial, UtcTime, Validity, split};

use crate::check_error;

/// `Report`: the bytes as they are, then, so that no input is wasted on its length, cut or filled up to a report.
pub fn report(data: &[u8]) {
    match Report::from_bytes(data) {
        Ok(report) => assert!(report.bytes() == data && (2..=6).contains(&report.version())),
        Err(error) => check_error(&error),
    }
    let mut bytes = [0; REPORT_LEN];
    let len = data.len().min(REPORT_LEN);
    bytes[..len].copy_from_slice(&data[..len]);
    let report = Report::of_unknown_version(&bytes).expect("its length is right");
    assert_eq!(Report::from_bytes(&bytes).is_ok(), (2..=6).contains(&report.version()));

    assert!(report.to_string().lines().count() >= 25);
    assert!(!format!("{report:?}").is_empty());
    assert_eq!(report.signed_bytes(), &bytes[..0x2a0]);
    assert_eq!(report.signature_field(), &bytes[0x2a0..]);
    match report.signature() {
        Ok(signature) => assert_eq!(signature.to_amd(), *report.signature_field()),
        Err(error) => check_error(&error),
    }
    assert_eq!(report.chip_id_is_masked(), *report.chip_id() == [0; 64]);
    assert_eq!(report.product(), report.cpu().and_then(CpuModel::product));
    let tcbs =
        [report.current_tcb(), report.reported_tcb(), report.committed_tcb(), report.launch_tcb()];
    for product in Product::ALL {
        let claims = report.claims(*product);
        assert_eq!(claims.policy_debug_allowed, report.policy().debug());
        assert_eq!(claims.reported_tcb_snp, report.reported_tcb().parts(*product).snp);
        assert!(!format!("{claims:?}").is_empty());
        for tcb in tcbs {
            let again = TcbVersion::from_parts(*product, tcb.parts(*product)).expect("its parts");
            assert_eq!(again.parts(*product), tcb.parts(*product));
            assert_eq!(again == tcb, tcb.reserved_is_zero(*product));
            assert!(!tcb.parts(*product).to_string().is_empty());
        }
    }
    check_draft(&report);
}

/// A draft with the same fields has the same bytes, where fields are.
fn check_draft(report: &Report<'_>) {
    let mut draft = Draft::new(report.version())
        .guest_svn(report.guest_svn())
        .policy(report.policy())
        .family_id(report.family_id())
        .image_id(report.image_id())
        .current_tcb(report.current_tcb())
        .platform_info(report.platform_info())
        .key_info(report.key_info())
        .report_data(report.report_data())
        .measurement(report.measurement())
        .host_data(report.host_data())
        .id_key_digest(report.id_key_digest())
        .author_key_digest(report.author_key_digest())
        .report_id(report.report_id())
        .report_id_ma(report.report_id_ma())
        .reported_tcb(report.reported_tcb())
        .chip_id(report.chip_id())
        .committed_tcb(report.committed_tcb())
        .current_version(report.current_version())
        .committed_version(report.committed_version())
        .launch_tcb(report.launch_tcb());
    if let Requester::Guest(vmpl) = report.vmpl() {
        draft = draft.vmpl(vmpl);
    }
    if let Some(cpu) = report.cpu() {
        draft = draft.cpu(cpu);
    }
    if let Some(vector) = report.launch_mit_vector() {
        draft = draft.launch_mit_vector(vector);
    }
    if let Some(vector) = report.current_mit_vector() {
        draft = draft.current_mit_vector(vector);
    }
    let bytes = draft.unsigned();
    let copy = Report::of_unknown_version(&bytes).expect("a report");

    // Bits of KEY_INFO are the only reserved ones inside of a field.
    assert_eq!(copy.check_reserved().is_ok(), copy.key_info().reserved_bits() == 0);
    let no_field = [
        matches!(report.vmpl(), Requester::Guest(_)),
        report.signature_algo() == 1,
        report.check_reserved().is_ok(),
        report.extended_tcbs().is_none_or(|etcbs| etcbs == [&[0; 32]; 3]),
    ];
    if no_field == [true; 4] {
        assert_eq!(copy.signed_bytes(), report.signed_bytes());
    }
    for (at, (new, old)) in copy.signed_bytes().iter().zip(report.signed_bytes()).enumerate() {
        let fields =
            !matches!(at, 0x30..0x38 | 0x4c..0x50 | 0x188..0x1a0 | 0x1eb | 0x1ef | 0x1f8..);
        assert!(new == old || !fields, "byte {at:#x}");
    }
}

/// `x509::Certificate`.
pub fn certificate(data: &[u8]) {
    let certificate = match Certificate::from_der(data) {
        Ok(certificate) => certificate,
        Err(error) => return check_error(&error),
    };
    assert_eq!(certificate.der(), data);
    check_certificate(&certificate);
    check_ends(data, |der| Certificate::from_der(der).is_err());
    // Found out about as one of a file, too.
    assert_eq!(split(data).map(|blobs| blobs.len()), Ok(1));
}

fn check_certificate(certificate: &Certificate<'_>) {
    let again = Certificate::from_der(certificate.der()).expect("it has been read before");
    assert_eq!(view(certificate), view(&again));
    check_name(certificate.issuer());
    check_name(certificate.subject());
    check_inside(certificate.der(), certificate.tbs());
    check_inside(certificate.der(), certificate.signature());
    check_inside(certificate.tbs(), certificate.spki());
    check_serial(certificate.serial());
    let Validity { not_before, not_after } = certificate.validity();
    assert_eq!(certificate.validity().contains(not_before), not_before <= not_after);
    check_time(not_before);
    check_time(not_after);
    if let PublicKey::Rsa(key) = certificate.public_key() {
        check_inside(certificate.spki(), key.modulus());
        if let Err(error) = certificate.verify_signature(&key) {
            check_error(&error);
        }
    }
    if let Some(identity) = Identity::of(certificate) {
        assert!(!identity.product.is_empty());
    }
    if let Some(hw_id) = certificate.amd().hw_id {
        assert!([8, 64].contains(&hw_id.len()));
    }
}

/// Everything that a certificate says.
fn view(certificate: &Certificate<'_>) -> impl PartialEq + Debug {
    format!(
        "{certificate:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        certificate.tbs(),
        certificate.signature(),
        certificate.serial(),
        certificate.validity(),
        certificate.public_key(),
        certificate.spki(),
        certificate.basic_constraints(),
        certificate.key_usage(),
        certificate.amd(),
        Identity::of(certificate),
    )
}

/// A name prints as one line without anything that a terminal obeys.
fn check_name(name: Name<'_>) {
    let text = name.to_string();
    assert!(!text.contains(char::is_control), "{text:?}");
    for part in [name.common_name(), name.organization()].into_iter().flatten() {
        check_inside(name.der(), part.as_bytes());
    }
}

/// Text that AMD's certificates have: RFC 3339, of a year that a certificate can write.
fn check_time(time: i64) {
    assert_eq!(UtcTime(time).to_string().len(), "2000-02-29T00:00:00Z".len());
}

fn check_serial(serial: Serial<'_>) {
    assert_eq!(Serial::from_be_bytes(serial.be_bytes()), serial);
    assert!(serial.be_bytes().len() <= 20 && serial.be_bytes().first() != Some(&0));
    assert!(serial.to_string().starts_with("0x"));
}

/// The second is a part of the first, not a copy of something.
fn check_inside(whole: &[u8], part: &[u8]) {
    let (whole, part) = (whole.as_ptr_range(), part.as_ptr_range());
    assert!(whole.start <= part.start && part.end <= whole.end);
}

/// Neither with a byte less nor with one more.
fn check_ends(der: &[u8], is_wrong: impl Fn(&[u8]) -> bool) {
    assert!(is_wrong(&der[..der.len() - 1]));
    assert!(is_wrong(&[der, &[0]].concat()));
}

/// `x509::Crl`.
pub fn crl(data: &[u8]) {
    let crl = match Crl::from_der(data) {
        Ok(crl) => crl,
        Err(error) => return check_error(&error),
    };
    assert_eq!(crl.der(), data);
    check_crl(&crl);
    check_ends(data, |der| Crl::from_der(der).is_err());
    assert_eq!(split(data).map(|blobs| blobs.len()), Ok(1));
}

fn check_crl(crl: &Crl<'_>) {
    check_inside(crl.der(), crl.tbs());
    check_name(crl.issuer());
    check_time(crl.this_update());
    if let Some(time) = crl.next_update() {
        check_time(time);
    }
    if let Some(number) = crl.number() {
        check_serial(number);
    }
    assert!(!format!("{crl:?}").is_empty());
    // `revokes` goes through all entries: for a few of them only.
    for entry in crl.entries().take(8) {
        let is_listed =
            crl.entries().any(|other| other.serial == entry.serial && other.reason != Some(8));
        assert_eq!(crl.revokes(entry.serial), is_listed);
    }
    for entry in crl.entries() {
        check_serial(entry.serial);
        check_time(entry.revocation_date);
    }
    assert!(!crl.revokes(Serial::from_be_bytes(&[0xff; 21])), "longer than any serial number");
}

/// `snp::certs::Bundle`: PEM, DER and tables, told apart.
pub fn bundle(data: &[u8]) {
    let mut bundle = Bundle::default();
    if let Err(error) = bundle.add(data) {
        check_error(&error);
        let nothing = bundle.parse().expect("nothing has been added");
        return assert!(nothing.certificates.is_empty() && nothing.crls.is_empty());
    }
    let parsed = match bundle.parse() {
        Ok(parsed) => parsed,
        Err(error) => return check_error(&error),
    };
    let found = parsed.certificates.len() + parsed.crls.len();
    assert!(found <= Bundle::CAPACITY);
    assert_eq!(parsed.collateral().certificates.len(), parsed.certificates.len());
    parsed.certificates.iter().for_each(check_certificate);
    parsed.crls.iter().for_each(check_crl);

    // The same, one by one.
    let mut single = Bundle::default();
    let certificates = parsed.certificates.iter().map(Certificate::der);
    for der in certificates.chain(parsed.crls.iter().map(Crl::der)) {
        single.add(der).expect("DER that has been read before");
    }
    let again = single.parse().expect("DER that has been read before");
    assert!(again.certificates.iter().map(view).eq(parsed.certificates.iter().map(view)));
    assert!(again.crls.iter().map(Crl::der).eq(parsed.crls.iter().map(Crl::der)));

    // Twice is twice, up to the capacity.
    assert_eq!(bundle.clone().add(data).is_ok(), 2 * found <= Bundle::CAPACITY);
}

/// `snp::cert_table`.
pub fn cert_table(data: &[u8]) {
    let table = match CertTable::parse(data) {
        Ok(table) => table,
        Err(error) => return check_error(&error),
    };
    let entries: Vec<_> = table.entries().collect();
    assert!(entries.len() <= CertTable::MAX_ENTRIES);
    for entry in &entries {
        assert!(!entry.data.is_empty());
        check_inside(data, entry.data);
        assert_eq!(entry.guid.to_string().len(), 36);
        let first = entries.iter().find(|other| other.kind == entry.kind).expect("itself");
        assert_eq!(table.get(entry.kind), Some(first.data));
        if entry.kind == EntryKind::ExtraPlatformInfo {
            match ExtraPlatformInfo::parse(entry.data) {
                Ok(info) => assert_eq!(info.cpuid_1_eax() & !0x0fff_0fff, 0),
                Err(error) => check_error(&error),
            }
        }
    }
    // Zeros may follow, and nothing else.
    let more = [data, &[0; 24]].concat();
    assert!(CertTable::parse(&more).is_ok_and(|more| more.entries().eq(table.entries())));
    let more = [data, &[1]].concat();
    assert!(CertTable::parse(&more).is_err());

    let mut wanted: Vec<_> = entries.iter().map(|entry| (entry.kind, entry.data)).collect();
    let mut out = vec![0; data.len() + 24];
    if wanted.iter().any(|(kind, _)| *kind == EntryKind::Unknown) {
        check_error(&cert_table::write(&wanted, &mut out).expect_err("an unknown kind"));
        assert!(out.iter().all(|byte| *byte == 0));
        wanted.retain(|(kind, _)| *kind != EntryKind::Unknown);
    }
    // Data that overlap in the one table do not in the other.
    let len = cert_table::written_len(&wanted).expect("known kinds, each once");
    out.resize(len, 0);
    check_error(&cert_table::write(&wanted, &mut out[1..]).expect_err("a byte is missing"));
    assert_eq!(cert_table::write(&wanted, &mut out), Ok(len));
    let again = CertTable::parse(&out).expect("what we write we read");
    assert!(again.entries().map(|entry| (entry.kind, entry.data)).eq(wanted));
}

/// `snp::azure::HclReport`.
pub fn hcl(data: &[u8]) {
    let hcl = match HclReport::parse(data) {
        Ok(hcl) => hcl,
        Err(error) => return check_error(&error),
    };
    check_hcl(data, &hcl);
    let more = [data, &[0]].concat();
    assert_eq!(HclReport::parse(&more), Ok(hcl));
    let more = [data, &[1]].concat();
    assert!(HclReport::parse(&more).is_err());
    assert!(response::find(data).is_ok_and(|found| found.wrapper == Wrapper::Hcl(hcl)));
}

fn check_hcl(data: &[u8], hcl: &HclReport<'_>) {
    assert_eq!(hcl.report_bytes(), &data[0x20..][..REPORT_LEN]);
    check_inside(&data[0x4d4..], hcl.runtime_claims());
    assert!(!hcl.is_bound_to(&[0; 64]), "a hash of zeros");
    let report = Report::of_unknown_version(hcl.report_bytes()).expect("its length is right");
    if hcl.is_bound_to(report.report_data()) {
        let mut other = *report.report_data();
        other[0] ^= 1;
        assert!(!hcl.is_bound_to(&other));
    }
}

/// `snp::response::find`.
pub fn response(data: &[u8]) {
    let found = match response::find(data) {
        Ok(found) => found,
        Err(error) => return check_error(&error),
    };
    check_inside(data, found.report);
    match found.wrapper {
        Wrapper::Hcl(hcl) => {
            check_hcl(data, &hcl);
            assert_eq!(hcl.report_bytes(), found.report);
        }
        Wrapper::Raw => assert_eq!(found.report, data),
        Wrapper::MsgReportRsp => assert_eq!(found.report, &data[0x20..][..REPORT_LEN]),
        other => panic!("{other:?}"),
    }
    let raw = response::find(found.report);
    assert!(raw.is_ok_and(|raw| raw.report == found.report) || found.report.starts_with(b"HCLA"));
}

/// `snp::kds::Request`: whatever is taken prints in the one form that is the key of a cache.
pub fn kds(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let request = match Request::parse(text) {
        Ok(request) => request,
        Err(error) => return check_error(&error),
    };
    let path = request.to_string();
    assert_eq!(Request::parse(&path), Ok(request));
    assert_eq!(Request::parse(&path).map(|request| request.to_string()), Ok(path));
    assert_eq!(Request::parse(&request.url().to_string()), Ok(request));
}

/// The program's policy files: what is read is lent as it was read, and an error stands where the text has a place.
pub fn policy(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let policy = match sevcrypt_cli::policy::parse(text) {
        Ok(policy) => policy,
        Err(error) => {
            check_error(&error);
            let Some((line, column)) = error.place else { return };
            let found = text.split('\n').nth(line - 1).expect("a line of the text");
            return assert!((1..=found.chars().count() + 1).contains(&column));
        }
    };
    policy.lend(|policy| {
        let report_data = policy.report_data.map_or(1, <[u8]>::len);
        assert!((1..=64).contains(&report_data));
        assert!(
            !text.trim().is_empty() || format!("{policy:?}") == format!("{:?}", Policy::default())
        );
    });
}
