//! A case as a table.

use std::io::{self, Write};

use sevcrypt_cli::measure::Row;

use crate::aes_units::AES_UNITS;
use crate::contest::SUM_OF_CHECKS;

/// The rows of one case, each beside its bound and what the AES units gave, and for each of ours how many times faster it is than each peer. Where no bytes are counted,
/// the rows of peers are compared with AWS-LC as well.
pub(crate) fn print(out: &mut impl Write, rows: &[Row], threads: usize) -> io::Result<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    let is_own = |row: &Row| row.implementation.starts_with("sevcrypt");
    let baselines = ["memory-in-place", AES_UNITS, "aes-bound", SUM_OF_CHECKS];
    let peers: Vec<_> = rows
        .iter()
        .filter(|row| !is_own(row) && !baselines.contains(&row.implementation.as_str()))
        .collect();
    let of_bytes = first.bytes > 0;
    writeln!(out, "\n{}, {threads} thread(s)", first.case)?;
    write!(out, "{:<24} {:>12}", "", "ns")?;
    if of_bytes {
        write!(out, " {:>8} {:>8}", "c/64", "GB/s")?;
    }
    let bounded = rows.iter().any(|row| row.bound.is_some());
    let units = rows.iter().find(|row| row.implementation == AES_UNITS);
    writeln!(
        out,
        "{}{}",
        if bounded { "  of bound" } else { "" },
        if units.is_some() { "  of units" } else { "" }
    )?;
    for row in rows {
        write!(out, "{:<24} {:>12.1}", row.implementation, row.measured.ns)?;
        let cell = |value: Option<f64>, width| match value {
            Some(value) => format!(" {value:>width$.2}"),
            None => format!(" {:>width$}", ""),
        };
        if of_bytes {
            write!(out, "{}{}", cell(row.c64(), 8), cell(row.gb_per_s(threads), 8))?;
        }
        if bounded {
            write!(out, "{}", cell(row.of_bound(), 9))?;
        }
        if let Some(units) = units {
            // Both from the same rounds: no clock is needed. What does no AES has no such ratio.
            let of_units = row.bound.map(|_| units.measured.ns / row.measured.ns);
            write!(out, "{}", cell(of_units, 9))?;
        }
        for peer in &peers {
            if is_own(row) || !of_bytes && peer.implementation == "aws-lc" {
                let times = peer.measured.ns / row.measured.ns;
                write!(out, "  {times:.2} x {}", peer.implementation)?;
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use sevcrypt_cli::measure::Measured;

    use super::*;

    #[test]
    fn kernels_and_peers_stand_beside_what_the_units_gave() {
        let row = |implementation: &str, ns, bound| Row {
            group: "memory",
            case: "ctr128-encrypt-page".to_owned(),
            implementation: implementation.to_owned(),
            bytes: 64,
            measured: Measured { ns, c64: 2.0 * ns },
            bound,
        };
        let rows = [
            row("memory-in-place", 2.0, None),
            row(AES_UNITS, 5.5, Some(10.0)),
            row("sevcrypt-vaes512", 6.0, Some(10.0)),
            row("aws-lc", 12.0, Some(10.0)),
        ];
        let mut out = Vec::new();
        print(&mut out, &rows, 1).unwrap();
        let lines: Vec<_> = std::str::from_utf8(&out).unwrap().lines().map(str::trim_end).collect();
        assert_eq!(
            lines[2..],
            [
                "                                   ns     c/64     GB/s  of bound  of units",
                "memory-in-place                   2.0     4.00    32.00",
                "aes-units                         5.5    11.00    11.64      0.91      1.00",
                "sevcrypt-vaes512                  6.0    12.00    10.67      0.83      0.92  2.00 x aws-lc",
                "aws-lc                           12.0    24.00     5.33      0.42      0.46",
            ]
        );
    }

    #[test]
    fn without_bytes_there_are_times_and_ratios() {
        let row = |implementation: &str, ns, bound| Row {
            group: "report",
            case: "report-warm".to_owned(),
            implementation: implementation.to_owned(),
            bytes: 0,
            measured: Measured { ns, c64: f64::INFINITY },
            bound,
        };
        let rows = [
            row("sevcrypt", 100.0, Some(80.0)),
            row(SUM_OF_CHECKS, 80.0, None),
            row("aws-lc", 200.0, None),
            row("sev", 400.0, None),
        ];
        let mut out = Vec::new();
        print(&mut out, &rows, 1).unwrap();
        let lines: Vec<_> = std::str::from_utf8(&out).unwrap().lines().map(str::trim_end).collect();
        assert_eq!(
            lines,
            [
                "",
                "report-warm, 1 thread(s)",
                "                                   ns  of bound",
                "sevcrypt                        100.0      0.80  2.00 x aws-lc  4.00 x sev",
                "sum-of-checks                    80.0            2.50 x aws-lc",
                "aws-lc                          200.0            1.00 x aws-lc",
                "sev                             400.0            0.50 x aws-lc",
            ]
        );
    }
}
