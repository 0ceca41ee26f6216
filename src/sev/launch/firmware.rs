//! The firmware's end of a launch: a guest in each of its states, as a type.

use core::fmt;

use super::{DataLengthError, LaunchDigest, Measurement, MeasurementInput};
use crate::addr::Page;
use crate::cpu::Backend;
use crate::ecdsa::SignerSha256;
use crate::hash::Sha256Digest;
use crate::sev::packet::{self, Context, PacketHeader, PacketKeys};
use crate::sev::report::AttestationReport;
use crate::sev::session::Channel;
#[cfg(feature = "platform")]
use crate::sev::session::TransportKeys;
use crate::sev::{FirmwareVersion, GuestPolicy};
use crate::status::Status;
use crate::wipe::Wiped;

/// LUPDATE: a guest that is being loaded.
///
/// Whether the platform was initialised for SEV-ES, handles, ASIDs and addresses are for who has a platform; here is what a
/// guest's own context decides.
#[derive(Debug)]
pub struct Loading {
    channel: Channel,
    digest: LaunchDigest,
}

impl Loading {
    /// LAUNCH_START, when the session is open ([`Channel::open`]). Who shares another guest's key checks
    /// [`GuestPolicy::check_sharing`] then.
    #[must_use]
    pub fn start(channel: Channel) -> Self {
        Self { channel, digest: LaunchDigest::new() }
    }

    /// LAUNCH_START without a session: TEK and TIK are zeros, and nothing is checked of the policy.
    ///
    /// Nothing is secret in such a launch, and everybody can make its measurement. RECEIVE_START has no such form.
    #[must_use]
    pub fn start_without_session(policy: GuestPolicy) -> Self {
        Self::start(Channel::without_session(policy))
    }

    /// POLICY.
    #[must_use]
    pub fn policy(&self) -> GuestPolicy {
        self.channel.policy()
    }

    /// LAUNCH_UPDATE_DATA: plaintext, before it is enciphered in its place.
    ///
    /// # Errors
    /// [`LaunchError::DataLength`]; the digest stays as it is.
    pub fn update_data(&mut self, data: &[u8]) -> Result<(), LaunchError> {
        self.digest.update_data(data).map_err(LaunchError::DataLength)
    }

    /// LAUNCH_UPDATE_VMSA: a save area as the VMM gives it, without the integrity value that the firmware puts in.
    ///
    /// # Errors
    /// [`LaunchError::NotEs`]; the digest stays as it is.
    pub fn update_vmsa(&mut self, vmsa: &Page) -> Result<(), LaunchError> {
        if !self.policy().es() {
            return Err(LaunchError::NotEs);
        }
        self.digest.update_vmsa(vmsa);
        Ok(())
    }

    /// LAUNCH_MEASURE, with 16 fresh random bytes as MNONCE. It comes once in a guest's life.
    #[must_use]
    pub fn measure(
        self,
        firmware: FirmwareVersion,
        mnonce: &[u8; 16],
        backend: Backend,
    ) -> (Measurement, Measured) {
        let (policy, digest) = (self.policy(), self.digest.digest());
        let input = MeasurementInput { firmware, policy, digest, mnonce: *mnonce };
        let keys = self.channel.keys();
        let measurement = input.measure(&keys.tik);
        let measured = Guest {
            keys: PacketKeys::new(keys, backend),
            measure: measurement.measure,
            guest: Running { policy, digest },
        };
        (measurement, Measured(Wiped::new(measured)))
    }
}

/// For a machine that is saved.
#[cfg(feature = "platform")]
impl Loading {
    pub(crate) fn parts(&self) -> (&Channel, &LaunchDigest) {
        let Self { channel, digest } = self;
        (channel, digest)
    }

    pub(crate) fn resume(channel: Channel, digest: LaunchDigest) -> Self {
        Self { channel, digest }
    }
}

/// LSECRET: a guest that was measured, and takes secrets. Its keys are wiped on drop.
pub struct Measured(Wiped<Guest>);

/// Wiped as a whole: the moves that fill it also copy its padding, which may hold old stack bytes.
struct Guest {
    keys: PacketKeys,
    measure: [u8; 32],
    guest: Running,
}

