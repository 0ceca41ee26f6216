#!/usr/bin/env python3
"""Makes known_answers.toml: the memory-encryption profiles, written a second time.

Nothing here is shared with the Rust code. AES is the `cryptography` package's, in ECB mode; the tweaks
are Python integers. The XTS pages are compared with the package's own XTS before they are written.

    pip install cryptography==48.0.0 && python3 vectors/memory/make.py
"""

import hashlib
import pathlib
import re

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

PATTERN = bytes((7 * i + (i >> 8)) % 256 for i in range(4096))
LOW = (0x0, 0x1234_5670, 0xFFFF_F030)
HIGH = (0x0, 0x1234_5670, 0x100_0000_0000, 0x123_4567_8FC0, 0x7_FFFF_FFFF_F010)
SEED = b"example"


def aes(key, block):
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return encryptor.update(block)


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def zen1(bit):
    """The measured constant of an address bit: read from the library's table, so that there is one copy."""
    source = pathlib.Path(__file__).parents[2] / "src" / "mem" / "tweak.rs"
    table = source.read_text().split("const ZEN1", 1)[1].split("];\n", 1)[0].split("=", 1)[1]
    words = re.findall(r"\[(0x\w\w), (0x\w\w), (0x\w\w), (0x\w\w)\]", table)
    return bytes(int(byte, 16) for byte in words[bit - 4]) * 4


def model(bit):
    return hashlib.sha256(SEED + b"tweak-const" + bit.to_bytes(4, "little")).digest()[:16]


def linear(constant, address):
    value = bytes(16)
    for bit in range(4, 52):
        if address >> bit & 1:
            value = xor(value, constant(bit))
    return value


def xts_tweak(key, unit, address):
    value = int.from_bytes(aes(key, (address // unit).to_bytes(16, "little")), "little")
    for _ in range(address % unit // 16):
        value <<= 1
        if value >> 128:
            value ^= 1 << 128 | 0x87
    return value.to_bytes(16, "little")


def encrypt(profile, address, data):
    out = b""
    for at in range(0, len(data), 16):
        tweak = profile["tweak"](address + at)
        block = aes(profile["key"], xor(data[at : at + 16], tweak))
        out += block if profile["mode"] == "xe" else xor(block, tweak)
    return out


def profiles():
    key = {128: bytes(range(16)), 256: bytes(range(32))}
    tweak_key = {128: bytes(range(0x80, 0x90)), 256: bytes(range(0x80, 0xA0))}
    for mode, size, table in (
        ("xe", 128, "zen1"), ("xe", 128, "seed"), ("xex", 128, "zen1"), ("xex", 128, "seed"), ("xex", 256, "seed"),
    ):
        constant, addresses = (zen1, LOW) if table == "zen1" else (model, HIGH)
        yield {
            "mode": mode, "key": key[size], "table": table, "addresses": addresses,
            "tweak": lambda address, constant=constant: linear(constant, address),
        }
    for unit in (4096, 64):
        for size in (128, 256):
            yield {
                "mode": "xts", "key": key[size], "tweak_key": tweak_key[size], "unit": unit, "addresses": HIGH,
                "tweak": lambda address, k=tweak_key[size], unit=unit: xts_tweak(k, unit, address),
            }


def check_xts(profile, page, ciphertext):
    for at in range(0, 4096, profile["unit"]):
        number = ((page + at) // profile["unit"]).to_bytes(16, "little")
        keys = profile["key"] + profile["tweak_key"]
        encryptor = Cipher(algorithms.AES(keys), modes.XTS(number)).encryptor()
        part = slice(at, at + profile["unit"])
        assert encryptor.update(PATTERN[part]) == ciphertext[part], "the package's XTS agrees"


def main():
    lines = [
        "# Made by make.py; not edited by hand. Byte i of the plaintext page is (7 i + (i >> 8)) mod 256.",
        "# block: its first 16 bytes at the address; line: its first 64 at the line of the address;",
        "# page-line: its first 64 at the page of the address; page-sha256: all of it there.",
        "",
    ]
    for profile in profiles():
        lines += ["[[profile]]", f'mode = "{profile["mode"]}"', f'key = "{profile["key"].hex()}"']
        if profile["mode"] == "xts":
            lines += [f'tweak-key = "{profile["tweak_key"].hex()}"', f"unit = {profile['unit']}"]
        elif profile["table"] == "seed":
            lines += [f'seed = "{SEED.hex()}"']
        for address in profile["addresses"]:
            page = address & ~0xFFF
            ciphertext = encrypt(profile, page, PATTERN)
            if profile["mode"] == "xts":
                check_xts(profile, page, ciphertext)
            lines += [
                "", "[[profile.answer]]", f"address = {address:#x}",
                f'tweak = "{profile["tweak"](address).hex()}"',
                f'block = "{encrypt(profile, address, PATTERN[:16]).hex()}"',
                f'line = "{encrypt(profile, address & ~0x3F, PATTERN[:64]).hex()}"',
                f'page-line = "{encrypt(profile, page, PATTERN[:64]).hex()}"',
                f'page-sha256 = "{hashlib.sha256(ciphertext).hexdigest()}"',
            ]
        lines.append("")
    path = pathlib.Path(__file__).with_name("known_answers.toml")
    path.write_text("\n".join(lines))


main()
