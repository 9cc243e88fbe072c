//! What the system must allow before anything is started.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Open files that daemon, libraries and control clients need together, with some to spare. PipeWire's library does not
/// get over a lack of them.
const OPEN_FILES: u64 = 200;

/// Fewer open files are allowed than are needed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("only {allowed} open files are allowed and {OPEN_FILES} are needed: raise the limit (ulimit -n, LimitNOFILE=)")]
pub struct TooFewFiles {
    allowed: u64,
}

/// Raises the soft limit of open files where it is too low.
///
/// # Errors
/// [`TooFewFiles`]: the hard limit is too low as well.
pub fn allow_open_files() -> Result<(), TooFewFiles> {
    // A system that cannot be asked has none to tell.
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return Ok(()) };
    match soft_limit(soft, hard)? {
        Some(wanted) => setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).map_err(|_| TooFewFiles { allowed: soft }),
        None => Ok(()),
    }
}

/// The soft limit to set, if it has to be.
fn soft_limit(soft: u64, hard: u64) -> Result<Option<u64>, TooFewFiles> {
    match (soft >= OPEN_FILES, hard >= OPEN_FILES) {
        (true, _) => Ok(None),
        (false, true) => Ok(Some(OPEN_FILES)),
        (false, false) => Err(TooFewFiles { allowed: hard }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_raised_as_far_as_needed_and_allowed() {
        assert_eq!(soft_limit(1024, 4096), Ok(None));
        assert_eq!(soft_limit(24, 4096), Ok(Some(OPEN_FILES)));
        assert_eq!(soft_limit(24, 24), Err(TooFewFiles { allowed: 24 }));
    }
}
