//! The parameters of the history's pages.

use form_urlencoded::parse;

use crate::diagnose::groups::{KEY_FORMAT, is_key};
use crate::history::store::query::{
    DEFAULT_HIDDEN_DAYS, DEFAULT_HOURS, HIDDEN_DAYS_FORMAT, HOURS_FORMAT, LIST_PARAMETERS,
    TIME_FORMATS, parse_hidden_days, parse_hours, parse_time,
};
use crate::history::store::{
    BadParameter, Cursor, Hidden, Query, Result, StatsQuestion, StoreError,
};
use crate::http::route::{message_of, query_of};

/// What a list is asked for.
pub struct ListQuestion {
    pub query: Query,
    /// Whether the number of all that match is wanted.
    pub counts: bool,
    /// Only what entered the history after it.
    pub since: Option<Cursor>,
}

/// Which records are to be deleted.
pub enum Deletion {
    All,
    /// What arrived before this time (Unix seconds).
    Before(f64),
    Matching(Box<Query>),
}

/// The parameters of a request, decoded, in order.
#[derive(Hash)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads the query of a request's target.
    pub fn of_target(target: &str) -> Parameters {
        Parameters(parse(query_of(target).as_bytes()).into_owned().collect())
    }

    /// Returns all names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the last value of `name`, if it is not empty.
    pub fn last(&self, wanted: &str) -> Option<&str> {
        let values = self.iter().filter(|(name, _)| *name == wanted);
        values
            .last()
            .map(|(_, value)| value)
            .filter(|value| !value.is_empty())
    }

    /// Removes every value of `name`.
    pub fn without(mut self, name: &str) -> Parameters {
        self.0.retain(|(key, _)| key != name);
        self
    }

    /// Refuses all parameters but those in `known`.
    pub fn only(&self, known: &[&str]) -> Result<()> {
        match self.iter().find(|(name, _)| !known.contains(name)) {
            Some((name, value)) if known.is_empty() => {
                Err(bad_parameter(name, value, "no parameters"))
            }
            Some((name, value)) => {
                let accepted = format!("only the parameters {}", known.join(", "));
                Err(bad_parameter(name, value, &accepted))
            }
            None => Ok(()),
        }
    }

    /// Reads the filters of a search.
    pub fn query(&self) -> Result<Query> {
        Query::parse(self.iter()).map_err(StoreError::InvalidParameter)
    }

    /// Reads the filters and the order of a list, whether its matches are to be counted, and the
    /// cursor behind which records are new.
    pub fn list_question(self) -> Result<ListQuestion> {
        let counts = match self.last("count") {
            Some("true") => true,
            None | Some("false") => false,
            Some(other) => return Err(bad_parameter("count", other, "true or false")),
        };
        let since = self.last("since").map(Cursor::read).transpose()?;
        if since.is_some() {
            self.without_any_of(
                &["before", "sort"],
                "nothing beside since, for what is new comes in the order in which it was stored",
            )?;
        }
        let query = self.without("count").without("since").query()?;
        Ok(ListQuestion {
            query,
            counts,
            since,
        })
    }

    /// Refuses parameters that are given and must not be, because of what is `accepted`.
    pub fn without_any_of(&self, refused: &[&str], accepted: &str) -> Result<()> {
        match refused
            .iter()
            .find_map(|name| Some((name, self.last(name)?)))
        {
            Some((name, value)) => Err(bad_parameter(name, value, accepted)),
            None => Ok(()),
        }
    }

    /// Reads what statistics are asked for.
    pub fn stats_question(&self, now: f64) -> Result<StatsQuestion> {
        StatsQuestion::parse(self.iter(), now).map_err(StoreError::InvalidParameter)
    }

    /// Reads `hours`, by default those of a day, and the filters of a search, which choose among
    /// all records.
    pub fn why_query(self, now: f64) -> Result<Query> {
        self.without_any_of(
            &LIST_PARAMETERS,
            "nothing, since every record that matches counts; limit them by start_time and end_time",
        )?;
        let hours = match self.last("hours") {
            None => DEFAULT_HOURS,
            Some(value) => {
                self.without_any_of(&["start_time"], "either start_time or hours")?;
                parse_hours(value).ok_or_else(|| bad_parameter("hours", value, HOURS_FORMAT))?
            }
        };
        Ok(self.without("hours").query()?.in_hours(hours, now))
    }

    /// Reads `all`: whether hidden groups of findings are told too.
    pub fn hidden(&self) -> Result<Hidden> {
        match self.last("all") {
            Some("true") => Ok(Hidden::Told),
            None | Some("false") => Ok(Hidden::LeftOut),
            Some(value) => Err(bad_parameter("all", value, "true or false")),
        }
    }

    /// Reads the key of a group of findings, and for how many days it is to be hidden.
    pub fn key_and_days(&self) -> Result<(&str, u32)> {
        self.only(&["key", "days"])?;
        let last = |wanted| self.iter().filter(|(name, _)| *name == wanted).last();
        let (_, key) = last("key").unwrap_or_default();
        if !is_key(key) {
            return Err(bad_parameter("key", key, KEY_FORMAT));
        }
        match last("days") {
            None => Ok((key, DEFAULT_HIDDEN_DAYS)),
            Some((name, value)) => match parse_hidden_days(value) {
                Some(days) => Ok((key, days)),
                None => Err(bad_parameter(name, value, HIDDEN_DAYS_FORMAT)),
            },
        }
    }

    /// Reads which records are to be deleted. Nothing is taken for more than it says: a value that
    /// is empty, as of a variable that is not set, is refused.
    pub fn deletion(self) -> Result<Deletion> {
        let either = "before_time=TIME, all=true, or the filters of a search";
        if let Some((name, value)) = self.iter().find(|(_, value)| value.is_empty()) {
            return Err(bad_parameter(name, value, "a value that is not empty"));
        }
        match self.0.as_slice() {
            [] => Err(bad_parameter("before_time", "", either)),
            [(name, text)] if name == "before_time" => match parse_time(text) {
                Some(time) => Ok(Deletion::Before(time)),
                None => Err(bad_parameter(name, text, TIME_FORMATS)),
            },
            [(name, text)] if name == "all" && text == "true" => Ok(Deletion::All),
            _ => self.matching_deletion(either),
        }
    }

    fn matching_deletion(self, either: &str) -> Result<Deletion> {
        self.without_any_of(&["before_time", "all"], either)?;
        let why = "nothing, since everything that matches is deleted";
        self.without_any_of(&LIST_PARAMETERS, why)?;
        self.without_any_of(&["since", "count"], why)?;
        Ok(Deletion::Matching(Box::new(self.query()?)))
    }
}

/// Returns the error of a parameter with a value that is not one of `accepted`.
pub fn bad_parameter(name: &str, value: &str, accepted: &str) -> StoreError {
    StoreError::InvalidParameter(BadParameter::new(name, value, accepted))
}

/// Returns the id of a record in the path of a request. It is hex, but that of a history taken over
/// from elsewhere may be anything.
pub fn message_id(target: &str) -> String {
    let encoded = format!("id={}", message_of(target).replace('+', "%2B"));
    let id = parse(encoded.as_bytes())
        .next()
        .map(|(_, id)| id.into_owned());
    id.unwrap_or_default()
}
