//! What AMD's certificates and revocation lists say and in which order (AMD 57230, chapter 3; 58369 for the VLEK's branch),
//! with the places for another organisation's name. Everything here is what is signed, and not yet signed.

use std::format;
use std::string::String;
use std::vec::Vec;

use sha1::{Digest, Sha1};

use super::CaRole;
use super::der::{
    Date, IA5_STRING, PRINTABLE_STRING, UTF8_STRING, bit_string, element, explicit, implicit,
    integer, null, number, object_identifier, octet_string, sequence, set, truth,
};
use crate::snp::kds::{BASE, Endorser};
use crate::snp::tcb::{Product, TcbVersion};

/// How long a CA's certificate is valid, in years.
const CA_YEARS: u16 = 25;
/// A VCEK's.
const VCEK_YEARS: u16 = 7;
/// A VLEK's, and a revocation list's.
const VLEK_YEARS: u16 = 1;
const CRL_YEARS: u16 = 1;

// Object identifiers: RFC 5280 (4.2.1, 5.2.3, appendix A.1), 8017 (appendix C), 5480 (2.1.1), AMD 57230 (3.1).
const COMMON_NAME: &[u8] = b"\x55\x04\x03";
const COUNTRY: &[u8] = b"\x55\x04\x06";
const LOCALITY: &[u8] = b"\x55\x04\x07";
const STATE: &[u8] = b"\x55\x04\x08";
const ORGANISATION: &[u8] = b"\x55\x04\x0a";
const UNIT: &[u8] = b"\x55\x04\x0b";
const SUBJECT_KEY_IDENTIFIER: &[u8] = b"\x55\x1d\x0e";
const KEY_USAGE: &[u8] = b"\x55\x1d\x0f";
const BASIC_CONSTRAINTS: &[u8] = b"\x55\x1d\x13";
const CRL_NUMBER: &[u8] = b"\x55\x1d\x14";
const CRL_DISTRIBUTION_POINTS: &[u8] = b"\x55\x1d\x1f";
const AUTHORITY_KEY_IDENTIFIER: &[u8] = b"\x55\x1d\x23";
const RSA_ENCRYPTION: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
const MGF1: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08";
const RSASSA_PSS: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a";
const SHA_384: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x02\x02";
const EC_PUBLIC_KEY: &[u8] = b"\x2a\x86\x48\xce\x3d\x02\x01";
const SECP384R1: &[u8] = b"\x2b\x81\x04\x00\x22";
const AMD: &[u8] = b"\x2b\x06\x01\x04\x01\x9c\x78\x01";

/// An AlgorithmIdentifier of RSASSA-PSS with SHA-384.
#[derive(Clone, Copy)]
pub(super) enum Algorithm {
    /// The trailer field spelled out, which has its default: in certificates of CAs, and in leaves until 2023.
    Trailer,
    /// In revocation lists, and in leaves since.
    NoTrailer,
}

impl Algorithm {
    pub(super) fn der(self) -> Vec<u8> {
        let sha_384 = sequence(&[&object_identifier(SHA_384), &null()]);
        let mgf = sequence(&[&object_identifier(MGF1), &sha_384]);
        let salt = number(48u8);
        let trailer = match self {
            Self::Trailer => explicit(3, &number(1u8)),
            Self::NoTrailer => Vec::new(),
        };
        let parameters =
            sequence(&[&explicit(0, &sha_384), &explicit(1, &mgf), &explicit(2, &salt), &trailer]);
        sequence(&[&object_identifier(RSASSA_PSS), &parameters])
    }
}

/// A name with AMD's attributes in AMD's order.
fn name(organisation: &str, common_name: &str) -> Vec<u8> {
    let attributes = [
        (UNIT, UTF8_STRING, "Engineering"),
        (COUNTRY, PRINTABLE_STRING, "US"),
        (LOCALITY, UTF8_STRING, "Santa Clara"),
        (STATE, UTF8_STRING, "CA"),
        (ORGANISATION, UTF8_STRING, organisation),
        (COMMON_NAME, UTF8_STRING, common_name),
    ];
    let sets = attributes.map(|(kind, tag, text)| {
        let value = element(tag, &[text.as_bytes()]);
        set(&[&sequence(&[&object_identifier(kind), &value])])
    });
    sequence(&sets.each_ref().map(Vec::as_slice))
}

fn ca_name(role: CaRole, product: Product, organisation: &str) -> Vec<u8> {
    name(organisation, &common_name(role, product))
}

/// The common name of a CA.
pub(super) fn common_name(role: CaRole, product: Product) -> String {
    match role {
        CaRole::Ark => format!("ARK-{product}"),
        CaRole::Ask => format!("SEV-{product}"),
        CaRole::Asvk => format!("SEV-VLEK-{product}"),
    }
}

