//! The user who runs us.

use std::path::PathBuf;

use crate::platform::users::User;

pub const NOT_OURS_TO_READ: &str =
    "it is the administrators': use a terminal that was started with \"Run as administrator\"";

/// Returns whether we have an administrator's rights.
pub fn is_root() -> bool {
    // SAFETY: takes nothing.
    unsafe { windows_sys::Win32::UI::Shell::IsUserAnAdmin() != 0 }
}

/// Returns the user of this name, who is the one who runs us: of others Windows tells no home.
pub fn user(name: &str) -> Option<User> {
    let is_us = std::env::var("USERNAME").is_ok_and(|own| own == name);
    let home = std::env::var_os("USERPROFILE")
        .map(PathBuf::from)
        .filter(|home| home.is_absolute())?;
    is_us.then(|| User {
        name: name.to_owned(),
        home,
    })
}
