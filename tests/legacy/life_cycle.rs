//! A guest's life, from its owner's first look at a platform to its second platform; and what a hostile host can do.

use sevcrypt::ecdh::PrivateKey;
use sevcrypt::image::{CpuSignature, Profile};
use sevcrypt::mem::{MemoryCipher, Tweak};
use sevcrypt::sev::cert::{
    AmdCertificate, AmdCertificates, Certificate, PlatformCertificates, Trust, VerifiedPlatform,
    verify,
};
use sevcrypt::sev::debug::{self, DebugError};
use sevcrypt::sev::keys::{Oca, PlatformKeys};
use sevcrypt::sev::launch::{
    Attested, LaunchDigest, LaunchError, Loading, MeasurementError, Running, SecretTable,
};
use sevcrypt::sev::packet::{PacketHeader, PacketIv};
use sevcrypt::sev::report::Expected;
use sevcrypt::sev::session::{Channel, ClientSession, SessionBuffer, SessionError, SessionRandom};
use sevcrypt::sev::swap::{PageType, SwapError, SwapKey};
use sevcrypt::sev::transport::{
    Receiver, Receiving, SendStartError, Sender, Sending, TransportError,
};
use sevcrypt::sev::{ApiVersion, GuestPolicy};
use sevcrypt::vmsa::{CheckBlock, SevFeatures, Vmsa};
use sevcrypt::{Backend, Page, PhysAddr, Status};

use crate::platforms::{ASK_ARK, FIRMWARE, ark, certificates, owned_platform, owner};

/// API 1.55, SEV, DOMAIN, NOKS.
const SEV: GuestPolicy = GuestPolicy(0x3701_0032);
/// The same with ES and NODBG.
const SEV_ES: GuestPolicy = GuestPolicy(0x3701_0037);

const PASSPHRASE: &[u8] = b"correct horse battery staple";

/// A generator of bytes that no other call gets, for tests.
struct Random(u8);

impl Random {
    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        self.0 += 1;
        core::array::from_fn(|i| self.0.wrapping_mul(31).wrapping_add((i % 251) as u8))
    }
}

/// A machine: its firmware's keys, and its memory controller, which has one guest's key.
struct Machine {
    keys: PlatformKeys,
    certificates: PlatformCertificates,
    controller: MemoryCipher,
    /// Where the guest's pages begin.
    base: u64,
}

/// The guest's pages of memory.
const PAGES: usize = 3;
/// Where its save area lies.
const VMSA: usize = 8;

impl Machine {
    fn new(number: u8, oca: &Oca, random: &mut Random) -> Self {
        let keys = owned_platform(number, oca);
        let certificates = certificates(number.into(), &keys);
        let tweak = Tweak::from_seed(&random.bytes::<32>());
        let controller = MemoryCipher::xex(&random.bytes::<16>(), tweak, Backend::best()).unwrap();
        Self { keys, certificates, controller, base: 0x10_0000_0000 * (1 + u64::from(number)) }
    }

    fn address(&self, page: usize) -> PhysAddr {
        PhysAddr::new(self.base + 4096 * page as u64).unwrap()
    }

    /// Memory that the firmware keeps to itself.
    fn check_block(&self) -> PhysAddr {
        PhysAddr::new(self.base + 0xff_0008).unwrap()
    }

    fn encrypted(&self, page: usize, plain: &Page) -> Page {
        let mut dram = *plain;
        self.controller.encrypt(self.address(page), &mut dram).unwrap();
        dram
    }

    fn decrypted(&self, page: usize, dram: &Page) -> Page {
        let mut plain = *dram;
        self.controller.decrypt(self.address(page), &mut plain).unwrap();
        plain
    }

