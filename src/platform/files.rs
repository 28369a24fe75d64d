//! Files: who may read them, which file a name leads to, and what survives a power cut.

pub use super::system::files::{
    BACKSLASHES_ARE_PATHS, Identity, create_private_directory, give_to_owner_of_directory,
    identity, is_at, is_executable, is_same_file, make_directory_private, make_file_private,
    open_file_itself, other_owner, private_file, remove_at_restart, set_mode, sync_directory,
    whole_path,
};
