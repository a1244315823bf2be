//! What an engine has counted while it was used.

use std::fmt;

use opportunity_engine::{Code, Distribution, Stats};

/// The numbers of an engine, in lines.
pub(crate) struct Statistics(pub(crate) Stats);

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stats { outcomes, group_commands, commit_micros, answer_micros, .. } = &self.0;
        let refused = outcomes.refused;
        let codes = Code::ALL.iter().filter_map(|&code| Some((code.number()?, refused.of(code))));
        let codes: Vec<_> = codes.map(|(number, count)| format!("{number}: {count}")).collect();
        writeln!(
            f,
            "engine: added {}, updated {}, unchanged {}, refused {} ({}), aborted {}, unknown {}",
            outcomes.added,
            outcomes.updated,
            outcomes.unchanged,
            refused.total(),
            codes.join(", "),
            outcomes.aborted,
            outcomes.unknown
        )?;
        writeln!(f, "commands a commit: {}", Told(group_commands))?;
        writeln!(f, "µs a commit: {}", Told(commit_micros))?;
        write!(f, "µs an answer: {}", Told(answer_micros))
    }
}

struct Told<'d>(&'d Distribution);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Distribution { count, p50, p99, max, .. } = self.0;
        write!(f, "p50 {p50}, p99 {p99}, max {max} (of {count})")
    }
}
