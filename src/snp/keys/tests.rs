use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use proptest::prelude::*;
use sha2::{Digest, Sha256, Sha384};

use super::*;
use crate::ecdsa::Signer;
use crate::snp::GuestPolicy;
use crate::snp::tcb::{Product, TcbVersion};
use crate::{Backend, Hex, Status, kdf};

fn hex<const N: usize>(digits: &str) -> [u8; N] {
    let bytes: Vec<u8> = base16ct::lower::decode_vec(digits).expect("hexadecimal digits");
    bytes.try_into().expect("as many as are expected")
}

fn text(bytes: &[u8]) -> String {
    Hex(bytes).to_string()
}

/// A chip of nobody.
fn chip() -> ChipSecret {
    ChipSecret::new(&Sha384::digest(b"SEV-SNP software model chip seed 0").into())
}

/// The TCB version of the worked example.
const TCB: TcbVersion = TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x73]);

fn sticks() -> HashSticks {
    HashSticks::new(&chip(), TCB)
}

fn provider_sticks() -> VlekSticks {
    let seed = Sha384::digest(b"SEV-SNP software model VLEK seed").into();
    VlekSticks::from(&HashSticks::new(&ChipSecret::new(&seed), TCB))
}

/// stick_0 to stick_7 of the worked example, computed by another implementation, in Python.
const STICKS: [&str; 8] = [
    "0859cbf8cbca9a625855878ae7339202aa0297248668d546eb198256c6322fe6\
     02aeaaa36d6e272b0b0037bec46d6ed2",
    "9f6db545e756cc81ea09a508195429c6a51bfd6a6ed308b3a07704a83ab8e8b2\
     90a3348e7376ae8395adb861d561b24c",
    "d2b96703b61eb4f8631bcc34765540cf4d63a29ecdb4b7a05e5a2ee9912091c2\
     4fa9d2f40e9408b570f07e2a1936ccd2",
    "b7320ffbc11b844b0f65ee33d6debb634e2aec41a78b5e2b12fc9b42a61e6b7d\
     7cd127b990be57985ab9f53b583aaace",
    "a8cc72cd269a0f93ec3adc54cf10f1ce42a48bd32c47d95f243d4e6d4aa4769a\
     d68d8af50a485580dd1e1c08d498dfdb",
    "94d9d96aaa041b16c289b19e6bc8c3da5f3e8e77e33336ef54aa061e52773523\
     30e3f6f44b854421cdcd6046bbb49b4c",
    "ac60fe764924f528ea64a5c2539e8e6dcb33cf6489bf32ad1c9d9eef8f52d552\
     33d2edd23045faaeba0dab6dfcd17d7c",
    "78d89647b7695188a787414282d5f8b2b8c0c66cffcc4a47cdcda22858083eef\
     a2f88d472911f2a34c67df1083536b53",
];

const BASE_7: &str = "6213318bae4c525238363d61e821b9f00a750c7ef504d889cf7c1c28017ceec2\
     760e1add7001827d4bd978634d1b8798";

#[test]
fn the_sticks_of_a_chip() {
    assert_eq!(
        text(chip().as_bytes()),
        "fe00722d9c9ce7b5db240906b693b6995341ed17c34d60e844d2be4e730b498e\
         dcb3d074831504b9d99c5dad33958175"
    );
    let sticks = sticks();
    for (stick, answer) in sticks.sticks().iter().zip(STICKS) {
        assert_eq!(text(stick.as_bytes()), answer);
    }
    assert_eq!(text(sticks.stick_7().as_bytes()), STICKS[7]);
    assert_eq!((text(sticks.base_7()).as_str(), sticks.tcb_version()), (BASE_7, TCB));
}

#[test]
fn a_boot_loader_hands_over_enough() {
    let parts = core::array::from_fn(|i| hex(STICKS[i]));
    let handed_over = HashSticks::from_parts(TCB, &parts, &hex(BASE_7));
    assert!(is_same(&handed_over, &sticks()));
}

