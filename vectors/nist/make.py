#!/usr/bin/env python3
"""Makes xts.txt and gcm.txt from NIST's vectors, as the package `cryptography_vectors` on PyPI carries them.

xts.txt: XTSGenAES128.rsp and XTSGenAES256.rsp with 128-bit tweaks. Data units that are no multiple of 128 bits are left
out: memory never has one.

gcm.txt: gcmEncryptExtIV and gcmDecrypt with keys of 128 and 256 bits. Of these, what has nonces of 96 bits and tags of
128: all lengths of text and additional data, the first eight cases of the fifteen with each.

    pip download --no-deps cryptography_vectors==50.0.2 && python3 vectors/nist/make.py cryptography_vectors-50.0.2-*.whl
"""

import collections
import pathlib
import sys
import zipfile

FOLDER = "cryptography_vectors/ciphers/AES/"
GCM_CASES = 8


def xts(text):
    case = {}
    for line in text.splitlines():
        if line.startswith("["):
            direction = line.strip("[]").lower()
        elif " = " in line:
            name, value = line.split(" = ")
            case[name] = value
            if {"PT", "CT"} <= case.keys():
                if int(case["DataUnitLen"]) % 128 == 0:
                    yield f"{direction} {case['Key']} {case['i']} {case['PT']} {case['CT']}"
                case = {}


def gcm(direction, text):
    """Cases end with a line of their own: a tag where text is sealed, the text or FAIL where it is opened."""
    group, case, seen = {}, {}, collections.Counter()
    for line in text.splitlines():
        name, equals, value = (part.strip() for part in line.strip("[]").partition("="))
        if line.startswith("["):
            group[name] = int(value)
        elif name in ("Count", "Key", "IV", "AAD", "PT", "CT", "Tag", "FAIL"):
            case[name] = value if equals else "FAIL"
            if name in (("Tag",) if direction == "seal" else ("PT", "FAIL")):
                if group["IVlen"] == 96 and group["Taglen"] == 128 and int(case["Count"]) < GCM_CASES:
                    text = case.get("FAIL") or case["PT"] or "-"
                    parts = (case["Key"], case["IV"], case["AAD"] or "-", text, case["CT"] or "-", case["Tag"])
                    yield f"{direction} {' '.join(parts)}"
                    seen[group["PTlen"], group["AADlen"]] += 1
                case = {}
    assert set(seen.values()) == {GCM_CASES} and len(seen) == 25, seen


def write(name, lines):
    pathlib.Path(__file__).with_name(name).write_text("\n".join(lines) + "\n")


def main(wheel):
    with zipfile.ZipFile(wheel) as archive:

        def read(path):
            return archive.read(FOLDER + path).decode()

        lines = ["# Made by make.py from NIST's CAVS 11.0 vectors; direction, key 1 and key 2, unit number, plaintext, ciphertext."]
        for size in (128, 256):
            lines += xts(read(f"XTS/tweak-128hexstr/XTSGenAES{size}.rsp"))
        write("xts.txt", lines)

        lines = [
            "# Made by make.py from NIST's CAVS 14.0 vectors; direction, key, nonce, additional data, plaintext (FAIL: the tag is",
            "# wrong), ciphertext, tag. A hyphen stands for nothing.",
        ]
        for size in (128, 256):
            lines += gcm("seal", read(f"GCM/gcmEncryptExtIV{size}.rsp"))
            lines += gcm("open", read(f"GCM/gcmDecrypt{size}.rsp"))
        write("gcm.txt", lines)


main(sys.argv[1])
