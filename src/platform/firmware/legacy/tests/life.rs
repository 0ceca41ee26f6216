//! Whole lives of guests: launched, attested, sent, received.

use super::*;
use crate::platform::ca::TestCa;
use crate::sev::cert::{AmdCertificate, AmdCertificates, Trust, verify};
use crate::sev::report::{AttestationReport, Expected};
use crate::vmsa::Vmsa;

/// API 1.55, NODBG.
const SEV: u32 = 0x3701_0001;
/// The same with ES.
const ES: u32 = 0x3701_0005;

fn secret(rig: &Rig, handle: u32, header: &PacketHeader, packet: &[u8], to: u64) {
    rig.put(HEADER, &header.to_bytes());
    rig.put(PACKET, packet);
    rig.run(SevLaunchSecret {
        handle,
        hdr_paddr: HEADER,
        hdr_len: 52,
        guest_paddr: to,
        guest_len: packet.len() as u32,
        trans_paddr: PACKET,
        trans_len: packet.len() as u32,
    })
    .unwrap();
}

/// From the owner's session to a guest that runs with its secret; the owner believes nothing that it has not checked.
fn whole_launch(policy: u32, asid: u32) {
    let rig = Rig::init();
    assert_eq!(rig.platform_status().state, 1);
    let session = rig.session(policy, 0x21);
    let handle = rig.launch_start(policy);
    assert_eq!((handle, rig.platform_status().state), (1, 2));
    rig.run(SevActivate { handle, asid }).unwrap();
    assert_eq!(rig.status(handle), SevGuestStatus { handle, policy, asid, state: 1 });

    // More than the firmware takes at a time, and not whole pages.
    let image: Vec<u8> = (0..0x6010u32).map(|i| (i % 253) as u8).collect();
    rig.put(GUEST, &image);
    let len = image.len() as u32;
    rig.run(SevLaunchUpdateData { handle, paddr: GUEST, len }).unwrap();
    let mut digest = LaunchDigest::new();
    digest.update_data(&image).unwrap();
    assert_eq!(rig.text(asid, GUEST, image.len()), image);
    assert_ne!(rig.take(GUEST, image.len()), image);
    let es = GuestPolicy(policy).es();
    let areas = [0x1_0000, 0x1_1000].map(|at| GUEST + at).into_iter().filter(|_| es);
    for (number, paddr) in areas.enumerate() {
        let vmsa: [u8; 4096] = painted(0x40 + number as u8).try_into().unwrap();
        rig.put(paddr, &vmsa);
        rig.run(SevLaunchUpdateVmsa { handle, paddr, len: 4096 }).unwrap();
        digest.update_vmsa(&vmsa);
        let text = rig.text(asid, paddr, 4096);
        let block = TMR + 0x8_0000 + 8 * number as u64;
        assert_eq!(text[0x380..0x390], [[0; 8], block.to_le_bytes()].concat());
        assert_eq!((&text[..0x380], &text[0x390..]), (&vmsa[..0x380], &vmsa[0x390..]));
    }
    let digest = digest.digest();

    let measurement = rig.measure(handle);
    assert_eq!(rig.status(handle).state, 2);
    let attested =
        Attested::check(session, VERSION, &digest, &measurement, Backend::portable()).unwrap();
    let text = *b"the passphrase of the disk......";
    let mut packet = text;
    let header = attested.seal_secret(PacketIv::from_random([9; 16]), &mut packet).unwrap();
    secret(&rig, handle, &header, &packet, GUEST + 0x2_0000);
    assert_eq!(rig.text(asid, GUEST + 0x2_0000, 32), text);
    rig.run(SevLaunchFinish { handle }).unwrap();
    assert_eq!(rig.status(handle).state, 3);

    let attestation = SevAttestation { handle, paddr: OUT, mnonce: [7; 16], len: 208 };
    rig.run(attestation).unwrap();
    let report = AttestationReport::from_bytes(&rig.take(OUT, 208).try_into().unwrap());
    let expected = Expected { mnonce: &[7; 16], digest: &digest, policy: GuestPolicy(policy) };

    // The platform is the test CA's, from its root down to the PEK.
    let ca = TestCa::published(Product::Genoa).unwrap();
    let chain = ca.sev_chain().unwrap();
    let [ask, ark] = AmdCertificate::parse_chain(&chain).unwrap();
    let cek = ca.sev_cek(&chip()).unwrap();
    let certificates = PlatformCertificates { cek, ..rig.certificates() };
    let amd = AmdCertificates { ask: Some(ask), ark: Some(ark) };
    let verified = verify(&certificates, amd, &Trust::only(&[ark])).unwrap();
    report.judge_vartime(verified.pek(), &expected).unwrap();

    // The end: its ASID first.
    rig.refuses(SevDecommission { handle }, Status::ACTIVE);
    rig.run(SevDeactivate { handle }).unwrap();
    assert_eq!(rig.status(handle).asid, 0);
    rig.run(SevDecommission { handle }).unwrap();
    assert_eq!((rig.status(handle).state, rig.platform_status().state), (0, 1));
    assert_eq!(rig.platform_status().guest_count, 0);
}

