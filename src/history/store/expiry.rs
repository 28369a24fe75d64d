//! EXPIRY: whether what is too old may go now. A clock that jumped ahead makes everything look too old, and what was deleted comes back by
//! no correction; so a clean-up that would delete all there is at once waits a day, for somebody to look at the clock.
//!
//! - Held is a clean-up by age that would delete every record that was there at the start, or at the last jump of the clock: of a clock
//!   that people set, against one that nobody does. Purges, limits of size and a smaller number of days are meant, and never held.
//! - The first hold is noted beside the history with its time. The note survives restarts, is never renewed, counts for nothing while it
//!   lies in the future, and goes once a clean-up ran. From a day after it, what is too old goes.
//! - Records of the future, which a clock left that was ahead, cannot grow old. They go when they were noticed for as long as others
//!   are kept.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Extent, Limits, Result, Span};
use crate::history::record::now;
use crate::platform;

/// The note's file, in the directory of the history.
pub const NOTE: &str = ".expiry";

/// Seconds.
const DAY: f64 = 86_400.0;

/// How long a clean-up is held (seconds).
const HOLD: f64 = DAY;

/// A clock that moves by more than this against one that nobody sets has jumped (seconds).
const JUMP: f64 = 3600.0;

/// Records may be this far ahead of the clock, which is corrected now and then (seconds).
pub const AHEAD: f64 = DAY;

/// Both clocks at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Unix seconds.
    pub wall: f64,
    /// Seconds of a clock that nobody sets and that counts the machine's sleep.
    pub steady: f64,
}

impl Reading {
    pub fn now() -> Reading {
        Reading {
            wall: now(),
            steady: platform::resources::steady_clock().as_secs_f64(),
        }
    }
}

/// What is remembered from one run to the next.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Note {
    /// When a clean-up was first held (Unix seconds).
    held_since: Option<f64>,
    /// When records of the future were first noticed (Unix seconds), and when the last of them says that it arrived.
    future_since: Option<f64>,
    future_until: Option<f64>,
    /// Days that records were kept when a clean-up last ran; 0 for ever.
    retention_days: Option<u32>,
}

/// Watches the clock, and says what may go.
pub struct Expiry {
    path: PathBuf,
    note: Note,
    last: Reading,
    /// What was there at the start or at the last jump.
    there: Extent,
    /// The last clean-up was held.
    was_held: bool,
    /// Some of that went because it was old: so not all of it goes at once.
    has_begun: bool,
}

/// What a clean-up may do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    pub limits: Limits,
    pub is_held: bool,
    /// It is the first time since the start, or since the last clean-up that ran.
    pub is_new: bool,
}

impl Expiry {
    /// At the start of a tap. `extent` is that of all there is, its newest record no newer than a moment (Unix seconds).
    pub fn begin(
        directory: &Path,
        at: Reading,
        extent: &dyn Fn(f64) -> Result<Extent>,
    ) -> Result<Expiry> {
        let path = directory.join(NOTE);
        let note: Note = std::fs::read(&path)
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default();
        // What came since a clean-up was first held was not there then, however often we were started meanwhile.
        let newest = note
            .held_since
            .filter(|since| *since <= at.wall)
            .unwrap_or(at.wall + AHEAD);
        Ok(Expiry {
            path,
            note,
            last: at,
            there: extent(newest)?,
            was_held: false,
            has_begun: false,
        })
    }

    /// What may go by age, where records are kept for `days`, and by size.
    pub fn decide(
        &mut self,
        at: Reading,
        days: Option<u32>,
        max_bytes: Option<u64>,
        extent: &dyn Fn(f64) -> Result<Extent>,
    ) -> Result<Decision> {
        self.look_for_jump(at, extent)?;
        self.notice_future(at, &extent(at.wall + AHEAD)?);
        let limits = Limits {
            oldest: days.map(|days| at.wall - f64::from(days) * DAY),
            future: self.future(at, days),
            max_bytes,
        };
        let is_held =
            self.would_delete_all(&limits) && !self.is_fewer(days) && !self.has_waited(at);
        if is_held && self.note.held_since.is_none_or(|since| since > at.wall) {
            self.note.held_since = Some(at.wall);
        }
        let is_new = is_held && !self.was_held;
        self.was_held = is_held;
        let limits = if is_held {
            Limits {
                oldest: None,
                future: None,
                max_bytes,
            }
        } else {
            limits
        };
        Ok(Decision {
            limits,
            is_held,
            is_new,
        })
    }

