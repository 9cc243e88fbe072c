//! States which commit a release build is made from, for `spatiald --version`.

use std::path::Path;
use std::process::Command;

/// What git prints, in one line; nothing where there is no git, no repository, or an answer that is no single line.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    let line = String::from_utf8(output.stdout).ok()?.trim_end().to_owned();
    (!line.is_empty() && !line.contains('\n')).then_some(line)
}

/// The commit, where this folder itself is a repository and not an unpacked archive inside another one.
fn commit() -> Option<String> {
    let top = git(&["rev-parse", "--show-toplevel"])?;
    if Path::new(&top).canonicalize().ok()? != Path::new(".").canonicalize().ok()? {
        return None;
    }
    // Written whenever another commit is checked out or made.
    println!("cargo::rerun-if-changed={}", git(&["rev-parse", "--git-path", "logs/HEAD"])?);
    git(&["rev-parse", "--short=10", "HEAD"])
}

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SPATIALD_COMMIT");
    let named = std::env::var("SPATIALD_COMMIT").ok().filter(|name| !name.is_empty());
    // While developing, a commit would be a reason to build everything again.
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = named.or_else(|| is_release.then(commit).flatten());
    let release = env!("CARGO_PKG_VERSION");
    let version = commit.map_or_else(|| release.to_owned(), |commit| format!("{release} ({commit})"));
    println!("cargo::rustc-env=SPATIALD_VERSION={version}");
}
