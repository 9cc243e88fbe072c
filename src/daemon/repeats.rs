//! A message that comes again and again is logged once and then counted.

use std::time::{Duration, Instant};

/// For so long after a message was logged, its repetitions are only counted.
const QUIET: Duration = Duration::from_secs(10);

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
        if self.is_new(text, Instant::now()) {
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
        match self.seen.iter_mut().find(|seen| seen.text == text) {
            Some(seen) => {
                seen.times += 1;
                false
            }
            None => {
                self.seen.push(Seen { text: text.to_owned(), since: now, times: 0 });
                true
            }
        }
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
}
