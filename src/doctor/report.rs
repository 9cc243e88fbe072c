//! All findings: the cause first.

use std::fmt;

use serde::Serialize;

use super::finding::{Finding, Level};
use super::journal::{self, ago};
use crate::source::printable;

/// All findings, worst first; among equals, causes before their consequences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Of this form: 1.
    pub schema: u32,
    /// What to see to first.
    pub cause: String,
    /// One for each check.
    pub findings: Vec<Finding>,
    /// What the service complained of last, the latest at the end.
    pub journal: Vec<journal::Entry>,
}

impl Report {
    /// Sorts `findings`, which come causes before consequences.
    pub(super) fn new(mut findings: Vec<Finding>, journal: Vec<journal::Entry>) -> Report {
        findings.sort_by_key(|finding| finding.level);
        let cause = match findings.first() {
            Some(worst) if worst.level <= Level::Warn => format!("{}: {}", worst.check, worst.text),
            _ => "nothing keeps sound away".into(),
        };
        Report { schema: 1, cause, findings, journal }
    }

    /// Checks that found something that keeps sound away.
    pub fn failed(&self) -> usize {
        self.findings.iter().filter(|finding| finding.level == Level::Fail).count()
    }
}

impl fmt::Display for Report {
    /// The cause, a row for each check, what to do, and what the journal holds. Names and messages are of others: none
    /// leaves its line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "spatiald doctor: {}\n", printable(&self.cause))?;
        for Finding { check, level, text, .. } in &self.findings {
            writeln!(f, "{:<4}  {check:<15}  {}", level.word(), printable(text))?;
        }
        for finding in &self.findings {
            let Some(remedy) = &finding.remedy else { continue };
            writeln!(f, "\n{}: {}", finding.check, printable(&remedy.text))?;
            if let Some(command) = &remedy.command {
                writeln!(f, "    {}", printable(command))?;
            }
        }
        for (index, journal::Entry { level, age_s, text }) in self.journal.iter().enumerate() {
            let gap = if index == 0 { "\n" } else { "" };
            writeln!(f, "{gap}journal: {level}, {}: {}", ago(*age_s), printable(text))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_comes_first_and_of_equals_the_cause() {
        let report = Report::new(
            vec![
                Finding::ok("a", "fine"),
                Finding::warn("b", "slow"),
                Finding::fail("c", "cause").typed("do", "this"),
                Finding::fail("d", "consequence"),
            ],
            Vec::new(),
        );
        assert_eq!(report.cause, "c: cause");
        let checks: Vec<_> = report.findings.iter().map(|finding| finding.check).collect();
        assert_eq!(checks, ["c", "d", "b", "a"]);
        assert_eq!(report.failed(), 2);
        let text = report.to_string();
        assert!(text.starts_with("spatiald doctor: c: cause\n"), "{text}");
        assert!(text.ends_with("\nc: do\n    this\n"), "{text}");
        assert_eq!(Report::new(vec![Finding::ok("a", "fine")], Vec::new()).cause, "nothing keeps sound away");
    }

    #[test]
    fn what_others_wrote_stays_in_its_line() {
        let evil = "a\u{1b}[2J\nok    x\u{202e}";
        let said = journal::Entry { level: "error", age_s: 60, text: evil.into() };
        let text = Report::new(vec![Finding::fail("c", evil).typed(evil, evil)], vec![said]).to_string();
        assert!(text.lines().all(|line| printable(line).to_string() == line), "{text:?}");
        assert_eq!(text.lines().count(), 8, "{text}");
        assert!(text.ends_with("\njournal: error, 60 s ago: a\\u{1b}[2J\\nok    x\\u{202e}\n"), "{text}");
    }
}
