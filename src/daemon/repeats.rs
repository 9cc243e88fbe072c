//! A message that comes again and again is logged once and then counted.

use std::time::{Duration, Instant};

/// For so long after a message was logged, its repetitions are only counted.
const QUIET: Duration = Duration::from_secs(10);
/// Different messages of that time; what comes beyond them is only counted.
const MESSAGES: usize = 64;
/// Characters of a message: whoever makes them long must not fill the journal.
const LENGTH: usize = 500;
/// Stands for what comes beyond.
const OTHERS: &str = "other messages";

/// What was logged of late.
#[derive(Debug, Default)]
pub struct Repeats {
    seen: Vec<Seen>,
}

#[derive(Debug)]
struct Seen {
    text: String,
    since: Instant,
    times: u32,
}

impl Repeats {
    /// Logs `text` as a warning, unless it was logged of late.
    pub fn warn(&mut self, text: &str) {
        let text: String = text.chars().take(LENGTH).collect();
        if self.is_new(&text, Instant::now()) {
            log::warn!("{text}");
        }
    }

    /// Says how often messages came again, once their time is over.
    pub fn tell(&mut self) {
        for line in self.over(Instant::now()) {
            log::warn!("{line}");
        }
    }

    fn is_new(&mut self, text: &str, now: Instant) -> bool {
        if let Some(seen) = self.seen.iter_mut().find(|seen| seen.text == text) {
            seen.times += 1;
            return false;
        }
        let is_others = text == OTHERS;
        if self.seen.len() >= MESSAGES && !is_others {
            return self.is_new(OTHERS, now);
        }
        self.seen.push(Seen { text: text.to_owned(), since: now, times: u32::from(is_others) });
        !is_others
    }

    fn over(&mut self, now: Instant) -> Vec<String> {
        let mut lines = Vec::new();
        self.seen.retain(|seen| {
            let is_over = now.duration_since(seen.since) >= QUIET;
            if is_over && seen.times > 0 {
                lines.push(format!("{} times more in {} s: {}", seen.times, QUIET.as_secs(), seen.text));
            }
            !is_over
        });
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_are_counted_and_told_at_the_end() {
        let begin = Instant::now();
        let mut repeats = Repeats::default();
        assert!(repeats.is_new("xrun", begin));
        for _ in 0..215 {
            assert!(!repeats.is_new("xrun", begin));
        }
        assert!(repeats.is_new("gone", begin));
        assert!(repeats.over(begin + QUIET / 2).is_empty());
        assert_eq!(repeats.over(begin + QUIET), ["215 times more in 10 s: xrun"]);
        assert!(repeats.is_new("xrun", begin + QUIET));
    }

    #[test]
    fn many_different_messages_are_counted_too() {
        let begin = Instant::now();
        let mut repeats = Repeats::default();
        let logged = (0..1000).filter(|i| repeats.is_new(&format!("no profile {i}"), begin)).count();
        assert_eq!((logged, repeats.seen.len()), (MESSAGES, MESSAGES + 1));
        assert_eq!(repeats.over(begin + QUIET), ["936 times more in 10 s: other messages"]);
    }
}
