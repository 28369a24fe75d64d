//! Errors that end the program, and their exit codes.

use std::fmt;
use std::process::ExitCode;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One message, in the words that the user sees: operation, object, cause, and the way out.
#[derive(Debug)]
pub enum Error {
    /// The command line or the settings are invalid.
    Usage(String),
    /// The command failed.
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

impl std::error::Error for Error {}

/// Returns a function for `map_err` that adds the operation to a cause.
pub fn failed<E: fmt::Display>(doing: impl fmt::Display) -> impl FnOnce(E) -> Error {
    move |cause| Error::Failed(format!("{doing}: {cause}"))
}
