//! What is done with a launch digest: printed, explained, compared.

use std::io::{self, Write};

use base64ct::{Base64, Encoding};
use clap::{Args, ValueEnum};
use serde::Serialize;
use sevcrypt::Backend;
use sevcrypt::hash::Workers;
use sevcrypt::image::{Digest, Log};
use sevcrypt::snp::launch::{Change, Explanation};

use super::log::{self, StepRecord};
use crate::failure::Failure;
use crate::input::Content;
use crate::{mode, output};

#[derive(Args)]
pub(super) struct ResultOptions {
    /// How the digest is written
    #[arg(long, value_name = "FORM", default_value = "hex")]
    output: Form,
    /// Print every step with its digest, runs of pages as one line each; =all: every page, with whole digests
    #[arg(long, value_name = "RUNS", num_args = 0..=1, require_equals = true, default_missing_value = "runs")]
    explain: Option<Detail>,
    /// The digest that is expected, as hexadecimal digits or base64, or @FILE; another one ends with exit code 4. With
    /// --explain, and for SEV-SNP, says what must be changed to get it
    #[arg(long, value_name = "HEX")]
    expect: Option<String>,
    /// How many threads hash [default: all CPUs]
    #[arg(long, value_name = "N", value_parser = mode::threads)]
    threads: Option<usize>,
    /// Print JSON, with every step: what `measure compare` takes
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    Hex,
    Base64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Detail {
    Runs,
    All,
}

impl Form {
    fn write(self, digest: &Digest) -> String {
        match self {
            Self::Hex => digest.to_string(),
            Self::Base64 => Base64::encode_string(digest.as_bytes()),
        }
    }
}

impl ResultOptions {
    /// Who hashes.
    pub(super) fn workers(&self) -> Workers {
        Workers::new(Backend::best(), self.threads.unwrap_or_else(mode::all_cpus))
    }
}

/// A launch that was measured.
pub(super) struct Measured {
    generation: &'static str,
    digest: Digest,
    log: Log,
    /// What was measured, in words.
    pub(super) inputs: Vec<(&'static str, String)>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Document {
    generation: &'static str,
    digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_expected: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Found>,
    inputs: serde_json::Map<String, serde_json::Value>,
    steps: Vec<StepRecord>,
}

#[derive(Serialize)]
struct Found {
    words: String,
    /// Null if nothing gives the digest.
    changes: Option<Vec<String>>,
    /// Others that give it as well.
    alternatives: Vec<Vec<String>>,
    tried: u64,
    is_given_up: bool,
}

impl Measured {
    pub(super) fn new(generation: &'static str, digest: Digest, log: Log) -> Self {
        Self { generation, digest, log, inputs: Vec::new() }
    }

    /// Prints what was asked for. `explain` finds out how to get another digest, where somebody can.
    pub(super) fn end(
        self,
        options: &ResultOptions,
        explain: impl FnOnce(&Digest) -> Result<Option<Explanation>, Failure>,
    ) -> Result<(), Failure> {
        let expected = options.expect.as_deref().map(|text| expected(text, &self.digest));
        let expected = expected.transpose()?;
        let other = expected.filter(|expected| *expected != self.digest);
        let explanation = match &other {
            Some(other) if options.explain.is_some() => explain(other)?,
            _ => None,
        };
        let end = match &other {
            None => Ok(()),
            Some(other) => {
                let hint = match (&explanation, options.explain) {
                    (Some(found), _) => format!("; {found}"),
                    (None, None) if self.generation == "SEV-SNP" => {
                        "; --explain says what else would give it".to_owned()
                    }
                    (None, _) => String::new(),
                };
                let [found, other] =
                    [&self.digest, other].map(|digest| options.output.write(digest));
                Err(Failure::Refused(format!(
                    "the launch digest is {found}, expected {other}{hint}"
                )))
            }
        };
        // Whoever does not read to the end has the result in the exit code all the same.
        let printed = match options.json {
            true => self.print_json(options, expected.as_ref(), explanation),
            false => self.print(options),
        };
        end.and(printed)
    }

    fn print(&self, options: &ResultOptions) -> Result<(), Failure> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        if let Some(detail) = options.explain {
            for (name, value) in &self.inputs {
                writeln!(out, "{:<18} {value}", name.replace('_', " "))?;
            }
            let log = &self.log;
            match detail {
                Detail::Runs => log::print_runs(log, &mut out)?,
                Detail::All => write!(out, "\n{log:#}\n")?,
            }
        }
        writeln!(out, "{}", options.output.write(&self.digest))?;
        Ok(out.flush()?)
    }

    fn print_json(
        self,
        options: &ResultOptions,
        expected: Option<&Digest>,
        explanation: Option<Explanation>,
    ) -> Result<(), Failure> {
        output::json(&Document {
            generation: self.generation,
            digest: options.output.write(&self.digest),
            expected: expected.map(|expected| options.output.write(expected)),
            is_expected: expected.map(|expected| *expected == self.digest),
            explanation: explanation.map(|found| Found {
                words: found.to_string(),
                changes: found.changes.as_deref().map(words),
                alternatives: found.alternatives.iter().map(|changes| words(changes)).collect(),
                tried: found.tried,
                is_given_up: found.is_given_up,
            }),
            inputs: self
                .inputs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone().into()))
                .collect(),
            steps: self.log.steps.iter().map(StepRecord::from).collect(),
        })
    }
}

fn words(changes: &[Change]) -> Vec<String> {
    changes.iter().map(ToString::to_string).collect()
}

/// `--expect`: a digest of the same kind as `like`.
fn expected(text: &str, like: &Digest) -> Result<Digest, Failure> {
    let content = match text.strip_prefix('@') {
        Some(path) => Content::read(path.as_ref())?,
        None => Content { name: "--expect".to_owned(), bytes: text.as_bytes().to_vec() },
    };
    let bytes = match content.binary() {
        // What stands in an option is no file's content.
        Err(Failure::Malformed(why)) if !text.starts_with('@') => return Err(Failure::Usage(why)),
        bytes => bytes?,
    };
    log::digest(&bytes, like).ok_or_else(|| {
        let expected = like.as_bytes().len();
        Failure::usage(format_args!("{}: {} bytes, expected {expected}", content.name, bytes.len()))
    })
}
