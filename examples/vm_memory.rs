//! A host that keeps a guest's memory as DRAM does: encrypted at rest, changed through the guest's key,
//! moved to another physical page, with the dirty pages logged.
//!
//! ```sh
//! cargo run --release --example vm_memory --features vm-memory-018
//! ```

use std::error::Error;
use std::sync::Arc;

use sevcrypt::mem::vm_memory::Mapping;
use sevcrypt::mem::{self, MemoryCipher, Tweak};
use sevcrypt::{Backend, PhysAddr};
use vm_memory::bitmap::{AtomicBitmap, Bitmap};
use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion};

/// Where the host has put guest address 0.
const BASE: u64 = 0x2_4000_0000;

fn main() -> Result<(), Box<dyn Error>> {
    // One tweak for the platform, one key for the guest.
    let platform = Arc::new(Tweak::from_seed(b"the random bytes of this boot"));
    let guest = MemoryCipher::xex(&[0x3c; 16], Arc::clone(&platform), Backend::best())?;

    // Guest memory in two regions, as a VMM has it around its PCI hole. A run may cross them.
    let memory: GuestMemoryMmap<AtomicBitmap> =
        GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 0x8000), (GuestAddress(0x8000), 0x8000)])?;
    memory.write_slice(b"the guest's secret", GuestAddress(0x7ff0))?;
    guest.encrypt_guest_memory(&memory, GuestAddress(0), 0x10000, PhysAddr::new(BASE)?)?;
    let mut dram = [0; 18];
    memory.read_slice(&mut dram, GuestAddress(0x7ff0))?;
    println!("DRAM at guest address 0x7ff0 holds {dram:02x?}");

    // One line of the guest's memory as the guest sees it: 64 bytes, not the whole page.
    let line = GuestAddress(0x7fc0);
    guest.decrypt_guest_memory(&memory, line, 64, PhysAddr::new(BASE + line.0)?)?;
    let mut seen = [0; 16];
    memory.read_slice(&mut seen, GuestAddress(0x7ff0))?;
    println!("under the guest's key:        {:?}", String::from_utf8_lossy(&seen));
    guest.encrypt_guest_memory(&memory, line, 64, PhysAddr::new(BASE + line.0)?)?;

    // The host moves the page to another place. Ciphertext alone would not survive that.
    let (old, new) = (PhysAddr::new(BASE + 0x7000)?, PhysAddr::new(0x9_0000_0000)?);
    let slice = memory.get_slice(GuestAddress(0x7000), 0x1000)?;
    let page = Mapping::new(&slice);
    mem::move_page((&guest, old), (&guest, new), page.bytes(), page.bytes())?;
    guest.decrypt(new, page.bytes())?;
    memory.read_slice(&mut seen, GuestAddress(0x7ff0))?;
    println!("after a move to {new}: {:?}", String::from_utf8_lossy(&seen));

    for region in memory.iter() {
        let dirty =
            (0..region.len()).step_by(4096).filter(|at| region.bitmap().dirty_at(*at as usize));
        println!("dirty pages from {:#x} on: {}", region.start_addr().0, dirty.count());
    }
    Ok(())
}
