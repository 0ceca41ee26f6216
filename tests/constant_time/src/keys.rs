//! Keys of an SNP platform and its guests, signatures and Diffie-Hellman: secrets of chips, sticks, scalars, nonces and shared
//! secrets; public keys and signatures are not.

use std::hint::black_box;

use sevcrypt::ecdh;
use sevcrypt::ecdsa::{Signature, Signer, SignerSha256, SigningError, SigningKey, VerifyingKey};
use sevcrypt::snp::GuestPolicy;
use sevcrypt::snp::id_block::IdBlock;
use sevcrypt::snp::keys::{
    ChipSecret, DerivedKey, GuestFacts, GuestIdentity, HashStick, HashSticks, IdBlockKey,
    KeyRequest, KeySelect, PlatformFacts, PrivateKey, RootKey, RootKeySelect, VlekSticks, Vmrk,
    derive_guest_key,
};
use sevcrypt::snp::report::Draft;
use sevcrypt::snp::tcb::{Product, TcbVersion};
use sevcrypt::{Backend, Status, kdf};

use crate::{public, secret};

/// So high that few hashes are between it and a chip's secret.
const TCB: TcbVersion = TcbVersion::new([250, 255, 0, 0, 0, 0, 251, 249]);
const OLDER: TcbVersion = TcbVersion::new([248, 255, 0, 0, 0, 0, 251, 249]);

/// A key whose signatures everyone may know.
pub(crate) struct Signing<'k>(pub(crate) &'k SigningKey);

impl Signer for Signing<'_> {
    type Error = SigningError;

    fn sign_sha384(&self, message: &[u8]) -> Result<Signature, SigningError> {
        self.0.sign_sha384(message).map(known)
    }
}

impl SignerSha256 for Signing<'_> {
    type Error = SigningError;

    fn sign_sha256(&self, message: &[u8]) -> Result<Signature, SigningError> {
        self.0.sign_sha256(message).map(known)
    }
}

fn known(signature: Signature) -> Signature {
    let bytes = signature.to_amd();
    public(&bytes);
    Signature::from_amd(&bytes).expect("a signature")
}

/// The public key, which everyone may know.
fn public_key(key: &SigningKey) -> VerifyingKey {
    let point = key.verifying_key().to_sec1();
    public(&point);
    VerifyingKey::from_sec1(&point).expect("a point of the curve")
}

/// The key derivation: key and context are secrets.
pub(crate) fn derivation() {
    let mut out = [0; 56];
    kdf::derive(&secret([3; 48]), b"label", &secret([4; 168]), &mut out).expect("a short key");
    black_box(out);
}

fn sticks() -> HashSticks {
    HashSticks::new(&ChipSecret::new(&secret([6; 48])), TCB)
}

/// From a chip's secret to its sticks, and from a boot loader's sticks to the last.
pub(crate) fn hash_sticks() {
    let sticks = sticks();
    let older = sticks.at(OLDER).expect("an older version");
    let parts = older.sticks().each_ref().map(HashStick::as_bytes);
    let [first @ .., _] = parts.map(|stick| *stick);
    let same = HashSticks::from_parts(OLDER, &first, older.base_7());
    let mut last = [*same.stick_7().as_bytes(), *older.stick_7().as_bytes()];
    last.iter_mut().for_each(|stick| public(stick));
    assert_eq!(last[0], last[1]);
    let same = sticks.at(TCB).expect("the same version");
    black_box(same.stick_7());
}

/// Sticks on their way to a chip, with tags that are right and wrong.
pub(crate) fn vlek_sticks(backend: Backend) {
    let chip = HashStick::new(&secret([8; 48]));
    let sticks = VlekSticks::new([9; 8].map(|byte| HashStick::new(&secret([byte; 48]))));
    assert!(sticks.is_installed());
    assert!(
        !VlekSticks::new([0; 8].map(|byte| HashStick::new(&secret([byte; 48])))).is_installed()
    );
    let mut blob = sticks.wrap(&chip, TCB, &[1; 12], backend);
    public(&blob);
    let loaded = VlekSticks::unwrap(&blob, &chip, TCB, backend).expect("its tag");
    black_box(loaded.stick_7());
    blob[20] ^= 1;
    let refused = VlekSticks::unwrap(&blob, &chip, TCB, backend).err();
    assert_eq!(refused, Some(Status::BAD_MEASUREMENT));
}

