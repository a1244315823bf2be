//! Throughput by mode and library, divided by the baseline's.

use std::path::Path;

use plotters::coord::Shift;
use plotters::coord::ranged1d::SegmentedCoord;
use plotters::coord::types::RangedCoordusize;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::Result;
use crate::lines::PeerLine;
use crate::style::{BASELINE, ENGINE, GRID, PEER, TEXT, TITLE, short};

/// The modes, and what they are.
const MODES: [(&str, &str); 4] = [
    ("A", "A: one caller"),
    ("B", "B: 64 callers"),
    ("C", "C: 1,000 in flight"),
    ("D", "D: batches of 1,000"),
];

pub(crate) fn draw(compared: &[PeerLine], path: &Path) -> Result<()> {
    if compared.is_empty() {
        return Ok(());
    }
    let root = SVGBackend::new(path, (1_000, 760)).into_drawing_area();
    root.fill(&WHITE)?;
    for ((mode, title), area) in MODES.into_iter().zip(root.split_evenly((2, 2))) {
        let peers: Vec<_> = compared.iter().filter(|line| line.mode == mode).collect();
        if !peers.is_empty() {
            panel(title, &peers, &axis(compared), &area)?;
        }
    }
    root.present()?;
    Ok(())
}

/// The same for all modes, with room for the number behind the longest bar.
fn axis(compared: &[PeerLine]) -> std::ops::Range<f64> {
    let least = compared.iter().map(|it| it.ratio_min).fold(0.5, f64::min);
    let most = compared.iter().map(|it| it.ratio_max).fold(2.0, f64::max);
    least * 0.8..most * 4.0
}

fn panel(
    title: &str,
    peers: &[&PeerLine],
    axis: &std::ops::Range<f64>,
    area: &DrawingArea<SVGBackend<'_>, Shift>,
) -> Result<()> {
    let last = peers.len() - 1;
    let mut chart = ChartBuilder::on(area)
        .caption(title, TITLE)
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(108)
        .build_cartesian_2d(axis.clone().log_scale(), (0..last).into_segmented())?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .light_line_style(WHITE)
        .bold_line_style(GRID)
        .x_desc("requests per second ÷ the baseline's")
        .x_label_formatter(&|value| short(*value))
        .y_labels(peers.len())
        .y_label_formatter(&|segment| match segment {
            // The first comes at the top.
            SegmentValue::CenterOf(nth) => peers[last - nth].peer.clone(),
            _ => String::new(),
        })
        .axis_desc_style(TEXT)
        .label_style(TEXT)
        .draw()?;
    let baseline = [(1.0, SegmentValue::Exact(0)), (1.0, SegmentValue::Exact(last + 1))];
    chart.draw_series([PathElement::new(baseline, BASELINE.stroke_width(1))])?;
    for (nth, peer) in peers.iter().enumerate() {
        bar(&mut chart, peer, last - nth)?;
    }
    Ok(())
}

type Chart<'a, 'b> =
    ChartContext<'a, SVGBackend<'b>, Cartesian2d<LogCoord<f64>, SegmentedCoord<RangedCoordusize>>>;

/// A bar from the baseline on, a line from the least ratio to the most, and the number.
fn bar(chart: &mut Chart<'_, '_>, peer: &PeerLine, at: usize) -> Result<()> {
    let corners = [(1.0, SegmentValue::Exact(at)), (peer.ratio, SegmentValue::Exact(at + 1))];
    let mut bar = Rectangle::new(corners, colour(&peer.peer).filled());
    bar.set_margin(4, 4, 0, 0);
    chart.draw_series([bar])?;
    let middle = || SegmentValue::CenterOf(at);
    let range = [(peer.ratio_min, middle()), (peer.ratio_max, middle())];
    chart.draw_series([PathElement::new(range, BLACK.stroke_width(1))])?;
    let behind = (peer.ratio_max.max(1.0) * 1.12, middle());
    let style = TextStyle::from(TEXT).pos(Pos::new(HPos::Left, VPos::Center));
    chart.draw_series([Text::new(format!("{:.2}", peer.ratio), behind, style)])?;
    Ok(())
}

fn colour(peer: &str) -> RGBColor {
    match peer {
        "engine" => ENGINE,
        "baseline" => BASELINE,
        _ => PEER,
    }
}
