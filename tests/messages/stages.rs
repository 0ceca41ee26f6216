//! The secrets page, and channels that go through it from one stage of a guest to the next.

use sevcrypt::Backend;
use sevcrypt::snp::keys::{KeyRequest, KeySelect};
use sevcrypt::snp::message::{
    ChannelError, CountWidth, GuestChannel, MessageBuffer, OpenError, Vmpck,
};
use sevcrypt::snp::secrets::{SecretsPage, Svsm, UnknownPage};
use sevcrypt::snp::tcb::Product;
use sevcrypt::{Page, Status, Vmpl};

use crate::{firmware, key_of, open, vmpcks};

/// A secrets page at launch, with or without upper halves of the counts.
fn launched(area_version: u16) -> Box<Page> {
    let mut memory = Box::new([0; 4096]);
    let mut page = SecretsPage::create(&mut memory);
    for vmpck in Vmpck::ALL {
        page.set_vmpck(vmpck, &key_of(vmpck));
    }
    page.set_area_version(area_version);
    memory
}

fn take(page: &mut SecretsPage<'_>, vmpck: Vmpck) -> Result<GuestChannel, ChannelError> {
    GuestChannel::take(page, vmpck, Backend::best())
}

/// A channel that is made where it stays seals what one that was moved seals, and is refused for the same reasons.
#[test]
fn made_in_its_place() {
    let (vmpck, request) = (Vmpck::VMPCK1, KeyRequest::new(KeySelect::Vcek));
    let mut memory = launched(1);
    let mut page = SecretsPage::open(&mut memory).unwrap();
    let mut place = None;
    let channel = GuestChannel::take_to(&mut place, &mut page, vmpck, Backend::best()).unwrap();
    assert_eq!((channel.count(), channel.vmpck(), channel.is_stopped()), (0, vmpck, false));
    let mut buffer = MessageBuffer::new();
    let sent = channel.seal(&request, &mut buffer).unwrap().bytes().to_vec();
    let mut moved = crate::guest(vmpck, 0);
    assert_eq!(moved.seal(&request, &mut buffer).unwrap().bytes(), sent);

    let mut other = None;
    let again = GuestChannel::take_to(&mut other, &mut page, vmpck, Backend::best());
    assert_eq!(again.map(drop), Err(ChannelError::EmptyKey));
    for (key, count, error) in [
        ([0; 32], 6, ChannelError::EmptyKey),
        (key_of(vmpck), 7, ChannelError::OddCount { count: 7 }),
        (key_of(vmpck), u64::MAX - 1, ChannelError::CountLimit { count: u64::MAX - 1 }),
    ] {
        let mut place = None;
        let (width, backend) = (CountWidth::Bits64, Backend::best());
        let made = GuestChannel::set_up(&mut place, &key, vmpck, count, width, backend);
        assert_eq!(made.map(drop), Err(error));
        assert!(place.is_none());
    }
}

