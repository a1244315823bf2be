//! Lines over an axis that grows by factors, as does the other.

use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;

use crate::Result;
use crate::style::{GRID, TEXT, TITLE, decades, short};

pub(crate) struct LineChart<'a> {
    pub(crate) title: &'a str,
    pub(crate) x_label: &'a str,
    pub(crate) y_label: &'a str,
    /// Where the axis of x has labels.
    pub(crate) ticks: Vec<f64>,
    pub(crate) lines: Vec<Line>,
}

pub(crate) struct Line {
    pub(crate) label: String,
    pub(crate) colour: RGBColor,
    pub(crate) dashed: bool,
    pub(crate) points: Vec<(f64, f64)>,
}

impl LineChart<'_> {
    pub(crate) fn draw(&self, area: &DrawingArea<SVGBackend<'_>, Shift>) -> Result<()> {
        // What is above the highest point leaves room for the labels of the lines.
        let values = self.lines.iter().flat_map(|line| &line.points).map(|point| point.1);
        let (bottom, top) = decades(values.clone().chain(values.map(|value| value * 8.0)));
        let (first, last) = (self.ticks[0], self.ticks[self.ticks.len() - 1]);
        let mut chart = ChartBuilder::on(area)
            .caption(self.title, TITLE)
            .margin(16)
            .x_label_area_size(48)
            .y_label_area_size(76)
            .build_cartesian_2d(
                (first..last).log_scale().with_key_points(self.ticks.clone()),
                (bottom..top).log_scale(),
            )?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .bold_line_style(GRID)
            .x_desc(self.x_label)
            .y_desc(self.y_label)
            .x_label_formatter(&|value| short(*value))
            .y_label_formatter(&|value| short(*value))
            .axis_desc_style(TEXT)
            .label_style(TEXT)
            .draw()?;
        for line in &self.lines {
            let style = line.colour.stroke_width(2);
            let points = line.points.iter().copied();
            let dashed = line.dashed;
            let drawn = if dashed {
                chart.draw_series(DashedLineSeries::new(points, 7, 5, style))?
            } else {
                chart.draw_series(LineSeries::new(points, style))?
            };
            drawn.label(&line.label).legend(move |(x, y)| {
                let ends = [(x, y), (x + 24, y)];
                if dashed {
                    DashedPathElement::new(ends, 6, 4, style).into_dyn()
                } else {
                    PathElement::new(ends, style).into_dyn()
                }
            });
            let circles =
                line.points.iter().map(|&point| Circle::new(point, 3, line.colour.filled()));
            chart.draw_series(circles)?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.85))
            .border_style(GRID)
            .label_font(TEXT)
            .draw()?;
        Ok(())
    }
}
