//! Whether `spatiald.toml` can be read.

use super::finding::Finding;
use crate::config::Config;
use crate::source::Complaint;

const CHECK: &str = "configuration";

pub(super) fn check(found: &Result<Config, Complaint>) -> Finding {
    match found {
        Ok(Config { path: Some(path), .. }) => Finding::ok(CHECK, path.display().to_string()),
        Ok(_) => Finding::ok(CHECK, "no spatiald.toml: the defaults hold"),
        Err(complaint) => Finding::fail(CHECK, complaint.to_string())
            .typed("mend that place; this tells whether it is right", "spatiald --check"),
    }
}
