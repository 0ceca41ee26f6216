//! Guest messages from outside: the worked example, every bad input with what it does to the channel, and both ends over a
//! hostile host.

#![allow(missing_docs, reason = "tests")]

mod bad_requests;
mod bad_responses;
#[path = "../support/dropped.rs"]
mod dropped;
mod known_answers;
mod linux;
mod model;
mod secrets;
mod stages;
mod types;

use sevcrypt::Backend;
use sevcrypt::gcm::MessageKey;
use sevcrypt::snp::message::{
    CountWidth, FirmwareChannels, GuestChannel, Header, MessageBuffer, Opened, Vmpck,
};
use sevcrypt::{Page, Status};

/// The worked example's VMPCK0 and VMPCK1, and two more.
fn vmpcks() -> [[u8; 32]; 4] {
    [0x00, 0x40, 0x80, 0xc0].map(|first| std::array::from_fn(|i| first + i as u8))
}

fn key_of(vmpck: Vmpck) -> [u8; 32] {
    vmpcks()[usize::from(vmpck.get())]
}

fn guest(vmpck: Vmpck, count: u64) -> GuestChannel {
    GuestChannel::new(&key_of(vmpck), vmpck, count, CountWidth::Bits64, Backend::best()).unwrap()
}

fn firmware(counts: [u64; 4]) -> FirmwareChannels {
    FirmwareChannels::new(&vmpcks(), counts, Backend::best())
}

/// A page that begins with a message.
fn page(message: &[u8]) -> Box<Page> {
    let mut page = Box::new([0; 4096]);
    page[..message.len()].copy_from_slice(message);
    page
}

fn open<'c, 'b>(
    firmware: &'c mut FirmwareChannels,
    buffer: &'b mut MessageBuffer,
    message: &[u8],
) -> Result<Opened<'c, 'b>, Status> {
    let page = page(message);
    firmware.open(buffer, |copy| *copy = *page)
}

/// A message that is sealed by whoever has the key, whatever stands in its header.
fn sealed(key: &[u8; 32], mut header: Header, payload: &[u8]) -> Vec<u8> {
    let mut text = payload.to_vec();
    let key = MessageKey::new(key, Backend::best());
    header.set_tag(&key.seal_in_place(&header.nonce(), header.aad(), &mut text).unwrap());
    [header.bytes(), &text[..]].concat()
}

/// The payload of a message that has been sealed with this key.
fn opened(key: &[u8; 32], message: &[u8]) -> Vec<u8> {
    let (header, text) = message.split_first_chunk().unwrap();
    let (header, mut text) = (Header::from_bytes(header), text.to_vec());
    let key = MessageKey::new(key, Backend::best());
    key.open_in_place(&header.nonce(), header.aad(), &mut text, header.tag()).unwrap();
    text
}

fn hex(text: &str) -> Vec<u8> {
    base16ct::lower::decode_vec(text).unwrap()
}
