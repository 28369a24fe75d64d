//! Making the roll-up of a day, of records or of an older one.

use std::collections::HashMap;

use super::super::super::error_cause;
use super::super::super::query::UNKNOWN_NAME;
use super::super::accumulator::SetKind;
use super::QUARTER;
use super::codec::Encoder;
use super::day::{MAGIC, QUARTERS, RollupFile, RollupHead, SetField, SetTexts, Sets, day_start};
use super::set::SetSums;
use crate::history::record::RecordSummary;
use crate::util::name_table::NameTable;

/// The most sets of a quarter of an hour with clients of their own.
const SETS_MAX: usize = 500;

/// The most sets of a quarter: models, causes and versions of further ones count together, too.
const ALL_SETS_MAX: usize = 2 * SETS_MAX;

/// The most texts with which another cause of errors is told.
const TEXTS_WITH_CAUSES_MAX: usize = 5000;

/// What a client or a model is called where there is no room for it.
pub const OTHER: &str = "other";

/// What tells clients apart.
const CLIENT_FIELDS: [SetField; 2] = [SetField::Client, SetField::ClientIp];

/// All but what decides in which numbers a request counts.
const OTHER_FIELDS: [SetField; 9] = [
    SetField::Client,
    SetField::ClientIp,
    SetField::Model,
    SetField::Category,
    SetField::Host,
    SetField::Tap,
    SetField::Version,
    SetField::Digest,
    SetField::Error,
];

/// The sets of a day that are made.
pub struct RollupBuilder {
    pub head: RollupHead,
    names: NameTable,
    keys: Vec<SetTexts>,
    numbers: HashMap<SetTexts, u32>,
    /// Of each quarter, by the number of the key.
    quarters: Vec<HashMap<u32, SetSums>>,
}

impl RollupBuilder {
    pub fn new(day: i64) -> RollupBuilder {
        RollupBuilder {
            head: RollupHead {
                day,
                until: day_start(day),
                records: 0,
                first: f64::INFINITY,
                is_stripped: false,
                brief_length: 0,
            },
            names: NameTable::default(),
            keys: Vec::new(),
            numbers: HashMap::new(),
            quarters: vec![HashMap::new(); QUARTERS],
        }
    }

    /// Begins with what a file has; `None` where it cannot be read. `strip` leaves out clients, and
    /// all else that only records tell.
    pub fn of_file(file: &RollupFile, strip: bool) -> Option<RollupBuilder> {
        let mut builder = RollupBuilder::new(file.head.day);
        builder.head = RollupHead {
            is_stripped: strip,
            ..file.head
        };
        let sets = match strip {
            true => Sets::WithoutClients,
            false => Sets::Quarters,
        };
        let keys: Vec<u32> = file
            .keys()
            .map(|summary| {
                let summary = if strip { stripped(summary) } else { summary };
                let key = builder.key(&summary, summary.error.as_deref().unwrap_or_default());
                builder.number(key)
            })
            .collect();
        file.for_each(sets, &mut |quarter, key, sums| {
            let set = builder.quarters[quarter].entry(keys[key]).or_default();
            set.merge(sums);
            if strip {
                set.example = 0;
            }
        })?;
        Some(builder)
    }

    /// Adds a record of the day.
    pub fn add(&mut self, summary: &RecordSummary) {
        let kind = SetKind::of(summary);
        let time = summary.timestamp;
        let quarter = ((time - day_start(self.head.day)) / QUARTER) as usize;
        let quarter = quarter.min(QUARTERS - 1);
        let error = summary.error.as_deref().filter(|_| kind.is_error());
        let cause = error.map(|error| error_cause::mask(error, summary.model.as_deref()));
        let key = self.key(summary, cause.as_deref().unwrap_or_default());
        let number = self.number_with_room(quarter, key);
        let set = self.quarters[quarter].entry(number).or_default();
        set.add(kind, summary);
        self.head.first = self.head.first.min(time);
    }

    fn key(&mut self, summary: &RecordSummary, cause: &str) -> SetTexts {
        let has_room = self.names.len() < TEXTS_WITH_CAUSES_MAX || self.names.contains(cause);
        let tap = summary.tap.map(|tap| tap.to_string());
        let texts = [
            summary.model.as_deref().unwrap_or(UNKNOWN_NAME),
            &*summary.endpoint,
            &*summary.prompt_category,
            &*summary.status,
            summary.client.as_deref().unwrap_or_default(),
            summary.client_ip.as_deref().unwrap_or_default(),
            summary.host.as_deref().unwrap_or_default(),
            tap.as_deref().unwrap_or_default(),
            summary.ollama_version.as_deref().unwrap_or_default(),
            summary.digest.as_deref().unwrap_or_default(),
            summary.cold_start().unwrap_or_default(),
            if has_room { cause } else { error_cause::OTHER },
        ];
        texts.map(|text| self.names.number(text))
    }

