#!/usr/bin/env python3
"""Makes *.cert and report.bin: the certificates of a test platform of SEV, an attestation report that it signed, and the
certificate of a second chip's CEK.

The chips' keys are 00, 01, .. 1f and 20, 21, .. 3f. As with AMD's, the CEKs that the CA has signed carry another API
version than the one that the platform exports.

Nothing here is shared with the Rust code. The keys of the platform follow from names, those of the CA are the public
test keys of vectors/attestation/keys. Signatures are deterministic, so that every run makes the same bytes; each is
checked with the `cryptography` package before it is written.

    pip install cryptography==48.0.0 && python3 vectors/sev/make.py
"""

import hashlib
import hmac
import pathlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

HERE = pathlib.Path(__file__).parent
# The order of P-384 (SEC 2, 2.5.1).
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973
ARK, ASK, OCA, PEK, PDH, CEK, EMPTY = 0x00, 0x13, 0x1001, 0x1002, 0x1003, 0x1004, 0x1000
ECDSA_SHA256, ECDH_SHA256, RSA_SHA384 = 2, 3, 0x101
API = (1, 55)
# Of the CEKs at AMD's Key Distribution Service.
CA_API = (0, 14)


def le(number, length):
    return number.to_bytes(length, "little")


# Keys. -----------------------------------------------------------------------------------------------------------


def named(name):
    digest = hashlib.sha384(b"sev-kat " + name).digest()
    return ec.derive_private_key(int.from_bytes(digest) % (N - 1) + 1, ec.SECP384R1())


def cek(chip_unique_key):
    """The CEK of a chip: SP 800-108 with HMAC-SHA-256, 56 bytes, as a little-endian number."""
    seed = hashlib.sha256(chip_unique_key).digest()
    label = b"sev-chip-endorsement-key\0"
    block = lambda i: hmac.digest(seed, le(i, 4) + label + le(448, 4), "sha256")
    number = int.from_bytes((block(1) + block(2))[:56], "little")
    return ec.derive_private_key(number % (N - 1) + 1, ec.SECP384R1())


def rsa_key(name):
    pem = (HERE / "../attestation/keys" / f"{name}.pem").read_bytes()
    return serialization.load_pem_private_key(pem, None)


# Signatures. -----------------------------------------------------------------------------------------------------


def ecdsa(key, message):
    """r and s, little-endian in 72 bytes each."""
    der = key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    key.public_key().verify(der, message, ec.ECDSA(hashes.SHA256()))
    r, s = utils.decode_dss_signature(der)
    return le(r, 72) + le(s, 72)


def pss(key, message):
    """RSASSA-PSS with SHA-384 (RFC 8017, 8.1.1) and a salt that follows from the message; little-endian."""
    digest = lambda data: hashlib.sha384(data).digest()
    salt = hashlib.sha512(b"salt" + message).digest()[:48]
    h = digest(bytes(8) + digest(message) + salt)
    block = (b"\x01" + salt).rjust(key.key_size // 8 - 49, b"\0")
    mask = b"".join(digest(h + i.to_bytes(4)) for i in range(len(block) // 48 + 1))
    masked = bytearray(a ^ b for a, b in zip(block, mask))
    masked[0] &= 0x7F
    encoded = int.from_bytes(bytes(masked) + h + b"\xbc")
    private = key.private_numbers()
    signature = pow(encoded, private.d, private.public_numbers.n).to_bytes(key.key_size // 8)
    scheme = padding.PSS(padding.MGF1(hashes.SHA384()), 48)
    key.public_key().verify(signature, message, scheme, hashes.SHA384())
    return signature[::-1]


# Certificates. ---------------------------------------------------------------------------------------------------


def body(usage, algorithm, key, api=API):
    point = key.public_key().public_numbers()
    public = le(2, 4) + le(point.x, 72) + le(point.y, 72)
    return le(1, 4) + bytes(api) + bytes(2) + le(usage, 4) + le(algorithm, 4) + public.ljust(1028, b"\0")


def certificate(signed, *slots):
    slots = list(slots) + [(EMPTY, 0, b"")] * (2 - len(slots))
    return signed + b"".join(le(u, 4) + le(a, 4) + s.ljust(512, b"\0") for u, a, s in slots)


def amd(usage, key_id, certifying_id, key, signer):
    public = key.public_key().public_numbers()
    size = key.key_size
    header = le(1, 4) + key_id + certifying_id + le(usage, 4) + bytes(16) + le(size, 4) + le(size, 4)
    signed = header + le(public.e, size // 8) + le(public.n, size // 8)
    return signed + pss(signer, signed)


def main():
    keys = {name: named(name) for name in (b"OCA", b"PEK", b"PDH")}
    oca_key, pek_key, pdh_key = keys.values()
    cek_key = cek(bytes(range(32)))
    signed = lambda usage, key, message: (usage, ECDSA_SHA256, ecdsa(key, message))
    oca_body = body(OCA, ECDSA_SHA256, oca_key)
    pek_body = body(PEK, ECDSA_SHA256, pek_key)
    pdh_body = body(PDH, ECDH_SHA256, pdh_key)
    cek_body = body(CEK, ECDSA_SHA256, cek_key, CA_API)
    second_cek_body = body(CEK, ECDSA_SHA256, cek(bytes(range(32, 64))), CA_API)
    files = {
        "oca": certificate(oca_body, signed(OCA, oca_key, oca_body)),
        "pek": certificate(pek_body, signed(OCA, oca_key, pek_body), signed(CEK, cek_key, pek_body)),
        "pdh": certificate(pdh_body, signed(PEK, pek_key, pdh_body)),
        # As the platform exports it.
        "cek-unsigned": certificate(body(CEK, ECDSA_SHA256, cek_key)),
    }
    # A CA as AMD's of the later generations, and another one under the same names.
    for prefix in ("", "attacker-"):
        ark_key, ask_key = rsa_key(f"{prefix}ark"), rsa_key(f"{prefix}ask")
        ark_id, ask_id = b"sevcrypt's ARK..", b"sevcrypt's ASK.."
        files[f"{prefix}ark"] = amd(ARK, ark_id, ark_id, ark_key, ark_key)
        files[f"{prefix}ask"] = amd(ASK, ask_id, ark_id, ask_key, ark_key)
        by_ask = lambda message: certificate(message, (ASK, RSA_SHA384, pss(ask_key, message)))
        files[f"{prefix}cek"] = by_ask(cek_body)
        if not prefix:
            files["second-cek"] = by_ask(second_cek_body)
    for name, content in files.items():
        (HERE / f"{name}.cert").write_bytes(content)

    digest = hashlib.sha256(b"what was launched").digest()
    said = bytes(range(0x50, 0x60)) + digest + le(0x37010005, 4)
    report = said + le(PEK, 4) + le(ECDSA_SHA256, 4) + bytes(4) + ecdsa(pek_key, said)
    (HERE / "report.bin").write_bytes(report)


if __name__ == "__main__":
    main()
