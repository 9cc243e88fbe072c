//! A message that comes again and again is logged once and then counted, more and more seldom.

use std::time::{Duration, Instant};

use log::Level;

/// For so long after a message was logged, its repetitions are only counted: at first, and at most. As long as there are
/// any, the next time is six times as long.
const QUIET: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(24 * 3600));
/// A message that has not come for so long is over: it is logged again when it comes again.
const REST: Duration = Duration::from_secs(600);
/// Different messages of that time. A new one beyond them takes the place of the one that has not come for longest, if
/// that is [`QUIET`] at least; else it is only counted: whoever makes up ever new ones must not fill the journal.
const MESSAGES: usize = 64;
/// Characters of a message: whoever makes them long must not fill the journal.
const LENGTH: usize = 500;
/// Stands for what comes beyond.
const OTHERS: &str = "other messages";

/// What was logged of late.
#[derive(Debug, Default)]
pub struct ThrottledLog {
    seen: Vec<Seen>,
    /// Of messages that lost their place.
    untold: Vec<(Level, String)>,
}

#[derive(Debug)]
struct Seen {
    level: Level,
    text: String,
    /// When it was logged last.
    since: Instant,
    /// When it came last.
    last: Instant,
    quiet: Duration,
    times: u32,
}

impl ThrottledLog {
    /// Logs `text` as a warning, unless it was logged of late.
    pub fn warn(&mut self, text: &str) {
        self.log(Level::Warn, text);
    }

    /// The same, of what is in order.
    pub fn info(&mut self, text: &str) {
        self.log(Level::Info, text);
    }

    fn log(&mut self, level: Level, text: &str) {
        let text: String = text.chars().take(LENGTH).collect();
        if self.is_new(level, &text, Instant::now()) {
            log::log!(level, "{text}");
        }
    }

    /// Says how often messages came again, once their time is over.
    pub fn tell(&mut self) {
        for (level, line) in self.due_lines(Instant::now()) {
            log::log!(level, "{line}");
        }
    }

    fn is_new(&mut self, level: Level, text: &str, now: Instant) -> bool {
        if let Some(seen) = self.seen.iter_mut().find(|seen| seen.text == text) {
            seen.times += 1;
            seen.last = now;
            return false;
        }
        let is_others = text == OTHERS;
        if self.seen.len() >= MESSAGES && !is_others && !self.make_room(now) {
            return self.is_new(Level::Warn, OTHERS, now);
        }
        let times = u32::from(is_others);
        self.seen.push(Seen { level, text: text.to_owned(), since: now, last: now, quiet: QUIET.0, times });
        !is_others
    }

    /// Forgets the message that has not come for longest. False if that is not long.
    fn make_room(&mut self, now: Instant) -> bool {
        let messages = self.seen.iter().enumerate().filter(|(_, seen)| seen.text != OTHERS);
        let Some((index, longest)) = messages.min_by_key(|(_, seen)| seen.last) else { return false };
        if now.duration_since(longest.last) < QUIET.0 {
            return false;
        }
        let mut forgotten = self.seen.swap_remove(index);
        self.untold.extend(forgotten.take_repetitions(now));
        true
    }

    /// Forgets what has not come again.
    fn due_lines(&mut self, now: Instant) -> Vec<(Level, String)> {
        let mut lines = std::mem::take(&mut self.untold);
        self.seen.retain_mut(|seen| {
            let is_over = now.duration_since(seen.last) >= REST;
            if now.duration_since(seen.since) < seen.quiet && !is_over {
                return true;
            }
            let line = seen.take_repetitions(now);
            let is_kept = line.is_some() && !is_over;
            lines.extend(line);
            is_kept
        });
        lines
    }
}

impl Seen {
    /// How often it came again, if it did; counts anew, for longer.
    fn take_repetitions(&mut self, now: Instant) -> Option<(Level, String)> {
        let count = match std::mem::take(&mut self.times) {
            0 => return None,
            1 => "once".to_owned(),
            times => format!("{times} times"),
        };
        let line = format!("{count} more in {}: {}", span(now.duration_since(self.since)), self.text);
        (self.since, self.quiet) = (now, (6 * self.quiet).min(QUIET.1));
        Some((self.level, line))
    }
}

