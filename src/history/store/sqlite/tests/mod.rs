//! What a database must withstand beyond the common suite: older ones, an index that is behind,
//! disks and programs that get in the way, deleting.

mod carrying_over;
mod deleting;
mod reading;
mod searching;
mod trouble;

use tempfile::TempDir;

use super::super::suite::{self, filled, newest, read_all, record};
use super::*;

suite::suite!(fresh);
suite::suite! { fresh: what_lies_in_the_future_is_not_the_newest_and_goes_when_it_may a_list_is_sorted_by_a_number_and_its_pages_follow_without_gaps selected_records_are_deleted_and_no_others what_a_deleted_record_said_is_in_no_later_one what_is_purged_by_time_is_in_no_later_record any_filters_together_delete_what_they_find_and_nothing_else }

/// The suite once more, with all that is asked found by the full-text index.
mod indexed {
    use super::*;

    suite::suite!(fresh_and_indexed);

    fn fresh_and_indexed() -> (Indexed, TempDir) {
        let (sqlite, dir) = fresh();
        (Indexed(sqlite), dir)
    }
}

/// A engine whose index is never behind.
struct Indexed(Sqlite);

impl Engine for Indexed {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn location(&self) -> String {
        self.0.location()
    }
    fn write(&self, batch: &mut Vec<Record>) -> Result<u64> {
        let refused = self.0.write(batch)?;
        caught_up(&self.0);
        Ok(refused)
    }
    fn catch_up(&self) -> Result<bool> {
        self.0.catch_up()
    }
    fn for_each_newest(
        &self,
        query: &Query,
        detail: Detail,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        self.0.for_each_newest(query, detail, visit)
    }
    fn for_each(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        self.0.for_each(query, visit)
    }
    fn for_each_summary(&self, query: &Query, visit: &mut dyn FnMut(&RecordSummary)) -> Result<()> {
        self.0.for_each_summary(query, visit)
    }
    fn get(&self, id: &str) -> Result<Option<Record>> {
        self.0.get(id)
    }
    fn extent(&self, newest: f64) -> Result<Extent> {
        self.0.extent(newest)
    }
    fn retain(&self, limits: &Limits) -> Result<u64> {
        self.0.retain(limits)
    }
    fn ids(&self, prefix: &str, limit: usize) -> Result<Vec<String>> {
        self.0.ids(prefix, limit)
    }
    fn purge(&self, before: Option<f64>) -> Result<u64> {
        self.0.purge(before)
    }
    fn redact(&self, redaction: &Redaction) -> Result<u64> {
        self.0.redact(redaction)
    }
    fn delete(&self, which: &Selection) -> Result<u64> {
        self.0.delete(which)
    }
}

/// A history that waits a little, as the product does: a reader may meet the moment in which a
/// writer begins the log anew.
fn fresh() -> (Sqlite, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (
        Sqlite::with_timeout(directory(dir.path()), Duration::from_secs(1)).unwrap(),
        dir,
    )
}

/// The history below `path`, which waits for no other program.
fn opened(path: &Path) -> Sqlite {
    Sqlite::with_timeout(directory(path), Duration::ZERO).unwrap()
}

fn directory(path: &Path) -> Directory {
    Directory::lock(&path.join("history"), "test").unwrap()
}

fn caught_up(sqlite: &Sqlite) {
    while sqlite.catch_up().unwrap() {}
}

fn saying(n: u32, prompt: &str) -> Record {
    Record {
        prompt_full: Some(prompt.to_owned()),
        prompt_preview: None,
        ..record(n)
    }
}

fn id(n: u32) -> String {
    record(n).interaction_id
}

fn complaint<T>(result: Result<T>) -> String {
    result.err().expect("it works").to_string()
}

/// Another program's connection.
fn stranger(sqlite: &Sqlite) -> Connection {
    Connection::open(&sqlite.file).unwrap()
}

/// Text in any file of the history.
fn on_disk(sqlite: &Sqlite, text: &str) -> bool {
    let files = fs::read_dir(sqlite.file.parent().unwrap()).unwrap();
    files.flatten().any(|file| {
        fs::read(file.path())
            .unwrap()
            .windows(text.len())
            .any(|bytes| bytes == text.as_bytes())
    })
}
