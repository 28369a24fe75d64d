//! Summaries in little memory.

use std::borrow::Cow;

use super::super::query::UNKNOWN_NAME;
use crate::history::record::{Record, RecordSummary};
use crate::util::name_table::NameTable;

/// The most rows, 80 bytes each: 20 MB.
const ROWS_MAX: usize = 250_000;

/// The most names of models, clients and other things: clients may call themselves anything.
const NAMES_MAX: usize = 10_000;

/// Summaries, in no order.
#[derive(Default)]
pub struct Rows {
    names: NameTable,
    rows: Vec<Row>,
}

/// Stands for an unknown count.
const UNKNOWN_COUNT: u32 = u32::MAX;

/// A summary, with names by their numbers. Statistics use no more digits of times and speeds than
/// these; `NAN` stands for unknown.
#[derive(Clone, Copy)]
struct Row {
    timestamp: f64,
    tokens_per_second: f32,
    duration_seconds: f32,
    time_to_first_token_seconds: f32,
    prompt_tokens: u32,
    generated_tokens: u32,
    /// `UNKNOWN_COUNT` where it is unknown.
    prompt_cached_tokens: u32,
    model: u32,
    endpoint: u32,
    prompt_category: u32,
    status: u32,
    client: u32,
    host: u32,
    vram_share: f32,
    ollama_version: u32,
    digest: u32,
    quantization: u32,
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
        // More than fits is nonsense in any case.
        let count = |tokens: Option<u64>| tokens.unwrap_or(0).try_into().unwrap_or(u32::MAX);
        let number = |value: Option<f64>| value.map_or(f32::NAN, |value| value as f32);
        let names = &mut self.names;
        let mut name = |text: &Option<Cow<str>>| names.number(text.as_deref().unwrap_or_default());
        let known = [
            &summary.host,
            &summary.ollama_version,
            &summary.digest,
            &summary.quantization,
        ];
        let [host, ollama_version, digest, quantization] = known.map(&mut name);
        self.rows.push(Row {
            timestamp: summary.timestamp,
            tokens_per_second: number(summary.tokens_per_second),
            duration_seconds: number(summary.duration_seconds),
            time_to_first_token_seconds: number(summary.time_to_first_token_seconds),
            prompt_tokens: count(summary.prompt_tokens),
            generated_tokens: count(summary.generated_tokens),
            prompt_cached_tokens: summary
                .prompt_cached_tokens
                .map_or(UNKNOWN_COUNT, |tokens| {
                    count(Some(tokens)).min(UNKNOWN_COUNT - 1)
                }),
            model: self
                .names
                .number(summary.model.as_deref().unwrap_or(UNKNOWN_NAME)),
            endpoint: self.names.number(&summary.endpoint),
            prompt_category: self.names.number(&summary.prompt_category),
            status: self.names.number(&summary.status),
            client: self
                .names
                .number(summary.client.as_deref().unwrap_or(UNKNOWN_NAME)),
            host,
            vram_share: number(summary.vram_share),
            ollama_version,
            digest,
            quantization,
            tap: summary.tap.unwrap_or_default(),
        });
    }

    pub fn add_record(&mut self, record: &Record) {
        record.with_summary(|summary| self.add(summary));
    }

    /// Visits what arrived at `start` or later.
    pub fn for_each(&self, start: f64, visit: &mut dyn FnMut(&RecordSummary)) {
        for row in self.rows.iter().filter(|row| row.timestamp >= start) {
            visit(&self.summary(row));
        }
    }

    fn summary(&self, row: &Row) -> RecordSummary<'_> {
        let name = |number| Cow::Borrowed(self.names.text(number));
        let known = |number| Some(name(number)).filter(|name| !name.is_empty());
        let number = |value: f32| (!value.is_nan()).then(|| value.into());
        RecordSummary {
            timestamp: row.timestamp,
            model: Some(name(row.model)),
            endpoint: name(row.endpoint),
            prompt_category: name(row.prompt_category),
            status: name(row.status),
            prompt_tokens: Some(row.prompt_tokens.into()),
            generated_tokens: Some(row.generated_tokens.into()),
            tokens_per_second: number(row.tokens_per_second),
            duration_seconds: number(row.duration_seconds),
            time_to_first_token_seconds: number(row.time_to_first_token_seconds),
            prompt_cached_tokens: Some(row.prompt_cached_tokens)
                .filter(|tokens| *tokens != UNKNOWN_COUNT)
                .map(Into::into),
            client: Some(name(row.client)),
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
        let numbers: Vec<u32> = (0..other.names.len() as u32)
            .map(|number| self.names.number(other.names.text(number)))
            .collect();
        let here = |number: u32| numbers[number as usize];
        self.rows.extend(other.rows.into_iter().map(|row| Row {
            model: here(row.model),
            endpoint: here(row.endpoint),
            prompt_category: here(row.prompt_category),
            status: here(row.status),
            client: here(row.client),
            host: here(row.host),
            ollama_version: here(row.ollama_version),
            digest: here(row.digest),
            quantization: here(row.quantization),
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
