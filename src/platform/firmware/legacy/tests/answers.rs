//! The worked examples, which other implementations computed, through commands.

use super::*;

/// 56 random bytes that make a private key: little-endian, one less than the scalar.
fn random_of(scalar: &str) -> [u8; 56] {
    let mut random = [0; 56];
    let scalar = hex::<48>(scalar);
    random.iter_mut().zip(scalar.iter().rev()).for_each(|(to, from)| *to = *from);
    // None of them ends with a zero.
    random[0] -= 1;
    random
}

const OCA: &str = "d74e2b8068d20d9c792c1314a00ebbd6778108d7f2d85484c40466995b1ca3a0\
    95eff53228280d16fe30f85278128abd";
const PEK: &str = "bdd68b61a529be1ca5f72cf122d949d1c28af6e7522f16a92b4e8ef5cb64bc79\
    741df7e1fdc9a816b04e9b9edb5b40fc";
const PDH: &str = "5b53a12149a75d8873dc96e933242c64bd13a1dd6e3573db0fa3229cfb115943\
    87d988b35dee9aedd5d6335b200301d6";
const OWNER: &str = "76d72e53c906c087d2cdca11eed35235efbdd28c1f453c4a74f4357d067ef921\
    7cde8c19fa78605bffecdc78b7ea8718";

/// The policy of the example.
const POLICY: u32 = 0x3701_0005;

/// The session of the example.
const BUFFER: &str = "101112131415161718191a1b1c1d1e1f\
    7a87de18f647890bd56352682d2a153b9b24ef514397dbf02051f1abeb9122b1\
    404142434445464748494a4b4c4d4e4f\
    df4d80d2cf308e5b215aa64729cd02b7fbb3548639b963e604a9328a1ad3f609\
    72489db6548265129d6dfe3eee88aa436706e7c7eeef0b7aca2d371f58eab8b9";

const DIGEST: &str = "d35340b57032d6b88d70e03567857ab00024d096b39b20c392dd1c6a67669b52";

/// The platform of the example.
fn example() -> Rig {
    let rig = Rig::new();
    for scalar in [OCA, PEK, PDH] {
        rig.script.push(&random_of(scalar));
    }
    rig.init_es();
    assert!(rig.script.is_empty());
    rig
}

fn put_session(rig: &Rig) {
    let key = PrivateKey::from_scalar(&hex(OWNER)).unwrap();
    let certificate = Certificate::of_ecdh_key(&key.public_key(), API);
    assert_eq!(
        sha256(certificate.as_bytes()),
        "5acb8f06c960f0946d1e9fc3b75598a2b36d713101e18b4ec940b215643b3abc"
    );
    rig.put(CERTIFICATE, certificate.as_bytes());
    rig.put(SESSION, &hex::<128>(BUFFER));
}

/// The guest of the example, measured.
fn measured(rig: &Rig) -> u32 {
    put_session(rig);
    let handle = rig.launch_start(POLICY);
    rig.run(SevActivate { handle, asid: 1 }).unwrap();
    rig.put(GUEST, &counting::<4096>(0));
    rig.put(GUEST + 0x1000, &counting::<64>(0));
    rig.run(SevLaunchUpdateData { handle, paddr: GUEST, len: 4096 }).unwrap();
    rig.run(SevLaunchUpdateData { handle, paddr: GUEST + 0x1000, len: 64 }).unwrap();
    rig.script.push(&counting::<16>(0x50));
    let measurement = rig.measure(handle);
    assert!(rig.script.is_empty());
    let measure = "1dfc044414d5145df3ec98db2041fce70b310496db49ebfbf74fc49e48a7faa1";
    assert_eq!(measurement.measure, hex(measure));
    assert_eq!(measurement.mnonce, counting(0x50));
    handle
}