    /// The machine as the one that a guest is sent to.
    fn receive<T>(&self, send: impl FnOnce(&Receiver<'_>) -> T) -> T {
        let chain = self.certificates.chain();
        send(&Receiver { pdh: self.certificates.pdh.as_bytes(), platform: &chain, amd: ASK_ARK })
    }
}

/// A guest's memory, as it stands in a machine's DRAM, and what the firmware keeps of its save area.
struct Memory {
    pages: [Page; PAGES],
    vmsa: Option<(Page, CheckBlock)>,
}

/// The two pages of the guest's image.
fn image() -> [Page; 2] {
    [1, 2].map(|n| core::array::from_fn(|i| (n * i % 251) as u8))
}

fn first_vcpu() -> Vmsa {
    let genoa = CpuSignature(0xa1_0f10);
    Profile::QEMU.vmsa(Profile::RESET_VECTOR, true, genoa, SevFeatures::default())
}

/// What the owner expects to be loaded.
fn expected_digest(policy: GuestPolicy) -> [u8; 32] {
    let mut digest = LaunchDigest::new();
    for page in image() {
        digest.update_data(&page).unwrap();
    }
    if policy.es() {
        digest.update_vmsa(first_vcpu().as_bytes());
    }
    digest.digest()
}

/// The owner looks at a machine.
fn verified(machine: &Machine) -> VerifiedPlatform {
    let [ask, ark] = AmdCertificate::parse_chain(ASK_ARK).unwrap();
    let amd = AmdCertificates { ask: Some(ask), ark: Some(ark) };
    let roots = [ark];
    verify(&machine.certificates, amd, &Trust::amd().with_roots(&roots)).unwrap()
}

/// The owner's session with a machine, and what its firmware makes of it.
fn session(
    machine: &Machine,
    policy: GuestPolicy,
    random: &mut Random,
) -> (ClientSession, Channel) {
    let own = PrivateKey::from_random(&random.bytes());
    let certificate = Certificate::of_ecdh_key(&own.public_key(), ApiVersion::default());
    let random = SessionRandom::new(&random.bytes());
    let session = ClientSession::new(&own, verified(machine).pdh(), policy, &random);
    let buffer = session.buffer().to_bytes();
    let pdh = machine.keys.pdh();
    let channel = Channel::open(pdh, certificate.as_bytes(), &buffer, policy, FIRMWARE.api);
    (session, channel.unwrap())
}

/// The host's part and the firmware's, up to the measurement.
fn load(machine: &Machine, channel: Channel) -> (Loading, Memory) {
    let mut loading = Loading::start(channel);
    let mut pages = [[0; 4096]; PAGES];
    for (n, page) in image().iter().enumerate() {
        loading.update_data(page).unwrap();
        pages[n] = machine.encrypted(n, page);
    }
    let mut vmsa = first_vcpu();
    let vmsa = match loading.update_vmsa(vmsa.as_bytes()) {
        Ok(()) => {
            let block = vmsa.prepare(machine.check_block());
            Some((machine.encrypted(VMSA, vmsa.as_bytes()), block))
        }
        Err(error) => {
            assert_eq!(error, LaunchError::NotEs);
            None
        }
    };
    assert_eq!(vmsa.is_some(), loading.policy().es());
    (loading, Memory { pages, vmsa })
}

/// From the owner's first look to a guest that runs, with a secret on its third page.
fn launch(machine: &Machine, policy: GuestPolicy, random: &mut Random) -> (Running, Memory) {
    let (session, channel) = session(machine, policy, random);
    let (loading, mut memory) = load(machine, channel);
    let (measurement, guest) = loading.measure(FIRMWARE, &random.bytes(), Backend::best());

    let digest = expected_digest(policy);
    let attested =
        Attested::check(session, FIRMWARE, &digest, &measurement, Backend::best()).unwrap();
    let mut secret = [0; 4096];
    SecretTable::write(&[(SecretTable::DISK_PASSPHRASE, PASSPHRASE)], &mut secret).unwrap();
    let header = attested.seal_secret(PacketIv::from_random(random.bytes()), &mut secret).unwrap();

    guest.open_secret(&header, &mut secret).unwrap();
    memory.pages[2] = machine.encrypted(2, &secret);
    (guest.finish(), memory)
}

/// The owner asks whether the guest is still there.
fn attest(machine: &Machine, guest: &Running, digest: &[u8; 32], random: &mut Random) {
    let mnonce = random.bytes();
    let report = guest.attest(&mnonce, machine.keys.pek()).unwrap();
    let expected = Expected { mnonce: &mnonce, digest, policy: guest.policy() };
    report.judge_vartime(verified(machine).pek(), &expected).unwrap();
}

/// The host looks into the guest's memory, or may not.
fn look(machine: &Machine, guest: &Running, memory: &Memory) -> Result<Page, DebugError> {
    let mut seen = [0; 4096];
    let buffer = PhysAddr::new(0x8000).unwrap();
    let source = (machine.address(2), &memory.pages[2]);
    debug::decrypt(guest.policy(), &machine.controller, source, (buffer, &mut seen))?;
    Ok(seen)
}

fn send_start(
    guest: Running,
    from: &Machine,
    to: &Machine,
    random: &mut Random,
) -> Result<(Sending, SessionBuffer), SendStartError> {
    let roots = [ark()];
    let trust = Trust::amd().with_roots(&roots);
    let sender = Sender { pdh: from.keys.pdh(), oca: &from.certificates.oca, trust };
    let random = SessionRandom::new(&random.bytes());
    to.receive(|receiver| guest.send_start(receiver, &sender, &random, Backend::best()))
        .map_err(|refused| refused.error)
}

fn receive_start(
    from: &Machine,
    to: &Machine,
    session: &SessionBuffer,
    policy: GuestPolicy,
) -> Result<Receiving, SessionError> {
    let peer = from.certificates.pdh.as_bytes();
    let channel = Channel::open(to.keys.pdh(), peer, &session.to_bytes(), policy, FIRMWARE.api)?;
    Ok(Receiving::start(channel, Backend::best()))
}

/// Everything that the host carries from one machine to the other.
struct Carried {
    session: SessionBuffer,
    pages: [(PacketHeader, Page); PAGES],
    vmsa: Option<(PacketHeader, Page)>,
}

fn send(
    guest: Running,
    memory: &Memory,
    from: &Machine,
    to: &Machine,
    random: &mut Random,
) -> Carried {
    let (sending, session) = send_start(guest, from, to, random).unwrap();
    let mut n = 0;
    let pages = memory.pages.map(|dram| {
        let mut packet = from.decrypted(n, &dram);
        n += 1;
        let header = sending.data(PacketIv::from_random(random.bytes()), &mut packet).unwrap();
        (header, packet)
    });
    let vmsa = memory.vmsa.as_ref().map(|(dram, block)| {
        let vmsa = Vmsa::from_bytes(&from.decrypted(VMSA, dram));
        let (mut packet, iv) = ([0; 4096], PacketIv::from_random(random.bytes()));
        let header = sending.vmsa(iv, &vmsa, &[*block], &mut packet).unwrap();
        (header, packet)
    });
    sending.finish();
    Carried { session, pages, vmsa }
}

fn receive(
    carried: &Carried,
    policy: GuestPolicy,
    from: &Machine,
    to: &Machine,
) -> (Running, Memory) {
    let receiving = receive_start(from, to, &carried.session, policy).unwrap();
    let mut n = 0;
    let pages = carried.pages.map(|(header, packet)| {
        let mut page = [0; 4096];
        receiving.data_to(&header, &packet, &mut page).unwrap();
        n += 1;
        to.encrypted(n - 1, &page)
    });
    let vmsa = carried.vmsa.as_ref().map(|(header, packet)| {
        let mut vmsa = Vmsa::ZERO;
        let block = receiving.vmsa(header, packet, to.check_block(), &mut vmsa).unwrap();
        (to.encrypted(VMSA, vmsa.as_bytes()), block)
    });
    (receiving.finish(), Memory { pages, vmsa })
}

/// All pages go to a disk and come back.
fn swap(machine: &Machine, memory: &mut Memory, random: &mut Random) {
    let mut key = SwapKey::new(&random.bytes(), 0, Backend::best());
    let blocks: Vec<CheckBlock> = memory.vmsa.iter().map(|(_, block)| *block).collect();
    for (n, dram) in memory.pages.iter_mut().enumerate() {
        let plain = machine.decrypted(n, dram);
        let mut disk = [0; 4096];
        let entry = key.swap_out(PageType::Data, &blocks, n as u64, &plain, &mut disk).unwrap();
        let mut back = [0; 4096];
        key.swap_in(PageType::Data, &entry, &disk, &mut back).unwrap();
        assert_eq!((back, entry.count()), (plain, n as u64));
        *dram = machine.encrypted(n, &back);
    }
    if let Some((dram, _)) = &mut memory.vmsa {
        let plain = machine.decrypted(VMSA, dram);
        let mut disk = [0; 4096];
        let as_data = key.swap_out(PageType::Data, &blocks, 0, &plain, &mut disk);
        assert_eq!(as_data, Err(SwapError::IsVmsa));
        let entry = key.swap_out(PageType::Vmsa, &blocks, 0, &plain, &mut disk).unwrap();
        let mut back = [0; 4096];
        key.swap_in(PageType::Vmsa, &entry, &disk, &mut back).unwrap();
        Vmsa::from_bytes(&back).check_integrity(&blocks).unwrap();
        *dram = machine.encrypted(VMSA, &back);
    }
}

/// The guest reads what its owner gave to it.
fn passphrase(machine: &Machine, memory: &Memory) -> Vec<u8> {
    let page = machine.decrypted(2, &memory.pages[2]);
    let table = SecretTable::parse(&page).unwrap();
    table.get(SecretTable::DISK_PASSPHRASE).unwrap().to_vec()
}

/// One life, on two machines of one owner.
fn life(policy: GuestPolicy) -> (Machine, Machine, Running, Memory) {
    let (oca, mut random) = (owner(9), Random(0));
    let old = Machine::new(0, &oca, &mut random);
    let new = Machine::new(1, &oca, &mut random);

    let (guest, mut memory) = launch(&old, policy, &mut random);
    let digest = expected_digest(policy);
    assert_eq!(guest.digest(), &digest);
    attest(&old, &guest, &digest, &mut random);
    swap(&old, &mut memory, &mut random);
    assert_eq!(passphrase(&old, &memory), PASSPHRASE);

    let carried = send(guest, &memory, &old, &new, &mut random);
    let (guest, mut moved) = receive(&carried, policy, &old, &new);
    // The digest stays behind: only who has seen both platforms knows that it is the same guest.
    attest(&new, &guest, &[0; 32], &mut random);
    swap(&new, &mut moved, &mut random);
    for n in 0..PAGES {
        assert_ne!(moved.pages[n], memory.pages[n], "another key, another place");
        assert_eq!(new.decrypted(n, &moved.pages[n]), old.decrypted(n, &memory.pages[n]));
    }
    assert_eq!(passphrase(&new, &moved), PASSPHRASE);
    (old, new, guest, moved)
}

#[test]
fn sev() {
    let (_, new, guest, memory) = life(SEV);
    assert!(memory.vmsa.is_none());
    // The policy allows debugging.
    let seen = look(&new, &guest, &memory).unwrap();
    assert_eq!(SecretTable::parse(&seen).unwrap().entries().count(), 1);
    // The host writes, too.
    let mut dram = memory.pages[0];
    let page = (new.address(0), &mut dram);
    let buffer = PhysAddr::new(0x8000).unwrap();
    debug::encrypt(guest.policy(), &new.controller, (buffer, &[7; 4096]), page).unwrap();
    assert_eq!(new.decrypted(0, &dram), [7; 4096]);
}

#[test]
fn sev_es() {
    let (_, new, guest, memory) = life(SEV_ES);
    assert_eq!(look(&new, &guest, &memory), Err(DebugError::Policy));

    // The save area is the one that was launched, but for the firmware's words.
    let (dram, block) = memory.vmsa.unwrap();
    let vmsa = Vmsa::from_bytes(&new.decrypted(VMSA, &dram));
    vmsa.check_integrity(&[block]).unwrap();
    let mut expected = first_vcpu();
    expected.prepare(new.check_block());
    assert_eq!(vmsa.as_bytes(), expected.as_bytes());

    // Another place within the machine: its address is another tweak.
    let mut copy = [0; 4096];
    let (old_place, new_place) = (new.address(VMSA), new.address(VMSA + 1));
    debug::copy(&new.controller, (old_place, &dram), (new_place, &mut copy)).unwrap();
    assert_ne!(copy, dram);
    assert_eq!(new.decrypted(VMSA + 1, &copy), *expected.as_bytes());
}

/// Two machines of one owner, and a guest on the first.
fn two_machines(policy: GuestPolicy) -> (Machine, Machine, Running, Memory, Random) {
    let (oca, mut random) = (owner(9), Random(0));
    let old = Machine::new(0, &oca, &mut random);
    let new = Machine::new(1, &oca, &mut random);
    let (guest, memory) = launch(&old, policy, &mut random);
    (old, new, guest, memory, random)
}

#[test]
fn the_host_loads_something_else() {
    let (oca, mut random) = (owner(9), Random(0));
    let machine = Machine::new(0, &oca, &mut random);
    let mut changed = image();
    changed[1][0] ^= 1;
    let [first, second] = image();
    // One bit; the other order; no save area; one too many.
    for (pages, save_areas) in
        [(changed, 1), ([second, first], 1), ([first, second], 0), ([first, second], 2)]
    {
        let (session, channel) = session(&machine, SEV_ES, &mut random);
        let mut loading = Loading::start(channel);
        for page in &pages {
            loading.update_data(page).unwrap();
        }
        for _ in 0..save_areas {
            loading.update_vmsa(first_vcpu().as_bytes()).unwrap();
        }
        let (measurement, _) = loading.measure(FIRMWARE, &random.bytes(), Backend::best());
        let digest = expected_digest(SEV_ES);
        let checked = Attested::check(session, FIRMWARE, &digest, &measurement, Backend::best());
        assert_eq!(checked.err(), Some(MeasurementError));
    }
}

/// The measurement of another guest, of the same image, does not open the owner's secrets to this one.
#[test]
fn the_host_shows_another_guests_measurement() {
    let (oca, mut random) = (owner(9), Random(0));
    let machine = Machine::new(0, &oca, &mut random);
    let (mine, _) = session(&machine, SEV, &mut random);
    let (theirs, channel) = session(&machine, SEV, &mut random);
    let (loading, _) = load(&machine, channel);
    let (measurement, other) = loading.measure(FIRMWARE, &random.bytes(), Backend::best());
    let digest = expected_digest(SEV);
    let checked = Attested::check(mine, FIRMWARE, &digest, &measurement, Backend::best());
    assert_eq!(checked.err(), Some(MeasurementError));

    // And a secret that was sealed for that guest's owner is no secret of a guest that is measured again.
    let attested =
        Attested::check(theirs, FIRMWARE, &digest, &measurement, Backend::best()).unwrap();
    let mut secret = [1; 32];
    let header = attested.seal_secret(PacketIv::from_random(random.bytes()), &mut secret).unwrap();
    let (_, channel) = session(&machine, SEV, &mut random);
    let (loading, _) = load(&machine, channel);
    let (_, again) = loading.measure(FIRMWARE, &random.bytes(), Backend::best());
    let before = secret;
    let refused = again.open_secret(&header, &mut secret);
    assert_eq!((refused, secret), (Err(LaunchError::SecretMac), before));
    other.open_secret(&header, &mut secret).unwrap();
    assert_eq!(secret, [1; 32]);
}

/// The host tells the second machine another policy, or that of an older session.
#[test]
fn the_host_changes_the_policy() {
    let (old, new, guest, _, mut random) = two_machines(SEV_ES);
    let (_sending, session) = send_start(guest, &old, &new, &mut random).unwrap();
    for bit in 0..32 {
        let policy = GuestPolicy(SEV_ES.0 ^ 1 << bit);
        let error = receive_start(&old, &new, &session, policy).err().unwrap();
        assert_eq!((error, error.status()), (SessionError::PolicyMac, Status::BAD_MEASUREMENT));
    }
    assert!(receive_start(&old, &new, &session, SEV_ES).is_ok());
}

/// The session of one migration with the policy's MAC of another.
#[test]
fn the_host_mixes_sessions() {
    let (old, new, guest, memory, mut random) = two_machines(SEV_ES);
    let first = send(guest, &memory, &old, &new, &mut random);
    let (guest, memory) = launch(&old, SEV, &mut random);
    let second = send(guest, &memory, &old, &new, &mut random);

    let mixed = SessionBuffer { policy_mac: second.session.policy_mac, ..first.session };
    for policy in [SEV, SEV_ES] {
        let error = receive_start(&old, &new, &mixed, policy).err();
        assert_eq!(error, Some(SessionError::PolicyMac));
    }
    // To a machine that it was not made for, and from one that has not made it.
    let error = receive_start(&old, &old, &first.session, SEV_ES).err();
    assert_eq!(error, Some(SessionError::WrapMac));
    let error = receive_start(&new, &new, &first.session, SEV_ES).err();
    assert_eq!(error, Some(SessionError::WrapMac));

    // A packet of the one session in the other.
    let receiving = receive_start(&old, &new, &second.session, SEV).unwrap();
    let (header, mut packet) = first.pages[0];
    let before = packet;
    let error = receiving.data(&header, &mut packet).unwrap_err();
    assert_eq!((error, packet), (TransportError::Mac, before));
    assert_eq!(error.status(), Status::BAD_MEASUREMENT);
}

/// What the format does not keep the host from: repeating packets, leaving them out, changing their places.
#[test]
fn the_host_reorders_packets() {
    let (old, new, guest, memory, mut random) = two_machines(SEV);
    let carried = send(guest, &memory, &old, &new, &mut random);
    let receiving = receive_start(&old, &new, &carried.session, SEV).unwrap();
    let [(first, packet), ..] = carried.pages;
    for _ in 0..2 {
        let mut page = packet;
        receiving.data(&first, &mut page).unwrap();
        assert_eq!(page, image()[0], "wherever the host then puts it");
    }
    // Two of three pages never came.
    let guest = receiving.finish();
    assert_eq!(guest.policy(), SEV);

    // The whole migration again: the same guest runs twice.
    let (again, _) = receive(&carried, SEV, &old, &new);
    assert_eq!(again.policy(), SEV);
}

/// The host changes a page on its way, or the save area in memory before it is sent.
#[test]
fn the_host_changes_what_it_carries() {
    let (old, new, guest, memory, mut random) = two_machines(SEV_ES);
    let (dram, block) = memory.vmsa.unwrap();
    let (sending, session) = send_start(guest, &old, &new, &mut random).unwrap();

    let mut changed = dram;
    changed[0x178] ^= 1;
    let vmsa = Vmsa::from_bytes(&old.decrypted(VMSA, &changed));
    let (mut packet, iv) = ([0xee; 4096], PacketIv::from_random(random.bytes()));
    let error = sending.vmsa(iv, &vmsa, &[block], &mut packet).unwrap_err();
    assert_eq!((error.status(), packet), (Status::INVALID_PARAM, [0xee; 4096]));

    let mut packet = image()[0];
    let header = sending.data(PacketIv::from_random(random.bytes()), &mut packet).unwrap();
    packet[4095] ^= 0x80;
    let receiving = receive_start(&old, &new, &session, SEV_ES).unwrap();
    let before = packet;
    assert_eq!(receiving.data(&header, &mut packet), Err(TransportError::Mac));
    assert_eq!(packet, before);
}

/// To a machine that another one owns, the guest is not sent.
#[test]
fn the_host_has_a_machine_of_its_own() {
    let (old, _, guest, _, mut random) = two_machines(SEV);
    let theirs = Machine::new(1, &owner(10), &mut random);
    let error = send_start(guest, &old, &theirs, &mut random).unwrap_err();
    assert_eq!(error, SendStartError::OtherOwner);
}

/// A guest whose policy asks for nothing can be taken by a host with a key of its own.
#[test]
fn the_host_is_the_receiver() {
    let (old, _, guest, memory, mut random) = two_machines(GuestPolicy(0));
    let own = PrivateKey::from_random(&random.bytes());
    let certificate = Certificate::of_ecdh_key(&own.public_key(), FIRMWARE.api);
    let receiver = Receiver { pdh: certificate.as_bytes(), platform: &[], amd: &[] };
    let oca = &old.certificates.oca;
    let sender = Sender { pdh: old.keys.pdh(), oca, trust: Trust::amd() };
    let fresh = SessionRandom::new(&random.bytes());
    let (sending, session) = guest.send_start(&receiver, &sender, &fresh, Backend::best()).unwrap();
    let mut packet = old.decrypted(2, &memory.pages[2]);
    let header = sending.data(PacketIv::from_random(random.bytes()), &mut packet).unwrap();

    let (peer, buffer) = (old.certificates.pdh.as_bytes(), session.to_bytes());
    let channel = Channel::open(&own, peer, &buffer, GuestPolicy(0), FIRMWARE.api).unwrap();
    Receiving::start(channel, Backend::best()).data(&header, &mut packet).unwrap();
    let table = SecretTable::parse(&packet).unwrap();
    assert_eq!(table.get(SecretTable::DISK_PASSPHRASE), Some(PASSPHRASE));
}
