//! Histories full of records, written as the recorder writes them, into directories that go with them.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::size;
use crate::config::{Backend, HistoryConfig};
use crate::history::record::{Record, now};
use crate::history::store::{Limits, Store, StoreError};
use crate::records::records;
use crate::rig::Rig;

/// Records written at once, as the recorder does.
const BATCH: usize = 500;

/// Records of a full history: what the targets of searches and exports are for.
const RECORDS: usize = 1_000_000;

/// Seconds over which they are spread: ten days, so that a tenth of them lies within 24 hours.
const SPAN: f64 = 864_000.0;

/// A history, and how long it took to make.
pub struct Filled {
    pub dir: TempDir,
    /// To write all records. They are made while this clock stands.
    pub writing: Duration,
    /// To do then what writing left for later.
    pub catching_up: Duration,
}

impl Filled {
    /// Writes so many records of the last `seconds` into a new history.
    pub fn new(backend: Backend, count: usize, seconds: f64) -> io::Result<Filled> {
        let dir = tempfile::tempdir()?;
        let store = open(backend, dir.path())?;
        let now = now();
        let mut records = records(count, now - seconds, now);
        let mut writing = Duration::ZERO;
        loop {
            let mut batch: Vec<Record> = records.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            let begin = Instant::now();
            store.write(&mut batch).map_err(failed)?;
            writing += begin.elapsed();
        }
        let begin = Instant::now();
        while store.catch_up().map_err(failed)? {}
        Ok(Filled {
            dir,
            writing,
            catching_up: begin.elapsed(),
        })
    }

    /// Writing and all that it left for later.
    pub fn in_all(&self) -> Duration {
        self.writing + self.catching_up
    }
}

/// The same records in both backends.
pub struct Full {
    pub count: usize,
    pub jsonl: Filled,
    pub sqlite: Filled,
}

impl Full {
    /// The one of this run, made when it is first asked for.
    pub fn of(rig: &Rig) -> io::Result<&Full> {
        match rig.full.get() {
            Some(full) => Ok(full),
            None => Full::new(size(rig, RECORDS)).map(|full| rig.full.get_or_init(|| full)),
        }
    }

    fn new(count: usize) -> io::Result<Full> {
        let jsonl = Filled::new(Backend::Jsonl, count, SPAN)?;
        // Days that are over are written anew, as a tap would have done long ago.
        open(Backend::Jsonl, jsonl.dir.path())?
            .retain(&Limits::default())
            .map_err(failed)?;
        Ok(Full {
            count,
            jsonl,
            sqlite: Filled::new(Backend::Sqlite, count, SPAN)?,
        })
    }

    /// Each history, by the name that `--analytics-backend` takes.
    pub fn each(&self) -> [(&'static str, &Filled); 2] {
        [("jsonl", &self.jsonl), ("sqlite", &self.sqlite)]
    }
}

fn open(backend: Backend, dir: &Path) -> io::Result<Store> {
    let history = HistoryConfig::on_disk(dir, backend);
    Store::open_for_writing(&history, "cargo bench")
        .map_err(failed)?
        .ok_or_else(|| io::Error::other("no history is kept"))
}

fn failed(cause: StoreError) -> io::Error {
    io::Error::other(cause.to_string())
}
