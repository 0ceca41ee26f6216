//! A case as a table.

use std::io::{self, Write};

use sevcrypt_cli::measure::Row;

/// The rows of one case, and for each of ours how many times faster it is than each peer.
pub(crate) fn print(out: &mut impl Write, rows: &[Row], threads: usize) -> io::Result<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    let is_own = |row: &Row| row.implementation.starts_with("sevcrypt-");
    let baselines = ["memory-in-place", "aes-bound"];
    let peers: Vec<_> = rows
        .iter()
        .filter(|row| !is_own(row) && !baselines.contains(&row.implementation.as_str()))
        .collect();
    let title = format!("{}, {threads} thread(s)", first.case);
    writeln!(
        out,
        "\n{title}\n{:<18} {:>12} {:>8} {:>8} {:>9}",
        "", "ns", "c/64", "GB/s", "of bound"
    )?;
    for row in rows {
        write!(out, "{:<18} {:>12.1}", row.implementation, row.measured.ns)?;
        let cell = |value: Option<f64>, width, digits| match value {
            Some(value) => format!(" {value:>width$.digits$}"),
            None => format!(" {:>width$}", ""),
        };
        write!(out, "{}{}", cell(row.c64(), 8, 2), cell(row.gb_per_s(threads), 8, 2))?;
        write!(out, "{}", cell(row.of_bound(), 9, 2))?;
        if is_own(row) {
            for peer in &peers {
                let times = peer.measured.ns / row.measured.ns;
                write!(out, "  {times:.2} x {}", peer.implementation)?;
            }
        }
        writeln!(out)?;
    }
    Ok(())
}
