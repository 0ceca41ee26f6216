//! Launches, sessions and packets with something wrong in them.

use super::*;

#[test]
fn launch_start() {
    let rig = Rig::init();
    let policy = 0x3701_0001;
    rig.session(policy, 5);
    // Another session, of a policy that this firmware is too old for; one with a reserved bit; one that was changed.
    let others = [(0x3801_0001, HOST), (0x3701_0041, HOST + 0x1000)];
    for (policy, at) in others {
        rig.session(policy, 5);
        rig.put(at, &rig.take(SESSION, 128));
    }
    rig.session(policy, 5);
    let mut changed = rig.take(SESSION, 128);
    changed[0x10] ^= 1;
    rig.put(HOST + 0x2000, &changed);
    assert_eq!(rig.launch(policy | 2, None), 1);
    assert_eq!(rig.launch(policy ^ 1, None), 2);
    rig.in_order(
        &start(policy),
        &[
            (|c| c.session_len = 127, Status::INVALID_LENGTH),
            (|c| c.session_len = 129, Status::INVALID_LENGTH),
            (|c| c.session_paddr = NOWHERE, Status::INVALID_ADDRESS),
            (|c| c.dh_cert_len = 2083, Status::INVALID_LENGTH),
            (|c| c.dh_cert_paddr = NOWHERE, Status::INVALID_ADDRESS),
            (|c| c.dh_cert_paddr = SESSION, Status::INVALID_CERTIFICATE),
            (|c| c.session_paddr = HOST + 0x2000, Status::BAD_MEASUREMENT),
            (|c| c.policy = 0x3701_0000, Status::BAD_MEASUREMENT),
            (|c| (c.policy, c.session_paddr) = (0x3801_0001, HOST), Status::POLICY_FAILURE),
            (
                |c| (c.policy, c.session_paddr) = (0x3701_0041, HOST + 0x1000),
                Status::POLICY_FAILURE,
            ),
            (|c| c.handle = 3, Status::INVALID_GUEST),
            (|c| c.handle = 2, Status::POLICY_FAILURE),
        ],
    );
    // Without a session nothing of this is looked at, the policy included.
    let none = SevLaunchStart { dh_cert_paddr: 0, policy: 0xffff_ffc0, ..start(policy) };
    rig.run(SevLaunchStart { session_len: 1, dh_cert_len: 1, ..none }).unwrap();
}

/// ES where the platform has none.
#[test]
fn es_is_unsupported() {
    let rig = Rig::new();
    rig.run(SevInit::default()).unwrap();
    rig.session(4, 5);
    rig.refuses(start(4), Status::UNSUPPORTED);
    rig.refuses(receive_start(4), Status::UNSUPPORTED);
    rig.refuses(SevLaunchStart { handle: 1, ..start(4) }, Status::INVALID_GUEST);
}

#[test]
fn receive_starts() {
    let rig = Rig::init();
    let policy = 0x3701_0001;
    for (policy, at) in [(0x3801_0001, HOST), (0x3701_0041, HOST + 0x1000)] {
        rig.session(policy, 5);
        rig.put(at, &rig.take(SESSION, 128));
    }
    rig.session(policy, 5);
    assert_eq!(rig.launch(0, None), 1);
    rig.in_order(
        &receive_start(policy),
        &[
            (|c| c.session_len = 0, Status::INVALID_LENGTH),
            (|c| c.session_paddr = NOWHERE, Status::INVALID_ADDRESS),
            (|c| c.pdh_len = 0, Status::INVALID_LENGTH),
            // Without a session is nothing here.
            (|c| c.pdh_paddr = 0, Status::INVALID_CERTIFICATE),
            (|c| c.session_paddr = OUT, Status::BAD_MEASUREMENT),
            (|c| c.policy = 0x3701_0000, Status::BAD_MEASUREMENT),
            (|c| (c.policy, c.session_paddr) = (0x3801_0001, HOST), Status::POLICY_FAILURE),
            (
                |c| (c.policy, c.session_paddr) = (0x3701_0041, HOST + 0x1000),
                Status::POLICY_FAILURE,
            ),
            (|c| c.handle = 2, Status::INVALID_GUEST),
            (|c| c.handle = 1, Status::POLICY_FAILURE),
        ],
    );
}

