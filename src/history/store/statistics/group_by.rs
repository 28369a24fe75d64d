//! What numbers are grouped by, as `by` asks for it.

use std::str::FromStr;

/// A field of a record, each of whose values is a group, or a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    Hour,
    Day,
    /// From Monday on.
    Week,
    Model,
    Client,
    Endpoint,
    Category,
    Status,
    Session,
    Version,
    Host,
}

impl GroupBy {
    pub const ALL: [GroupBy; 11] = [
        GroupBy::Hour,
        GroupBy::Day,
        GroupBy::Week,
        GroupBy::Model,
        GroupBy::Client,
        GroupBy::Endpoint,
        GroupBy::Category,
        GroupBy::Status,
        GroupBy::Session,
        GroupBy::Version,
        GroupBy::Host,
    ];

    /// Its name in questions, and the heading of its table.
    pub fn as_str(self) -> &'static str {
        match self {
            GroupBy::Hour => "hour",
            GroupBy::Day => "day",
            GroupBy::Week => "week",
            GroupBy::Model => "model",
            GroupBy::Client => "client",
            GroupBy::Endpoint => "endpoint",
            GroupBy::Category => "category",
            GroupBy::Status => "status",
            GroupBy::Session => "session",
            GroupBy::Version => "version",
            GroupBy::Host => "host",
        }
    }

    /// Returns the names that `from_str` reads, for messages.
    pub fn accepted() -> String {
        GroupBy::ALL.map(GroupBy::as_str).join(", ")
    }
}

impl FromStr for GroupBy {
    type Err = ();

    fn from_str(text: &str) -> Result<GroupBy, ()> {
        let mut all = GroupBy::ALL.into_iter();
        all.find(|by| by.as_str() == text).ok_or(())
    }
}
