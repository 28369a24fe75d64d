//! Writing: stream by stream and part by part, so that each refusal is that of the records in it, and none holds up another stream.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::answer::Pushed;
use super::ask::LokiClient;
use super::push::{self, BODY_MAX, Part, Pushable, StreamKey};
use super::refused::{Complaint, Verdict, verdict, way_out};
use super::sender::Sender;
use super::time::{HOUR, nanos};
use super::unsent::{Held, Unsent};
use crate::history::record::Record;
use crate::history::store::{Refused, Result, StoreError};
use crate::util::threads::lock;

/// A record that is this far behind the newest one of its stream is a late one (nanoseconds). Loki takes what is up to an hour behind.
const LATE: i64 = HOUR / 2;

/// The smallest body that is aimed for (bytes).
const BODY_MIN: usize = 16 * 1024;

/// A text that Loki does not take so often in a row, though it is alone in its push, is given up.
const ALONE_MAX: u32 = 5;

/// Writes to one Loki.
pub struct Pusher {
    sender: Sender,
    /// Bytes of the next body: halved where Loki wants less.
    body_max: AtomicUsize,
    has_metadata: AtomicBool,
    /// Times in a row that a push of one record was too much.
    alone: AtomicU32,
    /// The newest record of each stream (nanoseconds).
    newest: Mutex<HashMap<StreamKey, i64>>,
    /// Records that were refused for good and not told yet, and texts whose records are kept.
    refused: AtomicU64,
    refused_texts: AtomicU64,
    /// Of texts, and of whole records.
    complaints: [Complaint; 2],
    unsent: Option<Unsent>,
    held: Mutex<Option<Vec<Held>>>,
}

/// What became of a push of records.
enum Outcome {
    /// They are stored, but for so many that are refused for good.
    Taken { refused: u64 },
    /// Fewer are to be sent at once.
    Fewer,
    /// What is not newer than this (nanoseconds) goes to the late ones.
    Behind(i64),
}

impl Pusher {
    pub fn new(client: Arc<LokiClient>, unsent: Option<Unsent>) -> Pusher {
        Pusher {
            sender: Sender::new(client),
            body_max: AtomicUsize::new(BODY_MAX),
            has_metadata: AtomicBool::new(true),
            alone: AtomicU32::new(0),
            newest: Mutex::default(),
            refused: AtomicU64::new(0),
            refused_texts: AtomicU64::new(0),
            complaints: Default::default(),
            unsent,
            held: Mutex::default(),
        }
    }

    /// From now on no push is waited for beyond this, so that there is time to leave what was not sent.
    pub fn set_deadline(&self, deadline: Instant) {
        self.sender.set_deadline(deadline);
    }

    /// Leaves records to the next start; `false` where there is no place for them.
    pub fn save_unwritten(&self, records: &[Record]) -> Result<bool> {
        let Some(unsent) = &self.unsent else {
            return Ok(false);
        };
        let doing = || {
            format!(
                "leave {} records in {}",
                records.len(),
                unsent.path().display()
            )
        };
        // It may hold what another run left, and nobody can write into that on Windows while we do.
        lock(&self.held).take();
        unsent
            .save_unwritten(records)
            .map_err(|cause| StoreError::Failed(format!("{}: {cause}", doing())))?;
        log::warn!(
            "{} records that loki had not taken are in {}; they are sent at the next start",
            records.len(),
            unsent.path().display()
        );
        Ok(true)
    }

    /// Writes records, and before the first of them what another run left. What is written, or refused for good, leaves `batch`.
    /// Returns how many were refused for good.
    pub fn write(&self, batch: &mut Vec<Record>) -> Result<u64> {
        self.send_unsent()?;
        self.send(batch)?;
        Ok(self.refused.swap(0, SeqCst))
    }

    /// What was refused for good and not told yet.
    pub fn take_refused(&self) -> Refused {
        Refused {
            records: self.refused.swap(0, SeqCst),
            texts: self.refused_texts.swap(0, SeqCst),
        }
    }

    /// Sends what earlier runs left here. Only what cannot be read is passed over.
    pub fn send_unsent(&self) -> Result<()> {
        let mut held = lock(&self.held);
        let held = held.get_or_insert_with(|| self.unsent.iter().flat_map(Unsent::take).collect());
        while let Some(first) = held.first_mut() {
            let path = first.path().display().to_string();
            let unread = |cause: std::io::Error| {
                StoreError::Failed(format!("send what was not sent, {path}: {cause}"))
            };
            match first.first().map_err(unread)? {
                Some((mut records, next)) => {
                    let count = records.len();
                    self.send(&mut records)?;
                    first.remove_up_to(next).map_err(unread)?;
                    log::info!("{count} records of {path} were sent to loki");
                }
                None => drop(held.remove(0)),
            }
        }
        Ok(())
    }

