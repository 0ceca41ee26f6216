//! AMD's CA public keys: what everybody who verifies a report, or a platform's certificates, trusts in the end.
//!
//! Figures of AMD's own certificates (AMD 57230; 58369 for the ASVKs; 55766 for those of SEV and SEV-ES). Built in as keys, the way root stores of the web
//! carry keys.

#[cfg(feature = "std")]
use std::sync::OnceLock;

#[cfg(feature = "std")]
use crate::x509::PreparedRsaKey;
use crate::x509::{Name, RsaPublicKey, Validity};

/// What a certificate of AMD's hierarchy is for (AMD 57230, chapter 2; 58369 for the VLEK's branch).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// AMD root key: self-signed, one per product; signs the ASK, the ASVK and the revocation list.
    Ark,
    /// AMD SEV key: signs VCEKs.
    Ask,
    /// AMD SEV VLEK key: signs VLEKs.
    Asvk,
    /// Versioned chip endorsement key: signs the reports of one chip at one TCB.
    Vcek,
    /// Versioned loaded endorsement key: signs the reports of a cloud's chips at one TCB.
    Vlek,
}

impl core::fmt::Display for Role {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Ark => "ARK",
            Self::Ask => "ASK",
            Self::Asvk => "ASVK",
            Self::Vcek => "VCEK",
            Self::Vlek => "VLEK",
        })
    }
}

/// A CA key of AMD with what its certificate says.
pub(crate) struct Anchor {
    pub(crate) role: Role,
    pub(crate) product: &'static str,
    pub(crate) common_name: &'static str,
    pub(crate) serial: u64,
    pub(crate) validity: Validity,
    /// SHA-384 of the SubjectPublicKeyInfo.
    #[cfg_attr(not(test), expect(dead_code, reason = "for people to compare; a test does"))]
    pub(crate) spki_sha384: [u8; 48],
    modulus: [u8; 512],
}

impl Anchor {
    pub(crate) fn of(role: Role, product: &str) -> Option<&'static Self> {
        AMD.iter().find(|anchor| anchor.role == role && anchor.product == product)
    }

    /// Whether a certificate's name is AMD's with this common name, byte for byte as AMD writes it.
    pub(crate) fn is_named(&self, name: Name<'_>) -> bool {
        // SET, SEQUENCE, OID 2.5.4.3, UTF8String: each with its length.
        let Ok(len) = u8::try_from(self.common_name.len()) else { return false };
        let head = [0x31, len + 9, 0x30, len + 7, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, len];
        let rest = name.rdns().strip_prefix(&AMD_NAME).and_then(|rest| rest.strip_prefix(&head));
        rest == Some(self.common_name.as_bytes())
    }

    pub(crate) fn key(&self) -> RsaPublicKey<'_> {
        RsaPublicKey::new(&self.modulus, 65537)
            .expect("the anchors are RSA-4096 keys: a test looks at each")
    }

    /// The key of this modulus, prepared once for all, if it is AMD's.
    #[cfg(feature = "std")]
    pub(crate) fn prepared(modulus: &[u8]) -> Option<&'static PreparedRsaKey> {
        static PREPARED: [OnceLock<PreparedRsaKey>; 9] = [const { OnceLock::new() }; 9];
        let mut all = AMD.iter().zip(&PREPARED);
        let (anchor, prepared) = all.find(|(anchor, _)| anchor.modulus == modulus)?;
        Some(prepared.get_or_init(|| anchor.key().prepare()))
    }
}

/// The parts of AMD's names before the common name: OU=Engineering, C=US, L=Santa Clara, ST=CA,
/// O=Advanced Micro Devices (AMD 57230, section 3.1).
const AMD_NAME: [u8; 103] =
    hex("31143012060355040b0c0b456e67696e656572696e67310b3009060355040613025553311430120603550407\
     0c0b53616e746120436c617261310b300906035504080c024341311f301d060355040a0c16416476616e6365\
     64204d6963726f2044657669636573");

/// The bytes that hexadecimal digits in lower case stand for; a wrong digit or length does not compile.
const fn hex<const N: usize>(digits: &str) -> [u8; N] {
    const fn value(digit: u8) -> u8 {
        match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => panic!("not a hexadecimal digit"),
        }
    }
    let digits = digits.as_bytes();
    assert!(digits.len() == 2 * N, "two digits for each byte");
    let mut bytes = [0; N];
    let mut i = 0;
    while i < N {
        bytes[i] = value(digits[2 * i]) << 4 | value(digits[2 * i + 1]);
        i += 1;
    }
    bytes
}

