//! Throughput by working set, drawn as SVG.

use std::error::Error;
use std::io::Write;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use sevcrypt_cli::measure::{Row, WORKING_SETS};
use tempfile::Builder;

use crate::aes_units::AES_UNITS;

/// A chart: the cases of one kind of work.
pub(crate) struct Chart {
    /// What is done.
    pub(crate) title: &'static str,
    /// What the names of its cases have before that of the working set.
    pub(crate) prefix: &'static str,
}

/// Draws charts one above the other. The file appears whole or not at all.
pub(crate) fn draw(
    path: &Path,
    charts: &[Chart],
    rows: &[Row],
    threads: usize,
) -> Result<(), Box<dyn Error>> {
    let mut svg = String::new();
    {
        let height = 500 * charts.len() as u32;
        let area = SVGBackend::with_string(&mut svg, (1100, height)).into_drawing_area();
        area.fill(&WHITE)?;
        for (area, what) in area.split_evenly((charts.len(), 1)).iter().zip(charts) {
            chart(area, what, rows, threads)?;
        }
        area.present()?;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = Builder::new();
    builder.prefix(".sevcrypt-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666)); // less the process's mask
    let mut file = builder.tempfile_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(svg.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

/// The width of the legend, on the axis of the sizes.
const LEGEND: f64 = 3.5;

/// Told apart by people with any colour vision (Okabe and Ito).
const COLOURS: [RGBColor; 7] = [
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 158, 115),
    RGBColor(213, 94, 0),
    RGBColor(0, 114, 178),
    RGBColor(204, 121, 167),
    RGBColor(120, 94, 40),
];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn chart(
    area: &Area<'_>,
    what: &Chart,
    rows: &[Row],
    threads: usize,
) -> Result<(), Box<dyn Error>> {
    let curves = curves(what.prefix, rows, threads);
    let speeds = curves.iter().flat_map(|(_, points)| points).map(|&(_, speed)| speed);
    let (slowest, fastest) = (speeds.clone().fold(f64::MAX, f64::min), speeds.fold(0.0, f64::max));
    let sizes = WORKING_SETS.iter().map(|set| (set.bytes as f64).log2());
    let (least, most) = (sizes.clone().fold(f64::MAX, f64::min), sizes.fold(0.0, f64::max));
    let title = format!("{}, {threads} thread(s)", what.title);
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 20))
        .margin(15)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(least..most + LEGEND, (slowest / 1.5..fastest * 1.5).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("working set")
        .y_desc("GB/s")
        .x_labels(32) // one for each power of two
        .x_label_formatter(&|&log2| if log2 > most { String::new() } else { size(log2) })
        .y_label_formatter(&|speed| format!("{speed}"))
        .light_line_style(TRANSPARENT)
        .draw()?;
    let mut names: Vec<&str> = Vec::new();
    for row in rows {
        if !names.contains(&row.implementation.as_str()) {
            names.push(&row.implementation);
        }
    }
    for (name, points) in &curves {
        // One colour in all charts.
        let index = names.iter().position(|other| other == name).unwrap_or_default();
        let style = match *name {
            "memory-in-place" => RGBColor(150, 150, 150).stroke_width(2),
            AES_UNITS => RGBColor(80, 80, 80).stroke_width(2),
            "aes-bound" => BLACK.stroke_width(2),
            _ => COLOURS[index % COLOURS.len()].stroke_width(2),
        };
        chart
            .draw_series(LineSeries::new(points.iter().copied(), style.filled()).point_size(3))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK)
        .draw()?;
    Ok(())
}

/// A power of two in words: `4 KiB`.
fn size(log2: f64) -> String {
    let kib = log2.exp2() / 1024.0;
    if kib < 1024.0 { format!("{kib:.0} KiB") } else { format!("{:.0} MiB", kib / 1024.0) }
}

type Curve<'a> = (&'a str, Vec<(f64, f64)>);

/// What is drawn of the cases with a prefix: by implementation, the logarithm of each size and GB/s.
fn curves<'a>(prefix: &str, rows: &'a [Row], threads: usize) -> Vec<Curve<'a>> {
    let mut curves: Vec<Curve<'a>> = Vec::new();
    for set in WORKING_SETS {
        let case = format!("{prefix}{}", set.name);
        for row in rows.iter().filter(|row| row.case == case) {
            let point = ((row.bytes as f64).log2(), row.gb_per_s(threads).unwrap_or_default());
            match curves.iter_mut().find(|(name, _)| *name == row.implementation) {
                Some((_, points)) => points.push(point),
                None => curves.push((&row.implementation, vec![point])),
            }
        }
    }
    curves
}

#[cfg(test)]
mod tests {
    use super::*;
    use sevcrypt_cli::measure::Measured;

    #[test]
    fn a_drawing_names_every_implementation() {
        let rows: Vec<_> = WORKING_SETS
            .iter()
            .map(|set| Row {
                group: "memory",
                case: format!("xts256-encrypt-{}", set.name),
                implementation: "sevcrypt-aesni".to_owned(),
                bytes: set.bytes,
                measured: Measured { ns: set.bytes as f64, c64: 64.0 },
                bound: None,
            })
            .collect();
        assert_eq!(curves("xts256-encrypt-", &rows, 1)[0].1.len(), WORKING_SETS.len());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curves.svg");
        let chart = Chart { title: "encryption", prefix: "xts256-encrypt-" };
        draw(&path, &[chart], &rows, 1).unwrap();
        let svg = std::fs::read_to_string(path).unwrap();
        assert!(
            svg.ends_with("</svg>\n") && svg.contains("sevcrypt-aesni") && svg.contains("128 MiB")
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing left behind");
    }
}
