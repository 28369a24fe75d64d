//! Where Ollama is, where histories are kept, and whose a file is.

use std::path::{Path, PathBuf};

#[cfg(windows)]
use super::windows::folders::{program_data, program_files};

/// The directory of the service's history.
pub fn service_directory() -> PathBuf {
    service_home().join("ollama_analytics")
}

/// The service's own directory.
pub fn service_home() -> PathBuf {
    #[cfg(unix)]
    return PathBuf::from("/var/lib/ollama-tap");
    #[cfg(windows)]
    return program_data().join("OllamaTap");
}

/// Where a copy of ours goes that the service can always find.
pub fn service_program() -> PathBuf {
    #[cfg(unix)]
    return PathBuf::from("/usr/local/bin/ollama-tap");
    #[cfg(windows)]
    return program_files().join("OllamaTap").join("ollama-tap.exe");
}

/// Programs below these stay where they are, and everybody may run them; one in a home or a build directory comes and goes.
pub fn program_places() -> Vec<PathBuf> {
    #[cfg(unix)]
    return ["/usr", "/opt", "/nix", "/bin"].map(PathBuf::from).into();
    #[cfg(windows)]
    return vec![program_files()];
}

/// More directories of programs, for PATH: `su` leaves out what is for root alone.
#[cfg(unix)]
pub const MORE_PATH: &str = ":/usr/sbin:/sbin";
#[cfg(windows)]
pub const MORE_PATH: &str = "";

/// Whether a backslash is a part of paths.
pub const BACKSLASHES_ARE_PATHS: bool = cfg!(windows);

/// The whole path of a file, as other programs take it.
pub fn whole_path(path: &Path) -> std::io::Result<PathBuf> {
    #[cfg(unix)]
    return std::fs::canonicalize(path);
    #[cfg(windows)]
    return std::path::absolute(path); // the other has a form that is strange to most programs
}

/// Where taps leave their notes for everybody. Who installs the service makes it; a tap does not.
pub fn runtime_directory() -> PathBuf {
    #[cfg(all(unix, not(target_os = "macos")))]
    return PathBuf::from("/run/ollama-tap");
    #[cfg(target_os = "macos")]
    return PathBuf::from("/Library/Application Support/OllamaTap/run");
    #[cfg(windows)]
    return service_home().join("run");
}

/// What taps keep for the user who starts them; `None` for a user without a home.
pub fn state_directory() -> Option<PathBuf> {
    #[cfg(unix)]
    return absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .map(|dir| dir.join("ollama-tap"));
    #[cfg(windows)]
    return absolute("LOCALAPPDATA").map(|dir| dir.join("OllamaTap"));
}

/// The directory of the history of taps that a user starts for one command.
pub fn history_of_commands() -> Option<PathBuf> {
    state_directory().map(|dir| dir.join("ollama_analytics"))
}

/// Where installers put Ollama, beside the directories of PATH: below a directory that a variable names, or from the root.
#[cfg(unix)]
const OLLAMA_PLACES: [(&str, &str); 8] = [
    ("", "/usr/local/bin/ollama"),
    ("", "/usr/bin/ollama"),
    ("", "/bin/ollama"),
    ("", "/opt/homebrew/bin/ollama"),
    ("", "/snap/bin/ollama"),
    ("HOME", ".local/bin/ollama"),
    ("", "/Applications/Ollama.app/Contents/Resources/ollama"),
    ("HOME", "Applications/Ollama.app/Contents/Resources/ollama"),
];
#[cfg(windows)]
const OLLAMA_PLACES: [(&str, &str); 2] = [
    ("LOCALAPPDATA", r"Programs\Ollama\ollama.exe"),
    ("ProgramFiles", r"Ollama\ollama.exe"),
];

/// Where installers put Ollama, the likeliest place first.
pub fn ollama_places() -> Vec<PathBuf> {
    let place = |(variable, path)| {
        if str::is_empty(variable) {
            Some(PathBuf::from(path))
        } else {
            Some(absolute(variable)?.join(path))
        }
    };
    OLLAMA_PLACES.into_iter().filter_map(place).collect()
}

/// The directory that a variable holds.
fn absolute(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}

/// The user whom `path`, or else what it lies in, belongs to, by a name that sudo takes. `None` where that is the one who asks,
/// or where there is no sudo.
#[cfg(unix)]
pub fn other_owner(path: &Path) -> Option<String> {
    let found = path
        .ancestors()
        .find_map(|path| std::fs::metadata(path).ok())?;
    let owner = std::os::unix::fs::MetadataExt::uid(&found);
    // SAFETY: geteuid takes nothing and cannot fail.
    let is_other = owner != unsafe { libc::geteuid() };
    is_other.then(|| user_name(owner).unwrap_or_else(|| format!("#{owner}")))
}

#[cfg(not(unix))]
pub fn other_owner(_path: &Path) -> Option<String> {
    None
}

#[cfg(unix)]
fn user_name(id: libc::uid_t) -> Option<String> {
    /// Room for one line of the system's table of users (bytes).
    const LINE: usize = 16 * 1024;
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
    let name = unsafe { std::ffi::CStr::from_ptr(entry.assume_init().pw_name) };
    name.to_str().ok().map(str::to_owned)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn ones_own_files_have_no_other_owner_and_roots_are_roots() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(other_owner(&dir.path().join("missing/too")), None);
        assert_eq!(user_name(0).as_deref(), Some("root"));
        assert_eq!(user_name(libc::uid_t::MAX - 7), None);
    }
}
