//! STORE: the history on disk, or in Loki. The same words on every backend; what they mean is said here once.
//!
//! A backend writes batches and finds records; statistics are made here, of `Facts`, so that all give the same answers. What an
//! older tap wrote has names of models as they were sent: facts and what is shown have them folded. Every method may be called from
//! any thread while another writes.

mod directory;
mod expiry;
mod jsonl;
mod keeper;
mod loki;
mod names;
mod pending;
pub mod query;
mod recent;
mod sqlite;
mod statistics;
#[cfg(test)]
mod suite;

use std::path::Path;
use std::time::Instant;

use crate::config::{Backend, History};
use crate::forward::upstream::Target;
use crate::platform;
use crate::record::{Facts, Record, Writer, now};
use directory::Directory;
pub use directory::TOKEN;
pub use expiry::{AHEAD, Decision, Expiry, Reading};
use jsonl::Jsonl;
pub use keeper::{Detail, Extent, Flow, Keeper, Limits, Purged, Result, Span, StoreError};
use keeper::{failed, failed_io, unknown_before};
use loki::Loki;
use pending::Pending;
pub use query::{BadParameter, Query};
use recent::Recent;
use sqlite::Sqlite;
pub use statistics::{Enhanced, Group, Spread};
use statistics::{Models, Statistics};

/// Opens a history in a directory that is ours.
type Open = Box<dyn Fn() -> Result<Box<dyn Keeper>> + Send + Sync>;

/// A history, open.
pub struct Store {
    keeper: Box<dyn Keeper>,
    /// Where it lies in a directory that is ours to write: in it another backend may have left its own.
    directory: Option<Directory>,
    recent: Recent,
}

impl Store {
    /// Opens the history for the one tap that writes it; `None` where none is kept. `holder` is what a second tap is told,
    /// `writer` what records are written as. Where the directory is ours and what lies in it cannot be opened, the store says why to everybody, and `open_again` may mend it.
    pub fn open_for_recording(history: &History, holder: &str, writer: &Writer) -> Result<Option<Store>> {
        Store::open(history, holder, Some(writer), |open, why| {
            let dir = history.dir.clone();
            let (name, discard): (_, fn(&Path) -> Result<()>) = match history.backend {
                Backend::Sqlite => (sqlite::NAME, Sqlite::discard),
                _ => (jsonl::NAME, Jsonl::discard),
            };
            Ok(Box::new(Pending::new(name, dir.display().to_string(), &why, open, Box::new(move || discard(&dir)))))
        })
    }

    /// The same for who has something to write now, or nothing.
    pub fn open_for_writing(history: &History, holder: &str) -> Result<Option<Store>> {
        Store::open(history, holder, None, |_, why| Err(why))
    }

    fn open(
        history: &History,
        holder: &str,
        writer: Option<&Writer>,
        or: impl FnOnce(Open, StoreError) -> Result<Box<dyn Keeper>>,
    ) -> Result<Option<Store>> {
        let keeper: Box<dyn Keeper> = match history.backend {
            Backend::Jsonl | Backend::Sqlite => return Store::local(history, holder, or).map(Some),
            Backend::Loki => Box::new(loki(history, writer)?),
            Backend::None => return Ok(None),
        };
        Ok(Some(Store::of(keeper, None)))
    }

    fn local(history: &History, holder: &str, or: impl FnOnce(Open, StoreError) -> Result<Box<dyn Keeper>>) -> Result<Store> {
        let directory = Directory::lock(&history.dir, holder)?;
        let (backend, place) = (history.backend, directory.clone());
        let open: Open = Box::new(move || {
            Ok(match backend {
                Backend::Sqlite => Box::new(Sqlite::writer(place.clone())?),
                _ => Box::new(Jsonl::writer(place.clone())?),
            })
        });
        let keeper = open().or_else(|why| or(open, why))?;
        Ok(Store::of(keeper, Some(directory)))
    }

    /// Tries to open what could not be opened so far. `Err` says why it is not open.
    pub fn open_again(&self) -> Result<()> {
        self.keeper.open_again()
    }

    /// The history that the other backend of this machine left in our directory.
    fn left_behind(&self) -> Result<Option<Box<dyn Keeper>>> {
        let Some(directory) = &self.directory else { return Ok(None) };
        Ok(match self.keeper.name() {
            sqlite::NAME if Jsonl::is_in(&directory.path)? => Some(Box::new(Jsonl::writer(directory.clone())?)),
            jsonl::NAME if Sqlite::is_in(&directory.path)? => Some(Box::new(Sqlite::writer(directory.clone())?)),
            _ => None,
        })
    }

