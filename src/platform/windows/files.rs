//! Files and directories that only their owner may read: full rights for this user, the system and its administrators, and none
//! from above. What is made in such a directory has the same rights from it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::path::{Path, PathBuf};
use std::ptr;
use windows_sys::Win32::Foundation::{CloseHandle, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
};
use windows_sys::Win32::Security::{
    DACL_SECURITY_INFORMATION, GetTokenInformation, PROTECTED_DACL_SECURITY_INFORMATION,
    PSECURITY_DESCRIPTOR, SECURITY_ATTRIBUTES, SetFileSecurityW, TOKEN_QUERY, TOKEN_USER,
    TokenUser,
};
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, CreateDirectoryW, FILE_FLAG_BACKUP_SEMANTICS,
    FILE_FLAG_OPEN_REPARSE_POINT, GetFileInformationByHandle,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

pub use super::shell::remove_at_restart;
use super::text::{checked, wide};

/// Tells whether a backslash separates the parts of a path.
pub const BACKSLASHES_ARE_PATHS: bool = true;

/// Returns options that make a file, whose rights are those of its directory.
pub fn private_file() -> OpenOptions {
    OpenOptions::new()
}

/// Opens the file at `path` for reading, and no target of a link: a user who may write there must not choose what we read.
pub fn open_file_itself(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT)
        .open(path)
}

/// Makes a directory that only its owner may enter, with its parents. One that is there stays as it is.
pub fn create_private_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() || path.as_os_str().is_empty() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        create_private_directory(parent)?;
    }
    let rights = Rights::ours()?;
    let attributes = SECURITY_ATTRIBUTES {
        nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
        lpSecurityDescriptor: rights.0,
        ..Default::default()
    };
    // SAFETY: the path ends in 0, and the rights live until the end of the call.
    let made = checked(unsafe { CreateDirectoryW(wide(path).as_ptr(), &attributes) });
    made.or_else(|e| {
        if e.kind() == ErrorKind::AlreadyExists && path.is_dir() {
            Ok(())
        } else {
            Err(e)
        }
    })
}

/// Takes the rights of everyone else away from a directory that was there before.
pub fn make_directory_private(path: &Path) -> io::Result<()> {
    set_rights(path)
}

/// Takes the rights of everyone else away from a file that was there before.
pub fn make_file_private(path: &Path) -> io::Result<()> {
    set_rights(path)
}

/// Does nothing: a new file has the rights of its directory.
pub fn give_to_owner_of_directory(_file: &File, _path: &Path) -> io::Result<()> {
    Ok(())
}

/// Returns whether `path` still leads to this file: it may have been removed or replaced.
pub fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    match identity(path) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(false),
        there => Ok(identity_of(file)? == there?),
    }
}

/// Identifies a file, also against one that took its place, by its disk and its number there. Its creation time does not: Windows gives a new
/// file the time of the one that had its name some seconds ago.
pub type Identity = (u32, u64);

/// Reads the identity of the file at `path`.
pub fn identity(path: &Path) -> io::Result<Identity> {
    const NOTHING_BUT_NUMBERS: u32 = 0;
    identity_of(
        &OpenOptions::new()
            .access_mode(NOTHING_BUT_NUMBERS)
            .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
            .open(path)?,
    )
}

fn identity_of(file: &File) -> io::Result<Identity> {
    let mut known = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: the handle is open as long as `file` is borrowed, and `known` is writable for the call.
    checked(unsafe { GetFileInformationByHandle(file.as_raw_handle(), &mut known) })?;
    Ok((
        known.dwVolumeSerialNumber,
        u64::from(known.nFileIndexHigh) << 32 | u64::from(known.nFileIndexLow),
    ))
}

/// Does nothing: the file system journals new and renamed files.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    fs::metadata(path).map(drop)
}

fn set_rights(path: &Path) -> io::Result<()> {
    let rights = Rights::ours()?;
    let what = DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION;
    // SAFETY: the path ends in 0, and the rights live until the end of the call.
    checked(unsafe { SetFileSecurityW(wide(path).as_ptr(), what, rights.0) })
}

/// A security descriptor, in memory of the system's.
struct Rights(PSECURITY_DESCRIPTOR);

impl Rights {
    fn ours() -> io::Result<Rights> {
        let text = format!(
            "D:P(A;OICI;FA;;;{})(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)",
            own_sid()?
        );
        let mut rights = ptr::null_mut();
        // SAFETY: the text ends in 0; the descriptor that comes back is ours to free.
        checked(unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                wide(&text).as_ptr(),
                SDDL_REVISION_1,
                &mut rights,
                ptr::null_mut(),
            )
        })?;
        Ok(Rights(rights))
    }
}

impl Drop for Rights {
    fn drop(&mut self) {
        // SAFETY: allocated by the system for us, and freed once.
        unsafe { LocalFree(self.0) };
    }
}

/// Returns the SID of the user whom this process runs for, as text.
fn own_sid() -> io::Result<String> {
    /// The size of a TOKEN_USER and the longest SID behind it (words).
    const BUFFER_WORDS: usize = 32;
    let mut user = [0usize; BUFFER_WORDS];
    let mut token = ptr::null_mut();
    // SAFETY: the pointer to the handle is writable; the handle is ours to close.
    checked(unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &mut token) })?;
    // SAFETY: pointer and length are those of a valid buffer, aligned for what comes.
    let asked = checked(unsafe {
        GetTokenInformation(
            token,
            TokenUser,
            user.as_mut_ptr().cast(),
            size_of_val(&user) as u32,
            &mut 0,
        )
    });
    // SAFETY: opened above, and closed once.
    unsafe { CloseHandle(token) };
    asked?;
    let mut text = ptr::null_mut();
    // SAFETY: the call above has filled in a TOKEN_USER, whose SID is in the same buffer; the text is ours to free.
    checked(unsafe {
        ConvertSidToStringSidW((*user.as_ptr().cast::<TOKEN_USER>()).User.Sid, &mut text)
    })?;
    // SAFETY: the text ends in 0.
    let letters = (0..)
        .map(|at| unsafe { *text.add(at) })
        .take_while(|letter| *letter != 0)
        .collect::<Vec<u16>>();
    // SAFETY: allocated by the system for us, and freed once.
    unsafe { LocalFree(text.cast()) };
    Ok(String::from_utf16_lossy(&letters))
}

/// Returns the whole path of a file, as other programs take it. The canonical one has a form that is strange to most of them.
pub fn whole_path(path: &Path) -> io::Result<PathBuf> {
    std::path::absolute(path)
}

/// Sets the permissions of a file, as in `chmod 644`: only a private file differs from its directory.
pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    if mode & 0o077 == 0 {
        make_file_private(path)
    } else {
        Ok(())
    }
}

/// Returns whether there is a file that may be run.
pub fn is_executable(path: &Path) -> bool {
    const PROGRAMS: [&str; 4] = ["exe", "com", "bat", "cmd"];
    let is_program = path.extension().is_some_and(|end| {
        PROGRAMS
            .iter()
            .any(|program| end.eq_ignore_ascii_case(program))
    });
    is_program && path.is_file()
}

/// Returns whether both names lead to one file.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    identity(one).is_ok_and(|id| identity(other).is_ok_and(|other| id == other))
}

/// Returns `None`: Windows has no sudo.
pub fn other_owner(_path: &Path) -> Option<String> {
    None
}
