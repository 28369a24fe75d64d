//! The error of a parameter.

use std::fmt;

/// A parameter that cannot be used. `Display` is the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadParameter {
    pub name: String,
    pub value: String,
    pub accepted: String,
}

impl BadParameter {
    pub fn new(name: &str, value: &str, accepted: &str) -> BadParameter {
        BadParameter {
            name: name.to_owned(),
            value: value.to_owned(),
            accepted: accepted.to_owned(),
        }
    }
}

impl std::error::Error for BadParameter {}

impl fmt::Display for BadParameter {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(
            f,
            "bad value for {}: `{}`; accepted: {}",
            self.name, self.value, self.accepted
        )
    }
}
