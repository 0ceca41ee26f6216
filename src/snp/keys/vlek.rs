//! VLEK hash sticks: how AMD's key server sends them, and SNP_VLEK_LOAD's buffers.

use core::fmt;

use subtle::{Choice, ConstantTimeEq};

use super::{HashStick, HashSticks};
use crate::cpu::Backend;
use crate::gcm::{MessageKey, Nonce};
use crate::kdf;
use crate::secret::tell;
use crate::snp::tcb::TcbVersion;
use crate::status::Status;
use crate::wipe::Wiped;

/// The sticks that are loaded for a VLEK: eight, of which stick_7 is used. Wiped on drop, not printed, not to be cloned.
///
/// AMD's key server makes them of a secret of the cloud provider, as a chip makes its own, and wraps them for one chip at
/// one TCB version (AMD 58369). They are not derived again for another: the host loads others.
///
/// ```
/// use sevcrypt::snp::keys::{ChipSecret, HashSticks, VlekSticks};
/// use sevcrypt::snp::tcb::TcbVersion;
/// use sevcrypt::{Backend, Status};
///
/// # let (chip, provider) = (ChipSecret::new(&[7; 48]), ChipSecret::new(&[8; 48]));
/// let tcb = TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x73]);
/// let chip = HashSticks::new(&chip, tcb);
/// let sticks = VlekSticks::from(&HashSticks::new(&provider, tcb));
/// let blob = sticks.wrap(chip.stick_7(), tcb, &[1; 12], Backend::best());
///
/// let loaded = VlekSticks::unwrap(&blob, chip.stick_7(), tcb, Backend::best())?;
/// assert_eq!(loaded.stick_7().as_bytes(), sticks.stick_7().as_bytes());
///
/// let other = TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x74]);
/// let refused = VlekSticks::unwrap(&blob, chip.stick_7(), other, Backend::best());
/// assert_eq!(refused.unwrap_err(), Status::BAD_SVN);
/// # Ok::<(), Status>(())
/// ```
pub struct VlekSticks([HashStick; 8]);

impl VlekSticks {
    /// The length of wrapped sticks.
    pub const WRAPPED_LEN: usize = 0x1b0;

    /// From stick_0 to stick_7.
    #[must_use]
    pub fn new(sticks: [HashStick; 8]) -> Self {
        Self(sticks)
    }

    /// stick_0 to stick_7.
    #[must_use]
    pub fn sticks(&self) -> &[HashStick; 8] {
        &self.0
    }

    /// The last stick: the secret of the VLEK.
    #[must_use]
    pub fn stick_7(&self) -> &HashStick {
        let [.., last] = &self.0;
        last
    }

    /// Whether the firmware takes them for a VLEK that is installed: not all bytes are zero.
    #[must_use]
    pub fn is_installed(&self) -> bool {
        let zero = [0; 48];
        let all_zero = self.0.iter().map(|stick| stick.as_bytes().ct_eq(&zero));
        tell(!all_zero.fold(Choice::from(1), |all, is_zero| all & is_zero))
    }

    /// Wraps the sticks for the chip whose stick_7 at a TCB version this is. The nonce must not have been used for that
    /// chip and version before.
    ///
    /// What it makes is 12 bytes of nonce, 4 zero, the sticks as AES-256-GCM enciphers them, TCB_VERSION, 8 zero, 16 of tag
    /// (AMD 56860, SNP_VLEK_LOAD).
    #[must_use]
    pub fn wrap(
        &self,
        stick_7: &HashStick,
        tcb_version: TcbVersion,
        nonce: &Nonce,
        backend: Backend,
    ) -> [u8; Self::WRAPPED_LEN] {
        let mut text = Wiped::new([[0; 48]; 8]);
        for (place, stick) in text.iter_mut().zip(&self.0) {
            *place = *stick.as_bytes();
        }
        let aad = [tcb_version.bytes(), [0; 8]];
        let tag = wrapping_key(stick_7, backend)
            .seal_in_place(nonce, aad.as_flattened(), text.as_flattened_mut())
            .expect("384 bytes are not too long");
        let fields = [&nonce[..], &[0; 4], text.as_flattened(), aad.as_flattened(), &tag];
        let mut blob = [0; Self::WRAPPED_LEN];
        blob.iter_mut().zip(fields.into_iter().flatten()).for_each(|(to, from)| *to = *from);
        blob
    }

