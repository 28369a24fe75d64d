//! Users, as the system's table has them.

use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::OsStrExt;

use crate::platform::users::User;

/// Room for one line of the system's table of users (bytes).
const LINE: usize = 16 * 1024;

/// Of a file that we may not read: whose it is, and what to do.
pub const NOT_OURS_TO_READ: &str = "it is root's: use sudo";

/// Whether we may do everything.
pub fn is_root() -> bool {
    // SAFETY: geteuid takes nothing and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// The user of this name.
pub fn user(name: &str) -> Option<User> {
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

/// The name of the user with this number.
pub fn name_of(id: libc::uid_t) -> Option<String> {
    let mut line = vec![0u8; LINE];
    let mut entry = std::mem::MaybeUninit::<libc::passwd>::uninit();
    let mut found = std::ptr::null_mut();
    // SAFETY: every pointer is valid and writable for the call, and the length is the buffer's.
    let failed = unsafe {
        libc::getpwuid_r(
            id,
            entry.as_mut_ptr(),
            line.as_mut_ptr().cast(),
            LINE,
            &mut found,
        )
    } != 0;
    if failed || found.is_null() {
        return None;
    }
    // SAFETY: `found` says that the entry was filled in; its name is a string in `line`, which lives on.
    let name = unsafe { CStr::from_ptr(entry.assume_init().pw_name) };
    name.to_str().ok().map(str::to_owned)
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
