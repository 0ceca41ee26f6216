//! The guest in which a program runs: launched from a firmware image, with the channel that its kernel has to the firmware.

use sevcrypt::image::{Launch, Ovmf, PageType, Profile};
use sevcrypt::platform::command::SnpInitEx;
use sevcrypt::platform::{GuestHandle, LaunchOptions, Machine, Vcpu, Vmm, VmmError};
use sevcrypt::rmp::Guest;
use sevcrypt::snp::cert_table::{self, EntryKind};
use sevcrypt::snp::message::{
    GuestChannel, InFlight, MessageBuffer, MessageType, OpenError, Request, Vmpck,
};
use sevcrypt::snp::secrets::SecretsPage;
use sevcrypt::{Asid, Backend, PhysAddr, Status, Vmpl};
use zeroize::Zeroizing;

use super::Platform;
use super::device::{DeviceError, DeviceRequest, GuestDevice};
use super::image;
use crate::failure::Failure;

/// The one guest.
const ASID: Asid = Asid::new(1);

/// A guest's kernel: its channel under VMPCK0, and its way through the host.
pub(super) struct Device<'m> {
    vmm: Vmm<'m>,
    guest: GuestHandle,
    channel: GuestChannel,
    buffer: Box<MessageBuffer>,
    certificates: Vec<u8>,
}

impl<'m> Device<'m> {
    /// Starts a guest, whose kernel takes VMPCK0 out of its secrets page.
    pub(super) fn launch(machine: &'m Machine, platform: &Platform) -> Result<Self, Failure> {
        let init = &mut SnpInitEx { flags: 1, ..SnpInitEx::default() };
        machine
            .issue(init)
            .map_err(|status| Failure::usage(format_args!("SNP_INIT_EX: {status}")))?;
        let memory = platform.saved()?.memory();
        let addr = |addr| PhysAddr::new(addr).map_err(Failure::usage);
        let vmm = Vmm::new(machine, addr(1 << 20)?..addr(memory)?);
        let bytes = image::firmware();
        let firmware = Ovmf::parse(&bytes).map_err(Failure::usage)?;
        let launch = Launch::new(firmware, image::cpu(&platform.saved()?.chip())?, &Profile::QEMU);
        let guest = vmm.launch(&launch, ASID, &LaunchOptions::default()).map_err(Failure::usage)?;

        let mut page = Zeroizing::new([0; 4096]);
        let secrets = guest
            .page_of(PageType::Secrets)
            .ok_or_else(|| Failure::usage("the firmware image has no place for secrets"))?;
        let vcpu = Guest { asid: guest.asid, vmpl: Vmpl::VMPL0 };
        let mut vcpu = Vcpu::new(machine, vcpu, &guest.nested);
        vcpu.read(secrets, &mut *page).map_err(Failure::usage)?;
        let mut secrets = SecretsPage::open(&mut page).map_err(Failure::usage)?;
        let channel = GuestChannel::take(&mut secrets, Vmpck::VMPCK0, Backend::best());
        let channel = channel.map_err(Failure::usage)?;

        let ca = platform.ca()?;
        let tcb = machine.versions().reported_tcb;
        let vcek = super::vcek(&ca, &platform.saved()?.chip(), tcb)?;
        let entries =
            [(EntryKind::Vcek, &vcek[..]), (EntryKind::Ask, ca.ask()), (EntryKind::Ark, ca.ark())];
        let length = cert_table::written_len(&entries).map_err(Failure::usage)?;
        // Whole pages, as a hypervisor copies them.
        let mut certificates = vec![0; length.next_multiple_of(4096)];
        cert_table::write(&entries, &mut certificates).map_err(Failure::usage)?;
        Ok(Self { vmm, guest, channel, buffer: Box::default(), certificates })
    }

    /// Sends a request, and gives back the payload of the response.
    fn exchange<R>(&mut self, request: &R) -> Result<Vec<u8>, DeviceError>
    where
        R: for<'b> Request<Response<'b> = Vec<u8>>,
    {
        let Self { vmm, guest, channel, buffer, .. } = self;
        // A channel that was stopped has no key any more.
        let sent = channel.seal(request, buffer).map_err(|_| DeviceError::Stopped)?;
        let mut page = [0; 4096];
        page[..sent.bytes().len()].copy_from_slice(sent.bytes());
        match vmm.guest_request(guest, &page) {
            Ok(response) => open(sent, &response),
            // Dropped, the request stops the channel, as Linux does.
            Err(VmmError::Firmware { status, .. }) => Err(DeviceError::Firmware(status)),
            Err(_) => Err(DeviceError::Firmware(Status::HWERROR_PLATFORM)),
        }
    }
}

/// A response that cannot be opened stops the channel, as in Linux.
fn open<R>(sent: InFlight<'_, '_, R>, response: &[u8; 4096]) -> Result<Vec<u8>, DeviceError>
where
    R: for<'b> Request<Response<'b> = Vec<u8>>,
{
    sent.open(|copy| copy.copy_from_slice(&response[..copy.len()]))
        .map_err(|_| DeviceError::Stopped)
}

/// A request as a program wrote it.
struct Raw<'a, const TYPE: u8> {
    version: u8,
    payload: &'a [u8],
}

impl<const TYPE: u8> Request for Raw<'_, TYPE> {
    const TYPE: MessageType = MessageType(TYPE);
    type Response<'b> = Vec<u8>;

    fn message_version(&self) -> u8 {
        self.version
    }

    fn response_len(&self) -> usize {
        if Self::TYPE == MessageType::REPORT_REQ { 0x4c0 } else { 0x40 }
    }

    fn encode(&self, out: &mut [u8]) -> Option<usize> {
        out.get_mut(..self.payload.len())?.copy_from_slice(self.payload);
        Some(self.payload.len())
    }

    fn parse_response(payload: &mut [u8]) -> Result<Vec<u8>, OpenError> {
        Ok(payload.to_vec())
    }

    fn parse_refusal(_: Status, payload: &mut [u8]) -> Result<Vec<u8>, OpenError> {
        Ok(payload.to_vec())
    }
}

impl GuestDevice for Device<'_> {
    fn request(&mut self, request: DeviceRequest<'_>) -> Result<Vec<u8>, DeviceError> {
        match request {
            DeviceRequest::Report { version, payload } => {
                const TYPE: u8 = MessageType::REPORT_REQ.0;
                self.exchange(&Raw::<TYPE> { version, payload })
            }
            DeviceRequest::Key { version, payload } => {
                const TYPE: u8 = MessageType::KEY_REQ.0;
                self.exchange(&Raw::<TYPE> { version, payload })
            }
        }
    }

    fn certificates(&mut self) -> Result<Vec<u8>, DeviceError> {
        Ok(self.certificates.clone())
    }
}
