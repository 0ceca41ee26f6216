#!/usr/bin/env python3
"""Makes the seeds in corpus/, many from vectors/attestation, whose keys are public test keys. Files `found-*` stay: fuzzing
found them. Needs nothing but Python 3.

    python3 fuzz/seeds.py
"""

import base64
import hashlib
import pathlib
import struct
import uuid

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent / "vectors" / "attestation"


def vector(path):
    return (VECTORS / path).read_bytes()


def cert(name):
    return vector(f"certs/{name}.der")


def report(name):
    return vector(f"reports/{name}.bin")


def pem(der, label="CERTIFICATE", end=b"\n"):
    text = base64.b64encode(der)
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return end.join([b"-----BEGIN " + label.encode() + b"-----", *lines, b"-----END " + label.encode() + b"-----", b""])


# AMD 56421, and Google's.
VCEK, VLEK, ASK, ARK, CRL, INFO = (
    "63da758d-e664-4564-adc5-f4b93be8accd",
    "a8074bc2-a25a-483e-aae6-39c045a0b8a1",
    "4ab7b379-bbac-4fe4-a02f-05aef327c782",
    "c0b406a4-a803-4952-9743-3fb6014cd0ae",
    "92f81bc3-5811-4d3d-97ff-d19f88dc67ea",
    "ecae0c0f-9502-43b1-afa2-0ae2e0d565b6",
)


def table(entries, mixed=False, padding=0):
    """A certificate table: an array of GUID, offset and length, a zero entry, then the data."""
    array, data = b"", b""
    start = 24 * (len(entries) + 1)
    for guid, content in entries:
        guid = uuid.UUID(guid)
        array += (guid.bytes_le if mixed else guid.bytes) + struct.pack("<II", start + len(data), len(content))
        data += content
    return array + bytes(24) + data + bytes(padding)


def hcl(body, claims, version=1, data_version=1, hash_type=1):
    """Azure's vTPM blob: header, report, request data, claims."""
    capabilities = bytes(4) if data_version == 2 else b""
    size = 20 + len(capabilities) + len(claims)
    header = struct.pack("<8I", 0x414C4348, version, 0x4C0 + size, 2, 0, 0, 0, 0)
    return header + body + struct.pack("<5I", size, data_version, 2, hash_type, len(claims)) + capabilities + claims


def bound(body, digest):
    return body[:0x50] + digest.ljust(64, b"\0") + body[0x90:]


# The generator of P-384 (FIPS 186-4, D.1.2.4).
GX = 0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7
GY = 0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F


# The generator of secp256k1 (SEC 2, 2.4.1): the CHIP_ID of the chip in fuzz/src/platform_kds.rs.
CHIP = (
    "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
    "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"
)


def little(number, length):
    return number.to_bytes(length, "little")


def sev_cert(usage, algorithm=2, curve=2, slots=()):
    """A SEV certificate (AMD 55766, appendix C) whose signatures are r = 1, s = 1."""
    if algorithm & 0xFF == 1:
        key = little(4096, 4) + little(65537, 512) + bytes([0xC1]) * 512
    else:
        key = (little(curve, 4) + little(GX, 72) + little(GY, 72)).ljust(1028, b"\0")
    body = struct.pack("<IBB2xII", 1, 1, 55, usage, algorithm) + key
    slots = [*slots, *[(0x1000, 0)] * (2 - len(slots))]
    ones = (little(1, 72) * 2).ljust(512, b"\0")
    return body + b"".join(
        struct.pack("<II", *slot) + (ones if slot[1] else bytes(512)) for slot in slots
    )


def amd_cert(usage, size):
    """An AMD certificate (the same) whose signature is 1."""
    header = struct.pack("<I16s16sI16xII", 1, b"key of the tests", b"key of the tests", usage, size * 8, size * 8)
    return header + little(65537, size) + bytes([0xC1]) * size + little(1, size)


def message(body, padding=0):
    return struct.pack("<II24x", 0, len(body)) + body + bytes(padding)


def edits(case, *changes):
    return bytes([case]) + b"".join(struct.pack("<BHB", *change) for change in changes)


def gcm(aad_len, text_len, bit=0, aes128=0, page=0, repeat=0):
    """Nonce, key, length of additional data, bit to change, flags, additional data and text."""
    flags = aes128 | page << 1 | repeat << 2
    text = bytes(at % 251 for at in range(aad_len + text_len))
    return bytes(range(12)) + bytes(range(32, 64)) + struct.pack("<BHB", aad_len, bit, flags) + text


RESET_BLOCK, HASH_TABLE, SECRET_BLOCK, METADATA, SVSM_INFO, FOOTER = (
    "00f771de-1a7e-4fcb-890e-68c77e2fb44e",
    "7255371f-3a3b-4b04-927b-1da6efa8d454",
    "4c2eb361-7d9b-4cc3-8081-127c90d3d294",
    "dc886566-984a-4798-a75e-5585a7bf67cc",
    "a789a612-0597-4c4b-a49f-cbb1fe9d1ddd",
    "96b582de-1fb2-45f7-baea-a366c55a082d",
)


def firmware(entries, sections=(), kernel=0, vcpus=1, profile=0, variables=0, length=None):
    """How it is launched, then the end of an image: metadata, table, 32 bytes. The first entry stands before the footer."""
    entries = list(entries)
    metadata = b""
    if sections:
        metadata = b"ASEV" + struct.pack("<III", 16 + 12 * len(sections), 1, len(sections))
        metadata += b"".join(struct.pack("<III", *section) for section in sections)
        entries.append((METADATA, struct.pack("<I", 32 + 18 + sum(18 + len(data) for _, data in entries) + 22 + len(metadata))))
    table = b""
    for guid, data in entries:
        table = data + struct.pack("<H", 18 + len(data)) + uuid.UUID(guid).bytes_le + table
    table += struct.pack("<H", length or len(table) + 18) + uuid.UUID(FOOTER).bytes_le
    return bytes([kernel, vcpus, profile, variables]) + metadata + table + bytes(32)


