//! Everything the fuzzer has found worth keeping passes.

use std::fs;
use std::panic::catch_unwind;
use std::path::PathBuf;

use testbed::{classic_frame, classic_model};

/// Hands every file of `fuzz/corpus/<target>` to what the target calls; there must be some.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut replayed = 0;
    for file in fs::read_dir(&folder).expect("the corpus is part of the source") {
        let path = file.expect("a readable folder").path();
        let bytes = fs::read(&path).expect("a readable file");
        assert!(catch_unwind(|| check(&bytes)).is_ok(), "{}", path.display());
        replayed += 1;
    }
    assert!(replayed > 0, "no corpus for {target}");
}

#[test]
fn classic_frame() {
    replay("classic_frame", classic_frame::check);
}

#[test]
fn classic_tables() {
    replay("classic_tables", classic_model::run);
}

#[test]
fn classic_datagrams() {
    replay("classic_datagrams", classic_model::run_datagrams);
}

#[test]
fn sealed_streams() {
    replay("sealed_streams", proto::sealed::fuzzing::run_streams);
}

#[test]
fn sealed_endpoint() {
    replay("sealed_endpoint", proto::sealed::fuzzing::run_endpoint);
}

#[test]
fn sealed_frames() {
    replay("sealed_frames", proto::sealed::fuzzing::feed_transport);
}

#[test]
fn sealed_parsers() {
    replay("sealed_parsers", proto::sealed::fuzzing::parse_everything);
}
