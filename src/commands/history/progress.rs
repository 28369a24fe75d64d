//! A line on a terminal that counts records, and shows how many of all where that is known.

use std::time::{Duration, Instant};

use super::format::pluralize;
use crate::util::layout::{columns, truncate};
use crate::util::numbers::thousands;
use crate::util::screen::Screen;
use crate::util::stderr;

/// The time between two changes of the line.
const REFRESH_INTERVAL: Duration = Duration::from_millis(100);

/// The width of the bar (characters), which is left out where there is less room.
const BAR_MAX: usize = 30;
const BAR_MIN: usize = 8;

pub struct Progress {
    total: Option<u64>,
    done: u64,
    begun: Instant,
    /// The time of the line's last change; `None` where there is no line.
    shown: Option<Instant>,
    /// The columns that the line takes at present.
    width: usize,
}

impl Progress {
    /// Counts without showing it.
    pub fn hidden() -> Progress {
        Progress {
            total: None,
            done: 0,
            begun: Instant::now(),
            shown: None,
            width: 0,
        }
    }

    pub fn of(total: Option<u64>) -> Progress {
        Progress {
            total,
            shown: Some(Instant::now()),
            ..Progress::hidden()
        }
    }

    pub fn record(&mut self) {
        self.done += 1;
        if self
            .shown
            .is_some_and(|shown| shown.elapsed() >= REFRESH_INTERVAL)
        {
            let line = self.line(Screen::stderr().width, self.begun.elapsed());
            let before = self.width;
            self.width = columns(&line);
            stderr::write(format_args!(
                "\r{line}{}",
                " ".repeat(before.saturating_sub(self.width))
            ));
            self.shown = Some(Instant::now());
        }
    }

    pub fn done(&self) -> u64 {
        self.done
    }

    /// The time since it began.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Writes the line: a bar, how many of all, and how many a second. More records may have come since they were counted.
    fn line(&self, width: Option<usize>, elapsed: Duration) -> String {
        // In the last column some terminals begin a new line.
        let room = width.map_or(usize::MAX, |width| width.saturating_sub(1));
        let rate = self.done as f64 / elapsed.as_secs_f64().max(1e-3);
        let rate = format!("{}/s", thousands(rate.round() as u64));
        let Some(total) = self.total.filter(|total| *total > 0) else {
            return truncate(&format!("{}, {rate}", pluralize(self.done, "record")), room);
        };
        let share = (self.done as f64 / total as f64).min(1.0);
        let count = format!(
            "{:.0}% {} of {}, {rate}",
            (share * 100.0).floor(),
            thousands(self.done),
            pluralize(total, "record")
        );
        let bar_width = room
            .saturating_sub(columns(&count) + "[] ".len())
            .min(BAR_MAX);
        if bar_width < BAR_MIN {
            return truncate(&count, room);
        }
        let full = (share * bar_width as f64) as usize;
        let bar = "#".repeat(full) + &"-".repeat(bar_width - full);
        format!("[{bar}] {count}")
    }
}

impl Drop for Progress {
    /// Takes the line away.
    fn drop(&mut self) {
        if self.width > 0 {
            stderr::write(format_args!("\r{:width$}\r", "", width = self.width));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(done: u64, total: Option<u64>, width: Option<usize>) -> String {
        let progress = Progress {
            total,
            done,
            ..Progress::hidden()
        };
        progress.line(width, Duration::from_secs(2))
    }

    #[test]
    fn the_bar_fills_and_never_overflows() {
        assert_eq!(
            line(500, Some(1000), None),
            format!(
                "[{}{}] 50% 500 of 1,000 records, 250/s",
                "#".repeat(15),
                "-".repeat(15)
            )
        );
        assert_eq!(
            line(7, Some(1), None),
            format!("[{}] 100% 7 of 1 record, 4/s", "#".repeat(30))
        );
        assert_eq!(line(1234, None, None), "1,234 records, 617/s");
        assert_eq!(line(0, Some(0), None), "0 records, 0/s");
    }

    #[test]
    fn the_line_is_never_wider_than_the_terminal() {
        for width in 1..120 {
            let line = line(123_456, Some(1_234_567), Some(width));
            assert!(columns(&line) < width, "{line}");
            assert_eq!(line.starts_with('['), width > 52, "{width} {line}");
        }
    }
}
