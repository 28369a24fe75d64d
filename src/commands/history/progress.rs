//! A line on a terminal that counts records, and shows how many of all where that is known.

use std::time::{Duration, Instant};

use super::format::pluralize;
use crate::util::numbers::thousands;
use crate::util::stderr;

/// The time between two changes of the line.
const REFRESH_INTERVAL: Duration = Duration::from_millis(100);

/// The width of the bar (characters).
const BAR_WIDTH: u64 = 30;

pub struct Progress {
    total: Option<u64>,
    done: u64,
    /// The time of the line's last change; `None` where there is no line.
    shown: Option<Instant>,
}

impl Progress {
    /// Counts without showing it.
    pub fn hidden() -> Progress {
        Progress {
            total: None,
            done: 0,
            shown: None,
        }
    }

    pub fn of(total: Option<u64>) -> Progress {
        Progress {
            total,
            done: 0,
            shown: Some(Instant::now()),
        }
    }

    pub fn record(&mut self) {
        self.done += 1;
        if self
            .shown
            .is_some_and(|shown| shown.elapsed() >= REFRESH_INTERVAL)
        {
            stderr::write(format_args!("\r{}", self.line()));
            self.shown = Some(Instant::now());
        }
    }

    pub fn done(&self) -> u64 {
        self.done
    }

    /// Writes the line. More records may have come since they were counted.
    fn line(&self) -> String {
        let Some(total) = self.total.filter(|total| *total > 0) else {
            return pluralize(self.done, "record");
        };
        let full = (self.done.saturating_mul(BAR_WIDTH) / total).min(BAR_WIDTH) as usize;
        let bar = "#".repeat(full) + &"-".repeat(BAR_WIDTH as usize - full);
        format!(
            "[{bar}] {} of {}",
            thousands(self.done),
            pluralize(total, "record")
        )
    }
}

impl Drop for Progress {
    /// Takes the line away.
    fn drop(&mut self) {
        if self.shown.is_some() {
            stderr::write(format_args!(
                "\r{:width$}\r",
                "",
                width = self.line().chars().count()
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills_and_never_overflows() {
        let line = |done, total| {
            Progress {
                total,
                done,
                shown: None,
            }
            .line()
        };
        assert_eq!(
            line(500, Some(1000)),
            format!(
                "[{}{}] 500 of 1,000 records",
                "#".repeat(15),
                "-".repeat(15)
            )
        );
        assert_eq!(
            line(7, Some(1)),
            format!("[{}] 7 of 1 record", "#".repeat(30))
        );
        assert_eq!(
            (line(1234, None), line(0, Some(0))),
            ("1,234 records".to_owned(), "0 records".to_owned())
        );
    }
}