    /// Stream by stream. One that fails holds up no other, unless nothing gets through.
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
            late: nanos(record.timestamp) < newest.saturating_sub(LATE),
            ..stream
        }
    }

    /// Sends records of one stream, oldest first; those that are stored or refused leave `records`.
    fn send_stream(&self, stream: &StreamKey, records: &mut Vec<Record>) -> Result<()> {
        while !records.is_empty() {
            let pushed = push::fitting(records, self.body_max.load(SeqCst));
            match self.push(stream, &pushed)? {
                Outcome::Taken { .. } => {
                    self.note(stream, &pushed);
                    records.drain(..pushed.len());
                }
                Outcome::Fewer => {}
                Outcome::Behind(cutoff) => {
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

    fn note(&self, stream: &StreamKey, pushed: &[Pushable]) {
        let last = pushed.last().map_or(i64::MIN, |record| record.time);
        let mut newest = lock(&self.newest);
        let newest = newest.entry(stream.clone()).or_insert(last);
        *newest = last.max(*newest);
    }

    /// Both parts, the texts first: a record is there once its facts are.
    fn push(&self, stream: &StreamKey, records: &[Pushable]) -> Result<Outcome> {
        let mut refused = [0; 2];
        for (part, refused) in [Part::Text, Part::Facts].into_iter().zip(&mut refused) {
            match self.push_part(stream, part, records)? {
                Outcome::Taken { refused: count } => *refused = count,
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
        Ok(Outcome::Taken { refused: whole })
    }

    fn push_part(&self, stream: &StreamKey, part: Part, records: &[Pushable]) -> Result<Outcome> {
        loop {
            let has_metadata = self.has_metadata.load(SeqCst);
            let body = stream.body(part, records, has_metadata);
            let bytes = body.len();
            let answer = self.sender.answer(body)?;
            let is_unnamed = answer.status == 400 && !answer.words.contains("for stream");
            match verdict(&answer, records.len()) {
                Verdict::Stored => {
                    self.alone.store(0, SeqCst);
                    return Ok(Outcome::Taken { refused: 0 });
                }
                Verdict::NoMetadata if has_metadata => self.give_up_metadata(&answer),
                // What an older Loki says that cannot read it.
                Verdict::Refused(_)
                    if has_metadata && is_unnamed && answer.words.contains("PushRequest") =>
                {
                    self.give_up_metadata(&answer)
                }
                Verdict::Behind(cutoff) if !stream.late => return Ok(Outcome::Behind(cutoff)),
                Verdict::TooMuch { for_now } => {
                    match self.want_less(part, records.len(), bytes, for_now, &answer)? {
                        Some(outcome) => return Ok(outcome),
                        None => return Ok(Outcome::Fewer),
                    }
                }
                Verdict::Wait => return Err(self.unsent_because(&answer)),
                Verdict::Refused(count) => return Ok(self.refuse(part, count, &answer)),
                Verdict::NoMetadata => return Ok(self.refuse(part, records.len() as u64, &answer)),
                Verdict::Behind(_) => return Ok(self.refuse(part, records.len() as u64, &answer)),
            }
        }
    }

    /// Some are lost, of which somebody hears. A text that is lost leaves its record.
    fn refuse(&self, part: Part, count: u64, answer: &Pushed) -> Outcome {
        let [of_texts, of_records] = &self.complaints;
        match part {
            Part::Text => of_texts.log(
                self.sender.client().base(),
                &format!("the texts of {count} records"),
                answer,
            ),
            Part::Facts => of_records.log(
                self.sender.client().base(),
                &format!("{count} records"),
                answer,
            ),
        }
        Outcome::Taken { refused: count }
    }

    /// Halves what is sent at once. What is alone already is tried again some times, where it may be too much for now, and then its
    /// text is given up.
    fn want_less(
        &self,
        part: Part,
        records: usize,
        bytes: usize,
        for_now: bool,
        answer: &Pushed,
    ) -> Result<Option<Outcome>> {
        if records > 1 {
            self.body_max.store(
                (bytes.min(self.body_max.load(SeqCst)) / 2).max(BODY_MIN),
                SeqCst,
            );
            return if for_now {
                Err(self.unsent_because(answer))
            } else {
                Ok(None)
            };
        }
        let tries = self.alone.fetch_add(1, SeqCst) + 1;
        if for_now && (part == Part::Facts || tries < ALONE_MAX) {
            return Err(self.unsent_because(answer));
        }
        self.alone.store(0, SeqCst);
        Ok(Some(self.refuse(part, 1, answer)))
    }

    fn give_up_metadata(&self, answer: &Pushed) {
        if self.has_metadata.swap(false, SeqCst) {
            log::warn!(
                "loki at {} takes no structured metadata, so records are sent without it: {answer}",
                self.sender.client().base()
            );
        }
    }

    fn unsent_because(&self, answer: &Pushed) -> StoreError {
        StoreError::Failed(format!(
            "{}{}",
            self.sender.client().unpushed(answer),
            way_out(answer.status)
        ))
    }
}