impl Measured {
    /// LAUNCH_SECRET: checks a secret's MAC in constant time and deciphers it in place. It may come again, and so may the same
    /// packet.
    ///
    /// # Errors
    /// As [`open_secret_command`](Self::open_secret_command).
    pub fn open_secret(&self, header: &PacketHeader, secret: &mut [u8]) -> Result<(), LaunchError> {
        self.open(PacketHeader::LEN, secret.len(), header, secret)
    }

    /// The same from what the command gives: a header of any length, GUEST_LENGTH, and as many bytes as TRANS_LENGTH says.
    ///
    /// ```
    /// use sevcrypt::Backend;
    /// use sevcrypt::sev::launch::{LaunchError, Loading};
    /// use sevcrypt::sev::{FirmwareVersion, GuestPolicy};
    ///
    /// let guest = Loading::start_without_session(GuestPolicy(0));
    /// let (_, guest) = guest.measure(FirmwareVersion::default(), &[3; 16], Backend::best());
    /// let odd = guest.open_secret_command(&[0; 52], 17, &mut [0; 17]);
    /// assert_eq!(odd, Err(LaunchError::SecretLengths { header: 52, guest: 17, trans: 17 }));
    /// ```
    ///
    /// # Errors
    /// In the firmware's order: [`LaunchError::SecretLengths`], [`LaunchError::SecretMac`], [`LaunchError::Compressed`].
    /// Nothing was deciphered. (The published firmware looks at COMPRESSED after it has deciphered; what it then has it throws
    /// away, so that only the order of the answers is to be seen.)
    pub fn open_secret_command(
        &self,
        header: &[u8],
        guest_length: u32,
        secret: &mut [u8],
    ) -> Result<(), LaunchError> {
        // A number that does not fit is too large, too.
        let guest = usize::try_from(guest_length).unwrap_or(usize::MAX);
        let bytes = header.first_chunk().unwrap_or(&[0; PacketHeader::LEN]);
        self.open(header.len(), guest, &PacketHeader::from_bytes(bytes), secret)
    }

    fn open(
        &self,
        header_len: usize,
        guest: usize,
        header: &PacketHeader,
        secret: &mut [u8],
    ) -> Result<(), LaunchError> {
        let Guest { keys, measure, .. } = &*self.0;
        let trans = secret.len();
        if header_len != PacketHeader::LEN || !packet::is_valid_len(guest) || guest != trans {
            return Err(LaunchError::SecretLengths { header: header_len, guest, trans });
        }
        if !keys.is_authentic(Context::Secret(measure), header, secret) {
            return Err(LaunchError::SecretMac);
        }
        if header.is_compressed() {
            return Err(LaunchError::Compressed);
        }
        keys.decipher(header, secret);
        Ok(())
    }

    /// ATTESTATION: a report with the caller's MNONCE.
    ///
    /// ```
    /// use sevcrypt::Backend;
    /// use sevcrypt::ecdsa::SigningKey;
    /// use sevcrypt::sev::launch::{Loading, Measurement};
    /// use sevcrypt::sev::report::AttestationReport;
    /// use sevcrypt::sev::{ApiVersion, FirmwareVersion, GuestPolicy};
    ///
    /// let pek = SigningKey::from_random(&[7; 56]);
    /// let firmware = FirmwareVersion { api: ApiVersion { major: 1, minor: 55 }, build: 25 };
    /// let mut guest = Loading::start_without_session(GuestPolicy(0x3701_0005)); // SEV-ES
    /// guest.update_data(&[0xcc; 4096])?;
    /// guest.update_vmsa(&[0; 4096])?;
    /// let (measurement, guest) = guest.measure(firmware, &[3; 16], Backend::best());
    /// assert_eq!(Measurement::from_bytes(&measurement.to_bytes()), measurement);
    ///
    /// // At any time from here on, for whoever asks.
    /// let report = guest.attest(b"a verifier's own", &pek)?;
    /// let report = AttestationReport::from_bytes(report.as_bytes());
    /// report.verify_vartime(&pek.verifying_key())?;
    /// let guest = guest.finish();
    /// assert_eq!(guest.attest(b"another question", &pek)?.digest(), report.digest());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The signer's.
    pub fn attest<S: SignerSha256>(
        &self,
        mnonce: &[u8; 16],
        pek: &S,
    ) -> Result<AttestationReport, S::Error> {
        self.0.guest.attest(mnonce, pek)
    }

    /// POLICY.
    #[must_use]
    pub fn policy(&self) -> GuestPolicy {
        self.0.guest.policy
    }

    /// LD.
    #[must_use]
    pub fn digest(&self) -> &Sha256Digest {
        &self.0.guest.digest
    }

