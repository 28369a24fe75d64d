//! Writing: stream by stream and part by part, so that each refusal is about the records in it, and
//! none holds up another stream.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::client::LokiClient;
use super::push::{self, BODY_MAX, EncodedRecord, Part, StreamKey};
use super::response::PushResponse;
use super::sender::Sender;
use super::spool::{Spool, SpoolFile};
use super::time::{HOUR, nanos};
use super::verdict::{PushVerdict, RefusalLog, verdict, way_out};
use crate::history::record::Record;
use crate::history::store::{Refused, Result, StoreError, failed};
use crate::util::threads::lock;

/// A record that is this far behind the newest one of its stream is late (nanoseconds). Loki takes
/// records up to an hour behind.
const LATE_THRESHOLD: i64 = HOUR / 2;

/// The smallest body size that is tried (bytes).
const BODY_MIN: usize = 16 * 1024;

/// A text that Loki refuses this often in a row, alone in its push, is given up.
const SINGLE_TRIES_MAX: u32 = 5;

/// Writes to one Loki.
pub struct Pusher {
    sender: Sender,
    /// The size of the next body (bytes): halved when Loki wants less.
    body_max: AtomicUsize,
    has_metadata: AtomicBool,
    /// The times in a row that a push of one record was too much.
    single_tries: AtomicU32,
    /// The newest record of each stream (nanoseconds).
    newest: Mutex<HashMap<StreamKey, i64>>,
    /// Records that were refused for good and not yet reported, and texts whose records are stored.
    refused: AtomicU64,
    refused_texts: AtomicU64,
    /// For texts, and for whole records.
    refusal_logs: [RefusalLog; 2],
    spool: Option<Spool>,
    /// The files of earlier runs, locked; `None` before they are looked for.
    spool_files: Mutex<Option<Vec<SpoolFile>>>,
}

/// The result of a push of records.
enum PushOutcome {
    /// They are stored, except this many that are refused for good.
    Accepted { refused: u64 },
    /// They are too many for one push.
    TooMany,
    /// Those up to this time (nanoseconds) belong to the late stream.
    Behind(i64),
}

impl Pusher {
    pub fn new(client: Arc<LokiClient>, spool: Option<Spool>) -> Pusher {
        Pusher {
            sender: Sender::new(client),
            body_max: AtomicUsize::new(BODY_MAX),
            has_metadata: AtomicBool::new(true),
            single_tries: AtomicU32::new(0),
            newest: Mutex::default(),
            refused: AtomicU64::new(0),
            refused_texts: AtomicU64::new(0),
            refusal_logs: Default::default(),
            spool,
            spool_files: Mutex::default(),
        }
    }

    /// Sets the end of the tap; from now on pushes are given up early enough to spool their
    /// records.
    pub fn set_deadline(&self, deadline: Instant) {
        self.sender.set_deadline(deadline);
    }

    /// Spools records until the next start; `false` if there is no directory for them.
    pub fn save_unwritten(&self, records: &[Record]) -> Result<bool> {
        let Some(spool) = &self.spool else {
            return Ok(false);
        };
        // It may have records of another run, and on Windows it cannot be written while it is
        // locked.
        lock(&self.spool_files).take();
        spool.save_unwritten(records).map_err(failed(format!(
            "save {} records in {}",
            records.len(),
            spool.path().display()
        )))?;
        log::warn!(
            "{} records that loki had not taken are in {}; they are sent at the next start",
            records.len(),
            spool.path().display()
        );
        Ok(true)
    }

    /// Writes records, after those that another run spooled. Records that are written, or refused
    /// for good, leave `batch`. Returns the number refused for good.
    pub fn write(&self, batch: &mut Vec<Record>) -> Result<u64> {
        self.send_spooled()?;
        self.send(batch)?;
        Ok(self.refused.swap(0, SeqCst))
    }

