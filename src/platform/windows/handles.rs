//! The handles of this process that may be sockets.
//!
//! A handle is only asked what it is when it was opened with the rights that every socket has: a question to a pipe, the one from
//! the service manager say, would wait for whoever reads from it.

use std::net::{Ipv4Addr, UdpSocket};
use std::os::windows::io::{AsRawSocket, RawSocket};
use std::sync::OnceLock;

use windows_sys::Wdk::Foundation::{NtQueryObject, ObjectBasicInformation};
use windows_sys::Wdk::System::Threading::NtQueryInformationProcess;
use windows_sys::Win32::Foundation::{HANDLE, STATUS_INFO_LENGTH_MISMATCH};
use windows_sys::Win32::System::Threading::GetCurrentProcess;

/// One handle and the rights that it was opened with.
struct Handle {
    value: RawSocket,
    rights: u32,
}

/// Handles that may be sockets; `None` where the system does not tell them.
pub fn likely_sockets() -> Option<Vec<RawSocket>> {
    static RIGHTS: OnceLock<Option<u32>> = OnceLock::new();
    let rights = (*RIGHTS.get_or_init(rights_of_sockets))?;
    Some(handles().into_iter().filter(|handle| handle.rights == rights).map(|handle| handle.value).collect())
}

/// The rights that a socket is opened with, by the example of one.
fn rights_of_sockets() -> Option<u32> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
    rights_of(socket.as_raw_socket() as usize)
}

/// All handles of this process.
fn handles() -> Vec<Handle> {
    listed_handles().unwrap_or_else(handles_one_by_one)
}

/// An entry of PROCESS_HANDLE_SNAPSHOT_INFORMATION.
#[repr(C)]
struct Entry {
    value: usize,
    handle_count: usize,
    pointer_count: usize,
    rights: u32,
    kind: u32,
    attributes: u32,
    reserved: u32,
}

/// As the system lists them: a count, a word that says nothing, and so many entries.
fn listed_handles() -> Option<Vec<Handle>> {
    const PROCESS_HANDLE_INFORMATION: i32 = 51;
    const HEAD: usize = 2;
    /// Room for the first try, and what it grows to at most (words).
    const ROOM: usize = 8 * 1024;
    const ROOM_MAX: usize = 8 * 1024 * 1024;
    let mut buffer = vec![0usize; ROOM];
    loop {
        let (to, size) = (buffer.as_mut_ptr().cast(), size_of_val(&*buffer) as u32);
        // SAFETY: pointer and size are those of a valid buffer.
        match unsafe { NtQueryInformationProcess(GetCurrentProcess(), PROCESS_HANDLE_INFORMATION, to, size, &mut 0) } {
            STATUS_INFO_LENGTH_MISMATCH if buffer.len() < ROOM_MAX => buffer.resize(buffer.len() * 4, 0),
            0.. => break,
            _ => return None,
        }
    }
    let count = buffer[0].min((buffer.len() - HEAD) * size_of::<usize>() / size_of::<Entry>());
    // SAFETY: entries are plain numbers, aligned like the words that they lie in, and `count` of them fit behind the head.
    let entries: &[Entry] = unsafe { std::slice::from_raw_parts(buffer.as_ptr().add(HEAD).cast(), count) };
    Some(entries.iter().map(|entry| Handle { value: entry.value as RawSocket, rights: entry.rights }).collect())
}

/// The way of systems without such a list: number by number, from the lowest, which are given out first.
fn handles_one_by_one() -> Vec<Handle> {
    /// After so many numbers in a row that mean nothing, no more are looked for.
    const GAP: usize = 512;
    /// Handles are numbered in steps of 4.
    const STEP: usize = 4;
    let (mut handles, mut last) = (Vec::new(), 0);
    for value in (STEP..).step_by(STEP) {
        match rights_of(value) {
            Some(rights) => {
                handles.push(Handle { value: value as RawSocket, rights });
                last = value;
            }
            None if value - last > GAP * STEP => break,
            None => {}
        }
    }
    handles
}

/// The rights of one handle; `None` where there is none of that number.
fn rights_of(handle: usize) -> Option<u32> {
    // PUBLIC_OBJECT_BASIC_INFORMATION: attributes, rights, two counts and words that say nothing.
    let mut basics = [0u32; 14];
    let to = basics.as_mut_ptr().cast();
    // SAFETY: pointer and size are those of a valid buffer.
    let status = unsafe { NtQueryObject(handle as HANDLE, ObjectBasicInformation, to, size_of_val(&basics) as u32, &mut 0) };
    (status >= 0).then_some(basics[1])
}