    /// Opens a history to read, whether a tap writes it or not; changes nothing. `None` where none is kept.
    pub fn open_for_reading(history: &History) -> Result<Option<Store>> {
        let keeper: Box<dyn Keeper> = match history.backend {
            Backend::Jsonl => Box::new(Jsonl::reader(&history.dir)?),
            Backend::Sqlite => Box::new(Sqlite::reader(&history.dir)?),
            Backend::Loki => Box::new(loki(history, None)?),
            Backend::None => return Ok(None),
        };
        Ok(Some(Store::of(keeper, None)))
    }

    fn of(keeper: Box<dyn Keeper>, directory: Option<Directory>) -> Store {
        Store { keeper, directory, recent: Recent::default() }
    }

    #[cfg(test)]
    pub fn of_others(keeper: Box<dyn Keeper>) -> Store {
        Store::of(keeper, None)
    }

    /// `Err` says why a history that could not be opened is not open yet.
    pub fn readiness(&self) -> Result<()> {
        self.keeper.readiness()
    }

    /// Label `backend`, and what `--analytics-backend` calls it.
    pub fn backend(&self) -> &'static str {
        self.keeper.name()
    }

    /// Directory or address, for people.
    pub fn place(&self) -> String {
        self.keeper.place()
    }

    /// Writes records durably. What is written, or refused for good, leaves `batch`, also when an error ends the rest.
    /// Returns how many were refused for good.
    ///
    /// Where there is room for a part only, that is written: a disk that is nearly full takes what it can.
    pub fn write(&self, batch: &mut Vec<Record>) -> Result<u64> {
        match self.write_whole(batch) {
            Err(StoreError::Full(_)) if batch.len() > 1 => {
                let mut rest = batch.split_off(batch.len() / 2);
                let written = self.write(batch);
                batch.append(&mut rest);
                Ok(written? + self.write(batch)?)
            }
            written => written,
        }
    }

    fn write_whole(&self, batch: &mut Vec<Record>) -> Result<u64> {
        let writing = self.recent.begin(batch);
        let refused = self.keeper.write(batch)?;
        if refused == 0 {
            writing.finish();
        }
        Ok(refused)
    }

    /// How many records were written without their texts, which were refused for good, since this was last asked.
    pub fn take_refused_texts(&self) -> u64 {
        self.keeper.take_refused_texts()
    }

    /// From now on no write is to take longer than this allows: the tap ends.
    pub fn end_by(&self, deadline: Instant) {
        self.keeper.end_by(deadline);
    }

    /// Keeps what could not be written for the next start; `false` where there is no place for it.
    pub fn leave(&self, records: &[Record]) -> Result<bool> {
        self.keeper.leave(records)
    }

    /// A piece of work that writing left for later; whether there is more.
    pub fn catch_up(&self) -> Result<bool> {
        self.keeper.catch_up()
    }

    /// Shows the newest records that are meant, newest first, at most `query.limit`, all older than `query.before`. However long
    /// their texts are, few are in memory at a time.
    pub fn each_newest(&self, query: &Query, detail: Detail, visit: &mut dyn FnMut(Record) -> Flow) -> Result<()> {
        self.keeper.each_newest(&until_now(query), detail, &mut |record| visit(record.folded()))
    }

    /// The same, gathered.
    pub fn newest(&self, query: &Query) -> Result<Vec<Record>> {
        Ok(self.keeper.newest(&until_now(query), Detail::Whole)?.into_iter().map(Record::folded).collect())
    }

    /// Every record that is meant, oldest first, with flat memory; `query.limit` and `query.before` say nothing here.
    pub fn each(&self, query: &Query, visit: &mut dyn FnMut(Record) -> Flow) -> Result<()> {
        self.keeper.each(query, &mut |record| visit(record.folded()))
    }

    pub fn get(&self, id: &str) -> Result<Option<Record>> {
        Ok(self.keeper.get(id)?.map(Record::folded))
    }

    pub fn extent(&self) -> Result<Extent> {
        self.keeper.extent(now() + AHEAD)
    }

    /// Numbers of the `hours` before `now` (Unix seconds).
    pub fn enhanced(&self, hours: f64, now: f64) -> Result<Enhanced> {
        let start = now - hours * 3600.0;
        let mut statistics = Statistics::new(start, now);
        let meant = until_now(&Query { start_time: Some(start), ..Query::default() });
        let add = &mut |facts: &Facts| statistics.add(facts);
        if self.has_one_writer() {
            let mut add_meant = |facts: &Facts| {
                if meant.spans(facts.timestamp) {
                    add(facts)
                }
            };
            self.recent.each_facts(&*self.keeper, start, now, &mut add_meant)?;
        } else {
            self.keeper.each_facts(&meant, add)?;
        }
        Ok(statistics.enhanced())
    }

    /// Reads beforehand what the numbers of these `hours` need, where that can be kept.
    pub fn remember(&self, hours: f64, now: f64) -> Result<()> {
        if self.has_one_writer() { self.recent.each_facts(&*self.keeper, now - hours * 3600.0, now, &mut |_| {}) } else { Ok(()) }
    }

    /// That is us; to a Loki others may write, and so may a tap whose history we only read.
    fn has_one_writer(&self) -> bool {
        self.directory.is_some()
    }

    /// The numbers of every model that there is, the most used first, without how long requests took.
    pub fn models(&self) -> Result<Vec<Group>> {
        let mut models = Models::default();
        self.keeper.each_facts(&until_now(&Query::default()), &mut |facts| models.add(facts))?;
        Ok(models.groups())
    }

    /// Watches the clock for what grows old here, where that is our business.
    pub fn expiry(&self, at: Reading) -> Result<Option<Expiry>> {
        let Some(directory) = &self.directory else { return Ok(None) };
        Expiry::begin(&directory.path, at, &|newest| self.whole_extent(newest)).map(Some)
    }

    /// What may go now.
    pub fn decide(&self, expiry: &mut Expiry, at: Reading, days: Option<u32>, max_bytes: Option<u64>) -> Result<Decision> {
        expiry.decide(at, days, max_bytes, &|newest| self.whole_extent(newest))
    }

    /// With what another backend left here, where that can be read.
    fn whole_extent(&self, newest: f64) -> Result<Extent> {
        let own = self.keeper.extent(newest)?;
        let left = self.left_behind().ok().flatten().and_then(|left| left.extent(newest).ok());
        Ok(own.and(left.unwrap_or(Extent { bytes: Some(0), ..Extent::default() })))
    }

    /// Deletes what is beyond the limits, oldest first, and says how many records or whole files went. What another backend left
    /// here is older, and gets what the limits leave of the room.
    pub fn retain(&self, limits: &Limits) -> Result<u64> {
        let gone = self.keeper.retain(limits)?;
        if gone > 0 {
            self.recent.forget();
        }
        let Some(left) = self.left_behind()? else { return Ok(gone) };
        let bytes = self.keeper.extent(f64::INFINITY)?.bytes.unwrap_or(0);
        let deleted = left.retain(&Limits { max_bytes: limits.max_bytes.map(|max| max.saturating_sub(bytes)), ..*limits })?;
        if deleted > 0 {
            log::info!("deleted {deleted} of the oldest in what the backend {} left in {}", left.name(), left.place());
        }
        Ok(gone + deleted)
    }

    /// Deletes every record that arrived before this time (Unix seconds), or all, also of what another backend left here.
    pub fn purge(&self, before: Option<f64>) -> Result<Purged> {
        let mut purged = Purged::default();
        let left = self.left_behind()?;
        for keeper in std::iter::once(&self.keeper).chain(&left) {
            let deleted = keeper.purge(before)?;
            log::info!("deleted {deleted} records of the backend {} in {} on request", keeper.name(), keeper.place());
            purged.add(keeper.name(), deleted);
        }
        self.recent.forget();
        Ok(purged)
    }
}

/// A question without an end ends a day ahead: a record that a clock left in the future is the newest for nobody.
fn until_now(query: &Query) -> Query {
    Query { end_time: query.end_time.or(Some(now() + AHEAD)), ..query.clone() }
}

/// To write as this tap, or only to read.
fn loki(history: &History, writer: Option<&Writer>) -> Result<Loki> {
    let doing = "open the history in loki";
    let settings =
        history.loki.as_ref().ok_or_else(|| StoreError::Failed(format!("{doing}: no address was given; name it with --loki-url")))?;
    let roots = Target::of(&settings.url).map_err(failed(doing))?.roots;
    let Some(writer) = writer else { return Ok(Loki::reader(settings, roots)) };
    let dir = if history.dir_is_given { Some(history.dir.clone()) } else { platform::state_directory() };
    Ok(Loki::writer(settings, roots, dir.as_deref(), writer))
}
