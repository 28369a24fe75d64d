//! FINDING: one thing that went wrong with a request, for people and for machines.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    ContextCut,
    BadReply,
    ModelReload,
    Waited,
    CacheBroken,
    CpuFallback,
    Slower,
}

impl Kind {
    /// In the order in which they are told.
    pub const ALL: [Kind; 7] = [
        Kind::ContextCut,
        Kind::BadReply,
        Kind::ModelReload,
        Kind::Waited,
        Kind::CacheBroken,
        Kind::CpuFallback,
        Kind::Slower,
    ];

    /// Its name in records, answers and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::ContextCut => "context_cut",
            Kind::BadReply => "bad_reply",
            Kind::ModelReload => "model_reload",
            Kind::Waited => "waited",
            Kind::CacheBroken => "cache_broken",
            Kind::CpuFallback => "cpu_fallback",
            Kind::Slower => "slower",
        }
    }
}

/// How far a finding can be trusted: `Sure` by what Ollama said or counted, `Likely` by an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    Likely,
    Sure,
}

impl Certainty {
    pub fn as_str(self) -> &'static str {
        match self {
            Certainty::Likely => "likely",
            Certainty::Sure => "sure",
        }
    }
}

/// The name of the field that holds text of a prompt; only records that keep text have it.
pub const EXCERPT: &str = "excerpt";

/// One finding. Neither `sentence` nor `way_out` holds text of a prompt or of a reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub kind: Kind,
    pub certainty: Certainty,
    /// One word of those that its kind has.
    pub cause: String,
    /// What happened, in plain English and with the numbers.
    pub sentence: String,
    /// What to do about it.
    pub way_out: String,
    /// The numbers and names of the sentence, for machines; beside the fields above.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

impl Finding {
    pub fn new(kind: Kind, certainty: Certainty, cause: &str) -> Finding {
        Finding {
            kind,
            certainty,
            cause: cause.to_owned(),
            sentence: String::new(),
            way_out: String::new(),
            fields: Map::new(),
        }
    }

    pub fn sentence(mut self, sentence: impl Into<String>) -> Finding {
        self.sentence = sentence.into();
        self
    }

    pub fn way_out(mut self, way_out: impl Into<String>) -> Finding {
        self.way_out = way_out.into();
        self
    }

    /// Adds a field for machines; one that is not known is left out.
    pub fn field(mut self, name: &str, value: Option<impl Into<Value>>) -> Finding {
        if let Some(value) = value {
            self.fields.insert(name.to_owned(), value.into());
        }
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.sentence, self.way_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_written_flat_and_read_again() {
        let finding = Finding::new(Kind::ContextCut, Certainty::Sure, "middle")
            .sentence("half of it was cut")
            .way_out("set num_ctx")
            .field("context_length", Some(4096))
            .field("lost", None::<u64>);
        let json = serde_json::to_value(&finding).unwrap();
        assert_eq!(json["kind"], "context_cut");
        assert_eq!(json["certainty"], "sure");
        assert_eq!(json["context_length"], 4096);
        assert!(json.get("lost").is_none());
        assert_eq!(serde_json::from_value::<Finding>(json).unwrap(), finding);
    }

    #[test]
    fn names_are_those_of_the_records() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        for certainty in [Certainty::Likely, Certainty::Sure] {
            assert_eq!(serde_json::to_value(certainty).unwrap(), certainty.as_str());
        }
    }
}
