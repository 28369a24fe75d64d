//! Decides whether old records may be deleted now. A clock that jumped ahead makes everything look
//! too old, and correcting it does not bring deleted records back; so a clean-up that would delete
//! everything at once waits a day, in which the clock can be corrected.
//!
//! - A clean-up by age is held if it would delete every record that was there at the start, or at
//!   the last jump of the wall clock against the steady clock. Purges, limits of size and a smaller
//!   number of days are intended, and never held.
//! - The time of the first hold is saved beside the history. It survives restarts, is never
//!   renewed, is ignored while it is in the future, and is removed once a clean-up ran. A day after
//!   it, old records are deleted.
//! - Records of the future, which a clock that was ahead left, cannot grow old. They are deleted
//!   once they have been noticed for as long as others are kept.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::directory::replace_side_file;
use super::{Extent, Limits, Result, TimeRange};
use crate::history::record::now;
use crate::platform;

/// The file of the state, in the directory of the history.
pub const STATE_FILE: &str = ".expiry";

/// Seconds.
const DAY_SECONDS: f64 = 86_400.0;

/// The time that a clean-up is held (seconds).
const HOLD_SECONDS: f64 = DAY_SECONDS;

/// A wall clock that moves by more than this against the steady clock has jumped (seconds).
const CLOCK_JUMP_SECONDS: f64 = 3600.0;

/// Records may be this far ahead of the clock, which is corrected now and then (seconds).
pub const CLOCK_SKEW_MAX: f64 = DAY_SECONDS;

/// Both clocks at a moment.
#[derive(Clone, Copy, Debug)]
pub struct ClockReading {
    /// Unix seconds.
    pub wall: f64,
    /// Seconds of a clock that cannot be set and that counts the machine's sleep.
    pub steady: f64,
}

impl ClockReading {
    pub fn now() -> ClockReading {
        ClockReading {
            wall: now(),
            steady: platform::resources::steady_clock().as_secs_f64(),
        }
    }
}

/// The state that is saved from one run to the next.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct ExpiryState {
    /// The time when a clean-up was first held (Unix seconds).
    held_since: Option<f64>,
    /// The time when records of the future were first noticed, and the time of the last of them
    /// (Unix seconds).
    future_since: Option<f64>,
    future_until: Option<f64>,
    /// The days that records were kept when a clean-up last ran; 0 stands for ever.
    retention_days: Option<u32>,
}

/// Watches the clock, and decides what may be deleted.
pub struct Expiry {
    path: PathBuf,
    state: ExpiryState,
    last: ClockReading,
    /// The extent of the history at the start or at the last jump.
    measured: Extent,
    /// The last clean-up was held.
    was_held: bool,
    /// Some of those records were deleted by age: so they are not deleted all at once.
    has_deleted_some: bool,
}

/// The limits that a clean-up may apply.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    pub limits: Limits,
    pub is_held: bool,
    /// It is held for the first time since the start, or since the last clean-up that ran.
    pub is_new: bool,
}

impl Expiry {
    /// Loads the state at the start of a tap. `extent` measures the whole history, its newest
    /// record no newer than a moment (Unix seconds).
    pub fn load(
        directory: &Path,
        at: ClockReading,
        extent: &dyn Fn(f64) -> Result<Extent>,
    ) -> Result<Expiry> {
        let path = directory.join(STATE_FILE);
        let state: ExpiryState = std::fs::read(&path)
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default();
        // Records since a clean-up was first held were not there then, through any number of
        // restarts.
        let newest = state
            .held_since
            .filter(|since| *since <= at.wall)
            .unwrap_or(at.wall + CLOCK_SKEW_MAX);
        Ok(Expiry {
            path,
            state,
            last: at,
            measured: extent(newest)?,
            was_held: false,
            has_deleted_some: false,
        })
    }