fn is_same(a: &HashSticks, b: &HashSticks) -> bool {
    let bytes = |sticks: &HashSticks| sticks.sticks().each_ref().map(|stick| *stick.as_bytes());
    a.tcb_version() == b.tcb_version() && bytes(a) == bytes(b) && a.base_7() == b.base_7()
}

#[test]
fn older_versions() {
    let older = [
        (
            [3, 0, 0, 0, 0, 0, 8, 0x44],
            "736b5cef213497dc93245536b15b67219f4f932ff5c0695b2d4dfc6816d137a2\
             c3e9fe0247b5634f7039cf6ee4ff2f4d",
        ),
        (
            [3, 0, 0, 0, 0, 0, 5, 0x73],
            "18cff7f02256eaf7972195fe8f2ef11e5b5962a56e563ec54868e631a15e32ee\
             f37d0f2641c6cfa1b916b8ed6ba09ea4",
        ),
        (
            [2, 0, 0, 0, 0, 0, 5, 0x44],
            "8122c6f9363670c016311135df33b81eaa7eff673a36b83d600aed0a07b4cbae\
             f6d9939c57a6b52895cda5e9266858be",
        ),
    ];
    for (version, answer) in older {
        let version = TcbVersion::new(version);
        let derived = sticks().at(version).unwrap();
        assert_eq!(text(derived.stick_7().as_bytes()), answer);
        assert!(is_same(&derived, &HashSticks::new(&chip(), version)));
    }
    assert!(is_same(&sticks().at(TCB).unwrap(), &sticks()));
}