#[test]
fn sev_guest() {
    whole_launch(SEV, 100);
}

#[test]
fn sev_es_guest() {
    whole_launch(ES, 99);
}

/// Two platforms of the test CA, which both name its root in their fuses.
struct Pair {
    old: Rig,
    new: Rig,
    amd: Vec<u8>,
    cek: Certificate,
}

impl Pair {
    fn new() -> Self {
        let ca = TestCa::published(Product::Genoa).unwrap();
        let (old, new) = (Rig::init(), Chip::new(Product::Genoa, &[3; 48], &[4; 32]));
        let cek = ca.sev_cek(&new).unwrap();
        let new = Rig::with(new, MEMORY);
        // Other random bytes than the old one's.
        new.script.push(&[0x99; 168]);
        new.init_es();
        for rig in [&old, &new] {
            rig.machine.fuse_sev_root(&ca.sev_ark().unwrap()).unwrap();
        }
        Self { old, new, amd: ca.sev_chain().unwrap(), cek }
    }

    /// SEND_START with everything of the new platform.
    fn send_start(&self, handle: u32) -> SevSendStart {
        let certificates =
            PlatformCertificates { cek: self.cek.clone(), ..self.new.certificates() };
        self.old.put(CERTIFICATE, certificates.pdh.as_bytes());
        self.old.put(CHAIN, &certificates.chain());
        self.old.put(AMD_CHAIN, &self.amd);
        SevSendStart {
            handle,
            pdh_paddr: CERTIFICATE,
            pdh_len: 2084,
            plat_certs_paddr: CHAIN,
            plat_certs_len: 6252,
            amd_certs_paddr: AMD_CHAIN,
            amd_certs_len: self.amd.len() as u32,
            session_paddr: OUT,
            session_len: 128,
            ..Default::default()
        }
    }

    /// The same owner for both: what DOMAIN asks for.
    fn own(&self) {
        use crate::ecdsa::SigningKey;
        use crate::sev::keys::Oca;
        let oca = Oca::new(SigningKey::from_random(&[9; 56])).unwrap();
        for rig in [&self.old, &self.new] {
            rig.run(SevPekCsr { csr_paddr: OUT, csr_len: 2084 }).unwrap();
            let csr = Certificate::parse(&rig.take(OUT, 2084)).unwrap();
            rig.put(CERTIFICATE, oca.sign_csr(&csr).unwrap().as_bytes());
            rig.put(CHAIN, oca.certificate().as_bytes());
            rig.run(SevPekCertImport {
                pek_paddr: CERTIFICATE,
                pek_len: 2084,
                oca_paddr: CHAIN,
                oca_len: 2084,
            })
            .unwrap();
            assert_eq!(rig.platform_status().flags, 1);
        }
    }

