//! A key broker's day: 10 000 reports from 500 chips, each with its certificates and a nonce of its own, on one core. The same evidence is
//! verified one by one, in batches, and with what is kept of chains.
//!
//! ```sh
//! cargo bench --features platform --bench broker
//! ```
//!
//! The evidence is a software platform's: chips with secrets of their own, VCEKs by its certificate authority. Every way verifies
//! everything: parsing of report and certificates, dates, signatures, bindings, policy.

#![allow(missing_docs, reason = "a program")]

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use sevcrypt::Arithmetic;
use sevcrypt::platform::Chip;
use sevcrypt::platform::ca::TestCa;
use sevcrypt::snp::GuestPolicy;
use sevcrypt::snp::certs::Collateral;
use sevcrypt::snp::keys::{HashSticks, PrivateKey};
use sevcrypt::snp::policy::Policy;
use sevcrypt::snp::report::{Draft, FirmwareVersion};
use sevcrypt::snp::tcb::{Product, TcbVersion};
use sevcrypt::snp::verify::{
    Accepted, EndorsementCache, Evidence, Time, Trust, VerifyError, verify, verify_batch,
};
use sevcrypt::x509::Certificate;

const CHIPS: usize = 500;
const REPORTS: usize = 10_000;
/// How many reports a broker has in hand.
const BATCH: usize = 64;
const NOW: i64 = 1_767_225_600;
const ROUNDS: usize = 5;

/// A report with the DER of its leaf.
struct Sent<'c> {
    report: Vec<u8>,
    nonce: [u8; 64],
    leaf: &'c [u8],
}

fn nonce(number: usize) -> [u8; 64] {
    std::array::from_fn(|i| (number >> (i % 8 * 8)) as u8 ^ i as u8)
}

/// Chip `number`: its VCEK, and a certificate for it.
fn chip(ca: &TestCa, number: usize, tcb: TcbVersion) -> (Chip, PrivateKey, Vec<u8>) {
    let [mut secret, mut unique] = [[7; 48], [8; 48]];
    secret[..8].copy_from_slice(&number.to_le_bytes());
    unique[..8].copy_from_slice(&number.to_le_bytes());
    let chip = Chip::new(Product::Milan, &secret, unique.first_chunk().expect("32 bytes"));
    let key = PrivateKey::vcek(HashSticks::new(chip.secret(), tcb).stick_7());
    let hw_id = chip.hw_id().expect("an id");
    let leaf =
        ca.vcek(&hw_id, tcb, &key.signing_key().verifying_key(), NOW).expect("a certificate");
    (chip, key, leaf)
}

fn report(chip: &Chip, key: &PrivateKey, tcb: TcbVersion, nonce: &[u8; 64]) -> Vec<u8> {
    let version = FirmwareVersion { major: 1, minor: 55, build: 21 };
    let draft = Draft::new(3)
        .policy(GuestPolicy(0x3_0000))
        .report_data(nonce)
        .measurement(&[0xab; 48])
        .chip_id(chip.chip_id())
        .cpu(chip.cpu())
        .current_tcb(tcb)
        .reported_tcb(tcb)
        .committed_tcb(tcb)
        .launch_tcb(tcb)
        .current_version(version)
        .committed_version(version);
    draft.sign(&key.signing_key()).expect("a signature").to_vec()
}

type Outcome<'r> = Result<Accepted<'r>, VerifyError>;

/// Reads the certificates of a batch, and gives its evidence to `work`. All must be accepted.
fn with_batches(
    sent: &[Sent<'_>],
    above: [&[u8]; 2],
    trust: &Trust<'_>,
    work: &dyn for<'r> Fn(&[Evidence<'r, '_>], &Trust<'_>) -> Vec<Outcome<'r>>,
) -> Duration {
    let begin = Instant::now();
    for batch in sent.chunks(BATCH) {
        let certificate = |der| Certificate::from_der(der).expect("a certificate");
        let certificates: Vec<_> =
            batch.iter().map(|it| [it.leaf, above[0], above[1]].map(certificate)).collect();
        let policies: Vec<_> = batch
            .iter()
            .map(|it| {
                let mut policy = Policy::default();
                policy.measurements = Some(&[[0xab; 48]]);
                policy.report_data = Some(&it.nonce);
                policy
            })
            .collect();
        let evidence: Vec<_> = batch
            .iter()
            .zip(&certificates)
            .zip(&policies)
            .map(|((it, certificates), policy)| Evidence {
                report: &it.report,
                collateral: Collateral::from(certificates),
                policy,
            })
            .collect();
        for outcome in work(&evidence, trust) {
            outcome.expect("good evidence");
        }
    }
    begin.elapsed()
}

fn main() {
    let ca = TestCa::published(Product::Milan).expect("the published keys");
    let tcb = TcbVersion::new([3, 0, 0, 0, 0, 0, 8, 0x73]);
    let chips: Vec<_> = (0..CHIPS).map(|number| chip(&ca, number, tcb)).collect();
    // In an order without a pattern: the factor has no divisor in common with the number of chips.
    let sent: Vec<_> = (0..REPORTS)
        .map(|number| {
            let (chip, key, leaf) = &chips[number * 7919 % CHIPS];
            let nonce = nonce(number);
            Sent { report: report(chip, key, tcb, &nonce), nonce, leaf }
        })
        .collect();
    let root = [Certificate::from_der(ca.ark()).expect("a certificate")];
    let trust = Trust::amd(Time::At(NOW)).with_roots(&root);
    let above = [ca.ask(), ca.ark()];
    let capacity = NonZeroUsize::new(CHIPS).expect("not zero");

    println!(
        "{REPORTS} reports from {CHIPS} chips, batches of {BATCH}, one core, {}; medians of {ROUNDS}",
        Arithmetic::best().kind()
    );
    println!("way                                     reports/s   us each   of one by one");
    let run =
        |sent: &[Sent<'_>],
         work: &dyn for<'r> Fn(&[Evidence<'r, '_>], &Trust<'_>) -> Vec<Outcome<'r>>| {
            let each = sent.len() as f64;
            with_batches(sent, above, &trust, work).as_secs_f64() / each
        };
    let mut times = [const { Vec::new() }; 5];
    for _ in 0..ROUNDS {
        // A tenth of the reports shows what the slow ways take.
        let few = &sent[..REPORTS / 10];
        times[0].push(run(few, &|evidence, trust| {
            let each = evidence.iter();
            each.map(|it| verify(it.report, it.collateral, trust, it.policy)).collect()
        }));
        times[1].push(run(few, &|evidence, trust| verify_batch(evidence, trust)));
        let cache = EndorsementCache::new(capacity);
        times[2].push(run(&sent, &|evidence, trust| {
            let each = evidence.iter();
            each.map(|it| cache.verify(it.report, it.collateral, trust, it.policy)).collect()
        }));
        cache.clear();
        times[3].push(run(&sent, &|evidence, trust| cache.verify_batch(evidence, trust)));
        assert_eq!(cache.len(), CHIPS);
        times[4].push(run(&sent, &|evidence, trust| cache.verify_batch(evidence, trust)));
    }
    let names = [
        "one by one",
        "batches",
        "cache, empty at first, one by one",
        "cache, empty at first, batches",
        "cache that knows every chip, batches",
    ];
    let medians = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 2]
    });
    for (name, time) in names.into_iter().zip(medians) {
        println!("{name:38}  {:10.0}  {:8.1}  {:14.2}", 1.0 / time, 1e6 * time, medians[0] / time);
    }
}
