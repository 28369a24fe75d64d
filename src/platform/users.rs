//! Who we are, and where others live.

use std::path::PathBuf;

/// A user whom the system knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub home: PathBuf,
}

/// Of a file that we may not read: whose it is, and what to do.
#[cfg(unix)]
pub const NOT_OURS_TO_READ: &str = "it is root's: use sudo";
#[cfg(windows)]
pub const NOT_OURS_TO_READ: &str =
    "it is the administrators': use a terminal that was started with \"Run as administrator\"";

/// Whether we may do everything.
#[cfg(unix)]
pub fn is_root() -> bool {
    // SAFETY: geteuid takes nothing and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// Whether we have an administrator's rights.
#[cfg(windows)]
pub fn is_root() -> bool {
    // SAFETY: takes nothing.
    unsafe { windows_sys::Win32::UI::Shell::IsUserAnAdmin() != 0 }
}

/// The user of this name.
#[cfg(unix)]
pub fn user(name: &str) -> Option<User> {
    use std::ffi::{CStr, CString, OsStr};
    use std::os::unix::ffi::OsStrExt;
    /// Room for one line of the system's table of users (bytes).
    const LINE: usize = 16 * 1024;
    let wanted = CString::new(name).ok()?;
    let mut line = vec![0u8; LINE];
    let mut entry = std::mem::MaybeUninit::<libc::passwd>::uninit();
    let mut found = std::ptr::null_mut();
    // SAFETY: every pointer is valid and writable for the call, the name ends in a zero, and the length is the buffer's.
    let failed = unsafe {
        libc::getpwnam_r(
            wanted.as_ptr(),
            entry.as_mut_ptr(),
            line.as_mut_ptr().cast(),
            LINE,
            &mut found,
        )
    } != 0;
    if failed || found.is_null() {
        return None;
    }
    // SAFETY: `found` says that the entry was filled in; its home is a string in `line`, which lives on.
    let home = unsafe { CStr::from_ptr(entry.assume_init().pw_dir) };
    Some(User {
        name: name.to_owned(),
        home: OsStr::from_bytes(home.to_bytes()).into(),
    })
}

/// The user of this name, who is whoever runs us: of others Windows tells no home.
#[cfg(windows)]
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

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_name() {
        let root = user("root").unwrap();
        assert!(root.home.is_absolute(), "{root:?}");
        assert_eq!(user("nobody by this name"), None);
        assert_eq!(user("ze\0ro"), None);
    }
}
