//! Users: the one who runs this process, and the homes of others.

use std::path::PathBuf;

pub use super::system::users::{NOT_OURS_TO_READ, is_root, user};

/// A user whom the system knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub home: PathBuf,
}