/// The nine: ARK, ASK and ASVK of Milan, Genoa and Turin.
#[rustfmt::skip]
pub(crate) static AMD: [Anchor; 9] = [
    // made by vectors/anchors/make.py
    Anchor {
        role: Role::Ark,
        product: "Milan",
        common_name: "ARK-Milan",
        serial: 0x10000,
        validity: Validity { not_before: 1603387385, not_after: 2392305785 },
        spki_sha384: hex(
            "1249f67f15cf229a4069195e1a9ce537d1765ef706a1f4a123c36be9518786515d25ecc007f366b564d2b3f31c48082e",
        ),
        modulus: hex(
            "d0b779d9124e75e88996a2b625db15983ec592dba8b56c17d5f3605b8d5763d5f3d471214949a12f3f42bbd0c7465be02523\
             716de618b2725fbf28f1d4c7d4d15e6d90a894d447ac345b5ad644c0d2cccd8ac75873d8acaa4ee65d3e7e29f1916df73857\
             ff73448704f2394737ad52d63bbc5fddfee9dc4352b1b64b3c6a278061ab2626503aee3d72525f8bd4734d4fee3f7c329a8e\
             4bde6b3917461de239d8d6b3e66d81f8efaf8ec0b4eb4777ee363d2c57ae38fe0c7ab8bcaa07e2d92e642aa83f685e9a3edb\
             80650551eeedca1585cfe7d5e6260b5ca20d398262344ff3a2b4b86ecd5be965c2e9874a1d87fd483d7ab1dfe3278c3f7b03\
             b7d7a6a19dff2f0ac57ee392c4c4cc03a06ca01e6a6de59bedf228871360c96c44c5cf72335b22f9ac072903fffc529e2bac\
             b870648279443445b1d5471b410aecfa054392e54f86c9f321136062f338f18fbb2c6889627ae613cc5cadec5e901c6bbdad\
             95f53250aa7377439de4b79be2422dfe8027e69300b4174b62ac865b2e45cfacfc3367433d78dc6123249bda7a497e09eacf\
             9e48d2edf7c21e2bd1935079319fc34dcc054b72bb319eb0691cc3e968a8c6aad6a478b6319b3d8c42be90aaefe3a0a420a8\
             30d8addae2e8f4cd7c7c7cf5d2538c4fc9d6014bd1645ced7970a6fbb3c77583e5990c14c372ef7a727f20b5e840f1df6e41\
             f40b23df865d635a124565ab",
        ),
    },
    Anchor {
        role: Role::Ask,
        product: "Milan",
        common_name: "SEV-Milan",
        serial: 0x10001,
        validity: Validity { not_before: 1603391060, not_after: 2392309460 },
        spki_sha384: hex(
            "0da5ad91621218b2c3090e33011ea5e6ab48aa0162e0b9674a4ba261a1e4061ffcde394b92bccab2145e969db1510cdf",
        ),
        modulus: hex(
            "9d4d9daeb3537db84d4089657fe5b6cbe44e09b4b321dd5a2997edd93f738d940ece319c725d7b8b598829697b353701d156\
             17b77271652cce663b232cd54010dd8c1a3f5389e74bf907b02995f4266404b988e6f962a4b0bb7181d2e9f44ec464dc0d0e\
             a575af4a913f9b41f0e5a4c906c874b7aee1a0b3ee3fd2975164072b5ebfdb1b146cededcc278f38bd9bb9e8aac93eb91541\
             a77f889f7e503dd723f187e51269c704dbee5032612c224c5bc28e8cfebef8f85bb378828ad25c00d12d5b8a93345a0a5b70\
             8795b7120a34ccf0ab0d6d4c7703c7a4e4454b8d9587d69b7d1374dfa51e97c9f40a9d8ea497968420fc1d5b778561aa8214\
             fac8a3da504fa5ae0d23f82426096d99de28a21b663cd7909b773501b7d84ba46089816fd482926f7e7d2e4b64583da23cee\
             6cc5f7f8d901a125c8ece3ef9c73318eea7d9b0e6c7ba41457b1aaa420364cdca9a259ae43e7006b157b26a1c4f1d97da567\
             fe6376ab6fef628850b016de25025270e43d024d14c2d58e585850c10ab03fbc69e64e7a86f02fa38d4012edc8e347cab838\
             f8720e62513e7682fd91b9b8fd0ad33e86a0eff7b9e9fdc2ab210ae1de80b4e939e1c42512ab405af83d523054e074f9e6ce\
             e45828c8ec38de7c850f950a043c4407804aa3fd2e0222872d1bef80b6ce45b53c280448b35128a848e617c52dae64165768\
             548f0ceac2f1c57a2f2b3f13",
        ),
    },
    Anchor {
        role: Role::Asvk,
        product: "Milan",
        common_name: "SEV-VLEK-Milan",
        serial: 0x10101,
        validity: Validity { not_before: 1668638724, not_after: 2457557124 },
        spki_sha384: hex(
            "efbf89acfe5040a71dbb26a9ed0776d2e285f11f4d4e818880b6b83cbd2e4fe183d6817bd9488cb01c23ac31196916de",
        ),
        modulus: hex(
            "d44516933e454cfcfeb964f68421328ac6a6f0546e5d90264b797ead781209e4b5434fb5a257271522698b07ecb1f868bad2\
             6a78fca272ef8e8645f5df53cc78efd53ad1f7ba92b860d266ab7e88269ed95889b99cad9f24d9181075b49bf35770803d53\
             68879796c043971b1a9f7bfc568e2785661a84cc57ae7c628c7fa6516665115f45cb30da1c8d86a525d60cdda6720880f932\
             814a2f14481a6b42154a018b1d085942279b34b2d255645545ebded2df78ce544845176bcfce1c7243fd1fd0d301433241ac\
             5265b3c834a6d5e933e6b6bc0057d50fd50ab8d7cc67f48f82d12b16bad3ffe52d4e88bf0e4f34380af81b1ce7ddd85df256\
             fe310c1cdae127a51768a0a037fe045e1723f2081c92f6379b8acb7fa09120765e5ea9ae8860566a9116f056f4e4c211adf6\
             5a15eed2dd59d5a6c42836772e966df7f0ab83acf23e95c32d1fed2c71e949a3d18fb093cc789e28c4f3f90e91ac20907071\
             9f6800ff113358e7a687bcd2516606f35c3509be72ebddd6323afbe7fc3b4a8424a2989ca79fb2de9f802b0d5415c1744f7b\
             7851fdab0213609a8d3ee4182d403ad53342e20a652d83d1093be20dbdec984b1e91019508b28d127e2c2599371f6e25c8b1\
             1b2cdabfa7e2396c7853cb96851cc7b3c9ef0c075c4b82d6df5b4f940f4178e2bf0468a6413bbb84ce4c0c564bd02f5d58ae\
             69b825097b1e88daf4aabf27",
        ),
    },
    Anchor {
        role: Role::Ark,
        product: "Genoa",
        common_name: "ARK-Genoa",
        serial: 0x20000,
        validity: Validity { not_before: 1643211277, not_after: 2432129677 },
        spki_sha384: hex(
            "32ab53a6ce5ec14926207396e5c475ae768a6a9831b7e860b5acf2e1c1dff222bc5a8bfc43eb5e06393189c1f246d880",
        ),
        modulus: hex(
            "dc277de52fee14eb9122c916f6fcfd543045ebd343405efda1184bfcbd8f5501a12b761d7c4060a45fc98b058506c4ff7d70\
             e1cc0d35a772e4713ffb2dd8dc45f2978c797ed10abf338759921e900e851e2b33412c37012830c65a8defdf9372af16c0d4\
             39e463050a5390009383fde2d2972e9f34a31b7ce1a8721e82e673f2eab06b29fa8ab5073e0f3ec60bc131b888c29569a4fd\
             d3fa19e08f2889b4abbbddaf26196a58edbb77f47173789433284d7864e83af831fe2528e201a91bad4d0e990452f233b8a7\
             1a331f08753a568360c5e92c05d0881531f7e7bed26603af01c09356a351383cb25d68f7c189f709a6e045c0d55020f40455\
             7dda3fcf47252a7c61b63d972492e8f95512a4c106d6909a2e004c698c47e9f62bf7be240854d868fb8c8a4984e91d1fd7e2\
             ad00e79a50364857c9fc27349863735bd466221c8e527345a1c966911865dff01053962cf50b1a9f58d3fc48b24fea42a669\
             c0fb2f5e76f84309b386f05da8c47191753064ca5ba782b917246622c06ad1f246a2aafecd37c42138132a62371bae412bd1\
             ff1030a925212e6bb8e7ea94b302070f092c1dcb923a5682d0fb3a9c64cd2b2884de3b5289bce9163a969ef683c7971cfd6a\
             62b9ef873686d52ef4bf0e8e91b69a0bd123887fee1e0009406c689fbbb443bc60a1111603f7bb25c050c0b83cd07abfb1b4\
             6ea9eb31cfbc01592636e787",
        ),
    },
    Anchor {
        role: Role::Ask,
        product: "Genoa",
        common_name: "SEV-Genoa",
        serial: 0x20002,
        validity: Validity { not_before: 1667223228, not_after: 2456141628 },
        spki_sha384: hex(
            "ca6398b9336507617411201aa3979cadfc2a336c27d19f48714f42d5de522696c899c2269143d123b8b9187eadf72f1f",
        ),
        modulus: hex(
            "a07261be4e05c309306f4dc031f2f24972525e611a09931345b2e03da8f8a04cda0fdb467f1092c3f9ec0808971d069652df\
             be6e76e324ed394ca4f977e09daf3e3f7e2441a5b85fd31cef875d4efb025304f8f7b82cc39b8f2f119f25e525cc3b8c1dfd\
             0ab0b2b7a314444f0ff1dd7efd66182316eda734ba0f2dac3cea19efa5fa9f0d323a7f12a043636bddf212da54b992f978c0\
             aa561535192c87d693cd260bd7dfdc4eb0439aa436cbc936df3365da55baabf06d40ea56195b37116bc11dbfd09dfddfdd2f\
             7e942e07da3743cbdca7ee4ab24d6ab8582067138aa160946892e958b7331933522593867a44f90e4d1d4c27881d16d8fb94\
             a9ab912b8ea09626aa1248b1027ce789406c9c9b814ef3cb3580c2edee6ac96460a5040107f68dae47ca5dc806a3b3a6a637\
             d52a4acdb97c357bde6726d13249707dee220cb236e53f64bbd0957ad0d889f09b7467ae1dd4f064105e996e0d139ecbee21\
             15f3ecf3f27c6783c38c5ffff8a579ed5aa9906c402704bbf64e84e07751f6cd846d8720cb737575d7dffe1674d6d7b2cae9\
             b2b34c28049c21d011c02dd210d02cb17bf7dfb69594f1c5f044a1db8065ac7a2238003028ba7b565f28f25291dbdbda6dc1\
             c1f3fc6e7886efe00426fd563849a7049735a55402b6d6c952875b8b4ed57de9f925152a02f48cdce6d640ecd2006cec1a7a\
             488a0c05a56ea6f45eee6155",
        ),
    },
    Anchor {
        role: Role::Asvk,
        product: "Genoa",
        common_name: "SEV-VLEK-Genoa",
        serial: 0x20101,
        validity: Validity { not_before: 1668804514, not_after: 2457722914 },
        spki_sha384: hex(
            "68a1028df3d0cbf943bf9f0c5c15dfcced7b560f7d3cdc09ae6727d9463ebd839927e0f04939abb0ccd97169756b5ed4",
        ),
        modulus: hex(
            "ccbdbfc62847b1c129c52dfe3ac419a40b8d20919211066b92858fb6a28c8e364ec9730c4470217939b9e848b431bf132599\
             5b1834b9c7f01d6e8c2cb469a91ea876cef4af8d93bb578bfa16df38a7bd4fe865df395110802b9ab62b337c8c05ad1424fd\
             c994ec7b8969d06ae97b5813ea8124c8eeb3c0b45b05bf21663d8faa4d6c40354a752f560eadf3dcdf13e01c07950308aab4\
             f71eeac3eacfb7da53a44721d1fd5b1dd445265a605864ead36a211fd6d3fba6aef243e9bcc6b79b6a7ccdd208aadbae486e\
             acac88a6ae9b76e25b2be2d2e1406eb947f45b5494fd32c2b850ba5b0143b93707652f06e7a4b587894c2862bc92303f25df\
             1443be13e6227957105128f256a1718965c6224947ca2aa80eb1de33c52a691f84481a41e7dc9f83fc9c0e1249ca80a0b8a1\
             9fbe62883b54dbe66590f9ca81c36ce54d4b7b8e35ca97a7da7ec13a7472866c3201404693739c3171ec27a286a432724d50\
             9a0b77d65f77b1e08bf82e4b8a440e8ef72bb7cc73f6dcdfee6c4f3f63291f7c88cc6ed068380cdd5829fd944e1a9a8e1567\
             ef1ec08bad6406260b94c840efb0594a8a62bd220286dc70c9d97498d43918d5a2a550f9d2ebfbfd68b64dfa81f3dcd0ba66\
             85664a7c05c5f6c82f62d42371a47dc251abf32491b59d98256a1fb91ef38181493c45d1c009db011ff4e61066a20ec232dd\
             45f582929a4bba25f45e718f",
        ),
    },
    Anchor {
        role: Role::Ark,
        product: "Turin",
        common_name: "ARK-Turin",
        serial: 0x30000,
        validity: Validity { not_before: 1684180992, not_after: 2473185792 },
        spki_sha384: hex(
            "3475f08a9727f8ac9a1deaea5f2a2097aa59d64d05c2a678c229c873e6359d3a6926287a2a22cd5f88a385e333a2fcc5",
        ),
        modulus: hex(
            "c1a02b881ec422e55ce19075c03dd87c3c4bfbd7b24bbfa2ce6d098f75bbef63483425a5f018f7c3f243d998e66d1c56748a\
             bfe1df626ab08aa2b5e5a09501d6345d831a9c713c7568ea22838fb6c355e1555253ecae39ef04f964b3498106b1a9af44b6\
             4c2377afbdb0e86508313d978de443447606291525afeecb254e4b0124e70e6d5ca3ae1bd8efaba42d00c25ab16dfcc25a91\
             0da2841ad67d554806a27dbb66e2f8b1326e0bf6b3cfdfe2401c3c9048a5cce97de4089391e6398d21010d66c0aa7664e6a9\
             4cee4212286db4920426d789a134a0c8da9da8b9afb3b801bb8b9d9ea68445d867d4d13624ff27febc2341dad9de721150b8\
             fd9ef1b2e4f7965da8f8bdfd45b0e095e3b5d100e2ed896299524943d05405cab7a2d5aae8ed25c339f492abdaed1743be4a\
             c3170ca75e604978417c89ef3c0c2e018e1d130c06a93f28220e1eb0f1f012c98286161e0c8c4f1bd4787f1f4ed2aea9f066\
             fe1d7953892e3b3fd60d78ea6274e50acc397f4b53afca10ed48bf0b25cdb84004c5c9da3f883fca51dbc54d1943d1cae400\
             c9192e8590f212c319ce816495ec75ded97f67b8516ded23fd6887fdaddb73addf3ca14dcbf98036c006ed0b8d57bdf2e467\
             4b5e523302bffe526df5ee41a8abe0001912a0005ff81e1516d3d5117d3282b61a15a23d8b9001af19d5066cd7a516f6d622\
             353653427ce1943c8855a561",
        ),
    },
    Anchor {
        role: Role::Ask,
        product: "Turin",
        common_name: "SEV-Turin",
        serial: 0x30001,
        validity: Validity { not_before: 1684182321, not_after: 2473187121 },
        spki_sha384: hex(
            "12f5c8f8f2d876c51f6200df2b9fba7d28889eb4db070d8ef83f954cf536f4ad0775b392edc696db45328de55fd2b3d8",
        ),
        modulus: hex(
            "9ef8391abbf612677d94084a74eeb845753750449be894e6d078737afc753f2c629f162a24bdf6f6a4c93345e6768ccb61be\
             ebb07c60339236a54d7c33c81e72dda937f601d8b435fdb22adfb4cf0db83bca6d0c37a2a467a684471017d2fa18b5d0f237\
             18c30148e946909ed4571c01ebff12cda7fc5cf51b54e60b65dea5342a68aa66b7a9a70d64821c256c42863481289b79a1ba\
             76833a3a235409b297682eca1c7e5bffde810f50c9f3833e247a8f0a51611ea509c33285e50c63e30816019ccaf143e188d1\
             a3ac5ebe4c1765146752cc4ab0d633ab0931ddb98c8b2bee4e437388c384bebd978e568c496a34c859db2a60fd832dcd0790\
             bd2a58eba610eaeb736ff80de1134a10743322291f4e6449a97240dd9e3793faa6d381f3885d74275b24f11ea670fe16a41a\
             a75ba4c372bcb81720781480176debe94b53f1473987b32c597dcca198841dc4a40d043c21e75393b08b8ec2ba4bb6ff95f2\
             aa7d889184a806911bec11dfcc0cd72e98764a220cdab09c206a0cd2820894a3d8d7a771169bce1fab2c4d5f34aeb4f07ba8\
             3e4ffd42c007eabd420bebcc2f179de68b3f430dac784cf3451e8e6b014c892d32f16859521e9580cb75ca22d1e303e4345c\
             71fb20ad8698ea1ffefea7fdb6083e997d3d509a6e48f445dfca32aa734d14c979bffb562e052c0a13d4e8d0900b5ed06aaa\
             fc9aedb29f2cae1c4b392555",
        ),
    },
    Anchor {
        role: Role::Asvk,
        product: "Turin",
        common_name: "SEV-VLEK-Turin",
        serial: 0x30101,
        validity: Validity { not_before: 1684184981, not_after: 2473189781 },
        spki_sha384: hex(
            "b53689b09f21a7d01b73efe4cb3759b921083cf6f133ed665839d16068ed8921e700c3005f8bff9740bcb11b322cbcb4",
        ),
        modulus: hex(
            "a63aee8b89746688048747c37557c9e2e9e8c061a8964db05f2ce36e30bf7e7aa5845aa2163d4948a764612bf33d57e00d1d\
             0c53658b972b6b006a8e1d805d938328cf7c474d726eb3be4d79fd04059a4693d3383d0185fa74ea622fa10e0baad78c1050\
             496d37dc06ba79d479a333d1eea17c26ac0debe4ca920b329a27bd3bda338f51022a42bd38263d14e4400f218e5ded03a47b\
             4bf1ca4e7ebf4374fbe00d017f280ae3d2cb91d1c5d395a8d2967daa63f2862d1187d7a96342fefd3d9ed7b7e88567026af8\
             04f8a17918ee5720dcee9f02a89420b21f7f77d220266f5befe6fe0f8a69c6b1f1f889ce24200a51d61640a54dd81b7a9413\
             ce2a91be52100490b136424f426ffc0c42f52a39876c2b695cd6cfa1afa4f1c4b512afb9ee6f7a19303e3162a49313e59ec2\
             98db9773ed2571549930749bb301521ca2ada78174503a0f9ee216c3f7631838e41974bd5b9336377cd549b9fde1c27108cc\
             ce4f320b85c5ff9496ada28b257f1beab9c147f0fa52f7104c86e3787d33e5364fe855b43ac3ca7110c89ba342bc43e80eaa\
             acdd566ea2ee3a2da1bb2e6311f51edb63b1ceb5bd2b244834f82643e3a935a2c8e9ac148fba39bfe1c9afdfaa97b410fcba\
             f133e4f3908e0bbbaa34cceee7cc5bd2e02db746de7a30f1dbd99145b88f34be6d9f02bd2859990e9799592660cef9f62be4\
             904caf3464a9fc62ad9229f5",
        ),
    },
];

