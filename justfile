# The steps are those of .ci/run, which is their one place.

# Everything that CI checks
all:
    bash .ci/run

# One step: format, lint, tree, test, models, docs, examples, benches, fuzz, main_job, package
step name:
    bash .ci/run {{ name }}

# Formats the code
format:
    cargo fmt --all

# The tests
test:
    bash .ci/run test

# Single functions, measured
bench:
    cargo bench --bench functions

# The whole engine beside the baseline, measured
throughput *arguments:
    cargo bench --bench throughput -- {{ arguments }}

# Other libraries on the same workload
peers *arguments:
    cd benches/peers && cargo run --release -- {{ arguments }}

# What is random, much more often: power cuts, kills, damage, hostile bytes, orders of threads. Takes hours
torture:
    #!/usr/bin/env bash
    # All of it, whatever fails.
    export LONG_TESTS=1 FUZZ_SECONDS=600
    failed=0
    cargo test --release --no-fail-fast -- --nocapture || failed=1
    cargo run --release --manifest-path tests/models/Cargo.toml || failed=1
    bash .ci/run fuzz || failed=1
    exit $failed
