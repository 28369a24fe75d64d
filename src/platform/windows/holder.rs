//! The process that has a port.

use std::path::Path;

use windows_sys::Win32::Foundation::CloseHandle;
use windows_sys::Win32::System::Threading::{
    OpenProcess, PROCESS_NAME_WIN32, PROCESS_QUERY_LIMITED_INFORMATION, QueryFullProcessImageNameW,
};

use super::tcp_table;

/// The process that listens on `port`, as `name (pid N)`, where we may see it.
pub fn port_holder(port: u16) -> Option<String> {
    let process = tcp_table::listener(port)?;
    let name = name_of(process).unwrap_or_else(|| "a process".to_owned());
    Some(format!("{name} (pid {process})"))
}

/// The name of a process's file.
fn name_of(process: u32) -> Option<String> {
    let mut path = [0u16; 1024];
    let mut length = path.len() as u32;
    // SAFETY: takes no memory of ours; null where we may not ask.
    let handle = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, process) };
    if handle.is_null() {
        return None;
    }
    // SAFETY: pointer and length are those of a valid buffer; the call puts the length of the path there.
    let is_known = unsafe {
        QueryFullProcessImageNameW(handle, PROCESS_NAME_WIN32, path.as_mut_ptr(), &mut length)
    } != 0;
    // SAFETY: opened above, and closed once.
    unsafe { CloseHandle(handle) };
    let path = is_known.then(|| String::from_utf16(path.get(..length as usize)?).ok())??;
    Some(Path::new(&path).file_name()?.to_string_lossy().into_owned())
}
