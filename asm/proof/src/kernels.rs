//! The kernels as the linker left them in this very program.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::{env, fs};

use iced_x86::{CpuidFeature, Instruction};
use object::{Object, ObjectSection, ObjectSymbol};
use sevcrypt::ctr::CtrKey;
use sevcrypt::ecdsa::{Signer as _, SigningKey};
use sevcrypt::gcm::MessageKey;
use sevcrypt::hash::{sha384, sha384_each};
use sevcrypt::mem::{MemoryCipher, Tweak, XtsUnit};
use sevcrypt::x509::RsaPublicKey;
use sevcrypt::{Arithmetic, ArithmeticKind, Backend, BackendKind, Key, PhysAddr};

/// A kernel: one body of a file in `asm/`.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// The file without its ending: `xex_aesni`.
    pub file: String,
    /// The body: `aes128_encrypt`.
    pub body: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The address that they were linked at.
    pub address: u64,
}

impl Kernel {
    /// `xex_aesni::aes128_encrypt`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}::{}", self.file, self.body)
    }

    /// The rounds of AES.
    #[must_use]
    pub fn rounds(&self) -> usize {
        if self.body.starts_with("aes128") { 10 } else { 14 }
    }

    /// Whether it deciphers.
    #[must_use]
    pub fn deciphers(&self) -> bool {
        self.body.ends_with("decrypt")
    }

    /// Whether the backend runs it. All backends set keys up, encipher a few tweaks and hash additional data by 128-bit
    /// kernels; that with 256-bit vectors has no kernels of its own for GCM.
    #[must_use]
    pub fn serves(&self, backend: BackendKind) -> bool {
        match backend {
            BackendKind::Portable => false,
            _ if self.file.starts_with("aes_") || self.file.starts_with("ghash_") => true,
            BackendKind::Vaes256 if self.file == "gcm_aesni" => true,
            _ => self.file.ends_with(backend.name()),
        }
    }

    /// Whether the arithmetic of verification runs it. That with vectors has the kernels of the other beside its own code.
    #[must_use]
    pub fn computes(&self, arithmetic: ArithmeticKind) -> bool {
        let is_kind = matches!(arithmetic, ArithmeticKind::Mulx | ArithmeticKind::Ifma);
        is_kind && self.file.ends_with("_mulx")
    }
}

/// Calls the engine in all modes, so that the linker keeps the kernels of all backends.
fn use_the_engine() {
    let backend = Backend::best();
    let addr = PhysAddr::default();
    let mut page = [0; 4096];
    let linear = MemoryCipher::xex(&[1; 16], Tweak::zen1(), backend);
    let xts = |unit| MemoryCipher::xts(&[1; 16], Tweak::xts(&[2; 16], unit, backend), backend);
    for cipher in [linear, xts(XtsUnit::Page), xts(XtsUnit::Line)] {
        let cipher = black_box(cipher.expect("keys and tweak fit"));
        cipher.encrypt(addr, &mut page).expect("an aligned page");
        cipher.decrypt(addr, &mut page).expect("an aligned page");
    }
    assert_eq!(page, [0; 4096]);
    for key in [Key::Aes128(&[1; 16]), Key::Aes256(&[1; 32])] {
        let key = black_box(MessageKey::new(key, backend));
        let tag = key.seal_in_place(&[0; 12], &[0; 80], &mut page).expect("a short text");
        key.open_in_place(&[0; 12], &[0; 80], &mut page, &tag).expect("the tag");
    }
    assert_eq!(page, [0; 4096]);
    for key in [Key::Aes128(&[1; 16]), Key::Aes256(&[1; 32])] {
        let key = black_box(CtrKey::new(key, backend));
        key.apply(&[0; 16], &mut page);
        key.apply(&[0; 16], &mut page);
    }
    assert_eq!(page, [0; 4096]);
    let mut digests = [[0; 48]; 12];
    sha384_each(black_box(backend), 128, &[0; 12 * 128], &mut digests);
    assert_eq!(digests[11], sha384(&[0; 128]));
    let signer = SigningKey::from_scalar(&[1; 48]).expect("a scalar");
    let signature = signer.sign_sha384(b"").expect("a signature");
    let key = black_box(signer.verifying_key());
    assert!(Arithmetic::available().all(|one| key.verify_vartime_by(one, b"", &signature)));
    let key = RsaPublicKey::new(&[0xc1; 512], 65537).expect("an odd number");
    assert!(black_box(key).verify_pss_sha384(b"", &[0; 512]).is_err());
}