/// The serial number of AMD's certificate; `None` for a product without one.
pub(super) const fn serial(role: CaRole, product: Product) -> Option<u32> {
    let (ark, ask) = match product {
        Product::Milan => (0x1_0000, 0x1_0001),
        // Its first ASK, 20001h, is revoked.
        Product::Genoa => (0x2_0000, 0x2_0002),
        Product::Turin => (0x3_0000, 0x3_0001),
        Product::Venice => return None,
    };
    Some(match role {
        CaRole::Ark => ark,
        CaRole::Ask => ask,
        CaRole::Asvk => ark + 0x101,
    })
}

fn path(endorser: Endorser) -> &'static str {
    match endorser {
        Endorser::Vcek => "vcek",
        Endorser::Vlek => "vlek",
    }
}

/// RSAPublicKey.
fn rsa_key(modulus: &[u8]) -> Vec<u8> {
    sequence(&[&integer(modulus), &number(65_537u32)])
}

/// SHA-1 of the key (RFC 5280, 4.2.1.2, method 1): a name, which protects nothing.
fn key_identifier(modulus: &[u8]) -> [u8; 20] {
    Sha1::digest(rsa_key(modulus)).into()
}

fn extension(identifier: &[u8], is_critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if is_critical { truth() } else { Vec::new() };
    sequence(&[&object_identifier(identifier), &critical, &octet_string(value)])
}

fn authority(ark_modulus: &[u8]) -> Vec<u8> {
    let identifier = implicit(0, &key_identifier(ark_modulus));
    extension(AUTHORITY_KEY_IDENTIFIER, false, &sequence(&[&identifier]))
}

fn validity(begin: Date, years: u16) -> Option<Vec<u8>> {
    Some(sequence(&[&begin.element(), &begin.years_later(years)?.element()]))
}

fn extensions(list: &[Vec<u8>]) -> Vec<u8> {
    let parts: Vec<&[u8]> = list.iter().map(Vec::as_slice).collect();
    explicit(3, &sequence(&parts))
}

/// A certificate of a CA.
pub(super) struct Ca<'a> {
    pub(super) role: CaRole,
    pub(super) product: Product,
    pub(super) organisation: &'a str,
    pub(super) not_before: Date,
    pub(super) modulus: &'a [u8],
    pub(super) ark_modulus: &'a [u8],
}

impl Ca<'_> {
    /// `None` for a product without a profile, and if it ends after 9999.
    pub(super) fn tbs(&self) -> Option<Vec<u8>> {
        let &Self { role, product, organisation, modulus, .. } = self;
        let subject_id = octet_string(&key_identifier(modulus));
        let subject_id = extension(SUBJECT_KEY_IDENTIFIER, false, &subject_id);
        let branch = if role == CaRole::Asvk { Endorser::Vlek } else { Endorser::Vcek };
        let url = format!("{BASE}/{}/v1/{product}/crl", path(branch));
        // GeneralName's uniformResourceIdentifier, in fullName, in distributionPoint.
        let point = explicit(0, &explicit(0, &implicit(6, url.as_bytes())));
        let points = extension(CRL_DISTRIBUTION_POINTS, false, &sequence(&[&sequence(&[&point])]));
        let constraints = |parts: &[&[u8]]| extension(BASIC_CONSTRAINTS, true, &sequence(parts));
        // One unused bit also without cRLSign, where RFC 5280 wants two.
        let usage = |bits| extension(KEY_USAGE, true, &bit_string(1, &[bits]));
        let extensions = match role {
            CaRole::Ark => {
                extensions(&[usage(0b0000_0110), subject_id, constraints(&[&truth()]), points])
            }
            CaRole::Ask | CaRole::Asvk => extensions(&[
                subject_id,
                authority(self.ark_modulus),
                constraints(&[&truth(), &number(0u8)]),
                usage(0b0000_0100),
                points,
            ]),
        };
        let algorithm = sequence(&[&object_identifier(RSA_ENCRYPTION), &null()]);
        Some(sequence(&[
            &explicit(0, &number(2u8)),
            &number(serial(role, product)?),
            &Algorithm::Trailer.der(),
            &ca_name(CaRole::Ark, product, organisation),
            &validity(self.not_before, CA_YEARS)?,
            &ca_name(role, product, organisation),
            &sequence(&[&algorithm, &bit_string(0, &rsa_key(modulus))]),
            &extensions,
        ]))
    }
}

