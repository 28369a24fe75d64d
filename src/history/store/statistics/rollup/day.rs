//! The file of a day's roll-up: what `RollupHead` has; all texts; all keys, as numbers of texts; then
//! the sets, each with its key, four times. First come those of the whole day, and those of quarters
//! of an hour with few texts, which is all that is read where all of a day is asked for; then those
//! without clients, and those with all texts.

use std::borrow::Cow;

use super::build::OTHER;
use super::codec::Decoder;
use super::set::SetSums;
use super::{DAY, QUARTER};
use crate::history::record::RecordSummary;
use crate::history::store::Query;

/// The beginning of a file, with the number of its format.
pub const MAGIC: [u8; 4] = *b"OTR1";

pub const QUARTERS: usize = (DAY / QUARTER) as usize;

/// The texts by which requests are told apart, in the order of `SetField`.
pub type SetTexts = [u32; 12];

#[derive(Clone, Copy)]
pub enum SetField {
    Model,
    Endpoint,
    Category,
    Status,
    Client,
    ClientIp,
    Host,
    Tap,
    Version,
    Digest,
    Load,
    Error,
}

/// What is known of a roll-up without reading its sets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RollupHead {
    /// Days since 1970, in UTC.
    pub day: i64,
    /// Every record of the day from before this moment is in it (Unix seconds).
    pub until: f64,
    /// The number of records that the history had of that time.
    pub records: u64,
    /// When the first of them arrived (Unix seconds); infinite without any.
    pub first: f64,
    /// Its records have expired, and its clients are gone.
    pub is_stripped: bool,
    /// Bytes of the file up to the sets that are seldom needed.
    pub brief_length: u64,
}

/// The file of a day.
pub struct RollupFile<'a> {
    pub head: RollupHead,
    names: Vec<&'a str>,
    keys: Vec<SetTexts>,
    whole: Decoder<'a>,
    totals: Decoder<'a>,
    /// Of a file that was read to its `brief_length`, there are no others.
    without_clients: Option<Decoder<'a>>,
    quarters: Option<Decoder<'a>>,
}

/// Which sets of a day are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sets {
    Quarters,
    WithoutClients,
    /// Quarters, told apart by status, endpoint and cause of a load alone.
    Totals,
    /// Of the whole day.
    Whole,
}

/// Returns when a day begins (Unix seconds).
pub fn day_start(day: i64) -> f64 {
    day as f64 * DAY
}

impl RollupHead {
    /// Reads the beginning of a file; `None` where it is not one of ours.
    pub fn decode(bytes: &[u8]) -> Option<RollupHead> {
        head(&mut Decoder(bytes))
    }

    /// Bytes of a file that have it.
    pub const LENGTH: usize = 64;
}

fn head(from: &mut Decoder) -> Option<RollupHead> {
    if from.array()? != MAGIC {
        return None;
    }
    Some(RollupHead {
        brief_length: u64::from_le_bytes(from.array()?),
        day: from.signed()?,
        until: from.float()?,
        records: from.number()?,
        first: from.float()?,
        is_stripped: from.number()? != 0,
    })
}

impl<'a> RollupFile<'a> {
    /// Reads a file but for its sets; `None` where it cannot be read.
    pub fn decode(bytes: &'a [u8]) -> Option<RollupFile<'a>> {
        let mut from = Decoder(bytes);
        let head = head(&mut from)?;
        let names: Option<Vec<&str>> = (0..from.number()?).map(|_| from.text()).collect();
        let keys = from.number()?;
        let keys: Option<Vec<SetTexts>> = (0..keys).map(|_| key(&mut from)).collect();
        Some(RollupFile {
            head,
            names: names?,
            keys: keys?,
            whole: Decoder(from.piece()?),
            totals: Decoder(from.piece()?),
            without_clients: from.piece().map(Decoder),
            quarters: from.piece().map(Decoder),
        })
    }

    /// Returns whether these sets are in the part that was read.
    pub fn is_brief(sets: Sets) -> bool {
        matches!(sets, Sets::Whole | Sets::Totals)
    }

    /// Returns when a quarter of the day begins (Unix seconds).
    pub fn quarter(&self, quarter: usize) -> f64 {
        day_start(self.head.day) + quarter as f64 * QUARTER
    }

    /// Returns every key as the summary of a request that has these texts.
    pub fn keys(&self) -> impl Iterator<Item = RecordSummary<'a>> {
        self.keys.iter().map(|key| {
            let text = |field: SetField| {
                let name = self.names.get(key[field as usize] as usize);
                Cow::Borrowed(*name.unwrap_or(&""))
            };
            let known = |field| Some(text(field)).filter(|text| !text.is_empty());
            RecordSummary {
                model: Some(text(SetField::Model)),
                endpoint: text(SetField::Endpoint),
                prompt_category: text(SetField::Category),
                status: text(SetField::Status),
                client: known(SetField::Client),
                client_ip: known(SetField::ClientIp),
                host: known(SetField::Host),
                tap: text(SetField::Tap).parse().ok(),
                ollama_version: known(SetField::Version),
                digest: known(SetField::Digest),
                reload_cause: known(SetField::Load),
                error: known(SetField::Error),
                ..RecordSummary::default()
            }
        })
    }

    /// Returns whether it knows not all that a query asks for by name: some had no room.
    pub fn lacks_names_of(&self, query: &Query) -> bool {
        let lacks = |names: RecordSummary| {
            let is_other = |name: Option<Cow<str>>| name.as_deref() == Some(OTHER);
            names.client_ip.is_none()
                && (query.client.is_some() && is_other(names.client)
                    || query.model.is_some() && is_other(names.model))
        };
        (query.client.is_some() || query.model.is_some()) && self.keys().any(lacks)
    }

    /// Shows sets with their quarter of the day and the number of their key; `None` where they
    /// cannot be read.
    pub fn for_each(
        &self,
        sets: Sets,
        visit: &mut dyn FnMut(usize, usize, &SetSums),
    ) -> Option<()> {
        self.for_each_wanted(sets, &mut |_, _| true, visit)
    }

    /// Shows those sets of which `wants` says so by quarter and key.
    pub fn for_each_wanted(
        &self,
        sets: Sets,
        wants: &mut dyn FnMut(usize, usize) -> bool,
        visit: &mut dyn FnMut(usize, usize, &SetSums),
    ) -> Option<()> {
        let mut from = match sets {
            Sets::Quarters => self.quarters?,
            Sets::WithoutClients => self.without_clients?,
            Sets::Totals => self.totals,
            Sets::Whole => self.whole,
        };
        let mut sums = SetSums::default();
        while !from.is_empty() {
            let quarter = usize::try_from(from.number()?).ok()?;
            for _ in 0..from.number()? {
                let key = usize::try_from(from.number()?).ok()?;
                let set = from.piece()?;
                if quarter >= QUARTERS || key >= self.keys.len() {
                    return None;
                }
                if wants(quarter, key) {
                    sums.decode(&mut Decoder(set))?;
                    visit(quarter, key, &sums);
                }
            }
        }
        Some(())
    }
}

fn key(from: &mut Decoder) -> Option<SetTexts> {
    let mut key = SetTexts::default();
    for text in &mut key {
        *text = from.number()?.try_into().ok()?;
    }
    Some(key)
}
