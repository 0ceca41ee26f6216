#!/usr/bin/env python3
"""Makes cases.toml, reports/, certs/ and crls/: SNP attestation evidence of a test CA, good and bad.

Nothing here is shared with the Rust code: the DER, the RSA-PSS encoding and the report layout are written a second
time. Signatures are deterministic (RFC 6979 nonces; PSS salts derived from the message), so that every run makes
the same bytes. Before a case is written, its signatures are checked with the `cryptography` package.

    pip install cryptography==48.0.0 && python3 vectors/attestation/make.py
"""

import datetime
import hashlib
import json
import pathlib
import shutil

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

HERE = pathlib.Path(__file__).parent
OUR_NAME = "sevcrypt test"
AMD_NAME = "Advanced Micro Devices"
# 2026-01-01 00:00:00 UTC.
AT = 1767225600
# The order of P-384 (SEC 2 2.5.1).
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973


# Keys. -----------------------------------------------------------------------------------------------------------


def key(name):
    return serialization.load_pem_private_key((HERE / "keys" / f"{name}.pem").read_bytes(), None)


def spki(private):
    return private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


ARK, ASK, ASVK, ATTACKER_ARK, ATTACKER_ASK, SMALL, VCEK, VLEK = map(
    key, ("ark", "ask", "asvk", "attacker-ark", "attacker-ask", "small", "vcek", "vlek")
)


# RSA (RFC 8017). -------------------------------------------------------------------------------------------------