    fn number(&mut self, key: SetTexts) -> u32 {
        let next = self.keys.len() as u32;
        let number = *self.numbers.entry(key).or_insert(next);
        if number == next {
            self.keys.push(key);
        }
        number
    }

    /// Returns the number of a key in a quarter, or of one with fewer names where there are many.
    fn number_with_room(&mut self, quarter: usize, mut key: SetTexts) -> u32 {
        let [other, none] = [OTHER, ""].map(|text| self.names.number(text));
        for (max, changes) in [
            (
                SETS_MAX,
                &[(SetField::Client, other), (SetField::ClientIp, none)][..],
            ),
            (
                ALL_SETS_MAX,
                &[
                    (SetField::Model, other),
                    (SetField::Error, none),
                    (SetField::Version, none),
                    (SetField::Digest, none),
                ],
            ),
        ] {
            let sets = &self.quarters[quarter];
            let known = self.numbers.get(&key);
            if sets.len() < max || known.is_some_and(|number| sets.contains_key(number)) {
                break;
            }
            for (field, text) in changes {
                key[*field as usize] = *text;
            }
        }
        self.number(key)
    }

    /// Writes the file.
    pub fn encode(&mut self) -> Vec<u8> {
        let without_clients = self.without(&CLIENT_FIELDS);
        let totals = self.without(&OTHER_FIELDS);
        let mut whole: HashMap<u32, SetSums> = HashMap::new();
        for (number, sums) in self.quarters.iter().flatten() {
            whole.entry(*number).or_default().merge(sums);
        }
        let mut out = Encoder(MAGIC.to_vec());
        out.0.extend([0; 8]); // the length of the brief part, once it is known
        out.signed(self.head.day);
        out.float(self.head.until);
        out.number(self.head.records);
        out.float(self.head.first);
        out.number(self.head.is_stripped.into());
        out.number(self.names.len() as u64);
        for number in 0..self.names.len() as u32 {
            out.piece(self.names.text(number).as_bytes());
        }
        out.number(self.keys.len() as u64);
        for text in self.keys.iter().flatten() {
            out.number(u64::from(*text));
        }
        for sets in [&[whole][..], &totals] {
            out.piece(&encode(sets));
        }
        let brief = (out.0.len() as u64).to_le_bytes();
        out.0[MAGIC.len()..][..brief.len()].copy_from_slice(&brief);
        for sets in [&without_clients, &self.quarters] {
            out.piece(&encode(sets));
        }
        out.0
    }

    /// Returns the sets of each quarter, told apart by fewer texts.
    fn without(&mut self, fields: &[SetField]) -> Vec<HashMap<u32, SetSums>> {
        let none = self.names.number("");
        let numbers: Vec<u32> = (0..self.keys.len())
            .map(|n| {
                let mut key = self.keys[n];
                fields.iter().for_each(|field| key[*field as usize] = none);
                self.number(key)
            })
            .collect();
        let quarters = self.quarters.iter().map(|sets| {
            let mut merged: HashMap<u32, SetSums> = HashMap::new();
            for (number, sums) in sets {
                let number = numbers[*number as usize];
                merged.entry(number).or_default().merge(sums);
            }
            merged
        });
        quarters.collect()
    }
}

/// Leaves out who asked, and what only records tell.
fn stripped(summary: RecordSummary) -> RecordSummary {
    RecordSummary {
        client: None,
        client_ip: None,
        ollama_version: None,
        digest: None,
        error: None,
        ..summary
    }
}

/// Writes the sets of each quarter.
fn encode(quarters: &[HashMap<u32, SetSums>]) -> Vec<u8> {
    let (mut out, mut set) = (Encoder::default(), Encoder::default());
    for (quarter, sets) in quarters.iter().enumerate() {
        if sets.is_empty() {
            continue;
        }
        let mut numbers: Vec<&u32> = sets.keys().collect();
        numbers.sort_unstable();
        out.number(quarter as u64);
        out.number(numbers.len() as u64);
        for number in numbers {
            set.0.clear();
            sets[number].encode(&mut set);
            out.number(u64::from(*number));
            out.piece(&set.0);
        }
    }
    out.0
}
