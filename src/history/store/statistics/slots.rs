//! The slots of a timeline: equal spans of time, which begin where the hours and days of a zone do.

use super::zone::Zone;

/// The most slots that a timeline may have.
const SLOTS_MAX: usize = 1000;

/// Slots of a timeline whose length nobody chose, at most.
const AUTO_SLOTS_MAX: f64 = 120.0;

/// Lengths of a slot, in seconds: the shortest is taken that fits.
const AUTO_STEP_SECONDS: [f64; 17] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 10_800.0, 21_600.0,
    86_400.0, 604_800.0, 2.592e6, YEAR,
];

pub const DAY: f64 = 86_400.0;
pub const WEEK: f64 = 7.0 * DAY;
const YEAR: f64 = 365.0 * DAY;

/// The first day of the Unix calendar was a Thursday: weeks begin three days before.
const MONDAY_BEFORE: f64 = 3.0 * DAY;

/// The formats of a step, for messages.
pub const STEP_FORMATS: &str =
    "auto, or whole seconds (from 86400 on whole days) that make at most 1000 slots";

/// The beginning and the end of a slot (Unix seconds).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub start: f64,
    pub end: f64,
    /// A part of it lies outside of the span that was asked for.
    pub is_partial: bool,
}

/// The slots of a span.
pub struct Slots {
    /// Seconds, of a usual slot.
    pub step: f64,
    span: (f64, f64),
    /// Where each begins, and where the last one ends (Unix seconds).
    bounds: Vec<f64>,
}

impl Slots {
    /// Returns the slots from `start` to `end` (Unix seconds); `None` for too many, or where
    /// `step` is not a usable length.
    pub fn new(start: f64, end: f64, step: Option<f64>, zone: &Zone) -> Option<Slots> {
        let step = step.unwrap_or_else(|| auto_step(end - start));
        let unit = if step < DAY { 1.0 } else { DAY };
        if !(step >= 1.0 && step % unit == 0.0) {
            return None;
        }
        let mut bounds = vec![period_start(start, step, zone)];
        let mut last = bounds[0];
        while last <= end {
            if bounds.len() > SLOTS_MAX {
                return None;
            }
            last = period_end(last, step, zone);
            bounds.push(last);
        }
        Some(Slots {
            step,
            span: (start, end),
            bounds,
        })
    }

    /// Returns where the first begins, and where the last one ends (Unix seconds).
    pub fn bounds(&self) -> (f64, f64) {
        (self.bounds[0], self.bounds[self.len()])
    }

    /// Returns a single slot from `start` to `end`.
    pub fn single(start: f64, end: f64) -> Slots {
        Slots {
            step: end - start,
            span: (start, end),
            bounds: vec![start, end],
        }
    }

    /// Returns whether no slot begins within a piece of `length` seconds, counted from 1970 on.
    pub fn are_multiples_of(&self, length: f64) -> bool {
        let mut within = self.bounds[1..self.len()].iter();
        within.all(|bound| bound % length == 0.0)
    }

    pub fn len(&self) -> usize {
        self.bounds.len() - 1
    }

    /// Returns the slot of a moment. What is before the first counts in it, and what is after the
    /// last, by a clock that was set back, in that.
    pub fn index(&self, time: f64) -> usize {
        let next = self.bounds.partition_point(|bound| *bound <= time);
        next.max(1).min(self.len()) - 1
    }

    pub fn interval(&self, index: usize) -> Interval {
        let (start, end) = (self.bounds[index], self.bounds[index + 1]);
        Interval {
            start,
            end,
            is_partial: start < self.span.0 || end > self.span.1,
        }
    }
}

/// Returns the shortest usual length that makes few slots, or else as many whole years.
fn auto_step(span: f64) -> f64 {
    AUTO_STEP_SECONDS
        .into_iter()
        .find(|step| span / step < AUTO_SLOTS_MAX)
        .unwrap_or_else(|| (span / AUTO_SLOTS_MAX / YEAR).ceil() * YEAR)
}

/// Returns where the period of `step` seconds begins that a moment is in: days and hours begin
/// where the zone's do, weeks on Monday. Both are whole seconds: they are added without an error.
pub fn period_start(time: f64, step: f64, zone: &Zone) -> f64 {
    let time = time.floor();
    let local = time + zone.offset(time);
    let ahead = (local + shift(step)).rem_euclid(step);
    let start = time - ahead;
    // The clock may have been changed since.
    let changed = zone.offset(time) - zone.offset(start);
    let moved = start + changed;
    if moved <= time { moved } else { start }
}

/// Returns where the period ends that begins at `start`.
pub fn period_end(start: f64, step: f64, zone: &Zone) -> f64 {
    let local = start + zone.offset(start);
    let rest = step - (local + shift(step)).rem_euclid(step);
    let end = start + rest;
    let offset = zone.offset(start);
    // A clock that is put back at midnight makes the day longer; the hour before is its own.
    let is_at_end = zone.offset(end.next_down()) == offset;
    let changed = zone.offset(end) - offset;
    let moved = end - changed;
    if moved <= start || (is_at_end && (changed > 0.0 || step < DAY)) {
        end
    } else {
        moved
    }
}