    /// Unwraps sticks as the firmware does, on the chip whose stick_7 at REPORTED_TCB this is. Reserved bytes are not
    /// looked at; those behind TCB_VERSION are authenticated.
    ///
    /// # Errors
    /// [`Status::BAD_SVN`]: they were wrapped for another TCB version than the reported one.
    /// [`Status::BAD_MEASUREMENT`]: something was changed, or they were wrapped for another chip.
    pub fn unwrap(
        blob: &[u8; Self::WRAPPED_LEN],
        stick_7: &HashStick,
        reported_tcb: TcbVersion,
        backend: Backend,
    ) -> Result<Self, Status> {
        // The parts have the blob's length together, so that each is there.
        let part = Status::INVALID_PARAM;
        let (nonce, rest) = blob.split_first_chunk::<12>().ok_or(part)?;
        let (_, rest) = rest.split_first_chunk::<4>().ok_or(part)?;
        let (text, rest) = rest.split_first_chunk::<384>().ok_or(part)?;
        let (aad, rest) = rest.split_first_chunk::<16>().ok_or(part)?;
        let tag = rest.first_chunk::<16>().ok_or(part)?;

        if aad.first_chunk() != Some(&reported_tcb.bytes()) {
            return Err(Status::BAD_SVN);
        }
        let mut sticks = Wiped::new([[0; 48]; 8]);
        wrapping_key(stick_7, backend)
            .open(nonce, aad, text, sticks.as_flattened_mut(), tag)
            .map_err(|_| Status::BAD_MEASUREMENT)?;
        Ok(Self(sticks.each_ref().map(HashStick::new)))
    }
}

impl From<&HashSticks> for VlekSticks {
    /// The sticks of a cloud provider's secret.
    fn from(sticks: &HashSticks) -> Self {
        Self(sticks.sticks().each_ref().map(|stick| HashStick::new(stick.as_bytes())))
    }
}

impl fmt::Debug for VlekSticks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VlekSticks(..)")
    }
}

/// The key under which sticks are wrapped for a chip.
fn wrapping_key(stick_7: &HashStick, backend: Backend) -> MessageKey {
    let mut key = Wiped::new([0; 32]);
    kdf::derive_array(stick_7.as_bytes(), b"vlek-wrapping-key", b"", &mut key);
    MessageKey::new(&*key, backend)
}

/// SNP_VLEK_LOAD's command buffer (AMD 56860, SNP_VLEK_LOAD).
///
/// ```
/// use sevcrypt::Status;
/// use sevcrypt::snp::keys::VlekLoad;
///
/// let mut buffer = VlekLoad { vlek_wrapped_paddr: 0x1234_5000 }.to_bytes();
/// assert_eq!(VlekLoad::parse(&buffer).map(|load| load.vlek_wrapped_paddr), Ok(0x1234_5000));
/// buffer[7] = 1;
/// assert_eq!(VlekLoad::parse(&buffer), Err(Status::INVALID_PARAM));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VlekLoad {
    /// The system physical address of the wrapped sticks.
    pub vlek_wrapped_paddr: u64,
}

impl VlekLoad {
    /// The length of the buffer.
    pub const LEN: usize = 0x10;

    /// The buffer.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let words = [Self::LEN as u64, self.vlek_wrapped_paddr];
        let mut buffer = [0; Self::LEN];
        for (bytes, word) in buffer.as_chunks_mut().0.iter_mut().zip(words) {
            *bytes = word.to_le_bytes();
        }
        buffer
    }

    /// Reads the buffer. The address is not looked at.
    ///
    /// # Errors
    /// [`Status::INVALID_PARAM`]: the length or the version of the wrapped form is another, or a reserved byte is not zero.
    pub fn parse(buffer: &[u8; Self::LEN]) -> Result<Self, Status> {
        match buffer.as_chunks() {
            // Length, version 0, zero bytes.
            ([[0x10, 0, 0, 0, 0, 0, 0, 0], address], []) => {
                Ok(Self { vlek_wrapped_paddr: u64::from_le_bytes(*address) })
            }
            _ => Err(Status::INVALID_PARAM),
        }
    }
}
