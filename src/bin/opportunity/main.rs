//! The command-line program `opportunity`.

fn main() {}