/// Byte by byte: an older one can be reached, a newer one only where it is microcode or stands behind an older one.
#[test]
fn newer_versions() {
    let sticks = HashSticks::new(&chip(), TcbVersion::new([2; 8]));
    for newer in 0..8 {
        let mut version = [2; 8];
        version[newer] = 4;
        let version = TcbVersion::new(version);
        match sticks.at(version) {
            Ok(other) => {
                assert!(newer == 7 && is_same(&other, &HashSticks::new(&chip(), version)));
            }
            Err(error) => {
                assert!(newer < 7);
                assert_eq!(error, StickError::Newer { index: newer, version: 4, own: 2 });
            }
        }
        for older in 0..8 {
            let mut version = version.bytes();
            version[older] = 1;
            let version = TcbVersion::new(version);
            let other = sticks.at(version);
            assert_eq!(other.is_ok(), older <= newer || newer == 7, "{version}");
            assert!(other.is_err() || is_same(&other.unwrap(), &HashSticks::new(&chip(), version)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// From any version to any other: the same as from the chip's secret, or not to be reached.
    #[test]
    fn going_on_is_deriving(from: [u8; 8], to: [u8; 8], equal in 0..=8_usize) {
        let mut to = to;
        to[..equal].copy_from_slice(&from[..equal]);
        let (from, to) = (TcbVersion::new(from), TcbVersion::new(to));
        let other = HashSticks::new(&chip(), from).at(to);
        // In the order of bytes, microcode aside.
        prop_assert_eq!(other.is_ok(), to.bytes()[..7] <= from.bytes()[..7]);
        prop_assert!(other.is_err() || is_same(&other.unwrap(), &HashSticks::new(&chip(), to)));
    }
}

#[test]
fn private_keys() {
    let sticks = sticks();
    let vcek = PrivateKey::vcek(sticks.stick_7());
    assert_eq!(
        text(vcek.scalar()),
        "1f809082038e474c8130823e07c4fb305b28fc285c835f4918a930b27f3dac2d\
         56a36a87117c99922f011025997b1c73"
    );
    let point = vcek.signing_key().verifying_key().to_sec1();
    let [x, y] = point[1..].as_chunks::<48>().0 else { panic!("two numbers") };
    assert_eq!(
        text(x),
        "bf774a3012be2dad27daa898548c1a27ab169d6d2c54812e37ea2233ec0eea2d\
         0c8e1a36ccfd9d17d8cc0654b6c6842f"
    );
    assert_eq!(
        text(y),
        "fdda670881b012cea092747f057e03a6c5f5615b156ae6ad1c712740cbe6e3bc\
         d4523a6c7d62ca457f3b47beed1a27f8"
    );
    assert_eq!(
        text(PrivateKey::vlek(sticks.stick_7()).scalar()),
        "b15b57ace8f5620a5dbe7c60fe7c6a769c15bea4735f30c620ebef8f468ebfe6\
         14263ff08eef2885a58045116375ed8b"
    );
    assert_eq!(
        text(PrivateKey::vlek(provider_sticks().stick_7()).scalar()),
        "4f9109f91863971c900d777cd9e58f26a1ac12850f3b9e215bbb2a9bd51c178e\
         a6c7f3925f00a28ac0513c23c3205363"
    );
    let signature = vcek.signing_key().sign_sha384(b"a report").unwrap();
    assert!(vcek.signing_key().verifying_key().verify_vartime(b"a report", &signature));
}

/// The bytes that the numbers are made of.
#[test]
fn random_bytes_of_private_keys() {
    let answers = [
        (
            "sev-versioned-chip-endorsement-key",
            "5001b06204a65cff72acb922fc2a7df74dcb0441617d4eeaa7c060b3d56fb03e\
             30fbc4073e8230814c478e038290801f677c9fb487d3be80",
        ),
        (
            "sev-versioned-loaded-attestation-key",
            "eebe94a74a1ac6f676fd6917b6863e404cf4cb1666dfeb75caeeb7864b58af90\
             766a7cfe607cbe5d0a62f5e8ac575bb14219977b2e028d33",
        ),
    ];
    for (label, answer) in answers {
        let mut random = [0; 56];
        kdf::derive(sticks().stick_7().as_bytes(), label.as_bytes(), b"", &mut random).unwrap();
        assert_eq!(text(&random), answer);
    }
}

/// Wrapped for the chip of the worked example.
fn blob(backend: Backend) -> [u8; VlekSticks::WRAPPED_LEN] {
    let nonce = core::array::from_fn(|i| 0x10 + i as u8);
    provider_sticks().wrap(sticks().stick_7(), TCB, &nonce, backend)
}

#[test]
fn wrapped_sticks() {
    let plain = provider_sticks();
    let bytes = plain.sticks().each_ref().map(|stick| *stick.as_bytes());
    assert_eq!(
        text(&Sha256::digest(bytes.as_flattened())),
        "c321baddd11d246e5dfd5d298cc104bf7b8d1afaf1948bb80842d3329cfb9d36"
    );
    assert_eq!(
        text(plain.stick_7().as_bytes()),
        "ec35c35403129b01de4d50790a7157f462921a5fe74ae6c8da857a9f33ea475b\
         c828942f8b575cf38b26971d970348b7"
    );
    let mut key = [0; 32];
    kdf::derive(sticks().stick_7().as_bytes(), b"vlek-wrapping-key", b"", &mut key).unwrap();
    assert_eq!(text(&key), "3ea4bc96561964c25177e026a334a445e39fc3f0aa316f65ef4ff8892876911d");
    for backend in Backend::available() {
        let blob = blob(backend);
        assert_eq!(text(&blob[0x10..0x20]), "f85c9bfb51bdb886a964f18931aeb3c9");
        assert_eq!(text(&blob[0x1a0..]), "557f105f91790be6c4abcb0650e3f104");
        assert_eq!(
            text(&Sha256::digest(blob)),
            "580c3adce9066332e19ebcf63c038957f8c6a0f7786a3405fdc38590edbaaa5d"
        );
        let unwrapped = VlekSticks::unwrap(&blob, sticks().stick_7(), TCB, backend).unwrap();
        assert!(unwrapped.is_installed());
        assert_eq!(unwrapped.sticks().each_ref().map(|stick| *stick.as_bytes()), bytes);
    }
}

/// Every bit: TCB_VERSION is looked at first, the word behind the nonce not at all.
#[test]
fn changed_sticks() {
    let backend = Backend::best();
    let (sticks, blob) = (sticks(), blob(backend));
    for bit in 0..blob.len() * 8 {
        let mut blob = blob;
        blob[bit / 8] ^= 1 << (bit % 8);
        let status = VlekSticks::unwrap(&blob, sticks.stick_7(), TCB, backend).err();
        let wanted = match bit / 8 {
            0x00c..0x010 => None,
            0x190..0x198 => Some(Status::BAD_SVN),
            _ => Some(Status::BAD_MEASUREMENT),
        };
        assert_eq!(status, wanted, "bit {bit}");
    }
    let other = HashSticks::new(&ChipSecret::new(&[1; 48]), TCB);
    let status = VlekSticks::unwrap(&blob, other.stick_7(), TCB, backend).err();
    assert_eq!(status, Some(Status::BAD_MEASUREMENT));
}

#[test]
fn commands_to_load_sticks() {
    let load = VlekLoad { vlek_wrapped_paddr: 0x0123_4567_89ab_c000 };
    let buffer = load.to_bytes();
    assert_eq!(text(&buffer), "100000000000000000c0ab8967452301");
    for bit in 0..buffer.len() * 8 {
        let mut buffer = buffer;
        buffer[bit / 8] ^= 1 << (bit % 8);
        match VlekLoad::parse(&buffer) {
            Ok(load) => assert!(bit >= 64 && load.to_bytes() == buffer),
            Err(status) => assert!(bit < 64 && status == Status::INVALID_PARAM),
        }
    }
}

#[test]
fn sticks_of_zeros_are_none() {
    assert!(!VlekSticks::new([(); 8].map(|()| HashStick::new(&[0; 48]))).is_installed());
    for byte in [0, 47, 48, 383] {
        let mut bytes = [[0; 48]; 8];
        bytes.as_flattened_mut()[byte] = 0x80;
        assert!(VlekSticks::new(bytes.each_ref().map(HashStick::new)).is_installed(), "{byte}");
    }
}

/// The guest of the worked example.
fn identity(id_block_key: IdBlockKey) -> GuestIdentity {
    GuestIdentity {
        policy: GuestPolicy(0x3_0000),
        image_id: core::array::from_fn(|i| 0x31 + i as u8),
        family_id: core::array::from_fn(|i| 1 + i as u8),
        measurement: core::array::from_fn(|i| 0x20 + i as u8),
        host_data: core::array::from_fn(|i| 0xa0 + i as u8),
        id_block_key,
    }
}

/// The digest of the worked example's ID or author key.
const DIGEST: [u8; 48] = {
    let mut digest = [0; 48];
    let mut i = 0;
    while i < digest.len() {
        digest[i] = 0x60 + i as u8;
        i += 1;
    }
    digest
};

/// A request and all that the firmware looks at, to be changed one by one.
struct Case {
    request: KeyRequest,
    vmpck: u8,
    identity: GuestIdentity,
    guest_svn: u32,
    vcek_dis: bool,
    vmrk: Option<Vmrk>,
    product: Product,
    mask_chip_key: bool,
    committed_tcb: TcbVersion,
    sticks: HashSticks,
    has_vcek: bool,
    vlek: Option<VlekSticks>,
}

impl Case {
    fn new(request: KeyRequest, id_block_key: IdBlockKey) -> Self {
        Self {
            request,
            vmpck: 0,
            identity: identity(id_block_key),
            guest_svn: 5,
            vcek_dis: false,
            vmrk: Some(Vmrk::new(&core::array::from_fn(|i| i as u8))),
            product: Product::Genoa,
            mask_chip_key: false,
            committed_tcb: TCB,
            sticks: sticks(),
            has_vcek: true,
            vlek: None,
        }
    }

    /// A request that mixes in every field of version 1.
    fn with_every_field(root: impl Into<RootKeySelect>, id_block_key: IdBlockKey) -> Self {
        Self::new(every_field(root), id_block_key)
    }

    fn derive(&self) -> Result<String, Status> {
        let guest = GuestFacts {
            identity: self.identity,
            guest_svn: self.guest_svn,
            vcek_dis: self.vcek_dis,
            vmrk: self.vmrk.as_ref(),
        };
        let platform = PlatformFacts {
            product: self.product,
            mask_chip_key: self.mask_chip_key,
            committed_tcb: self.committed_tcb,
            sticks: &self.sticks,
            vcek: self.has_vcek.then(|| self.sticks.stick_7()),
            vlek: self.vlek.as_ref(),
        };
        derive_guest_key(&self.request, self.vmpck, &guest, &platform)
            .map(|key| text(key.as_bytes()))
    }

    #[track_caller]
    fn check(&self, mix_data: &str, key: &str) {
        assert_eq!(text(self.identity.mix_data(&self.request).as_bytes()), mix_data);
        assert_eq!(self.derive().as_deref(), Ok(key));
    }
}

fn every_field(root: impl Into<RootKeySelect>) -> KeyRequest {
    KeyRequest::new(root)
        .with_fields(GuestFieldSelect(0x0f))
        .with_guest_svn(5)
        .with_tcb_version(TCB)
        .with_vmpl(crate::Vmpl::VMPL1)
}

/// Examples A to D, computed by another implementation, in Python.
const MIX_A: &str = "0000000000000000000000000000000000000000000000000000000000000000\
    0000000000000000000000000000000000000000000000000000000000000000\
    0000000000000000000000000000000000000000000000000000000000000000\
    0000000000000000a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7\
    b8b9babbbcbdbebf000000000000000000000000000000000000000000000000\
    0000000000000000";
const KEY_A: &str = "8b3362618040f524d7fcd20c9e6a8258947eda40b4b704f3a55ecefe10aea316";
const MIX_B: &str = "02000000000000003f0000000000000001000000050000000300000000000873\
    00000300000000003132333435363738393a3b3c3d3e3f400102030405060708\
    090a0b0c0d0e0f10202122232425262728292a2b2c2d2e2f3031323334353637\
    38393a3b3c3d3e3fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7\
    b8b9babbbcbdbebf606162636465666768696a6b6c6d6e6f7071727374757677\
    78797a7b7c7d7e7f";
const KEY_B: &str = "d1566a2174e88bbc2607165c95d058a9a9aaa2c2c27daaed0b483cde9aad4ca0";
const KEY_C: &str = "7831f1d5fdd02f83d25eb3c0cb32f4ba37226ae9282e425f3ffd5e4d06df7a3d";
const MIX_D: &str = "0000000000000000200000000000000000000000000000000300000000000844\
    0000000000000000000000000000000000000000000000000000000000000000\
    0000000000000000000000000000000000000000000000000000000000000000\
    0000000000000000a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7\
    b8b9babbbcbdbebf000000000000000000000000000000000000000000000000\
    0000000000000000";
const KEY_D: &str = "880c1703d348a5c6b84380925ce5be0e14710a154fb90052d1ab3612582a54dc";

#[test]
fn guest_keys() {
    Case::new(KeyRequest::new(KeySelect::Vcek), IdBlockKey::None).check(MIX_A, KEY_A);
    Case::with_every_field(KeySelect::Vcek, IdBlockKey::Id(DIGEST)).check(MIX_B, KEY_B);
    let with_author = MIX_B.replacen("02", "05", 1);
    Case::with_every_field(RootKeySelect::VMRK, IdBlockKey::Author(DIGEST))
        .check(&with_author, KEY_C);
    let older = TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x44]);
    let request = KeyRequest::new(KeySelect::Vcek).with_tcb_version(older);
    Case::new(request, IdBlockKey::None).check(MIX_D, KEY_D);
}

/// Its name, what it changes, and what the firmware then says.
type Check = (&'static str, fn(&mut Case), Result<(), Status>);

/// One thing after the other that the firmware refuses, in the order of its checks, and what is just not refused.
const CHECKS: &[Check] = &[
    ("nothing", |_| (), Ok(())),
    ("masked", |case| case.mask_chip_key = true, Err(Status::INVALID_KEY)),
    (
        "masked, with a VLEK",
        |case| {
            case.mask_chip_key = true;
            case.vlek = Some(provider_sticks());
            case.request.root_key_select = KeySelect::Vlek.into();
        },
        Err(Status::INVALID_KEY),
    ),
    (
        "KEY_SEL 3",
        |case| case.request.root_key_select = RootKeySelect::from_bits(0b110).unwrap(),
        Err(Status::INVALID_KEY),
    ),
    (
        "no VLEK",
        |case| {
            case.vlek = None;
            case.request.root_key_select = KeySelect::Vlek.into();
        },
        Err(Status::INVALID_KEY),
    ),
    (
        "a VLEK of zeros",
        |case| {
            case.request.root_key_select = KeySelect::Vlek.into();
            case.vlek = Some(VlekSticks::new([(); 8].map(|()| HashStick::new(&[0; 48]))));
        },
        Err(Status::INVALID_KEY),
    ),
    ("no VCEK for the guest", |case| case.vcek_dis = true, Err(Status::INVALID_KEY)),
    (
        "no VCEK for the guest, and a VLEK that it does not ask for",
        |case| {
            case.vcek_dis = true;
            case.vlek = Some(provider_sticks());
            case.request.root_key_select = KeySelect::Vcek.into();
        },
        Err(Status::INVALID_KEY),
    ),
    (
        "no VCEK for the guest, and no VLEK",
        |case| {
            case.vcek_dis = true;
            case.request.root_key_select = KeySelect::VlekOrVcek.into();
        },
        Err(Status::INVALID_KEY),
    ),
    ("VMPL below VMPCK", |case| case.vmpck = 2, Err(Status::INVALID_PARAM)),
    ("VMPL of VMPCK", |case| case.vmpck = 1, Ok(())),
    (
        "unknown field",
        |case| case.request = case.request.with_fields(GuestFieldSelect(1 << 7)),
        Err(Status::INVALID_PARAM),
    ),
    (
        "last unknown field",
        |case| case.request = case.request.with_fields(GuestFieldSelect(1 << 63)),
        Err(Status::INVALID_PARAM),
    ),
    (
        "version 2's field in version 1",
        |case| case.request = case.request.with_fields(GuestFieldSelect::LAUNCH_MIT_VECTOR),
        Err(Status::INVALID_PARAM),
    ),
    ("boot loader above", |case| tcb(case, 0, 4), Err(Status::INVALID_PARAM)),
    ("TEE above", |case| tcb(case, 1, 1), Err(Status::INVALID_PARAM)),
    ("byte 2", |case| tcb(case, 2, 1), Err(Status::INVALID_PARAM)),
    ("byte 5", |case| tcb(case, 5, 1), Err(Status::INVALID_PARAM)),
    ("SNP above", |case| tcb(case, 6, 9), Err(Status::INVALID_PARAM)),
    ("microcode above", |case| tcb(case, 7, 0x74), Err(Status::INVALID_PARAM)),
    (
        "a reserved byte that is not above",
        |case| {
            case.committed_tcb = TcbVersion::new([3, 0, 1, 0, 0, 0, 8, 0x73]);
            tcb(case, 2, 1);
        },
        Err(Status::INVALID_PARAM),
    ),
    ("GUEST_SVN above", |case| case.guest_svn = 4, Err(Status::INVALID_PARAM)),
    (
        "no sticks for the version",
        |case| case.sticks = HashSticks::new(&chip(), TcbVersion::new([2, 0, 0, 0, 0, 0, 8, 0x73])),
        Err(Status::INVALID_KEY),
    ),
];

/// Sets one byte of the request's TCB version.
fn tcb(case: &mut Case, index: usize, version: u8) {
    let mut bytes = case.request.tcb_version.bytes();
    bytes[index] = version;
    case.request.tcb_version = TcbVersion::new(bytes);
}

#[test]
fn what_the_firmware_refuses() {
    for (name, change, wanted) in CHECKS {
        let mut case = Case::with_every_field(KeySelect::Vcek, IdBlockKey::Id(DIGEST));
        change(&mut case);
        let key = case.derive();
        assert_eq!(key.clone().map(|_| ()), *wanted, "{name}");
        assert!(key.is_err() || key.as_deref() == Ok(KEY_B), "{name}");
    }
}

/// Of two things that are wrong the first one in the order of checks is named.
#[test]
fn the_first_refusal_counts() {
    for (i, (name, change, _)) in CHECKS.iter().enumerate() {
        for (later_name, later, _) in &CHECKS[i + 1..] {
            let outcome = |changes: &[fn(&mut Case)]| {
                let mut case = Case::with_every_field(KeySelect::Vcek, IdBlockKey::Id(DIGEST));
                changes.iter().for_each(|change| change(&mut case));
                case.derive().map(|_| ())
            };
            let (first, second) = (outcome(&[*change]), outcome(&[*later]));
            // The later change is made first: where both set the same thing, it is this one that stays.
            let both = outcome(&[*later, *change]);
            assert_eq!(both, first.and(second), "{name}, {later_name}");
        }
    }
}

#[test]
fn the_reserved_bytes_are_the_products() {
    // TEE and SNP of Turin stand where Milan and Genoa have reserved bytes.
    let version = TcbVersion::new([1, 1, 1, 4, 0, 0, 0, 0x51]);
    let mut case =
        Case::new(KeyRequest::new(KeySelect::Vcek).with_tcb_version(version), IdBlockKey::None);
    case.committed_tcb = version;
    case.sticks = HashSticks::new(&chip(), version);
    assert_eq!(case.derive(), Err(Status::INVALID_PARAM));
    case.product = Product::Turin;
    assert!(case.derive().is_ok());
}

/// What is not selected is neither checked nor mixed in.
#[test]
fn what_is_not_selected_does_not_count() {
    let mut case = Case::new(KeyRequest::new(KeySelect::Vcek), IdBlockKey::None);
    case.guest_svn = 0;
    case.request.guest_svn = 7;
    case.request.tcb_version = TcbVersion::new([0xff; 8]);
    case.check(MIX_A, KEY_A);
    let changes: [fn(&mut GuestIdentity); 4] = [
        |identity| identity.policy = GuestPolicy(0xb_0000),
        |identity| identity.image_id = [0; 16],
        |identity| identity.family_id = [0; 16],
        |identity| identity.measurement = [0; 48],
    ];
    for change in changes {
        change(&mut case.identity);
        assert_eq!(case.derive().as_deref(), Ok(KEY_A));
    }
    case.identity.host_data = [0; 32];
    assert_ne!(case.derive().as_deref(), Ok(KEY_A));
}

/// Each field of the guest that is selected, and the bytes of digests that are left out.
#[test]
fn what_is_selected_counts() {
    let derive = |change: fn(&mut Case)| {
        let mut case = Case::with_every_field(KeySelect::Vcek, IdBlockKey::Id(DIGEST));
        change(&mut case);
        case.derive().unwrap()
    };
    assert_eq!(derive(|_| ()), KEY_B);
    let changes: &[fn(&mut Case)] = &[
        |case| case.identity.policy = GuestPolicy(0x3_0001),
        |case| case.identity.image_id[15] ^= 1,
        |case| case.identity.family_id[15] ^= 1,
        |case| case.identity.measurement[31] ^= 1,
        |case| case.identity.host_data[31] ^= 1,
        |case| case.identity.id_block_key = IdBlockKey::Author(DIGEST),
        |case| case.identity.id_block_key = IdBlockKey::None,
        |case| case.request.guest_svn = 4,
        |case| case.request.vmpl = 2,
        |case| tcb(case, 7, 0x72),
        |case| case.request.root_key_select = RootKeySelect::VMRK,
    ];
    for (i, change) in changes.iter().enumerate() {
        assert_ne!(derive(*change), KEY_B, "change {i}");
    }
    assert_eq!(derive(|case| case.identity.measurement[32] ^= 1), KEY_B);
    let mut digest = DIGEST;
    digest[32..].fill(0);
    let mut case = Case::with_every_field(KeySelect::Vcek, IdBlockKey::Id(digest));
    assert_eq!(case.derive().as_deref(), Ok(KEY_B));
    // KEY_SEL itself is not mixed in.
    case.request.root_key_select = KeySelect::VlekOrVcek.into();
    assert_eq!(case.derive().as_deref(), Ok(KEY_B));
}

/// The VLEK is taken where it is there, also by a guest that may not have the VCEK, and is as it is at any TCB version.
#[test]
fn keys_from_the_vlek() {
    let mut case = Case::with_every_field(KeySelect::Vcek, IdBlockKey::None);
    case.vlek = Some(provider_sticks());
    case.vcek_dis = true;
    case.has_vcek = false;
    for microcode in [0x73, 0x44] {
        tcb(&mut case, 7, microcode);
        let mix_data = case.identity.mix_data(&case.request);
        let wanted = mix_data.derive(RootKey::Stick(provider_sticks().stick_7()));
        for select in [KeySelect::VlekOrVcek, KeySelect::Vlek] {
            case.request.root_key_select = select.into();
            assert_eq!(case.derive(), Ok(text(wanted.as_bytes())));
        }
    }
}

/// The VMRK is no key of the platform: what forbids those does not matter.
#[test]
fn keys_from_the_vmrk() {
    let mut case = Case::with_every_field(RootKeySelect::VMRK, IdBlockKey::Author(DIGEST));
    (case.mask_chip_key, case.vcek_dis, case.has_vcek) = (true, true, false);
    for key_select in 0..4 {
        case.request.root_key_select = RootKeySelect::from_bits(1 | key_select << 1).unwrap();
        assert_eq!(case.derive().as_deref(), Ok(KEY_C));
    }
    case.vmrk = None;
    assert_eq!(case.derive(), Err(Status::INVALID_KEY));
    case.vmpck = 2;
    assert_eq!(case.derive(), Err(Status::INVALID_PARAM));
}

/// Without a TCB version the kept VCEK is the root.
#[test]
fn keys_without_a_vcek() {
    let mut case = Case::new(KeyRequest::new(KeySelect::Vcek), IdBlockKey::None);
    case.has_vcek = false;
    assert_eq!(case.derive(), Err(Status::INVALID_KEY));
}

/// MODEL: version 2 appends the vector.
#[test]
fn keys_with_a_mitigation_vector() {
    let mut case = Case::new(KeyRequest::new(KeySelect::Vcek), IdBlockKey::None);
    let mix_data = |case: &Case| text(case.identity.mix_data(&case.request).as_bytes());
    case.request.launch_mit_vector = Some(0x0102_0304_0506_0708);
    assert_eq!(mix_data(&case), [MIX_A, "0000000000000000"].concat());
    let without = case.derive().unwrap();
    assert_ne!(without, KEY_A, "the length of the data is part of it");

    case.request = case.request.with_fields(GuestFieldSelect::LAUNCH_MIT_VECTOR);
    assert_eq!(mix_data(&case)[16..32], *"4000000000000000");
    assert_eq!(mix_data(&case)[MIX_A.len()..], *"0807060504030201");
    assert_ne!(case.derive().unwrap(), without);
}

#[test]
fn nothing_is_printed() {
    let sticks = sticks();
    let printed = [
        format!("{:?} {:?} {sticks:?}", chip(), sticks.stick_7()),
        format!("{:?} {:?}", provider_sticks(), PrivateKey::vcek(sticks.stick_7())),
        format!("{:?} {:?}", Vmrk::new(&[1; 32]), RootKey::Stick(sticks.stick_7())),
    ];
    assert_eq!(
        printed,
        [
            "ChipSecret(..) HashStick(..) HashSticks(0300000000000873, ..)",
            "VlekSticks(..) PrivateKey(..)",
            "Vmrk(..) Stick(HashStick(..))",
        ]
    );
}