/// The private keys of VCEK and VLEK, and the signature of a report.
pub(crate) fn endorsement() {
    let stick_7 = HashStick::new(&secret([10; 48]));
    black_box(PrivateKey::vlek(&stick_7).scalar());
    let vcek = PrivateKey::vcek(&stick_7).signing_key();
    let draft = Draft::new(3).measurement(&[0xab; 48]).report_data(&[1; 64]);
    black_box(draft.sign(&Signing(&vcek)).expect("a signature"));
}

const IDENTITY: GuestIdentity = GuestIdentity {
    policy: GuestPolicy(0x3_0000),
    image_id: [0; 16],
    family_id: [0; 16],
    measurement: [0xab; 48],
    host_data: [0; 32],
    id_block_key: IdBlockKey::None,
};

/// A key for a guest, as a secret.
pub(crate) fn derived_key() -> DerivedKey {
    let request = KeyRequest::new(KeySelect::Vcek);
    IDENTITY.mix_data(&request).derive(RootKey::Stick(&HashStick::new(&secret([11; 48]))))
}

/// Guests' keys from each root: the request and what is mixed in are public.
pub(crate) fn guest_keys() {
    black_box(derived_key());
    let (sticks, vmrk) = (sticks(), Vmrk::new(&secret([12; 32])));
    let vlek = VlekSticks::from(&sticks);
    let guest = GuestFacts { identity: IDENTITY, guest_svn: 0, vcek_dis: false, vmrk: Some(&vmrk) };
    let platform = PlatformFacts {
        product: Product::Milan,
        mask_chip_key: false,
        committed_tcb: TCB,
        sticks: &sticks,
        vcek: Some(sticks.stick_7()),
        vlek: Some(&vlek),
    };
    for request in [
        KeyRequest::new(RootKeySelect::VMRK),
        KeyRequest::new(KeySelect::VlekOrVcek),
        KeyRequest::new(KeySelect::Vcek),
        KeyRequest::new(KeySelect::Vcek).with_tcb_version(OLDER),
    ] {
        black_box(derive_guest_key(&request, 0, &guest, &platform).expect("its root"));
    }
}

/// Keys from scalars and from random bytes, kept and read again, and signatures of both kinds.
pub(crate) fn signing() {
    let scalar = SigningKey::from_random(&secret([0x11; 56])).to_scalar();
    let key = SigningKey::from_scalar(&scalar).expect("a scalar");
    let signature = Signing(&key).sign_sha384(b"what is signed is public").expect("a signature");
    assert!(public_key(&key).verify_vartime(b"what is signed is public", &signature));
    let signature = Signing(&key).sign_sha256(b"what is signed is public").expect("a signature");
    assert!(public_key(&key).verify_sha256_vartime(b"what is signed is public", &signature));
    for refused in [[0; 48], [0xff; 48]] {
        assert!(SigningKey::from_scalar(&secret(refused)).is_none());
    }
}

/// Z from both ends' keys.
pub(crate) fn agreement() {
    let scalar = ecdh::PrivateKey::from_random(&secret([0x12; 56])).to_scalar();
    let own = ecdh::PrivateKey::from_scalar(&scalar).expect("a scalar");
    let point = own.public_key().to_sec1();
    public(&point);
    let own_public = ecdh::PublicKey::from_sec1(&point).expect("a point of the curve");
    black_box(own.agree(&own_public).as_bytes());
    for refused in [[0; 48], [0xff; 48]] {
        assert!(ecdh::PrivateKey::from_scalar(&secret(refused)).is_none());
    }
}

/// An ID block signed by the ID key, and that by the author key.
pub(crate) fn id_blocks() {
    let key = SigningKey::from_scalar(&secret([0x13; 48])).expect("a scalar");
    let id = IdBlock::new([0xab; 48]).sign(&public_key(&key), &Signing(&key)).expect("its key");
    let author = SigningKey::from_scalar(&secret([0x14; 48])).expect("a scalar");
    black_box(id.key.sign(&public_key(&author), &Signing(&author)).expect("its key"));
}
