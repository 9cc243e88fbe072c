//! What is being read and built: one thing at a time, and what has not come in time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::reload::Wish;

/// Files that take longer lie on a disk that does not answer: whoever waits is told, and the next request is served.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// What it is for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Job {
    /// The first pipeline.
    Start,
    /// What was asked for.
    Reload(Wish),
    /// What played before, which has to play again.
    Restore,
}

/// What a thread reads now, for whoever waits for it in vain.
#[derive(Debug, Clone, Default)]
pub struct Reading(Arc<Mutex<String>>);

impl Reading {
    /// From now on it reads this.
    pub fn begins(&self, what: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = what.into();
    }

    fn what(&self) -> String {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).as_str() {
            "" => "configuration and profile".into(),
            what => what.into(),
        }
    }
}

#[derive(Debug)]
struct Begun {
    ticket: u64,
    job: Job,
    reading: Reading,
    since: Instant,
}

/// At most one job under way, and one that is late. A reload that is late is given up, as it can be asked for again; what
/// the daemon itself needs is taken whenever it comes, unless something newer has been handed over by then.
#[derive(Debug, Default)]
pub(super) struct Preparing {
    now: Option<Begun>,
    late: Option<Begun>,
}

impl Preparing {
    /// A job has begun; only while [`Preparing::is_busy`] says no.
    pub fn begin(&mut self, ticket: u64, job: Job, reading: Reading) {
        self.now = Some(Begun { ticket, job, reading, since: Instant::now() });
    }

    /// The job of `ticket` has ended; `None` where nobody waits for it any more.
    pub fn end(&mut self, ticket: u64) -> Option<Job> {
        let ended =
            [&mut self.now, &mut self.late].into_iter().find_map(|begun| begun.take_if(|it| it.ticket == ticket));
        ended.map(|begun| begun.job)
    }

    /// A job that has become late by `now`, and what it reads. It is under way no longer.
    pub fn take_late(&mut self, now: Instant) -> Option<(Job, String)> {
        let late = self.now.take_if(|begun| now.duration_since(begun.since) > READ_TIMEOUT)?;
        let told = (late.job.clone(), late.reading.what());
        if !matches!(late.job, Job::Reload(_)) {
            self.late = Some(late);
        }
        Some(told)
    }

    /// Something newer has been handed over.
    pub fn forget_late(&mut self) {
        self.late = None;
    }

    /// Whether something is under way.
    pub fn is_busy(&self) -> bool {
        self.now.is_some()
    }

    /// Whether something is late that will be taken.
    pub fn is_late(&self) -> bool {
        self.late.is_some()
    }

    /// Whether the start has not ended.
    pub fn is_starting(&self) -> bool {
        self.now.iter().chain(&self.late).any(|begun| begun.job == Job::Start)
    }

    /// What a start that is late reads.
    pub fn late_start(&self) -> Option<String> {
        self.late.as_ref().filter(|begun| begun.job == Job::Start).map(|begun| begun.reading.what())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::control::Choice;

    fn later() -> Instant {
        Instant::now() + 2 * READ_TIMEOUT
    }

    #[test]
    fn a_late_reload_is_given_up_and_what_is_needed_is_taken_late() {
        let mut preparing = Preparing::default();
        let reload = Job::Reload(Choice::Again.into());
        for (ticket, job) in [(1, Job::Start), (2, Job::Restore), (3, reload)] {
            let reading = Reading::default();
            preparing.begin(ticket, job.clone(), reading.clone());
            assert_eq!(preparing.take_late(Instant::now()), None);
            reading.begins("profile a");
            assert_eq!(preparing.take_late(later()), Some((job.clone(), "profile a".to_owned())));
            assert!(!preparing.is_busy() && preparing.take_late(later()).is_none(), "told once");
            let is_needed = ticket < 3;
            assert_eq!((preparing.is_late(), preparing.is_starting()), (is_needed, ticket == 1));
            assert_eq!(preparing.end(ticket), is_needed.then_some(job));
            assert!(!preparing.is_late());
        }
    }

    #[test]
    fn what_is_late_is_taken_until_something_newer_is_handed_over() {
        let mut preparing = Preparing::default();
        for is_handed_over in [false, true] {
            preparing.begin(1, Job::Restore, Reading::default());
            preparing.take_late(later());
            preparing.begin(2, Job::Reload(Choice::Default.into()), Reading::default());
            if is_handed_over {
                assert!(preparing.end(2).is_some());
                preparing.forget_late();
            }
            assert_eq!(preparing.end(1), (!is_handed_over).then_some(Job::Restore));
            assert_eq!(preparing.is_busy(), !is_handed_over);
            preparing.end(2);
        }
    }
}
