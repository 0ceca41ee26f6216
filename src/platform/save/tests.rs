//! Files that are none, damaged ones, and made ones.

use std::format;
use std::vec::Vec;

use super::machine::sealed;
use super::*;
use crate::Asid;
use crate::platform::ca::TestCa;
use crate::platform::command::{SevInit, SevLaunchStart, SnpGctxCreate, SnpInit, SnpLaunchStart};
use crate::platform::counting::Counting;
use crate::platform::{Chip, HeapDram, Machine, MachineConfig};
use crate::rmp::PageAssignment;
use crate::snp::tcb::Product;

const MEMORY: u64 = 4 << 12;

/// A small machine with a guest of SEV-SNP and one of SEV.
fn small() -> Machine {
    let chip = Chip::new(Product::Milan, &[7; 48], &[8; 32]);
    let config = MachineConfig::new(&chip);
    let machine = Machine::new(chip, config, MEMORY, Counting(1)).unwrap();
    machine.issue(&mut SnpInit {}).unwrap();
    machine.issue(&mut SevInit::default()).unwrap();
    let gctx_paddr = 0x1000;
    machine.rmp().rmpupdate(Asid::HOST, gctx_paddr, &PageAssignment::FIRMWARE.to_bytes()).unwrap();
    machine.issue(&mut SnpGctxCreate { gctx_paddr }).unwrap();
    let policy = 0x3_0000;
    let mut start = SnpLaunchStart { gctx_paddr, policy, ..SnpLaunchStart::default() };
    machine.issue(&mut start).unwrap();
    machine.issue(&mut SevLaunchStart::default()).unwrap();
    machine
}

/// Makes a machine of a body, whose digest is right. If there is one, it is saved as it was made.
fn restore(body: &[u8]) -> Result<(), RestoreError> {
    let bytes = sealed(1, body);
    let saved = Saved::parse(&bytes)?;
    if saved.memory() > 1 << 20 {
        return Err(RestoreError::Memory { found: 0, expected: saved.memory() });
    }
    let machine = saved.restore(Counting(9))?;
    let again = machine.save(None, 1);
    let third = Saved::parse(&again)?.restore(Counting(9))?;
    assert!(third.save(None, 1) == again);
    Ok(())
}

#[test]
fn heads() {
    let saved = small().save(None, 77);
    assert!(saved.starts_with(b"sevcrypt machine: SECRET"));
    assert_eq!(Header::parse(&saved), Ok(Header { generation: 77 }));
    for at in (0..saved.len()).step_by(7).chain(0..Header::LEN) {
        let mut changed = saved.to_vec();
        changed[at] ^= 0x10;
        let expected = if at < 64 { RestoreError::NoMachine } else { RestoreError::Damaged };
        assert_eq!(Header::parse(&changed), Err(expected), "{at}");
        assert_eq!(Saved::parse(&changed).err(), Some(expected), "{at}");
        let expected = if at < 64 { RestoreError::NoMachine } else { RestoreError::Damaged };
        assert_eq!(Saved::parse(&saved[..at]).err(), Some(expected), "{at}");
    }
    let mut longer = saved.to_vec();
    longer.push(0);
    assert_eq!(Header::parse(&longer), Err(RestoreError::Damaged));
}

#[test]
fn cut_short() {
    let saved = small().save(None, 1);
    let body = &saved[Header::LEN..];
    restore(body).unwrap();
    // The ASIDs are two bytes each.
    for len in (0..body.len()).filter(|len| len % 127 == 0 || body.len() - len < 16) {
        assert_eq!(restore(&body[..len]), Err(RestoreError::Malformed), "{len}");
    }
    assert_eq!(restore(&[body, &[0]].concat()), Err(RestoreError::Malformed));
}

