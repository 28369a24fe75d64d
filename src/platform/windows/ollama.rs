//! Ollama's desktop app, which stands in the notification area and runs a server of its own.

use windows_sys::Win32::Foundation::{CloseHandle, HANDLE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
};

/// The paths where installers put Ollama, beside the directories of PATH: below a directory that a variable names.
pub const OLLAMA_PLACES: [(&str, &str); 2] = [
    ("LOCALAPPDATA", r"Programs\Ollama\ollama.exe"),
    ("ProgramFiles", r"Ollama\ollama.exe"),
];

/// The database of the desktop app, below a user's profile.
pub const APP_DATABASE: &str = r"AppData\Local\Ollama\db.sqlite";

/// The name of its file.
const APP_NAME: &str = "ollama app.exe";

/// The way to stop the Ollama of the desktop app, to follow "stop it".
pub const STOP_OLLAMA: &str =
    " (where it is the Ollama app: quit that, from its icon in the notification area)";

/// Returns whether the desktop app of Ollama runs.
pub fn desktop_app_runs() -> bool {
    let Some(all) = list() else { return false };
    let mut process = PROCESSENTRY32W {
        dwSize: size_of::<PROCESSENTRY32W>() as u32,
        ..Default::default()
    };
    // SAFETY: the handle is open, and the entry is writable for the call and says how large it is.
    let mut is_one = unsafe { Process32FirstW(all, &mut process) } != 0;
    let mut runs = false;
    while is_one && !runs {
        runs = name(&process).eq_ignore_ascii_case(APP_NAME);
        // SAFETY: as above.
        is_one = unsafe { Process32NextW(all, &mut process) } != 0;
    }
    // SAFETY: opened above, and closed once.
    unsafe { CloseHandle(all) };
    runs
}

/// A list of all processes, to be closed. It may fail where some start while it is made.
fn list() -> Option<HANDLE> {
    const ATTEMPTS_MAX: usize = 8;
    // SAFETY: takes no memory of ours.
    let mut tries =
        (0..ATTEMPTS_MAX).map(|_| unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0) });
    tries.find(|list| *list != INVALID_HANDLE_VALUE)
}

fn name(process: &PROCESSENTRY32W) -> String {
    let letters = process
        .szExeFile
        .split(|letter| *letter == 0)
        .next()
        .unwrap_or_default();
    String::from_utf16_lossy(letters)
}
