//! Tries the orders in which the threads of the queue and the promises may run: those of a few steps with
//! few switches between threads, and random ones of many. An argument picks the models that have it in their name.

mod on_loom;
mod on_shuttle;

fn main() {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let is_wanted = |name: &str| name.contains(&wanted);
    let is_long = std::env::var_os("LONG_TESTS").is_some();
    on_loom::explore(is_wanted, Some(if is_long { 3 } else { 2 }));
    on_shuttle::explore(is_wanted, if is_long { 1_000_000 } else { 100_000 });
}
