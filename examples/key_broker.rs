//! A key broker: guests come with their reports and get the key of their disk, sealed for themselves, or the reason why not.
//!
//! Chains that were verified are kept for the next report of each chip ([`EndorsementCache`]), and reports that come together
//! are verified together. Guests and their chips are models in this process; the chips' CA is the published one for tests,
//! whose root must be named as trusted.
//!
//! ```sh
//! cargo run --release --features platform --example key_broker
//! ```

use std::error::Error;
use std::num::NonZeroUsize;
use std::time::Instant;

use sevcrypt::ecdh::{PrivateKey, PublicKey, SharedSecret};
use sevcrypt::ecdsa::SigningKey;
use sevcrypt::gcm::{MessageKey, Tag};
use sevcrypt::hash::{Sha384Digest, sha384};
use sevcrypt::platform::Chip;
use sevcrypt::platform::ca::TestCa;
use sevcrypt::snp::GuestPolicy;
use sevcrypt::snp::certs::Collateral;
use sevcrypt::snp::keys::{HashSticks, PrivateKey as EndorsementKey};
use sevcrypt::snp::policy::Policy;
use sevcrypt::snp::report::{Draft, REPORT_LEN};
use sevcrypt::snp::tcb::{Product, TcbVersion};
use sevcrypt::snp::verify::{EndorsementCache, Evidence, Time, Trust};
use sevcrypt::x509::{Certificate, CertificateError};
use sevcrypt::{Backend, Hex, kdf};

/// Beginning of 2026: the certificates are valid.
const NOW: i64 = 1_767_225_600;
const TCB: TcbVersion = TcbVersion::new([4, 0, 0, 0, 0, 0, 24, 0x54]);
/// The image that the broker has keys for.
const MEASUREMENT: [u8; 48] = [0xab; 48];

// ---- Guests, and the chips that they run on. ----

struct Host {
    chip: Chip,
    vcek: SigningKey,
    certificate: Vec<u8>,
}

impl Host {
    fn new(ca: &TestCa, secret: u8) -> Result<Self, Box<dyn Error>> {
        let chip = Chip::new(Product::Genoa, &[secret; 48], &[secret; 32]);
        let sticks = HashSticks::new(chip.secret(), TCB);
        let vcek = EndorsementKey::vcek(sticks.stick_7()).signing_key();
        let certificate = ca.vcek(&chip.hw_id()?, TCB, &vcek.verifying_key(), NOW)?;
        Ok(Self { chip, vcek, certificate })
    }

    /// What a host sends along.
    fn chain<'a>(&'a self, ask: Certificate<'a>) -> Result<[Certificate<'a>; 2], CertificateError> {
        Ok([Certificate::from_der(&self.certificate)?, ask])
    }

    /// What a guest gets from its firmware.
    fn report(
        &self,
        measurement: &Sha384Digest,
        data: &Sha384Digest,
    ) -> Result<[u8; REPORT_LEN], Box<dyn Error>> {
        let mut report_data = [0; 64];
        report_data[..48].copy_from_slice(data);
        let draft = Draft::new(3)
            .policy(GuestPolicy(0x3_0000))
            .measurement(measurement)
            .report_data(&report_data)
            .cpu(self.chip.cpu())
            .chip_id(self.chip.chip_id())
            .current_tcb(TCB)
            .reported_tcb(TCB)
            .committed_tcb(TCB)
            .launch_tcb(TCB);
        Ok(draft.sign(&self.vcek)?)
    }
}

/// What a report is bound to: the guest's key for the answer, and the broker's question.
fn binding(key: &PublicKey, nonce: &[u8; 32]) -> Sha384Digest {
    sha384(&[&key.to_sec1()[..], nonce].concat())
}

/// The key that both ends make of their common secret.
fn wrapping_key(secret: &SharedSecret, nonce: &[u8; 32]) -> Result<MessageKey, Box<dyn Error>> {
    let mut key = [0; 32];
    kdf::derive(secret.as_bytes(), b"disk key", nonce, &mut key)?;
    Ok(MessageKey::new(&key, Backend::best()))
}

// ---- The broker. ----

struct Broker<'a> {
    cache: EndorsementCache,
    trust: Trust<'a>,
    disk_key: [u8; 32],
}

struct Answer {
    broker_key: PublicKey,
    sealed: [u8; 32],
    tag: Tag,
}

