//! Launch logs: as lines for people, as JSON, read again and compared.

use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sevcrypt::image::ovmf::SectionKind;
use sevcrypt::image::{Digest, Log, Origin, PageType, Step};
use sevcrypt::{GuestPhysAddr, Hex};

use super::image;
use crate::failure::Failure;
use crate::output;

/// A digest of the kind of `like` with these bytes; `None` if it has another number of them.
pub(super) fn digest(bytes: &[u8], like: &Digest) -> Option<Digest> {
    match like {
        Digest::Sha256(_) => bytes.try_into().ok().map(Digest::Sha256),
        Digest::Sha384(_) => bytes.try_into().ok().map(Digest::Sha384),
    }
}

/// Steps that are told in one line: pages of one origin behind one another, or vCPUs with the same save area.
struct Run<'a> {
    number: usize,
    first: &'a Step,
    last: &'a Step,
    steps: usize,
    length: u64,
}

impl Run<'_> {
    fn goes_on_with(&self, step: &Step) -> bool {
        let (first, last) = (self.first, self.last);
        let is_next_page = first.gpa.get().checked_add(self.length) == Some(step.gpa.get())
            && step.origin == first.origin.further(self.length);
        let is_same_vcpu = matches!((last.origin, step.origin), (Origin::Vcpu(_), Origin::Vcpu(_)))
            && (first.gpa, first.contents) == (step.gpa, step.contents);
        step.page_type == first.page_type && (is_next_page || is_same_vcpu)
    }
}

fn runs(log: &Log) -> Vec<Run<'_>> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    for (number, step) in log.steps.iter().enumerate() {
        match runs.last_mut() {
            Some(run) if run.goes_on_with(step) => {
                run.last = step;
                run.steps += 1;
                run.length += step.length;
            }
            _ => runs.push(Run { number, first: step, last: step, steps: 1, length: step.length }),
        }
    }
    runs
}

/// A line for each run of steps.
pub(crate) fn print_runs(log: &Log, out: &mut impl Write) -> Result<(), Failure> {
    // Two numbers and " to ", but as wide as short logs have it.
    let width = (2 * log.steps.len().to_string().len() + 4).max(13);
    writeln!(
        out,
        "\n{:>width$}  {:>15}  {:>9}  {:<10}  {:<16}  {:<16}  from",
        "steps", "address", "bytes", "type", "contents", "digest after"
    )?;
    for Run { number, first, last, steps, length } in runs(log) {
        let numbers = match steps {
            1 => number.to_string(),
            _ => format!("{number} to {}", number + steps - 1),
        };
        let contents = match steps {
            _ if !first.has_contents() => "-".to_owned(),
            _ if first.contents == last.contents => format!("{:.16}", first.contents),
            _ => format!("{steps} digests"),
        };
        let origin = match (first.origin, last.origin) {
            (Origin::Vcpu(from), Origin::Vcpu(to)) if from != to => format!("vCPU {from} to {to}"),
            (origin, _) => origin.to_string(),
        };
        writeln!(
            out,
            "{numbers:>width$}  {:#15x}  {length:#9x}  {:<10}  {contents:<16}  {:.16}  {origin}",
            first.gpa.get(),
            first.page_type,
            last.after,
        )?;
    }
    Ok(writeln!(out)?)
}

