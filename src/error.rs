//! Errors that end the program, each with its exit code.

use std::fmt;
use std::process::ExitCode;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One message, in the words that the user sees: operation, object, cause, and the way out.
#[derive(Debug)]
pub enum Error {
    /// The command line or the settings make no sense.
    Usage(String),
    /// They made sense, but could not be carried out.
    Failed(String),
    /// This operation failed because of this error.
    Caused {
        operation: String,
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Error::Usage(_) => ExitCode::from(2),
            Error::Failed(_) | Error::Caused { .. } => ExitCode::from(1),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Usage(_) | Error::Failed(_) => None,
            Error::Caused { cause, .. } => Some(cause.as_ref()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(text) | Error::Failed(text) => f.write_str(text),
            Error::Caused { operation, cause } => write!(f, "{operation}: {cause}"),
        }
    }
}

/// Makes the error of an operation that failed by this cause, for `map_err`.
pub fn failed<E>(operation: impl fmt::Display) -> impl FnOnce(E) -> Error
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    move |cause| Error::Caused {
        operation: operation.to_string(),
        cause: cause.into(),
    }
}
