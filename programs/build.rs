//! Says what `--version` shows: the version, and where that is known the commit and its date.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=PASO_COMMIT");
    let commit = env::var("PASO_COMMIT").ok().or_else(commit).filter(|commit| !commit.trim().is_empty());
    let version = env!("CARGO_PKG_VERSION");
    let text = commit.map_or_else(|| version.into(), |commit| format!("{version} ({})", commit.trim()));
    println!("cargo::rustc-env=PASO_VERSION={text}");
}

/// The commit of this source, if it is in a repository of its own: `abc1234 2026-11-28`. Its date, not today's: the same source
/// makes the same program.
fn commit() -> Option<String> {
    // Without it cargo looks at each file of the package.
    println!("cargo::rerun-if-changed=build.rs");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    if !root.join(".git").exists() {
        return None;
    }
    // Whatever moves HEAD is written to its log; where there is none, HEAD and its branch have to do.
    let branch = git(root, &["symbolic-ref", "-q", "HEAD"]);
    for name in ["logs/HEAD", "HEAD"].into_iter().chain(branch.as_deref()) {
        let path = git(root, &["rev-parse", "--git-path", name])?;
        let path = root.join(path);
        if path.exists() {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    git(root, &["show", "-s", "--abbrev=7", "--date=short", "--format=%h %cd", "HEAD"])
}

/// What git says on one line; `None` if it does not.
fn git(root: &Path, words: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(root).args(words).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.into())
}