#[test]
fn launch_updates() {
    let rig = Rig::init();
    let handle = rig.launch(4, Some(1));
    assert_eq!(rig.running(0, 100), 2);
    assert_eq!(rig.launch(0, None), 3);
    rig.put(GUEST, &painted(9));
    let data = SevLaunchUpdateData { handle, paddr: GUEST, len: 4096 };
    rig.in_order(
        &data,
        &[
            (|c| c.handle = 0, Status::INVALID_GUEST),
            (|c| c.handle = 2, Status::INVALID_GUEST_STATE),
            (|c| c.handle = 3, Status::INACTIVE),
            (|c| c.paddr += 8, Status::INVALID_ADDRESS),
            (|c| c.len = 0, Status::INVALID_LENGTH),
            (|c| c.len = 4095, Status::INVALID_LENGTH),
            (|c| c.paddr = NOWHERE, Status::INVALID_ADDRESS),
            (|c| c.paddr = MEMORY - 16, Status::INVALID_ADDRESS),
            (|c| c.paddr = u64::MAX - 15, Status::INVALID_ADDRESS),
            (|c| c.paddr = TMR - 16, Status::INVALID_ADDRESS),
            (|c| c.len = 0xffff_fff0, Status::INVALID_ADDRESS),
        ],
    );
    assert_eq!(rig.launch(0, Some(101)), 4);
    let vmsa = SevLaunchUpdateVmsa { handle, paddr: GUEST, len: 4096 };
    rig.in_order(
        &vmsa,
        &[
            (|c| c.len = 4080, Status::INVALID_LENGTH),
            (|c| c.handle = 1025, Status::INVALID_GUEST),
            (|c| c.handle = 2, Status::INVALID_GUEST_STATE),
            (|c| c.handle = 4, Status::UNSUPPORTED),
            (|c| c.paddr += 8, Status::INVALID_ADDRESS),
            (|c| c.paddr = NOWHERE, Status::INVALID_ADDRESS),
        ],
    );
    // UNSUPPORTED before INACTIVE, and INACTIVE alone.
    rig.refuses(SevLaunchUpdateVmsa { handle: 3, ..vmsa }, Status::UNSUPPORTED);
    let inactive = rig.launch(4, None);
    rig.refuses(SevLaunchUpdateVmsa { handle: inactive, ..vmsa }, Status::INACTIVE);
}

/// Every check block of the region is taken; those of a guest that ends are free again.
#[test]
fn check_blocks() {
    let rig = Rig::init();
    let handle = rig.launch(4, Some(1));
    let vmsa = |handle| SevLaunchUpdateVmsa { handle, paddr: GUEST, len: 4096 };
    for _ in 0..2 {
        rig.run(vmsa(handle)).unwrap();
    }
    {
        let mut state = rig.machine.lock();
        let platform = state.legacy.working().unwrap();
        assert_eq!(platform.guests[&handle].blocks.iter().map(|(n, _)| *n).max(), Some(1));
        platform.tmr.as_mut().unwrap().taken.extend(0..0x1_0000);
    }
    rig.refuses(vmsa(handle), Status::RESOURCE_LIMIT);
    rig.run(SevDeactivate { handle }).unwrap();
    rig.run(SevDecommission { handle }).unwrap();
    let handle = rig.launch(4, Some(1));
    rig.run(vmsa(handle)).unwrap();
    let mut state = rig.machine.lock();
    let platform = state.legacy.working().unwrap();
    assert_eq!(platform.guests[&handle].blocks[0].0, 0);
    assert_eq!(platform.tmr.as_ref().unwrap().free_block().unwrap().0, 1);
}

#[test]
fn measures() {
    let rig = Rig::init();
    let handle = rig.launch(0, Some(100));
    assert_eq!(rig.running(0, 101), 2);
    let good = SevLaunchMeasure { handle, paddr: OUT, len: 4096 };
    rig.in_order(
        &good,
        &[
            (|c| c.handle = 3, Status::INVALID_GUEST),
            (|c| c.handle = 2, Status::INVALID_GUEST_STATE),
            (|c| c.len = 47, Status::INVALID_LENGTH),
            (|c| c.paddr = NOWHERE, Status::INVALID_ADDRESS),
        ],
    );
    // Once only, and it needs no ASID.
    rig.refuses(good, Status::INVALID_GUEST_STATE);
    let inactive = rig.launch(0, None);
    rig.measure(inactive);
    rig.run(SevLaunchFinish { handle: inactive }).unwrap();
}