/// Each field at its place, which this test knows on its own.
#[test]
fn layout() {
    let mut memory = Box::new([0xff; 4096]);
    let mut page = SecretsPage::create(&mut memory);
    page.set_imi_en(true);
    page.set_fms(0x00a1_0f11);
    page.set_gosvw(&[0x11; 16]);
    page.set_ap_jump_table(0x2222_2222_2222_2222);
    page.set_area_version(0x3333);
    page.set_vmsa_tweak_bitmap(&[0x44; 64]);
    let svsm = Svsm {
        base: 0x5151_5151_5151_5151,
        size: 0x5252_5252_5252_5252,
        caa: 0x5353_5353_5353_5353,
        max_version: 0x5454_5454,
        guest_vmpl: Some(Vmpl::VMPL2),
    };
    assert_eq!(page.svsm(), None);
    page.set_svsm(&svsm);
    page.set_tsc_factor(0x6666_6666);
    page.set_launch_mit_vector(0x7777_7777_7777_7777);
    for vmpck in Vmpck::ALL {
        page.set_vmpck(vmpck, &[0x80 + vmpck.get(); 32]);
    }

    assert_eq!((page.version(), page.imi_en(), page.fms()), (3, true, 0x00a1_0f11));
    assert_eq!(page.cpu().product(), Some(Product::Genoa));
    assert_eq!(page.gosvw(), &[0x11; 16]);
    assert_eq!(page.ap_jump_table(), 0x2222_2222_2222_2222);
    assert_eq!((page.area_version(), page.has_high_words()), (0x3333, true));
    assert_eq!(page.vmsa_tweak_bitmap(), &[0x44; 64]);
    assert_eq!(page.svsm(), Some(svsm));
    assert_eq!(page.tsc_factor(), 0x6666_6666);
    assert_eq!(page.launch_mit_vector(), 0x7777_7777_7777_7777);
    assert_eq!(format!("{page:?}"), "SecretsPage { version: 3, .. }");

    page.set_imi_en(false);
    assert!(!page.imi_en());
    page.set_imi_en(true);

    let mut expected = [0; 4096];
    let mut put = |at: usize, bytes: &[u8]| expected[at..at + bytes.len()].copy_from_slice(bytes);
    put(0x000, &[3]);
    put(0x004, &[1]);
    put(0x008, &[0x11, 0x0f, 0xa1, 0]);
    put(0x010, &[0x11; 16]);
    for (at, byte) in [(0x20, 0x80), (0x40, 0x81), (0x60, 0x82), (0x80, 0x83)] {
        put(at, &[byte; 32]);
    }
    put(0x0b0, &[0x22; 8]);
    put(0x0de, &[0x33; 2]);
    put(0x100, &[0x44; 64]);
    put(0x140, &[0x51; 8]);
    put(0x148, &[0x52; 8]);
    put(0x150, &[0x53; 8]);
    put(0x158, &[0x54; 4]);
    put(0x15c, &[2]);
    put(0x160, &[0x66; 4]);
    put(0x168, &[0x77; 8]);
    assert!(*memory == expected);

    memory[0x15c] = 9;
    let page = SecretsPage::open(&mut memory).unwrap();
    assert_eq!(page.svsm().unwrap().guest_vmpl, None);
}

#[test]
fn versions_of_the_page() {
    let mut memory = Box::new([0; 4096]);
    for version in [0, 1] {
        memory[0] = version;
        let error = SecretsPage::open(&mut memory).unwrap_err();
        assert_eq!(error, UnknownPage { version: version.into() });
        assert!(error.to_string().contains(&version.to_string()));
    }
    for version in [2, 3, 4, 255] {
        memory[0] = version;
        assert_eq!(SecretsPage::open(&mut memory).unwrap().version(), u32::from(version));
    }
}

/// Both halves of the four counts, at the places of the sheet.
#[test]
fn counts() {
    let places = [(0xa0, 0xb8), (0xa4, 0xbc), (0xa8, 0xc0), (0xac, 0xc4)];
    for (vmpck, (low, high)) in Vmpck::ALL.into_iter().zip(places) {
        for area_version in [0, 1] {
            let mut memory = launched(area_version);
            memory[low..low + 4].copy_from_slice(&[2, 0, 0, 0x80]);
            memory[high..high + 4].copy_from_slice(&[7, 0, 0, 0]);
            let before = memory.clone();
            let mut page = SecretsPage::open(&mut memory).unwrap();
            let expected = 0x8000_0002 + if area_version == 0 { 0 } else { 7 << 32 };
            assert_eq!(page.message_count(vmpck), expected);
            let channel = take(&mut page, vmpck).unwrap();
            assert_eq!((channel.count(), channel.vmpck()), (expected, vmpck));
            // Taken: this key is gone, and nothing else.
            for other in Vmpck::ALL {
                assert_eq!(page.has_vmpck(other), other != vmpck);
            }
            assert_eq!(take(&mut page, vmpck).unwrap_err(), ChannelError::EmptyKey);
            channel.hand_over(&mut page).unwrap();
            assert!(memory == before);
        }
    }
}

