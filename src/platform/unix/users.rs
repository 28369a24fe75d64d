//! Users, as the system's table has them.

use std::ffi::{CStr, CString, OsStr};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::ptr;

use crate::platform::users::User;

/// The longest line of the system's table of users (bytes).
const LINE_MAX: usize = 16 * 1024;

/// Completes the error of a file that we may not read.
pub const NOT_OURS_TO_READ: &str = "it is root's: use sudo";

/// Returns whether we run as root.
pub fn is_root() -> bool {
    // SAFETY: geteuid takes nothing and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// Returns the user of this name.
pub fn user(name: &str) -> Option<User> {
    let wanted = CString::new(name).ok()?;
    // SAFETY: `find` passes valid pointers and a line of this length; the name ends in a zero.
    find(|entry, line, found| unsafe {
        libc::getpwnam_r(wanted.as_ptr(), entry, line, LINE_MAX, found)
    })
}

/// Returns the name of the user with this number.
pub fn name_of(id: libc::uid_t) -> Option<String> {
    // SAFETY: `find` passes valid pointers and a line of this length.
    let user =
        find(|entry, line, found| unsafe { libc::getpwuid_r(id, entry, line, LINE_MAX, found) })?;
    Some(user.name)
}

/// Asks the table for one entry, whose strings the call puts into a line of `LINE_MAX` bytes.
fn find(
    ask: impl FnOnce(*mut libc::passwd, *mut libc::c_char, *mut *mut libc::passwd) -> libc::c_int,
) -> Option<User> {
    let mut line = vec![0u8; LINE_MAX];
    let mut entry = MaybeUninit::<libc::passwd>::uninit();
    let mut found = ptr::null_mut();
    let code = ask(entry.as_mut_ptr(), line.as_mut_ptr().cast(), &mut found);
    if code != 0 || found.is_null() {
        return None;
    }
    // SAFETY: `found` says that the entry was filled in; its strings are in `line`, which lives on.
    let (name, home) = unsafe {
        let entry = entry.assume_init();
        (CStr::from_ptr(entry.pw_name), CStr::from_ptr(entry.pw_dir))
    };
    Some(User {
        name: name.to_str().ok()?.to_owned(),
        home: OsStr::from_bytes(home.to_bytes()).into(),
    })
}

#[cfg(test)]
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
