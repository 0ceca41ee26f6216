//! The group `hash`: SHA-384 of pages, the chain of a launch digest, and the measurement of a whole launch.

use std::error::Error;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use sevcrypt::image::{CpuSignature, Launch, Ovmf, Profile};
use sevcrypt::snp::launch::{LaunchDigest, PageInfo, PageType, measure};
use sevcrypt::{Backend, GuestPhysAddr, hash};
use sevcrypt_cli::measure::{self as clock, Row, WORKING_SETS};
use sha2::{Digest as _, Sha384};
use tempfile::NamedTempFile;

use crate::contest::{Contest, Contestant, Worker, pattern, repeat};
use crate::curves::Chart;
use crate::evp::{OpenSslSha384, aws_lc_sha384};
use crate::{curves, table};

#[derive(Args)]
pub(crate) struct Options {
    /// One JSON document instead of tables
    #[arg(long)]
    json: bool,
    /// Also draw the throughput by working set into this file
    #[arg(long, value_name = "FILE", conflicts_with = "only")]
    svg: Option<PathBuf>,
    /// How many threads work at once, each on memory of its own
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// Only the cases whose names contain this text
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// How long each case is measured, in milliseconds
    #[arg(long, value_name = "MS", default_value = "300")]
    budget: u64,
}

type Digest = [u8; 48];

const PAGE: usize = 4096;
const CHARTS: &[Chart] = &[Chart { title: "SHA-384 of pages", prefix: "sha384-" }];
/// Steps of the chain in one call: a page of 2 MiB.
const STEPS: usize = 512;
/// Where the chain's pages begin.
const GPA: u64 = 0x80_0000;
/// The image that is measured as a whole.
const IMAGE: usize = 64 << 20;
const VCPUS: u32 = 4;
/// CPUID Fn0000_0001 EAX of QEMU's `EPYC-v4`.
const EPYC_V4: CpuSignature = CpuSignature(0x80_0f12);

/// SHA-384 of a message by a peer, each with what it keeps between calls.
type Hash = Box<dyn FnMut(&[u8]) -> Digest + Send>;

