//! Every command in every state of the platform and of a guest.

use super::*;

/// Every command of a guest, with its number and the bytes of its buffer.
const OF_GUESTS: [(CommandId, usize); 25] = [
    (SevDecommission::ID, SevDecommission::LEN),
    (SevActivate::ID, SevActivate::LEN),
    (SevDeactivate::ID, SevDeactivate::LEN),
    (SevCopy::ID, SevCopy::LEN),
    (SevActivateEx::ID, SevActivateEx::LEN),
    (SevLaunchUpdateData::ID, SevLaunchUpdateData::LEN),
    (SevLaunchMeasure::ID, SevLaunchMeasure::LEN),
    (SevLaunchSecret::ID, SevLaunchSecret::LEN),
    (SevLaunchFinish::ID, SevLaunchFinish::LEN),
    (SevAttestation::ID, SevAttestation::LEN),
    (SevSendStart::ID, SevSendStart::LEN),
    (SevSendUpdateData::ID, SevSendUpdateData::LEN),
    (SevSendUpdateVmsa::ID, SevSendUpdateVmsa::LEN),
    (SevSendFinish::ID, SevSendFinish::LEN),
    (SevSendCancel::ID, SevSendCancel::LEN),
    (SevReceiveUpdateData::ID, SevReceiveUpdateData::LEN),
    (SevReceiveUpdateVmsa::ID, SevReceiveUpdateVmsa::LEN),
    (SevReceiveFinish::ID, SevReceiveFinish::LEN),
    (SevDbgDecrypt::ID, SevDbgDecrypt::LEN),
    (SevDbgEncrypt::ID, SevDbgEncrypt::LEN),
    (SevSwapOut::ID, SevSwapOut::LEN),
    (SevSwapIn::ID, SevSwapIn::LEN),
    (SevLaunchUpdateData::ID, SevLaunchUpdateData::LEN),
    (SevSendUpdateData::ID, SevSendUpdateData::LEN),
    (SevReceiveUpdateData::ID, SevReceiveUpdateData::LEN),
];

/// Those that a platform in UNINIT refuses, and one in INIT does not.
const OF_PLATFORMS: [(CommandId, usize); 8] = [
    (SevPekGen::ID, SevPekGen::LEN),
    (SevPekCsr::ID, SevPekCsr::LEN),
    (SevPekCertImport::ID, SevPekCertImport::LEN),
    (SevPdhCertExport::ID, SevPdhCertExport::LEN),
    (SevPdhGen::ID, SevPdhGen::LEN),
    (SevGuestStatus::ID, SevGuestStatus::LEN),
    (SevLaunchStart::ID, SevLaunchStart::LEN),
    (SevReceiveStart::ID, SevReceiveStart::LEN),
];

/// Whatever else is wrong: the state of the platform comes first.
#[test]
fn platform_states() {
    let rig = Rig::new();
    for (id, len) in OF_PLATFORMS.into_iter().chain(OF_GUESTS) {
        for byte in [0, 0xff] {
            rig.refuses_bytes(id, &vec![byte; len], Status::INVALID_PLATFORM_STATE);
        }
    }
    let rig = Rig::init();
    for (id, len) in OF_GUESTS {
        for byte in [0, 0xff] {
            rig.refuses_bytes(id, &vec![byte; len], Status::INVALID_PLATFORM_STATE);
        }
    }
    // But the length of a save area.
    let vmsa = SevLaunchUpdateVmsa { handle: 1, paddr: GUEST, len: 4096 };
    rig.refuses(vmsa, Status::INVALID_PLATFORM_STATE);
    rig.refuses(SevLaunchUpdateVmsa { len: 16, ..vmsa }, Status::INVALID_LENGTH);
    rig.launch(0, None);
    for (id, len) in [(SevPekGen::ID, 0), (SevPekCertImport::ID, SevPekCertImport::LEN)] {
        rig.refuses_bytes(id, &vec![0xff; len], Status::INVALID_PLATFORM_STATE);
    }
}

/// A guest with ES in each state, by number, all with an ASID.
fn guests() -> (Rig, [u32; 7]) {
    let rig = Rig::init();
    let mut handles = [0; 7];
    handles[1] = rig.launch(4, Some(1));
    handles[2] = rig.launch(4, Some(2));
    rig.measure(handles[2]);
    handles[3] = rig.running(4, 3);
    handles[4] = rig.running(4, 4);
    rig.send(handles[4]);
    handles[5] = rig.receive(4, 5).0;
    handles[6] = rig.running(4, 6);
    rig.send(handles[6]);
    rig.run(SevSendFinish { handle: handles[6] }).unwrap();
    for (state, handle) in (0..).zip(handles) {
        assert_eq!(rig.status(handle).state, state);
    }
    (rig, handles)
}