/// A step in JSON.
#[derive(Serialize, Deserialize)]
pub(super) struct StepRecord {
    gpa: String,
    length: u64,
    page_type: String,
    /// Null where contents are not measured, or not known.
    contents: Option<String>,
    digest_after: String,
    from: OriginRecord,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
enum OriginRecord {
    Firmware { offset: u64 },
    Svsm { offset: u64 },
    Section { number: u32, kind: String },
    KernelHashes,
    Vcpu { number: u32 },
    Directive { number: u32 },
    Other,
}

impl From<&Step> for StepRecord {
    fn from(step: &Step) -> Self {
        Self {
            gpa: format!("{:#x}", step.gpa.get()),
            length: step.length,
            page_type: step.page_type.to_string(),
            contents: step.has_contents().then(|| step.contents.to_string()),
            digest_after: step.after.to_string(),
            from: match step.origin {
                Origin::Firmware { offset } => OriginRecord::Firmware { offset },
                Origin::Svsm { offset } => OriginRecord::Svsm { offset },
                Origin::Section { number, kind } => {
                    OriginRecord::Section { number, kind: kind.to_string() }
                }
                Origin::KernelHashes => OriginRecord::KernelHashes,
                Origin::Vcpu(number) => OriginRecord::Vcpu { number },
                Origin::Directive(number) => OriginRecord::Directive { number },
                _ => OriginRecord::Other,
            },
        }
    }
}

impl StepRecord {
    /// The step; or which field is wrong.
    fn step(&self) -> Result<Step, &'static str> {
        let gpa = self.gpa.strip_prefix("0x").and_then(|it| u64::from_str_radix(it, 16).ok());
        let gpa = gpa.and_then(|gpa| GuestPhysAddr::new(gpa).ok()).ok_or("gpa")?;
        let page_type = page_type(&self.page_type).ok_or("page_type")?;
        let after = any_digest(&self.digest_after).ok_or("digest_after")?;
        let contents = match &self.contents {
            Some(digits) => any_digest(digits).ok_or("contents")?,
            None => digest(&[0; 48][..after.as_bytes().len()], &after).ok_or("contents")?,
        };
        let origin = match &self.from {
            OriginRecord::Firmware { offset } => Origin::Firmware { offset: *offset },
            OriginRecord::Svsm { offset } => Origin::Svsm { offset: *offset },
            OriginRecord::Section { number, kind } => {
                let kind = section_kind(kind).ok_or("from.kind")?;
                Origin::Section { number: *number, kind }
            }
            OriginRecord::KernelHashes => Origin::KernelHashes,
            OriginRecord::Vcpu { number } => Origin::Vcpu(*number),
            OriginRecord::Directive { number } => Origin::Directive(*number),
            OriginRecord::Other => return Err("from"),
        };
        Ok(Step::new(gpa, self.length, page_type, contents, after, origin))
    }
}

fn any_digest(digits: &str) -> Option<Digest> {
    let bytes = base16ct::lower::decode_vec(digits).ok()?;
    [Digest::Sha256([0; 32]), Digest::Sha384([0; 48])].iter().find_map(|like| digest(&bytes, like))
}

fn page_type(name: &str) -> Option<PageType> {
    use PageType::{Cpuid, Normal, Secrets, Unmeasured, Vmsa, Zero};
    let all = [Normal, Vmsa, Zero, Unmeasured, Secrets, Cpuid];
    all.into_iter().find(|known| known.to_string() == name)
}

fn section_kind(name: &str) -> Option<SectionKind> {
    let mut all = (0..=0x10).filter_map(SectionKind::from_number);
    all.find(|known| known.to_string() == name)
}

#[derive(Deserialize)]
struct Document {
    steps: Vec<StepRecord>,
}

fn read(path: &Path) -> Result<(String, Log), Failure> {
    let content = image(path)?;
    let document: Document = serde_json::from_slice(&content.bytes).map_err(|why| {
        content.malformed(format_args!("{why}; expected what `sevcrypt measure ... --json` prints"))
    })?;
    let mut log = Log::default();
    for (number, record) in document.steps.iter().enumerate() {
        log.push(record.step().map_err(|field| {
            content.malformed(format_args!("step {number}: {field} is not what it should be"))
        })?);
    }
    Ok((content.name, log))
}

/// `measure compare`.
pub(super) fn compare(paths: [&Path; 2], json: bool) -> Result<(), Failure> {
    let ((first, one), (second, other)) = (read(paths[0])?, read(paths[1])?);
    let difference = one.compare(&other);
    let end = match &difference {
        None => Ok(()),
        Some(why) => {
            Err(Failure::Refused(format!("{first} (the first) and {second} differ: {why}")))
        }
    };
    let printed = match (&difference, json) {
        (_, true) => output::json(&json!({
            "is_equal": difference.is_none(),
            "step": difference.map(|it| it.number),
            "words": difference.map(|it| it.to_string()),
        })),
        (None, false) => {
            let digest = one.steps.last().map(|step| Hex(step.after.as_bytes()).to_string());
            let digest = digest.unwrap_or_else(|| "none".to_owned());
            let line = format!("equal: {} steps, digest {digest}", one.steps.len());
            writeln!(io::stdout().lock(), "{line}").map_err(Failure::from)
        }
        (Some(_), false) => Ok(()),
    };
    end.and(printed)
}
