//! Whether the mixer controls of the configuration can be set.

use super::finding::Finding;
use crate::output::MixerError;

const CHECK: &str = "mixer";

/// `wanted`: how many controls the configuration sets; `errors`: those that cannot be, `None` where nobody could tell.
pub(super) fn check(wanted: usize, errors: Option<&[MixerError]>) -> Finding {
    match errors {
        _ if wanted == 0 => Finding::ok(CHECK, "no control is to be set"),
        None => Finding::skip(CHECK, "not known: the mixer does not answer"),
        Some([]) => Finding::ok(CHECK, format!("{wanted} can be set")),
        Some([error, ..]) => Finding::fail(CHECK, error.to_string())
            .typed("mend its [[mixer]] in spatiald.toml; this tells whether it is right", "spatiald --check"),
    }
}
