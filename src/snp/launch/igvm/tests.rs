use std::string::ToString;
use std::vec::Vec;
use std::{format, vec};

use proptest::prelude::*;

use super::*;
use crate::cpu::Backend;
use crate::ecdsa::SigningKey;
use crate::hex::Hex;
use crate::snp::GuestPolicy;
use crate::snp::id_block::{IdBlock, LaunchFinish, LaunchFinishError};

/// A file in the making.
#[derive(Clone)]
struct Made {
    version: u32,
    headers: Vec<u8>,
    data: Vec<u8>,
}

/// Where the data begin, for files whose headers are shorter.
const DATA: usize = 0x2000;
const SNP: u8 = 2;

impl Made {
    fn new() -> Self {
        Self { version: 1, headers: Vec::new(), data: Vec::new() }
    }

    fn snp() -> Self {
        Self::new().platform(1, SNP)
    }

    fn header(mut self, kind: u32, structure: &[u8]) -> Self {
        self.headers.extend(kind.to_le_bytes());
        self.headers.extend((structure.len() as u32).to_le_bytes());
        self.headers.extend(structure);
        self.headers.resize(self.headers.len().next_multiple_of(8), 0);
        self
    }

    fn platform(self, mask: u32, platform: u8) -> Self {
        let mut structure = [0; 16];
        structure[..4].copy_from_slice(&mask.to_le_bytes());
        structure[5..7].copy_from_slice(&[platform, 1]);
        self.header(1, &structure)
    }

    /// Data, and their place in the file.
    fn data(&mut self, data: &[u8]) -> u32 {
        let at = DATA + self.data.len();
        self.data.extend(data);
        at as u32
    }

    fn page(mut self, mask: u32, gpa: u64, flags: u32, data_type: u16, data: &[u8]) -> Self {
        let offset = if data.is_empty() { 0 } else { self.data(data) };
        let structure = [
            &gpa.to_le_bytes()[..],
            &mask.to_le_bytes(),
            &offset.to_le_bytes(),
            &flags.to_le_bytes(),
            &data_type.to_le_bytes(),
            &[0, 0],
        ];
        self.header(0x302, &structure.concat())
    }

    fn area(self, index: u32, length: u64) -> Self {
        let structure = [&length.to_le_bytes()[..], &index.to_le_bytes(), &[0; 4]];
        self.header(0x301, &structure.concat())
    }

    fn insert(self, mask: u32, gpa: u64, index: u32) -> Self {
        let structure = [&gpa.to_le_bytes()[..], &mask.to_le_bytes(), &index.to_le_bytes()];
        self.header(0x303, &structure.concat())
    }

    fn context(mut self, mask: u32, gpa: u64, vmsa: &[u8]) -> Self {
        let offset = self.data(vmsa);
        let structure =
            [&gpa.to_le_bytes()[..], &mask.to_le_bytes(), &offset.to_le_bytes(), &[0; 4]];
        self.header(0x304, &structure.concat())
    }

    fn id_block(self, mask: u32, ld: [u8; 48]) -> Self {
        let structure = [&mask.to_le_bytes()[..], &[0; 4], &ld, &[0; 640]];
        self.header(0x30b, &structure.concat())
    }

    fn policy(self, mask: u32, policy: u64) -> Self {
        let structure = [&policy.to_le_bytes()[..], &mask.to_le_bytes(), &[0; 4]];
        self.header(0x101, &structure.concat())
    }

    /// `count` pages of 2 MiB with the same flags and the same data, if there are any.
    fn large_pages(mut self, count: u64, flags: u32, data: &[u8]) -> Self {
        let offset = if data.is_empty() { 0 } else { self.data(data) };
        for n in 0..count {
            let structure = [
                &(n * 0x20_0000).to_le_bytes()[..],
                &1u32.to_le_bytes(),
                &offset.to_le_bytes(),
                &(flags | 1).to_le_bytes(),
                &[0; 4],
            ];
            self = self.header(0x302, &structure.concat());
        }
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let fixed = if self.version == 2 { 0x20 } else { 0x18 };
        assert!(fixed + self.headers.len() <= DATA);
        let total = DATA + self.data.len();
        let mut bytes = vec![0; total];
        bytes[..4].copy_from_slice(b"IGVM");
        let words =
            [self.version, fixed as u32, self.headers.len() as u32, total as u32, 0, 0, 4096];
        for (n, word) in words.into_iter().take(fixed / 4 - 1).enumerate() {
            bytes[4 + 4 * n..][..4].copy_from_slice(&word.to_le_bytes());
        }
        bytes[fixed..][..self.headers.len()].copy_from_slice(&self.headers);
        bytes[DATA..].copy_from_slice(&self.data);
        seal(&mut bytes);
        bytes
    }
}