#[test]
fn certificates() {
    let rig = example();
    let certificates = rig.certificates();
    for (certificate, digest) in [
        (&certificates.oca, "66326f318d33b3e438a8f94244c9031be82890fcf755af1523d81b14f8f10bf3"),
        (&certificates.pek, "27c255058d86d1bced2d4e85077b1b34585bda8b33bf7e198973e9c3cf0664db"),
        (&certificates.pdh, "e515ee9ab7b3bdc12b06e3f38b1ab1e9f7b1058838ba042ecaf170ae04bae941"),
        (&certificates.cek, "5b40b337b0cd0ed6f8aa5fc3793737523ccbf31fd9b02827772600c6b3d89956"),
    ] {
        assert_eq!(sha256(certificate.as_bytes()), digest);
    }
    assert_eq!(
        sha256(&rig.take(CHAIN, 6252)),
        "b56f70f4ddcec282c2414b797133f1c5bd3b9066c2170c6d7fb70e49df599749"
    );
    let csr = SevPekCsr { csr_paddr: OUT, csr_len: 2084 };
    assert_eq!(rig.run(csr).unwrap().csr_len, 2084);
    let csr = rig.take(OUT, 2084);
    assert_eq!(
        sha256(&csr[..0x414]),
        "23451b18670e1c16d8b46efb3b0bcacc0fcd45cc329ef0addd483749d5c7cdaf"
    );
    assert!(Certificate::parse(&csr).unwrap().slots().iter().all(|slot| slot.is_empty()));
}

#[test]
fn chip_id() {
    let rig = Rig::new();
    let command = rig.run(SevGetId { id_paddr: OUT, id_len: 100 }).unwrap();
    assert_eq!(command.id_len, 64);
    assert_eq!(
        rig.take(OUT, 64),
        hex::<64>(
            "6d6caac248af96f6afa7f904f550253a0f3ef3f5aa2fe6838a95b216691468e2\
             487e6222a6664e079c8edf7518defd562dbeda1e7593dfd7f0be285880a24dab"
        )
    );
    assert_eq!(rig.take(OUT + 64, 64), [0; 64]);
}

#[test]
fn launch() {
    let rig = example();
    let handle = measured(&rig);

    let ciphertext: [u8; 32] =
        hex("1633c0c391b9cde6f52377adbaef8b5422c494ca4c3dedd5882d358663fe9c88");
    let header: [u8; 52] = hex("00000000606162636465666768696a6b6c6d6e6f\
        23a82eb4984541c3827fddef7bec8b50e185dc6b21a669e5007acd74cdd4dd0f");
    rig.put(PACKET, &ciphertext);
    rig.put(HEADER, &header);
    rig.run(SevLaunchSecret {
        handle,
        hdr_paddr: HEADER,
        hdr_len: 52,
        guest_paddr: GUEST + 0x2000,
        guest_len: 32,
        trans_paddr: PACKET,
        trans_len: 32,
    })
    .unwrap();
    assert_eq!(rig.text(1, GUEST + 0x2000, 32), b"0123456789abcdefSECRET-SECRET-32");
    assert_ne!(rig.take(GUEST + 0x2000, 32), b"0123456789abcdefSECRET-SECRET-32");

    rig.run(SevLaunchFinish { handle }).unwrap();
    let attestation = SevAttestation { handle, paddr: OUT, mnonce: counting(0x50), len: 0x1000 };
    assert_eq!(rig.run(attestation).unwrap().len, 0xd0);
    let report = rig.take(OUT, 0xd0);
    assert_eq!(report[..0x10], counting::<16>(0x50));
    assert_eq!(report[0x10..0x30], hex::<32>(DIGEST));
    assert_eq!(report[0x30..0x40], hex::<16>("05000137021000000200000000000000"));
    assert_eq!(
        report[0x40..0x70],
        hex::<48>(
            "216649566d60e6e60308f91689dc75937b538e0293c9edebf117a18b9f4fbad2\
             dcc675cb68bcaa2731b84636a35c3ff1"
        )
    );
    assert_eq!(
        report[0x88..0xb8],
        hex::<48>(
            "733a578444b0607b0e70dc0fe4a693bbe72a1a0cda5e50e952b6f97362cf699c\
             0626bba86687a5601e9970b42940b665"
        )
    );
}

