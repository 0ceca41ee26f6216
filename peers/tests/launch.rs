//! Launch digests of random guests: ours, and those of the crate `sev`: of its version 8 for SEV-SNP, of 7 for SEV and SEV-ES.

#![allow(missing_docs, reason = "tests")]

#[path = "../../tests/launch/builder.rs"]
#[allow(dead_code, reason = "shared with the tests of images")]
mod builder;

use std::fs;
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use sev::measurement::snp::{SnpMeasurementArgs, calc_snp_ovmf_hash, snp_calc_launch_digest};
use sev::measurement::vcpu_types::CpuType;
use sev::measurement::vmsa::{GuestFeatures, VMMType};
use sev_openssl::measurement::sev::{
    SevEsMeasurementArgs, SevMeasurementArgs, sev_calc_launch_digest, seves_calc_launch_digest,
};
use sevcrypt::image::{Generation, KernelHashes, Launch, Ovmf, Profile, VcpuType};
use sevcrypt::snp::launch::measure;
use sevcrypt::vmsa::SevFeatures;
use sevcrypt::{Backend, Hex};
use tempfile::TempDir;

use builder::Image;

/// Names of version 7.
mod older {
    pub(crate) use sev_openssl::measurement::vcpu_types::CpuType;
    pub(crate) use sev_openssl::measurement::vmsa::VMMType;
}

/// A guest, with its files.
#[derive(Debug)]
struct Guest {
    pages: usize,
    vcpus: u32,
    cpu: usize,
    features: u64,
    vmm: usize,
    kernel: Option<Kernel>,
}

#[derive(Debug)]
struct Kernel {
    image: Vec<u8>,
    initrd: Option<Vec<u8>>,
    command_line: Option<String>,
}

/// The vCPU types of both versions.
const CPUS: [(&str, CpuType, older::CpuType); 6] = [
    ("EPYC-v4", CpuType::EpycV4, older::CpuType::EpycV4),
    ("EPYC-IBPB", CpuType::EpycIBPB, older::CpuType::EpycIBPB),
    ("EPYC-Rome", CpuType::EpycRome, older::CpuType::EpycRome),
    ("EPYC-Milan-v2", CpuType::EpycMilanV2, older::CpuType::EpycMilanV2),
    ("EPYC-Genoa", CpuType::EpycGenoa, older::CpuType::EpycGenoa),
    ("EPYC-Milan", CpuType::EpycMilan, older::CpuType::EpycMilan),
];

/// EC2 is what it was until 2025.
const VMMS: [(Profile, VMMType, older::VMMType); 3] = [
    (Profile::QEMU, VMMType::QEMU, older::VMMType::QEMU),
    (Profile::EC2_2025, VMMType::EC2, older::VMMType::EC2),
    (Profile::KRUN, VMMType::KRUN, older::VMMType::KRUN),
];

fn guests() -> impl Strategy<Value = Guest> {
    let kernel = (
        vec(any::<u8>(), 0..3000),
        proptest::option::of(vec(any::<u8>(), 0..3000)),
        // `sev` takes blanks away from both ends, which QEMU does not.
        proptest::option::of("([!-~]([ -~]{0,60}[!-~])?)?"),
    );
    let kernel =
        kernel.prop_map(|(image, initrd, command_line)| Kernel { image, initrd, command_line });
    let features = prop_oneof![Just(1), Just(0x21), any::<u64>()];
    let choices = (1..24_usize, 1..12_u32, 0..CPUS.len(), features, 0..VMMS.len());
    (choices, proptest::option::of(kernel)).prop_map(|(choices, kernel)| {
        let (pages, vcpus, cpu, features, vmm) = choices;
        Guest { pages, vcpus, cpu, features, vmm, kernel }
    })
}

/// The files of a guest, for who takes files.
struct Files {
    _folder: TempDir,
    firmware: PathBuf,
    kernel: Option<PathBuf>,
    initrd: Option<PathBuf>,
}

impl Files {
    fn new(image: &[u8], kernel: Option<&Kernel>) -> Self {
        let folder = TempDir::new().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = Path::new(folder.path()).join(name);
            fs::write(&path, bytes).unwrap();
            path
        };
        let firmware = write("firmware", image);
        let initrd = kernel.and_then(|kernel| kernel.initrd.as_deref());
        let initrd = initrd.map(|initrd| write("initrd", initrd));
        let kernel = kernel.map(|kernel| write("kernel", &kernel.image));
        Self { firmware, kernel, initrd, _folder: folder }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn equal(guest in guests()) {
        let image = Image::ovmf(4096 * guest.pages).build();
        let files = Files::new(&image, guest.kernel.as_ref());
        let (cpu_name, cpu_type, older_cpu_type) = CPUS[guest.cpu];
        let (profile, vmm_type, older_vmm_type) = &VMMS[guest.vmm];
        let cpu = VcpuType::by_name(cpu_name).unwrap().signature();
        let mut launch = Launch::new(Ovmf::parse(&image).unwrap(), cpu, profile);
        launch.vcpus = guest.vcpus;
        launch.features = SevFeatures(guest.features);
        launch.kernel = guest.kernel.as_ref().map(|kernel| {
            let initrd = kernel.initrd.as_deref().unwrap_or_default();
            let command_line = kernel.command_line.as_deref().unwrap_or_default();
            KernelHashes::new(&kernel.image, initrd, command_line.as_bytes())
        });
        let append = guest.kernel.as_ref().and_then(|kernel| kernel.command_line.as_deref());

        let snp = |ovmf_hash_str| snp_calc_launch_digest(SnpMeasurementArgs {
            vcpus: guest.vcpus,
            vcpu_type: cpu_type,
            ovmf_file: files.firmware.clone(),
            guest_features: GuestFeatures(guest.features),
            kernel_file: files.kernel.clone(),
            initrd_file: files.initrd.clone(),
            append,
            ovmf_hash_str,
            vmm_type: Some(*vmm_type),
        }).unwrap().get_hex_ld();
        for backend in Backend::available() {
            let ours = measure(&launch, backend, &mut |_| {}).unwrap();
            prop_assert_eq!(Hex(&ours).to_string(), snp(None));
        }
        let pages = calc_snp_ovmf_hash(files.firmware.clone()).unwrap().get_hex_ld();
        let known = base16ct::lower::decode_vec(&pages).unwrap();
        launch.firmware_digest = Some(known.try_into().unwrap());
        let ours = measure(&launch, Backend::best(), &mut |_| {}).unwrap();
        prop_assert_eq!(Hex(&ours).to_string(), snp(Some(&pages)));
        launch.firmware_digest = None;

        let ours = sevcrypt::sev::launch::measure(&launch, Generation::Sev, &mut |_| {}).unwrap();
        let theirs = sev_calc_launch_digest(SevMeasurementArgs {
            ovmf_file: files.firmware.clone(),
            kernel_file: files.kernel.clone(),
            initrd_file: files.initrd.clone(),
            append,
        });
        prop_assert_eq!(ours, theirs.unwrap());

        let ours = sevcrypt::sev::launch::measure(&launch, Generation::SevEs, &mut |_| {}).unwrap();
        let theirs = seves_calc_launch_digest(SevEsMeasurementArgs {
            vcpus: guest.vcpus,
            vcpu_type: older_cpu_type,
            ovmf_file: files.firmware.clone(),
            kernel_file: files.kernel.clone(),
            initrd_file: files.initrd.clone(),
            append,
            vmm_type: Some(*older_vmm_type),
        });
        prop_assert_eq!(ours, theirs.unwrap());
    }
}