    /// Carries what lies at HEADER and PACKET to the other machine.
    fn carry(&self, len: usize) {
        self.new.put(HEADER, &self.old.take(HEADER, 52));
        self.new.put(PACKET, &self.old.take(PACKET, len));
    }
}

/// A page or save area on its way.
fn update<C: Command>(handle: u32, guest_paddr: u64, len: u32) -> C {
    as_command(&SevSendUpdateData {
        handle,
        hdr_paddr: HEADER,
        hdr_len: 52,
        guest_paddr,
        guest_len: len,
        trans_paddr: PACKET,
        trans_len: len,
    })
}

/// Commands of packets have one buffer.
fn as_command<C: Command>(command: &SevSendUpdateData) -> C {
    let mut buffer = [0; SevSendUpdateData::LEN];
    command.write(&mut buffer);
    C::get(&buffer)
}

#[test]
fn sent_to_another_machine() {
    for policy in [ES, ES | 1 << 5, SEV] {
        let pair = Pair::new();
        let Pair { old, new, .. } = &pair;
        let es = GuestPolicy(policy).es();
        let asid = if es { 5 } else { 105 };
        let handle = old.launch(policy, Some(asid));
        let page = painted(0x11);
        old.put(GUEST, &page);
        old.run(SevLaunchUpdateData { handle, paddr: GUEST, len: 4096 }).unwrap();
        if es {
            old.put(GUEST + 0x1000, &painted(0x22));
            let vmsa = SevLaunchUpdateVmsa { handle, paddr: GUEST + 0x1000, len: 4096 };
            old.run(vmsa).unwrap();
        }
        old.measure(handle);
        old.run(SevLaunchFinish { handle }).unwrap();

        let started = old.run(pair.send_start(handle)).unwrap();
        assert_eq!((started.policy, old.status(handle).state), (policy, 4));
        new.put(SESSION, &old.take(OUT, 128));
        new.put(CERTIFICATE, old.certificates().pdh.as_bytes());
        let received = new.run(receive_start(policy)).unwrap().handle;
        let new_asid = asid + 1;
        new.run(SevActivate { handle: received, asid: new_asid }).unwrap();
        assert_eq!(new.status(received).state, 5);

        old.run(update::<SevSendUpdateData>(handle, GUEST, 4096)).unwrap();
        assert_ne!(old.take(PACKET, 4096), page);
        pair.carry(4096);
        let to = GUEST + 0x3000;
        new.run(update::<SevReceiveUpdateData>(received, to, 4096)).unwrap();
        assert_eq!(new.text(new_asid, to, 4096), page);

        if es {
            old.run(update::<SevSendUpdateVmsa>(handle, GUEST + 0x1000, 4096)).unwrap();
            pair.carry(4096);
            let to = GUEST + 0x4000;
            new.run(update::<SevReceiveUpdateVmsa>(received, to, 4096)).unwrap();
            let text = new.text(new_asid, to, 4096);
            let vmsa = painted(0x22);
            assert_eq!((&text[..0x380], &text[0x390..]), (&vmsa[..0x380], &vmsa[0x390..]));
            // A check block of the new platform's, with which it can be sent again.
            let state = new.machine.lock();
            let guests = &state.legacy.platform.as_ref().unwrap().guests;
            let vmsa = Vmsa::from_bytes(text.first_chunk().unwrap());
            assert_eq!(vmsa.check_integrity(&guests[&received].check_blocks()), Ok(()));
        }
        old.run(SevSendFinish { handle }).unwrap();
        new.run(SevReceiveFinish { handle: received }).unwrap();
        assert_eq!((old.status(handle).state, new.status(received).state), (6, 3));

        // What came has no launch digest, and what went keeps its own.
        for (rig, handle, is_here) in [(old, handle, false), (new, received, true)] {
            let report = SevAttestation { handle, paddr: OUT, mnonce: [1; 16], len: 208 };
            rig.run(report).unwrap();
            assert_eq!(rig.take(OUT + 0x10, 32) == [0; 32], is_here);
        }
        // It can go on from there.
        if !GuestPolicy(policy).sev() {
            new.send(received);
            assert_eq!(new.status(received).state, 4);
            new.run(SevSendCancel { handle: received }).unwrap();
            assert_eq!(new.status(received).state, 3);
        }
    }
}

