//! Where the log goes: a service has no standard error that anybody would see.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::platform::log_file::LogFile;

/// Set before the log starts.
static FILE: Mutex<Option<LogFile>> = Mutex::new(None);

/// Has the log kept in this directory once it starts, instead of on standard error. For a service.
pub fn log_to(directory: &Path) -> io::Result<()> {
    *FILE.lock().unwrap_or_else(PoisonError::into_inner) = Some(LogFile::open(directory)?);
    Ok(())
}

/// Where the log goes instead of standard error.
pub fn log_target() -> Option<Box<dyn Write + Send>> {
    let file = FILE.lock().unwrap_or_else(PoisonError::into_inner).take()?;
    Some(Box::new(file))
}
