#!/usr/bin/env python3
"""Makes src/vartime/p384/generator.rs: multiples of P-384's generator as figures.

    python3 vectors/p384/make.py

Curve and generator are those of SEC 2, section 2.5.1. A test of the library computes every figure again, with the crate
`p384`.
"""

import pathlib

P = 2**384 - 2**128 - 2**96 + 2**32 - 1
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973
G = (
    0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
    0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
)

HEAD = '''//! Multiples of the generator, written by `vectors/p384/make.py`.

use super::KeyRows;
use super::digits::{CHUNKS, MULTIPLES};
use super::field::{Fe, in_lanes};
use super::point::Affine;
use super::words::Words;
use crate::vartime::ifma::{Multiples, OddMultiples, Row};

/// The multiples by 1, 3, 5 and so on up to 127.
pub(crate) static ODD: [Affine; 64] = {
    let mut points = [Affine { x: Fe::ZERO, y: Fe::ZERO }; 64];
    let mut i = 0;
    while i < 64 {
        let [x, y] = &ODD_FIGURES[i];
        points[i] = Affine { x: Fe::constant(x), y: Fe::constant(y) };
        i += 1;
    }
    points
};

/// The multiples by `d * 2^(48 chunk)`, for d from 1 to 16.
pub(crate) static ROWS: KeyRows = {
    let mut rows = KeyRows::EMPTY;
    let mut i = 0;
    while i < CHUNKS * MULTIPLES {
        let (chunk, multiple) = (i / MULTIPLES, i % MULTIPLES);
        let mut axis = 0;
        while axis < 2 {
            let Fe(form) = Fe::constant(&FIGURES[chunk][multiple][axis]);
            let mut word = 0;
            while word < 6 {
                rows.0[chunk][multiple][axis][word] = form[word];
                word += 1;
            }
            axis += 1;
        }
        i += 1;
    }
    rows
};

/// The multiples by 1, 3, 5 and so on up to 127, for lanes.
#[cfg_attr(not(feature = "std"), allow(dead_code, reason = "for eight signatures at a time"))]
pub(crate) static ODD_IN_LANES: OddMultiples = {
    let mut rows = [Row::ZERO; 64];
    let mut i = 0;
    while i < 64 {
        let [x, y] = &ODD_FIGURES[i];
        rows[i] = Row::new(&in_lanes(x), &in_lanes(y));
        i += 1;
    }
    rows
};

/// The multiples by 1, 3, 5 and so on up to 31, times 2^(48 n) in lane n.
pub(crate) static IN_LANES: Multiples = {
    let mut rows = [[Row::ZERO; CHUNKS]; MULTIPLES];
    let mut i = 0;
    while i < CHUNKS * MULTIPLES {
        let (chunk, entry) = (i % CHUNKS, i / CHUNKS);
        let multiple = 2 * entry;
        let [x, y] = if multiple < MULTIPLES {
            &FIGURES[chunk][multiple]
        } else {
            &MORE_FIGURES[chunk][entry - MULTIPLES / 2]
        };
        rows[entry][chunk] = Row::new(&in_lanes(x), &in_lanes(y));
        i += 1;
    }
    rows
};

/// The generator's x and y.
#[cfg(feature = "std")]
pub(crate) const FIGURE: [Words; 2] = ODD_FIGURES[0];
'''


def add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if a[1] != b[1]:
            return None
        slope = (3 * a[0] ** 2 - 3) * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope**2 - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def times(scalar, point):
    product = None
    for bit in bin(scalar)[2:]:
        product = add(product, product)
        if bit == "1":
            product = add(product, point)
    return product


def figure(point, indent):
    """A line for each coordinate."""
    lines = ""
    for number in point:
        words = [f"0x{number >> (64 * i) & (2**64 - 1):016x}" for i in range(6)]
        lines += f"{indent}    [{', '.join(words)}],\n"
    return f"{indent}[\n{lines}{indent}],\n"


def main():
    assert times(N, G) is None and times(N - 1, G) == (G[0], P - G[1])
    text = HEAD
    text += "\n#[rustfmt::skip]\nconst ODD_FIGURES: [[Words; 2]; 64] = [\n"
    text += "".join(figure(times(2 * i + 1, G), "    ") for i in range(64))
    text += "];\n\n#[rustfmt::skip]\nconst FIGURES: [[[Words; 2]; MULTIPLES]; CHUNKS] = [\n"
    for chunk in range(8):
        text += "    [\n"
        text += "".join(figure(times(d << (48 * chunk), G), "        ") for d in range(1, 17))
        text += "    ],\n"
    text += "];\n\n/// The odd ones of those that follow, up to 31.\n#[rustfmt::skip]\n"
    text += "const MORE_FIGURES: [[[Words; 2]; MULTIPLES / 2]; CHUNKS] = [\n"
    for chunk in range(8):
        text += "    [\n"
        text += "".join(figure(times(d << (48 * chunk), G), "        ") for d in range(17, 32, 2))
        text += "    ],\n"
    text += "];\n"
    path = pathlib.Path(__file__).parents[2] / "src" / "vartime" / "p384" / "generator.rs"
    path.write_text(text)


if __name__ == "__main__":
    main()
