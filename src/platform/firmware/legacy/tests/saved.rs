//! Guests of a machine that was saved go on as they would have.

use super::*;
use crate::platform::save::{RestoreError, Saved};

const SEV: u32 = 0x3701_0001;
const ES: u32 = 0x3701_0005;

/// The same machine once more.
fn restored(rig: &Rig) -> Rig {
    let bytes = rig.machine.save(None, 1);
    let script = Script::default();
    let machine = Saved::parse(&bytes).unwrap().restore(script.clone()).unwrap();
    assert!(*machine.save(None, 1) == *bytes);
    let again = Rig { machine, script };
    assert!(again.snapshot() == rig.snapshot());
    again
}

/// What the same commands make of both machines, with the same random bytes.
#[track_caller]
fn same<T>(rig: &Rig, again: &Rig, go: impl Fn(&Rig) -> T) -> T {
    let [_, last] = [rig, again].map(|rig| {
        rig.script.push(&[0x6b; 16]);
        let result = go(rig);
        assert!(rig.script.is_empty());
        result
    });
    assert!(rig.snapshot() == again.snapshot());
    last
}

/// LUPDATE within a block of SHA-256, then LSECRET, RUNNING, SUPDATE and SENT: each is saved, and goes on.
#[test]
fn a_guest_in_every_state() {
    let rig = Rig::init();
    rig.machine.lock().legacy.root = Some(Box::from([1, 2, 3]));
    let session = rig.session(ES, 0x21);
    let handle = rig.launch_start(ES);
    rig.run(SevActivate { handle, asid: 7 }).unwrap();
    let (page, vmsa) = (painted(0x11), painted(0x22));
    rig.put(GUEST, &page);
    rig.run(SevLaunchUpdateData { handle, paddr: GUEST, len: 0x30 }).unwrap();
    rig.put(GUEST + 0x1000, &vmsa);
    rig.run(SevLaunchUpdateVmsa { handle, paddr: GUEST + 0x1000, len: 4096 }).unwrap();

    let again = restored(&rig);
    assert_eq!(again.text(7, GUEST, 0x30), page[..0x30]);
    let measurement = same(&rig, &again, |rig| {
        rig.run(SevLaunchUpdateData { handle, paddr: GUEST + 0x30, len: 0x50 }).unwrap();
        rig.put(GUEST + 0x2000, &vmsa);
        rig.run(SevLaunchUpdateVmsa { handle, paddr: GUEST + 0x2000, len: 4096 }).unwrap();
        rig.measure(handle)
    });
    let mut digest = LaunchDigest::new();
    digest.update_data(&page[..0x30]).unwrap();
    digest.update_vmsa(vmsa.first_chunk().unwrap());
    digest.update_data(&page[0x30..0x80]).unwrap();
    digest.update_vmsa(vmsa.first_chunk().unwrap());
    let backend = Backend::portable();
    let checked = Attested::check(session, VERSION, &digest.digest(), &measurement, backend);
    let attested = checked.unwrap();

    // LSECRET
    let again = restored(&again);
    let mut packet = *b"the passphrase of the disk......";
    let header = attested.seal_secret(PacketIv::from_random([9; 16]), &mut packet).unwrap();
    again.put(HEADER, &header.to_bytes());
    again.put(PACKET, &packet);
    let (hdr_paddr, trans_paddr, guest_paddr) = (HEADER, PACKET, GUEST + 0x3000);
    again
        .run(SevLaunchSecret {
            handle,
            hdr_paddr,
            hdr_len: 52,
            guest_paddr,
            guest_len: 32,
            trans_paddr,
            trans_len: 32,
        })
        .unwrap();
    assert_eq!(again.text(7, guest_paddr, 32), *b"the passphrase of the disk......");
    again.run(SevLaunchFinish { handle }).unwrap();

    // RUNNING: reports are the same but for their signature, which is the same, too.
    let third = restored(&again);
    let report = |rig: &Rig| {
        rig.run(SevAttestation { handle, paddr: OUT, mnonce: [7; 16], len: 208 }).unwrap();
        rig.take(OUT, 208)
    };
    assert_eq!(report(&again), report(&third));

    // SUPDATE: the session goes on, and the save area's check block is known.
    let rig = Rig::init();
    let handle = rig.launch(4, Some(7));
    rig.put(GUEST, &page);
    rig.run(SevLaunchUpdateData { handle, paddr: GUEST, len: 4096 }).unwrap();
    rig.put(GUEST + 0x1000, &vmsa);
    rig.run(SevLaunchUpdateVmsa { handle, paddr: GUEST + 0x1000, len: 4096 }).unwrap();
    rig.measure(handle);
    rig.run(SevLaunchFinish { handle }).unwrap();
    rig.send(handle);
    let again = restored(&rig);
    for is_vmsa in [false, true] {
        let packet = same(&rig, &again, |rig| {
            let (hdr_paddr, trans_paddr) = (HEADER, PACKET);
            let guest_paddr = GUEST + 0x1000 * u64::from(is_vmsa);
            let data = SevSendUpdateData {
                handle,
                hdr_paddr,
                hdr_len: 52,
                guest_paddr,
                guest_len: 4096,
                trans_paddr,
                trans_len: 4096,
            };
            let mut buffer = [0; SevSendUpdateData::LEN];
            data.write(&mut buffer);
            let id = if is_vmsa { SevSendUpdateVmsa::ID } else { SevSendUpdateData::ID };
            assert_eq!(rig.machine.command(id, &mut buffer), Status::SUCCESS);
            rig.take(PACKET, 4096)
        });
        assert_ne!(packet, if is_vmsa { &vmsa[..] } else { &page[..] });
    }
    again.run(SevSendFinish { handle }).unwrap();
    let sent = restored(&again);
    assert_eq!(sent.status(handle).state, 6);
    assert_eq!(report_of(&again, handle), report_of(&sent, handle));
}