#[test]
fn secrets() {
    let rig = Rig::init();
    let policy = 0x3701_0000;
    let session = rig.session(policy, 6);
    let handle = rig.launch_start(policy);
    rig.run(SevActivate { handle, asid: 100 }).unwrap();
    assert_eq!(rig.running(0, 101), 2);
    assert_eq!(rig.launch(0, None), 3);
    rig.measure(3);
    let measurement = rig.measure(handle);
    let digest = LaunchDigest::new().digest();
    let attested =
        Attested::check(session, VERSION, &digest, &measurement, Backend::portable()).unwrap();
    let mut packet = [0x42; 64];
    let header = attested.seal_secret(PacketIv::from_random([1; 16]), &mut packet).unwrap();
    rig.put(HEADER, &header.to_bytes());
    rig.put(PACKET, &packet);
    rig.put(HOST, &PacketHeader { flags: 1, ..header }.to_bytes());
    rig.in_order(
        &SevLaunchSecret {
            handle,
            hdr_paddr: HEADER,
            hdr_len: 52,
            guest_paddr: GUEST,
            guest_len: 64,
            trans_paddr: PACKET,
            trans_len: 64,
        },
        &[
            (|c| c.handle = 0, Status::INVALID_GUEST),
            (|c| c.guest_paddr += 1, Status::INVALID_ADDRESS),
            (|c| c.hdr_len = 51, Status::INVALID_LENGTH),
            (|c| c.hdr_len = 53, Status::INVALID_LENGTH),
            (|c| c.guest_len = 32, Status::INVALID_LENGTH),
            (|c| c.trans_len = 80, Status::INVALID_LENGTH),
            (|c| (c.guest_len, c.trans_len) = (0, 0), Status::INVALID_LENGTH),
            (|c| (c.guest_len, c.trans_len) = (63, 63), Status::INVALID_LENGTH),
            (|c| (c.guest_len, c.trans_len) = (0x5010, 0x5010), Status::INVALID_LENGTH),
            (|c| c.handle = 2, Status::INVALID_GUEST_STATE),
            (|c| c.handle = 3, Status::INACTIVE),
            (|c| c.hdr_paddr = NOWHERE, Status::INVALID_ADDRESS),
            (|c| c.guest_paddr = NOWHERE, Status::INVALID_ADDRESS),
            (|c| c.trans_paddr = TMR, Status::INVALID_ADDRESS),
            (|c| c.trans_paddr = OUT, Status::BAD_MEASUREMENT),
            (|c| c.hdr_paddr = HOST, Status::BAD_MEASUREMENT),
            (|c| (c.guest_len, c.trans_len) = (48, 48), Status::BAD_MEASUREMENT),
        ],
    );
    assert_eq!(rig.text(100, GUEST, 64), [0x42; 64]);
}

/// What the sender's packets may be.
#[test]
fn send_updates() {
    let rig = Rig::init();
    let handle = rig.running(4, 1);
    rig.send(handle);
    assert_eq!(rig.running(0, 100), 2);
    assert_eq!(rig.running(0, 101), 3);
    rig.send(3);
    assert_eq!(rig.running(0, 102), 4);
    rig.send(4);
    rig.run(SevDeactivate { handle: 4 }).unwrap();
    let good = SevSendUpdateData {
        handle,
        hdr_paddr: HEADER,
        hdr_len: 64,
        guest_paddr: GUEST,
        guest_len: 4096,
        trans_paddr: PACKET,
        trans_len: 4112,
    };
    let sent = rig.in_order(
        &good,
        &[
            (|c| c.hdr_len = 51, Status::INVALID_LENGTH),
            (|c| c.handle = 5, Status::INVALID_GUEST),
            (|c| c.handle = 2, Status::INVALID_GUEST_STATE),
            (|c| c.handle = 4, Status::INACTIVE),
            (|c| c.guest_len = 0, Status::INVALID_LENGTH),
            (|c| c.guest_len = 4095, Status::INVALID_LENGTH),
            (|c| (c.guest_len, c.trans_len) = (0x5010, 0x5010), Status::INVALID_LENGTH),
            (|c| c.trans_len = 4095, Status::INVALID_LENGTH),
            (|c| c.guest_paddr += 8, Status::INVALID_ADDRESS),
            (|c| c.guest_paddr = NOWHERE, Status::INVALID_ADDRESS),
            (|c| c.trans_paddr = NOWHERE, Status::INVALID_ADDRESS),
            (|c| c.hdr_paddr = MEMORY - 51, Status::INVALID_ADDRESS),
        ],
    );
    assert_eq!(sent, SevSendUpdateData { hdr_len: 52, ..good });
    assert_eq!(rig.take(PACKET + 4096, 16), [0; 16], "as many bytes as the guest's");

    // A save area is one of the guest's, and belongs to a guest with ES.
    let vmsa = SevSendUpdateVmsa {
        handle,
        hdr_paddr: HEADER,
        hdr_len: 52,
        guest_paddr: GUEST,
        guest_len: 4096,
        trans_paddr: PACKET,
        trans_len: 4096,
    };
    rig.refuses(vmsa, Status::INVALID_PARAM);
    rig.refuses(SevSendUpdateVmsa { handle: 3, ..vmsa }, Status::UNSUPPORTED);
    rig.refuses(SevSendUpdateVmsa { handle: 4, ..vmsa }, Status::UNSUPPORTED);
    rig.refuses(SevSendUpdateVmsa { guest_len: 16, ..vmsa }, Status::INVALID_PARAM);
    rig.refuses(SevSendUpdateVmsa { hdr_len: 0, ..vmsa }, Status::INVALID_LENGTH);
}

