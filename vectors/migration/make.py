#!/usr/bin/env python3
"""A root of SEV platforms for tests of migration, and two chips whose endorsement keys it vouches for.

    pip install cryptography
    python3 vectors/migration/make.py

Writes, beside this file:
    ask_ark.cert    ASK and ARK, RSA-4096, 3200 bytes, the form of SEND_START's AMD_CERTS
    cek_0.cert      the certificate of the CEK of the chip with the key 00, 01, .. 1f, signed by the ASK
    cek_1.cert      that of the chip with the key 20, 21, .. 3f

The RSA keys are drawn anew by every run and thrown away: nobody can sign by this root again. The formats and the
derivation of the CEKs are those of AMD 55766, appendix C, and of AMD's published firmware; no code of this project
is used.
"""

import hashlib
import hmac
import pathlib
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

ORDER = int(
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16
)
ARK, ASK, CEK, EMPTY = 0x00, 0x13, 0x1004, 0x1000
RSA_SHA384, ECDSA_SHA256 = 0x101, 0x002
P384 = 2


def pss(key, message):
    """A signature, little-endian."""
    scheme = padding.PSS(mgf=padding.MGF1(hashes.SHA384()), salt_length=48)
    return key.sign(message, scheme, hashes.SHA384())[::-1]


def amd_certificate(key, key_id, certifying_id, usage, signer):
    public = key.public_key().public_numbers()
    body = struct.pack("<I16s16sI16xII", 1, key_id, certifying_id, usage, 4096, 4096)
    body += public.e.to_bytes(512, "little") + public.n.to_bytes(512, "little")
    return body + pss(signer, body)


def cek(chip_key):
    """The CEK's public point: SP 800-108 with the firmware's label, then modulo the order less one, plus one."""
    seed = hashlib.sha256(chip_key).digest()
    label = b"sev-chip-endorsement-key"
    blocks = [
        hmac.new(seed, struct.pack("<I", i) + label + b"\0" + struct.pack("<I", 448), "sha256").digest()
        for i in (1, 2)
    ]
    random = int.from_bytes(b"".join(blocks)[:56], "little")
    private = ec.derive_private_key(random % (ORDER - 1) + 1, ec.SECP384R1())
    return private.public_key().public_numbers()


def cek_certificate(chip_key, ask):
    point = cek(chip_key)
    body = struct.pack("<IBBHII", 1, 0, 14, 0, CEK, ECDSA_SHA256)
    body += struct.pack("<I", P384) + point.x.to_bytes(72, "little") + point.y.to_bytes(72, "little") + bytes(880)
    slots = struct.pack("<II", ASK, RSA_SHA384) + pss(ask, body) + struct.pack("<II512x", EMPTY, 0)
    return body + slots


def main():
    here = pathlib.Path(__file__).parent
    ark, ask = (rsa.generate_private_key(65537, 4096) for _ in range(2))
    ark_id, ask_id = b"a root for tests", b"a key below it.."
    chain = amd_certificate(ask, ask_id, ark_id, ASK, ark) + amd_certificate(ark, ark_id, ark_id, ARK, ark)
    assert len(chain) == 3200
    (here / "ask_ark.cert").write_bytes(chain)
    for chip in range(2):
        certificate = cek_certificate(bytes(range(32 * chip, 32 * chip + 32)), ask)
        assert len(certificate) == 2084
        (here / f"cek_{chip}.cert").write_bytes(certificate)


if __name__ == "__main__":
    main()
