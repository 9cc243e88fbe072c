//! `spatiald --status [--json | --metrics]`: how the running daemon fares.

use super::report::print;
use super::show::json;
use super::{Failure, asked};
use crate::daemon::Instance;
use crate::daemon::control::metrics::open_metrics;

/// How it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Lines for people.
    Text,
    /// Everything, as JSON.
    Json,
    /// Figures for a collector, as OpenMetrics text.
    Metrics,
}

/// Asks and prints.
///
/// # Errors
/// No daemon there, or none that answers.
pub fn run(instance: &Instance, form: Form) -> Result<(), Failure> {
    let status = asked::status(instance)?;
    Ok(print(&match form {
        Form::Text => status.to_string(),
        Form::Json => json(&status)?,
        Form::Metrics => open_metrics(&status),
    })?)
}