#[test]
fn receive_updates() {
    let rig = Rig::init();
    let (handle, _) = rig.receive(0, 100);
    assert_eq!(rig.running(0, 101), 2);
    let (inactive, _) = rig.receive(0, 102);
    rig.run(SevDeactivate { handle: inactive }).unwrap();
    assert_eq!((handle, inactive), (1, 3));
    // The session's keys are those of the test: a packet of a platform that there is not.
    let session = rig.session(0, 0x33);
    let key = crate::sev::packet::PacketKeys::new(session.keys(), Backend::portable());
    let mut packet = painted(4);
    let iv = PacketIv::from_random([7; 16]);
    let header = key.seal(crate::sev::packet::Context::Data, iv, &mut packet);
    rig.put(HEADER, &header.to_bytes());
    rig.put(PACKET, &packet);
    rig.put(HOST, &PacketHeader { flags: 1, ..header }.to_bytes());
    let good = SevReceiveUpdateData {
        handle,
        hdr_paddr: HEADER,
        hdr_len: 60,
        guest_paddr: GUEST,
        guest_len: 4096,
        trans_paddr: PACKET,
        trans_len: 4096,
    };
    rig.in_order(
        &good,
        &[
            (|c| c.handle = 0, Status::INVALID_GUEST),
            (|c| c.handle = 2, Status::INVALID_GUEST_STATE),
            (|c| c.handle = 3, Status::INACTIVE),
            (|c| c.guest_len = 4080, Status::INVALID_LENGTH),
            (|c| (c.guest_len, c.trans_len) = (0, 0), Status::INVALID_LENGTH),
            (|c| (c.guest_len, c.trans_len) = (8, 8), Status::INVALID_LENGTH),
            (|c| (c.guest_len, c.trans_len) = (0x5010, 0x5010), Status::INVALID_LENGTH),
            (|c| c.hdr_len = 51, Status::INVALID_LENGTH),
            (|c| c.guest_paddr += 4, Status::INVALID_ADDRESS),
            (|c| c.hdr_paddr = NOWHERE, Status::INVALID_ADDRESS),
            (|c| c.hdr_paddr = HOST, Status::UNSUPPORTED),
            (|c| c.guest_paddr = NOWHERE, Status::INVALID_ADDRESS),
            (|c| c.trans_paddr = NOWHERE, Status::INVALID_ADDRESS),
            (|c| c.trans_paddr = GUEST + 0x1000, Status::BAD_MEASUREMENT),
            (|c| (c.guest_len, c.trans_len) = (16, 16), Status::BAD_MEASUREMENT),
        ],
    );
    assert_eq!(rig.text(100, GUEST, 4096), painted(4));
    let vmsa = SevReceiveUpdateVmsa {
        handle,
        hdr_paddr: HEADER,
        hdr_len: 52,
        guest_paddr: GUEST,
        guest_len: 4096,
        trans_paddr: PACKET,
        trans_len: 4096,
    };
    rig.refuses(vmsa, Status::UNSUPPORTED);
    rig.refuses(SevReceiveUpdateVmsa { handle: 3, ..vmsa }, Status::UNSUPPORTED);
}
