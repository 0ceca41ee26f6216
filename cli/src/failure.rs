//! Why the program ends early: a sentence and an exit code.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

/// The end of a run that did not do what was asked.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// Wrong options, or a file that cannot be read or written: exit code 1.
    Usage(String),
    /// Input that is not what it should be: exit code 2.
    Malformed(String),
    /// Signature, chain, certificate, revocation or date: exit code 3.
    NotAuthentic(String),
    /// Authentic, and not what was asked for: exit code 4.
    Refused(String),
    /// A certificate or revocation list is needed and not there: exit code 5.
    Incomplete(String),
    /// Whoever read our text has gone away: nothing to say, and nothing wrong.
    ReaderGone,
}

impl Failure {
    pub(crate) fn usage(why: impl Display) -> Self {
        Self::Usage(why.to_string())
    }

    pub(crate) fn malformed(why: impl Display) -> Self {
        Self::Malformed(why.to_string())
    }

    /// What came out, in a word, if the input was judged.
    pub(crate) const fn verdict(&self) -> Option<(&'static str, &String)> {
        match self {
            Self::Malformed(why) => Some(("malformed", why)),
            Self::NotAuthentic(why) => Some(("not-authentic", why)),
            Self::Refused(why) => Some(("refused", why)),
            Self::Incomplete(why) => Some(("incomplete", why)),
            Self::Usage(_) | Self::ReaderGone => None,
        }
    }

    /// Says what was wrong on standard error.
    pub(crate) fn report(&self) -> ExitCode {
        let (code, why) = match self {
            Self::Usage(why) => (1, why),
            Self::Malformed(why) => (2, why),
            Self::NotAuthentic(why) => (3, why),
            Self::Refused(why) => (4, why),
            Self::Incomplete(why) => (5, why),
            Self::ReaderGone => return ExitCode::SUCCESS,
        };
        eprintln!("error: {why}");
        ExitCode::from(code)
    }
}

/// Text on standard output that could not be written.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::usage(format_args!("standard output: {error}")),
        }
    }
}