/// A peer: its name, and what makes one.
type Peer = (&'static str, fn() -> Hash);

fn peers() -> [Peer; 3] {
    [
        ("aws-lc", || Box::new(aws_lc_sha384)),
        ("openssl", || {
            let mut openssl = OpenSslSha384::new();
            Box::new(move |message| openssl.digest(message))
        }),
        ("rustcrypto", || Box::new(|message| Sha384::digest(message).into())),
    ]
}

/// The digest of each page.
type EachPage = Box<dyn FnMut(&[u8], &mut [Digest]) + Send>;

/// Puts the last digest over the first bytes: the next call waits for it.
fn digests(mut each_page: EachPage, pages: usize) -> Worker {
    let mut digests = vec![[0; 48]; pages];
    repeat(move |_, memory| {
        each_page(memory, &mut digests);
        memory[..48].copy_from_slice(&digests[pages - 1]);
    })
}

/// One that makes the digests that `expected` says of all pages.
fn hasher(
    name: String,
    bytes: usize,
    threads: usize,
    expected: &[Digest],
    each_page: impl Fn() -> EachPage,
) -> Result<Contestant, String> {
    let mut found = vec![[0; 48]; expected.len()];
    each_page()(&pattern(bytes), &mut found);
    if let Some(page) = expected.iter().zip(&found).position(|(a, b)| a != b) {
        return Err(format!("{name} makes another digest of page {page}"));
    }
    Ok(Contestant::unbounded(name, threads, || digests(each_page(), expected.len())))
}

/// Everyone who hashes pages, the definition first.
fn hashers(bytes: usize, threads: usize) -> Result<Vec<Contestant>, String> {
    let mut expected = vec![[0; 48]; bytes / PAGE];
    hash::sha384_each(Backend::portable(), PAGE, &pattern(bytes), &mut expected);
    let own = Backend::available().map(|backend| {
        hasher(format!("sevcrypt-{backend}"), bytes, threads, &expected, || {
            Box::new(move |memory, digests| hash::sha384_each(backend, PAGE, memory, digests))
        })
    });
    let peers = peers().into_iter().map(|(name, new)| {
        hasher(name.to_owned(), bytes, threads, &expected, || {
            let mut hash = new();
            Box::new(move |memory, digests| {
                for (page, digest) in memory.chunks_exact(PAGE).zip(digests) {
                    *digest = hash(page);
                }
            })
        })
    });
    own.chain(peers).collect()
}

/// The chain of a launch digest over pages whose contents do not count. The digest stands in the first 48 bytes.
fn chains(threads: usize) -> Vec<Contestant> {
    let own = Contestant::unbounded("sevcrypt", threads, || {
        repeat(|_, memory| {
            let gpa = GuestPhysAddr::new(GPA).expect("below 2^52");
            let mut launch = LaunchDigest::resume(*first(memory));
            let done = launch.update_pages(PageType::Zero, gpa, STEPS as u64, &mut |_| {});
            done.expect("pages of a guest");
            *first(memory) = *launch.digest();
        })
    });
    let peers = peers().into_iter().map(|(name, new)| {
        Contestant::unbounded(name, threads, || {
            let mut hash = new();
            repeat(move |_, memory| {
                let mut info = [0; PageInfo::LEN];
                info[..48].copy_from_slice(first(memory));
                info[0x60..0x63].copy_from_slice(&[PageInfo::LEN as u8, 0, PageType::Zero as u8]);
                for gpa in (GPA..).step_by(PAGE).take(STEPS) {
                    info[0x68..].copy_from_slice(&gpa.to_le_bytes());
                    let digest = hash(&info);
                    info[..48].copy_from_slice(&digest);
                }
                memory[..48].copy_from_slice(&info[..48]);
            })
        })
    });
    [own].into_iter().chain(peers).collect()
}

fn first(memory: &mut [u8]) -> &mut Digest {
    memory.first_chunk_mut().expect("the memory has a digest")
}

/// A firmware image: a pattern, and at its end the tables that OVMF has there.
fn image(bytes: usize) -> Vec<u8> {
    const FOOTER: u128 = 0x96b582de_1fb2_45f7_baea_a366c55a082d;
    const RESET_BLOCK: u128 = 0x00f771de_1a7e_4fcb_890e_68c77e2fb44e;
    const METADATA: u128 = 0xdc886566_984a_4798_a75e_5585a7bf67cc;
    // Address, size, type: zero pages, secrets, CPUID.
    let sections = [[0x80_0000_u32, 0x9000, 1], [0x80_d000, 0x1000, 2], [0x80_e000, 0x1000, 3]];
    let length = 16 + 12 * sections.len();
    let words = [length as u32, 1, sections.len() as u32];
    let words = words.iter().chain(sections.as_flattened());
    let metadata: Vec<u8> =
        b"ASEV".iter().copied().chain(words.flat_map(|word| word.to_le_bytes())).collect();
    let entry = |data: &[u8], length: usize, guid: u128| {
        let mut guid = guid.to_be_bytes();
        for field in [0..4, 4..6, 6..8] {
            guid[field].reverse();
        }
        [data, &(length as u16).to_le_bytes(), &guid].concat()
    };
    let end = bytes - 32;
    let mut table = entry(&0x80_b004_u32.to_le_bytes(), 22, RESET_BLOCK);
    // The metadata stand before the table of three entries.
    let start = end - (22 + 22 + 18) - length;
    table.extend(entry(&((bytes - start) as u32).to_le_bytes(), 22, METADATA));
    table.extend(entry(&[], table.len() + 18, FOOTER));
    let mut image = pattern(bytes);
    image[start..start + length].copy_from_slice(&metadata);
    image[end - table.len()..end].copy_from_slice(&table);
    image
}

/// The launch digest of an image that is hashed as it is read: as the program does with large ones.
fn measure_as_read(path: &Path, backend: Backend) -> Digest {
    const CHUNK: usize = 64;
    let mut file = fs::File::open(path).expect("the file is there");
    let len = file.metadata().expect("its length").len() as usize;
    let (mut buffer, mut digests) = (vec![0; CHUNK * PAGE], vec![[0; 48]; len / PAGE]);
    // The first chunk is the one that is short, so that the last is whole.
    let (first, rest) = digests.split_at_mut(len / PAGE % CHUNK);
    for digests in std::iter::once(first).chain(rest.chunks_mut(CHUNK)) {
        let chunk = &mut buffer[..digests.len() * PAGE];
        file.read_exact(chunk).expect("whole pages");
        hash::sha384_each(backend, PAGE, chunk, digests);
    }
    let tail = &buffer[..len.min(CHUNK * PAGE)];
    let firmware = Ovmf::parse_tail(tail, &digests).expect("an image");
    let mut launch = Launch::new(firmware, EPYC_V4, &Profile::QEMU);
    launch.vcpus = VCPUS;
    measure(&launch, backend, &mut |_| {}).expect("a launch")
}

/// The launch digest of a guest with four vCPUs, of the file of its firmware, which everyone reads each time.
fn measurers(path: &Path) -> Vec<Contestant> {
    let contestant = |name: String, work: &dyn Fn(PathBuf) -> Box<dyn Fn() -> Digest + Send>| {
        Contestant::unbounded(name, 1, || {
            let work = work(path.to_owned());
            repeat(move |_, memory| *first(memory) = work())
        })
    };
    let own = Backend::available().map(|backend| {
        contestant(format!("sevcrypt-{backend}"), &|path| {
            Box::new(move || measure_as_read(&path, backend))
        })
    });
    /// Both versions of `sev` have the same names.
    macro_rules! sev {
        ($sev:ident) => {
            |path: PathBuf| -> Box<dyn Fn() -> Digest + Send> {
                use $sev::measurement::snp::{SnpMeasurementArgs, snp_calc_launch_digest};
                use $sev::measurement::vcpu_types::CpuType;
                use $sev::measurement::vmsa::{GuestFeatures, VMMType};
                Box::new(move || {
                    let arguments = SnpMeasurementArgs {
                        vcpus: VCPUS,
                        vcpu_type: CpuType::EpycV4,
                        ovmf_file: path.clone(),
                        guest_features: GuestFeatures(1),
                        kernel_file: None,
                        initrd_file: None,
                        append: None,
                        ovmf_hash_str: None,
                        vmm_type: Some(VMMType::QEMU),
                    };
                    let digest = snp_calc_launch_digest(arguments).expect("a launch");
                    let digest: Vec<u8> = digest.try_into().expect("bytes");
                    digest.try_into().expect("48 of them")
                })
            }
        };
    }
    let peers = [
        contestant("sev-8-rust".to_owned(), &sev!(sev)),
        contestant("sev-7-openssl".to_owned(), &sev!(sev_openssl)),
    ];
    own.chain(peers).collect()
}

/// The name of the case and the bytes of each thread's memory.
fn sets(curves: bool) -> Vec<(String, usize)> {
    let named = ["pages-l2", "pages-l3", "pages-dram"];
    let pages = WORKING_SETS.iter().filter(|set| named.contains(&set.name) || curves);
    let pages = pages.filter(|set| set.bytes > PAGE);
    let pages = pages.map(|set| (format!("sha384-{}", set.name), set.bytes));
    let few = [("sha384-stream", PAGE), ("sha384-pages", 16 * PAGE)];
    few.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).chain(pages).collect()
}