/// Bytes that are changed, and a digest that is right: another machine, or none.
#[test]
fn changed() {
    let saved = small().save(None, 1);
    let body = &saved[Header::LEN..];
    let mut made = 0;
    for at in (0..body.len()).step_by(101) {
        let mut changed = body.to_vec();
        changed[at] ^= 1 << (at % 8);
        made += usize::from(restore(&changed).is_ok());
        changed[at] = 0xff;
        let _ = restore(&changed);
    }
    assert!(made > 0 && made < body.len() / 101, "{made}");
}

/// Eight bytes that say how much: of memory, guests, entries.
#[test]
fn large_numbers() {
    let saved = small().save(None, 1);
    let body = &saved[Header::LEN..];
    for at in (0..400).step_by(5) {
        for number in [u64::MAX, 1 << 40] {
            let mut changed = body.to_vec();
            changed[at..at + 8].copy_from_slice(&number.to_le_bytes());
            let _ = restore(&changed);
        }
    }
    let memory = body.windows(8).position(|bytes| *bytes == MEMORY.to_le_bytes()).unwrap();
    let with = |memory_of: u64| {
        let mut changed = body.to_vec();
        changed[memory..memory + 8].copy_from_slice(&memory_of.to_le_bytes());
        sealed(1, &changed)
    };
    for expected in [1 << 37, 1 << 52, u64::MAX - 0xfff] {
        let bytes = with(expected);
        let saved = Saved::parse(&bytes).unwrap();
        assert_eq!(saved.memory(), expected);
        let error = saved.restore(Counting(0)).unwrap_err();
        assert_eq!(error, RestoreError::Memory { found: 0, expected });
    }
    assert_eq!(Saved::parse(&with(MEMORY + 1)).err(), Some(RestoreError::Malformed));
    // Less memory than the file has pages of.
    let bytes = with(0x1000);
    let error = Saved::parse(&bytes).unwrap().restore(Counting(0)).unwrap_err();
    assert_eq!(error, RestoreError::Malformed);
}

#[test]
fn memory_of_the_callers() {
    let machine = small();
    let bytes = machine.save(None, 1);
    let saved = Saved::parse(&bytes).unwrap();
    let dram = HeapDram::new(MEMORY).unwrap();
    assert!(saved.restore_with(dram, Counting(1)).unwrap().save(None, 1) == bytes);
    let dram = HeapDram::new(MEMORY * 2).unwrap();
    let error = saved.restore_with(dram, Counting(1)).unwrap_err();
    let expected = RestoreError::Memory { found: MEMORY * 2, expected: MEMORY };
    assert_eq!(error, expected);
    assert_eq!(
        format!("{error}"),
        "the memory has 32768 bytes, and that of the saved machine 16384"
    );
}

#[test]
fn a_ca_goes_along() {
    let ca = TestCa::published(Product::Milan).unwrap();
    let bytes = small().save(Some(&ca), 4);
    let saved = Saved::parse(&bytes).unwrap();
    assert_eq!(saved.ca().unwrap().unwrap().ark(), ca.ark());
    assert_eq!(saved.chip().chip_id(), Chip::new(Product::Milan, &[7; 48], &[8; 32]).chip_id());
    let off = saved.without_power(5);
    let off = Saved::parse(&off).unwrap();
    assert_eq!(off.ca().unwrap().unwrap().ark(), ca.ark());
    assert_eq!((off.header().generation, off.is_running()), (5, false));
    // The guests are gone, and so are their pages.
    let machine = off.restore(Counting(3)).unwrap();
    assert!(machine.lock().snp.guests.is_empty());
    let mut page = [0; 4096];
    machine.host_read(crate::PhysAddr::new(0x1000).unwrap(), &mut page).unwrap();
    assert_eq!(page, [0; 4096]);
    let entries: Vec<_> = (0..4).filter_map(|page| machine.entry(page)).collect();
    assert_eq!(entries, [crate::rmp::Entry::default(); 4]);
    let bytes = small().save(None, 4);
    assert!(Saved::parse(&bytes).unwrap().ca().unwrap().is_none());
}
