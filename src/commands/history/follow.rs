//! `ollama-tap search -f`: the newest records, then each that enters the history, until Ctrl-C.

use std::collections::{HashSet, VecDeque};
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use super::found::needles;
use super::table::Widths;
use super::tap_client::{ListAnswer, TapClient};
use super::{search, write_out};
use crate::commands::discovery;
use crate::config::{Backend, QueryConfig};
use crate::error::{Error, Result};
use crate::history::record::Record;
use crate::history::store::Query;
use crate::history::store::query::LIMIT_MAX;
use crate::util::screen::Screen;
use crate::util::stderr;

/// The time between two questions for what is new.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The time between two looks at what other taps wrote into the same Loki.
const LOKI_INTERVAL: Duration = Duration::from_secs(30);

/// The ids that are remembered, so that no record is shown twice.
const IDS_MAX: usize = 2000;

/// Follows what the running tap records.
pub fn run(config: &QueryConfig, query: Query, is_json: bool) -> Result<ExitCode> {
    let Some(tap) = discovery::find(config) else {
        return Err(Error::Failed(format!(
            "search -f follows a running tap; {}; start one with `ollama-tap serve` or `ollama-tap proxy`",
            discovery::nothing_found(config)
        )));
    };
    let shares_loki = tap.about()?.backend == Backend::Loki.as_str();
    let follower = Follower {
        tap,
        shown: Shown::default(),
        query,
        is_json,
        widths: Widths::default(),
    };
    follower.run(shares_loki)
}

struct Follower {
    tap: TapClient,
    /// Its limit is that of the records at the beginning.
    query: Query,
    shown: Shown,
    is_json: bool,
    /// Of the columns of what is shown.
    widths: Widths,
}

impl Follower {
    fn run(mut self, shares_loki: bool) -> Result<ExitCode> {
        let mut cursor = None;
        let mut is_away = false;
        let mut last_look = Instant::now();
        loop {
            let look = cursor.is_none() || (shares_loki && last_look.elapsed() >= LOKI_INTERVAL);
            let since = cursor.as_deref().filter(|_| !look);
            let answer = self.tap.list(&self.query, since)?;
            let was_away = is_away;
            is_away = matches!(answer, ListAnswer::Away(_));
            let mut has_news = false;
            match answer {
                ListAnswer::Records(records, next) => {
                    if look {
                        last_look = Instant::now();
                    }
                    let fresh = match look {
                        true => self.shown.of_list(records, self.query.limit),
                        false => self.shown.of_news(records),
                    };
                    has_news = !look && !fresh.is_empty();
                    if self.show(&fresh)?.is_break() {
                        return Ok(ExitCode::SUCCESS);
                    }
                    self.query.limit = LIMIT_MAX;
                    // A look at the whole list leaves out none that is new behind the older cursor.
                    if cursor.is_none() || !look {
                        cursor = Some(next.ok_or_else(too_old)?);
                    }
                }
                ListAnswer::CursorEnded => cursor = None,
                ListAnswer::Away(error) if self.shown.floor.is_some() => {
                    if !was_away {
                        stderr::say(format_args!("ollama-tap: {error}; trying again"));
                    }
                }
                ListAnswer::Away(error) => return Err(error),
            }
            if was_away && !is_away {
                stderr::say("ollama-tap: the tap answers again");
            }
            // One answer may hold a part of what is new.
            if !has_news && cursor.is_some() || is_away {
                thread::sleep(POLL_INTERVAL);
            }
        }
    }

    /// Writes records, oldest first; returns whether nobody reads them any more.
    fn show(&mut self, records: &[Record]) -> Result<ControlFlow<()>> {
        if records.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let line = |record| serde_json::to_string(record).unwrap_or_default() + "\n";
        write_out(&match self.is_json {
            true => records.iter().map(line).collect(),
            false => search::page_below(
                &mut self.widths,
                records,
                &needles(&self.query),
                &Screen::stdout(),
            ),
        })
    }
}

fn too_old() -> Error {
    Error::Failed("this tap is too old to be followed; one of this version can be".to_owned())
}

/// What was shown already.
#[derive(Default)]
struct Shown {
    ids: HashSet<String>,
    order: VecDeque<String>,
    /// Nothing that arrived before is shown of a list: it was there at the beginning. `None` until then.
    floor: Option<f64>,
}

impl Shown {
    /// Returns what is to be shown of the newest records, at most `limit`, that are given newest first: at the beginning all, later what is new.
    fn of_list(&mut self, mut records: Vec<Record>, limit: usize) -> Vec<Record> {
        let floor = *self.floor.get_or_insert_with(|| {
            let oldest = records.last().filter(|_| records.len() >= limit);
            oldest.map_or(f64::NEG_INFINITY, |oldest| oldest.timestamp)
        });
        records.retain(|record| record.timestamp >= floor);
        records.reverse();
        self.of_news(records)
    }

    /// Returns those that were not shown.
    fn of_news(&mut self, records: Vec<Record>) -> Vec<Record> {
        let records = records.into_iter();
        records
            .filter(|record| self.remember(record.interaction_id.clone()))
            .collect()
    }

    /// Returns whether the id is new.
    fn remember(&mut self, id: String) -> bool {
        if !self.ids.insert(id.clone()) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > IDS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str, timestamp: f64) -> Record {
        Record {
            interaction_id: id.to_owned(),
            timestamp,
            ..Record::default()
        }
    }

    fn ids(records: Vec<Record>) -> Vec<String> {
        records
            .into_iter()
            .map(|record| record.interaction_id)
            .collect()
    }

    #[test]
    fn the_newest_are_shown_first_and_then_what_is_new_once() {
        let mut shown = Shown::default();
        let list = vec![record("c", 3.0), record("b", 2.0)];
        assert_eq!(ids(shown.of_list(list, 2)), ["b", "c"]);
        // A long request enters at its place, which is before others.
        let news = vec![record("c", 3.0), record("late", 0.5), record("d", 4.0)];
        assert_eq!(ids(shown.of_news(news)), ["late", "d"]);
        let anew = vec![
            record("e", 5.0),
            record("d", 4.0),
            record("c", 3.0),
            record("b", 2.0),
            record("a", 1.0),
            record("older", 0.0),
        ];
        assert_eq!(ids(shown.of_list(anew, LIMIT_MAX)), ["e"]);
    }

    #[test]
    fn what_enters_an_empty_history_is_shown() {
        let mut shown = Shown::default();
        assert!(shown.of_list(Vec::new(), 10).is_empty());
        assert_eq!(ids(shown.of_list(vec![record("a", 1.0)], 10)), ["a"]);
    }

    #[test]
    fn no_more_ids_are_remembered_than_needed() {
        let mut shown = Shown::default();
        for n in 0..2 * IDS_MAX {
            assert!(shown.remember(n.to_string()));
        }
        assert_eq!((shown.ids.len(), shown.order.len()), (IDS_MAX, IDS_MAX));
    }
}
