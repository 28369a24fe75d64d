//! Summaries in little memory.

use std::borrow::Cow;

use super::super::error_cause;
use super::super::query::UNKNOWN_NAME;
use crate::history::record::{Record, RecordSummary, SecondsSpent};
use crate::util::name_table::NameTable;

/// The most rows, 96 bytes each: 24 MB.
const ROWS_MAX: usize = 250_000;

/// The most names of models, clients and other things: clients may call themselves anything. A
/// number of a name has 16 bits.
const NAMES_MAX: usize = 10_000;

/// The most names with which another cause of errors gets a name of its own.
const NAMES_WITH_CAUSES_MAX: usize = NAMES_MAX / 2;

/// Summaries, in no order.
#[derive(Default)]
pub struct Rows {
    names: NameTable,
    rows: Vec<Row>,
}

/// Stands for an unknown count.
const UNKNOWN_COUNT: u32 = u32::MAX;

/// A summary, with names by their numbers. Statistics use no more digits of times and speeds than
/// these; `NAN` stands for unknown. A duration is whole, for filters compare it.
#[derive(Clone, Copy)]
struct Row {
    timestamp: f64,
    /// 0 where it is not 16 hex digits.
    id: u64,
    duration_seconds: f64,
    tokens_per_second: f32,
    time_to_first_token_seconds: f32,
    vram_share: f32,
    queue_seconds: f32,
    load_seconds: f32,
    prompt_seconds: f32,
    generation_seconds: f32,
    prompt_tokens: u32,
    generated_tokens: u32,
    prompt_cached_tokens: u32,
    model: u16,
    endpoint: u16,
    prompt_category: u16,
    status: u16,
    client: u16,
    client_ip: u16,
    host: u16,
    ollama_version: u16,
    digest: u16,
    quantization: u16,
    /// Of a cold start.
    reload_cause: u16,
    /// What is the same of errors of one kind.
    error: u16,
    /// 0 where it is unknown: no tap listens there.
    tap: u16,
}

impl Rows {
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn newest(&self) -> Option<f64> {
        self.rows
            .iter()
            .map(|row| row.timestamp)
            .max_by(f64::total_cmp)
    }

    /// Adds a row, up to one more than there is room for, which shows that there is none.
    pub fn add(&mut self, summary: &RecordSummary) {
        if self.rows.len() > ROWS_MAX {
            return;
        }
        let spent = summary.seconds_spent();
        let number = |value: Option<f64>| value.map_or(f32::NAN, |value| value as f32);
        let error = summary.error.as_deref();
        let cause = error.map(|error| error_cause::mask(error, summary.model.as_deref()));
        let row = Row {
            timestamp: summary.timestamp,
            id: id_number(&summary.interaction_id),
            tokens_per_second: number(summary.tokens_per_second),
            duration_seconds: summary.duration_seconds.unwrap_or(f64::NAN),
            time_to_first_token_seconds: number(summary.time_to_first_token_seconds),
            vram_share: number(summary.vram_share),
            queue_seconds: spent.queue as f32,
            load_seconds: spent.load as f32,
            prompt_seconds: spent.prompt as f32,
            generation_seconds: spent.generation as f32,
            prompt_tokens: count(summary.prompt_tokens),
            generated_tokens: count(summary.generated_tokens),
            prompt_cached_tokens: count(summary.prompt_cached_tokens),
            model: self.name(summary.model.as_deref().unwrap_or(UNKNOWN_NAME)),
            endpoint: self.name(&summary.endpoint),
            prompt_category: self.name(&summary.prompt_category),
            status: self.name(&summary.status),
            client: self.name_or_none(&summary.client),
            client_ip: self.name_or_none(&summary.client_ip),
            host: self.name_or_none(&summary.host),
            ollama_version: self.name_or_none(&summary.ollama_version),
            digest: self.name_or_none(&summary.digest),
            quantization: self.name_or_none(&summary.quantization),
            reload_cause: self.name(summary.cold_start().unwrap_or_default()),
            error: self.cause(cause.as_deref().unwrap_or_default()),
            tap: summary.tap.unwrap_or_default(),
        };
        self.rows.push(row);
    }

    pub fn add_record(&mut self, record: &Record) {
        self.add(&record.summary());
    }

    /// Returns the number of a name. Beyond the most names, which the number of names shows, it is
    /// that of any.
    fn name(&mut self, text: &str) -> u16 {
        if self.has_too_many_names() {
            return 0;
        }
        self.names.number(text) as u16
    }

    fn name_or_none(&mut self, text: &Option<Cow<str>>) -> u16 {
        self.name(text.as_deref().unwrap_or_default())
    }

    fn cause(&mut self, cause: &str) -> u16 {
        let is_room = self.names.len() < NAMES_WITH_CAUSES_MAX || self.names.contains(cause);
        self.name(if is_room { cause } else { error_cause::OTHER })
    }

