//! Throughput and latency with more and more callers.

use crate::arguments::Arguments;
use crate::fresh;
use crate::report::Report;
use crate::runs::Sending;

pub(crate) fn curve(arguments: &Arguments, report: &Report) {
    for &callers in arguments.callers_of_curve() {
        let sending = Sending::OneAtATime { callers };
        let compared = fresh::compare(arguments, sending, arguments.limit_of_curve());
        let label = format!("curve {callers}");
        report.comparison("curve", &[("callers", callers.into())], &label, &compared);
    }
}
