//! Throughput and latency with more and more callers.

use std::path::Path;

use plotters::prelude::*;

use crate::Result;
use crate::line_chart::{Line, LineChart};
use crate::lines::ThroughputLine;
use crate::style::{BASELINE, ENGINE};

pub(crate) fn draw(measured: &[ThroughputLine], path: &Path) -> Result<()> {
    let curve: Vec<_> = measured.iter().filter(|line| line.mode == "curve").collect();
    if curve.len() < 2 {
        return Ok(());
    }
    let line = |label: &str, colour, dashed, value: fn(&ThroughputLine) -> Option<f64>| Line {
        label: label.to_owned(),
        colour,
        dashed,
        points: curve.iter().filter_map(|it| Some((it.callers? as f64, value(it)?))).collect(),
    };
    let ticks: Vec<_> = curve.iter().filter_map(|it| it.callers).map(|it| it as f64).collect();
    let throughput = LineChart {
        title: "Throughput",
        x_label: "callers",
        y_label: "requests per second",
        ticks: ticks.clone(),
        lines: vec![
            line("engine", ENGINE, false, |it| it.engine_per_s),
            line("baseline", BASELINE, false, |it| it.baseline_per_s),
        ],
    };
    let latency = LineChart {
        title: "Latency",
        x_label: "callers",
        y_label: "latency, µs",
        ticks,
        lines: vec![
            line("engine, median", ENGINE, false, |it| it.p50_us),
            line("engine, 99 %", ENGINE, true, |it| it.p99_us),
            line("baseline, median", BASELINE, false, |it| it.baseline_p50_us),
            line("baseline, 99 %", BASELINE, true, |it| it.baseline_p99_us),
        ],
    };
    let root = SVGBackend::new(path, (1_000, 460)).into_drawing_area();
    root.fill(&WHITE)?;
    let (left, right) = root.split_horizontally(500);
    throughput.draw(&left)?;
    latency.draw(&right)?;
    root.present()?;
    Ok(())
}