/// Keys of zeros.
#[test]
fn without_session() {
    let rig = example();
    let handle = rig.launch(POLICY, Some(1));
    rig.put(GUEST, &counting::<4096>(0));
    rig.put(GUEST + 0x1000, &counting::<64>(0));
    rig.run(SevLaunchUpdateData { handle, paddr: GUEST, len: 4096 }).unwrap();
    rig.run(SevLaunchUpdateData { handle, paddr: GUEST + 0x1000, len: 64 }).unwrap();
    rig.script.push(&counting::<16>(0x50));
    assert_eq!(
        rig.measure(handle).measure,
        hex("7f184e59d91d92a1b092841eef7814d02a726deb10da8a7d7c8c99b236065918")
    );
}

/// The example's session from the other side, and a packet in it.
#[test]
fn migration() {
    let rig = example();
    let policy = POLICY;
    let handle = rig.running(policy, 1);
    let key = PrivateKey::from_scalar(&hex(OWNER)).unwrap();
    rig.put(CERTIFICATE, Certificate::of_ecdh_key(&key.public_key(), API).as_bytes());
    for first in [0x10, 0x20, 0x30, 0x40] {
        rig.script.push(&counting::<16>(first));
    }
    let sent = rig.run(SevSendStart {
        handle,
        pdh_paddr: CERTIFICATE,
        pdh_len: 2084,
        session_paddr: OUT,
        session_len: 128,
        ..Default::default()
    });
    assert_eq!(sent.unwrap().policy, policy);
    assert!(rig.script.is_empty());
    assert_eq!(rig.take(OUT, 128), hex::<128>(BUFFER));

    let text: [u8; 64] = core::array::from_fn(|i| (7 * i) as u8);
    Bus(&rig.machine).write_guest(Asid::new(1), GUEST, &text).unwrap();
    rig.script.push(&counting::<16>(0x70));
    let update = SevSendUpdateData {
        handle,
        hdr_paddr: HEADER,
        hdr_len: 0x1000,
        guest_paddr: GUEST,
        guest_len: 64,
        trans_paddr: PACKET,
        trans_len: 4096,
    };
    let update = rig.run(update).unwrap();
    assert_eq!((update.hdr_len, update.trans_len), (52, 4096));
    assert_eq!(
        rig.take(PACKET, 64),
        hex::<64>(
            "1e94927d598cd76ea26987128e75374675fe08eec64fab07c80a3468e21d58e0\
             c35b73cc91141159801d9be677a15beb9aaca5dac1a97690968cc38c59e12a4c"
        )
    );
    assert_eq!(
        rig.take(HEADER, 52),
        hex::<52>(
            "00000000707172737475767778797a7b7c7d7e7f\
             f802507af9259e3839ed8557d3bdf80b5e7eebcfedb13cfdbff982a9e5e33eb1"
        )
    );
}

#[test]
fn swap() {
    let rig = example();
    rig.script.push(&[0x11; 32]);
    rig.script.push(&counting::<32>(0x80));
    let handle = rig.running(POLICY, 1);
    let page = counting::<4096>(0);
    Bus(&rig.machine).write_guest(Asid::new(1), GUEST, &page).unwrap();
    let command = SevSwapOut {
        handle,
        flags: 0,
        src_paddr: GUEST,
        dst_paddr: PACKET,
        mdata_paddr: MDATA,
        software_data: 0x1122_3344_5566_7788,
    };
    for _ in 0..6 {
        rig.run(command).unwrap();
    }
    let ciphertext = rig.take(PACKET, 4096);
    assert_eq!(
        ciphertext[..32],
        hex::<32>("581392e85148f2412571ed13ebdd16d2b78f5b62a2dca7ec223d790776809b07")
    );
    assert_eq!(
        sha256(&ciphertext),
        "f66e536b7d52f3c62b240aadc4807f64b6bf6bb4006ddb95d075c1a34e258eeb"
    );
    let mut entry = [0; 64];
    entry[..16].copy_from_slice(&hex::<16>("88776655443322110500000000000000"));
    entry[16..32].copy_from_slice(&hex::<16>("d7e38a1005236d5d7da988625b6d7cf9"));
    assert_eq!(rig.take(MDATA, 64), entry);
}
