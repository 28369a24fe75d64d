//! The errors of a store, by what a caller does about them.

use std::fmt;
use std::io::{self, ErrorKind};

use super::query::BadParameter;
use crate::util::interrupt;

pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// An error of a store. The text names the operation, the object and the cause.
#[derive(Debug)]
pub enum StoreError {
    /// A parameter of the query is not valid.
    InvalidParameter(BadParameter),
    /// There is no such history or record.
    NotFound(String),
    /// An id stands for several records.
    Ambiguous(String),
    /// This history cannot do that, and will not.
    Unsupported(String),
    /// A cursor is not known any more.
    CursorEnded(String),
    /// Nobody waits for the answer any more.
    Unwanted,
    /// It could not be done now; it may work later.
    Failed(String),
    /// The disk has no room for it.
    DiskFull(String),
}

impl std::error::Error for StoreError {}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            StoreError::InvalidParameter(bad) => bad.fmt(f),
            StoreError::Unwanted => {
                f.write_str("read the history: nobody waits for the answer any more")
            }
            StoreError::NotFound(text)
            | StoreError::Ambiguous(text)
            | StoreError::Unsupported(text)
            | StoreError::CursorEnded(text)
            | StoreError::Failed(text)
            | StoreError::DiskFull(text) => f.write_str(text),
        }
    }
}

/// Makes an error of this operation, for `map_err`.
pub fn failed<E: fmt::Display>(operation: impl fmt::Display) -> impl FnOnce(E) -> StoreError {
    move |cause| StoreError::Failed(format!("{operation}: {cause}"))
}

/// Makes an error of this I/O operation, for `map_err`; a full disk is told apart.
pub fn failed_io(operation: impl fmt::Display) -> impl FnOnce(io::Error) -> StoreError {
    move |cause| match cause.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            StoreError::DiskFull(format!("{operation}: {cause}"))
        }
        _ => failed(operation)(cause),
    }
}

/// Returns an error if nobody waits for the answer any more.
pub fn ensure_wanted() -> Result<()> {
    match interrupt::is_unwanted() {
        true => Err(StoreError::Unwanted),
        false => Ok(()),
    }
}

/// Makes the error of a `before` that names no record.
pub fn unknown_before(id: &str) -> StoreError {
    let accepted = "the interaction_id of a record that is in the history";
    StoreError::InvalidParameter(BadParameter::new("before", id, accepted))
}