fn shift(step: f64) -> f64 {
    if step % WEEK == 0.0 {
        MONDAY_BEFORE
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-30, a Monday, 00:00 UTC.
    const MONDAY: f64 = 1_795_996_800.0;

    fn zone(name: &str) -> Zone {
        Zone::parse(name).unwrap()
    }

    fn lengths(slots: &Slots) -> Vec<f64> {
        slots
            .bounds
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .collect()
    }

    #[test]
    fn days_are_those_of_the_zone() {
        let rome = zone("Europe/Rome");
        // 2026-10-25 has 25 hours there, 2026-03-29 has 23.
        for (start, hours) in [
            (1_792_886_400.0 - 7200.0, 25.0),
            (1_774_742_400.0 - 3600.0, 23.0),
        ] {
            let slots = Slots::new(start, start + 3.0 * DAY, Some(DAY), &rome).unwrap();
            assert_eq!(lengths(&slots)[..2], [hours * 3600.0, DAY], "{start}");
            assert_eq!(slots.bounds[0], start);
            let hours_of_day = Slots::new(start, start + DAY, Some(3600.0), &rome).unwrap();
            assert!(
                lengths(&hours_of_day)
                    .iter()
                    .all(|length| *length == 3600.0)
            );
        }
        let kolkata = zone("Asia/Kolkata");
        let slots = Slots::new(MONDAY, MONDAY + DAY, Some(DAY), &kolkata).unwrap();
        assert_eq!(slots.bounds[0], MONDAY - 5.5 * 3600.0);
        let hours = Slots::new(MONDAY, MONDAY + DAY, Some(3600.0), &kolkata).unwrap();
        assert_eq!(hours.bounds[0], MONDAY - 1800.0);
    }

    #[test]
    fn weeks_begin_on_monday() {
        for days in [0.0, 1.0, 6.9] {
            let start = period_start(MONDAY + days * DAY, WEEK, &Zone::utc());
            assert_eq!(start, MONDAY, "{days}");
        }
        assert_eq!(period_end(MONDAY, WEEK, &Zone::utc()), MONDAY + WEEK);
    }

    #[test]
    fn slots_outside_of_the_span_are_partial() {
        let slots = Slots::new(MONDAY + 60.0, MONDAY + 7200.0, Some(3600.0), &Zone::utc()).unwrap();
        let partial: Vec<bool> = (0..slots.len())
            .map(|index| slots.interval(index).is_partial)
            .collect();
        assert_eq!(partial, [true, false, true]);
        let indices =
            [-1e9, 0.0, 3599.9, 3600.0, 7200.0, 1e9].map(|time| slots.index(MONDAY + time));
        assert_eq!(indices, [0, 0, 0, 1, 2, 2]);
    }

    #[test]
    fn too_many_slots_and_parts_of_days_are_refused() {
        let slots =
            |span, step| Slots::new(MONDAY, MONDAY + span, Some(step), &Zone::utc()).is_some();
        assert!(slots(999.0, 1.0) && slots(998.0 * DAY, DAY) && slots(DAY, 7.0 * DAY));
        for (span, step) in [
            (3600.0, 3.7),
            (1e-3, 1e-9),
            (f64::MAX, 1.0),
            (1001.0, 1.0),
            (1000.0, 1.0),
            (DAY, 0.0),
            (DAY, -5.0),
            (DAY, f64::NAN),
            (10.0 * DAY, 1.5 * DAY),
        ] {
            assert!(!slots(span, step), "{span} {step}");
        }
    }

    #[test]
    fn a_step_that_nobody_chose_makes_few_slots_of_any_span() {
        for years in [1.0, 100.0, 150.0, 2026.0, 1e6] {
            let start = MONDAY - years * YEAR;
            let slots = Slots::new(start, MONDAY, None, &Zone::utc());
            let len = slots.map(|slots| slots.len());
            assert!(len.is_some_and(|len| len <= 122), "{years}: {len:?}");
        }
    }

    proptest! {
        #[test]
        fn slots_follow_each_other_and_cover_the_span(
            start in 1.5e9_f64..2.0e9,
            span in 1.0_f64..4e7,
            step in prop_oneof![Just(None), Just(Some(DAY)), Just(Some(WEEK)), Just(Some(21_600.0)), Just(Some(3600.0))],
            name in prop_oneof![Just("Europe/Rome"), Just("America/Santiago"), Just("Australia/Lord_Howe"), Just("Asia/Kolkata"), Just("Z")],
        ) {
            let zone = zone(name);
            let Some(slots) = Slots::new(start, start + span, step, &zone) else {
                return Ok(());
            };
            prop_assert!(slots.bounds[0] <= start && slots.bounds[slots.len()] > start + span);
            prop_assert!(step.is_some() || slots.len() <= 123, "{} slots", slots.len());
            for length in lengths(&slots) {
                prop_assert!(length > 0.0 && length <= slots.step + 3600.0, "{}", length);
            }
            if slots.step >= DAY {
                for bound in &slots.bounds {
                    let local = bound + zone.offset(*bound);
                    // Where there is no midnight, the day begins an hour later.
                    prop_assert!(local.rem_euclid(DAY) <= 3600.0, "{} at {}", name, bound);
                }
            }
        }
    }
}
