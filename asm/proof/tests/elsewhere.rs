//! Where kernels are not proved.

#[test]
#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
fn kernels_are_not_proved_here() {
    println!("proof SKIPPED: kernels are proved on x86-64 Linux");
}