/// DOMAIN, alone and with SEV.
#[test]
fn sent_within_a_domain() {
    for policy in [SEV | 1 << 4, SEV | 3 << 4] {
        let pair = Pair::new();
        let handle = pair.old.running(policy, 105);
        pair.old.refuses(pair.send_start(handle), Status::POLICY_FAILURE);
        pair.old.run(SevDeactivate { handle }).unwrap();
        pair.old.run(SevDecommission { handle }).unwrap();
        pair.own();
        pair.old.flush();
        let handle = pair.old.running(policy, 105);
        pair.old.run(pair.send_start(handle)).unwrap();
        assert_eq!(pair.old.status(handle).state, 4);
    }
}

/// What SEND_START refuses, in its order.
#[test]
fn receivers() {
    let pair = Pair::new();
    let old = &pair.old;
    let handle = old.running(SEV | 1 << 5, 105);
    let nosend = old.running(SEV | 1 << 3, 106);
    let lupdate = old.launch(SEV, None);
    let good = pair.send_start(handle);
    old.put(HOST, &[0xee; 0x2000]);
    let mut wrong_ark = pair.amd.clone();
    wrong_ark[3199] ^= 1;
    old.put(HOST + 0x2000, &wrong_ark);
    assert_eq!((nosend, lupdate), (2, 3));
    old.in_order(
        &good,
        &[
            (|c| c.handle = 0, Status::INVALID_GUEST),
            (|c| c.handle = 4, Status::INVALID_GUEST),
            (|c| c.session_len = 127, Status::INVALID_LENGTH),
            (|c| c.session_len = 129, Status::INVALID_LENGTH),
            (|c| c.handle = 3, Status::INVALID_GUEST_STATE),
            (|c| c.handle = 2, Status::POLICY_FAILURE),
            (|c| c.plat_certs_len = 6251, Status::INVALID_LENGTH),
            (|c| c.pdh_len = 2085, Status::INVALID_LENGTH),
            (|c| c.amd_certs_len = 1600, Status::INVALID_LENGTH),
            (|c| c.plat_certs_paddr = NOWHERE, Status::INVALID_ADDRESS),
            (|c| c.pdh_paddr = NOWHERE, Status::INVALID_ADDRESS),
            (|c| c.amd_certs_paddr = TMR, Status::INVALID_ADDRESS),
            (|c| c.amd_certs_paddr = HOST, Status::INVALID_CERTIFICATE),
            (|c| c.amd_certs_paddr = HOST + 0x2000, Status::BAD_SIGNATURE),
            (|c| c.plat_certs_paddr = HOST, Status::INVALID_CERTIFICATE),
            (|c| c.pdh_paddr = HOST, Status::INVALID_CERTIFICATE),
            (|c| c.session_paddr = NOWHERE, Status::INVALID_ADDRESS),
            (|c| c.session_paddr = TMR + 0xf_ff90, Status::INVALID_ADDRESS),
        ],
    );
    // The length is written back.
    let mut buffer = [0; SevSendStart::LEN];
    SevSendStart { session_len: 0, ..good }.write(&mut buffer);
    assert_eq!(old.machine.command(SevSendStart::ID, &mut buffer), Status::INVALID_LENGTH);
    assert_eq!(SevSendStart::get(&buffer).session_len, 128);
}

/// A policy that asks for newer firmware than the receiver's, which a launch without a session does not look at.
#[test]
fn receivers_that_are_older() {
    let pair = Pair::new();
    let handle = pair.old.running(0x3801_0020, 105);
    pair.old.refuses(pair.send_start(handle), Status::POLICY_FAILURE);
}