/// A CA key of SEV and SEV-ES with what its binary certificate says (AMD 55766, appendix C): the version is 1, the exponent
/// 65537, reserved bytes are zero, and the product's ARK has certified it.
pub(crate) struct LegacyAnchor {
    pub(crate) role: Role,
    pub(crate) product: &'static str,
    pub(crate) key_id: [u8; 16],
    modulus: &'static [u8],
}

impl LegacyAnchor {
    pub(crate) fn key(&self) -> RsaPublicKey<'static> {
        RsaPublicKey::new(self.modulus, 65537)
            .expect("the anchors are RSA keys of 2048 or 4096 bits: a test looks at each")
    }
}

// made by vectors/anchors/make.py --legacy
static NAPLES_ARK: [u8; 256] = hex(
    "dbbe91655458b2c0c990a611246c50d0d156fe3a40c6ad1975da499b0a0325bb54df8bc7f5d8a1bb4a0cfdbee558abf47927\
     81b0c3a8fe30365c332b59c9a2df316f38037f965a2803900221872e51cd943f655562563a47a9a1d66993f144ff5a356e90\
     27dbbc6ea43e33fdf555684bfefd831b3a74663ef42015078c10597e41a95367371e34d10204d6c2e7cb1fbc1d6b6145b458\
     f29c1019e317a6436a8be8b731dfac1861bab5223da03cc90a0272d52311eb19e0f8568f2d1e885615a9d8c6238b656a0683\
     68ee0afb6a8bd2eff95d37eae3427f40345d35a827b97f4e9012e05660ac9fb48677de84d4949826fde45c243aa655eb1c83\
     000ace606cb9",
);
static NAPLES_ASK: [u8; 256] = hex(
    "d382ec946922966be504ef2205da44ae319ba0a7ce986745541e554e18ee4ec80e9df7cbf1193bd9a7f81ce41a7236f11838\
     889b610a70598e422ab0bae05388e6943ffa6db8f24e185d228c65c39d270de8fb2c4eb3bdcaec2d41eb7e4c4252a2bdad91\
     8b6977661507d1e5b54358a3dd586d512aaf427ea56ed82cb3e6c406099ff5721d414494b73c32e2ae19f031546b3635ead8\
     3b08e622805311a2c9cf8b15ef602a81913a26da88bed5ef4825c1edbad1f1b0cdd9e4cb4bce0ed75786b2f949f0860abaae\
     e6f961650ae80335a85a3bbc6dca83c07e7a5dd7fb79a3de15f0f41199eeae13142412350a92224d43d5222959c62e2a229d\
     f0046708811f",
);
static ROME_ARK: [u8; 512] = hex(
    "dc750ef1ba69c5f4273f004b811c48a683c2ecac0dea96f4b2a06a573af650235d1f089b7c6c6a8efff9103344e7dfa2c688\
     1b5ef61932819e3dac3da17fe44a323d52dea366da861994700d81ac5e9316a53d3101ca28a34427c5e560f97a0c005f3986\
     7e4ca4463de2019f8ed32898f35e4b1ab903b7f5be24246d187ab2a4063c52c1cdbe8a71d3c681f50ce52020019e6143e65e\
     24265b24b9747ffb3bbfdc1031a628c10af2e1103b9342e51a3c5c4615b8c3327e51718b0226e6c89428014f9bd152dd191a\
     41020287c9d23d8c399b04bf7d4178647d51e874540f1715300878cac9712fd4b73f39b2ff6381379c40895a127033359a7a\
     965ee320b07c0721959d643ebce13c40103057046066eb6d633486ad104ff02d68b7e0712a0bd43761e5034ac9c64dfd46ee\
     708cd646235491fbd0989f5a121cc9cb2863e562afee1d43388e8723a9e2d41bc76b03fe68c727bb80ea5c4676e0cbd2c303\
     903e9799a364a81c60443f9b5696f72d7dc3a4934e7ccf01d53e3d779ff3d9e6f2b4b25012606f53f8b8263c0f834dc42859\
     d6e40a281b1d0db11689385f92f7389db699b8d8da79aa89417268dff87e602e06a72c6effa1b7bf630f97ce7906f615c343\
     6d2888196dab523cea7db4760c7179374bca2d2f992fbdec133a0aeb327f5604dcdea43b0eada68e37b7dc37c2e85c20e9a5\
     ab19f23f4485d7005e9518ab",
);
static ROME_ASK: [u8; 512] = hex(
    "b89a6acfbbce5a8f7b33150c53ce5a241e77726e7897e4e46e5a935a4da199d688b56e29c4b39b3913154ec6b94dad79f9ac\
     427fd809aa30a73baceb9e89574bb1a82a7d2663c175f78e189fc5930d9306b0454200781953cbb1ecb4d56d44584a4bf04c\
     90350ee4775bc30152bfbb6f48b19ac7cb0f8b5d2ee78b12718b37ac3efa48cc6075b7e509bc97831c892712a89b47b3a38d\
     d20f8583ad5d297b7eb748bcd183cedb5a83ecbaba8e02f824cfa0cd509258d3c5224d7246db9d22e176e479ba3cd1e96ee9\
     3fba7c95aea7107d504df98c69dcf40ce2c358d36b913ce54af7b9791033cc330e7d020a6257f2c0708d578b9078e0287dc1\
     56c0863490282b24dd45c1a617feb1c37d84db825a71a4f2ced96851722a67e9c24b2ed873c79ab466d99380e77a6bbcde65\
     1973fc746259bee5dd8eea7de28c93a5e0095624cdad548ff91aaff148ccffe76e928693c096c937e95c2935f54bb02d1155\
     ade60fbbb73f870ff6b8a77a6d69a967bd8d973cf7b96232a3957073ec4681fe61ccf38ad237c7d175cc4d42b46e725c9566\
     b58b87d71729b870b3a2191029b3dbd0e2a22fde686d0927a3703915a8f0b02e2b05684a34d644e1de4a5607a24f368334d6\
     af0fdde6e7f5129ee52f9767550ed5e0f603c984597bfeaaf00f3945ae6905f2f9c409ef95627939e1dcd072985e368108ba\
     b688e8dece234375a7b9970b",
);

