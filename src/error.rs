//! What ends the program early, and with which exit code.

use std::fmt;
use std::process::ExitCode;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One message, in the words that the user sees: operation, object, cause, and the way out.
#[derive(Debug)]
pub enum Error {
    /// What was asked for makes no sense.
    Usage(String),
    /// It made sense, but could not be done.
    Failed(String),
}

impl Error {
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Error::Usage(_) => ExitCode::from(2),
            Error::Failed(_) => ExitCode::from(1),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(text) | Error::Failed(text) => f.write_str(text),
        }
    }
}

/// An error of doing this, for `map_err`.
pub fn failed<E: fmt::Display>(doing: impl fmt::Display) -> impl FnOnce(E) -> Error {
    move |cause| Error::Failed(format!("{doing}: {cause}"))
}
