//! What is done with a launch digest: printed, explained, compared.

use std::io::{self, Write};

use base64ct::{Base64, Encoding};
use clap::{Args, ValueEnum};
use serde::Serialize;
use sevcrypt::hash::Workers;
use sevcrypt::image::{Digest, Log};
use sevcrypt::sev::launch::Measurement;
use sevcrypt::snp::launch::{Change, Explanation};
use sevcrypt::{Backend, Hex};
use subtle::ConstantTimeEq;

use super::log::{self, StepRecord};
use super::owner::Owner;
use crate::failure::Failure;
use crate::input::Given;
use crate::{mode, output};

#[derive(Args)]
pub(super) struct ResultOptions {
    /// How the result is written [default: hex, and base64 for the measurement of a session]
    #[arg(long, value_name = "FORM")]
    output: Option<Form>,
    /// Print every step with its digest, runs of pages as one line each; =all: every page, with whole digests
    #[arg(long, value_name = "RUNS", num_args = 0..=1, require_equals = true, default_missing_value = "runs")]
    explain: Option<Detail>,
    /// The result that is expected, as hexadecimal digits or base64, or @FILE; another one ends with exit code 4. With
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
    fn write(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => Hex(bytes).to_string(),
            Self::Base64 => Base64::encode_string(bytes),
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
    /// What the firmware makes of the digest in a session.
    measurement: Option<Measurement>,
    log: Log,
    /// What was measured, in words.
    pub(super) inputs: Vec<(&'static str, String)>,
}

/// What is printed, and compared.
struct Answer {
    name: &'static str,
    bytes: Vec<u8>,
    form: Form,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Document {
    generation: &'static str,
    digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    measurement: Option<String>,
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
        Self { generation, digest, measurement: None, log, inputs: Vec::new() }
    }

    /// The result is the measurement in a session, and no longer the digest.
    pub(super) fn add_measurement(&mut self, owner: &Owner, digest: &[u8; 32]) {
        self.measurement = Some(owner.measure(digest));
        self.inputs.extend(owner.inputs());
        self.inputs.push(("launch_digest", Hex(digest).to_string()));
    }

    fn answer(&self, options: &ResultOptions) -> Answer {
        let (name, bytes, form) = match &self.measurement {
            Some(measurement) => ("measurement", measurement.to_bytes().to_vec(), Form::Base64),
            None => ("digest", self.digest.as_bytes().to_vec(), Form::Hex),
        };
        Answer { name, bytes, form: options.output.unwrap_or(form) }
    }

    /// Prints what was asked for. `explain` finds out how to get another digest, where somebody can.
    pub(super) fn end(
        self,
        options: &ResultOptions,
        explain: impl FnOnce(&Digest) -> Result<Option<Explanation>, Failure>,
    ) -> Result<(), Failure> {
        let answer = self.answer(options);
        let expected = options.expect.as_deref().map(|text| expected(text, &answer.bytes));
        let expected = expected.transpose()?;
        let other = expected.as_ref().filter(|expected| !bool::from(expected.ct_eq(&answer.bytes)));
        let other_digest = other.and_then(|other| log::digest(other, &self.digest));
        let explanation = match other_digest {
            Some(other) if options.explain.is_some() && self.measurement.is_none() => {
                explain(&other)?
            }
            _ => None,
        };
        let end = match other {
            None => Ok(()),
            Some(other) => {
                let hint = match (&explanation, options.explain, &self.measurement) {
                    (Some(found), ..) => format!("; {found}"),
                    (None, None, _) if self.generation == "SEV-SNP" => {
                        "; --explain says what else would give it".to_owned()
                    }
                    (None, _, Some(measurement)) if !other.ends_with(&measurement.mnonce) => {
                        "; what is expected has another nonce".to_owned()
                    }
                    _ => String::new(),
                };
                let Answer { name, bytes, form } = &answer;
                let [found, other] = [bytes, other].map(|bytes| form.write(bytes));
                Err(Failure::Refused(format!(
                    "the launch {name} is {found}, expected {other}{hint}"
                )))
            }
        };
        // Whoever does not read to the end has the result in the exit code all the same.
        let printed = match options.json {
            true => self.print_json(options, &answer, expected.as_deref(), explanation),
            false => self.print(options, &answer),
        };
        end.and(printed)
    }

    fn print(&self, options: &ResultOptions, answer: &Answer) -> Result<(), Failure> {
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
        writeln!(out, "{}", answer.form.write(&answer.bytes))?;
        Ok(out.flush()?)
    }

    fn print_json(
        self,
        options: &ResultOptions,
        answer: &Answer,
        expected: Option<&[u8]>,
        explanation: Option<Explanation>,
    ) -> Result<(), Failure> {
        let digest = options.output.unwrap_or(Form::Hex).write(self.digest.as_bytes());
        let measurement = self.measurement.map(|_| answer.form.write(&answer.bytes));
        output::json(&Document {
            generation: self.generation,
            digest,
            measurement,
            expected: expected.map(|expected| answer.form.write(expected)),
            is_expected: expected.map(|expected| expected.ct_eq(&answer.bytes).into()),
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

/// `--expect`: as many bytes as those of `like`.
fn expected(text: &str, like: &[u8]) -> Result<Vec<u8>, Failure> {
    let given = Given::read_encoded("--expect", text)?;
    if given.bytes.len() != like.len() {
        let (found, expected) = (given.bytes.len(), like.len());
        return Err(given.wrong(format_args!("{found} bytes, expected {expected}")));
    }
    Ok(given.bytes.to_vec())
}
