#!/usr/bin/env python3
"""Makes xts.txt from NIST's XTS vectors (XTSGenAES128.rsp and XTSGenAES256.rsp with 128-bit tweaks), as the
package `cryptography_vectors` on PyPI carries them. Data units that are no multiple of 128 bits are left out:
memory never has one.

    pip download --no-deps cryptography_vectors==50.0.2 && python3 vectors/nist/make.py cryptography_vectors-50.0.2-*.whl
"""

import pathlib
import sys
import zipfile

FOLDER = "cryptography_vectors/ciphers/AES/XTS/tweak-128hexstr/"


def cases(text):
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


def main(wheel):
    lines = ["# Made by make.py from NIST's CAVS 11.0 vectors; direction, key 1 and key 2, unit number, plaintext, ciphertext."]
    with zipfile.ZipFile(wheel) as archive:
        for size in (128, 256):
            lines += cases(archive.read(f"{FOLDER}XTSGenAES{size}.rsp").decode())
    pathlib.Path(__file__).with_name("xts.txt").write_text("\n".join(lines) + "\n")


main(sys.argv[1])