/// Puts the right checksum in, if the headers are where they should be.
fn seal(bytes: &mut [u8]) {
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let (start, length) = (word(8), word(12));
    let mut counted = bytes[..start].to_vec();
    counted[0x14..0x18].fill(0);
    counted.extend(&bytes[start..][..length]);
    let mut crc = !0u32;
    for byte in counted {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    bytes[0x14..0x18].copy_from_slice(&(!crc).to_le_bytes());
}

fn page_a() -> [u8; PAGE] {
    let mut page = [0; PAGE];
    page[..18].copy_from_slice(b"AMD SEV-SNP page A");
    page
}

/// Address, type and directive of a step.
type Shown = (u64, PageType, u32);

fn measure_with(made: &Made, options: &Options) -> Result<(Measurement, Vec<Shown>), MeasureError> {
    let bytes = made.bytes();
    let file = IgvmFile::parse(&bytes).unwrap();
    let mut steps = Vec::new();
    let measured = file.measure(options, Backend::best(), &mut |step| {
        let Origin::Directive(number) = step.origin else { panic!("{step:?}") };
        steps.push((step.gpa.get(), step.page_type, number));
    })?;
    Ok((measured, steps))
}

fn digest_of(made: &Made) -> Sha384Digest {
    measure_with(made, &Options::default()).unwrap().0.digest
}

fn error_of(made: &Made) -> MeasureError {
    measure_with(made, &Options::default()).unwrap_err()
}

/// The worked example of the launch digest, as a file: pages of every type, one after the other.
#[test]
fn known_answer() {
    let made = Made::snp()
        .page(1, 0xffff_f000, 0, 0, &page_a())
        .page(1, 0x1000, 0, 0, &[0xcc; PAGE])
        .page(1, 0x80_0000, 0, 0, b"")
        .page(1, 0x80_1000, 2, 0, &page_a())
        .page(1, 0x80_d000, 0, 1, b"")
        .page(1, 0x80_e000, 0, 2, b"")
        .context(1, 0xffff_ffff_f000, &[0; PAGE]);
    let zero = Options { empty_pages: EmptyPages::Zero, ..Options::default() };
    let bytes = made.bytes();
    let file = IgvmFile::parse(&bytes).unwrap();
    let mut digests = Vec::new();
    let measured = file.measure(&zero, Backend::best(), &mut |step| {
        digests.push(format!("{:.32}", step.after));
    });
    assert_eq!(
        digests,
        [
            "dffd6bd2032e73d8ba48f1f9b067a87a",
            "4279da3e170f1a891daeb3c2d1a145e6",
            "69b4211e66e12900f92049ce6e5df7c5",
            "784d49370536e5a6e2b7788a00f6b5aa",
            "1dfba9f2146d3e768d47d077ef1892ce",
            "af0241810461a2ff71f4d897742824da",
            "34c94b940900393b2c55936d5bb2099e",
        ]
    );
    assert_eq!(
        Hex(&measured.unwrap().digest).to_string(),
        "34c94b940900393b2c55936d5bb2099e37ce99bba725b186bf564314491c69dfdf1e5a3e564e024e4afaea3b8a912a3d"
    );
}

#[test]
fn every_page_type() {
    let made = Made::snp()
        .page(1, 0xffff_f000, 0, 0, &page_a())
        .page(1, 0x1000, 0, 0, &[0xcc; PAGE])
        .page(1, 0x80_1000, 2, 0, &page_a())
        .page(1, 0x80_d000, 0, 1, b"")
        .page(1, 0x80_e000, 0, 2, b"")
        .context(1, 0xffff_ffff_f000, &[0; PAGE]);
    let (measured, steps) = measure_with(&made, &Options::default()).unwrap();
    assert_eq!(
        steps,
        [
            (0xffff_f000, PageType::Normal, 0),
            (0x1000, PageType::Normal, 1),
            (0x80_1000, PageType::Unmeasured, 2),
            (0x80_d000, PageType::Secrets, 3),
            (0x80_e000, PageType::Cpuid, 4),
            (0xffff_ffff_f000, PageType::Vmsa, 5),
        ]
    );
    let mut expected = LaunchDigest::new();
    let gpa = |gpa| GuestPhysAddr::new(gpa).unwrap();
    let best = Backend::best();
    let none = &mut |_: &_| {};
    expected.update_bytes(best, PageType::Normal, gpa(0xffff_f000), &page_a(), none).unwrap();
    expected.update_bytes(best, PageType::Normal, gpa(0x1000), &[0xcc; PAGE], none).unwrap();
    assert!(Hex(expected.digest()).to_string().starts_with("4279da3e170f1a891daeb3c2d1a145e6"));
    expected.update_pages(PageType::Unmeasured, gpa(0x80_1000), 1, none).unwrap();
    expected.update_pages(PageType::Secrets, gpa(0x80_d000), 1, none).unwrap();
    expected.update_pages(PageType::Cpuid, gpa(0x80_e000), 1, none).unwrap();
    expected.update_bytes(best, PageType::Vmsa, gpa(0xffff_ffff_f000), &[0; PAGE], none).unwrap();
    assert_eq!(measured.digest, *expected.digest());
    assert_eq!(measured.id_block_digest, None);

    // Settings, version 2, CPUID data for the extended functions, directives that are not measured.
    let mut second = Made { version: 2, ..Made::snp() }
        .header(0x101, &[0; 16])
        .header(0x107, b"1.0")
        .header(0x8000_01ff, &[1; 3])
        .page(1, 0xffff_f000, 0, 0, &page_a())
        .header(0x312, &[0; 8])
        .page(1, 0x1000, 0, 0, &[0xcc; PAGE])
        .page(1, 0x80_1000, 2, 0, &page_a())
        .page(1, 0x80_d000, 0, 1, b"")
        .page(1, 0x80_e000, 0, 3, b"")
        .header(0x8000_03ff, b"?")
        .context(1, 0xffff_ffff_f000, &[0; PAGE]);
    assert_eq!(digest_of(&second), measured.digest);
    second = second.id_block(1, [7; 48]);
    let (again, _) = measure_with(&second, &Options::default()).unwrap();
    assert_eq!((again.digest, again.id_block_digest), (measured.digest, Some([7; 48])));
}

#[test]
fn directives_of_other_platforms_are_passed_over() {
    let made = Made::new()
        .platform(4, 3)
        .platform(2, SNP)
        .platform(1, 0)
        .page(4, 0x1000, 0, 0, &page_a())
        .page(6, 0x2000, 0, 0, &page_a())
        .area(0, 0x1000)
        .insert(4, 0x3000, 0)
        .context(1, 1, &[1; 8])
        .id_block(4, [1; 48]);
    let (measured, steps) = measure_with(&made, &Options::default()).unwrap();
    assert_eq!(steps, [(0x2000, PageType::Normal, 1)]);
    assert_eq!(measured.id_block_digest, None);
    assert_eq!(measured.digest, digest_of(&Made::snp().page(1, 0x2000, 0, 0, &page_a())));

    let bytes = made.bytes();
    let file = IgvmFile::parse(&bytes).unwrap();
    assert_eq!(file.platform(), 2);
    assert_eq!(file.directives().count(), 6);
    assert_eq!(file.directives().nth(4), Some(Directive::Other));
    assert!(format!("{file:?}").contains("platform 0x2"));
}

#[test]
fn pages_without_data() {
    let empty = Made::snp().page(1, 0x1000, 0, 0, b"");
    assert_eq!(digest_of(&empty), digest_of(&Made::snp().page(1, 0x1000, 0, 0, &[0; PAGE])));
    let zero = Options { empty_pages: EmptyPages::Zero, ..Options::default() };
    let (measured, steps) = measure_with(&empty, &zero).unwrap();
    assert_eq!(steps, [(0x1000, PageType::Zero, 0)]);
    assert_ne!(measured.digest, digest_of(&empty));
}

#[test]
fn shared_pages() {
    let shared = Made::snp().page(1, 0x1000, 4, 0, &page_a());
    assert_eq!(digest_of(&shared), [0; 48], "nothing was measured");
    let measured = Options { shared_pages: SharedPages::Measured, ..Options::default() };
    let (measured, _) = measure_with(&shared, &measured).unwrap();
    assert_eq!(measured.digest, digest_of(&Made::snp().page(1, 0x1000, 0, 0, &page_a())));
    // Whatever they are.
    assert_eq!(digest_of(&Made::snp().page(1, 0x1000, 4, 1, b"")), [0; 48]);
    assert_eq!(digest_of(&Made::snp().page(1, 0x1000, 6, 0, b"")), [0; 48]);
}

/// Page data of a list of directives.
fn page_data(gpa: u64, is_2mb: bool, data: &[u8]) -> Directive<'_> {
    Directive::PageData {
        compatibility_mask: 1,
        gpa,
        flags: PageFlags { is_2mb, ..PageFlags::default() },
        data_type: DataType::Normal,
        data,
    }
}