    /// Returns the numbers refused for good since the last report.
    pub fn take_refused(&self) -> Refused {
        Refused {
            records: self.refused.swap(0, SeqCst),
            texts: self.refused_texts.swap(0, SeqCst),
        }
    }

    /// Sends the records that earlier runs spooled. Only unreadable ones are skipped.
    pub fn send_spooled(&self) -> Result<()> {
        let mut files = lock(&self.spool_files);
        let files =
            files.get_or_insert_with(|| self.spool.iter().flat_map(Spool::lock_files).collect());
        while let Some(first) = files.first_mut() {
            let path = first.path().display().to_string();
            let operation = format!("send the unsent records in {path}");
            match first.first().map_err(failed(&operation))? {
                Some((mut records, next)) => {
                    let count = records.len();
                    self.send(&mut records)?;
                    first.remove_up_to(next).map_err(failed(&operation))?;
                    log::info!("{count} records of {path} were sent to loki");
                }
                None => drop(files.remove(0)),
            }
        }
        Ok(())
    }

    /// Sends stream by stream. One that fails does not hold up the others.
    fn send(&self, batch: &mut Vec<Record>) -> Result<()> {
        let mut streams: BTreeMap<StreamKey, Vec<Record>> = BTreeMap::new();
        for record in batch.drain(..) {
            streams
                .entry(self.stream(&record))
                .or_default()
                .push(record);
        }
        let mut failed = None;
        for (stream, mut records) in streams {
            records.sort_by_key(Record::position);
            if let Err(why) = self.send_stream(&stream, &mut records) {
                failed.get_or_insert(why);
            }
            batch.append(&mut records);
        }
        failed.map_or(Ok(()), Err)
    }

    fn stream(&self, record: &Record) -> StreamKey {
        let stream = StreamKey::of(record);
        let newest = lock(&self.newest).get(&stream).copied().unwrap_or(i64::MIN);
        StreamKey {
            late: nanos(record.timestamp) < newest.saturating_sub(LATE_THRESHOLD),
            ..stream
        }
    }

    /// Sends records of one stream, oldest first; those that are stored or refused leave `records`.
    fn send_stream(&self, stream: &StreamKey, records: &mut Vec<Record>) -> Result<()> {
        while !records.is_empty() {
            let pushed = push::first_batch(records, self.body_max.load(SeqCst));
            match self.push(stream, &pushed)? {
                PushOutcome::Accepted { .. } => {
                    self.note_newest(stream, &pushed);
                    records.drain(..pushed.len());
                }
                PushOutcome::TooMany => {}
                PushOutcome::Behind(cutoff) => {
                    let mut late: Vec<Record> = records
                        .extract_if(..pushed.len(), |record| nanos(record.timestamp) <= cutoff)
                        .collect();
                    let result = self.send_stream(
                        &StreamKey {
                            late: true,
                            ..stream.clone()
                        },
                        &mut late,
                    );
                    records.splice(..0, late);
                    result?;
                }
            }
        }
        Ok(())
    }

    fn note_newest(&self, stream: &StreamKey, pushed: &[EncodedRecord]) {
        let last = pushed.last().map_or(i64::MIN, |record| record.time);
        let mut newest = lock(&self.newest);
        let newest = newest.entry(stream.clone()).or_insert(last);
        *newest = last.max(*newest);
    }

    /// Pushes both parts, the texts first: a record exists once its facts do.
    fn push(&self, stream: &StreamKey, records: &[EncodedRecord]) -> Result<PushOutcome> {
        let mut refused = [0; 2];
        for (part, refused) in [Part::Text, Part::Facts].into_iter().zip(&mut refused) {
            match self.push_part(stream, part, records)? {
                PushOutcome::Accepted { refused: count } => *refused = count,
                outcome => return Ok(outcome),
            }
        }
        let [texts, whole] = refused;
        self.refused.fetch_add(whole, SeqCst);
        // A record that is lost has lost its text with it.
        self.refused_texts
            .fetch_add(texts.saturating_sub(whole), SeqCst);
        let grown = self.body_max.load(SeqCst) * 2;
        self.body_max.store(grown.min(BODY_MAX), SeqCst);
        Ok(PushOutcome::Accepted { refused: whole })
    }