/// Without a root of its own, a platform trusts AMD's.
#[test]
fn the_root_is_the_fuses() {
    let pair = Pair::new();
    let handle = pair.old.running(SEV | 1 << 5, 105);
    pair.old.machine.lock().legacy.root = None;
    pair.old.refuses(pair.send_start(handle), Status::INVALID_CERTIFICATE);
}

/// A packet is refused by whoever it is not for, and so is one that was changed.
#[test]
fn packets() {
    let pair = Pair::new();
    let Pair { old, new, .. } = &pair;
    let handle = old.running(SEV, 105);
    Bus(&old.machine).write_guest(Asid::new(105), GUEST, &painted(1)).unwrap();
    old.run(pair.send_start(handle)).unwrap();
    new.put(SESSION, &old.take(OUT, 128));
    new.put(CERTIFICATE, old.certificates().pdh.as_bytes());
    let received = new.run(receive_start(SEV)).unwrap().handle;
    new.run(SevActivate { handle: received, asid: 105 }).unwrap();
    let (other, _) = new.receive(SEV, 106);
    old.run(update::<SevSendUpdateData>(handle, GUEST, 4096)).unwrap();
    pair.carry(4096);
    let take = |handle| update::<SevReceiveUpdateData>(handle, GUEST, 4096);
    new.refuses(take(other), Status::BAD_MEASUREMENT);
    for (at, status) in [
        (HEADER, Status::UNSUPPORTED),
        (HEADER + 1, Status::BAD_MEASUREMENT),
        (HEADER + 19, Status::BAD_MEASUREMENT),
        (HEADER + 51, Status::BAD_MEASUREMENT),
        (PACKET, Status::BAD_MEASUREMENT),
        (PACKET + 4095, Status::BAD_MEASUREMENT),
    ] {
        let byte = new.take(at, 1)[0];
        new.put(at, &[byte ^ 1]);
        new.refuses(take(received), status);
        new.put(at, &[byte]);
    }
    new.run(take(received)).unwrap();
    // The same packet again, elsewhere: nothing forbids it.
    new.run(update::<SevReceiveUpdateData>(received, GUEST + 0x1000, 4096)).unwrap();
    assert_eq!(new.text(105, GUEST, 0x1000), new.text(105, GUEST + 0x1000, 0x1000));
}

/// Guests that share a key read each other's memory; others do not.
#[test]
fn shared_keys() {
    let rig = Rig::init();
    let first = rig.launch(0, Some(100));
    let shared = SevLaunchStart { handle: first, ..Default::default() };
    let second = rig.run(shared).unwrap().handle;
    let third = rig.launch(0, Some(102));
    rig.run(SevActivate { handle: second, asid: 101 }).unwrap();
    Bus(&rig.machine).write_guest(Asid::new(100), GUEST, b"sixteen letters.").unwrap();
    assert_eq!(rig.text(101, GUEST, 16), b"sixteen letters.");
    assert_ne!(rig.text(102, GUEST, 16), b"sixteen letters.");
    assert_eq!((first, second, third), (1, 2, 3));

    rig.refuses(SevLaunchStart { handle: 9, ..shared }, Status::INVALID_GUEST);
    rig.refuses(SevLaunchStart { policy: 1, ..shared }, Status::POLICY_FAILURE);
    let noks = rig.launch(2, None);
    let noks = SevLaunchStart { handle: noks, policy: 2, ..shared };
    rig.refuses(noks, Status::POLICY_FAILURE);
}

#[test]
fn roots_that_are_none() {
    let rig = Rig::new();
    let ca = TestCa::published(Product::Genoa).unwrap();
    let ark = ca.sev_ark().unwrap();
    for wrong in [
        ca.sev_ask().unwrap(),
        ark[..1599].to_vec(),
        [&ark[..], &[0]].concat(),
        [&ark[..1599], &[ark[1599] ^ 1]].concat(),
        vec![],
    ] {
        assert!(rig.machine.fuse_sev_root(&wrong).is_err());
        assert!(rig.machine.lock().legacy.root.is_none());
    }
}
