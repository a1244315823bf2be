//! Results, for people and for programs.

use serde_json::{Map, Value, json};

use crate::measured::{Comparison, Spread};

/// Prints a line for each result.
pub(crate) struct Report {
    json: bool,
}

impl Report {
    pub(crate) fn begin(json: bool, rounds: usize) -> Self {
        if !json {
            println!("durability FULL; medians of {rounds} rounds");
            println!(
                "{:<26}{:>9} {:>11}  {:<23}{:>8} {:>8} {:>16} {:>8} {:>6} {:>10}",
                "mode",
                "engine/s",
                "baseline/s",
                "ratio (min – max)",
                "p50 µs",
                "p99 µs",
                "baseline p99 µs",
                "commits",
                "group",
                "bytes/row"
            );
        }
        Self { json }
    }

    /// Prints the engine beside the baseline. `point` says where in the mode that is, and `label`
    /// says it for people.
    pub(crate) fn comparison(
        &self,
        mode: &str,
        point: &[(&str, Value)],
        label: &str,
        compared: &Comparison,
    ) {
        if self.json {
            print_object(mode, point.iter().cloned(), members(compared));
            return;
        }
        let (engine, baseline) = (&compared.engine, &compared.baseline);
        println!(
            "{:<26}{:>9} {:>11}  {:<23}{:>8} {:>8} {:>16} {:>8} {:>6} {:>10}",
            label,
            whole(engine.per_second()),
            whole(baseline.per_second()),
            compared.ratio().map_or_else(|| "–".to_owned(), spread),
            whole(engine.p50_micros()),
            whole(engine.p99_micros()),
            whole(baseline.p99_micros()),
            whole(engine.commits()),
            whole(engine.mean_group()),
            whole(engine.bytes_per_row()),
        );
    }

    /// Prints what is no comparison of that kind: as an object, or as a sentence.
    pub(crate) fn other(&self, mode: &str, members: &[(&str, Value)], sentence: &str) {
        if self.json {
            print_object(mode, members.iter().cloned(), []);
        } else {
            println!("{mode:<26}{sentence}");
        }
    }
}

fn print_object<'a>(
    mode: &str,
    point: impl IntoIterator<Item = (&'a str, Value)>,
    members: impl IntoIterator<Item = (&'a str, Value)>,
) {
    let all = [("mode", json!(mode))].into_iter().chain(point).chain(members);
    let object: Map<String, Value> = all.map(|(name, value)| (name.to_owned(), value)).collect();
    println!("{}", Value::Object(object));
}

fn members(compared: &Comparison) -> [(&'static str, Value); 13] {
    let (engine, baseline, ratio) = (&compared.engine, &compared.baseline, compared.ratio());
    [
        ("engine_per_s", rounded(engine.per_second())),
        ("baseline_per_s", rounded(baseline.per_second())),
        ("ratio", rounded(ratio.map(|it| it.median))),
        ("ratio_min", rounded(ratio.map(|it| it.min))),
        ("ratio_max", rounded(ratio.map(|it| it.max))),
        ("p50_us", rounded(engine.p50_micros())),
        ("p99_us", rounded(engine.p99_micros())),
        ("baseline_p50_us", rounded(baseline.p50_micros())),
        ("baseline_p99_us", rounded(baseline.p99_micros())),
        ("commits", rounded(engine.commits())),
        ("mean_group", rounded(engine.mean_group())),
        ("bytes_per_row", rounded(engine.bytes_per_row())),
        ("baseline_bytes_per_row", rounded(baseline.bytes_per_row())),
    ]
}

/// To thousandths; null if it is not known.
pub(crate) fn rounded(value: impl Into<Option<f64>>) -> Value {
    json!(value.into().map(|value| (value * 1_000.0).round() / 1_000.0))
}

/// A median with the least and the most.
pub(crate) fn spread(of: Spread) -> String {
    format!("{:.2} ({:.2} – {:.2})", of.median, of.min, of.max)
}

fn whole(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.0}"))
}
