//! What a report's MEASUREMENT will be, and why it is not.
//!
//! ```sh
//! cargo run --release --example measure_launch -- OVMF VCPUS VCPU_TYPE [KERNEL INITRD COMMAND_LINE [MEASUREMENT_HEX]]
//! ```

use std::error::Error;
use std::{env, fs};

use sevcrypt::image::{KernelHashes, Launch, Log, Ovmf, Profile, VcpuType};
use sevcrypt::snp::launch::{Suspects, explain, measure};
use sevcrypt::{Backend, Hex};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [ovmf, vcpus, vcpu_type, kernel @ ..] = &arguments[..] else {
        return Err(
            "expected OVMF VCPUS VCPU_TYPE [KERNEL INITRD COMMAND_LINE [MEASUREMENT_HEX]]".into()
        );
    };
    let image = fs::read(ovmf)?;
    let cpu = VcpuType::by_name(vcpu_type)?.signature();
    let mut launch = Launch::new(Ovmf::parse(&image)?, cpu, &Profile::QEMU);
    launch.vcpus = vcpus.parse()?;
    let mut suspects = Suspects::usual();
    if let [kernel, initrd, command_line, ..] = kernel {
        let files = [fs::read(kernel)?, fs::read(initrd)?];
        launch.kernel = Some(KernelHashes::new(&files[0], &files[1], command_line.as_bytes()));
        suspects.add_command_line(command_line);
    }

    let mut log = Log::default();
    let digest = measure(&launch, Backend::best(), &mut |step| log.push(*step))?;
    print!("{log}");
    println!("measurement {}", Hex(&digest));
    if let [_, _, _, expected] = kernel {
        let expected = base16ct::mixed::decode_vec(expected).map_err(|_| "not hexadecimal")?;
        let expected = expected.try_into().map_err(|_| "expected 48 bytes")?;
        if expected != digest {
            println!("{}", explain(&launch, &expected, &suspects, Backend::best())?);
        }
    }
    Ok(())
}