    /// Visits what arrived at `start` or later.
    pub fn for_each(&self, start: f64, visit: &mut dyn FnMut(&RecordSummary)) {
        for row in self.rows.iter().filter(|row| row.timestamp >= start) {
            visit(&self.summary(row));
        }
    }

    fn summary(&self, row: &Row) -> RecordSummary<'_> {
        let name = |number: u16| Cow::Borrowed(self.names.text(number.into()));
        let known = |number| Some(name(number)).filter(|name| !name.is_empty());
        let number = |value: f32| (!value.is_nan()).then(|| value.into());
        RecordSummary {
            interaction_id: id_text(row.id),
            timestamp: row.timestamp,
            model: Some(name(row.model)),
            endpoint: name(row.endpoint),
            prompt_category: name(row.prompt_category),
            status: name(row.status),
            prompt_tokens: known_count(row.prompt_tokens),
            generated_tokens: known_count(row.generated_tokens),
            tokens_per_second: number(row.tokens_per_second),
            duration_seconds: Some(row.duration_seconds).filter(|seconds| !seconds.is_nan()),
            time_to_first_token_seconds: number(row.time_to_first_token_seconds),
            prompt_cached_tokens: known_count(row.prompt_cached_tokens),
            load_duration_seconds: None,
            prompt_eval_duration_seconds: None,
            eval_duration_seconds: None,
            time_spent: Some(row.seconds_spent()),
            reload_cause: known(row.reload_cause),
            error: known(row.error),
            client: known(row.client),
            client_ip: known(row.client_ip),
            host: known(row.host),
            tap: Some(row.tap).filter(|tap| *tap != 0),
            vram_share: number(row.vram_share),
            ollama_version: known(row.ollama_version),
            digest: known(row.digest),
            quantization: known(row.quantization),
        }
    }

    /// Takes away what arrived at such a time (Unix seconds).
    pub fn remove(&mut self, is_meant: impl Fn(f64) -> bool) {
        self.rows.retain(|row| !is_meant(row.timestamp));
    }

    pub fn has_room_for(&self, other: &Rows) -> bool {
        self.len() + other.len() <= ROWS_MAX && self.names.len() + other.names.len() <= NAMES_MAX
    }

    pub fn has_too_many_names(&self) -> bool {
        self.names.len() > NAMES_MAX
    }

    pub fn absorb(&mut self, other: Rows) {
        let numbers: Vec<u16> = (0..other.names.len() as u32)
            .map(|number| self.name(other.names.text(number)))
            .collect();
        let here = |number: u16| numbers[usize::from(number)];
        self.rows.extend(other.rows.into_iter().map(|row| Row {
            model: here(row.model),
            endpoint: here(row.endpoint),
            prompt_category: here(row.prompt_category),
            status: here(row.status),
            client: here(row.client),
            client_ip: here(row.client_ip),
            host: here(row.host),
            ollama_version: here(row.ollama_version),
            digest: here(row.digest),
            quantization: here(row.quantization),
            reload_cause: here(row.reload_cause),
            error: here(row.error),
            ..row
        }));
    }

    /// Leaves the newer half where there are too many rows. Returns the time from which on none is
    /// missing.
    pub fn trim(&mut self) -> Option<f64> {
        if self.len() <= ROWS_MAX {
            return None;
        }
        let middle = self.len() / 2;
        let since = self
            .rows
            .select_nth_unstable_by(middle, |one, other| {
                one.timestamp.total_cmp(&other.timestamp)
            })
            .1
            .timestamp;
        self.rows.retain(|row| row.timestamp >= since);
        Some(since)
    }
}

impl Row {
    fn seconds_spent(&self) -> SecondsSpent {
        let told = SecondsSpent {
            queue: self.queue_seconds.into(),
            load: self.load_seconds.into(),
            prompt: self.prompt_seconds.into(),
            generation: self.generation_seconds.into(),
            other: 0.0,
        };
        told.with_rest_of(self.duration_seconds.max(0.0))
    }
}

/// Returns a count, or what stands for an unknown one; more than fits is nonsense in any case.
fn count(tokens: Option<u64>) -> u32 {
    tokens.map_or(UNKNOWN_COUNT, |tokens| {
        tokens.min((UNKNOWN_COUNT - 1).into()) as u32
    })
}

fn known_count(count: u32) -> Option<u64> {
    (count != UNKNOWN_COUNT).then(|| count.into())
}

/// Returns the number of an id; 0 where it is not 16 hex digits, as in a history taken over from
/// elsewhere.
fn id_number(id: &str) -> u64 {
    let is_ours = id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = || u64::from_str_radix(id, 16).ok();
    is_ours.then(number).flatten().unwrap_or(0)
}

fn id_text(number: u64) -> Cow<'static, str> {
    match number {
        0 => Cow::Borrowed(""),
        number => Cow::Owned(format!("{number:016x}")),
    }
}