def rsa(private, encoded):
    numbers = private.private_numbers()
    value = int.from_bytes(encoded)
    at_p, at_q = pow(value, numbers.dmp1, numbers.p), pow(value, numbers.dmq1, numbers.q)
    result = at_q + numbers.q * ((at_p - at_q) * numbers.iqmp % numbers.p)
    return result.to_bytes(private.key_size // 8)


def mgf1(digest, seed, length):
    blocks = (digest(seed + count.to_bytes(4)).digest() for count in range(length // 32 + 1))
    return b"".join(blocks)[:length]


def pss(private, message, digest=hashlib.sha384, salt_length=48):
    """RSASSA-PSS (RFC 8017 8.1.1, EMSA-PSS of 9.1.1) with a salt that follows from the message."""
    salt = hashlib.sha512(b"salt" + message).digest()[:salt_length]
    h = digest(bytes(8) + digest(message).digest() + salt).digest()
    block = (b"\x01" + salt).rjust(private.key_size // 8 - len(h) - 1, b"\0")
    mask = mgf1(digest, h, len(block))
    masked = bytearray(a ^ b for a, b in zip(block, mask, strict=True))
    masked[0] &= 0x7F
    return rsa(private, bytes(masked) + h + b"\xbc")


def pkcs1(private, message):
    """RSASSA-PKCS1-v1_5 (RFC 8017 9.2), SHA-384."""
    info = bytes.fromhex("3041300d060960864801650304020205000430") + hashlib.sha384(message).digest()
    return rsa(private, b"\0\1" + b"\xff" * (private.key_size // 8 - 3 - len(info)) + b"\0" + info)


# DER (X.690). ----------------------------------------------------------------------------------------------------


def tlv(tag, *parts):
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + body


def sequence(*parts):
    return tlv(0x30, *parts)


def integer(value):
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, signed=True))


def octets(*parts):
    return tlv(0x04, *parts)


def bits(data, unused=0):
    return tlv(0x03, bytes([unused]), data)


def oid(text):
    first, second, *rest = map(int, text.split("."))
    out = bytearray([40 * first + second])
    for arc in rest:
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | arc & 0x7F)
        out += bytes(reversed(groups))
    return tlv(0x06, out)


TRUE, NULL = tlv(0x01, b"\xff"), tlv(0x05)


def text(tag, value):
    return tlv({"utf8": 0x0C, "printable": 0x13, "ia5": 0x16}[tag], value.encode())


def time(value):
    return tlv(0x17, value.strftime("%y%m%d%H%M%SZ").encode())


def day(value):
    return datetime.datetime.fromisoformat(value).replace(tzinfo=datetime.timezone.utc)


def unix(value):
    return int(value.timestamp())


def pss_algorithm(digest="2.16.840.1.101.3.4.2.2", salt=48, trailer=None):
    """AlgorithmIdentifier of RSASSA-PSS (RFC 4055 3.1)."""
    hashed = sequence(oid(digest), NULL)
    parameters = [
        tlv(0xA0, hashed), tlv(0xA1, sequence(oid("1.2.840.113549.1.1.8"), hashed)), tlv(0xA2, integer(salt)),
    ]
    if trailer is not None:
        parameters.append(tlv(0xA3, integer(trailer)))
    return sequence(oid("1.2.840.113549.1.1.10"), sequence(*parameters))


# The two forms that AMD's certificates have: 67 and 72 bytes.
SHORT, LONG = pss_algorithm(), pss_algorithm(trailer=1)
assert (len(SHORT), len(LONG)) == (67, 72)


# Certificates. ---------------------------------------------------------------------------------------------------


def name(common, organisation=OUR_NAME):
    parts = (
        ("11", "utf8", "Engineering"), ("6", "printable", "US"), ("7", "utf8", "Santa Clara"), ("8", "utf8", "CA"),
        ("10", "utf8", organisation), ("3", "utf8", common),
    )
    return sequence(*(tlv(0x31, sequence(oid(f"2.5.4.{arc}"), text(tag, value))) for arc, tag, value in parts))


def extension(dotted, value, critical=False):
    return sequence(oid(dotted), TRUE if critical else b"", octets(value))


def signed(tbs, algorithm, signer, sign=pss, outer=None, flip=None):
    signature = bytearray(sign(signer, tbs))
    if flip is not None:
        signature[flip] ^= 1
    return sequence(tbs, outer or algorithm, bits(bytes(signature)))


def certificate(
    serial, issuer, validity, subject, public, extensions, signer, algorithm=SHORT, version=tlv(0xA0, integer(2)), **how
):
    dates = sequence(*map(time, validity))
    wrapped = tlv(0xA3, sequence(*extensions)) if extensions else b""
    tbs = sequence(version, integer(serial), algorithm, issuer, dates, subject, public, wrapped)
    return signed(tbs, algorithm, signer, **how)


def years(start, count):
    start = day(start)
    return start, start.replace(year=start.year + count)


def identifier(public):
    """RFC 5280 4.2.1.2, method 1: SHA-1 of the content of the BIT STRING that holds an RSA-4096 key."""
    return hashlib.sha1(public[-526:]).digest()


def basic(path=None, ca=True):
    limit = b"" if path is None else integer(path)
    return extension("2.5.29.19", sequence(TRUE if ca else b"", limit), critical=True)


def usage(*numbers):
    value = sum(0x80 >> number for number in numbers)
    unused = (value & -value).bit_length() - 1
    return extension("2.5.29.15", bits(bytes([value]), unused), critical=True)


SIGNS_CERTIFICATES, SIGNS_CRLS, SIGNS_DATA = 5, 6, 0


class Product:
    def __init__(self, title, serial, start, stepping, fms, tcb, algorithm):
        self.title, self.serial, self.start, self.stepping = title, serial, start, stepping
        self.fms, self.tcb, self.algorithm = bytes.fromhex(fms), bytes.fromhex(tcb), algorithm
        self.turin = title == "Turin"
        identity = hashlib.sha512(f"chip {title}".encode()).digest()
        self.chip_id = identity[:8] + bytes(56) if self.turin else identity
        self.hwid = self.chip_id[:8] if self.turin else identity

    def path(self, role):
        return f"certs/{self.title.lower()}-{role}.der"


MILAN = Product("Milan", 0x10000, "2020-10-22 17:23:05", "Milan-B0", "190101", "0300000000000873", LONG)
GENOA = Product("Genoa", 0x20000, "2022-01-26 15:34:37", "Genoa", "191101", "0a00000000001754", SHORT)
TURIN = Product("Turin", 0x30000, "2023-05-15 20:03:12", "Turin", "1a0201", "0101010400000051", LONG)
PRODUCTS = (MILAN, GENOA, TURIN)
VCEK_DATES = years("2025-03-01 10:20:30", 7)
VLEK_DATES = years("2025-06-01 10:20:30", 1)
CSP = "CN=test.cloud.example"

ROLES = {"ark": ("ARK-{}", 0, ARK), "ask": ("SEV-{}", 1, ASK), "asvk": ("SEV-VLEK-{}", 0x101, ASVK)}


def ca(product, role, organisation=OUR_NAME, private=None, parent=ARK, extensions=None, **changes):
    """A certificate of the test CA, as AMD's profile (57230, certificate tables): names, dates, extensions, order."""
    common, serial, own = ROLES[role]
    public = spki(private or own)
    own_id, parent_id = identifier(public), identifier(spki(parent))
    kind = "vlek" if role == "asvk" else "vcek"
    uri = f"https://kdsintf.amd.com/{kind}/v1/{product.title}/crl".encode()
    points = extension("2.5.29.31", sequence(sequence(tlv(0xA0, tlv(0xA0, tlv(0x86, uri))))))
    subject_id = extension("2.5.29.14", octets(own_id))
    if role == "ark":
        parts = {
            "usage": usage(SIGNS_CERTIFICATES, SIGNS_CRLS), "subject": subject_id, "basic": basic(), "points": points,
        }
    else:
        parts = {
            "subject": subject_id, "authority": extension("2.5.29.35", sequence(tlv(0x80, parent_id))),
            "basic": basic(0), "usage": usage(SIGNS_CERTIFICATES), "points": points,
        }
    parts |= extensions or {}
    values = {
        "serial": product.serial + serial,
        "issuer": name(f"ARK-{product.title}", organisation),
        "validity": years(product.start, 25),
        "subject": name(common.format(product.title), organisation),
        "public": public,
        "extensions": [part for part in parts.values() if part],
        "signer": parent,
        "algorithm": product.algorithm,
    }
    return certificate(**values | changes)


AMD = "1.3.6.1.4.1.3704.1."
SPL_ORDER = ("3.1", "3.2", "3.4", "3.5", "3.6", "3.7", "3.3", "3.8")
TURIN_SPL_ORDER = ("3.9", "3.1", "3.2", "3.3", "3.5", "3.6", "3.7", "3.8")
# The SPL of each byte of a TCB version; Turin's form and Milan's.
SPL_BYTES = {"3.1": 0, "3.2": 1, "3.4": 2, "3.5": 3, "3.6": 4, "3.7": 5, "3.3": 6, "3.8": 7}
TURIN_SPL_BYTES = {"3.9": 0, "3.1": 1, "3.2": 2, "3.3": 3, "3.5": 4, "3.6": 5, "3.7": 6, "3.8": 7}


def leaf(product, kind, organisation=OUR_NAME, tcb=None, edit=None, extra=(), hwid=None, **changes):
    """A VCEK or VLEK. `edit` replaces extension values by OID suffix (None leaves one out)."""
    vcek = kind == "vcek"
    order, places = (TURIN_SPL_ORDER, TURIN_SPL_BYTES) if product.turin else (SPL_ORDER, SPL_BYTES)
    tcb = tcb or product.tcb
    values = {
        "1": integer(1 if product.turin else 0),
        "2": text("ia5", product.stepping if vcek else product.title),
        **{spl: integer(tcb[places[spl]]) for spl in order},
        **({"4": hwid or product.hwid} if vcek else {"5": text("ia5", CSP)}),
    }
    values |= edit or {}
    issuer = ROLES["ask" if vcek else "asvk"][0].format(product.title)
    parts = {
        "serial": 0,
        "issuer": name(issuer, organisation),
        "validity": VCEK_DATES if vcek else VLEK_DATES,
        "subject": name("SEV-VCEK" if vcek else "SEV-VLEK", organisation),
        "public": spki(VCEK if vcek else VLEK),
        "extensions": [extension(AMD + arc, value) for arc, value in values.items() if value is not None],
        "signer": ASK if vcek else ASVK,
    } | changes
    parts["extensions"] += extra
    return certificate(**parts)


def crl(
    product, revoked=(), entry=b"", dates=("2025-10-01 12:00:00", "2026-10-01 12:00:00"), extra=b"", signer=ARK,
    algorithm=SHORT, issuer=None, **how,
):
    """A revocation list (RFC 5280 5.1), as the KDS's: authority key identifier and CRL number."""
    start, end = map(day, dates)
    entries = [sequence(integer(serial), time(start), sequence(entry) if entry else b"") for serial in revoked]
    extensions = sequence(
        extension("2.5.29.35", sequence(tlv(0x80, identifier(spki(ARK))))), extension("2.5.29.20", integer(3)), extra
    )
    tbs = sequence(
        integer(1), algorithm, issuer or name(f"ARK-{product.title}"), time(start), time(end),
        sequence(*entries) if entries else b"", tlv(0xA0, extensions),
    )
    return signed(tbs, algorithm, signer, **how)


# Reports (56860, ATTESTATION_REPORT). ----------------------------------------------------------------------------

FIELDS = {
    "version": (0x000, 4), "guest_svn": (0x004, 4), "policy": (0x008, 8), "family_id": (0x010, 16),
    "image_id": (0x020, 16), "vmpl": (0x030, 4), "signature_algo": (0x034, 4), "current_tcb": (0x038, 8),
    "platform_info": (0x040, 8), "key_info": (0x048, 4), "report_data": (0x050, 64), "measurement": (0x090, 48),
    "host_data": (0x0C0, 32), "id_key_digest": (0x0E0, 48), "author_key_digest": (0x110, 48),
    "report_id": (0x140, 32), "report_id_ma": (0x160, 32), "reported_tcb": (0x180, 8), "fms": (0x188, 3),
    "chip_id": (0x1A0, 64), "committed_tcb": (0x1E0, 8), "current_build": (0x1E8, 1), "current_minor": (0x1E9, 1),
    "current_major": (0x1EA, 1), "committed_build": (0x1EC, 1), "committed_minor": (0x1ED, 1),
    "committed_major": (0x1EE, 1), "launch_tcb": (0x1F0, 8), "launch_mit_vector": (0x1F8, 8),
    "current_mit_vector": (0x200, 8), "current_etcb": (0x220, 32), "launch_etcb": (0x240, 32),
    "committed_etcb": (0x260, 32),
}
SIGNED = 0x2A0
SMT, BIT_17, MIGRATE_MA, DEBUG = 1 << 16, 1 << 17, 1 << 18, 1 << 19
AUTHOR_KEY_EN, MASK_CHIP_KEY, WITH_VLEK = 1, 2, 1 << 2
POLICY = BIT_17 | SMT | 0x1F
BUILDS = {2: 21, 3: 29, 4: 31, 5: 35, 6: 70}


def sample(label, length):
    return hashlib.sha512(label.encode()).digest()[:length]


def put(data, offset, size, value):
    if isinstance(value, int):
        value = value.to_bytes(size, "little")
    assert len(value) == size
    data[offset : offset + size] = value


def signature_field(r, s, order="little"):
    return r.to_bytes(72, order) + s.to_bytes(72, order) + bytes(368)


def sign_report(body, private, digest=None, half=None):
    algorithm = ec.ECDSA(digest or hashes.SHA384(), deterministic_signing=True)
    r, s = utils.decode_dss_signature(private.sign(body, algorithm))
    if half is not None:
        s = half(s, N - s)
    return r, s


def report(product, version=3, kind="vcek", poke=None, private=None, fields_only=False, **fields):
    """A signed report; `fields` by name replace the defaults, `poke` single bytes by offset, both before signing."""
    vcek = kind == "vcek"
    build = BUILDS.get(version, 29)
    values = {
        "version": version, "guest_svn": 2, "policy": POLICY, "family_id": sample("family", 16),
        "image_id": sample("image", 16), "vmpl": 0, "signature_algo": 1, "current_tcb": product.tcb,
        "platform_info": 0x25, "key_info": 0 if vcek else WITH_VLEK, "report_data": sample("report data", 64),
        "measurement": sample("measurement", 48), "host_data": sample("host data", 32),
        "id_key_digest": sample("ID key", 48), "author_key_digest": 0, "report_id": sample("report id", 32),
        "report_id_ma": b"\xff" * 32, "reported_tcb": product.tcb, "chip_id": product.chip_id if vcek else 0,
        "committed_tcb": product.tcb, "current_build": build, "current_minor": 55, "current_major": 1,
        "committed_build": build, "committed_minor": 55, "committed_major": 1, "launch_tcb": product.tcb,
    }
    if version >= 3:
        values["fms"] = product.fms
    if version >= 5:
        values |= {"launch_mit_vector": 0xB, "current_mit_vector": 0xB}
    if version >= 6:
        values |= {f"{when}_etcb": sample(f"{when} ETCB", 32) for when in ("current", "launch", "committed")}
    body = bytearray(SIGNED)
    for field, value in (values | fields).items():
        put(body, *FIELDS[field], value)
    for offset, value in (poke or {}).items():
        body[offset] = value
    if fields_only:
        return bytes(body)
    return bytes(body) + signature_field(*sign_report(bytes(body), private or (VCEK if vcek else VLEK)))


def flip(data, offset, mask=1):
    return data[:offset] + bytes([data[offset] ^ mask]) + data[offset + 1 :]


# Files and cases. ------------------------------------------------------------------------------------------------

FILES, PLACES, CASES = {}, {}, []
ALLOWANCES = (
    "debug", "migration-agent", "provisional-firmware", "masked-chip-id", "unknown-policy-bits", "reserved-bits",
    "stale-crl", "policy-bit-17", "policy-abi", "tcb-order", "vmpl", "report-version",
)


def keep(path, data):
    """The path of a file with these bytes: one that is there already, or a new one."""
    if data not in PLACES:
        assert path not in FILES, f"{path} has two contents"
        FILES[path] = data
        PLACES[data] = path
    return PLACES[data]


def case(
    title, what, evidence=None, product=MILAN, kind="vcek", certs=None, crls=(), root=..., at=AT, allow=(), fails=None,
    verdict=None, **demands,
):
    """One case. `certs` may hold paths and bytes; `fails` is the check that fails."""
    if evidence is None:
        evidence = report(product, kind=kind)
    if certs is None:
        certs = chain(product, kind)
    kept = [c if isinstance(c, str) else keep(f"certs/{title}.der", c) for c in certs]
    lists = [c if isinstance(c, str) else keep(f"crls/{title}.der", c) for c in crls]
    judged = verdict or (("not-authentic" if fails in AUTHENTICATE else "refused") if fails else "accepted")
    entry = {"name": title, "what": what, "report": keep(f"reports/{title}.bin", evidence), "certs": kept}
    if lists:
        entry["crls"] = lists
    if root is ...:
        root = product.path("ark")
    if root:
        entry["root"] = root
    entry |= {"at": at, **({"allow": list(allow)} if allow else {}), **demands, "verdict": judged}
    if judged in ("not-authentic", "refused"):
        assert fails in AUTHENTICATE + JUDGE, f"{title} names no check"
        entry["check"] = fails
    assert all(other["name"] != title for other in CASES), f"{title} is there twice"
    CASES.append(entry)


def chain(product, kind="vcek", end=None):
    return [end or product.path(kind), product.path("ask" if kind == "vcek" else "asvk"), product.path("ark")]


AUTHENTICATE = (
    "signature-algorithm", "signing-key", "chip-key-mask", "signature-encoding", "certificates", "ark-trusted",
    "ark-certificate",
    "ark-dates", "ark-signature", "intermediate-certificate", "intermediate-dates", "intermediate-signature",
    "leaf-certificate", "leaf-dates", "leaf-signature", "crl-signature", "crl-revocation", "product", "reported-tcb",
    "chip-id", "report-signature",
)
JUDGE = (
    "report-version", "reserved-bits", "unknown-policy-bits", "policy-bit-17", "policy-abi", "debug", "migration-agent",
    "provisional-firmware", "tcb-order", "vmpl", "masked-chip-id", "stale-crl", "guest-policy", "platform-info",
    "measurement", "report-data", "host-data", "id-key", "author-key", "id-block", "guest-svn", "family-id",
    "image-id", "report-id", "report-id-ma", "minimum-abi", "minimum-build", "minimum-tcb", "minimum-launch-tcb",
    "mitigations", "csp-id", "chip-id-allowed",
)


def shared_certificates():
    for product in PRODUCTS:
        for role in ROLES:
            keep(product.path(role), ca(product, role))
        for kind in ("vcek", "vlek"):
            keep(product.path(kind), leaf(product, kind))


# Evidence that is accepted. --------------------------------------------------------------------------------------


def accepted():
    for product in PRODUCTS:
        for kind, versions in (("vcek", (2, 3, 4, 5)), ("vlek", (2, 3, 5) if product is MILAN else (5,))):
            for version in versions:
                case(
                    f"{kind}-{product.title.lower()}-v{version}",
                    f"A version {version} report of {product.title} under a {kind.upper()}.",
                    report(product, version, kind), product, kind,
                )
    for title, product, fms in (
        ("bergamo", GENOA, "19a002"), ("milan-last-model", MILAN, "190f02"),
        ("turin-dense", TURIN, "1a1101"),
    ):
        evidence = report(product, 5, fms=bytes.fromhex(fms))
        what = f"CPUID family, model and stepping {fms} belong to {product.title}."
        case(f"vcek-{title}-v5", what, evidence, product)

    shown = report(MILAN, kind="vlek", chip_id=sample("shown chip", 64))
    case("vlek-chip-id-shown", "A VLEK does not bind CHIP_ID, which may be there.", shown, kind="vlek")
    masked = report(MILAN, kind="vlek", key_info=WITH_VLEK | MASK_CHIP_KEY)
    case("vlek-chip-key-masked", "MASK_CHIP_KEY says nothing against a VLEK.", masked, kind="vlek")

    for title, order in (("ark-first", (2, 0, 1)), ("leaf-last", (2, 1, 0)), ("intermediate-first", (1, 2, 0))):
        certs = [chain(MILAN)[place] for place in order]
        case(f"certificates-{title}", "The order of the certificates does not matter.", certs=certs)
    case(
        "certificates-with-asvk", "The intermediate that is not in use does not matter.",
        certs=[MILAN.path("asvk"), *chain(MILAN)],
    )

    for product, kind in ((MILAN, "vcek"), (MILAN, "vlek")):
        title = f"{kind}-{product.title.lower()}-72-byte-algorithm"
        end = leaf(product, kind, algorithm=LONG)
        what = "The leaf's AlgorithmIdentifier states the default trailer field."
        case(title, what, product=product, kind=kind, certs=chain(product, kind, end))
    case(
        "ask-67-byte-algorithm", "The ASK's AlgorithmIdentifier leaves the trailer field out, the ARK's does not.",
        certs=[MILAN.path("vcek"), ca(MILAN, "ask", algorithm=SHORT), MILAN.path("ark")],
    )

    for title, product, start in (
        ("der-like-octets", MILAN, "043e"), ("der-like-short", TURIN, "0406"),
    ):
        hwid = bytes.fromhex(start) + product.hwid[2:]
        evidence = report(product, chip_id=hwid + product.chip_id[len(hwid) :])
        what = "The raw hwID begins with bytes that look like a DER header of its own length."
        case(f"hwid-{title}", what, evidence, product, certs=chain(product, end=leaf(product, "vcek", hwid=hwid)))
    case(
        "hwid-wrapped", "The hwID is wrapped in an OCTET STRING of its own.",
        certs=chain(MILAN, end=leaf(MILAN, "vcek", hwid=octets(MILAN.hwid))),
    )
    case(
        "product-name-other-stepping", "The stepping in productName is not compared.",
        certs=chain(MILAN, end=leaf(MILAN, "vcek", edit={"2": text("ia5", "Milan-B1")})),
    )
    case(
        "milan-fmc-zero", "An fmcSPL of zero on Milan does no harm.",
        certs=chain(MILAN, end=leaf(MILAN, "vcek", edit={"3.9": integer(0)})),
    )
    case(
        "turin-spl4-zero", "An spl4 of zero on Turin does no harm.", product=TURIN,
        certs=chain(TURIN, end=leaf(TURIN, "vcek", edit={"3.4": integer(0)})),
    )
    case(
        "struct-version-later", "structVersion is informational.",
        certs=chain(MILAN, end=leaf(MILAN, "vcek", edit={"1": integer(2)})),
    )
    turned = [extension(AMD + arc, value) for arc, value in (
        ("4", MILAN.hwid), ("3.8", integer(0x73)), ("3.3", integer(8)), ("3.7", integer(0)), ("3.6", integer(0)),
        ("3.5", integer(0)), ("3.4", integer(0)), ("3.2", integer(0)), ("3.1", integer(3)),
        ("2", text("ia5", "Milan-B0")), ("1", integer(0)),
    )]
    case(
        "extensions-turned-round", "The order of the extensions does not matter.",
        certs=chain(MILAN, end=leaf(MILAN, "vcek", extensions=turned)),
    )
    high = bytes.fromhex("7f7f00000000 7fff")
    evidence = report(MILAN, reported_tcb=high, committed_tcb=high, current_tcb=high, launch_tcb=high)
    case(
        "spl-largest", "The largest SPLs; an INTEGER above 127 has two bytes.", evidence,
        certs=chain(MILAN, end=leaf(MILAN, "vcek", tcb=high)),
    )

    body = report(MILAN, fields_only=True)
    for title, half in (("high", max), ("low", min)):
        evidence = body + signature_field(*sign_report(body, VCEK, half=half))
        case(f"signature-{title}-s", f"Of s and n - s the {title} one.", evidence)

    case(
        "vcek-fresh", "The VCEK begins four minutes later than the clock.", at=unix(VCEK_DATES[0]) - 240,
    )
    case("vcek-skew-limit", "The VCEK begins five minutes later than the clock.", at=unix(VCEK_DATES[0]) - 300)
    case("vcek-first-second", "The first second of the VCEK.", at=unix(VCEK_DATES[0]))
    case("vcek-last-second", "The last second of the VCEK.", at=unix(VCEK_DATES[1]))
    case("vlek-last-second", "The last second of the VLEK.", kind="vlek", at=unix(VLEK_DATES[1]))

    empty = keep("crls/milan-empty.der", crl(MILAN))
    no_ask = keep("crls/milan-revokes-ask.der", crl(MILAN, [0x10001]))
    no_asvk = keep("crls/milan-revokes-asvk.der", crl(MILAN, [0x10101]))
    case("crl-empty", "A list without entries.", crls=[empty])
    case("crl-empty-vlek", "A list without entries, under a VLEK.", kind="vlek", crls=[empty])
    case("crl-empty-turin", "A list without entries, for Turin.", product=TURIN, crls=[crl(TURIN)])
    case("crl-72-byte-algorithm", "The list's AlgorithmIdentifier states the trailer field.", crls=[
        crl(MILAN, algorithm=LONG)
    ])
    case("crl-revokes-asvk-for-vcek", "The ASVK is revoked; the VCEK does not need it.", crls=[no_asvk])
    case("crl-revokes-ask-for-vlek", "The ASK is revoked; the VLEK does not need it.", kind="vlek", crls=[no_ask])
    case("crl-revokes-others", "Other serials, some that share bytes with the ASK's.", crls=[
        crl(MILAN, [0x01, 0x100, 0x1000, 0x10002, 0x100010001])
    ])
    case("crl-removed-from", "An entry with reason removeFromCRL revokes nothing.", crls=[
        crl(MILAN, [0x10001], entry=extension("2.5.29.21", tlv(0x0A, b"\x08")))
    ])
    case("crl-other-product", "A list of another product's ARK beside this chain's.", crls=[crl(GENOA, [0x20001]), empty])
    case("crl-first-second", "The first second of the list.", crls=[empty], at=unix(day("2025-10-01 12:00:00")))
    case("crl-last-second", "The last second of the list.", crls=[empty], at=unix(day("2026-10-01 12:00:00")))

    case(
        "platform-info-unknown-bits", "Bits of PLATFORM_INFO without a name are no error.",
        report(MILAN, platform_info=0x165),
    )
    case(
        "version-4-vectors", "A version 4 report may have bytes where version 5 has the mitigation vectors.",
        report(TURIN, 4, launch_mit_vector=0x3F, current_mit_vector=0x3F), TURIN,
    )
    case("policy-abi-equal", "POLICY asks for the ABI that the firmware has.", report(MILAN, policy=BIT_17 | 0x137))
    case(
        "policy-abi-lower-major", "A high minor under a lower major is met.", report(MILAN, policy=BIT_17 | 0xFF),
    )
    case("policy-named-bits", "Every bit of POLICY that has a name and is no danger.", report(
        MILAN, 5, policy=POLICY | 0x3F << 20
    ))
    case(
        "tcb-committed-between", "Reported below committed below current; launch above committed.",
        report(
            MILAN, committed_tcb=bytes.fromhex("0401000000000974"), current_tcb=bytes.fromhex("0502000000001080"),
            launch_tcb=bytes.fromhex("0502000000001080"),
        ),
    )
    case(
        "tcb-launch-below", "The guest began under an older TCB.",
        report(MILAN, launch_tcb=bytes.fromhex("0200000000000544")),
    )
    for level in (1, 3):
        case(f"vmpl-{level}", "Every level of the guest.", report(MILAN, vmpl=level))
    case("no-id-block", "No ID block: zero in its fields.", report(
        MILAN, guest_svn=0, family_id=0, image_id=0, id_key_digest=0
    ))


# Evidence that is not authentic. ---------------------------------------------------------------------------------


def flipped():
    good = report(MILAN)
    five = report(MILAN, 5)
    for title, offset, mask, fails in (
        ("version", 0x000, 1, "report-signature"), ("guest-svn", 0x004, 1, "report-signature"),
        ("policy", 0x00A, 8, "report-signature"), ("image-id", 0x02F, 0x80, "report-signature"),
        ("vmpl", 0x030, 1, "report-signature"), ("signature-algo", 0x034, 2, "signature-algorithm"),
        ("current-tcb", 0x03F, 4, "report-signature"), ("platform-info", 0x040, 2, "report-signature"),
        ("reserved", 0x04C, 1, "report-signature"),
        ("report-data", 0x08F, 0x80, "report-signature"), ("measurement", 0x090, 1, "report-signature"),
        ("host-data", 0x0C0, 1, "report-signature"),
        ("author-key-digest", 0x110, 1, "report-signature"), ("report-id", 0x140, 1, "report-signature"),
        ("model", 0x189, 2, "report-signature"),
        ("chip-id", 0x1A0, 1, "chip-id"), ("committed-tcb", 0x1E7, 1, "report-signature"),
        ("current-version", 0x1E8, 1, "report-signature"), ("launch-tcb", 0x1F7, 1, "report-signature"),
        ("current-mit-vector", 0x207, 0x80, "report-signature"), ("last-signed-byte", 0x29F, 0x80, "report-signature"),
        ("r", 0x2A0, 1, "report-signature"), ("s", 0x2E8, 1, "report-signature"),
    ):
        evidence = five if "mit-vector" in title else good
        what = f"A bit at {offset:#05x} changed after signing."
        case(f"flipped-{title}", what, flip(evidence, offset, mask), fails=fails)


def report_signature():
    body = report(MILAN, fields_only=True)
    r, s = sign_report(body, VCEK)
    for title, what, signature in (
        ("r-zero", "r is zero.", signature_field(0, s)), ("s-zero", "s is zero.", signature_field(r, 0)),
        ("s-order", "s is n.", signature_field(r, N)),
        ("s-above-order", "s is the largest 384-bit number.", signature_field(r, (1 << 384) - 1)),
        ("r-padding-first", "The first padding byte of r is set.", flip(signature_field(r, s), 48)),
        ("r-padding-last", "The last padding byte of r is set.", flip(signature_field(r, s), 71)),
        ("s-padding-first", "The first padding byte of s is set.", flip(signature_field(r, s), 120)),
        ("s-padding-last", "The last padding byte of s is set.", flip(signature_field(r, s), 143)),
        ("tail-first", "The first byte after s is set.", flip(signature_field(r, s), 144)),
        ("tail-last", "The last byte of the report is set.", flip(signature_field(r, s), 511, 0x80)),
        ("big-endian-72", "r and s are 72-byte big-endian numbers.", signature_field(r, s, "big")),
    ):
        case(f"signature-{title}", what, body + signature, fails="signature-encoding")
    big = r.to_bytes(48) + bytes(24) + s.to_bytes(48) + bytes(24) + bytes(368)
    near = tuple(reversed(sign_report(body, VCEK)))
    for title, what, signature in (
        ("big-endian-48", "r and s are 48-byte big-endian numbers at the start of their fields.", big),
        ("swapped", "s stands before r.", signature_field(*near)),
        ("sha-256", "The hash was SHA-256.", signature_field(*sign_report(body, VCEK, hashes.SHA256()))),
        ("other-key", "Another key signed.", signature_field(*sign_report(body, VLEK))),
        ("less-signed", "The last signed byte was left out.", signature_field(*sign_report(body[:-1], VCEK))),
    ):
        case(f"signature-{title}", what, body + signature, fails="report-signature")
    for number in (0, 2):
        case(
            f"signature-algo-{number}", f"SIGNATURE_ALGO is {number}.", report(MILAN, signature_algo=number),
            fails="signature-algorithm",
        )
    for number in (2, 6):
        case(f"signing-key-{number}", f"SIGNING_KEY is {number}: reserved.", report(
            MILAN, key_info=number << 2
        ), fails="signing-key")
    case("signing-key-7", "SIGNING_KEY is 7, none, and the signature is zero as firmware leaves it.", report(
        MILAN, key_info=7 << 2, fields_only=True
    ) + bytes(512), fails="signing-key")
    case("signing-key-7-signed", "SIGNING_KEY is 7 under a signature that verifies.", report(
        MILAN, key_info=7 << 2
    ), fails="signing-key")
    case("signing-key-1-vcek", "SIGNING_KEY is 1 and the leaf is a VCEK.", report(
        MILAN, key_info=WITH_VLEK
    ), fails="signing-key")
    case("signing-key-0-vlek", "SIGNING_KEY is 0 and the leaf is a VLEK.", report(
        MILAN, kind="vlek", key_info=0
    ), kind="vlek", fails="signing-key")
    case("chip-key-masked-vcek", "MASK_CHIP_KEY is 1 and a VCEK signed.", report(
        MILAN, key_info=MASK_CHIP_KEY
    ), fails="chip-key-mask")
    case("debug-and-flipped", "A report that is not authentic is not judged.", flip(
        report(MILAN, policy=POLICY | DEBUG), 0x090
    ), fails="report-signature")


def chains():
    leaf_path, ask_path, ark_path = chain(MILAN)
    case("ark-not-pinned", "The test CA without its root: only AMD's ARKs are trusted.", root=None, fails="ark-trusted")
    case("ark-other-root", "The root that the caller gives has another key.", root=keep(
        "certs/attacker-ark-our-name.der", ca(MILAN, "ark", private=ATTACKER_ARK, parent=ATTACKER_ARK)
    ), fails="ark-trusted")
    attacker = {"private": ATTACKER_ASK, "parent": ATTACKER_ARK}
    for title, organisation, root, what in (
        ("amd-name", AMD_NAME, None, "An attacker's chain, consistent, with the names of AMD's."),
        ("amd-name-test-root", AMD_NAME, ark_path, "The same while the test CA's root is trusted too."),
        ("our-name", OUR_NAME, ark_path, "An attacker's chain with the names of the test CA, whose root is trusted."),
    ):
        short = "amd-name" if organisation == AMD_NAME else "our-name"
        ark = ca(MILAN, "ark", organisation, ATTACKER_ARK, ATTACKER_ARK)
        certs = [
            keep(f"certs/attacker-vcek-{short}.der", leaf(MILAN, "vcek", organisation, signer=ATTACKER_ASK)),
            keep(f"certs/attacker-ask-{short}.der", ca(MILAN, "ask", organisation, **attacker)),
            keep(f"certs/attacker-ark-{short}.der", ark),
        ]
        case(f"attacker-{title}", what, certs=certs, root=root, fails="ark-trusted")
    amd, ours = ([f"certs/attacker-{role}-{name}.der" for role in ("vcek", "ask")] for name in ("amd-name", "our-name"))
    case(
        "attacker-ask-under-amd", "An attacker's ASK and VCEK with AMD's names, for AMD's own ARK.", certs=amd,
        root=None, fails="intermediate-signature",
    )
    case(
        "attacker-vcek-under-amd", "An attacker's VCEK with AMD's names, for AMD's own ASK and ARK.", certs=amd[:1],
        root=None, fails="leaf-signature",
    )
    case(
        "attacker-ask-under-ark", "An attacker's ASK beside the ARK that is trusted.", certs=[*ours, ark_path],
        fails="intermediate-signature",
    )
    case(
        "attacker-vcek-under-ask", "An attacker's VCEK beside the ASK and ARK that are trusted.",
        certs=[ours[0], ask_path, ark_path], fails="leaf-signature",
    )

    for title, what, changes in (
        ("no-ca", "The ARK's BasicConstraints say that it is no CA.", {"extensions": {"basic": basic(ca=False)}}),
        ("path-length-0", "The ARK's pathLen leaves no room for an intermediate.", {"extensions": {"basic": basic(0)}}),
        ("no-cert-sign", "The ARK's KeyUsage lacks keyCertSign.", {"extensions": {"usage": usage(SIGNS_CRLS)}}),
        ("issuer-differs", "The ARK's issuer is not its subject.", {"issuer": name("ARK-Genoa")}),
    ):
        certs = [leaf_path, ask_path, ca(MILAN, "ark", **changes)]
        case(f"ark-{title}", what, certs=certs, fails="ark-certificate")
    for title, what, changes in (
        ("signature-flipped", "A bit of the ARK's signature changed.", {"flip": 100}),
        ("signed-by-attacker", "An attacker's key signed the ARK, whose key is ours.", {"signer": ATTACKER_ARK}),
    ):
        case(f"ark-{title}", what, certs=[leaf_path, ask_path, ca(MILAN, "ark", **changes)], fails="ark-signature")

    for title, what, changes in (
        ("no-ca", "The ASK's BasicConstraints say that it is no CA.", {"extensions": {"basic": basic(ca=False)}}),
        ("no-path-length", "The ASK has no pathLen.", {"extensions": {"basic": basic()}}),
        ("path-length-1", "The ASK's pathLen is 1.", {"extensions": {"basic": basic(1)}}),
        ("no-cert-sign", "The ASK's KeyUsage lacks keyCertSign.", {"extensions": {"usage": usage(SIGNS_DATA)}}),
        ("issuer-differs", "The ASK names another issuer, with the same key.", {"issuer": name("ARK-Genoa")}),
        ("rsa-2048", "The ASK's key has 2048 bits.", {"private": SMALL}),
    ):
        certs = [leaf_path, ca(MILAN, "ask", **changes), ark_path]
        case(f"ask-{title}", what, certs=certs, fails="intermediate-certificate")
    case(
        "ark-of-genoa", "Milan's VCEK and ASK with Genoa's ARK, which has the same key.", root=GENOA.path("ark"),
        certs=[leaf_path, ask_path, GENOA.path("ark")], fails="intermediate-certificate",
    )
    for title, what, changes in (
        ("signature-flipped", "A bit of the ASK's signature changed.", {"flip": 511}),
        ("signed-by-itself", "The ASK signed itself under the ARK's name.", {"signer": ASK}),
    ):
        certs = [leaf_path, ca(MILAN, "ask", **changes), ark_path]
        case(f"ask-{title}", what, certs=certs, fails="intermediate-signature")

    both = [ask_path, MILAN.path("asvk"), ark_path]
    under_asvk = leaf(MILAN, "vcek", issuer=name("SEV-VLEK-Milan"), signer=ASVK)
    under_ask = leaf(MILAN, "vlek", issuer=name("SEV-Milan"), signer=ASK)
    case("vcek-under-asvk", "The ASVK issued a VCEK.", certs=[under_asvk, *both], fails="leaf-certificate")
    case("vlek-under-ask", "The ASK issued a VLEK.", kind="vlek", certs=[under_ask, *both], fails="leaf-certificate")
    case(
        "vcek-signed-by-asvk", "The ASVK signed a VCEK under the ASK's name.", fails="leaf-signature",
        certs=[leaf(MILAN, "vcek", signer=ASVK), *both],
    )
    case(
        "vlek-signed-by-ask", "The ASK signed a VLEK under the ASVK's name.", kind="vlek", fails="leaf-signature",
        certs=[leaf(MILAN, "vlek", signer=ASK), *both],
    )
    case(
        "ask-of-genoa", "Milan's VCEK with Genoa's ASK and ARK, which have the same keys.", root=GENOA.path("ark"),
        certs=[leaf_path, *chain(GENOA)[1:]], fails="leaf-certificate",
    )
    flat = bytearray(spki(VCEK))
    flat[-1] ^= 1
    for title, what, changes in (
        ("ca-name", "The leaf's subject is the ASK's.", {"subject": name("SEV-Milan")}),
        ("ark-issued", "The ARK issued the leaf.", {"issuer": name("ARK-Milan"), "signer": ARK}),
        ("name-wrong", "The leaf's CN is no VCEK's.", {"subject": name("SEV-VCEX")}),
        ("name-longer", "The leaf's CN goes on after SEV-VCEK.", {"subject": name("SEV-VCEK-Milan")}),
        ("issuer-organisation", "The leaf's issuer has AMD's organisation.", {"issuer": name("SEV-Milan", AMD_NAME)}),
        ("rsa-key", "The leaf's key is an RSA key.", {"public": spki(SMALL)}),
        ("off-curve", "The leaf's key is no point of P-384.", {"public": bytes(flat)}),
        ("is-ca", "The leaf says that it is a CA.", {"extra": [basic(0), usage(SIGNS_CERTIFICATES)]}),
    ):
        case(f"leaf-{title}", what, certs=chain(MILAN, end=leaf(MILAN, "vcek", **changes)), fails="leaf-certificate")

    def pss_256(private, message):
        return pss(private, message, hashlib.sha256, 32)

    def pss_32(private, message):
        return pss(private, message, salt_length=32)

    sha256, rsa_sha384 = "2.16.840.1.101.3.4.2.1", sequence(oid("1.2.840.113549.1.1.12"), NULL)
    for title, what, changes in (
        ("signature-flipped", "A bit of the leaf's signature changed.", {"flip": 0}),
        ("signed-by-ark", "The ARK signed the leaf under the ASK's name.", {"signer": ARK}),
        ("pss-sha-256", "PSS with SHA-256 under the AlgorithmIdentifier of SHA-384.", {"sign": pss_256}),
        ("pss-salt-32", "PSS with a 32-byte salt under the AlgorithmIdentifier of 48.", {"sign": pss_32}),
        ("pkcs1", "PKCS#1 v1.5 under the AlgorithmIdentifier of PSS.", {"sign": pkcs1}),
    ):
        case(f"leaf-{title}", what, certs=chain(MILAN, end=leaf(MILAN, "vcek", **changes)), fails="leaf-signature")
    good = leaf(MILAN, "vcek")
    case("leaf-content-changed", "An SPL in the certificate was lowered after signing.", report(
        MILAN, reported_tcb=bytes.fromhex("0300000000000773")
    ), certs=chain(MILAN, end=good.replace(
        oid(AMD + "3.3") + octets(integer(8)), oid(AMD + "3.3") + octets(integer(7))
    )), fails="leaf-signature")

    for title, what, changes in (
        ("algorithm-sha-256", "The AlgorithmIdentifier states SHA-256, and it was.", {
            "algorithm": pss_algorithm(sha256), "sign": pss_256
        }),
        ("algorithm-salt-32", "The AlgorithmIdentifier states a 32-byte salt, and it was.", {
            "algorithm": pss_algorithm(salt=32), "sign": pss_32
        }),
        ("algorithm-pkcs1", "The AlgorithmIdentifier states PKCS#1 v1.5, and it was.", {
            "algorithm": rsa_sha384, "sign": pkcs1
        }),
        ("algorithm-trailer-2", "The AlgorithmIdentifier states trailer field 2.", {
            "algorithm": pss_algorithm(trailer=2)
        }),
        ("algorithms-differ", "The inner AlgorithmIdentifier has 67 bytes, the outer one 72.", {"outer": LONG}),
        ("extension-twice", "blSPL is there twice.", {"extra": [extension(AMD + "3.1", integer(3))]}),
        ("extension-critical-unknown", "An unknown critical extension.", {
            "extra": [extension("2.5.29.99", NULL, critical=True)]
        }),
        ("hwid-32", "The hwID has 32 bytes.", {"hwid": MILAN.hwid[:32]}),
        ("hwid-wrapped-wrong", "A hwID of 66 bytes that is no OCTET STRING of 64.", {"hwid": b"\x04\x3f" + MILAN.hwid}),
        ("spl-not-minimal", "An SPL has a needless zero byte.", {"edit": {"3.3": tlv(0x02, b"\0\x08")}}),
        ("spl-negative", "An SPL is negative.", {"edit": {"3.8": tlv(0x02, b"\xd9")}}),
        ("spl-256", "An SPL is 256.", {"edit": {"3.8": integer(256)}}),
        ("version-1", "The leaf's X.509 version is left out: 1.", {"version": b""}),
    ):
        case(f"leaf-{title}", what, certs=chain(MILAN, end=leaf(MILAN, "vcek", **changes)), verdict="malformed")
    older = keep("certs/milan-vcek-older.der", leaf(MILAN, "vcek", tcb=bytes.fromhex("0200000000000544")))
    elsewhere = keep("certs/milan-vcek-elsewhere.der", leaf(MILAN, "vcek", hwid=sample("another chip", 64)))
    both = [older, elsewhere]
    for title, kind, evidence, certs in (
        ("before", "vcek", None, [*both, *chain(MILAN)]),
        ("behind", "vcek", None, [*chain(MILAN), *both]),
        ("masked", "vcek", report(MILAN, chip_id=0), [older, *chain(MILAN)]),
        ("of-both-kinds", "vcek", None, [MILAN.path("vlek"), MILAN.path("asvk"), *chain(MILAN)]),
        ("of-both-kinds-vlek", "vlek", None, [*chain(MILAN), MILAN.path("vlek"), MILAN.path("asvk")]),
    ):
        allow = ["masked-chip-id"] if title == "masked" else []
        case(f"leaves-{title}", "Several leaves: the one for the report is taken.", evidence, kind=kind, certs=certs,
             allow=allow)
    expired = keep("certs/milan-vcek-expired.der", leaf(MILAN, "vcek", validity=years("2010-01-01", 7)))
    stranger_vlek = keep("certs/milan-vlek-of-another-key.der", leaf(MILAN, "vlek", public=spki(VCEK)))
    old_ask = keep("certs/milan-ask-expired.der", ca(MILAN, "ask", validity=years("2000-06-01", 25)))
    false_ask = keep("certs/milan-ask-of-another-key.der", ca(MILAN, "ask", private=ATTACKER_ASK))
    for title, kind, certs in (
        ("leaf-expired-before", "vcek", [expired, *chain(MILAN)]),
        ("leaf-expired-behind", "vcek", [*chain(MILAN), expired]),
        ("vlek-of-another-key-before", "vlek", [stranger_vlek, *chain(MILAN, "vlek")]),
        ("ask-expired-before", "vcek", [old_ask, *chain(MILAN)]),
        ("ask-of-another-key-before", "vcek", [false_ask, *chain(MILAN)]),
    ):
        case(title, "Another certificate for the same place, which does not serve.", kind=kind, certs=certs)
    case("leaf-expired-alone", "The expired one alone.", certs=[expired, *chain(MILAN)[1:]], fails="leaf-dates")
    case("leaves-of-others", "Leaves of another TCB and of another chip alone.", certs=[*both, *chain(MILAN)[1:]],
         fails="reported-tcb")
    case("leaf-of-another-chip", "The leaf of another chip.", certs=[elsewhere, *chain(MILAN)[1:]], fails="chip-id")
    for title, what, changes in (
        ("no-ucode-spl", "The ucodeSPL is absent.", {"edit": {"3.8": None}}),
        ("no-hwid", "The VCEK has no hwID.", {"edit": {"4": None}}),
    ):
        end = leaf(MILAN, "vcek", **changes)
        case(f"leaf-{title}", what, certs=chain(MILAN, end=end), fails="leaf-certificate")
    bare = {"edit": {arc: None for arc in ("1", "2", *SPL_ORDER, "4", "5")}}
    for title, kind, changes in (
        ("leaf-bare", "vcek", bare), ("leaf-vlek-bare", "vlek", bare),
        ("leaf-vlek-name-wrong", "vlek", {"subject": name("SEV-VLEX")}),
        ("leaf-vlek-with-hwid", "vlek", {"edit": {"4": MILAN.hwid}}),
        ("leaf-with-csp-id", "vcek", {"edit": {"5": text("ia5", CSP)}}),
        ("leaf-vlek-csp-id-long", "vlek", {"edit": {"5": text("ia5", "c" * 129)}}),
    ):
        certs = chain(MILAN, kind, leaf(MILAN, kind, **changes))
        case(title, "A leaf without AMD's extensions, or with another's name or extension.", kind=kind, certs=certs,
             fails="leaf-certificate")
    stranger = ca(MILAN, "ask", subject=name("A stranger"))
    case("certificate-without-role", "A certificate that is none of AMD's hierarchy.", certs=[*chain(MILAN), stranger],
         fails="certificates")


def dates():
    before, after = unix(VCEK_DATES[0]), unix(VCEK_DATES[1])
    case("vcek-not-yet-valid", "The VCEK begins a day later.", at=before - 86400, fails="leaf-dates")
    case("vcek-beyond-skew", "The VCEK begins five minutes and a second later.", at=before - 301, fails="leaf-dates")
    case("vcek-expired", "The VCEK ended a second ago.", at=after + 1, fails="leaf-dates")
    before, after = unix(VLEK_DATES[0]), unix(VLEK_DATES[1])
    case("vlek-not-yet-valid", "The VLEK begins a day later.", kind="vlek", at=before - 86400, fails="leaf-dates")
    case("vlek-expired", "The VLEK ended a second ago.", kind="vlek", at=after + 1, fails="leaf-dates")
    case("ark-not-yet-valid", "The ARK begins ten months later.", at=unix(day("2020-01-01")), fails="ark-dates")
    case("ark-expired", "The ARK ended, and so did all others.", at=unix(day("2050-01-01")), fails="ark-dates")
    for title, role, start in (
        ("not-yet-valid", "ask", "2026-01-02"), ("expired", "ask", "2000-06-01"), ("expired", "asvk", "2000-06-01"),
    ):
        kind = "vcek" if role == "ask" else "vlek"
        what = f"The {role.upper()} alone: valid from {start}, 25 years."
        certs = [MILAN.path(kind), ca(MILAN, role, validity=years(start, 25)), MILAN.path("ark")]
        case(f"{role}-{title}", what, kind=kind, certs=certs, fails="intermediate-dates")
    certs = [*chain(MILAN)[:2], ca(MILAN, "ark", validity=years("2000-06-01", 25))]
    case("ark-alone-expired", "The ARK alone has ended.", certs=certs, fails="ark-dates")


def revocation():
    unknown = extension("2.5.29.99", NULL, critical=True)
    reason = extension("2.5.29.21", tlv(0x0A, b"\x01"))
    for title, what, given in (
        ("signed-by-ask", "The ASK signed the list under the ARK's name.", crl(MILAN, signer=ASK)),
        ("signed-by-attacker", "An attacker signed the list under the ARK's name.", crl(MILAN, signer=ATTACKER_ARK)),
        ("signature-flipped", "A bit of the list's signature changed.", crl(MILAN, flip=7)),
        ("pkcs1", "PKCS#1 v1.5 under the AlgorithmIdentifier of PSS.", crl(MILAN, sign=pkcs1)),
        ("entry-removed", "A list that revokes the ASK, its entry's serial changed after signing.", crl(
            MILAN, [0x10001]
        ).replace(integer(0x10001), integer(0x10002))),
    ):
        case(f"crl-{title}", what, crls=[given], fails="crl-signature")
    case("crl-other-product-alone", "The only list is of another product's ARK.", crls=[crl(GENOA, [0x20001])])
    no_ask, no_asvk = "crls/milan-revokes-ask.der", "crls/milan-revokes-asvk.der"
    case("crl-revokes-ask", "The ASK is revoked.", crls=[no_ask], fails="crl-revocation")
    case("crl-revokes-asvk", "The ASVK is revoked.", kind="vlek", crls=[no_asvk], fails="crl-revocation")
    case("crl-revokes-ask-among-others", "The ASK is the last of many entries.", crls=[
        crl(MILAN, [*range(1, 20), 0x10101, 0x10001])
    ], fails="crl-revocation")
    case("crl-revokes-ask-with-reason", "The ASK is revoked, with a reason code.", crls=[
        crl(MILAN, [0x10001], entry=reason)
    ], fails="crl-revocation")
    old = crl(MILAN, [0x10001], dates=("2024-10-01 12:00:00", "2025-10-01 12:00:00"))
    case("crl-stale-revokes-ask", "The ASK is revoked by a list that has ended.", crls=[old], fails="crl-revocation")
    case("crl-stale-revokes-ask-allowed", "Even if stale lists are allowed.", crls=[old], allow=[
        "stale-crl"
    ], fails="crl-revocation")
    for title, what, given in (
        ("critical-unknown", "An unknown critical extension of the list.", crl(MILAN, extra=unknown)),
        ("entry-critical-unknown", "An unknown critical extension of an entry.", crl(MILAN, [5], entry=unknown)),
        ("algorithms-differ", "The inner AlgorithmIdentifier has 67 bytes, the outer one 72.", crl(MILAN, outer=LONG)),
        ("truncated", "The last byte of the list is missing.", crl(MILAN)[:-1]),
        ("trailing-byte", "A byte follows the list.", crl(MILAN) + b"\0"),
        ("is-certificate", "A certificate in the place of a list.", ca(MILAN, "ark")),
    ):
        case(f"crl-{title}", what, crls=[given], verdict="malformed")


def products():
    def named(value):
        return chain(MILAN, end=leaf(MILAN, "vcek", edit={"2": text("ia5", value)}))

    for title, value in (("genoa", "Genoa"), ("longer", "Milano")):
        case(f"product-name-{title}", f"productName is {value} under SEV-Milan.", certs=named(value), fails="product")
    end = leaf(MILAN, "vlek", edit={"2": text("ia5", "Turin")})
    case("product-name-vlek-turin", "productName is Turin under SEV-VLEK-Milan.", kind="vlek", certs=chain(
        MILAN, "vlek", end
    ), fails="product")
    for title, product, fms in (
        ("turin-under-milan", MILAN, "1a0201"), ("genoa-under-milan", MILAN, "191101"),
        ("milan-under-turin", TURIN, "190101"), ("venice-under-turin", TURIN, "1a5000"),
        ("older-family", MILAN, "170101"), ("model-between", GENOA, "192001"),
        ("model-unknown", TURIN, "1a1800"),
    ):
        case(
            f"cpuid-{title}", f"CPUID family, model and stepping {fms} under {product.title}'s chain.",
            report(product, fms=bytes.fromhex(fms)), product, fails="product",
        )
    case("cpuid-turin-under-milan-vlek", "A report of Turin under Milan's VLEK.", report(
        MILAN, kind="vlek", fms=TURIN.fms
    ), kind="vlek", fails="product")
    case("fmc-on-milan", "Milan's VCEK has an fmcSPL of 1.", certs=chain(
        MILAN, end=leaf(MILAN, "vcek", edit={"3.9": integer(1)})
    ), fails="product")
    case("no-fmc-on-turin", "Turin's VCEK has no fmcSPL.", product=TURIN, certs=chain(
        TURIN, end=leaf(TURIN, "vcek", edit={"3.9": None})
    ), fails="product")


def bindings():
    names = {
        MILAN: ((0, "bootloader"), (1, "tee"), (3, "reserved"), (6, "snp"), (7, "microcode")),
        TURIN: ((0, "fmc"), (1, "bootloader"), (2, "tee"), (3, "snp"), (5, "reserved"), (7, "microcode")),
    }
    for product, places in names.items():
        for number, (place, component) in enumerate(places):
            tcb = bytearray(product.tcb)
            step, side = (-1, "below") if tcb[place] and number % 2 else (1, "above")
            tcb[place] += step
            evidence = report(product, reported_tcb=bytes(tcb))
            title = f"reported-tcb-{product.title.lower()}-{component}-{side}"
            what = f"REPORTED_TCB's {component} is one {side} the certificate's."
            case(title, what, evidence, product, fails="reported-tcb")
    case("reported-tcb-vlek", "REPORTED_TCB's microcode is one above the VLEK's.", report(
        MILAN, kind="vlek", reported_tcb=bytes.fromhex("0300000000000874")
    ), kind="vlek", fails="reported-tcb")
    case("certificate-spl4", "The certificate's spl4 is 1, the report's byte 0.", certs=chain(
        MILAN, end=leaf(MILAN, "vcek", edit={"3.4": integer(1)})
    ), fails="reported-tcb")
    milan_form = bytes.fromhex("0101000000000451")
    case("reported-tcb-milan-form-on-turin", "REPORTED_TCB of Turin in Milan's form.", report(
        TURIN, reported_tcb=milan_form
    ), TURIN, fails="reported-tcb")

    for title, product, offset, what in (
        ("first-byte", MILAN, 0, "The first byte of CHIP_ID is not the hwID's."),
        ("last-byte", MILAN, 63, "The last byte of CHIP_ID is not the hwID's."),
        ("turin-eighth-byte", TURIN, 7, "The eighth byte of CHIP_ID is not the hwID's."),
        ("turin-rest-first", TURIN, 8, "A byte after the eight of Turin's CHIP_ID is set."),
        ("turin-rest-last", TURIN, 63, "The last byte of Turin's CHIP_ID is set."),
    ):
        evidence = report(product, chip_id=flip(product.chip_id, offset))
        case(f"chip-id-{title}", what, evidence, product, fails="chip-id")
    case("chip-id-short-hwid-on-milan", "A hwID of eight bytes, equal to those of Milan's CHIP_ID.", certs=chain(
        MILAN, end=leaf(MILAN, "vcek", hwid=MILAN.hwid[:8])
    ), fails="leaf-certificate")


def malformed():
    good = report(MILAN)
    for title, what, evidence in (
        ("report-empty", "No bytes.", b""), ("report-truncated", "1183 bytes.", good[:-1]),
        ("report-extended", "1185 bytes.", good + b"\0"),
        *((f"report-version-{number}", f"VERSION is {number}.", report(MILAN, number)) for number in (1, 7)),
    ):
        case(title, what, evidence, verdict="malformed")
    case("report-version-7-allowed", "No allowance makes an unknown layout readable.", report(
        MILAN, 7
    ), allow=["report-version"], verdict="malformed")
    end = leaf(MILAN, "vcek")
    for title, what, certs in (
        ("leaf-truncated", "The last byte of the leaf is missing.", chain(MILAN, end=end[:-1])),
        ("leaf-trailing-byte", "A byte follows the leaf.", chain(MILAN, end=end + b"\0")),
        ("leaf-indefinite-length", "The leaf's outer length is indefinite.", chain(
            MILAN, end=b"\x30\x80" + end[4:] + bytes(2)
        )),
        ("leaf-long-length", "The leaf's outer length has a needless byte.", chain(
            MILAN, end=b"\x30\x83\0" + end[2:]
        )),
        ("leaf-length-beyond", "The leaf's outer length goes beyond its end.", chain(
            MILAN, end=b"\x30\x84\xff\xff\xff\xff" + end[4:]
        )),
        ("ask-truncated", "The ASK is cut.", [MILAN.path("vcek"), ca(MILAN, "ask")[:800], MILAN.path("ark")]),
    ):
        case(title, what, certs=certs, verdict="malformed")
    for title, product, kind in (("", MILAN, "vcek"), ("-vlek", MILAN, "vlek"), ("-turin", TURIN, "vcek")):
        certs = chain(product, kind)[1:]
        case(f"no-leaf{title}", "The CA certificates alone.", None, product, kind, certs, verdict="incomplete")
    case("no-certificates", "No certificate.", certs=[], verdict="incomplete")


# Evidence that a policy refuses. ---------------------------------------------------------------------------------


def rules():
    """Each rule that holds by default: refused, accepted when relaxed, refused when everything else is relaxed."""
    seen, behind = set(), {"committed_build": 28}
    stale = crl(MILAN, dates=("2024-10-01 12:00:00", "2025-10-01 12:00:00"))
    for title, name, fails, what, evidence, crls in (
        ("debug", "debug", "debug", "POLICY allows debugging.", report(MILAN, policy=POLICY | DEBUG), ()),
        ("migrate-ma", "migration-agent", "migration-agent", "POLICY allows a migration agent; there is none.", report(
            MILAN, policy=POLICY | MIGRATE_MA
        ), ()),
        ("migration-agent", "migration-agent", "migration-agent", "A migration agent is there.", report(
            MILAN, policy=POLICY | MIGRATE_MA, report_id_ma=sample("agent", 32)
        ), ()),
        ("provisional-build", "provisional-firmware", "provisional-firmware", "The firmware's build is not committed.",
         report(MILAN, **behind), ()),
        ("provisional-minor", "provisional-firmware", "provisional-firmware", "The firmware's minor is not committed.",
         report(MILAN, committed_minor=54), ()),
        ("provisional-major", "provisional-firmware", "provisional-firmware", "The firmware's major is not committed.",
         report(MILAN, current_major=2), ()),
        ("masked-chip-id", "masked-chip-id", "masked-chip-id", "CHIP_ID is masked under a VCEK.",
         report(MILAN, chip_id=0), ()),
        ("policy-bit-26", "unknown-policy-bits", "unknown-policy-bits", "Bit 26 of POLICY.", report(
            MILAN, policy=POLICY | 1 << 26
        ), ()),
        ("policy-bit-63", "unknown-policy-bits", "unknown-policy-bits", "Bit 63 of POLICY.", report(
            MILAN, policy=POLICY | 1 << 63
        ), ()),
        ("reserved-byte", "reserved-bits", "reserved-bits", "A reserved byte is set.", report(
            MILAN, poke={0x04C: 1}
        ), ()),
        ("crl-stale", "stale-crl", "stale-crl", "The list has ended.", report(MILAN), (stale,)),
        ("policy-bit-17-clear", "policy-bit-17", "policy-bit-17", "Bit 17 of POLICY is 0.", report(
            MILAN, policy=POLICY & ~BIT_17
        ), ()),
        ("policy-abi-minor", "policy-abi", "policy-abi", "POLICY asks for 1.56 of a 1.55.", report(
            MILAN, policy=BIT_17 | 0x138
        ), ()),
        ("policy-abi-major", "policy-abi", "policy-abi", "POLICY asks for 2.0 of a 1.55.", report(
            MILAN, policy=BIT_17 | 0x200
        ), ()),
        ("launch-tcb-above", "tcb-order", "tcb-order", "LAUNCH_TCB is above CURRENT_TCB.", report(
            MILAN, launch_tcb=bytes.fromhex("0300000000000973")
        ), ()),
        ("vmpl-4", "vmpl", "vmpl", "VMPL 4.", report(MILAN, vmpl=4), ()),
        ("vmpl-host", "vmpl", "vmpl", "VMPL 0xFFFFFFFF: the host asked.", report(MILAN, vmpl=0xFFFFFFFF), ()),
        ("version-6", "report-version", "report-version", "Version 6.", report(MILAN, 6), ()),
    ):
        crls = [keep("crls/milan-stale.der", given) for given in crls]
        rest = [other for other in ALLOWANCES if other != name]
        case(title, what, evidence, crls=crls, fails=fails)
        case(f"{title}-allowed", what, evidence, crls=crls, allow=[name])
        if name not in seen:
            case(f"{title}-others-allowed", what, evidence, crls=crls, allow=rest, fails=fails)
        seen.add(name)
    case("migration-agent-unannounced", "A migration agent is there, and POLICY allows none.", report(
        MILAN, report_id_ma=sample("agent", 32)
    ), fails="migration-agent")
    case("migration-agent-unannounced-allowed", "The same: to allow agents does not allow what firmware never makes.", report(
        MILAN, report_id_ma=sample("agent", 32)
    ), allow=["migration-agent"], fails="migration-agent")
    case("crl-and-a-later-one", "Two lists: one for now, and one that begins a day later.", crls=[
        "crls/milan-empty.der", crl(MILAN, dates=("2026-01-02 00:00:00", "2027-01-02 00:00:00"))
    ])
    case("crl-and-an-older-one", "Two lists: the older one has ended.", crls=[stale, "crls/milan-empty.der"])
    case("crl-not-yet-valid", "The list begins a day later.", crls=[
        crl(MILAN, dates=("2026-01-02 00:00:00", "2027-01-02 00:00:00"))
    ], fails="stale-crl")
    case("crl-ended-a-second-ago", "The list ended a second ago.", crls=["crls/milan-empty.der"], at=unix(
        day("2026-10-01 12:00:00")
    ) + 1, fails="stale-crl")

    for version, offsets in {
        2: (0x04F, 0x188, 0x18A, 0x19F, 0x1F8, 0x207, 0x29F), 3: (0x18B, 0x1EB, 0x1EF, 0x1F8, 0x207),
        4: (0x18B, 0x208), 5: (0x048, 0x19F, 0x208, 0x220, 0x29F), 6: (0x18B, 0x208, 0x21F, 0x280, 0x29F),
    }.items():
        for offset in offsets:
            evidence = report(MILAN, version, poke={offset: 0x20 if offset == 0x048 else 1})
            case(
                f"reserved-v{version}-{offset:03x}", f"A reserved bit of version {version} at {offset:#05x} is set.",
                evidence, allow=["report-version"] if version == 6 else [], fails="reserved-bits",
            )

    for title, fields in (
        ("reported-above-committed-bootloader", {"committed_tcb": "0200000000000873"}),
        ("reported-above-committed-snp", {"committed_tcb": "0300000000000773"}),
        ("reported-above-committed-microcode", {"committed_tcb": "0300000000000872"}),
        ("committed-above-current-bootloader", {"committed_tcb": "0400000000000873"}),
        ("committed-above-current-tee", {"committed_tcb": "0301000000000873"}),
        ("committed-above-current-snp", {"committed_tcb": "0300000000000973"}),
        ("committed-above-current-microcode", {"committed_tcb": "0300000000000874"}),
        ("launch-above-current-bootloader", {"launch_tcb": "0400000000000873"}),
        ("launch-above-current-tee", {"launch_tcb": "0301000000000873"}),
        ("launch-above-current-microcode-snp-below", {"launch_tcb": "0300000000000774"}),
        ("reported-above-committed-snp-bootloader-below", {
            "committed_tcb": "0400000000000773", "current_tcb": "0400000000000873"
        }),
        ("reported-above-committed-bootloader-microcode-below", {
            "committed_tcb": "0200000000000874", "current_tcb": "0300000000000874"
        }),
        ("turin-reported-above-committed-fmc", {"committed_tcb": "0001010400000051"}),
        ("turin-reported-above-committed-snp", {"committed_tcb": "0101010300000051"}),
    ):
        product = TURIN if title.startswith("turin") else MILAN
        values = {field: bytes.fromhex(value) for field, value in fields.items()}
        what = f"TCB versions: {title.replace('-', ' ')}."
        case(f"tcb-{title}", what, report(product, **values), product, fails="tcb-order")
    later = bytes.fromhex("0300000000000974")
    moved = report(MILAN, policy=POLICY | MIGRATE_MA, report_id_ma=sample("agent", 32), launch_tcb=later)
    case("migrated-in", "A migrated guest's LAUNCH_TCB is above CURRENT_TCB.", moved, allow=[
        "migration-agent", "tcb-order"
    ])
    bad = report(MILAN, policy=POLICY | DEBUG, vmpl=4, **behind)
    case("order-debug-first", "Of several rules the first in the list's order is named.", bad, fails="debug")
    case("order-provisional-next", "The rule before it is relaxed.", bad, allow=["debug"], fails="provisional-firmware")
    case("order-vmpl-last", "The rules before it are relaxed.", bad, allow=[
        "debug", "provisional-firmware"
    ], fails="vmpl")
    case("order-all-relaxed", "All three are relaxed.", bad, allow=["debug", "provisional-firmware", "vmpl"])


def tcb(numbers, product=MILAN):
    first = ("fmc",) if product.turin else ()
    return dict(zip((*first, "bootloader", "tee", "snp", "microcode"), numbers, strict=True))


def demanded():
    other = [sample(f"other {number}", 64).hex() for number in range(3)]
    measurement, host = sample("measurement", 48).hex(), sample("host data", 32).hex()
    id_key, author = sample("ID key", 48).hex(), sample("author key", 48).hex()
    data = sample("report data", 64).hex()
    plain = report(MILAN)
    five = report(MILAN, 5)
    owned = report(MILAN, key_info=AUTHOR_KEY_EN, author_key_digest=sample("author key", 48))
    bare = report(MILAN, guest_svn=0, family_id=0, image_id=0, id_key_digest=0)
    nonce = report(MILAN, report_data=sample("nonce", 32) + bytes(32))
    nonce_and = report(MILAN, report_data=sample("nonce", 32) + bytes(31) + b"\1")
    agent = report(MILAN, policy=POLICY | MIGRATE_MA, report_id_ma=sample("agent", 32))
    second = report(MILAN, current_major=2, current_minor=0, committed_major=2, committed_minor=0)
    early = report(MILAN, launch_tcb=bytes.fromhex("0200000000000544"))
    level = report(MILAN, vmpl=1)
    vlek, turin = report(MILAN, kind="vlek"), report(TURIN)
    wrong = {size: [value[: 2 * size] for value in other] for size in (48, 32)}
    # (title, evidence, demand, the check that fails or None)
    for title, evidence, demand, fails in (
        ("policy-required", plain, {"policy_required": "0x30000"}, None),
        ("policy-required-single-socket", plain, {"policy_required": "0x100000"}, "guest-policy"),
        ("policy-required-one-of-two", plain, {"policy_required": "0x110000"}, "guest-policy"),
        ("policy-forbidden", plain, {"policy_forbidden": "0x100000"}, None),
        ("policy-forbidden-smt", plain, {"policy_forbidden": "0x10000"}, "guest-policy"),
        ("platform-required", plain, {"platform_required": "0x24"}, None),
        ("platform-required-rapl", plain, {"platform_required": "0x8"}, "platform-info"),
        ("platform-forbidden", plain, {"platform_forbidden": "0xffffffffffffffda"}, None),
        ("platform-forbidden-smt", plain, {"platform_forbidden": "0x1"}, "platform-info"),
        ("measurement", plain, {"measurement": [measurement]}, None),
        ("measurement-of-three", plain, {"measurement": [wrong[48][0], measurement, wrong[48][1]]}, None),
        ("measurement-other", plain, {"measurement": wrong[48][:1]}, "measurement"),
        ("measurement-none-of-three", plain, {"measurement": wrong[48]}, "measurement"),
        ("measurement-last-byte", plain, {"measurement": [flip(bytes.fromhex(measurement), 47).hex()]}, "measurement"),
        ("report-data", plain, {"report_data": data}, None),
        ("report-data-other", plain, {"report_data": other[0]}, "report-data"),
        ("report-data-last-byte", plain, {"report_data": flip(bytes.fromhex(data), 63).hex()}, "report-data"),
        ("report-data-short", nonce, {"report_data": sample("nonce", 32).hex()}, None),
        ("report-data-short-and-more", nonce_and, {"report_data": sample("nonce", 32).hex()}, "report-data"),
        ("report-data-prefix", plain, {"report_data": data[:64]}, "report-data"),
        ("host-data", plain, {"host_data": host}, None),
        ("host-data-other", plain, {"host_data": wrong[32][0]}, "host-data"),
        ("id-key", plain, {"id_key_digest": [id_key]}, None),
        ("id-key-other", plain, {"id_key_digest": wrong[48]}, "id-key"),
        ("id-key-absent", bare, {"id_key_digest": [id_key]}, "id-key"),
        ("author-key-digest", owned, {"author_key_digest": [author]}, None),
        ("author-key-digest-other", owned, {"author_key_digest": wrong[48]}, "author-key"),
        ("author-key-digest-absent", plain, {"author_key_digest": [author]}, "author-key"),
        ("author-key", owned, {"author_key": True}, None),
        ("author-key-absent", plain, {"author_key": True}, "author-key"),
        ("id-block", plain, {"id_block": True}, None),
        ("id-block-absent", bare, {"id_block": True}, "id-block"),
        ("guest-svn-equal", plain, {"guest_svn": 2}, None),
        ("guest-svn-lower", plain, {"guest_svn": 1}, None),
        ("guest-svn-higher", plain, {"guest_svn": 3}, "guest-svn"),
        ("family-id", plain, {"family_id": sample("family", 16).hex()}, None),
        ("family-id-other", plain, {"family_id": other[0][:32]}, "family-id"),
        ("image-id", plain, {"image_id": sample("image", 16).hex()}, None),
        ("image-id-other", plain, {"image_id": sample("family", 16).hex()}, "image-id"),
        ("report-id", plain, {"report_id": sample("report id", 32).hex()}, None),
        ("report-id-other", plain, {"report_id": wrong[32][0]}, "report-id"),
        ("report-id-ma-none", plain, {"report_id_ma": "ff" * 32}, None),
        ("report-id-ma-absent", plain, {"report_id_ma": sample("agent", 32).hex()}, "report-id-ma"),
        ("report-id-ma", agent, {"report_id_ma": sample("agent", 32).hex(), "allow": ["migration-agent"]}, None),
        ("report-id-ma-other", agent, {"report_id_ma": wrong[32][0], "allow": ["migration-agent"]}, "report-id-ma"),
        ("abi-equal", plain, {"min_abi": "1.55"}, None),
        ("abi-lower-major", plain, {"min_abi": "0.99"}, None),
        ("abi-second", second, {"min_abi": "1.55"}, None),
        ("abi-higher-minor", plain, {"min_abi": "1.56"}, "minimum-abi"),
        ("abi-higher-major", plain, {"min_abi": "2.0"}, "minimum-abi"),
        ("build-equal", plain, {"min_build": 29}, None),
        ("build-higher", plain, {"min_build": 30}, "minimum-build"),
        ("tcb-equal", plain, {"min_tcb": tcb((3, 0, 8, 115))}, None),
        ("tcb-bootloader", plain, {"min_tcb": tcb((4, 0, 8, 115))}, "minimum-tcb"),
        ("tcb-tee", plain, {"min_tcb": tcb((3, 1, 8, 115))}, "minimum-tcb"),
        ("tcb-snp", plain, {"min_tcb": tcb((3, 0, 9, 115))}, "minimum-tcb"),
        ("tcb-microcode", plain, {"min_tcb": tcb((3, 0, 8, 116))}, "minimum-tcb"),
        ("tcb-snp-others-lower", plain, {"min_tcb": tcb((0, 0, 9, 1))}, "minimum-tcb"),
        ("tcb-turin-equal", turin, {"min_tcb": tcb((1, 1, 1, 4, 81), TURIN)}, None),
        ("tcb-turin-fmc", turin, {"min_tcb": tcb((2, 1, 1, 4, 81), TURIN)}, "minimum-tcb"),
        ("tcb-turin-bootloader", turin, {"min_tcb": tcb((1, 2, 1, 4, 81), TURIN)}, "minimum-tcb"),
        ("tcb-turin-tee", turin, {"min_tcb": tcb((1, 1, 2, 4, 81), TURIN)}, "minimum-tcb"),
        ("tcb-turin-snp", turin, {"min_tcb": tcb((1, 1, 1, 5, 81), TURIN)}, "minimum-tcb"),
        ("tcb-turin-microcode", turin, {"min_tcb": tcb((1, 1, 1, 4, 82), TURIN)}, "minimum-tcb"),
        ("tcb-vlek", vlek, {"min_tcb": tcb((3, 0, 8, 115))}, None),
        ("launch-tcb-equal", plain, {"min_launch_tcb": tcb((3, 0, 8, 115))}, None),
        ("launch-tcb-early", early, {"min_launch_tcb": tcb((2, 0, 5, 68))}, None),
        ("launch-tcb-early-snp", early, {"min_launch_tcb": tcb((2, 0, 6, 68))}, "minimum-launch-tcb"),
        ("launch-tcb-early-current", early, {"min_tcb": tcb((3, 0, 8, 115))}, None),
        ("mitigations-current", five, {"mitigations_current": "0xb"}, None),
        ("mitigations-v4", report(MILAN, 4, launch_mit_vector=0xFF, current_mit_vector=0xFF),
         {"mitigations_current": "0xb"}, "mitigations"),
        ("mitigations-launch", five, {"mitigations_launch": "0x3"}, None),
        ("mitigations-current-more", five, {"mitigations_current": "0xf"}, "mitigations"),
        ("mitigations-launch-more", five, {"mitigations_launch": "0x4"}, "mitigations"),
        ("mitigations-version-3", plain, {"mitigations_current": "0x1"}, "mitigations"),
        ("csp-id", vlek, {"csp_id": [CSP]}, None),
        ("csp-id-of-two", vlek, {"csp_id": ["CN=other.example", CSP]}, None),
        ("csp-id-other", vlek, {"csp_id": ["CN=other.example"]}, "csp-id"),
        ("csp-id-prefix", vlek, {"csp_id": [CSP[:-1], CSP + "x"]}, "csp-id"),
        ("csp-id-vcek", plain, {"csp_id": [CSP]}, "csp-id"),
        ("chip-id", plain, {"chip_id": [MILAN.chip_id.hex()]}, None),
        ("chip-id-of-three", plain, {"chip_id": [other[0], MILAN.chip_id.hex(), other[1]]}, None),
        ("chip-id-turin", turin, {"chip_id": [TURIN.chip_id.hex()]}, None),
        ("chip-id-other", plain, {"chip_id": other}, "chip-id-allowed"),
        ("chip-id-vlek", vlek, {"chip_id": [MILAN.chip_id.hex()]}, "chip-id-allowed"),
        ("vmpl", plain, {"vmpl": 0}, None),
        ("vmpl-1", level, {"vmpl": 1}, None),
        ("vmpl-other", plain, {"vmpl": 1}, "vmpl"),
        ("vmpl-1-for-0", level, {"vmpl": 0}, "vmpl"),
        ("all", owned, {
            "measurement": [measurement], "report_data": data, "host_data": host, "id_key_digest": [id_key],
            "author_key_digest": [author], "id_block": True, "author_key": True, "guest_svn": 2, "vmpl": 0,
            "min_abi": "1.55", "min_build": 29, "min_tcb": tcb((3, 0, 8, 115)), "chip_id": [MILAN.chip_id.hex()],
        }, None),
        ("order", plain, {
            "host_data": wrong[32][0], "measurement": wrong[48], "guest_svn": 3,
        }, "measurement"),
    ):
        product = TURIN if evidence is turin else MILAN
        kind = "vlek" if evidence is vlek else "vcek"
        field = ", ".join(name for name in demand if name != "allow")
        what = f"A demand of {field}: {'not met' if fails else 'met'}."
        case(f"demand-{title}", what, evidence, product, kind, fails=fails, **demand)


# Checks with the `cryptography` package. -------------------------------------------------------------------------


def split(data):
    """The elements of DER content: (tag, whole, content)."""
    out = []
    while data:
        length, start = data[1], 2
        if length & 0x80:
            start += length & 0x7F
            length = int.from_bytes(data[2:start])
        out.append((data[0], data[: start + length], data[start : start + length]))
        data = data[start + length :]
    return out


class Parsed:
    """A certificate or list, read without the writer above."""

    def __init__(self, data):
        (_, _, outer), = split(data)
        (_, self.tbs, content), _, (_, _, signature) = split(outer)
        self.signature = signature[1:]
        parts = [whole for _, whole, _ in split(content)]
        if parts[0][0] == 0xA0:
            self.issuer, self.subject, self.spki = parts[3], parts[5], parts[6]
            self.common = split(split(split(split(self.subject)[0][2])[-1][2])[0][2])[1][2].decode()
        else:
            self.issuer = parts[2]

    def verifies_with(self, issuer):
        public = serialization.load_der_public_key(issuer.spki)
        try:
            public.verify(self.signature, self.tbs, padding.PSS(padding.MGF1(hashes.SHA384()), 48), hashes.SHA384())
        except InvalidSignature:
            return False
        return True


def report_verifies(evidence, end):
    r, s = (int.from_bytes(evidence[at : at + 72], "little") for at in (0x2A0, 0x2E8))
    public = serialization.load_der_public_key(end.spki)
    try:
        public.verify(utils.encode_dss_signature(r, s), evidence[:SIGNED], ec.ECDSA(hashes.SHA384()))
    except InvalidSignature:
        return False
    return True


def check(entry):
    """What the verdict says of the signatures holds; a chain that needs AMD's own certificates is not looked at."""
    signatures = ("ark-signature", "intermediate-signature", "leaf-signature", "crl-signature", "report-signature")
    fails = entry.get("check")
    good = entry["verdict"] in ("accepted", "refused")
    if not (good or fails in signatures) or "root" not in entry:
        return
    evidence = FILES[entry["report"]]
    parsed = [Parsed(FILES[path]) for path in entry["certs"]]
    lists = [Parsed(FILES[path]) for path in entry.get("crls", ())]
    end_name = "SEV-VLEK" if evidence[0x48] >> 2 & 7 else "SEV-VCEK"
    title, root = entry["name"], Parsed(FILES[entry["root"]])
    chains = [
        (end, middle, ark)
        for end in parsed if end.common == end_name
        for middle in parsed if middle.subject == end.issuer
        for ark in parsed if ark.subject == middle.issuer
    ]

    def results(end, middle, ark):
        assert ark.issuer == ark.subject and ark.spki == root.spki, f"{title}: root"
        own = [c for c in lists if c.issuer == ark.subject]
        return {
            "ark-signature": ark.verifies_with(ark),
            "intermediate-signature": middle.verifies_with(ark),
            "leaf-signature": end.verifies_with(middle),
            "crl-signature": all(c.verifies_with(ark) for c in own),
            "report-signature": report_verifies(evidence, end),
        }

    if good:
        assert any(all(results(*chain).values()) for chain in chains), f"{title}: no chain holds"
        return
    for name, holds in results(*chains[0]).items():
        assert holds == (name != fails), f"{title}: {name} is {holds}"
        if name == fails:
            break


# Output. ---------------------------------------------------------------------------------------------------------


def toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {toml(item)}" for name, item in value.items()) + " }"
    return json.dumps(value)


def main():
    shared_certificates()
    for group in (
        accepted, flipped, report_signature, chains, dates, revocation, products, bindings, malformed, rules, demanded
    ):
        group()
    for entry in CASES:
        check(entry)
    missing = set(AUTHENTICATE + JUDGE) - {entry.get("check") for entry in CASES}
    assert not missing, f"no case fails {missing}"
    used = {path for entry in CASES for path in (
        entry["report"], *entry["certs"], *entry.get("crls", ()), *([entry["root"]] if "root" in entry else [])
    )}
    assert used == set(FILES), f"no case uses {set(FILES) - used}"

    for folder in ("reports", "certs", "crls"):
        shutil.rmtree(HERE / folder, ignore_errors=True)
        (HERE / folder).mkdir()
    for path, data in FILES.items():
        (HERE / path).write_bytes(data)
    lines = [
        "# Made by make.py; not edited by hand. Paths are relative to this file.",
        "# certs: in the order to give. crls, allow: absent = none. root: an extra trust anchor, absent = AMD's only.",
        "# at: Unix seconds. allow: the rules to relax. Then the demands of the policy: digests and ids are hex, a set",
        "# is an array, a mask is the text of a hexadecimal number. check: the first check that fails.",
    ]
    for entry in CASES:
        lines += ["", "[[case]]", *(f"{name} = {toml(value)}" for name, value in entry.items())]
    (HERE / "cases.toml").write_text("\n".join(lines) + "\n")


main()
