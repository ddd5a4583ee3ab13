//! `cargo run -p packaging --example refresh` makes the manual pages and completions anew, where they are committed; with a folder as its argument,
//! there.

use std::path::PathBuf;

use anyhow::Context;

fn main() -> anyhow::Result<()> {
    let here = || PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = std::env::args_os().nth(1).map_or_else(here, PathBuf::from);
    packaging::write(&folder).with_context(|| format!("cannot write below {}", folder.display()))?;
    Ok(())
}
