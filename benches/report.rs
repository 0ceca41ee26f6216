//! Single functions of verification: to read a report, to verify everything, to verify with what is kept, to make what is
//! kept.
//!
//! ```sh
//! cargo bench --bench report
//! ```
//!
//! The evidence is that of the tests, in `vectors/attestation`. For other libraries beside this one see
//! `cargo run --release -p sevcrypt-peers -- report`.

#![allow(missing_docs, reason = "criterion's macros write items without docs")]

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use sevcrypt::Arithmetic;
use sevcrypt::ecdsa::{
    Claim, HotKey, KeyTable, Signer, SigningKey, VerifyingKey, verify_each_vartime,
};
use sevcrypt::snp::report::Report;
use sevcrypt::snp::verify::{Endorsement, Time, Trust, authenticate};
use sevcrypt::x509::{Certificate, PublicKey};

/// When the evidence is to be accepted.
const NOW: Time = Time::At(1_767_225_600);

fn vector(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/attestation");
    std::fs::read(folder.join(name)).expect("the vectors of the repository")
}

fn report(c: &mut Criterion) {
    let mut group = c.benchmark_group("report");
    let bytes = vector("reports/vcek-milan-v3.bin");
    let ders =
        ["milan-vcek", "milan-ask", "milan-ark"].map(|it| vector(&format!("certs/{it}.der")));
    let parse = || ders.each_ref().map(|der| Certificate::from_der(der).expect("a certificate"));
    let certificates = parse();
    let [leaf, ask, ark] = certificates;
    let (roots, report) = ([ark], Report::from_bytes(&bytes).expect("a report"));
    let trust = Trust::amd(NOW).with_roots(&roots);

    group.bench_function("parse", |b| {
        b.iter(|| Report::from_bytes(black_box(&bytes)).map(|report| report.check_reserved()));
    });
    group.bench_function("parse-certificates", |b| b.iter(parse));
    group.bench_function("verify-cold", |b| {
        b.iter(|| authenticate(black_box(&report), (&certificates).into(), &trust).expect("it is"));
    });
    let endorsement = Endorsement::of(&report, (&certificates).into(), &trust).expect("a chain");
    group.bench_function("verify-warm", |b| {
        b.iter(|| endorsement.authenticate(black_box(&report), NOW).expect("it is authentic"));
    });

    let PublicKey::Rsa(ask_key) = ask.public_key() else { panic!("an RSA key") };
    group.bench_function("rsa4096-pss", |b| {
        b.iter(|| black_box(&leaf).verify_signature(&ask_key).expect("it is signed"));
    });
    let PublicKey::P384(point) = leaf.public_key() else { panic!("a P-384 key") };
    let key = VerifyingKey::from_sec1(point).expect("a point of the curve");
    let signature = report.signature().expect("a signature");
    group.bench_function("p384", |b| {
        b.iter(|| assert!(key.verify_vartime(black_box(report.signed_bytes()), &signature)));
    });
    group.bench_function("p384-table", |b| b.iter(|| black_box(&key).with_table()));
    let table = key.with_table();
    group.bench_function("p384-with-table", |b| {
        b.iter(|| assert!(table.verify_vartime(black_box(report.signed_bytes()), &signature)));
    });
    group.finish();
}

/// P-384 by every arithmetic: a key alone, its table, with the table, with the large table, eight keys at once. The digest of a
/// short message, 0.5 us or so, is part of each.
fn p384(c: &mut Criterion) {
    let mut group = c.benchmark_group("p384");
    let keys: [_; 8] = core::array::from_fn(|i| {
        SigningKey::from_scalar(&[i as u8 + 1; 48]).expect("it is below the order")
    });
    let signatures = keys.each_ref().map(|key| key.sign_sha384(b"message").expect("a signature"));
    let publics = keys.map(|key| key.verifying_key());
    let (key, signature) = (&publics[0], &signatures[0]);
    for arithmetic in Arithmetic::available() {
        let kind = arithmetic.kind();
        group.bench_function(format!("cold-{kind}"), |b| {
            b.iter(|| assert!(key.verify_vartime_by(arithmetic, black_box(b"message"), signature)));
        });
        let mut table = Box::new(KeyTable::EMPTY);
        group.bench_function(format!("fill-table-{kind}"), |b| {
            b.iter(|| table.fill(arithmetic, black_box(key)));
        });
        group.bench_function(format!("known-key-{kind}"), |b| {
            b.iter(|| assert!(table.verify_vartime(black_box(b"message"), signature)));
        });
        let hot = HotKey::new(arithmetic, key);
        group.bench_function(format!("hot-key-{kind}"), |b| {
            b.iter(|| assert!(hot.verify_vartime(black_box(b"message"), signature)));
        });
        group.bench_function(format!("each-of-eight-{kind}"), |b| {
            b.iter(|| {
                let mut claims: [_; 8] = core::array::from_fn(|i| {
                    Claim::new(&publics[i], black_box(b"message"), &signatures[i])
                });
                verify_each_vartime(arithmetic, &mut claims, &mut { KeyTable::EMPTY });
                assert!(claims.iter().all(Claim::holds));
            });
        });
    }
    group.finish();
}

/// RSA-4096 by each arithmetic: a key that is used once is prepared, too.
fn rsa(c: &mut Criterion) {
    let mut group = c.benchmark_group("rsa");
    let [leaf, ask] = ["milan-vcek", "milan-ask"].map(|it| vector(&format!("certs/{it}.der")));
    let leaf = Certificate::from_der(&leaf).expect("a certificate");
    let ask = Certificate::from_der(&ask).expect("a certificate");
    let PublicKey::Rsa(key) = ask.public_key() else { panic!("an RSA key") };
    for arithmetic in Arithmetic::available() {
        let name = |what| format!("{what}/{}", arithmetic.kind());
        group.bench_function(name("prepare"), |b| {
            b.iter(|| black_box(&key).prepare_with(arithmetic));
        });
        let prepared = key.prepare_with(arithmetic);
        group.bench_function(name("pss-prepared"), |b| {
            b.iter(|| black_box(&leaf).verify_signature_prepared(&prepared).expect("it is signed"));
        });
        group.bench_function(name("pss-once"), |b| {
            b.iter(|| {
                let key = black_box(&key).prepare_with(arithmetic);
                leaf.verify_signature_prepared(&key).expect("it is signed");
            });
        });
        // Not below the modulus: no power is taken. What is left of a refusal.
        group.bench_function(name("refused"), |b| {
            b.iter(|| prepared.verify_pss_sha384(b"", black_box(&[0xFF; 512])));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(200))
        .measurement_time(std::time::Duration::from_millis(600));
    targets = report, p384, rsa
}
criterion_main!(benches);
