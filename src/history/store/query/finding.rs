//! The filter `finding=KIND[:sure]`.

use std::str::FromStr;

use crate::diagnose::{Certainty, Finding, Kind};

/// The word for findings of every kind.
const ANY: &str = "any";

/// What follows the kind where only what is sure is asked for.
const SURE: &str = ":sure";

/// The findings of which a record must have one; by default any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FindingFilter {
    /// `None` for every kind.
    pub kind: Option<Kind>,
    pub only_sure: bool,
}

impl FindingFilter {
    pub fn matches(self, finding: &Finding) -> bool {
        self.kind.is_none_or(|kind| kind == finding.kind)
            && (!self.only_sure || finding.certainty == Certainty::Sure)
    }

    /// Returns the text that `from_str` reads.
    pub fn text(self) -> String {
        let kind = self.kind.map_or(ANY, Kind::as_str);
        let sure = if self.only_sure { SURE } else { "" };
        format!("{kind}{sure}")
    }

    /// Returns the values that `from_str` reads, for messages.
    pub fn accepted() -> String {
        let kinds = Kind::ALL.map(Kind::as_str).join(", ");
        format!("{ANY}, {kinds}, each also with {SURE}")
    }
}

impl FromStr for FindingFilter {
    type Err = ();

    fn from_str(text: &str) -> Result<FindingFilter, ()> {
        let (name, only_sure) = match text.strip_suffix(SURE) {
            Some(name) => (name, true),
            None => (text, false),
        };
        let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == name);
        if kind.is_none() && name != ANY {
            return Err(());
        }
        Ok(FindingFilter { kind, only_sure })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_with_and_without_its_certainty() {
        let names = Kind::ALL.map(Kind::as_str).into_iter().chain([ANY]);
        for name in names.flat_map(|name| [name.to_owned(), format!("{name}{SURE}")]) {
            let filter: FindingFilter = name.parse().unwrap();
            assert_eq!(filter.text(), name);
        }
        for bad in ["", "cut", "context_cut:likely", ":sure", "Any"] {
            assert_eq!(bad.parse::<FindingFilter>(), Err(()), "{bad}");
        }
    }

    #[test]
    fn a_finding_of_another_kind_or_a_likely_one_is_told_apart() {
        let likely = Finding::new(Kind::Waited, Certainty::Likely, "queue");
        for (filter, is_meant) in [
            ("any", true),
            ("waited", true),
            ("waited:sure", false),
            ("any:sure", false),
            ("context_cut", false),
        ] {
            let filter: FindingFilter = filter.parse().unwrap();
            assert_eq!(filter.matches(&likely), is_meant, "{filter:?}");
        }
    }
}