/// The ten: ARK and ASK of every product that has SEV.
#[rustfmt::skip]
pub(crate) static LEGACY: [LegacyAnchor; 10] = [
    LegacyAnchor {
        role: Role::Ark,
        product: "Naples",
        key_id: hex("1bb987c359494606b174945601c9ea5b"),
        modulus: &NAPLES_ARK,
    },
    LegacyAnchor {
        role: Role::Ask,
        product: "Naples",
        key_id: hex("e139970cfc464377ae61b289e2f9e96e"),
        modulus: &NAPLES_ASK,
    },
    LegacyAnchor {
        role: Role::Ark,
        product: "Rome",
        key_id: hex("e6002122fb58419399d15fee7b131351"),
        modulus: &ROME_ARK,
    },
    LegacyAnchor {
        role: Role::Ask,
        product: "Rome",
        key_id: hex("c6cbcf145b3146f498e40ecb4ad4fded"),
        modulus: &ROME_ASK,
    },
    LegacyAnchor {
        role: Role::Ark,
        product: "Milan",
        key_id: hex("94c38e4177d0479292a7ae671d083fb6"),
        modulus: &AMD[0].modulus,
    },
    LegacyAnchor {
        role: Role::Ask,
        product: "Milan",
        key_id: hex("73478c05cc174bfeb06e718fa75dc3c8"),
        modulus: &AMD[1].modulus,
    },
    LegacyAnchor {
        role: Role::Ark,
        product: "Genoa",
        key_id: hex("9f9d4a8fe761456599f6946c4c010f3a"),
        modulus: &AMD[3].modulus,
    },
    LegacyAnchor {
        role: Role::Ask,
        product: "Genoa",
        key_id: hex("acbb4ad21acc436fb3e932f812cd01b0"),
        modulus: &AMD[4].modulus,
    },
    LegacyAnchor {
        role: Role::Ark,
        product: "Turin",
        key_id: hex("d05c3a8bde484904b49552422ceb3942"),
        modulus: &AMD[6].modulus,
    },
    LegacyAnchor {
        role: Role::Ask,
        product: "Turin",
        key_id: hex("15051693f7304d65a527b4a7f3f7cb77"),
        modulus: &AMD[7].modulus,
    },
];