/// The modules of `src/kernel.rs` that hold kernels: the files of `asm/`, without their endings. A test compares the two.
pub const FILES: &[&str] = &[
    "aes_blocks_aesni",
    "aes_schedule",
    "ctr_aesni",
    "ctr_vaes256",
    "ctr_vaes512",
    "gcm_aesni",
    "gcm_vaes512",
    "ghash_aesni",
    "ghash_powers_aesni",
    "p384_mulx",
    "rsa_mulx",
    "sha384_vaes256",
    "sha384_vaes512",
    "xex_aesni",
    "xex_vaes256",
    "xex_vaes512",
    "xts_aesni",
    "xts_lines_aesni",
    "xts_lines_vaes256",
    "xts_lines_vaes512",
    "xts_vaes256",
    "xts_vaes512",
];

/// Every kernel of the running program, by name: each function in a module of a file's name.
///
/// # Panics
/// Where the program's file cannot be read or has no symbols.
#[must_use]
pub fn linked() -> Vec<Kernel> {
    use_the_engine();
    let path = env::current_exe().expect("the program's path");
    let file = fs::read(path).expect("the program's bytes");
    let file = object::File::parse(&*file).expect("an executable");
    let mut kernels: Vec<_> = file
        .symbols()
        .filter_map(|symbol| {
            let name = format!("{:#}", rustc_demangle::demangle(symbol.name().ok()?));
            let (file_name, body) = name.strip_prefix("sevcrypt::kernel::")?.split_once("::")?;
            // `select` tells the bodies of a file apart, and is none.
            let is_name = body.bytes().all(|c| c == b'_' || c.is_ascii_alphanumeric());
            let is_body = is_name && body != "select";
            let is_file = FILES.contains(&file_name);
            if !is_body || !is_file || symbol.size() == 0 {
                return None;
            }
            let section = file.section_by_index(symbol.section_index()?).ok()?;
            let bytes = section.data_range(symbol.address(), symbol.size()).ok()??;
            Some(Kernel {
                file: file_name.to_owned(),
                body: body.to_owned(),
                bytes: bytes.to_vec(),
                address: symbol.address(),
            })
        })
        .collect();
    kernels.sort_by_key(Kernel::name);
    kernels
}

/// The CPU features that an instruction needs, by the names that [`sevcrypt::Feature`] has for them. What every
/// x86-64 CPU has is left out, but for SSE2, without which the library has no kernels.
///
/// # Panics
/// At a feature that the library has no name for.
#[must_use]
pub fn features(instruction: &Instruction) -> BTreeSet<&'static str> {
    let name = |feature: &CpuidFeature| match feature {
        CpuidFeature::INTEL8086
        | CpuidFeature::INTEL386
        | CpuidFeature::INTEL486
        | CpuidFeature::X64
        | CpuidFeature::CMOV
        | CpuidFeature::SSE => None,
        CpuidFeature::SSE2 => Some("sse2"),
        CpuidFeature::AES => Some("aes"),
        CpuidFeature::SSSE3 => Some("ssse3"),
        CpuidFeature::BMI2 => Some("bmi2"),
        CpuidFeature::ADX => Some("adx"),
        CpuidFeature::AVX512BW => Some("avx512bw"),
        CpuidFeature::PCLMULQDQ => Some("pclmulqdq"),
        CpuidFeature::AVX => Some("avx"),
        CpuidFeature::AVX2 => Some("avx2"),
        CpuidFeature::VAES => Some("vaes"),
        CpuidFeature::VPCLMULQDQ => Some("vpclmulqdq"),
        CpuidFeature::AVX512F => Some("avx512f"),
        CpuidFeature::AVX512VL => Some("avx512vl"),
        other => panic!("`{instruction}` needs {other:?}, which no backend names"),
    };
    instruction.cpuid_features().iter().filter_map(name).collect()
}