/// Whom a leaf is for.
#[derive(Clone, Copy)]
pub(super) enum Holder<'a> {
    /// The hwID of a VCEK's chip.
    Chip(&'a [u8]),
    /// The cspID of a VLEK's provider.
    Provider(&'a str),
}

/// A certificate of a VCEK or VLEK.
pub(super) struct Leaf<'a> {
    pub(super) holder: Holder<'a>,
    pub(super) product: Product,
    pub(super) organisation: &'a str,
    pub(super) not_before: Date,
    pub(super) tcb: TcbVersion,
    /// 04h, x, y.
    pub(super) key: &'a [u8; 97],
    pub(super) algorithm: Algorithm,
}

impl Leaf<'_> {
    /// `None` if it ends after 9999.
    pub(super) fn tbs(&self) -> Option<Vec<u8>> {
        let &Self { holder, product, organisation, .. } = self;
        let (issuer, common_name, years, product_name) = match (holder, product) {
            (Holder::Chip(_), Product::Milan) => (CaRole::Ask, "SEV-VCEK", VCEK_YEARS, "Milan-B0"),
            (Holder::Chip(_), _) => (CaRole::Ask, "SEV-VCEK", VCEK_YEARS, product.name()),
            (Holder::Provider(_), _) => (CaRole::Asvk, "SEV-VLEK", VLEK_YEARS, product.name()),
        };
        let text = |text: &str| element(IA5_STRING, &[text.as_bytes()]);
        let amd = |suffix: &[u8], value: &[u8]| extension(&[AMD, suffix].concat(), false, value);

        let mut list = Vec::with_capacity(12);
        list.push(amd(&[1], &number(u8::from(product == Product::Turin))));
        list.push(amd(&[2], &text(product_name)));
        for (suffix, spl) in self.spls() {
            list.push(amd(&[3, suffix], &number(spl)));
        }
        list.push(match holder {
            Holder::Chip(hw_id) => amd(&[4], hw_id),
            Holder::Provider(csp_id) => amd(&[5], &text(csp_id)),
        });
        let algorithm =
            sequence(&[&object_identifier(EC_PUBLIC_KEY), &object_identifier(SECP384R1)]);
        Some(sequence(&[
            &explicit(0, &number(2u8)),
            &number(0u8),
            &self.algorithm.der(),
            &ca_name(issuer, product, organisation),
            &validity(self.not_before, years)?,
            &name(organisation, common_name),
            &sequence(&[&algorithm, &bit_string(0, self.key)]),
            &extensions(&list),
        ]))
    }

    /// The last number of each SPL's identifier, and its value, in AMD's order.
    fn spls(&self) -> Vec<(u8, u8)> {
        let parts = self.tcb.parts(self.product);
        let [fmc, boot_loader, tee, snp, microcode] =
            [parts.fmc, parts.boot_loader, parts.tee, parts.snp, parts.microcode]
                .map(Option::unwrap_or_default);
        let (first, tee, last) = ((1, boot_loader), (2, tee), (8, microcode));
        if self.product == Product::Turin {
            std::vec![(9, fmc), first, tee, (3, snp), (5, 0), (6, 0), (7, 0), last]
        } else {
            std::vec![first, tee, (4, 0), (5, 0), (6, 0), (7, 0), (3, snp), last]
        }
    }
}

/// A revocation list of an ARK.
pub(super) struct Revocations<'a> {
    pub(super) product: Product,
    pub(super) organisation: &'a str,
    pub(super) ark_modulus: &'a [u8],
    pub(super) this_update: Date,
    pub(super) number: u64,
    pub(super) revoked: &'a [u32],
}

impl Revocations<'_> {
    /// `None` if it ends after 9999.
    pub(super) fn tbs(&self) -> Option<Vec<u8>> {
        let this_update = self.this_update.element();
        let entries: Vec<_> =
            self.revoked.iter().map(|serial| sequence(&[&number(*serial), &this_update])).collect();
        let entries = match entries.iter().map(Vec::as_slice).collect::<Vec<_>>().as_slice() {
            [] => Vec::new(),
            entries => sequence(entries),
        };
        let number = extension(CRL_NUMBER, false, &number(self.number));
        let extensions = sequence(&[&authority(self.ark_modulus), &number]);
        Some(sequence(&[
            &super::der::number(1u8),
            &Algorithm::NoTrailer.der(),
            &ca_name(CaRole::Ark, self.product, self.organisation),
            &this_update,
            &self.this_update.years_later(CRL_YEARS)?.element(),
            &entries,
            &explicit(0, &extensions),
        ]))
    }
}

/// What is signed, its algorithm, its signature.
pub(super) fn signed(tbs: &[u8], algorithm: Algorithm, signature: &[u8]) -> Vec<u8> {
    sequence(&[tbs, &algorithm.der(), &bit_string(0, signature)])
}