    /// LAUNCH_FINISH: the keys are erased.
    #[must_use]
    pub fn finish(self) -> Running {
        let Running { policy, digest } = self.0.guest;
        Running { policy, digest }
    }
}

/// For a machine that is saved.
#[cfg(feature = "platform")]
impl Measured {
    /// TEK and TIK, MEASURE, and what the guest will be.
    pub(crate) fn parts(&self) -> (&TransportKeys, &[u8; 32], &Running) {
        let Guest { keys, measure, guest } = &*self.0;
        (keys.transport(), measure, guest)
    }

    pub(crate) fn resume(
        keys: &TransportKeys,
        measure: [u8; 32],
        guest: Running,
        backend: Backend,
    ) -> Self {
        Self(Wiped::new(Guest { keys: PacketKeys::new(keys, backend), measure, guest }))
    }
}

impl fmt::Debug for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Measured").field("guest", &self.0.guest).finish_non_exhaustive()
    }
}

/// RUNNING: a guest that runs.
#[derive(Debug)]
pub struct Running {
    pub(in crate::sev) policy: GuestPolicy,
    pub(in crate::sev) digest: Sha256Digest,
}

impl Running {
    /// A guest that came from another platform: RECEIVE_FINISH. The firmware has no launch digest of it.
    pub(in crate::sev) const fn received(policy: GuestPolicy) -> Self {
        Self { policy, digest: [0; 32] }
    }

    /// One that ran when its machine was saved.
    #[cfg(feature = "platform")]
    pub(crate) const fn resume(policy: GuestPolicy, digest: Sha256Digest) -> Self {
        Self { policy, digest }
    }

    /// POLICY.
    #[must_use]
    pub fn policy(&self) -> GuestPolicy {
        self.policy
    }

    /// LD. All zero for a guest that came from another platform.
    #[must_use]
    pub fn digest(&self) -> &Sha256Digest {
        &self.digest
    }

    /// ATTESTATION: a report with the caller's MNONCE.
    ///
    /// # Errors
    /// The signer's.
    pub fn attest<S: SignerSha256>(
        &self,
        mnonce: &[u8; 16],
        pek: &S,
    ) -> Result<AttestationReport, S::Error> {
        AttestationReport::sign(mnonce, &self.digest, self.policy, pek)
    }
}

/// Why a launch command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LaunchError {
    /// LAUNCH_UPDATE_DATA: the length.
    DataLength(DataLengthError),
    /// LAUNCH_UPDATE_VMSA: the policy does not ask for SEV-ES.
    NotEs,
    /// LAUNCH_SECRET: the header's length is not 52, or those of the secret are not the same multiple of 16, above 0 and at most
    /// [`packet::MAX_LEN`].
    SecretLengths {
        /// Bytes of the header.
        header: usize,
        /// GUEST_LENGTH.
        guest: usize,
        /// TRANS_LENGTH.
        trans: usize,
    },
    /// LAUNCH_SECRET: the MAC is another one.
    SecretMac,
    /// LAUNCH_SECRET: the secret is authentic and compressed.
    Compressed,
}

impl LaunchError {
    /// What the firmware answers.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::DataLength(error) => error.status(),
            Self::SecretLengths { .. } => Status::INVALID_LENGTH,
            Self::SecretMac => Status::BAD_MEASUREMENT,
            Self::NotEs | Self::Compressed => Status::UNSUPPORTED,
        }
    }
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DataLength(error) => fmt::Display::fmt(error, f),
            Self::NotEs => f.write_str("a save area for a guest whose policy does not have ES"),
            Self::SecretLengths { header, .. } if *header != PacketHeader::LEN => {
                write!(f, "the packet's header has {header} bytes, expected {}", PacketHeader::LEN)
            }
            Self::SecretLengths { guest, trans, .. } if guest != trans => {
                write!(f, "a secret of {guest} bytes in a packet of {trans}, expected the same")
            }
            Self::SecretLengths { guest, .. } => write!(
                f,
                "a secret of {guest} bytes: expected a multiple of 16 from 16 to {}",
                packet::MAX_LEN
            ),
            Self::SecretMac => {
                f.write_str("the packet's MAC is not that of a secret of this guest")
            }
            Self::Compressed => f.write_str("the packet is compressed, which is not supported"),
        }
    }
}

impl core::error::Error for LaunchError {}
