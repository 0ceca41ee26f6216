#!/usr/bin/env python3
"""Makes src/platform/ca/published.rs: the primes of the published test CA's keys.

They are those of the public test keys in vectors/attestation/keys, so that every run makes the same bytes. Nothing here is
shared with the Rust code.

    pip install cryptography==48.0.0 && python3 vectors/platform/make.py
"""

import pathlib

from cryptography.hazmat.primitives import serialization

HERE = pathlib.Path(__file__).parent
KEYS = HERE.parent / "attestation" / "keys"
OUT = HERE.parents[1] / "src" / "platform" / "ca" / "published.rs"

HEAD = """\
//! The keys of the published test CA: made by vectors/platform/make.py from the public test keys in
//! vectors/attestation/keys.
//!
//! Everybody has them. They protect nothing.

use super::key::PRIME_LEN;

"""


def figures(number):
    digits = [f"\\x{byte:02x}" for byte in number.to_bytes(256)]
    lines = ("".join(digits[at : at + 22]) for at in range(0, 256, 22))
    return "\\\n        ".join(lines)


def main():
    text = HEAD
    for name in ("ark", "ask", "asvk"):
        key = serialization.load_pem_private_key((KEYS / f"{name}.pem").read_bytes(), None)
        numbers = key.private_numbers()
        assert key.key_size == 4096 and numbers.public_numbers.e == 65537
        p, q = map(figures, (numbers.p, numbers.q))
        text += f"""\
/// p and q of the {name.upper()}, big-endian.
#[rustfmt::skip]
pub(super) static {name.upper()}: [[u8; PRIME_LEN]; 2] = [
    *b"\\
        {p}",
    *b"\\
        {q}",
];
"""
        text += "" if name == "asvk" else "\n"
    OUT.write_text(text)


main()
