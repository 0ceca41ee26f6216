#!/usr/bin/env python3
"""Makes src/anchors.rs from a list of AMD's CA public keys.

    python3 vectors/anchors/make.py LIST.json
    python3 vectors/anchors/make.py --legacy FOLDER

LIST.json is an array of objects: product, role (ARK, ASK, ASVK), common_name, serial, not_before, not_after
(RFC 3339, UTC), rsa_exponent, rsa_modulus_hex, spki_sha384. The figures are those of AMD's certificates at
https://kdsintf.amd.com/{vcek,vlek}/v1/{Milan,Genoa,Turin}/cert_chain.

FOLDER has AMD's certificates of SEV and SEV-ES as {naples,rome,milan,genoa,turin}/{ark,ask}.cert, which is how the
repository virtee/sev has them in src/certs/sev/builtin. Every signature is checked by its size alone: the library's
tests verify them.
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


def legacy(folder):
    """The ten keys of SEV and SEV-ES. Those of Milan and later are the ones that the X.509 certificates have."""
    path = pathlib.Path(__file__).parents[2] / "src" / "anchors.rs"
    source = path.read_text()
    known = "".join(source.split()).replace("\\", "")
    order = [part.split('",')[0] for part in source.split('common_name: "')[1:10]]
    keys, out = "", ""
    for product in ["Naples", "Rome", "Milan", "Genoa", "Turin"]:
        ids = {}
        for role in ["ARK", "ASK"]:
            cert = (pathlib.Path(folder) / product.lower() / f"{role.lower()}.cert").read_bytes()
            version, ids[role], certifier, usage = cert[:4], cert[4:20], cert[20:36], cert[36:40]
            e_size, n_size = (int.from_bytes(cert[at : at + 4], "little") // 8 for at in (56, 60))
            assert e_size == n_size == (256 if product == "Naples" else 512) and len(cert) == 64 + 3 * n_size
            assert version == bytes([1, 0, 0, 0]) and usage == bytes([0 if role == "ARK" else 0x13, 0, 0, 0])
            assert certifier == ids["ARK"] and not any(cert[40:56])
            assert int.from_bytes(cert[64 : 64 + e_size], "little") == 65537
            modulus = cert[64 + e_size : 64 + e_size + n_size][::-1]
            if product in ("Naples", "Rome"):
                name = f"{product.upper()}_{role}"
                lines = textwrap.wrap(modulus.hex(), 100)
                text = "\\\n".join(f"     {line}" if i else line for i, line in enumerate(lines))
                keys += f'static {name}: [u8; {n_size}] = hex(\n    "{text}",\n);\n'
            else:
                assert f'modulus:hex("{modulus.hex()}"' in known, "the key of the X.509 certificate"
                name = f"AMD[{order.index(('ARK-' if role == 'ARK' else 'SEV-') + product)}].modulus"
            out += f'''    LegacyAnchor {{
        role: Role::{ROLES[role]},
        product: "{product}",
        key_id: hex("{ids[role].hex()}"),
        modulus: &{name},
    }},
'''
    head, rest = source.split("// made by vectors/anchors/make.py --legacy\n")
    tail = rest[rest.index("];\n") :]
    path.write_text(f"""{head}// made by vectors/anchors/make.py --legacy
{keys}
/// The ten: ARK and ASK of every product that has SEV.
#[rustfmt::skip]
pub(crate) static LEGACY: [LegacyAnchor; 10] = [
{out}{tail}""")


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


if sys.argv[1] == "--legacy":
    legacy(sys.argv[2])
else:
    main()