    fn push_part(
        &self,
        stream: &StreamKey,
        part: Part,
        records: &[EncodedRecord],
    ) -> Result<PushOutcome> {
        loop {
            let has_metadata = self.has_metadata.load(SeqCst);
            let body = stream.body(part, records, has_metadata);
            let bytes = body.len();
            let response = self.sender.push(body)?;
            let is_unnamed = response.status == 400 && !response.message.contains("for stream");
            match verdict(&response, records.len()) {
                PushVerdict::Stored => {
                    self.single_tries.store(0, SeqCst);
                    return Ok(PushOutcome::Accepted { refused: 0 });
                }
                PushVerdict::NoMetadata if has_metadata => self.drop_metadata(&response),
                // The message of an older Loki that cannot read it.
                PushVerdict::Refused(_)
                    if has_metadata && is_unnamed && response.message.contains("PushRequest") =>
                {
                    self.drop_metadata(&response)
                }
                PushVerdict::Behind(cutoff) if !stream.late => {
                    return Ok(PushOutcome::Behind(cutoff));
                }
                PushVerdict::TooMuch { for_now } if records.len() > 1 => {
                    return self.shrink_body(bytes, for_now, &response);
                }
                PushVerdict::TooMuch { for_now } => {
                    return self.retry_single(part, for_now, &response);
                }
                PushVerdict::Wait => return Err(self.not_sent(&response)),
                PushVerdict::Refused(count) => return Ok(self.refuse(part, count, &response)),
                PushVerdict::NoMetadata | PushVerdict::Behind(_) => {
                    return Ok(self.refuse(part, records.len() as u64, &response));
                }
            }
        }
    }

    /// Logs and counts refused records. If a text is refused, its record stays.
    fn refuse(&self, part: Part, count: u64, response: &PushResponse) -> PushOutcome {
        let [of_texts, of_records] = &self.refusal_logs;
        let (log, what) = match part {
            Part::Text => (of_texts, format!("the texts of {count} records")),
            Part::Facts => (of_records, format!("{count} records")),
        };
        log.log(self.sender.client().base(), &what, response);
        PushOutcome::Accepted { refused: count }
    }

    /// Halves the next body after one of this size (bytes), which was too much.
    fn shrink_body(
        &self,
        bytes: usize,
        for_now: bool,
        response: &PushResponse,
    ) -> Result<PushOutcome> {
        let half = bytes.min(self.body_max.load(SeqCst)) / 2;
        self.body_max.store(half.max(BODY_MIN), SeqCst);
        if for_now {
            Err(self.not_sent(response))
        } else {
            Ok(PushOutcome::TooMany)
        }
    }

    /// Has a single record tried again a few times if it is too much only for the moment; then its
    /// text is given up.
    fn retry_single(
        &self,
        part: Part,
        for_now: bool,
        response: &PushResponse,
    ) -> Result<PushOutcome> {
        let tries = self.single_tries.fetch_add(1, SeqCst) + 1;
        if for_now && (part == Part::Facts || tries < SINGLE_TRIES_MAX) {
            return Err(self.not_sent(response));
        }
        self.single_tries.store(0, SeqCst);
        Ok(self.refuse(part, 1, response))
    }

    fn drop_metadata(&self, response: &PushResponse) {
        if self.has_metadata.swap(false, SeqCst) {
            log::warn!(
                "loki at {} takes no structured metadata, so records are sent without it: {response}",
                self.sender.client().base()
            );
        }
    }

    fn not_sent(&self, response: &PushResponse) -> StoreError {
        StoreError::Failed(format!(
            "{}{}",
            self.sender.client().push_error(response),
            way_out(response.status)
        ))
    }
}