    /// Decides what may be deleted by age, where records are kept for `days`, and by size.
    pub fn decide(
        &mut self,
        at: ClockReading,
        days: Option<u32>,
        max_bytes: Option<u64>,
        extent: &dyn Fn(f64) -> Result<Extent>,
    ) -> Result<Decision> {
        self.detect_clock_jump(at, extent)?;
        self.track_future_records(at, &extent(at.wall + CLOCK_SKEW_MAX)?);
        let limits = Limits {
            oldest: days.map(|days| at.wall - f64::from(days) * DAY_SECONDS),
            future: self.future(at, days),
            max_bytes,
        };
        let is_held =
            self.would_delete_all(&limits) && !self.is_fewer(days) && !self.hold_is_over(at);
        if is_held && self.state.held_since.is_none_or(|since| since > at.wall) {
            self.state.held_since = Some(at.wall);
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

    /// Updates the state after a clean-up ran as decided.
    pub fn finish(&mut self, decision: &Decision, days: Option<u32>) {
        if decision.is_held {
            return;
        }
        self.has_deleted_some |= decision
            .limits
            .oldest
            .zip(self.measured.oldest)
            .is_some_and(|(cut, oldest)| oldest < cut);
        self.state.held_since = None;
        self.state.retention_days = Some(days.unwrap_or(0));
        if decision.limits.future.is_some() {
            (self.state.future_since, self.state.future_until) = (None, None);
        }
    }

    /// Saves the state for the next run.
    pub fn save(&self) -> io::Result<()> {
        let text = serde_json::to_vec(&self.state)?;
        if std::fs::read(&self.path).is_ok_and(|old| old == text) {
            return Ok(());
        }
        replace_side_file(&self.path, &text)
    }

    fn detect_clock_jump(
        &mut self,
        at: ClockReading,
        extent: &dyn Fn(f64) -> Result<Extent>,
    ) -> Result<()> {
        let jump = (at.wall - self.last.wall) - (at.steady - self.last.steady);
        if jump.abs() > CLOCK_JUMP_SECONDS {
            log::warn!(
                "the clock was set {} by {:.0} s",
                if jump > 0.0 { "forward" } else { "back" },
                jump.abs()
            );
            // Records written since a jump ahead were not there then.
            let newest = if jump > 0.0 {
                at.wall - jump
            } else {
                at.wall + CLOCK_SKEW_MAX
            };
            (self.measured, self.has_deleted_some) = (extent(newest)?, false);
        }
        self.last = at;
        Ok(())
    }

    fn track_future_records(&mut self, at: ClockReading, extent: &Extent) {
        let latest = extent
            .latest
            .filter(|latest| *latest > at.wall + CLOCK_SKEW_MAX);
        let is_registered = self
            .state
            .future_since
            .is_some_and(|since| since <= at.wall);
        match latest {
            None => (self.state.future_since, self.state.future_until) = (None, None),
            Some(latest) if !is_registered => {
                (self.state.future_since, self.state.future_until) = (Some(at.wall), Some(latest))
            }
            Some(_) => {}
        }
    }

    /// Returns the records of the future that were noticed for `days`.
    fn future(&self, at: ClockReading, days: Option<u32>) -> Option<TimeRange> {
        let retention_seconds = f64::from(days?) * DAY_SECONDS;
        let until = self
            .state
            .future_since
            .filter(|since| at.wall - since >= retention_seconds)
            .and(self.state.future_until)?;
        Some(TimeRange {
            after: at.wall + CLOCK_SKEW_MAX,
            until,
        })
    }

    /// Returns whether nothing would be left of the records that were measured. Records of the
    /// future count only where there are no others.
    fn would_delete_all(&self, limits: &Limits) -> bool {
        match (self.measured.newest, limits.oldest) {
            (Some(newest), Some(oldest)) => newest < oldest && !self.has_deleted_some,
            (None, _) => self.measured.latest.is_some() && limits.future.is_some(),
            (Some(_), None) => false,
        }
    }

    /// Returns whether fewer days are to be kept than in the last run.
    fn is_fewer(&self, days: Option<u32>) -> bool {
        let days_or_ever = |days: u32| if days == 0 { u32::MAX } else { days };
        self.state
            .retention_days
            .is_some_and(|last| days_or_ever(days.unwrap_or(0)) < days_or_ever(last))
    }

    fn hold_is_over(&self, at: ClockReading) -> bool {
        self.state
            .held_since
            .is_some_and(|since| since <= at.wall && at.wall - since >= HOLD_SECONDS)
    }
}

#[cfg(test)]
mod tests;