fn digest_of_list(list: &[Directive<'_>]) -> Result<Measurement, MeasureError> {
    let list = list.iter().copied();
    super::measure(list, 1, &Options::default(), Backend::best(), &mut |_| {})
}

/// Pages that are hashed side by side are measured in their order, among whatever else there is.
#[test]
fn many_pages() {
    let data: Vec<u8> = (0..200 * PAGE).map(|n| (n / PAGE * 7 + n % 251) as u8).collect();
    let (mut list, mut expected, mut gpas) = (Vec::new(), LaunchDigest::new(), Vec::new());
    for (n, page) in data.chunks(PAGE).enumerate() {
        let gpa = 0x20_0000 + (n * PAGE) as u64;
        // Now and then a page that is short, or has no data.
        let page = match n {
            70 => &page[..100],
            71 | 150 => &[],
            _ => page,
        };
        list.push(page_data(gpa, false, page));
        let full = super::padded(0, page).unwrap();
        let (place, normal) = (GuestPhysAddr::new(gpa).unwrap(), PageType::Normal);
        let visit = &mut |_: &_| gpas.push(gpa);
        expected.update_bytes(Backend::portable(), normal, place, &full, visit).unwrap();
    }
    for backend in Backend::available() {
        let (mut shown, mut directives) = (Vec::new(), Vec::new());
        let visit = &mut |step: &Step| {
            shown.push(step.gpa.get());
            directives.push(step.origin);
        };
        let list = list.iter().copied();
        let measured = super::measure(list, 1, &Options::default(), backend, visit).unwrap();
        assert_eq!((measured.digest, &shown), (*expected.digest(), &gpas), "{backend}");
        assert!(directives.iter().zip(0..).all(|(found, n)| *found == Origin::Directive(n)));
    }
}

#[test]
fn large_pages() {
    let data: Vec<u8> = (0..512 * PAGE).map(|n| (n / PAGE * 7 + n % 251) as u8).collect();
    let large = Made::snp().page(1, 0x20_0000, 1, 0, &data);
    let (measured, steps) = measure_with(&large, &Options::default()).unwrap();
    assert_eq!(steps.len(), 512);
    assert_eq!(steps[511], (0x3f_f000, PageType::Normal, 0));

    // All of it, data that end in the middle of a page or at its end, and none.
    for length in [512 * PAGE, PAGE * 3 + 5, PAGE * 3, 1, 0] {
        let one = digest_of_list(&[page_data(0x20_0000, true, &data[..length])]).unwrap();
        let mut full = data[..length].to_vec();
        full.resize(512 * PAGE, 0);
        let pages = full.chunks(PAGE).zip((0x20_0000..).step_by(PAGE));
        let each: Vec<_> = pages.map(|(page, gpa)| page_data(gpa, false, page)).collect();
        assert_eq!(one, digest_of_list(&each).unwrap(), "{length}");
        assert_eq!(one == measured, length == 512 * PAGE);
    }
    for (flags, pages) in [(3, 512), (5, 0)] {
        let made = Made::snp().page(1, 0x20_0000, flags, 0, b"");
        assert_eq!(measure_with(&made, &Options::default()).unwrap().1.len(), pages);
    }
}

/// Few bytes of headers ask for as much time as one likes, but not more than a bound.
#[test]
fn pages_without_data_are_bounded() {
    let options =
        |empty_pages, shared_pages| Options { empty_pages, shared_pages, ..Options::default() };
    let error = |made: &Made, options| measure_with(made, options).map(|_| ()).unwrap_err();
    let zero = options(EmptyPages::Zero, SharedPages::Measured);
    let full = MeasureError::PagesWithoutData { directive: 128, found: 129 * 512 };
    for flags in [0, 2, 4] {
        let made = Made::snp().large_pages(128, flags, b"");
        assert_eq!(measure_with(&made, &zero).unwrap().1.len(), 65_536);
        assert_eq!(error(&Made::snp().large_pages(129, flags, b""), &zero), full);
    }
    assert_eq!(error_of(&Made::snp().large_pages(129, 0, b"")), full);
    assert_eq!(
        full.to_string(),
        "directive 128: 66048 pages up to here are without data, expected at most 65536"
    );
    // Pages that are not measured take no time, and pages with data count for what is behind these.
    let shared = Made::snp().large_pages(200, 4, b"");
    assert_eq!(digest_of(&shared), [0; 48]);
    let one = page_data(0, true, &[7; PAGE + 1]);
    assert!(digest_of_list(&vec![one; 128]).is_ok());
    let list = vec![one; 129];
    let found = 129 * 510;
    let error_of_list = digest_of_list(&list).unwrap_err();
    assert_eq!(error_of_list, MeasureError::PagesWithoutData { directive: 128, found });

    // Parameter areas.
    let areas = |count: u64| {
        (0..count).fold(Made::snp(), |made, n| {
            made.area(n as u32, 0x100_0000).insert(1, n * 0x100_0000, n as u32)
        })
    };
    assert_eq!(measure_with(&areas(16), &zero).unwrap().1.len(), 65_536);
    let one_more = areas(16).page(1, 0x1000_0000, 2, 0, b"");
    let found = 65_537;
    assert_eq!(error(&one_more, &zero), MeasureError::PagesWithoutData { directive: 32, found });
    let found = 17 * 4096;
    assert_eq!(error_of(&areas(17)), MeasureError::PagesWithoutData { directive: 33, found });
    let first = Options { parameter_areas: ParameterAreas::FirstPage, ..Options::default() };
    assert_eq!(measure_with(&areas(17), &first).unwrap().1.len(), 17);
}

/// Pages may share data, as long as it is not much more than the file has.
#[test]
fn shared_data_is_bounded() {
    let data = vec![1; 512 * PAGE];
    let bytes = Made::snp().large_pages(129, 0, &data).bytes();
    // The file has 2 MiB of data, and a few pages of headers.
    assert!(IgvmFile::parse(&bytes).is_ok());
    let made = Made::snp().large_pages(130, 0, &data);
    let most = 65_536 + (made.bytes().len() / PAGE) as u64;
    let at = 0x18 + 24 + 129 * 32;
    let error = IgvmFile::parse(&made.bytes()).unwrap_err();
    assert_eq!(error, FileError::SharedData { at, found: 130 * 512, most });
    assert_eq!(
        error.to_string(),
        "at offset 0x1050: 66560 pages of data up to here, expected at most 66050, by the length of the file"
    );
    // Those of other platforms are passed over.
    let other = Made::new().platform(1, 3).platform(2, SNP).large_pages(200, 0, &data).bytes();
    assert!(IgvmFile::parse(&other).is_ok());
}

#[test]
fn policy() {
    let policy = |made: &Made| IgvmFile::parse(&made.bytes()).map(|file| file.policy());
    assert_eq!(policy(&Made::snp()), Ok(None));
    let made = Made::snp().platform(2, 3).policy(2, 7).policy(1, 0x3_0000).policy(2, 9);
    assert_eq!(policy(&made), Ok(Some(GuestPolicy(0x3_0000))));
    let second = made.policy(3, 0x3_0000);
    let at = 0x18 + 2 * 24 + 3 * 24;
    assert_eq!(policy(&second), Err(FileError::SecondPolicy { at }));
    let text = FileError::SecondPolicy { at }.to_string();
    assert_eq!(text, "at offset 0x90: a second guest policy for SEV-SNP");
    let at = 0x18 + 24;
    for reserved in 12..16 {
        let mut made = Made::snp().policy(1, 1);
        made.headers[32 + reserved] = 1;
        assert_eq!(policy(&made), Err(FileError::NotZero { at }));
    }
}

/// An ID block that was signed, in a file: what the firmware says to it.
#[test]
fn signed_id_block() {
    let policy = GuestPolicy(0x3_0000);
    let guest = Made::snp().policy(1, policy.0).page(1, 0x1000, 0, 0, &page_a());
    let launch_digest = digest_of(&guest);
    let [id_key, author_key] = [3, 4].map(|n| SigningKey::from_scalar(&[n; 48]).unwrap());
    let expected = IdBlock {
        family_id: [5; 16],
        image_id: [6; 16],
        version: 1,
        guest_svn: 8,
        policy,
        launch_digest,
    };
    let id = expected.sign(&id_key.verifying_key(), &id_key).unwrap();
    let author = id.key.sign(&author_key.verifying_key(), &author_key).unwrap();
    let signature = |signature: crate::ecdsa::Signature| signature.to_amd()[..144].to_vec();
    let key = |key: &[u8; 0x404]| [&key[..4], &[9; 4], &key[4..148]].concat();
    let structure = [
        &1u32.to_le_bytes()[..],
        &[1, 0, 0, 0],
        &expected.to_bytes()[..0x58],
        &1u32.to_le_bytes(),
        &1u32.to_le_bytes(),
        &signature(id.signature),
        &key(id.key.as_bytes()),
        &signature(author.signature),
        &key(author.key.as_bytes()),
    ]
    .concat();

    let check = |structure: &[u8]| {
        let bytes = guest.clone().header(0x30b, structure).bytes();
        let file = IgvmFile::parse(&bytes).unwrap();
        let block = file.id_block().unwrap();
        let mut page = [0xee; PAGE];
        let launch = LaunchFinish {
            launch_digest: &launch_digest,
            policy: file.policy().unwrap(),
            id_block: Some((block.id_block(policy), block.write_id_auth(&mut page))),
            auth_key_en: block.author_key_enabled,
        };
        launch.check()
    };
    let identity = check(&structure).unwrap();
    assert_eq!(identity.id_block, Some(expected));
    assert_eq!(identity.id_key_digest, id.key.digest());
    assert_eq!(identity.author_key_digest, author.key.digest());

    type Error = LaunchFinishError;
    let changed = |at: usize| {
        let mut structure = structure.clone();
        structure[at] ^= 2;
        check(&structure)
    };
    assert_eq!(changed(0x08), Err(Error::LaunchDigest));
    assert_eq!(changed(0x60), Err(Error::IdKeyAlgo { found: 3 }));
    assert_eq!(changed(0x64), Err(Error::AuthKeyAlgo { found: 3 }));
    for at in [0x38, 0x48, 0x58, 0x5c, 0x68, 0x68 + 72] {
        assert_eq!(changed(at), Err(Error::IdBlockSignature(None)), "{at:#x}");
    }
    assert!(matches!(changed(0xf8), Err(Error::IdKey(_))));
    assert!(matches!(changed(0xf8 + 8), Err(Error::IdKey(_))));
    assert_eq!(changed(0x190), Err(Error::IdKeySignature(None)));
    assert!(matches!(changed(0x220), Err(Error::AuthorKey(_))));
    let mut without_author = structure.clone();
    without_author[4] = 0;
    assert_eq!(check(&without_author).unwrap().author_key_digest, [0; 48]);

    let (bytes, same) = (guest.bytes(), guest.bytes());
    let file = IgvmFile::parse(&bytes).unwrap();
    assert_eq!(file.id_block(), None);
    assert_eq!(file, IgvmFile::parse(&same).unwrap());
    let changed = guest.clone().page(1, 0x2000, 0, 0, b"").bytes();
    assert_ne!(file, IgvmFile::parse(&changed).unwrap());
    let other = Made::snp().id_block(2, [0; 48]).bytes();
    assert_eq!(IgvmFile::parse(&other).unwrap().id_block(), None);
    for reserved in 5..8 {
        let mut made = Made::snp().id_block(1, [0; 48]);
        made.headers[32 + reserved] = 1;
        let error = IgvmFile::parse(&made.bytes()).unwrap_err();
        assert_eq!(error, FileError::NotZero { at: 0x18 + 24 });
    }
}

#[test]
fn parameter_areas() {
    let made = Made::snp().area(255, 0x3000).area(0, 0).insert(1, 0x7000, 255).insert(1, 0x1000, 0);
    let (all, steps) = measure_with(&made, &Options::default()).unwrap();
    let unmeasured = |gpa| (gpa, PageType::Unmeasured, 2);
    assert_eq!(steps, [unmeasured(0x7000), unmeasured(0x8000), unmeasured(0x9000)]);
    let pages = Made::snp()
        .page(1, 0x7000, 2, 0, b"")
        .page(1, 0x8000, 2, 0, &[1; PAGE])
        .page(1, 0x9000, 2, 0, b"");
    assert_eq!(all.digest, digest_of(&pages));
    let first = Options { parameter_areas: ParameterAreas::FirstPage, ..Options::default() };
    let (first, steps) = measure_with(&made, &first).unwrap();
    assert_eq!(steps, [unmeasured(0x7000)]);
    assert_eq!(first.digest, digest_of(&Made::snp().page(1, 0x7000, 2, 0, b"")));
}

#[test]
fn contexts_under_kvm() {
    let kvm = Options { contexts: Contexts::Kvm, ..Options::default() };
    let mut vmsa = [0; PAGE];
    vmsa[0x158..0x15c].copy_from_slice(&[0x11, 0, 0, 0x80]);
    let made = Made::snp().context(1, 0x1000, &vmsa).page(1, 0x2000, 0, 0, &page_a());
    let (measured, steps) = measure_with(&made, &kvm).unwrap();
    assert_eq!(steps, [(0x2000, PageType::Normal, 1), (0xffff_ffff_f000, PageType::Vmsa, 0)]);
    let numeric_error = {
        vmsa[0x158] = 0x31;
        vmsa
    };
    let last =
        Made::snp().page(1, 0x2000, 0, 0, &page_a()).context(1, 0xffff_ffff_f000, &numeric_error);
    assert_eq!(measured.digest, digest_of(&last));

    for found in [0, 2] {
        let made = (0..found).fold(Made::snp(), |made, _| made.context(1, 0, &vmsa));
        assert_eq!(measure_with(&made, &kvm).unwrap_err(), MeasureError::Contexts { found });
    }
    let text = MeasureError::Contexts { found: 2 }.to_string();
    assert_eq!(text, "2 save areas for the platform: QEMU takes exactly one");
}

#[test]
fn every_error_of_measuring() {
    let top = 1 << 52;
    for gpa in [0x1010, top, u64::MAX - 0xfff] {
        let address = MeasureError::Address { directive: 0, gpa, alignment: PAGE };
        assert_eq!(error_of(&Made::snp().page(1, gpa, 0, 0, b"")), address);
        assert_eq!(error_of(&Made::snp().page(1, gpa, 0, 0, &page_a())), address);
        assert_eq!(error_of(&Made::snp().page(1, gpa, 2, 0, b"")), address);
        assert_eq!(error_of(&Made::snp().context(1, gpa, &page_a())), address);
        let inserted = MeasureError::Address { directive: 1, gpa, alignment: PAGE };
        assert_eq!(error_of(&Made::snp().area(3, 0x1000).insert(1, gpa, 3)), inserted);
    }
    // Before anything is skipped: pages that are not measured, areas without pages, contexts that go elsewhere.
    for gpa in [7, top] {
        let address = |directive| MeasureError::Address { directive, gpa, alignment: PAGE };
        assert_eq!(error_of(&Made::snp().page(1, gpa, 4, 0, b"")), address(0));
        assert_eq!(error_of(&Made::snp().area(0, 0).insert(1, gpa, 0)), address(1));
        let kvm = Options { contexts: Contexts::Kvm, ..Options::default() };
        let context = Made::snp().context(1, gpa, &page_a());
        assert_eq!(measure_with(&context, &kvm).unwrap_err(), address(0));
    }
    for gpa in [top, top + 0x20_0000, 0x1000] {
        let address = MeasureError::Address { directive: 0, gpa, alignment: 0x20_0000 };
        assert_eq!(error_of(&Made::snp().page(1, gpa, 5, 0, b"")), address);
    }
    let large = |gpa, data_type| Made::snp().page(1, gpa, 1, data_type, b"");
    let gpa = 0x10_0000;
    let address = MeasureError::Address { directive: 0, gpa, alignment: 0x20_0000 };
    assert_eq!(error_of(&large(gpa, 0)), address);
    assert_eq!(
        address.to_string(),
        "directive 0: no page begins at 0x100000: expected a multiple of 0x200000 below 2^52"
    );
    for (data_type, page_type) in [(1, PageType::Secrets), (2, PageType::Cpuid)] {
        let error = MeasureError::LargePage { directive: 0, page_type };
        assert_eq!(error_of(&large(0x20_0000, data_type)), error);
    }
    for (is_2mb, most) in [(false, PAGE), (true, 512 * PAGE)] {
        let data = vec![1; most + 1];
        let error = digest_of_list(&[page_data(0, is_2mb, &data)]);
        let expected = MeasureError::Data { directive: 0, length: most + 1, most };
        assert_eq!(error.unwrap_err(), expected);
    }
    for contexts in [Contexts::AsInFile, Contexts::Kvm] {
        let vmsa = &[0; PAGE + 1];
        let one = Directive::SnpVpContext { compatibility_mask: 1, gpa: 0, vp_index: 0, vmsa };
        let options = Options { contexts, ..Options::default() };
        let error = super::measure([one], 1, &options, Backend::best(), &mut |_| {});
        let expected = MeasureError::Data { directive: 0, length: PAGE + 1, most: PAGE };
        assert_eq!(error.unwrap_err(), expected);
    }
    for length in [0x800, 0x100_1000, u64::MAX, 1 << 63] {
        let error = error_of(&Made::snp().area(0, length));
        assert_eq!(error, MeasureError::AreaLength { directive: 0, length });
    }
    for index in [256, u32::MAX] {
        let error = error_of(&Made::snp().area(index, 0));
        assert_eq!(error, MeasureError::AreaIndex { directive: 0, index });
        let error = error_of(&Made::snp().insert(1, 0, index));
        assert_eq!(error, MeasureError::NoArea { directive: 0, index });
    }
    let twice = MeasureError::AreaTwice { directive: 1, index: 2 };
    assert_eq!(error_of(&Made::snp().area(2, 0).area(2, 0x1000)), twice);
    let again = Made::snp().area(2, 0x1000).insert(1, 0, 2).area(2, 0x1000);
    assert_eq!(error_of(&again), MeasureError::AreaTwice { directive: 2, index: 2 });
    assert_eq!(
        error_of(&Made::snp().insert(1, 0, 2)),
        MeasureError::NoArea { directive: 0, index: 2 }
    );
    let again = Made::snp().area(2, 0x1000).insert(1, 0, 2).insert(1, 0x1000, 2);
    assert_eq!(error_of(&again), MeasureError::NoArea { directive: 2, index: 2 });
    let behind = Made::snp().area(0, 0x2000).insert(1, top - 0x1000, 0);
    let gpa = GuestPhysAddr::new(top - 0x1000).unwrap();
    let error = UpdateError::BehindTheEnd { gpa, pages: 2 };
    assert_eq!(error_of(&behind), MeasureError::Update { directive: 1, error });
    let first = Options { parameter_areas: ParameterAreas::FirstPage, ..Options::default() };
    let error = MeasureError::Update { directive: 1, error };
    assert_eq!(measure_with(&behind, &first).unwrap_err(), error);
    let second = Made::snp().id_block(1, [0; 48]).id_block(1, [0; 48]);
    assert_eq!(error_of(&second), MeasureError::SecondIdBlock { directive: 1 });
}

/// What parsing the bytes gives, after a change.
fn changed(made: &Made, change: impl FnOnce(&mut Vec<u8>)) -> FileError {
    let mut bytes = made.bytes();
    assert!(IgvmFile::parse(&bytes).is_ok());
    change(&mut bytes);
    IgvmFile::parse(&bytes).unwrap_err()
}

fn set(at: usize, word: u32) -> impl FnOnce(&mut Vec<u8>) {
    move |bytes| bytes[at..at + 4].copy_from_slice(&word.to_le_bytes())
}

#[test]
fn every_error_of_the_fixed_header() {
    let made = Made::snp().page(1, 0x1000, 0, 0, &page_a());
    let second = Made { version: 2, ..made.clone() };
    assert_eq!(
        changed(&made, |bytes| bytes.truncate(0x17)),
        FileError::TooShort { length: 0x17, expected: 0x18 }
    );
    assert_eq!(
        changed(&second, |bytes| bytes.truncate(0x1f)),
        FileError::TooShort { length: 0x1f, expected: 0x20 }
    );
    assert_eq!(changed(&made, set(0, 0x464c_457f)), FileError::Magic { found: 0x464c_457f });
    for found in [0, 3] {
        assert_eq!(changed(&made, set(4, found)), FileError::Version { found });
    }
    assert_eq!(changed(&second, set(0x18, 1)), FileError::Architecture { found: 1 });
    assert_eq!(changed(&second, set(0x1c, 0x1_0000)), FileError::PageSize { found: 0x1_0000 });
    let actual = made.bytes().len();
    let found = actual as u32;
    assert_eq!(
        changed(&made, |bytes| bytes.push(0)),
        FileError::FileLength { found, actual: actual + 1 }
    );
    let length = made.headers.len() as u32;
    for offset in [0, 0x10, 0x1c, found, u32::MAX] {
        let outside = FileError::VariableHeaders { offset, length };
        assert_eq!(changed(&made, set(8, offset)), outside);
    }
    for length in [found, u32::MAX] {
        let outside = FileError::VariableHeaders { offset: 0x18, length };
        assert_eq!(changed(&made, set(12, length)), outside);
    }
    let computed = u32::from_le_bytes(made.bytes()[0x14..0x18].try_into().unwrap());
    let found = computed ^ 1;
    assert_eq!(changed(&made, set(0x14, found)), FileError::Checksum { found, computed });
}

#[test]
fn every_error_of_the_headers() {
    let error = |made: &Made| IgvmFile::parse(&made.bytes()).unwrap_err();
    let snp = Made::snp;
    // Where the header behind the platform's begins.
    let at = 0x18 + 8 + 16;

    for (other, words) in [
        (None, "the file names no platform"),
        (Some(3), "the file is for TDX, not for SEV-SNP"),
        (Some(9), "the file is for platform 9, not for SEV-SNP"),
    ] {
        let made = other.map_or(Made::new(), |other| Made::new().platform(1, other));
        assert_eq!(error(&made), FileError::NotForSnp { other });
        assert_eq!(error(&made).to_string(), words);
    }
    for found in [0, 3] {
        let mask = FileError::PlatformMask { at: 0x18, found };
        assert_eq!(error(&Made::new().platform(found, SNP)), mask);
    }
    assert_eq!(error(&snp().platform(2, SNP)), FileError::SecondPlatform { at });
    assert_eq!(error(&snp().area(0, 0).platform(2, 3)), FileError::Order { at: at + 24 });
    let setting = snp().area(0, 0).header(0x101, &[0; 16]);
    assert_eq!(error(&setting), FileError::Order { at: at + 24 });
    for found in [2, 0x100, 0x300, 0x306, 0x314, 0x400, 0, 0x7fff_ffff] {
        assert_eq!(error(&snp().header(found, &[])), FileError::HeaderType { at, found });
    }
    for (kind, expected) in
        [(1, 16), (0x301, 16), (0x302, 24), (0x303, 16), (0x304, 20), (0x30b, 696)]
    {
        for found in [expected - 1, expected + 1, 0] {
            let made = snp().header(kind, &vec![0; found]);
            assert_eq!(error(&made), FileError::StructureLength { at, found, expected });
        }
    }
    // A structure's end, the zeros behind it, a header's end.
    for cut in 1..20 {
        let mut made = snp().header(0x107, &[1; 9]);
        made.headers.truncate(made.headers.len() - cut);
        assert_eq!(error(&made), FileError::CutOff { at }, "{cut}");
    }
    let mut long = snp().header(0x107, &[1; 9]);
    let length = 24 + 4..24 + 8;
    long.headers[length.clone()].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(error(&long), FileError::CutOff { at });
    long.headers[length].copy_from_slice(&17u32.to_le_bytes());
    assert_eq!(error(&long), FileError::CutOff { at });

    let not_zero = FileError::NotZero { at };
    for padding in 41..48 {
        let mut made = snp().header(0x107, &[0; 9]);
        made.headers[padding] = 1;
        assert_eq!(error(&made), not_zero, "{padding}");
    }
    for flags in [8, 1 << 31] {
        assert_eq!(error(&snp().page(1, 0, flags, 0, b"")), not_zero);
    }
    for reserved in [22, 23] {
        let mut made = snp().page(1, 0, 0, 0, b"");
        made.headers[32 + reserved] = 1;
        assert_eq!(error(&made), not_zero);
    }
    let mut context = snp().context(1, 0, &page_a());
    context.headers[32 + 18] = 1;
    assert_eq!(error(&context), not_zero);
    for found in [4, u16::MAX] {
        assert_eq!(error(&snp().page(1, 0, 0, found, b"")), FileError::DataType { at, found });
    }

    let offset = DATA as u32;
    let short = snp().page(1, 0, 0, 0, &[1; PAGE - 1]);
    assert_eq!(error(&short), FileError::Data { at, offset, length: PAGE });
    let large = snp().page(1, 0, 1, 0, &[1; PAGE]);
    assert_eq!(error(&large), FileError::Data { at, offset, length: 512 * PAGE });
    let short = snp().context(1, 0, &[1; PAGE - 1]);
    assert_eq!(error(&short), FileError::Data { at, offset, length: PAGE });
    for offset in [0x18, 0x20, u32::MAX] {
        let mut made = snp().page(1, 0, 0, 0, &page_a());
        made.headers[32 + 12..32 + 16].copy_from_slice(&offset.to_le_bytes());
        assert_eq!(error(&made), FileError::Data { at, offset, length: PAGE });
    }
    let mut none = snp().context(1, 0, &page_a());
    none.headers[32 + 12..32 + 16].fill(0);
    assert_eq!(error(&none), FileError::Data { at, offset: 0, length: PAGE });
    assert_eq!(
        error(&none).to_string(),
        "at offset 0x30: 0x1000 bytes of data at 0x0, expected inside of the file, behind all headers"
    );
}

proptest! {
    /// No change makes it panic, and none of the headers' bits is without meaning.
    #[test]
    fn changed_files(at in 0usize..0x100, bit in 0u32..8, is_sealed in any::<bool>()) {
        let made = Made::snp()
            .page(1, 0x1000, 0, 0, &page_a())
            .area(0, 0x1000)
            .insert(1, 0x2000, 0)
            .context(1, 0x3000, &page_a());
        let mut bytes = made.bytes();
        bytes[at] ^= 1 << bit;
        let headers = 0x18 + made.headers.len();
        if is_sealed && (0x18..headers).contains(&at) {
            seal(&mut bytes);
        }
        match IgvmFile::parse(&bytes) {
            Ok(file) => {
                prop_assert!(is_sealed || at >= headers);
                let _ = file.measure(&Options::default(), Backend::best(), &mut |_| {});
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn any_headers(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut made = Made::snp();
        made.headers.extend(bytes);
        if let Ok(file) = IgvmFile::parse(&made.bytes()) {
            let _ = file.measure(&Options::default(), Backend::best(), &mut |_| {});
        }
    }
}