/// A time as people say it.
pub(crate) fn span(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_new(log: &mut ThrottledLog, text: &str, now: Instant) -> bool {
        log.is_new(Level::Warn, text, now)
    }

    fn due_lines(log: &mut ThrottledLog, now: Instant) -> Vec<String> {
        log.due_lines(now).into_iter().map(|(_, line)| line).collect()
    }

    #[test]
    fn repetitions_are_counted_and_told_at_the_end() {
        let begin = Instant::now();
        let mut log = ThrottledLog::default();
        assert!(is_new(&mut log, "xrun", begin));
        for _ in 0..215 {
            assert!(!is_new(&mut log, "xrun", begin));
        }
        assert!(is_new(&mut log, "gone", begin));
        assert!(due_lines(&mut log, begin + QUIET.0 / 2).is_empty());
        assert_eq!(due_lines(&mut log, begin + QUIET.0), ["215 times more in 10 s: xrun"]);
        assert!(is_new(&mut log, "gone", begin + QUIET.0), "it had not come again");
        assert!(!is_new(&mut log, "xrun", begin + QUIET.0));
        assert_eq!(due_lines(&mut log, begin + 7 * QUIET.0), ["once more in 60 s: xrun"]);
        assert!(due_lines(&mut log, begin + 43 * QUIET.0).is_empty());
        assert!(is_new(&mut log, "xrun", begin + 43 * QUIET.0));
    }

    /// Such as a card that is not there, which is looked for twice a second.
    #[test]
    fn what_lasts_for_weeks_takes_a_line_a_day() {
        let begin = Instant::now();
        let mut log = ThrottledLog::default();
        let mut lines = 0;
        for second in 0..14 * 24 * 3600 {
            let now = begin + Duration::from_secs(second);
            lines += usize::from(is_new(&mut log, "no such card", now));
            lines += due_lines(&mut log, now).len();
        }
        assert!((14..24).contains(&lines), "{lines} lines in two weeks");
    }

    #[test]
    fn what_was_over_is_logged_again_when_it_comes_again() {
        let begin = Instant::now();
        let mut log = ThrottledLog::default();
        let at = |second| begin + Duration::from_secs(second);
        for second in 0..100_000 {
            is_new(&mut log, "xrun", at(second));
            due_lines(&mut log, at(second));
        }
        assert!(due_lines(&mut log, at(100_500)).is_empty() && !log.seen.is_empty(), "it is counted as the same");
        let told = due_lines(&mut log, at(100_600));
        assert!(told.len() == 1 && told[0].ends_with(" h: xrun"), "{told:?}");
        assert!(is_new(&mut log, "xrun", at(100_601)));
    }

    #[test]
    fn many_different_messages_are_counted_too() {
        let begin = Instant::now();
        let mut log = ThrottledLog::default();
        let logged = (0..1000).filter(|i| is_new(&mut log, &format!("no profile {i}"), begin)).count();
        assert_eq!((logged, log.seen.len()), (MESSAGES, MESSAGES + 1));
        assert_eq!(due_lines(&mut log, begin + QUIET.0), ["936 times more in 10 s: other messages"]);
    }

    #[test]
    fn what_is_new_takes_the_place_of_what_has_not_come_for_longest() {
        let begin = Instant::now();
        let mut log = ThrottledLog::default();
        let at = |second| begin + Duration::from_secs(second);
        for second in [0, 10, 20] {
            for message in 0..MESSAGES as u64 {
                let now = at(second) + Duration::from_millis(message);
                assert_eq!(is_new(&mut log, &format!("message {message}"), now), second == 0);
            }
            due_lines(&mut log, at(second + 1));
        }
        assert!(!is_new(&mut log, "message 0", at(25)));
        assert!(!is_new(&mut log, "the card is gone", at(29)), "all places are in use");
        assert!(is_new(&mut log, "the card is gone", at(31)));
        assert_eq!(due_lines(&mut log, at(31)), ["once more in 20 s: message 1"], "what was counted is not lost");
        assert!(!is_new(&mut log, "message 0", at(32)), "it came later than the others");
        assert!(is_new(&mut log, "message 1", at(32)), "and takes the place of message 2");
    }
}
