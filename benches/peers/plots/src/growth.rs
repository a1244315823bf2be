//! Throughput while the table grows.

use std::path::Path;

use plotters::prelude::*;

use crate::Result;
use crate::line_chart::{Line, LineChart};
use crate::lines::ThroughputLine;
use crate::style::{BASELINE, ENGINE};

pub(crate) fn draw(measured: &[ThroughputLine], path: &Path) -> Result<()> {
    let points: Vec<_> = measured.iter().filter(|line| line.mode == "growth").collect();
    let mut ticks: Vec<_> = points.iter().filter_map(|it| it.rows).map(|it| it as f64).collect();
    ticks.sort_by(f64::total_cmp);
    ticks.dedup();
    if ticks.len() < 2 {
        return Ok(());
    }
    let line = |subject: &str, mode: &str, colour, value: fn(&ThroughputLine) -> Option<f64>| {
        let of_mode = points.iter().filter(|it| it.of.as_deref() == Some(mode));
        Line {
            label: format!("{subject}, {mode}"),
            colour,
            dashed: mode == "B",
            points: of_mode.filter_map(|it| Some((it.rows? as f64, value(it)?))).collect(),
        }
    };
    let lines = ["D", "B"].into_iter().flat_map(|mode| {
        [
            line("engine", mode, ENGINE, |it| it.engine_per_s),
            line("baseline", mode, BASELINE, |it| it.baseline_per_s),
        ]
    });
    let chart = LineChart {
        title: "Throughput while the table grows (B: 64 callers, D: batches of 1,000)",
        x_label: "rows in the table",
        y_label: "requests per second",
        ticks,
        lines: lines.collect(),
    };
    let root = SVGBackend::new(path, (720, 460)).into_drawing_area();
    root.fill(&WHITE)?;
    chart.draw(&root)?;
    root.present()?;
    Ok(())
}
