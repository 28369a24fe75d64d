//! Clean-ups at many clocks.

use super::*;

const NOW: f64 = 1_795_262_400.0;
const WEEK: Option<u32> = Some(7);

/// A history of records that arrived at these times, and the tap that keeps it, at these clocks.
struct Stage {
    dir: tempfile::TempDir,
    times: Vec<f64>,
    at: ClockReading,
    expiry: Option<Expiry>,
}

fn extent(times: &[f64], newest: f64) -> Extent {
    let least = times.iter().copied().min_by(f64::total_cmp);
    let most = |times: &mut dyn Iterator<Item = f64>| times.max_by(f64::total_cmp);
    Extent {
        records: times.len() as u64,
        oldest: least,
        newest: most(&mut times.iter().copied().filter(|time| *time <= newest)),
        latest: most(&mut times.iter().copied()),
        ..Extent::default()
    }
}

impl Stage {
    /// Records of these ages (days).
    fn new(days: &[f64]) -> Stage {
        let times = days.iter().map(|days| NOW - days * DAY_SECONDS).collect();
        let at = ClockReading {
            wall: NOW,
            steady: 1000.0,
        };
        Stage {
            dir: tempfile::tempdir().unwrap(),
            times,
            at,
            expiry: None,
        }
        .started()
    }

    fn started(mut self) -> Stage {
        let times = self.times.clone();
        self.expiry = Some(
            Expiry::load(self.dir.path(), self.at, &|newest| {
                Ok(extent(&times, newest))
            })
            .unwrap(),
        );
        self
    }

    /// The machine rests, or another clock is in it.
    fn at_days(mut self, days: f64) -> Stage {
        self.at = ClockReading {
            wall: NOW + days * DAY_SECONDS,
            steady: 5.0,
        };
        self.started()
    }

    /// Days go by while it runs.
    fn pass(&mut self, days: f64) {
        self.at = ClockReading {
            wall: self.at.wall + days * DAY_SECONDS,
            steady: self.at.steady + days * DAY_SECONDS,
        };
    }

    fn jump(&mut self, days: f64) {
        self.at.wall += days * DAY_SECONDS;
    }

    fn write(&mut self) {
        self.times.push(self.at.wall);
    }

    /// A clean-up; whether it was held.
    fn clean_up(&mut self, days: Option<u32>) -> bool {
        let (times, expiry) = (self.times.clone(), self.expiry.as_mut().unwrap());
        let decision = expiry
            .decide(self.at, days, None, &|newest| Ok(extent(&times, newest)))
            .unwrap();
        let Limits { oldest, future, .. } = decision.limits;
        let goes = |time: f64| {
            oldest.is_some_and(|oldest| time < oldest)
                || future.is_some_and(|span| span.contains(time))
        };
        self.times.retain(|time| !goes(*time));
        expiry.finish(&decision, days);
        expiry.save().unwrap();
        decision.is_held
    }

    fn left(&self) -> usize {
        self.times.len()
    }
}

#[test]
fn what_is_too_old_goes_beside_what_is_not() {
    let mut stage = Stage::new(&[9.0, 8.0, 1.0]);
    assert!(!stage.clean_up(WEEK));
    assert_eq!(stage.left(), 1);
    assert!(!Stage::new(&[]).clean_up(WEEK));
    assert!(!Stage::new(&[9.0]).clean_up(None));
}

#[test]
fn a_start_that_would_delete_all_is_held_a_day_from_the_first_time_on() {
    let mut stage = Stage::new(&[2.0, 1.0]).at_days(365.0);
    assert!(stage.clean_up(WEEK) && stage.left() == 2);
    stage.pass(0.1);
    stage.write();
    stage.pass(0.8);
    assert!(
        stage.clean_up(WEEK),
        "what was there is not there because of what came since"
    );
    let mut stage = stage.at_days(365.95);
    assert!(
        stage.clean_up(WEEK) && stage.left() == 3,
        "nor because of another start"
    );
    let mut stage = stage.at_days(366.1);
    assert!(
        !stage.clean_up(WEEK) && stage.left() == 1,
        "the hold was not renewed"
    );
    let mut stage = stage.at_days(400.0);
    assert!(
        stage.clean_up(WEEK) && stage.left() == 1,
        "the state went when a clean-up ran"
    );
}