    /// Notes that a clean-up ran as decided.
    pub fn done(&mut self, decision: &Decision, days: Option<u32>) {
        if decision.is_held {
            return;
        }
        self.has_begun |= decision
            .limits
            .oldest
            .zip(self.there.oldest)
            .is_some_and(|(cut, oldest)| oldest < cut);
        self.note.held_since = None;
        self.note.retention_days = Some(days.unwrap_or(0));
        if decision.limits.future.is_some() {
            (self.note.future_since, self.note.future_until) = (None, None);
        }
    }

    /// Writes down what the next run has to know.
    pub fn keep(&self) -> io::Result<()> {
        let text = serde_json::to_vec(&self.note)?;
        if std::fs::read(&self.path).is_ok_and(|old| old == text) {
            return Ok(());
        }
        let mut part = tempfile::Builder::new()
            .prefix(NOTE)
            .tempfile_in(self.path.parent().unwrap_or(Path::new(".")))?;
        platform::files::give_to_owner_of_directory(part.as_file(), part.path())?;
        part.write_all(&text)?;
        part.persist(&self.path)
            .map(drop)
            .map_err(|cause| cause.error)
    }

    fn look_for_jump(&mut self, at: Reading, extent: &dyn Fn(f64) -> Result<Extent>) -> Result<()> {
        let jump = (at.wall - self.last.wall) - (at.steady - self.last.steady);
        if jump.abs() > JUMP {
            log::warn!(
                "the clock was set {} by {:.0} s",
                if jump > 0.0 { "forward" } else { "back" },
                jump.abs()
            );
            // What was written since a jump ahead was not there then.
            let newest = if jump > 0.0 {
                at.wall - jump
            } else {
                at.wall + AHEAD
            };
            (self.there, self.has_begun) = (extent(newest)?, false);
        }
        self.last = at;
        Ok(())
    }

    fn notice_future(&mut self, at: Reading, extent: &Extent) {
        let latest = extent.latest.filter(|latest| *latest > at.wall + AHEAD);
        let is_registered = self.note.future_since.is_some_and(|since| since <= at.wall);
        match latest {
            None => (self.note.future_since, self.note.future_until) = (None, None),
            Some(latest) if !is_registered => {
                (self.note.future_since, self.note.future_until) = (Some(at.wall), Some(latest))
            }
            Some(_) => {}
        }
    }

    /// The records of the future that were noticed for so long.
    fn future(&self, at: Reading, days: Option<u32>) -> Option<Span> {
        let kept = f64::from(days?) * DAY;
        let until = self
            .note
            .future_since
            .filter(|since| at.wall - since >= kept)
            .and(self.note.future_until)?;
        Some(Span {
            after: at.wall + AHEAD,
            until,
        })
    }

    /// Whether nothing would be left of what was there. Where there is anything else, records of the future are no reason to go on.
    fn would_delete_all(&self, limits: &Limits) -> bool {
        match (self.there.newest, limits.oldest) {
            (Some(newest), Some(oldest)) => newest < oldest && !self.has_begun,
            (None, _) => self.there.latest.is_some() && limits.future.is_some(),
            (Some(_), None) => false,
        }
    }

    /// Whether fewer days are to be kept than in the last run.
    fn is_fewer(&self, days: Option<u32>) -> bool {
        let days_or_ever = |days: u32| if days == 0 { u32::MAX } else { days };
        self.note
            .retention_days
            .is_some_and(|last| days_or_ever(days.unwrap_or(0)) < days_or_ever(last))
    }

    fn has_waited(&self, at: Reading) -> bool {
        self.note
            .held_since
            .is_some_and(|since| since <= at.wall && at.wall - since >= HOLD)
    }
}

#[cfg(test)]
mod tests;
