//! What entered the history lately, in the order of entering: a long request enters when it ends, at
//! the place of its arrival. A reader holds a cursor, and asks for what entered after it.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;

use super::{Result, StoreError};
use crate::history::record::{Position, Record};
use crate::util::threads::lock;

/// A reader that is further behind reads its list anew.
const ENTERED_MAX: usize = 10_000;

/// A moment of one history: so many records had entered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Another one after every start and every purge, when cursors end.
    epoch: u64,
    entered: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:016x}-{}", self.epoch, self.entered)
    }
}

impl Cursor {
    /// Reads the value of `since`. A text that is no cursor of ours may be one of another version,
    /// so that it is not known any more either.
    pub fn read(text: &str) -> Result<Cursor> {
        let (epoch, entered) = text.split_once('-').unwrap_or_default();
        let cursor = Cursor {
            epoch: u64::from_str_radix(epoch, 16).unwrap_or_default(),
            entered: entered.parse().unwrap_or_default(),
        };
        match cursor.to_string() == text {
            true => Ok(cursor),
            false => Err(ended(text)),
        }
    }
}

/// Makes the error of a cursor that is not known.
pub fn ended(cursor: impl fmt::Display) -> StoreError {
    StoreError::CursorEnded(format!(
        "the history does not know what is new since `{cursor}`, as after a restart or a purge: \
         read the list anew, and go on from the cursor in its Ollama-Tap-Cursor header"
    ))
}

/// The records that this process wrote last.
pub struct Entered {
    state: Mutex<State>,
}

struct State {
    now: Cursor,
    /// The last ones, the newest at the end.
    last: VecDeque<Position>,
    /// Deletions that cursors outlive.
    deletions: u64,
}

impl Default for Entered {
    fn default() -> Entered {
        Entered {
            state: Mutex::new(State {
                now: new_epoch(),
                last: VecDeque::new(),
                deletions: 0,
            }),
        }
    }
}

impl Entered {
    /// Notes what has left a batch: it was written. (Or refused, and is not found then.)
    pub fn note(&self, batch: Vec<Position>, left: &[Record]) {
        let is_left = |position: &Position| {
            let mut left = left.iter();
            left.any(|record| record.interaction_id == position.id)
        };
        let mut state = lock(&self.state);
        for position in batch.into_iter().filter(|position| !is_left(position)) {
            state.now.entered += 1;
            state.last.push_back(position);
        }
        let surplus = state.last.len().saturating_sub(ENTERED_MAX);
        state.last.drain(..surplus);
    }

    /// Notes that records were deleted by age or size.
    pub fn note_deletion(&self) {
        lock(&self.state).deletions += 1;
    }

    /// Ends all cursors: records were deleted that lists may show.
    pub fn end_cursors(&self) {
        let mut state = lock(&self.state);
        state.now = new_epoch();
        state.last.clear();
    }

    pub fn cursor(&self) -> Cursor {
        lock(&self.state).now
    }

    /// Returns a text that is another one after each change.
    pub fn state(&self) -> String {
        let state = lock(&self.state);
        format!("{}-{}", state.now, state.deletions)
    }

    /// Returns what entered after `cursor`, each with the cursor behind it; `None` where that is not
    /// known any more.
    pub fn after(&self, cursor: Cursor) -> Option<Vec<(Cursor, Position)>> {
        let state = lock(&self.state);
        let count = state.now.entered.checked_sub(cursor.entered)?;
        let first = state.last.len().checked_sub(usize::try_from(count).ok()?)?;
        let known = cursor.epoch == state.now.epoch;
        known.then(|| {
            let behind = (cursor.entered + 1..).map(|entered| Cursor { entered, ..cursor });
            behind.zip(state.last.range(first..).cloned()).collect()
        })
    }
}

fn new_epoch() -> Cursor {
    Cursor {
        epoch: RandomState::new().hash_one(0),
        entered: 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn positions(numbers: std::ops::Range<usize>) -> Vec<Position> {
        let position = |n: usize| Position {
            timestamp: n as f64,
            id: n.to_string(),
        };
        numbers.map(position).collect()
    }

    fn ids(entered: Option<Vec<(Cursor, Position)>>) -> Vec<String> {
        let entered = entered.unwrap().into_iter();
        entered.map(|(_, position)| position.id).collect()
    }

    #[test]
    fn what_entered_after_a_cursor_is_told_in_order() {
        let entered = Entered::default();
        let start = entered.cursor();
        assert_eq!(Cursor::read(&start.to_string()).unwrap(), start);
        let left = [Record {
            interaction_id: "1".to_owned(),
            ..Record::default()
        }];
        entered.note(positions(0..3), &left);
        assert_eq!(ids(entered.after(start)), ["0", "2"]);
        let (behind_first, _) = entered.after(start).unwrap()[0];
        entered.note(positions(1..2), &[]);
        assert_eq!(ids(entered.after(behind_first)), ["2", "1"]);
        assert_eq!(ids(entered.after(entered.cursor())), [""; 0]);
    }

    #[test]
    fn a_cursor_ends_with_a_purge_a_restart_and_after_many_records() {
        let entered = Entered::default();
        let start = entered.cursor();
        entered.note(positions(0..ENTERED_MAX), &[]);
        assert_eq!(ids(entered.after(start)).len(), ENTERED_MAX);
        entered.note(positions(0..1), &[]);
        assert_eq!(entered.after(start), None);
        let now = entered.cursor();
        assert_eq!(Entered::default().after(now), None);
        let ahead = Cursor {
            entered: now.entered + 1,
            ..now
        };
        assert_eq!(entered.after(ahead), None);
        let before = entered.state();
        entered.note_deletion();
        assert!(entered.after(now).is_some() && entered.state() != before);
        entered.end_cursors();
        assert_eq!(entered.after(now), None);
    }

    proptest! {
        #[test]
        fn a_cursor_is_read_as_it_was_written(epoch: u64, entered: u64) {
            let cursor = Cursor { epoch, entered };
            prop_assert_eq!(Cursor::read(&cursor.to_string()).unwrap(), cursor);
        }

        #[test]
        fn what_was_never_written_is_not_known(text in "\\PC{0,40}|[0-9a-f+-]{0,40}") {
            match Cursor::read(&text) {
                Ok(cursor) => prop_assert_eq!(cursor.to_string(), text),
                Err(error) => prop_assert!(matches!(error, StoreError::CursorEnded(_))),
            }
        }
    }
}
