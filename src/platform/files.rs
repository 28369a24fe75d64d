//! Files: who may read them, which file a name leads to, and what survives a power cut.

use std::fs::File;
use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

pub use super::system::files::{
    BACKSLASHES_ARE_PATHS, Identity, create_private_directory, give_to_owner_of_directory,
    identity, is_at, is_executable, is_same_file, make_directory_private, make_file_private,
    open_file_itself, other_owner, private_file, remove_at_restart, set_mode, sync_directory,
    whole_path,
};

/// Gives a finished file its name, all at once in the place of one that has it: readers see the old
/// one or the new one, also after a power cut.
pub fn replace(finished: NamedTempFile, path: &Path) -> io::Result<File> {
    finished.as_file().sync_all()?;
    let file = finished.persist(path).map_err(|cause| cause.error)?;
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    sync_directory(directory.unwrap_or(Path::new(".")))?;
    Ok(file)
}