/// Intermediates that AMD has revoked, by product and serial: SEV-Genoa's first, by the revocation list of 2022-10-31.
pub(crate) const REVOKED: [(&str, u64); 1] = [("Genoa", 0x20001)];

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha384};

    /// Each modulus has its own key, and another has none.
    #[cfg(feature = "std")]
    #[test]
    fn prepared_keys() {
        let mut keys = std::collections::BTreeSet::new();
        for anchor in &AMD {
            let key = Anchor::prepared(anchor.key().modulus()).expect("one of AMD");
            assert!(keys.insert(core::ptr::from_ref(key)));
            let mut other = anchor.modulus;
            other[100] ^= 1;
            assert!(Anchor::prepared(&other).is_none());
        }
    }

    /// The digest of the SubjectPublicKeyInfo as RFC 3279 writes it, which is what others pin.
    #[test]
    fn digests_of_the_keys() {
        for anchor in &AMD {
            let mut spki = std::vec::Vec::from(
                hex::<33>("30820222300d06092a864886f70d01010105000382020f003082020a0282020100")
                    .as_slice(),
            );
            spki.extend(anchor.key().modulus());
            spki.extend(hex::<5>("0203010001"));
            assert_eq!(spki.len(), 550);
            assert_eq!(Sha384::digest(&spki)[..], anchor.spki_sha384, "{}", anchor.common_name);
        }
    }

    /// The keys of SEV and SEV-ES that X.509 certificates have, too, and those that they have not.
    #[test]
    fn legacy_keys() {
        for (index, anchor) in LEGACY.iter().enumerate() {
            let product = ["Naples", "Rome", "Milan", "Genoa", "Turin"][index / 2];
            let role = [Role::Ark, Role::Ask][index % 2];
            assert_eq!((anchor.product, anchor.role), (product, role));
            let bytes = if product == "Naples" { 256 } else { 512 };
            assert_eq!(anchor.key().modulus().len(), bytes);
            match Anchor::of(role, product) {
                Some(same) => assert_eq!(anchor.key(), same.key()),
                None => assert!(["Naples", "Rome"].contains(&product)),
            }
        }
    }

    #[test]
    fn one_of_each() {
        for product in ["Milan", "Genoa", "Turin"] {
            for (role, name) in
                [(Role::Ark, "ARK-"), (Role::Ask, "SEV-"), (Role::Asvk, "SEV-VLEK-")]
            {
                let mut all = AMD.iter().filter(|a| a.product == product && a.role == role);
                let anchor = all.next().expect("an anchor");
                assert!(all.next().is_none());
                assert_eq!(anchor.common_name.strip_prefix(name), Some(product));
                assert_eq!(anchor.key().exponent(), 65537);
                let years = anchor.validity.not_after - anchor.validity.not_before;
                assert!((9131 * 86400..=9132 * 86400).contains(&years), "25 years");
            }
        }
    }
}
