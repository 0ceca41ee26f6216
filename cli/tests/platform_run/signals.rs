//! Signals that are sent to the supervisor of a program. Without libtest, which would have threads of its own.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use sevcrypt_cli::platform::device::{DeviceError, DeviceRequest, GuestDevice};
use sevcrypt_cli::platform::run::{RunError, exit_code, run_with};
use tempfile::TempDir;

/// A device that nobody asks.
struct Silent;

impl GuestDevice for Silent {
    fn request(&mut self, _: DeviceRequest<'_>) -> Result<Vec<u8>, DeviceError> {
        Err(DeviceError::Stopped)
    }

    fn certificates(&mut self) -> Result<Vec<u8>, DeviceError> {
        Err(DeviceError::Stopped)
    }
}

fn main() {
    match env::args_os().nth(1).filter(|argument| argument == "--supervise") {
        Some(_) => supervise(),
        None => {
            signals_are_passed_on();
            signals_end_what_is_left();
            no_program_outlives_its_supervisor();
        }
    }
}

/// Supervises a shell; its exit code, or 77 where programs can be given no device.
fn supervise() {
    let command: Vec<OsString> = env::args_os().skip(2).collect();
    let code = match run_with(&mut Silent, &command) {
        Ok(status) => exit_code(status),
        Err(error @ (RunError::Refused(..) | RunError::Elsewhere)) => {
            println!("platform run: SKIPPED, {error}");
            77
        }
        Err(error) => panic!("{error}"),
    };
    std::process::exit(code.into());
}

/// This program again, as the supervisor of a shell in a folder.
fn supervisor(folder: &TempDir, script: &str) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--supervise", "sh", "-c", script]).current_dir(folder.path());
    command.spawn().unwrap()
}

/// Waits for a line in a file of the folder; `None` if the supervisor has ended with 77 before.
fn line(folder: &TempDir, name: &str, supervisor: &mut Child) -> Option<String> {
    let (start, path) = (Instant::now(), folder.path().join(name));
    while start.elapsed() < Duration::from_secs(60) {
        match fs::read_to_string(&path) {
            Ok(text) if text.ends_with('\n') => return Some(text.trim_end().to_owned()),
            _ => thread::sleep(Duration::from_millis(20)),
        }
        if supervisor.try_wait().unwrap().is_some_and(|status| status.code() == Some(77)) {
            return None;
        }
    }
    panic!("{} has not appeared", path.display());
}

fn send(signal: &str, process: u32) {
    let status = Command::new("kill").arg(format!("-{signal}")).arg(process.to_string()).status();
    assert!(status.unwrap().success());
}

/// What a process sends to the supervisor reaches the program, which has no signal held back.
fn signals_are_passed_on() {
    for signal in ["TERM", "INT", "HUP", "QUIT"] {
        let folder = TempDir::new().unwrap();
        let script = format!(
            "trap 'echo {signal} >got; exit 9' {signal}; echo >ready; for i in $(seq 600); do sleep 0.1; done"
        );
        let mut supervisor = supervisor(&folder, &script);
        if line(&folder, "ready", &mut supervisor).is_none() {
            return;
        }
        send(signal, supervisor.id());
        assert_eq!(line(&folder, "got", &mut supervisor).as_deref(), Some(signal));
        assert_eq!(supervisor.wait().unwrap().code(), Some(9), "{signal}");
        println!("ok {signal} is passed on");
    }
}

/// After the program's end the supervisor serves what it has left behind, until a signal.
fn signals_end_what_is_left() {
    let folder = TempDir::new().unwrap();
    let mut supervisor = supervisor(&folder, "sleep 60 & echo $! >left; exit 5");
    let Some(left) = line(&folder, "left", &mut supervisor) else { return };
    thread::sleep(Duration::from_millis(500));
    assert!(supervisor.try_wait().unwrap().is_none(), "it serves the sleeper");
    send("TERM", supervisor.id());
    assert_eq!(supervisor.wait().unwrap().code(), Some(5));
    send("KILL", left.parse().unwrap());
    println!("ok a signal ends the supervisor of what is left");
}

/// Nothing could answer the program's calls any more.
fn no_program_outlives_its_supervisor() {
    let folder = TempDir::new().unwrap();
    let mut supervisor =
        supervisor(&folder, "echo $$ >pid; for i in $(seq 600); do sleep 0.1; done");
    let Some(program) = line(&folder, "pid", &mut supervisor) else { return };
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
    let (start, status) = (Instant::now(), PathBuf::from(format!("/proc/{program}/stat")));
    // A process that nobody waits for stays as a zombie.
    let is_alive = |path: &Path| fs::read_to_string(path).is_ok_and(|text| !text.contains(") Z "));
    while is_alive(&status) {
        assert!(start.elapsed() < Duration::from_secs(20), "{program} lives");
        thread::sleep(Duration::from_millis(20));
    }
    println!("ok a program ends with its supervisor");
}