impl Broker<'_> {
    fn answer(
        &self,
        report: &[u8],
        collateral: Collateral<'_>,
        guest: &PublicKey,
        nonce: &[u8; 32],
    ) -> Result<Answer, Box<dyn Error>> {
        let expected = binding(guest, nonce);
        let mut policy = Policy::default();
        policy.measurements = Some(&[MEASUREMENT]);
        policy.report_data = Some(&expected);
        policy.minimum_tcb = TCB.parts(Product::Genoa);
        self.cache
            .verify(report, collateral, &self.trust, &policy)
            .map_err(|why| why.to_string())?;

        // A key for this answer alone; a real broker's is random.
        let own = PrivateKey::from_random(&[0x42; 56]);
        let mut sealed = self.disk_key;
        let key = wrapping_key(&own.agree(guest), nonce)?;
        let tag = key.seal_in_place(&[0; 12], b"", &mut sealed)?;
        Ok(Answer { broker_key: own.public_key(), sealed, tag })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let ca = TestCa::published(Product::Genoa)?;
    let hosts = [Host::new(&ca, 1)?, Host::new(&ca, 2)?];
    // What the broker has: AMD's certificates above the leaves, and the root that it trusts.
    let (ask, roots) = (Certificate::from_der(ca.ask())?, [Certificate::from_der(ca.ark())?]);
    let (first, second) = (hosts[0].chain(ask)?, hosts[1].chain(ask)?);
    let broker = Broker {
        cache: EndorsementCache::new(NonZeroUsize::new(1000).ok_or("no room")?),
        trust: Trust::amd(Time::At(NOW)).with_roots(&roots),
        disk_key: [0xd1; 32],
    };

    // One guest asks for its key: a report with its own fresh key in it, for the broker's question.
    let (guest, nonce) = (PrivateKey::from_random(&[0x17; 56]), [0x5a; 32]);
    let report = hosts[0].report(&MEASUREMENT, &binding(&guest.public_key(), &nonce))?;
    for attempt in ["a chip that is new", "the same chip again"] {
        let start = Instant::now();
        broker.answer(&report, (&first).into(), &guest.public_key(), &nonce)?;
        println!(
            "{attempt}: {} us; chains that are kept: {}",
            start.elapsed().as_micros(),
            broker.cache.len()
        );
    }
    let answer = broker.answer(&report, (&first).into(), &guest.public_key(), &nonce)?;
    let mut disk_key = answer.sealed;
    let key = wrapping_key(&guest.agree(&answer.broker_key), &nonce)?;
    key.open_in_place(&[0; 12], b"", &mut disk_key, &answer.tag)?;
    assert_eq!(disk_key, broker.disk_key);
    println!("the guest has its key: {}...", Hex(&disk_key[..4]));

    // The report of another question, and another's key beside a genuine report.
    let thief = PrivateKey::from_random(&[0x66; 56]);
    for (who, nonce) in [(&guest, [0x5b; 32]), (&thief, nonce)] {
        let refused = broker.answer(&report, (&first).into(), &who.public_key(), &nonce);
        println!("{}", refused.err().ok_or("a wrong answer")?);
    }

    // Many at once, after an outage: the signatures are verified together, and each has its own verdict.
    let questions = [[1; 48], [2; 48], [3; 48]];
    let reports = [
        hosts[0].report(&MEASUREMENT, &questions[0])?,
        hosts[1].report(&MEASUREMENT, &questions[1])?,
        hosts[1].report(&[0xcd; 48], &questions[2])?,
    ];
    let policies = questions.each_ref().map(|question| {
        let mut policy = Policy::default();
        policy.measurements = Some(&[MEASUREMENT]);
        policy.report_data = Some(question);
        policy
    });
    let chains = [&first, &second, &second];
    let evidence: Vec<Evidence<'_, '_>> = reports
        .iter()
        .zip(chains)
        .zip(&policies)
        .map(|((report, chain), policy)| Evidence { report, collateral: chain.into(), policy })
        .collect();
    let outcomes = broker.cache.verify_batch(&evidence, &broker.trust);
    for outcome in &outcomes {
        match outcome {
            Ok(accepted) => {
                println!("accepted: measurement {:.16}", accepted.claims().measurement.to_string())
            }
            Err(why) => println!("{why}"),
        }
    }
    assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!(broker.cache.len(), 2, "one chain for each chip");
    Ok(())
}