/// What is taken from a page that is not in order leaves it as it was.
#[test]
fn pages_that_give_no_channel() {
    let cases = [
        (0, [3, 0, 0, 0], [0; 4], ChannelError::OddCount { count: 3 }),
        (0, [0xfe, 0xff, 0xff, 0xff], [0; 4], ChannelError::CountLimit { count: 0xffff_fffe }),
        (1, [0xfe, 0xff, 0xff, 0xff], [0xff; 4], ChannelError::CountLimit { count: u64::MAX - 1 }),
        (1, [1, 0, 0, 0], [1, 0, 0, 0], ChannelError::OddCount { count: 1 << 32 | 1 }),
    ];
    for (area_version, low, high, error) in cases {
        let mut memory = launched(area_version);
        memory[0xa4..0xa8].copy_from_slice(&low);
        memory[0xbc..0xc0].copy_from_slice(&high);
        let before = memory.clone();
        let mut page = SecretsPage::open(&mut memory).unwrap();
        assert_eq!(take(&mut page, Vmpck::VMPCK1).unwrap_err(), error);
        assert!(memory == before);
    }
    // 2^32 - 2 is the end for 32 bits only.
    let mut memory = launched(1);
    memory[0xa0..0xa4].copy_from_slice(&[0xfe, 0xff, 0xff, 0xff]);
    let mut page = SecretsPage::open(&mut memory).unwrap();
    assert_eq!(take(&mut page, Vmpck::VMPCK0).unwrap().count(), 0xffff_fffe);
}

/// Firmware of the guest, then its kernel: one key, and numbers that go on.
#[test]
fn from_stage_to_stage() {
    for area_version in [0, 1] {
        let mut memory = launched(area_version);
        let (mut buffer, mut firmware_buffer) = (MessageBuffer::new(), MessageBuffer::new());
        let mut channels = firmware([0; 4]);
        let mut numbers = Vec::new();
        for _ in 0..3 {
            let mut page = SecretsPage::open(&mut memory).unwrap();
            let mut channel = take(&mut page, Vmpck::VMPCK0).unwrap();
            for _ in 0..2 {
                let request = KeyRequest::new(KeySelect::Vcek);
                let message = channel.seal(&request, &mut buffer).unwrap();
                numbers.push(message.header().sequence());
                let opened = open(&mut channels, &mut firmware_buffer, message.bytes()).unwrap();
                let answer = opened.respond(Err(Status::INVALID_KEY)).unwrap();
                let error = message.open(|copy| copy.copy_from_slice(answer)).unwrap_err();
                assert_eq!(error, OpenError::Status(Status::INVALID_KEY));
            }
            channel.hand_over(&mut page).unwrap();
            assert_eq!(page.message_count(Vmpck::VMPCK0), channels.count(Vmpck::VMPCK0));
        }
        assert_eq!(numbers, [1, 3, 5, 7, 9, 11]);
    }
}

/// What must not be handed over is not, and the page is as it was.
#[test]
fn no_hand_over() {
    let mut memory = launched(0);
    let mut page = SecretsPage::open(&mut memory).unwrap();
    let mut buffer = MessageBuffer::new();
    let request = KeyRequest::new(KeySelect::Vcek);

    let mut stopped = take(&mut page, Vmpck::VMPCK0).unwrap();
    stopped.stop();
    assert_eq!(stopped.hand_over(&mut page), Err(ChannelError::Stopped));

    let mut dropped = take(&mut page, Vmpck::VMPCK1).unwrap();
    drop(dropped.seal(&request, &mut buffer).unwrap());
    assert_eq!(dropped.hand_over(&mut page), Err(ChannelError::Stopped));

    let mut leaked = take(&mut page, Vmpck::VMPCK2).unwrap();
    std::mem::forget(leaked.seal(&request, &mut buffer).unwrap());
    assert_eq!(leaked.hand_over(&mut page), Err(ChannelError::Abandoned));
    for vmpck in [Vmpck::VMPCK0, Vmpck::VMPCK1, Vmpck::VMPCK2] {
        assert!(!page.has_vmpck(vmpck));
        assert_eq!(page.message_count(vmpck), 0);
    }

    let new = |count| {
        let (width, key) = (CountWidth::Bits64, vmpcks()[0]);
        GuestChannel::new(&key, Vmpck::VMPCK0, count, width, Backend::best()).unwrap()
    };
    let mut leaked = new(1 << 32);
    std::mem::forget(leaked.seal(&request, &mut buffer).unwrap());
    assert_eq!(leaked.hand_over(&mut page), Err(ChannelError::Abandoned));
    let error = ChannelError::HighWord { count: 1 << 32 };
    assert_eq!(new(1 << 32).hand_over(&mut page), Err(error));
    assert!(!page.has_vmpck(Vmpck::VMPCK0));
    new(u64::from(u32::MAX) - 1).hand_over(&mut page).unwrap();
    assert_eq!(page.message_count(Vmpck::VMPCK0), u64::from(u32::MAX) - 1);
}