#[test]
fn a_clock_that_was_right_again_makes_the_note_void() {
    let mut stage = Stage::new(&[2.0, 1.0]).at_days(365.0);
    assert!(stage.clean_up(WEEK));
    let mut stage = stage.at_days(0.1);
    assert!(!stage.clean_up(WEEK) && stage.left() == 2);
    let mut stage = stage.at_days(365.0);
    assert!(stage.clean_up(WEEK), "two jumps a year apart are two");
    // Noted by a clock that is ahead of the one that counts: it starts to count now.
    let mut stage = stage.at_days(200.0);
    assert!(stage.clean_up(WEEK));
    let mut stage = stage.at_days(200.9);
    assert!(stage.clean_up(WEEK));
    let mut stage = stage.at_days(201.1);
    assert!(!stage.clean_up(WEEK) && stage.left() == 0);
}

#[test]
fn a_jump_while_it_runs_is_held_whatever_was_written_since() {
    let mut stage = Stage::new(&[2.0, 1.0]);
    assert!(!stage.clean_up(WEEK));
    stage.jump(365.0);
    stage.write();
    assert!(stage.clean_up(WEEK) && stage.left() == 3);
    stage.jump(-365.0);
    assert!(!stage.clean_up(WEEK) && stage.left() == 3);
}

#[test]
fn days_that_pass_and_sleep_are_no_jump() {
    let mut stage = Stage::new(&[6.5, 5.0, 0.1]);
    for _ in 0..40 {
        stage.pass(0.25);
        assert!(!stage.clean_up(WEEK));
    }
    assert_eq!(stage.left(), 0);
}

#[test]
fn fewer_days_than_in_the_last_run_are_meant() {
    let mut stage = Stage::new(&[5.0, 4.0]);
    assert!(!stage.clean_up(WEEK) && stage.left() == 2);
    let mut stage = stage.at_days(0.1);
    assert!(!stage.clean_up(Some(2)) && stage.left() == 0);
    let mut stage = Stage::new(&[5.0]);
    assert!(!stage.clean_up(None));
    assert!(
        !stage.started().clean_up(Some(2)),
        "for ever is more than any"
    );
    let mut stage = Stage::new(&[5.0]);
    assert!(!stage.clean_up(Some(30)));
    let mut stage = stage.at_days(40.0);
    assert!(
        stage.clean_up(Some(30)) && stage.left() == 1,
        "as many are not fewer"
    );
}

#[test]
fn records_of_the_future_go_a_week_after_they_were_noticed() {
    let mut stage = Stage::new(&[6.5, 1.0, -365.0]);
    for _ in 0..6 {
        stage.write();
        assert!(!stage.clean_up(WEEK));
        stage.pass(1.0);
    }
    assert!(stage.times.iter().any(|time| *time > stage.at.wall));
    stage.pass(1.1);
    assert!(!stage.clean_up(WEEK));
    assert!(
        stage.times.iter().all(|time| *time <= stage.at.wall),
        "{:?}",
        stage.times
    );
    assert!(stage.left() > 0);
}

#[test]
fn a_clock_that_fell_back_does_not_take_all_for_future() {
    let mut stage = Stage::new(&[2.0, 1.0]).at_days(-8000.0);
    assert!(!stage.clean_up(WEEK) && stage.left() == 2);
    stage.pass(7.1);
    assert!(
        stage.clean_up(WEEK) && stage.left() == 2,
        "all would go at once"
    );
    let mut stage = stage.at_days(0.5);
    assert!(!stage.clean_up(WEEK) && stage.left() == 2);
}
