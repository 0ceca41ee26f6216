//! Programs that are given `/dev/sev-guest`, over a device that is not one: what is tested is the way of a call and back.

#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

use std::env;
use std::ffi::OsString;
use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::OnceLock;

use sevcrypt::Status;
use sevcrypt_cli::platform::device::{DeviceError, DeviceRequest, GuestDevice};
use sevcrypt_cli::platform::run::{RunError, exit_code, run_with};
use tempfile::TempDir;

/// Answers with what was asked: reports have the request's data, keys its bytes.
#[derive(Default)]
struct Echo {
    requests: usize,
    error: Option<DeviceError>,
}

impl GuestDevice for Echo {
    fn request(&mut self, request: DeviceRequest<'_>) -> Result<Vec<u8>, DeviceError> {
        self.requests += 1;
        if let Some(error) = self.error {
            return Err(error);
        }
        Ok(match request {
            DeviceRequest::Report { version: 1, payload } => {
                let mut response = vec![0; 0x4c0];
                response[4..8].copy_from_slice(&0x4a0u32.to_le_bytes());
                response[0x70..0xb0].copy_from_slice(&payload[..64]);
                response
            }
            DeviceRequest::Key { version: 1, payload } => [&[0; 32], &payload[..]].concat(),
            _ => return Err(DeviceError::Firmware(Status::INVALID_PARAM)),
        })
    }

    /// More than a page.
    fn certificates(&mut self) -> Result<Vec<u8>, DeviceError> {
        Ok((0..5000).map(|i| (i % 251) as u8 + 1).collect())
    }
}

/// Says, past the capture of a test's output, that a test is left out.
fn skipped(why: impl Display) {
    let line = format!("platform run: SKIPPED, {why}\n");
    io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Whether programs can be given a device here.
fn is_possible(result: &Result<ExitStatus, RunError>) -> bool {
    if let Err(error @ RunError::Refused(..)) = result {
        skipped(error);
        return false;
    }
    true
}

/// Runs a command with the echo as its device.
fn run(command: &[&str]) -> Option<(ExitStatus, Echo)> {
    let mut echo = Echo::default();
    let command: Vec<OsString> = command.iter().map(OsString::from).collect();
    let result = run_with(&mut echo, &command);
    is_possible(&result).then(|| (result.unwrap(), echo))
}

/// The client, if there is a C compiler that links static programs.
fn client() -> Option<&'static Path> {
    static CLIENT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let client = CLIENT.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/guest_programs/client.c");
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guest-client");
        let mut compiler = Command::new(env::var_os("CC").unwrap_or("cc".into()));
        compiler.args(["-static", "-O1", "-pthread", "-Wall", "-Wextra", "-Werror", "-o"]);
        match compiler.arg(&program).arg(source).status() {
            Ok(status) => assert!(status.success(), "client.c: {status}"),
            Err(error) => {
                skipped(format_args!("there is no C compiler: {error}"));
                return None;
            }
        }
        Some(program)
    });
    client.as_deref()
}

#[test]
fn a_static_program_finds_everything() {
    let Some(client) = client() else { return };
    let folder = TempDir::new().unwrap();
    let output = folder.path().join("output");
    // Through a shell and its redirection: a child of the program, whose calls are answered, too.
    let script = format!("'{}' >'{}'", client.display(), output.display());
    let Some((status, echo)) = run(&["sh", "-c", &script]) else { return };
    let output = fs::read_to_string(output).unwrap();
    print!("{output}");
    assert_eq!(status.code(), Some(0), "{output}");
    assert!(output.ends_with("\n0 failures\n"));
    assert!(output.lines().filter(|line| line.starts_with("ok ")).count() >= 69);
    assert!(echo.requests > 1200, "{} requests", echo.requests);
}

