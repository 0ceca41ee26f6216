#!/usr/bin/env python3
"""Makes src/anchors.rs from a list of AMD's CA public keys.

    python3 vectors/anchors/make.py LIST.json

LIST.json is an array of objects: product, role (ARK, ASK, ASVK), common_name, serial, not_before, not_after
(RFC 3339, UTC), rsa_exponent, rsa_modulus_hex, spki_sha384. The figures are those of AMD's certificates at
https://kdsintf.amd.com/{vcek,vlek}/v1/{Milan,Genoa,Turin}/cert_chain.
"""

import datetime
import hashlib
import json
import pathlib
import sys
import textwrap

ROLES = {"ARK": "Ark", "ASK": "Ask", "ASVK": "Asvk"}


def der(tag, body):
    length = len(body)
    size = (length.bit_length() + 7) // 8
    head = bytes([length]) if length < 0x80 else bytes([0x80 | size]) + length.to_bytes(size, "big")
    return bytes([tag]) + head + body


def spki(modulus):
    """SubjectPublicKeyInfo of an RSA key with exponent 65537 (RFC 3279, section 2.3.1)."""
    key = der(0x30, der(0x02, b"\0" + modulus) + der(0x02, bytes.fromhex("010001")))
    algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
    return der(0x30, algorithm + der(0x03, b"\0" + key))


def seconds(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def main():
    anchors = json.load(open(sys.argv[1], encoding="utf-8"))
    if isinstance(anchors, dict):
        anchors = anchors["anchors"]
    out = []
    for anchor in anchors:
        modulus = bytes.fromhex(anchor["rsa_modulus_hex"])
        assert len(modulus) == 512 and modulus[0] & 0x80 and anchor["rsa_exponent"] == 65537
        digest = hashlib.sha384(spki(modulus)).hexdigest()
        assert digest == anchor["spki_sha384"], anchor["common_name"]
        lines = textwrap.wrap(modulus.hex(), 100)
        text = "\\\n".join(f"             {line}" if i else line for i, line in enumerate(lines))
        out.append(f'''    Anchor {{
        role: Role::{ROLES[anchor["role"]]},
        product: "{anchor["product"]}",
        common_name: "{anchor["common_name"]}",
        serial: {int(anchor["serial"], 16):#x},
        validity: Validity {{ not_before: {seconds(anchor["not_before"])}, not_after: {seconds(anchor["not_after"])} }},
        spki_sha384: hex(
            "{digest}",
        ),
        modulus: hex(
            "{text}",
        ),
    }},
''')
    path = pathlib.Path(__file__).parents[2] / "src" / "anchors.rs"
    head, rest = path.read_text().split("    // made by vectors/anchors/make.py\n")
    tail = rest[rest.index("];\n"):]
    path.write_text(head + "    // made by vectors/anchors/make.py\n" + "".join(out) + tail)


main()
