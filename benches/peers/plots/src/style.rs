//! What all pictures share.

use plotters::prelude::*;

pub(crate) const ENGINE: RGBColor = RGBColor(0x1f, 0x5f, 0xa8);
pub(crate) const BASELINE: RGBColor = RGBColor(0x70, 0x70, 0x70);
pub(crate) const PEER: RGBColor = RGBColor(0xb9, 0xc7, 0xd6);
pub(crate) const GRID: RGBColor = RGBColor(0xe4, 0xe4, 0xe4);

pub(crate) const TITLE: (&str, u32) = ("sans-serif", 19);
pub(crate) const TEXT: (&str, u32) = ("sans-serif", 14);

/// 1,500 as `1.5 k`: an axis has no room for more.
pub(crate) fn short(value: f64) -> String {
    let (scaled, unit) = match value {
        1e6.. => (value / 1e6, " M"),
        1e3.. => (value / 1e3, " k"),
        _ => (value, ""),
    };
    // Three digits at most, and no zeros behind the point.
    let decimals = if scaled >= 10.0 { 0 } else { 1 };
    let digits = format!("{scaled:.decimals$}");
    format!("{}{unit}", digits.trim_end_matches(".0"))
}

/// The power of ten at or below the least and the one at or above the most.
pub(crate) fn decades(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (least, most) = values
        .fold((f64::MAX, f64::MIN), |(least, most), value| (least.min(value), most.max(value)));
    (10_f64.powf(least.log10().floor()), 10_f64.powf(most.log10().ceil()))
}