def igvm(*headers, options=0, version=1, platforms=((1, 2),), data=b""):
    """How it is measured, then an IGVM file: its headers, whose data all begin behind them. The target seals it."""
    headers = [(1, struct.pack("<IBBHQ", mask, 0, kind, 1, 0)) for mask, kind in platforms] + list(headers)
    length = sum(8 + (len(body) + 7) // 8 * 8 for _, body in headers)
    fixed = 0x20 if version == 2 else 0x18
    start = fixed + length
    variable = b""
    for kind, body in headers:
        body = body.replace(DATA_OFFSET, struct.pack("<I", start))
        variable += struct.pack("<II", kind, len(body)) + body + bytes(-len(body) % 8)
    header = struct.pack("<IIIIII", 0x4D564749, version, fixed, length, 0, 0)
    return bytes([options]) + header + (struct.pack("<II", 0, 4096) if version == 2 else b"") + variable + data


# Stands for the place of the data.
DATA_OFFSET = b"data"


def page_data(gpa, mask=1, flags=0, kind=0, offset=DATA_OFFSET):
    return 0x302, struct.pack("<QI4sIHH", gpa, mask, offset, flags, kind, 0)


def context(gpa, mask=1):
    return 0x304, struct.pack("<QI4sHH", gpa, mask, DATA_OFFSET, 0, 0)


PAGE = bytes(range(1, 129)) * 32
AREA = (0x301, struct.pack("<QII", 0x3000, 5, 0))
INSERT = (0x303, struct.pack("<QII", 0x9000, 1, 5))
NO_DATA = bytes(4)


def cpuid(*entries, count=None, processor=0xA10F11):
    """The processor, then a CPUID page: EAX and ECX in, XCR0, XSS, four registers out."""
    header = struct.pack("<IIII", len(entries) if count is None else count, 0, 0, 0)
    return struct.pack("<I", processor) + header + b"".join(struct.pack("<IIQQIIIIQ", *entry) for entry in entries)


CLAIMS = b'{"keys":[{"kid":"HCLAkPub","kty":"RSA"}],"vm-configuration":{"secure-boot":true}}'
MILAN = [cert("milan-vcek"), cert("milan-ask"), cert("milan-ark")]
V3 = report("vcek-milan-v3")
EMPTY = vector("crls/milan-empty.der")
SPLS = "blSPL=3&teeSPL=0&snpSPL=8&ucodeSPL=115"

# What OVMF has.
AMD_SEV = [
    (RESET_BLOCK, struct.pack("<I", 0x80B004)),
    (SECRET_BLOCK, struct.pack("<II", 0x810000, 0xC00)),
    (HASH_TABLE, struct.pack("<II", 0x810C00, 0x400)),
]
SECTIONS = [
    (0x800000, 0x9000, 1),
    (0x80D000, 0x1000, 2),
    (0x80E000, 0x1000, 3),
    (0x80F000, 0x1000, 4),
    (0x810000, 0x1000, 0x10),
    (0x811000, 0xF000, 1),
]
SVSM = [(RESET_BLOCK, struct.pack("<I", 0xFFFFFFF0)), (SVSM_INFO, struct.pack("<I", 0x40))]

# A request's header, whose tag is nobody's.
HEADER = struct.pack("<32xQQBBHBBHIB35x", 1, 0, 1, 1, 0x60, 3, 1, 0x20, 0, 0)
# A secrets page at launch, without what comes after the keys.
SECRETS = struct.pack("<4I16x", 3, 0, 0xA10F11, 0) + b"".join(bytes([n] * 32) for n in (1, 2, 3, 4))

# The worked example of the library's tests: its ID block, and its page but for the zeros at the end.
ID_BLOCK = bytes.fromhex(
    "34c94b940900393b2c55936d5bb2099e37ce99bba725b186bf564314491c69dfdf1e5a3e564e024e4afaea3b8a912a3d"
) + struct.pack("<16s16sIIQ", bytes(range(1, 17)), bytes(range(0x31, 0x41)), 1, 5, 0x30000)


def numbers(first, second):
    return bytes.fromhex(first).ljust(72, b"\0") + bytes.fromhex(second).ljust(72, b"\0")


ID_SIG = numbers(
    "f41cd40bed955e7c62cff33a77181bac3307c40b0be74973ec0be39068a56732e04106023d5b268ee3c65b511e550215",
    "7989af3c3b68ca78a5c6f8b6c31cc7ee5d2e8c5a2df3d5d1e7bedd031da006425e9c0d10bd2a554d1c8f5f388e624916",
)
ID_KEY = numbers(
    "1e8a6830ae21a144e321565e832560c0c390324c790b1f019ff225a56f60b4fe74213bf5ef9684612695ff97e165a8d7",
    "ecba60c798c91dfccb6af024f7423061075554e91e8a0eb9194882b7188b571fde50f6ab93760947a46b589ed28df9e0",
)
AUTHOR_SIG = numbers(
    "9aa28362929e087b459dc41d02c83321a57c38f7d5d0ce10e52a79cb72518a252afeaafd88bf238599928a50202e2982",
    "5deecc701f5fff631583462754005791dad6e71a0cdf318b01901864c75ad40197e507956d1fde257270dc32264a2cf5",
)
AUTHOR_KEY = numbers(
    "88cd5f5cd2776a52bd19e4c139fb608079833ad302ca450c709d90a380601364885b4ccc1bc9d8ae4a75e5147ff88b24",
    "43a9c73e87348bbd295c3593cfe8f283671e79e2e13947d0f0f68a35218a55483061a5e248c9fde144826e8afdd3dd1b",
)


def commands(*commands):
    """What to do, with which packet, a number."""
    return b"".join(struct.pack("<BBH", *(command + (0, 0))[:3]) for command in commands)


def rmp_steps(*steps):
    """What, page, ASID and VMPL, sizes and flags, place, permissions, target."""
    return b"".join(struct.pack("<BHBBBBB", *(step + (0,) * 7)[:7]) for step in steps)


def id_auth(algos=(1, 1), curve=2):
    page = struct.pack("<II56x", *algos) + ID_SIG.ljust(512, b"\0")
    page += (struct.pack("<I", curve) + ID_KEY).ljust(0x440, b"\0")
    return page + AUTHOR_SIG.ljust(512, b"\0") + struct.pack("<I", 2) + AUTHOR_KEY


DISK_PASSPHRASE, OTHER_SECRET = "736869e5-84f0-4973-92ec-06879ce3da0b", "11111111-2222-3333-4444-555555555555"


def secret_table(*entries, length=None):
    """A table of secrets: GUID, length and data, each entry behind the table's own GUID and length."""
    body = b"".join(uuid.UUID(guid).bytes_le + struct.pack("<I", 20 + len(data)) + data for guid, data in entries)
    table = uuid.UUID("1e74f542-71dd-4d66-963e-ef4287ff173b").bytes_le
    return table + struct.pack("<I", length or 20 + len(body)) + body


def changes(*places, policy=0x37010005, length=0):
    """A policy, then changes of a session buffer (128 bytes) and of a certificate behind it."""
    data = bytearray(length)
    for at, mask in places:
        data.extend(bytes(max(0, at + 1 - len(data))))
        data[at] ^= mask
    return struct.pack("<I", policy) + data


def saved(product=0, memory=0x4000, running=None):
    """A saved machine behind its generation: what it is, and what runs (src/platform/save/machine.rs)."""
    tcb = bytes([3, 0, 0, 0, 0, 0, 8, 0x73])
    identity = bytes([product]) + bytes(range(48)) + bytes(range(32)) + bytes([1, 55, 35]) * 2 + tcb * 3
    identity += bytes([0, 1, 0, 1]) + struct.pack("<II", 1, 100) + b"\0" + struct.pack("<QIQ", memory, 1, 1 << 52)
    # No keys in the flash memory, no ARK in the fuses, no CA.
    identity += struct.pack("<Q", 2) + bytes(3)
    body = struct.pack("<Q", len(identity)) + identity
    return body + (b"\0" if running is None else b"\1" + running)


def running(asids=509, guests=(), entries=(), pages=(), flags=(1, 1, 0, 0, 0, 0)):
    """The tweak, key slot 0, the platform, its guests in INIT by their contexts, entries, memory."""
    out = bytes(range(32)) + struct.pack("<QI", 1, 0) + bytes(range(32, 64)) + bytes(flags) + struct.pack("<I", 99)
    out += b"\0\0" + struct.pack("<Q", asids) + bytes(2 * asids) + b"\1" + struct.pack("<Q", len(guests))
    for gctx in guests:
        context = bytes(2 + 8) + b"v" * 32 + b"o" * 32 + struct.pack("<Q", 0) + b"k" * 128 + bytes(32) + b"r" * 32
        context += bytes(96) + bytes(2) + bytes(96) + bytes(1 + 96 + 2 + 1 + 64 + 16 + 4 + 8 + 8)
        out += struct.pack("<Q", gctx) + context
    out += b"\0" + struct.pack("<Q", len(entries))
    for number, first, second in entries:
        out += struct.pack("<QQQ", number, first, second)
    for address, byte in pages:
        out += b"\1" + struct.pack("<Q", address) + bytes([byte]) * 4096
    return out + b"\0"


# Words of fuzz/src/platform_mailbox.rs: the number 0, and the second entry of page 0.
ZERO, ENTRY = 34, 18


def mailbox(*operations):
    return b"".join(bytes(operation) for operation in operations)


def host_command(id, *words):
    return (1, id, len(words) - 1, *words)


def give_page(page):
    return (5, page, 0, 0)


def lock_page(page):
    return (5, page, 6, 0)


def pre_guest(page, asid=1):
    return (5, page, 4 | asid - 1 << 4, 9)


def guest_message(type, *payload, version=1):
    """A request in page 7, whose answer goes to page 4."""
    return (7, type, version, len(payload), 0x47, *payload)


# The guest's page is out: page 4 holds its entry, page 5 its ciphertext.
SWAPPED_OUT = (
    give_page(4),
    host_command(0xC3, 1, 4),
    give_page(5),
    lock_page(3),
    host_command(0xC0, 1, 3, 5, ENTRY + 4, ZERO, ZERO),
)
NEW_GUEST = give_page(8), host_command(0x93, 8)

SEEDS = {
    "report": {
        "milan-v2": report("vcek-milan-v2"),
        "milan-v3": V3,
        "turin-v5": report("vcek-turin-v5"),
        "vlek-v5": report("vlek-milan-v5"),
        "v6": report("reserved-v6-280"),
        "signing-key-7": report("signing-key-7"),
        "extended": report("report-extended"),
    },
    "certificate": {
        "ark": cert("milan-ark"),
        "asvk": cert("milan-asvk"),
        "vcek": cert("milan-vcek"),
        "turin-vcek": cert("turin-vcek"),
        "vlek": cert("milan-vlek"),
        "hwid-wrapped": cert("hwid-wrapped"),
        "72-byte-algorithm": cert("vcek-milan-72-byte-algorithm"),
        "critical-unknown": cert("leaf-extension-critical-unknown"),
    },
    "crl": {
        "empty": EMPTY,
        "others": vector("crls/crl-revokes-others.der"),
        "among-others": vector("crls/crl-revokes-ask-among-others.der"),
        "reason": vector("crls/crl-revokes-ask-with-reason.der"),
        "removed": vector("crls/crl-entry-removed.der"),
        "critical-unknown": vector("crls/crl-entry-critical-unknown.der"),
    },
    "bundle": {
        "chain.pem": b"".join(map(pem, MILAN[1:])),
        "crlf.pem": b"subject\r\n" + pem(MILAN[0], end=b"\r\n") + pem(EMPTY, "X509 CRL", b"\r\n"),
        "key.pem": pem(b"0", "PRIVATE KEY"),
        "der": MILAN[0],
        "crl": EMPTY,
        "table": table([(VCEK, MILAN[0]), (ASK, MILAN[1]), (CRL, EMPTY), (INFO, struct.pack("<II", 8, 0xA00F11))]),
        "no-table": bytes(48),
        "empty": b"",
    },
    "cert_table": {
        "full": table([(VCEK, MILAN[0]), (ASK, MILAN[1]), (ARK, MILAN[2])], padding=64),
        "mixed": table([(VLEK, cert("milan-vlek")), (CRL, EMPTY)], mixed=True),
        "short": table([(VCEK, b"\x30\x01\x00\0\0"), (ARK, b"ARK"), (INFO, struct.pack("<II", 8, 0xA00F11))]),
        "unknown": table([("00000000-0000-0000-0000-000000000001", b"?"), (ASK, b"0")]),
        "zeros": bytes(72),
        "empty": b"",
    },
    "hcl": {
        "sha-256": hcl(bound(V3, hashlib.sha256(CLAIMS).digest()), CLAIMS),
        "sha-384": hcl(bound(V3, hashlib.sha384(CLAIMS).digest()), CLAIMS, 2, 2, 2),
        "sha-512": hcl(bound(V3, hashlib.sha512(b"{}").digest()), b"{}", 2, 1, 3) + bytes(40),
        "no-claims": hcl(V3, b""),
    },
    "response": {
        "raw": V3,
        "message": message(V3),
        "ioctl": message(V3, 4000 - 0x4C0),
        "hcl": hcl(V3, CLAIMS),
        "status": struct.pack("<I", 0x27) + bytes(4000 - 4),
    },
    "gcm": {
        "nothing": gcm(0, 0),
        "aad": gcm(48, 0, bit=300),
        "message": gcm(48, 96, bit=127),
        "message-128": gcm(21, 77, bit=128, aes128=1),
        "report": gcm(48, 1216, bit=700),
        "page": gcm(0, 4096, bit=2000, page=1),
        "odd-page": gcm(255, 4351, bit=40000, aes128=1, page=1),
        "long": gcm(16, 1000, bit=5000, page=1, repeat=63),
    },
    "kds": {
        "milan": f"https://kdsintf.amd.com/vcek/v1/Milan/{'0123456789abcdef' * 8}?{SPLS}".encode(),
        "turin": f"/vcek/v1/Turin/{'0123456789ABCDEF'}?fmcSPL=1&{SPLS}".encode(),
        "vlek": f"HTTP://KDSINTF.AMD.COM/vlek/v1/Genoa/cert?{SPLS}".encode(),
        "chain": b"/vlek/v1/Milan/cert_chain",
        "crl": b"https://kdsintf.amd.com/vcek/v1/Venice/crl",
        "missing": b"/vlek/v1/Milan/cert?snpSPL=127&snpSPL=1&",
    },
    # fuzz/src/platform_memory.rs: kind, then operations of eight bytes.
    "platform_memory": {
        **{
            f"kind-{kind:02x}": bytes([kind])
            + b"".join(
                bytes(operation)
                for operation in (
                    (0, 2, 0, 0xF8, 0x0F, 16, 0, 7),  # a write over the border of two pages
                    (1, 2, 0, 0xF9, 0x0F, 15, 0, 0),
                    (0, 0, 1, 3, 0, 200, 2, 9),  # a plain one
                    (3, 0 | 2 << 2, 0, 2, 0, 0, 0, 0),  # two pages enciphered in place
                    (0, 2, 1, 1, 1, 255, 7, 1),
                    (2, 2 | 1 << 2, 1, 3, 0, 0, 0, 0),  # a page moved to another key
                    (1, 1, 3, 0, 0, 0, 8, 0),
                    (2, 0, 3, 2, 0, 0, 0, 0),
                    (4, 0, 1, 0, 8, 0, 15, 1),  # a read under ciphertext hiding
                    (3, 2 | 2 << 2, 2, 1, 0, 0, 0, 0),
                    (1, 2, 3, 255, 15, 2, 0, 0),  # beyond the end
                    (0, 3, 0, 0, 0, 1, 0, 0),  # no slot
                )
            )
            for kind in (0x00, 0x01, 0x02, 0x03, 0x06, 0x2B, 0x6F)
        },
        "empty": b"",
    },
    # fuzz/src/platform_saved.rs
    "platform_saved": {
        "off": saved(),
        "off-genoa": saved(product=1, memory=0x10000),
        "no-guest": saved(running=running()),
        # A context: assigned, immutable, VMSA, locked.
        "guest": saved(
            running=running(
                guests=[0x1000], entries=[(0, 1 << 3, 0), (1, 1 << 63 | 1 << 61 | 5, 0)], pages=[(0x2000, 0x5A)]
            )
        ),
        "no-context": saved(running=running(guests=[0x1000])),
    },
    # fuzz/src/platform_mailbox.rs: what words stand for, and the operations.
    "platform_mailbox": {
        "nothing": b"",
        "swap": mailbox(
            *SWAPPED_OUT,
            pre_guest(6),
            host_command(0xC1, 1, 5, 6, ENTRY + 4, ZERO, ZERO),
            host_command(0xC7, 6),
            host_command(0xC7, 3),
        ),
        "swap-metadata": mailbox(
            *SWAPPED_OUT,
            give_page(7),
            host_command(0xC0, 1, 4, 7, ZERO, ZERO, ZERO + 18),
            give_page(8),
            host_command(0xC1, 1, 7, 8, ZERO, ZERO, ZERO + 18),
            pre_guest(6),
            host_command(0xC1, 1, 5, 6, ENTRY + 8, ZERO, ZERO),
        ),
        "move": mailbox(lock_page(3), pre_guest(6), host_command(0xC2, 1, ZERO, 3, 6)),
        "unsmash": mailbox(pre_guest(16), host_command(0xC7, 17), (5, 16, 7, 0), host_command(0xC8, 16)),
        "report": mailbox(give_page(4), *(guest_message(type) for type in (5, 3, 17, 1)), guest_message(5, version=2)),
        "export": mailbox(
            give_page(4), guest_message(7, 0, 0x10, 0, 0, 0, 0, 0, 0, 1), guest_message(7, 0, 0x10), guest_message(5)
        ),
        "import": mailbox(
            give_page(4),
            *NEW_GUEST,
            guest_message(9, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 3, version=0x41),
            host_command(0x91, 8, ZERO + 2),
        ),
        "launch": mailbox(
            *NEW_GUEST,
            host_command(0xA0, 8, 98, ZERO, ZERO, ZERO, ZERO),
            host_command(0x91, 8, ZERO + 2),
            pre_guest(9, 2),
            host_command(0xA1, 8, ZERO + 2, 9, ZERO),
            host_command(0xA2, 8, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO),
            host_command(0x90, 8),
            host_command(0x84, ZERO),
        ),
        "debug": mailbox(
            *NEW_GUEST,
            host_command(0xA0, 8, 100, ZERO, ZERO, ZERO, ZERO),
            host_command(0x91, 8, ZERO + 2),
            give_page(9),
            host_command(0xB0, 1, 3, 9),
            host_command(0xB0, 8, 3, 9),
        ),
        "raw": mailbox((0, 0xC0, 0x30, 0, 0x10, *(0,) * 0x2E), (0, 0x83, 8, *(0,) * 8), (0, 0xFF, 0)),
        "shutdown": mailbox(host_command(0x82, ZERO), host_command(0x81, ZERO)),
    },
    "platform_kds": {
        "milan": f"/vcek/v1/Milan/{CHIP}?{SPLS}".encode(),
        "genoa": f"/vcek/v1/Genoa/{CHIP.upper()}?ucodeSPL=255&snpSPL=08&teeSPL=00&blSPL=127".encode(),
        "turin": f"/vcek/v1/Turin/{CHIP[:16]}?fmcSPL=1&{SPLS}".encode(),
        "turin-64-bytes": f"/vcek/v1/Turin/{CHIP}?fmcSPL=1&{SPLS}".encode(),
        "unknown": f"/vcek/v1/Milan/{'0123456789abcdef' * 8}?{SPLS}".encode(),
        "vlek": f"https://kdsintf.amd.com/vlek/v1/Genoa/cert?{SPLS}".encode(),
        "missing": b"/vlek/v1/Turin/cert?snpSPL=127",
        "chain": b"/vlek/v1/Milan/cert_chain",
        "crl": b"/vcek/v1/Turin/crl",
        "empty": b"",
    },
    "policy": {
        "rules": b'allow = ["debug", "migration-agent"]\nvmpl = 0\nid-block = true\nauthor-key = true\nrequire-crl = true\n',
        "sets": f'measurement = ["{"5a" * 48}"]\nchip-id = ["{"01" * 8}", "{"02" * 64}"]\ncsp-id = ["CN=a"]\n'.encode(),
        "digests": f'id-key-digest = ["0x{"Ab" * 48}"]\nauthor-key-digest = ["{"00" * 48}"]\n'.encode(),
        "ids": f'family-id = "{"00" * 16}"\nreport-id = "{"ff" * 32}"\nreport-data = "0102"\n'.encode(),
        "bits": b'policy-required = 0x20000\npolicy-forbidden = "0xffffffffffffffff"\nmitigations = 11\n',
        "least": b"guest-svn = 2\nmin-abi = '1.55'\nmin-build = 29\nmin-tcb = { bootloader = 4, fmc = 255 }\n",
        "table": b"# comment\r\n[min-launch-tcb]\r\nmicrocode = 219\r\n",
        "wrong-rule": b"min-build = 29\nallow = ['everything']",
        "wrong-digits": "csp-id = ['\u00fc']\nhost-data = '\u00fc'".encode(),
        "empty-set": b"chip-id = []",
        "empty": b"",
    },
    # fuzz/src/messages.rs: VMPCK, MSG_TYPE, MSG_VERSION, then the payload.
    "message_request": {
        "cpuid": bytes([0, 1, 1]) + struct.pack("<IIQ", 2, 0, 0) + struct.pack("<IIQQIIIIQ", 1, 0, 0, 0, 1, 2, 3, 4, 0) * 2,
        "cpuid-none": bytes([0, 1, 1]) + bytes(16),
        "cpuid-many": bytes([0, 1, 1]) + struct.pack("<IIQ", 65, 0, 0) + bytes(48 * 65),
        "key": bytes([1, 3, 1]) + struct.pack("<IIQII", 0, 0, 0x3F, 1, 5) + bytes([3, 0, 0, 0, 0, 0, 8, 0x73]),
        "key-vmrk": bytes([2, 3, 1]) + struct.pack("<IIQIIQ", 1, 0, 0, 3, 0, 0),
        "key-2": bytes([3, 3, 2]) + struct.pack("<IIQIIQQQ", 4, 0, 0x7F, 3, 0, 0, 0xB, 0),
        "key-2-short": bytes([3, 3, 2]) + bytes(32),
        "report": bytes([0, 5, 1]) + bytes(range(64)) + struct.pack("<II24x", 1, 2),
        "report-reserved": bytes([0, 5, 1]) + bytes(95) + b"\1",
        "export": bytes([0, 7, 1]) + struct.pack("<QII", 0x1000, 1, 0),
        "import": bytes([0, 9, 1]) + struct.pack("<QII16x", 0x1000, 0x300, 3) + bytes(range(256)) * 3,
        "absorb": bytes([0, 11, 1]) + struct.pack("<QII16x", 0x1000, 0x300, 3) + bytes(range(256)) * 3,
        "vmrk": bytes([0, 13, 1]) + struct.pack("<Q24x", 0x1000) + bytes(range(32)),
        "vmrk-1": bytes([1, 13, 1]) + struct.pack("<Q24x", 0x1000) + bytes(range(32)),
        "absorb-noma": bytes([0, 15, 1]) + struct.pack("<QII16x", 0, 0x300, 3) + bytes(range(256)) * 3,
        "tsc-info": bytes([1, 17, 1]) + bytes(128),
        "unknown": bytes([0, 19, 1]) + bytes(16),
        "version": bytes([0, 5, 2]) + bytes(96),
        "header": HEADER,
        "empty": b"",
    },
    # The request's number, then the payload of its response.
    "message_response": {
        "cpuid": bytes([9 * 2]) + struct.pack("<IIQ", 0x16, 2, 0) + bytes(96),
        "cpuid-none": bytes([9]) + struct.pack("<IIQ", 0x16, 0, 0),
        "cpuid-many": bytes([9]) + struct.pack("<IIQ", 0, 2, 0),
        "key": bytes([1]) + bytes(32) + bytes(range(32)),
        "key-refused": bytes([1]) + struct.pack("<I28x", 0x27) + bytes(range(32)),
        "report": bytes([2]) + message(V3),
        "report-size": bytes([2]) + bytes(8),
        "export": bytes([3]) + struct.pack("<III20x", 0, 0x300, 3) + bytes(range(256)) * 3,
        "export-size": bytes([3]) + struct.pack("<III20x", 0, 0x301, 3),
        "export-version": bytes([3]) + struct.pack("<III20x", 0, 0x300, 4),
        "import": bytes([4]),
        "absorb": bytes([5]) + struct.pack("<I", 0x0B),
        "vmrk": bytes([6]),
        "absorb-noma": bytes([7]),
        "tsc-info": bytes([8]) + struct.pack("<IIQQI", 0, 0, 1 << 32, 5, 200),
        "header": bytes([1]) + HEADER,
    },
    "cpuid_page": {
        "acceptable": cpuid((0, 0, 0, 0, 0x10, 1, 2, 3, 0), (0x8000001F, 0, 0, 0, 0x1A, 0x4173, 0, 0, 0)),
        "processor": cpuid((1, 0, 0, 0, 0xB00F00, 0x0800, 0, 0, 0), (0x80000001, 0, 0, 0, 0xA10F12, 0, 0, 0, 0)),
        "xsave": cpuid((0xD, 0, 7, 0, 0x207, 0x340, 0x988, 0, 0), (0xD, 1, 7, 0x1800, 0xF, 0x368, 0x1800, 0, 0)),
        "parts": cpuid((0x80000008, 0, 0, 0, 0x303935, 0, 0, 0x20008, 0), (0x80000022, 0, 0, 0, 7, 0x117, 0, 0, 0)),
        "inverted": cpuid((7, 0, 0, 0, 2, 0xFFFFFFFF, 0xFFFFFFFF, 0x10000011, 0)),
        "not-listed": cpuid((1, 1, 0, 0, 1, 0, 0, 0, 0), (0x40000000, 0, 0, 0, 1, 2, 3, 4, 5)),
        "reserved": cpuid((2, 0, 0, 0, 0, 0, 0, 0, 1)),
        "full": cpuid(*((2, 0, 0, 0, 0, 0, 0, 0, 0) for _ in range(64))),
        "count": cpuid(count=65),
        "none": cpuid(),
    },
    "igvm": {
        "page": igvm(page_data(0x1000), data=PAGE),
        "version-2": igvm(page_data(0x1000, kind=1, offset=NO_DATA), version=2),
        "types": igvm(*(page_data(0x1000 * kind, kind=kind, offset=NO_DATA) for kind in range(4)), options=8),
        "flags": igvm(page_data(0x1000, flags=2), page_data(0x2000, flags=4), data=PAGE, options=2),
        "large": igvm(page_data(0x200000, flags=1, offset=NO_DATA)),
        "area": igvm(AREA, (0x307, bytes(8)), INSERT),
        "area-first": igvm(AREA, INSERT, options=4),
        "area-twice": igvm(AREA, INSERT, INSERT),
        "area-long": igvm((0x301, struct.pack("<QII", 1 << 63, 5, 0))),
        "context": igvm(context(0xFFFFFFFFF000), page_data(0x1000), data=PAGE),
        "context-kvm": igvm(context(0x1000), page_data(0x2000), data=PAGE, options=1),
        "context-none": igvm(page_data(0x2000), data=PAGE, options=1),
        "id-block": igvm(page_data(0x1000), (0x30B, struct.pack("<I692x", 1)), data=PAGE),
        "platforms": igvm(page_data(0x1000, 2), page_data(0x2000, 1), context(0, 4), data=PAGE, platforms=((4, 0), (2, 3), (1, 2))),
        "other-platform": igvm(page_data(0x1000), data=PAGE, platforms=((1, 3),)),
        "settings": igvm((0x101, bytes(16)), (0x107, b"1.0"), (0x800001FF, b"?"), page_data(0x1000, offset=NO_DATA)),
        "order": igvm(AREA, (0x101, bytes(16))),
        "unknown": igvm((0x314, b"")),
        "unaligned": igvm(page_data(0x1010, offset=NO_DATA)),
        "above": igvm(page_data(1 << 52, offset=NO_DATA)),
        "cut-off": igvm(page_data(0x1000), data=PAGE)[:0x40],
        "empty": b"",
    },
    "ovmf": {
        "amd-sev": firmware(AMD_SEV, SECTIONS),
        "kernel": firmware(AMD_SEV, SECTIONS, kernel=1, vcpus=4),
        "ec2": firmware(AMD_SEV, SECTIONS, kernel=1, profile=2, vcpus=2),
        "gce": firmware(AMD_SEV, SECTIONS, profile=4, vcpus=2),
        "digest": firmware(AMD_SEV, SECTIONS, kernel=2),
        "before-snp": firmware(AMD_SEV, kernel=1, vcpus=2),
        "svsm": firmware(SVSM, [(0, 0x9E000, 1), (0x9E000, 0x1000, 2), (0x9F000, 0x1000, 3)], kernel=4, vcpus=3, variables=16),
        "no-reset-block": firmware(AMD_SEV[1:], SECTIONS, vcpus=2),
        "no-hash-section": firmware(AMD_SEV, SECTIONS[:4], kernel=1),
        "hash-table-outside": firmware(AMD_SEV[:2] + [(HASH_TABLE, struct.pack("<II", 0x810F80, 0x80))], SECTIONS, kernel=1),
        "overlap": firmware(AMD_SEV, SECTIONS + SECTIONS[3:4]),
        "over-image": firmware(AMD_SEV, [(0xFFFFF000, 0x1000, 1)]),
        "unknown-section": firmware(AMD_SEV, [(0x1000, 0x1000, 5)]),
        "many-vcpus": firmware(AMD_SEV, SECTIONS, vcpus=8),
        "no-vcpus": firmware(AMD_SEV, SECTIONS, vcpus=0),
        "table-too-long": firmware(AMD_SEV, length=0xFFFF),
        "stray": firmware([], length=20),
        "empty": bytes(4),
    },
    "secrets_page": {
        "launched": SECRETS,
        "counts": SECRETS[:0xA0] + struct.pack("<4I", 2, 4, 0xFFFFFFFE, 7),
        "high-words": SECRETS[:0xA0]
        + struct.pack("<4IQ4I22xH32x", 2, 4, 0xFFFFFFFE, 7, 0x9000, 0, 1, 0xFFFFFFFF, 3, 1)
        + bytes(range(64))
        + struct.pack("<QQQIB3xIIQ", 0x800000, 0x100000, 0x801000, 1, 2, 200, 0, 0xB),
        "taken": SECRETS[:0x20],
        "version-1": struct.pack("<I", 1),
        "empty": b"",
    },
    # fuzz/src/sev_transport.rs has the commands: seal, take, change, forge, a save area, swap.
    "sev_transport": {
        "there-and-back": commands((0, 0, 64), (0, 0, 4096), (1, 1), (1, 0), (1, 0)) + b"contents",
        "longest": commands((0, 0, 0x5000), (1, 0)),
        "lengths": commands((0, 0, 0), (0, 0, 15), (0, 0, 0x5010)),
        "compressed": commands((0, 0, 64), (2, 0, 0)),
        "changed-iv": commands((0, 0, 64), (2, 0, 40)),
        "changed-mac": commands((0, 0, 64), (2, 0, 200)),
        "changed-data": commands((0, 0, 64), (2, 0, 900)),
        "forged": commands((3,)) + bytes(52) + bytes(range(64)),
        "forged-compressed": commands((3,)) + bytes([1]) + bytes(51) + bytes(16),
        "forged-length": commands((3,)) + bytes(52 + 17),
        "save-area": commands((4, 0, 0x178 * 8)) + bytes(range(251)),
        "save-area-block": commands((4, 0, 0x388 * 8 + 3)),
        "swapped": commands((5, 0, 0)) + bytes(range(251)),
        "swapped-entries": commands((5, 1, 0x80), (5, 2, 0x1E1), (5, 2, 0x1E0), (5, 0, 0x600)) + bytes(64),
        "metadata": commands((5, 3, 1)) + bytes(0x3C) + bytes([2, 0, 0, 0]),
        "empty": b"",
    },
    "id_block": {
        "author": bytes([1]) + ID_BLOCK + id_auth(),
        "no-author": bytes([0]) + ID_BLOCK + id_auth(algos=(1, 0)),
        "other-signature": bytes([1]) + ID_BLOCK[:-12] + bytes(12) + id_auth(),
        "algorithms": bytes([1]) + ID_BLOCK + id_auth(algos=(2, 1)),
        "curve": bytes([1]) + ID_BLOCK + id_auth(curve=1),
        "signed-here": bytes([2]) + ID_BLOCK,
        "signed-here-author": bytes([3]) + ID_BLOCK + id_auth(),
        "reserved": bytes([1]) + ID_BLOCK + id_auth() + bytes(0x800) + b"?",
        "empty": b"",
    },
    "sev_certificate": {
        "empty": b"",
        "oca": sev_cert(0x1001, slots=[(0x1001, 2)]),
        "pek": sev_cert(0x1002, slots=[(0x1001, 2), (0x1004, 2)]),
        "pdh": sev_cert(0x1003, 3, slots=[(0x1002, 2)]),
        "cek": sev_cert(0x1004, slots=[(0x13, 0x101)]),
        "ask": sev_cert(0x13, 0x101),
        "half-empty": sev_cert(0x1001, slots=[(0x1001, 0)]),
        "curve": sev_cert(0x1001, curve=1),
        "chain": b"".join(
            sev_cert(usage, 3 if usage == 0x1003 else 2, slots=[(by, 0x101 if by == 0x13 else 2)])
            for usage, by in [(0x1003, 0x1002), (0x1002, 0x1001), (0x1001, 0x1001), (0x1004, 0x13)]
        ),
        "amd-2048": amd_cert(0x13, 256) + amd_cert(0, 256),
        "amd-4096": amd_cert(0, 512),
        "amd-cut": amd_cert(0, 256)[:576],
    },
    "sev_packet": {
        "header": struct.pack("<I16s32sI", 0, bytes(range(16)), bytes(range(32)), 32) + bytes(range(32)),
        "compressed": struct.pack("<I16s32sI", 1, bytes(16), bytes(32), 16) + bytes(16),
        "other-length": struct.pack("<I16s32sI", 0, bytes(16), bytes(32), 32) + bytes(48),
        "short-header": bytes(51),
        "secret": bytes(range(16)) + struct.pack("<H", 300) + b"correct horse battery staple",
        "long-secret": bytes([255] * 16) + struct.pack("<H", 40000) + bytes(at % 251 for at in range(5000)),
        "table": secret_table((DISK_PASSPHRASE, b"correct horse"), (OTHER_SECRET, b"")) + bytes(3),
        "table-deleted": secret_table((str(uuid.UUID(int=0)), bytes(13)), (OTHER_SECRET, b"?"), (str(uuid.UUID(int=0)), b"")),
        "table-twice": secret_table((DISK_PASSPHRASE, b"1"), (DISK_PASSPHRASE, b"2")),
        "table-too-long": secret_table((DISK_PASSPHRASE, b"1"), length=0x5001),
        "table-cut-off": secret_table((DISK_PASSPHRASE, b"1"), (OTHER_SECRET, b"2"))[:-3],
        "report": bytes(range(48)) + struct.pack("<IIII", 0x37010005, 0x1002, 2, 0) + (bytes([7] * 48) + bytes(24)) * 2,
        "report-usage": bytes(48) + struct.pack("<IIII", 5, 0x1004, 2, 0),
        "report-reserved": bytes(48) + struct.pack("<IIII", 5, 0x1002, 2, 1),
        "empty": b"",
    },
    "rmp": {
        "nothing": b"",
        "guest-4k": rmp_steps((0, 9, 2, 0, 0, 1), (3, 9, 2, 4), (4, 9, 2, 4, 0, 3, 1), (5, 9, 2), (0, 9, 0, 16)),
        "guest-2m": rmp_steps((0, 512, 2, 1, 0, 1), (3, 512, 2, 7), (2, 512), (3, 513, 2), (0, 600, 0, 16), (0, 513, 3, 0, 0, 1)),
        "give-back-2m": rmp_steps((0, 512, 2, 1, 0, 1), (0, 512, 0, 17), (0, 515, 1, 0, 0, 1)),
        "overlap": rmp_steps((0, 513, 1, 0, 0, 1), (0, 512, 2, 1, 0, 1)),
        "firmware": rmp_steps((0, 8, 0, 48, 0, 1), (0, 8, 0, 16), (6, 8), (0, 8, 0, 16), (6, 5)),
        "unsmash": rmp_steps((9, 512, 2), (9, 512, 2, 32), (7, 512), (6, 512, 0, 1), (3, 512, 2, 7), (2, 512)),
        "in-use": rmp_steps((8, 9, 0, 4), (0, 9, 2, 0, 0, 1), (8, 9), (0, 9, 2, 0, 0, 1)),
        "not-covered": rmp_steps((0, 1100, 2, 0, 0, 1), (0, 1024, 2, 1, 0, 1), (2, 1024), (9, 1024, 2)),
    },
    "sev_session": {
        "unchanged": changes(),
        "nonce": changes((0x00, 1)),
        "wrap-tk": changes((0x10, 1)),
        "wrap-iv": changes((0x30, 1)),
        "wrap-mac": changes((0x40, 1)),
        "policy-mac": changes((0x7F, 128)),
        "version": changes((128, 2)),
        "api": changes((128 + 4, 255), (128 + 7, 255)),
        "usage": changes((128 + 8, 1)),
        "algorithm": changes((128 + 12, 1)),
        "curve": changes((128 + 16, 3)),
        "point": changes((128 + 0x14, 1)),
        "coordinate": changes((128 + 0x5B, 1)),
        "signature": changes((128 + 0x41C, 1)),
        "whole": changes(length=128 + 2084),
        "other-policy": changes(policy=0xFFFF_FFFF),
        "empty": b"",
    },
    # fuzz/src/verify.rs has the numbers of the cases and of their files.
    "verify": {
        **{f"case-{case}": edits(case) for case in range(7)},
        "flipped-measurement": edits(0, (0, 0x90, 0xFF)),
        "flipped-r": edits(1, (0, 0x2A0, 0xFF)),
        "flipped-leaf-signature": edits(2, (1, len(cert("milan-vlek")) - 1, cert("milan-vlek")[-1] ^ 1)),
        "flipped-ask": edits(3, (2, 100, 0xFF)),
        "flipped-ark-signature": edits(4, (3, len(cert("turin-ark")) - 1, cert("turin-ark")[-1] ^ 1)),
        "flipped-crl": edits(5, (4, len(EMPTY) - 1, EMPTY[-1] ^ 1)),
        "flipped-unused": edits(6, (4, 1290, 0xFF), (8, 1600, 0xFF)),
        "no-change": edits(0, (0, 0, 3), (0, 1, 0)),
        # The ARK takes the name of an ASK, and is not used any more: the trusted root is.
        "ark-renamed": edits(
            0, *((3, cert("milan-ark").rindex(b"ARK-Milan") + at, byte) for at, byte in enumerate(b"SEV"))
        ),
    },
}


# fuzz/src/channel.rs: which key and how it goes, what is asked, then a request and a response that are not as they were.
def exchange(key=0, deliveries=1, refused=0, end=3, next_stage=0, ask=7, request=(0, 0, 0), response=(0, 0, 0)):
    what = key | deliveries << 1 | refused << 3 | end << 4 | next_stage << 7
    return struct.pack("<BBBHBBHB", what, ask, *request, *response)


SEEDS["channel"] = {
    "reports": exchange() + exchange(key=1) + exchange(ask=9),
    "time": exchange(ask=0) + exchange(),
    "refused": exchange(refused=1) + exchange(),
    "twice": exchange(deliveries=3) + exchange(deliveries=3, refused=1),
    "lost": exchange(deliveries=0) + exchange(),
    "older-request": exchange() + exchange(request=(1, 0, 0)) + exchange(),
    "older-response": exchange() + exchange(response=(1, 0, 0)) + exchange(),
    "other-key": exchange() + exchange(key=1, response=(1, 0, 0)),
    "changed-request": exchange(request=(0, 0x60, 1), deliveries=1) + exchange(),
    "changed-response": exchange(response=(0, 0x61, 128)) + exchange(),
    "changed-tag": exchange(response=(0, 3, 1)),
    "changed-reserved": exchange(request=(0, 0x2A, 1), response=(0, 0x12, 1)) + exchange(),
    "given-up": exchange(end=0) + exchange() + exchange(next_stage=1),
    "forgotten": exchange(end=1) + exchange() + exchange(next_stage=1),
    "hypervisor": exchange(end=2, response=(3, 0, 0)) + exchange(),
    "stages": exchange() + exchange(next_stage=1) + exchange(next_stage=1, key=1) + exchange(key=1),
    "empty": b"",
}


def call(number, argument, memory, answer=3, length=3, table=1, version=1):
    """fuzz/src/device.rs: a call, and its argument in a caller's memory, which begins at 0x1000 and with the argument's page."""
    argument = struct.pack("<B7xQQQ", version, *argument, 0xFFFFFFFFFFFFFFFF)
    return bytes([number, answer, length, table, 0x20, 0]) + argument + bytes(0x60) + memory


REQUEST, RESPONSE = 0x1080, 0x2000


def extended(address, length):
    return bytes(96) + struct.pack("<QI4x", address, length)


SEEDS["device"] = {
    "path": b"/dev/./fd/../sev-guest",
    "report": call(0, (REQUEST, RESPONSE), bytes(96), length=74),
    "key": call(1, (REQUEST, RESPONSE), bytes(32), length=4),
    "long-response": call(1, (REQUEST, RESPONSE), bytes(32), length=5),
    "extended": call(2, (REQUEST, RESPONSE), extended(0x4000, 4096), length=74),
    "extended-short": call(2, (REQUEST, RESPONSE), extended(0x4000, 4096), length=74, table=64),
    "extended-without": call(2, (REQUEST, RESPONSE), extended(0, 0), length=74, table=0),
    "extended-odd": call(2, (REQUEST, RESPONSE), extended(0x4000, 4095)),
    "extended-kernel": call(2, (REQUEST, RESPONSE), extended(0x7FFFFFFFFFFFF000, 0x4000)),
    "extended-end": call(2, (REQUEST, RESPONSE), extended(0xFFFFFFFFFFFFF000, 0x4000)),
    "over-itself": call(2, (REQUEST, 0x1000), extended(0x1000, 4096), length=74),
    "no-request": call(0, (0, RESPONSE), b""),
    "outside": call(0, (0xFFFFFFFFFFFFFFFF, RESPONSE), b""),
    "firmware": call(0, (REQUEST, RESPONSE), b"", answer=0),
    "hypervisor": call(0, (REQUEST, RESPONSE), b"", answer=1),
    "stopped": call(2, (REQUEST, RESPONSE), extended(0x4000, 4096), answer=2),
    "stopped-table": call(2, (REQUEST, RESPONSE), extended(0x4000, 4096), answer=0x83),
    "version-0": call(0, (REQUEST, RESPONSE), b"", version=0),
    "other-call": call(3, (REQUEST, RESPONSE), b""),
    "empty": b"",
}

SEEDS["linux"] = {
    "argument": struct.pack("<B7xQQQ", 2, 0x1000, 0x2000, 0x100000016),
    "report": bytes(range(64)) + struct.pack("<II24xQI4x", 1, 2, 0x4000, 0x4000),
    "vmpl-4": bytes(64) + struct.pack("<I", 4),
    "refused-key": struct.pack("<I60x", 0x16),
    "key": bytes(0x20) + bytes(range(32)),
    "level": b"2\n",
    "level-4": b"4\n",
    "generation": b"18446744073709551615\n",
    "too-much": b"18446744073709551616\n",
    "zeroes": b"0003",
    "newline": b"\n",
    "provider": b"sev_guest\n",
    "outblob": report("vcek-milan-v2"),
    "empty": b"",
}

SEEDS["structures"] = {
    "platform": bytes([1, 55, 1, 3, 7, 0, 0, 0, 0x7F, 0, 0, 0, 2, 0, 0, 0]) + bytes(range(16)),
    "guest": struct.pack("<QIB3xI12x", 0x30000, 7, 2, 1),
    "guest-state": struct.pack("<QIB3xI12x", 0x30000, 7, 3, 0),
    "assignment": struct.pack("<QBBBBI", 0x200000, 1, 1, 1, 0, 5),
    "adjust": bytes([1, 0x1F, 1, 0, 0, 0, 0, 0]),
    "vlek": struct.pack("<QQ", 16, 0x1000),
    "image": (image := b"sevcrypt\1\0\0\0" + bytes([1, 55, 9, 0]) + bytes(range(8)) + bytes(8)) + hashlib.sha384(image).digest(),
    "key": (little(2, 4) + bytes(4) + little(GX, 72) + little(GY, 72)),
    "key-not-on-curve": (little(2, 4) + bytes(4) + little(GX, 72) + little(GX, 72)),
    **{f"name-{name}": name.encode() for name in ("milan", "TURIN", "vaes512", "debug", "EPYC-Genoa-v1", "ec2")},
    "empty": b"",
}

SEEDS["platform_ca"] = {
    **{name: bytes([number]) for number, name in enumerate(("milan", "genoa", "turin"))},
    "product": bytes([0, 16, 0, 2]),
    "name": bytes([0, 0, 0, 0]),
    "prime": bytes([1, 17, 0, 0]),
    "prime-even": bytes([1, 16, 1, 0]),
    "length": bytes([2, 0x12, 2, 0xFF]),
    "certificate": bytes([0, 0x20, 3, 0]),
    "no-product": bytes([3, 4]),
    "cut": bytes([3, 1]) + bytes(range(200)),
    "zero-primes": bytes([3, 1]) + bytes(516),
    "empty": b"",
}

SEEDS["snp_swap"] = {
    "there-and-back": commands((0, 0, 0), (1, 0), (1, 0)) + b"contents",
    "types": commands((0, 0, 0x30), (0, 0, 1), (0, 0, 2), (1, 0), (1, 1), (1, 2)),
    "changed-iv": commands((0, 0, 0), (2, 0, 64)),
    "changed-tag": commands((0, 0, 0), (2, 0, 128), (2, 0, 255)),
    "changed-page": commands((0, 0, 0), (2, 0, 0x7FFF), (1, 0)),
    "length": commands((0, 0, 0xE00)),
    "forged": commands((0, 0, 0), (3, 0)) + bytes(8) + struct.pack("<Q16xQQ16x", 7, 1, 0),
    "forged-large": commands((3, 0)) + bytes(8) + struct.pack("<Q16xQQ16x", 7, 0x11, 0),
    "forged-types": commands((3, 0)) + bytes(8) + struct.pack("<Q16xQQ16x", 7, 0xD, 0),
    "forged-invalid": commands((3, 0)) + bytes(64),
    "empty": b"",
}

SEEDS["vmsa"] = {
    "zeros": bytes(66),
    "counting": bytes(2) + bytes([0xFF] * 64) + bytes(at % 256 for at in range(4096)),
    "protected": struct.pack("<H", 0x388 * 8) + bytes([0xAA] * 64) + bytes(0x3B0) + bytes([0, 0x40]) + bytes(range(1, 200)),
    "word": struct.pack("<H", 0x380 * 8) + bytes(64) + bytes(0x388) + struct.pack("<Q", 0x6000),
    "end": struct.pack("<H", 0x7FFF) + bytes(64) + bytes(4095) + b"?",
    "empty": b"",
}

SEEDS["verify_kept"] = {
    "each": b"".join(bytes([case, 0]) for case in range(4)),
    "others": b"".join(bytes([case, 0]) for case in range(4, 7)) + bytes([4, 0]),
    "again": bytes([0, 0, 0, 0]),
    "signature": bytes([0, 0, 0, 1]) + edits(0, (0, 0x2A0, 0xFF))[1:] + bytes([0, 0]),
    "leaf": bytes([0, 0, 0, 1]) + edits(0, (1, 300, 0xFF))[1:] + bytes([0, 0]),
    "ask": bytes([0, 0, 0, 1]) + edits(0, (2, 300, 0xFF))[1:] + bytes([0, 0]),
    "list": bytes([5, 0, 5, 1]) + edits(0, (4, len(EMPTY) - 1, 1))[1:] + bytes([5, 0, 0, 0]),
    "changed-first": bytes([4, 1]) + edits(0, (0, 0x90, 0xFF))[1:] + bytes([4, 0, 0, 0, 4, 0]),
    "empty": b"",
}

# The order of P-384, and edges of scalars: the ends of the range, and of the chunks that tables are cut into.
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973
EDGES = {"0": 0, "1": 1, "2": 2, "16": 16, "17": 17, "n-1": N - 1, "n": N, "2e48": 1 << 48, "2e48-1": (1 << 48) - 1,
         "2e336": 1 << 336, "2e383": 1 << 383, "ones": (1 << 384) - 1, "high": N - (1 << 48), "third": N // 3}


def numbers(how, *values):
    return bytes([how]) + b"".join(value.to_bytes(48, "big") for value in values)


SEEDS["ecdsa"] = {
    "nothing": b"",
    **{f"u1-{name}": numbers(1, 7, value, N // 5) for name, value in EDGES.items()},
    **{f"u2-{name}": numbers(1, 7, N // 5, value) for name, value in EDGES.items()},
    **{f"key-{name}": numbers(17, value, N // 5, N // 7) for name, value in EDGES.items()},
    "equal-sums": numbers(17, 1, N // 2, N // 2),
    "infinity": numbers(1, 1, 5, N - 5),
    "opposite": numbers(1, N - 1, 5, 5),
    "twice": numbers(1, 2, 10, 5),
    "chunks": numbers(17, 1 << 48, N // 5, N // 7),
    "hot": numbers(0xF1, 3, N // 5, N // 7),
    "batch": numbers(0x11, 9, N // 5, N // 7),
    "any": numbers(0, 9, N // 5, N // 7),
    "any-batch": numbers(0x10, 9, N // 5, N // 7),
}


def rsa_made(how=0, salt=0, encoding=(0, 0), signature=(0, 0), places=(), message=b"message"):
    """A key of factors, 32 or 64 of them, and a signature by it; each change is a place and bits."""
    changes = b"".join(struct.pack("<HB", *change) for change in (encoding, signature))
    count = 64 if how & 4 else 32
    places = [*places, *(n * (1 << 57) for n in range(count))][:count]
    return bytes([how, salt]) + changes + struct.pack(f"<{count}Q", *places) + message


def rsa_any(bits, modulus, signature, how=2, exponent=0):
    """Lengths of 2048 and 4096 bits, or others by their number."""
    number, size = {2048: (0, 256), 4096: (1, 512), 3072: (2, 384), 1024: (3, 128)}[bits]
    numbers = modulus.to_bytes(size, "big") + signature.to_bytes(size, "big")
    return bytes([how, number]) + struct.pack("<I", exponent) + numbers + b"message"


def rsa_edges(bits):
    """Moduli with extreme digits, numbers at their edges."""
    top, ones = 1 << bits - 1, (1 << bits) - 1
    moduli = {
        "ones": ones,
        "least": top + 1,
        "low-ones": top | (1 << 512) - 1,
        "low-zeros": ones - (1 << 512) + 2,
        "low-ones-416": top | (1 << 416) - 1,
    }
    for name, modulus in moduli.items():
        yield f"{bits}-{name}", rsa_any(bits, modulus, modulus - 1)
    for edge, number in {"0": 0, "1": 1, "n": moduli["low-zeros"], "n-more": ones}.items():
        yield f"{bits}-{edge}", rsa_any(bits, moduli["low-zeros"], number)


SEEDS["rsa"] = {
    "nothing": b"",
    **{
        f"{name}-{what}": seed
        for name, how in {"2048": 0, "4096": 4, "2048-sha256": 1, "4096-sha256": 5}.items()
        for what, seed in {
            "valid": rsa_made(how),
            "no-salt": rsa_made(how, salt=32 if how & 1 else 48),
            "long-salt": rsa_made(how, salt=0x40),
            "top-bit": rsa_made(how, encoding=(0, 0x80)),
            "trailer": rsa_made(how, encoding=((512 if how & 4 else 256) - 1, 1)),
            "signature": rsa_made(how, signature=(77, 1)),
            "plus-n": rsa_made(how | 8),
            "shorter": rsa_made(how | 16),
            "longer": rsa_made(how | 24),
        }.items()
    },
    "small-factors": rsa_made(4, places=[(1 << 64) - 1] * 64),
    "no-message": rsa_made(4, message=b""),
    **dict(rsa_edges(2048)),
    **dict(rsa_edges(4096)),
    "even": rsa_any(4096, (1 << 4096) - 2, 1),
    "short": rsa_any(4096, (1 << 4095) - 1, 1),
    "exponent": rsa_any(4096, (1 << 4096) - 1, 1, exponent=65537 ^ 3),
    "1024": rsa_any(1024, (1 << 1024) - 1, 1),
    "3072": rsa_any(3072, (1 << 3072) - 1, 1),
}


def main():
    for target, seeds in SEEDS.items():
        folder = HERE / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            if not path.name.startswith("found-"):
                path.unlink()
        for name, content in seeds.items():
            (folder / name).write_bytes(content)


main()