fn report_of(rig: &Rig, handle: u32) -> Vec<u8> {
    rig.run(SevAttestation { handle, paddr: OUT, mnonce: [7; 16], len: 208 }).unwrap();
    rig.take(OUT, 208)
}

/// RUPDATE; guests that share a key; pages that were swapped out; an ASID that waits.
#[test]
fn a_guest_that_comes() {
    let rig = Rig::init();
    let (handle, session) = rig.receive(ES, 9);
    let shared = rig.run(SevLaunchStart { policy: SEV & !1, ..Default::default() }).unwrap().handle;
    rig.run(SevActivate { handle: shared, asid: 101 }).unwrap();
    let gone = rig.running(0, 102);
    rig.run(SevDeactivate { handle: gone }).unwrap();
    let again = restored(&rig);
    assert!(again.machine.lock().asids.is_dirty(Asid::new(102)));
    assert_eq!(again.status(shared).asid, 101);

    // The sender makes a packet with the session's keys.
    let keys = crate::sev::packet::PacketKeys::new(session.keys(), Backend::portable());
    let mut packet = painted(0x44);
    let iv = PacketIv::from_random([3; 16]);
    let header = keys.seal(crate::sev::packet::Context::Data, iv, &mut packet);
    for vmsa in [false, true] {
        let to = if vmsa { GUEST + 0x1000 } else { GUEST };
        again.put(HEADER, &header.to_bytes());
        again.put(PACKET, &packet);
        let mut buffer = [0; SevReceiveUpdateData::LEN];
        let data = SevReceiveUpdateData {
            handle,
            hdr_paddr: HEADER,
            hdr_len: 52,
            guest_paddr: to,
            guest_len: 4096,
            trans_paddr: PACKET,
            trans_len: 4096,
        };
        data.write(&mut buffer);
        let id = if vmsa { SevReceiveUpdateVmsa::ID } else { SevReceiveUpdateData::ID };
        assert_eq!(again.machine.command(id, &mut buffer), Status::SUCCESS);
        assert_eq!(again.text(9, to, 0x380), painted(0x44)[..0x380]);
    }
    let third = restored(&again);
    third.run(SevReceiveFinish { handle }).unwrap();
    assert_eq!(third.status(handle).state, 3);
    // Nobody else gets the block of its save area.
    assert_eq!(
        third.machine.lock().legacy.platform.as_ref().unwrap().tmr.as_ref().unwrap().taken.len(),
        1
    );
}

/// Without power: the keys that are in flash memory are there, the guests are not.
#[test]
fn switched_off() {
    let rig = Rig::init();
    rig.machine.lock().legacy.root = Some(Box::from([1, 2, 3]));
    let certificates = rig.certificates();
    rig.running(0, 100);
    let bytes = rig.machine.save(None, 1);
    let off = Saved::parse(&bytes).unwrap().without_power(2);
    let script = Script::default();
    let machine = Saved::parse(&off).unwrap().restore(script.clone()).unwrap();
    let off = Rig { machine, script };
    assert_eq!(off.machine.lock().legacy.root.as_deref(), Some(&[1, 2, 3][..]));
    assert_eq!(off.platform_status().state, 0);
    off.run(SevInit::default()).unwrap();
    assert!(off.certificates() == certificates);
}

/// What no machine can have, with a right digest.
#[test]
fn impossible_guests() {
    let rig = Rig::init();
    let handle = rig.running(0, 100);
    let es = rig.launch(4, Some(7));
    rig.put(GUEST, &painted(0x22));
    rig.run(SevLaunchUpdateVmsa { handle: es, paddr: GUEST, len: 4096 }).unwrap();
    let bytes = rig.machine.save(None, 0);
    let refused = |change: &dyn Fn(&mut Platform)| {
        let machine = Saved::parse(&bytes).unwrap().restore(Script::default()).unwrap();
        change(machine.lock().legacy.platform.as_mut().unwrap());
        let bytes = machine.save(None, 0);
        let error = Saved::parse(&bytes).unwrap().restore(Script::default()).unwrap_err();
        assert_eq!(error, RestoreError::Malformed);
    };
    let guest = |handle: u32, change: &dyn Fn(&mut Guest)| {
        refused(&|platform| change(platform.guests.get_mut(&handle).unwrap()));
    };
    guest(handle, &|guest| guest.asid = None);
    guest(handle, &|guest| {
        guest.asid = Some(GuestAsid { asid: Asid::new(101), is_pending: false })
    });
    guest(es, &|guest| guest.blocks[0].0 = 0x10_0000 / 16);
    guest(es, &|guest| guest.blocks.push(guest.blocks[0]));
    let moved = |to: u32| {
        refused(&|platform| {
            let guest = platform.guests.remove(&1).unwrap();
            platform.guests.insert(to, guest);
        });
    };
    [0, 3, 1025].into_iter().for_each(moved);
    let tmr = |change: &dyn Fn(&mut TrustedRegion)| {
        refused(&|platform| change(platform.tmr.as_mut().unwrap()));
    };
    tmr(&|tmr| tmr.first = 0x1000);
    tmr(&|tmr| tmr.first = MEMORY);
    tmr(&|tmr| tmr.first = 0xffff_ffff_fff0_0000);
    tmr(&|tmr| tmr.len = 0x1000);
    refused(&|platform| platform.tmr = None);
    refused(&|platform| platform.nv_paddr = Some(8));
    refused(&|platform| platform.nv_paddr = Some(MEMORY - 0x1000));
    refused(&|platform| platform.nv_paddr = Some(TMR));
}
