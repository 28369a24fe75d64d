//! The system's tables of TCP sockets, which have to be read as a whole.

use std::ffi::c_void;

use windows_sys::Win32::Foundation::ERROR_INSUFFICIENT_BUFFER;
use windows_sys::Win32::NetworkManagement::IpHelper::{
    GetExtendedTcpTable, MIB_TCP6ROW_OWNER_PID, MIB_TCPROW_OWNER_PID, TCP_TABLE_OWNER_PID_LISTENER,
};
use windows_sys::Win32::Networking::WinSock::{AF_INET, AF_INET6};

/// The number of the process that listens on `port`, where the system tells it.
pub fn listener(port: u16) -> Option<u32> {
    let listeners = |family: u16| {
        // SAFETY: `table` passes a valid buffer and its size.
        table(|to, size| unsafe {
            GetExtendedTcpTable(to, size, 0, family.into(), TCP_TABLE_OWNER_PID_LISTENER, 0)
        })
    };
    let (four, six) = (listeners(AF_INET), listeners(AF_INET6));
    let four = entries::<MIB_TCPROW_OWNER_PID>(&four)
        .iter()
        .map(|row| (row.dwLocalPort, row.dwOwningPid));
    let six = entries::<MIB_TCP6ROW_OWNER_PID>(&six)
        .iter()
        .map(|row| (row.dwLocalPort, row.dwOwningPid));
    four.chain(six)
        .find(|(local, process)| port_of(*local) == port && *process != 0)
        .map(|(_, process)| process)
}

/// The tables write a port as the network does, in the first two of four bytes.
fn port_of(number: u32) -> u16 {
    let [high, low, ..] = number.to_ne_bytes();
    u16::from_be_bytes([high, low])
}

/// A table as `ask` puts it in a buffer whose size it is told; empty where the system does not tell.
fn table(ask: impl Fn(*mut c_void, *mut u32) -> u32) -> Vec<u32> {
    /// Rows may come between being told the size and asking again.
    const ATTEMPTS_MAX: usize = 8;
    /// The buffer of the first attempt (words).
    const ROOM: usize = 4 * 1024;
    let mut buffer = vec![0u32; ROOM];
    for _ in 0..ATTEMPTS_MAX {
        let mut size = size_of_val(&*buffer) as u32;
        match ask(buffer.as_mut_ptr().cast(), &mut size) {
            0 => return buffer,
            ERROR_INSUFFICIENT_BUFFER => buffer.resize(size as usize / size_of::<u32>() * 2, 0),
            _ => break,
        }
    }
    Vec::new()
}

/// Reads the rows of a table: a count, followed by that many rows.
fn entries<Row>(table: &[u32]) -> &[Row] {
    let Some((count, rest)) = table.split_first() else {
        return &[];
    };
    let count = (*count as usize).min(size_of_val(rest) / size_of::<Row>());
    // SAFETY: rows are plain numbers of four bytes or single ones, and no more of them are taken than fit.
    unsafe { std::slice::from_raw_parts(rest.as_ptr().cast(), count) }
}