/// The same program in a guest of a platform: reports, keys and certificates are real there.
#[test]
fn a_guest_of_a_platform_answers_the_same() {
    let Some(client) = client() else { return };
    let sevcrypt = || Command::new(env!("CARGO_BIN_EXE_sevcrypt"));
    let folder = TempDir::new().unwrap();
    let platform = folder.path().join("platform");
    let created = sevcrypt().args(["platform", "create", "--quiet"]).arg(&platform).output();
    let created = created.unwrap();
    assert!(created.status.success(), "{created:?}");
    let mut run = sevcrypt();
    run.args(["platform", "run", "--dir"]).arg(&platform).arg("--").arg(client);
    let output = run.output().unwrap();
    let (said, errors) = (text(output.stdout), text(output.stderr));
    if errors.contains("no /dev/sev-guest can be given") {
        return skipped(errors.trim_end());
    }
    assert!(output.status.success(), "{said}{errors}");
    assert!(said.ends_with("\n0 failures\n"), "{said}{errors}");
    // The exit code is the program's.
    let mut run = sevcrypt();
    run.args(["platform", "run", "--dir"]).arg(&platform).args(["--", "sh", "-c", "exit 42"]);
    assert_eq!(run.output().unwrap().status.code(), Some(42));
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn without_the_supervisor_the_program_finds_nothing() {
    let Some(client) = client() else { return };
    if Path::new("/dev/sev-guest").exists() {
        skipped("this machine has a device of its own");
        return;
    }
    let output = Command::new(client).output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    assert!(output.starts_with("FAILED stat: a character device "), "{output}");
    assert!(output.ends_with(": nothing is opened\n"), "{output}");
}

#[test]
fn shells_find_a_character_device() {
    let script = "[ -c /dev/sev-guest ] && [ -e /dev/sev-guest ] && [ -r /dev/sev-guest ] && [ -w /dev/sev-guest ] &&
        [ ! -x /dev/sev-guest ] && [ ! -f /dev/sev-guest ] && cd /dev && [ -c sev-guest ] && cd / && [ ! -e sev-guest ]";
    let Some((status, echo)) = run(&["sh", "-c", script]) else { return };
    assert_eq!((status.code(), echo.requests), (Some(0), 0));
}

#[test]
fn the_program_s_end_is_passed_on() {
    for (script, code) in [("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", 137)] {
        let Some((status, _)) = run(&["sh", "-c", script]) else { return };
        assert_eq!(exit_code(status), code, "{script}");
    }
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let command = [OsString::from("/no/such/program")];
    let error = run_with(&mut Echo::default(), &command).unwrap_err();
    let RunError::Program(name, cause) = &error else { panic!("{error}") };
    assert_eq!((name, cause.kind()), (&command[0], io::ErrorKind::NotFound));
    assert!(error.to_string().starts_with("/no/such/program: "), "{error}");
    assert!(matches!(run_with(&mut Echo::default(), &[]), Err(RunError::NoCommand)));
}

#[test]
fn background_processes_keep_their_device() {
    let Some(client) = client() else { return };
    let folder = TempDir::new().unwrap();
    let output = folder.path().join("output");
    let script = format!("(sleep 0.5; '{}' >'{}') & exit 3", client.display(), output.display());
    let Some((status, _)) = run(&["sh", "-c", &script]) else { return };
    // `run` has waited for it.
    assert!(fs::read_to_string(output).unwrap().ends_with("\n0 failures\n"));
    assert_eq!(status.code(), Some(3));
}

#[test]
fn the_device_s_errors_arrive() {
    let Some(client) = client() else { return };
    for (error, line) in [
        (DeviceError::Firmware(Status::INVALID_PARAM), "errno 5, exitinfo2 0x16"),
        (DeviceError::Host(2), "errno 5, exitinfo2 0x200000000"),
        (DeviceError::Stopped, "errno 25, exitinfo2 0xff"),
    ] {
        let folder = TempDir::new().unwrap();
        let output = folder.path().join("output");
        let script = format!("'{}' >'{}'", client.display(), output.display());
        let command = ["sh", "-c", &script].map(OsString::from);
        let result = run_with(&mut Echo { requests: 0, error: Some(error) }, &command);
        if !is_possible(&result) {
            return;
        }
        let output = fs::read_to_string(output).unwrap();
        assert!(output.contains(&format!("FAILED key ({line})\n")), "{error:?}: {output}");
    }
}

/// This test program again: one of the tests below, which are not run by themselves.
fn again(test: &str) -> Vec<OsString> {
    let mut command = vec![env::current_exe().unwrap().into_os_string()];
    command.extend(
        ["--exact", test, "--ignored", "--nocapture", "--test-threads=1"].map(OsString::from),
    );
    command
}

#[test]
fn a_supervisor_in_a_supervisor_says_why_not() {
    let result = run_with(&mut Echo::default(), &again("inner_supervisor"));
    if is_possible(&result) {
        assert_eq!(result.unwrap().code(), Some(0));
    }
}

#[test]
#[ignore = "run by a_supervisor_in_a_supervisor_says_why_not"]
fn inner_supervisor() {
    let error = run_with(&mut Echo::default(), &["true".into()]).unwrap_err();
    let RunError::Refused(what, cause) = &error else { panic!("{error}") };
    assert_eq!(cause.raw_os_error(), Some(16), "{error}"); // EBUSY
    assert!(what.starts_with("this process is already supervised"), "{error}");
    assert!(error.to_string().contains("Programs that read files can go on"), "{error}");
}
