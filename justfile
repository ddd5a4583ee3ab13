# What CONTRIBUTING.md names, as recipes. Without `just`, type the lines below them.

# List the recipes
default:
    @just --list

# What must hold of the text of every change: format, lints
check:
    cargo fmt --all -- --check
    cargo clippy --workspace --all-targets -- -D warnings

# All tests, or those that the arguments choose: just test -p tests --test it command_line
test *ARGS='--workspace':
    cargo test {{ARGS}}

# Measure on this machine: just bench --list
bench *ARGS:
    cargo build --release
    cargo run --release --bin bench -- {{ARGS}}

# Search for inputs that break something (nightly, cargo-fuzz): just fuzz classic_tables -max_total_time=60
fuzz NAME *ARGS:
    cd tests && cargo +nightly fuzz run {{NAME}} -- {{ARGS}}

# The pages of all crates, private items too
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

# Whether the pages of the library name only what the library exports: prints what is missing, and fails
library-docs:
    touch paso/src/lib.rs
    cargo doc -p paso -p paso-tunnel -p paso-proto --no-deps --features paso/testing
    ! grep -roE 'href="(\.\./)+paso_(tunnel|proto)/[^"#]*' target/doc/paso

# All that must pass before a change lands
ci:
    bash .ci/run

# A Debian package of the programs
deb:
    cargo build --release -p paso-programs
    packaging/build-deb