/// A command with its handle in the first four bytes, in each state that it is not for.
#[track_caller]
fn states_of<C: Command>(rig: &Rig, handles: [u32; 7], good: &C, allowed: &[usize]) {
    let mut buffer = vec![0; C::LEN];
    good.write(&mut buffer);
    for (state, handle) in handles.into_iter().enumerate() {
        buffer[..4].copy_from_slice(&handle.to_le_bytes());
        match state {
            0 => rig.refuses_bytes(C::ID, &buffer, Status::INVALID_GUEST),
            _ if allowed.contains(&state) => {}
            _ => rig.refuses_bytes(C::ID, &buffer, Status::INVALID_GUEST_STATE),
        }
    }
}

#[test]
fn guest_states() {
    let (rig, handles) = guests();
    let packet = SevSendUpdateData {
        handle: 0,
        hdr_paddr: HEADER,
        hdr_len: 52,
        guest_paddr: GUEST,
        guest_len: 4096,
        trans_paddr: PACKET,
        trans_len: 4096,
    };
    let mut buffer = [0; SevSendUpdateData::LEN];
    packet.write(&mut buffer);
    let data = SevLaunchUpdateData { handle: 0, paddr: GUEST, len: 4096 };
    states_of(&rig, handles, &data, &[1]);
    let vmsa = SevLaunchUpdateVmsa { handle: 0, paddr: GUEST, len: 4096 };
    states_of(&rig, handles, &vmsa, &[1]);
    states_of(&rig, handles, &SevLaunchMeasure { handle: 0, paddr: OUT, len: 48 }, &[1]);
    states_of(&rig, handles, &SevLaunchSecret::get(&buffer), &[2]);
    states_of(&rig, handles, &SevLaunchFinish { handle: 0 }, &[2]);
    let attestation = SevAttestation { handle: 0, paddr: OUT, mnonce: [0; 16], len: 208 };
    states_of(&rig, handles, &attestation, &[2, 3, 4, 6]);
    for state in [2, 3, 4, 6] {
        rig.run(SevAttestation { handle: handles[state], ..attestation }).unwrap();
    }
    let send = SevSendStart { session_len: 128, ..Default::default() };
    states_of(&rig, handles, &send, &[3]);
    states_of(&rig, handles, &packet, &[4]);
    states_of(&rig, handles, &SevSendUpdateVmsa::get(&buffer), &[4]);
    states_of(&rig, handles, &SevSendFinish { handle: 0 }, &[4]);
    states_of(&rig, handles, &SevSendCancel { handle: 0 }, &[4]);
    states_of(&rig, handles, &SevReceiveUpdateData::get(&buffer), &[5]);
    states_of(&rig, handles, &SevReceiveUpdateVmsa::get(&buffer), &[5]);
    states_of(&rig, handles, &SevReceiveFinish { handle: 0 }, &[5]);

    // The others are for any guest that has an ASID.
    for handle in &handles[1..] {
        let handle = *handle;
        let asid = rig.status(handle).asid;
        Bus(&rig.machine).write_guest(Asid::new(asid), GUEST, &painted(7)).unwrap();
        let (src_paddr, dst_paddr) = (GUEST, GUEST + 0x1000);
        rig.run(SevCopy { handle, len: 4096, src_paddr, dst_paddr }).unwrap();
        assert_eq!(rig.text(asid, dst_paddr, 4096), painted(7));
        rig.run(SevDbgDecrypt { handle, src_paddr, dst_paddr: HOST, len: 4096 }).unwrap();
        rig.run(SevDbgEncrypt { handle, src_paddr: HOST, dst_paddr, len: 4096 }).unwrap();
        let mdata_paddr = MDATA;
        let (flags, software_data) = (0, 0);
        rig.run(SevSwapOut {
            handle,
            flags,
            src_paddr,
            dst_paddr: PACKET,
            mdata_paddr,
            software_data,
        })
        .unwrap();
        rig.run(SevSwapIn { handle, flags, src_paddr: PACKET, dst_paddr, mdata_paddr }).unwrap();
        rig.refuses(SevDecommission { handle }, Status::ACTIVE);
        rig.run(SevDeactivate { handle }).unwrap();
        rig.refuses(SevDeactivate { handle }, Status::INACTIVE);
        rig.run(SevDecommission { handle }).unwrap();
        rig.refuses_bytes(
            SevDeactivate::ID,
            &handle.to_le_bytes(),
            if handle == handles[6] {
                Status::INVALID_PLATFORM_STATE
            } else {
                Status::INVALID_GUEST
            },
        );
    }
    assert_eq!(rig.platform_status().state, 1);
}

/// Who is activated while it runs is not pending; who comes before is until it runs.
#[test]
fn late_activation() {
    let rig = Rig::init();
    let handle = rig.launch(0, None);
    rig.measure(handle);
    rig.run(SevLaunchFinish { handle }).unwrap();
    rig.run(SevActivate { handle, asid: 100 }).unwrap();
    rig.run(SevDeactivate { handle }).unwrap();
    rig.refuses(SevActivate { handle, asid: 100 }, Status::DFFLUSH_REQUIRED);
    let (received, _) = rig.receive(0, 101);
    rig.run(SevReceiveFinish { handle: received }).unwrap();
    rig.run(SevDeactivate { handle: received }).unwrap();
    rig.refuses(SevActivate { handle: received, asid: 101 }, Status::DFFLUSH_REQUIRED);
}
