//! Runs on databases that are made for them.

use std::sync::Arc;

use opportunity_engine::Engine;

use crate::arguments::Arguments;
use crate::baseline::Baseline;
use crate::database;
use crate::measured::{Comparison, Measured};
use crate::runs::{Limit, Sending, run};
use crate::subject::Subject;
use crate::workload::{Rows, warm_up};

/// Runs the baseline and the engine in turns, so that whatever else the machine does hits both.
pub(crate) fn compare(arguments: &Arguments, sending: Sending, limit: Limit) -> Comparison {
    let mut comparison = Comparison::default();
    for round in 0..arguments.rounds() {
        let baseline = on_fresh_database::<Baseline>(arguments, sending, limit, round);
        let engine = on_fresh_database::<Engine>(arguments, sending, limit, round);
        comparison.add(Some(baseline), engine);
    }
    comparison
}

pub(crate) fn on_fresh_database<S: Subject>(
    arguments: &Arguments,
    sending: Sending,
    limit: Limit,
    round: usize,
) -> Measured {
    let folder = arguments.empty_folder();
    let subject = S::open(folder.path());
    for batch in warm_up(arguments.rows()) {
        subject.send_all(&batch);
    }
    let mut rows = Arc::new(Rows::after_warm_up(arguments.rows()));
    let measured = run(&subject, sending, &mut rows, limit, round);
    subject.close();
    let database = database::open(&S::database(folder.path()));
    database::stored(&database, |stored| rows.check(stored));
    measured.with_bytes_per_row(database::bytes_per_row(&database))
}
