//! Real time for the writer's thread where the limits grant none. Whoever else may grant it is asked on a thread of its own,
//! as the answer may take long, and more than once: when a system starts, it may not be there yet.

use std::convert::Infallible;
use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use crate::engine::Scheduling;

/// Pause before each request.
const PAUSES: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(15), Duration::from_secs(60)];

/// The requests. No further one is begun when this is dropped.
#[derive(Debug)]
pub(super) struct Promotion {
    _end: mpsc::Sender<Infallible>,
}

impl Promotion {
    /// Begins to ask: `ask` returns how the thread is scheduled afterwards. `tell` learns of the first answer, and of a
    /// grant.
    pub fn start(
        ask: impl Fn() -> Scheduling + Send + 'static,
        tell: impl Fn(Scheduling) + Send + 'static,
    ) -> io::Result<Promotion> {
        let (end, ended) = mpsc::channel();
        std::thread::Builder::new().name("promotion".into()).spawn(move || run(&PAUSES, &ended, ask, tell))?;
        Ok(Promotion { _end: end })
    }
}

fn run(
    pauses: &[Duration],
    ended: &mpsc::Receiver<Infallible>,
    ask: impl Fn() -> Scheduling,
    tell: impl Fn(Scheduling),
) {
    for (request, pause) in pauses.iter().enumerate() {
        if !matches!(ended.recv_timeout(*pause), Err(RecvTimeoutError::Timeout)) {
            return;
        }
        let scheduling = ask();
        if request == 0 || scheduling.is_realtime() {
            tell(scheduling);
        }
        if scheduling.is_realtime() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// What is told where the requests are answered by `answers`, and how many were made.
    fn told(answers: &[Scheduling], is_dropped: bool) -> (Vec<Scheduling>, usize) {
        let (end, ended) = mpsc::channel();
        let _end = (!is_dropped).then_some(end);
        let (told, asked) = (RefCell::default(), RefCell::new(0));
        let ask = || {
            *asked.borrow_mut() += 1;
            answers[*asked.borrow() - 1]
        };
        run(&[Duration::ZERO; 4], &ended, ask, |scheduling| RefCell::<Vec<_>>::borrow_mut(&told).push(scheduling));
        (told.into_inner(), asked.into_inner())
    }

    #[test]
    fn it_is_asked_for_until_it_is_granted_and_told_of_once() {
        let (other, granted) = (Scheduling::Other, Scheduling::RoundRobin(20));
        assert_eq!(told(&[granted], false), (vec![granted], 1));
        assert_eq!(told(&[other, other, granted], false), (vec![other, granted], 3));
        assert_eq!(told(&[other; 4], false), (vec![other], 4));
        assert_eq!(told(&[other; 4], true), (vec![], 0));
    }
}