pub(crate) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let threads = usize::from(options.threads);
    let budget = Duration::from_millis(options.budget);
    let contest = |name, bytes, threads| Contest { group: "hash", name, bytes, threads, budget };
    let asked = |name: &str| options.only.as_ref().is_none_or(|text| name.contains(text));
    let mut out = io::stdout().lock();
    let mut rows: Vec<Row> = Vec::new();
    let mut report = |more: Vec<Row>, threads: usize| -> io::Result<()> {
        if !options.json {
            table::print(&mut out, &more, threads)?;
        }
        rows.extend(more);
        Ok(())
    };
    for (name, bytes) in sets(options.svg.is_some()) {
        if asked(&name) {
            let contestants = hashers(bytes, threads).map_err(|why| format!("{name}: {why}"))?;
            report(contest(name, bytes, threads).of_results(&contestants)?, threads)?;
        }
    }
    let chain = "page-info-chain";
    if asked(chain) {
        let contest = contest(chain.to_owned(), STEPS * PageInfo::LEN, threads);
        report(contest.of_results(&chains(threads))?, threads)?;
    }
    let whole = "measure-64m";
    // It is measured on one thread.
    if asked(whole) && threads == 1 {
        let mut file = NamedTempFile::new()?;
        file.write_all(&image(IMAGE))?;
        let contest = contest(whole.to_owned(), IMAGE, 1);
        report(contest.of_results(&measurers(file.path()))?, 1)?;
    }
    if rows.is_empty() {
        return Err("no case has such a name".into());
    }
    if options.json {
        writeln!(out, "{:#}", clock::document(&rows, threads))?;
    }
    if let Some(path) = &options.svg {
        curves::draw(path, CHARTS, &rows, threads)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn contest(bytes: usize) -> Contest {
        let name = "test".to_owned();
        Contest { group: "hash", name, bytes, threads: 1, budget: Duration::ZERO }
    }

    #[test]
    fn all_make_the_same_digests() {
        for bytes in [PAGE, 9 * PAGE] {
            contest(bytes).of_results(&hashers(bytes, 1).unwrap()).unwrap();
        }
    }

    #[test]
    fn another_digest_is_an_error() {
        let expected = [hash::sha384(&pattern(2 * PAGE)[..PAGE]), [0; 48]];
        let portable = || -> EachPage {
            Box::new(|memory, digests| {
                hash::sha384_each(Backend::portable(), PAGE, memory, digests);
            })
        };
        let error = hasher("one".to_owned(), 2 * PAGE, 1, &expected, portable).err();
        assert_eq!(error.as_deref(), Some("one makes another digest of page 1"));
    }

    #[test]
    fn all_make_the_same_chain() {
        contest(48).of_results(&chains(1)).unwrap();
    }

    #[test]
    fn all_measure_the_same_launch() {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(&image(16 * PAGE)).unwrap();
        contest(48).of_results(&measurers(file.path())).unwrap();
    }

    #[test]
    fn every_case_has_a_name_of_its_own() {
        let names: Vec<_> = sets(true).into_iter().map(|(name, _)| name).collect();
        assert!(sets(false).iter().all(|(name, _)| names.contains(name)));
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }
}
