//! The system's table of all TCP sockets, which has to be read as a whole.

use std::ffi::c_void;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use windows_sys::Win32::Foundation::ERROR_INSUFFICIENT_BUFFER;
use windows_sys::Win32::NetworkManagement::IpHelper::{
    GetExtendedTcpTable, MIB_TCP_STATE_CLOSE_WAIT, MIB_TCP_STATE_LISTEN, MIB_TCP6ROW_OWNER_PID, MIB_TCPROW_OWNER_PID,
    TCP_TABLE_OWNER_PID_ALL,
};
use windows_sys::Win32::Networking::WinSock::{AF_INET, AF_INET6};

/// One socket.
pub struct Row {
    pub port: u16,
    pub peer: SocketAddr,
    /// The number of the process that has it; 0 where nobody has it any more.
    pub process: u32,
    state: i32,
}

impl Row {
    pub fn is_listening(&self) -> bool {
        self.state == MIB_TCP_STATE_LISTEN
    }

    /// Whether the peer has closed its side, and we have not.
    pub fn is_closed_by_peer(&self) -> bool {
        self.state == MIB_TCP_STATE_CLOSE_WAIT
    }
}

/// Every socket; none where the system does not tell.
pub fn rows() -> Vec<Row> {
    let (four, six) = (table(AF_INET), table(AF_INET6));
    let four = entries::<MIB_TCPROW_OWNER_PID>(&four).iter().map(|row| Row {
        port: port_of(row.dwLocalPort),
        peer: (Ipv4Addr::from(row.dwRemoteAddr.to_ne_bytes()), port_of(row.dwRemotePort)).into(),
        process: row.dwOwningPid,
        state: row.dwState as i32,
    });
    let six = entries::<MIB_TCP6ROW_OWNER_PID>(&six).iter().map(|row| Row {
        port: port_of(row.dwLocalPort),
        peer: (IpAddr::from(Ipv6Addr::from(row.ucRemoteAddr)), port_of(row.dwRemotePort)).into(),
        process: row.dwOwningPid,
        state: row.dwState as i32,
    });
    four.chain(six).collect()
}

/// The tables write a port as the network does, in the first two of four bytes.
fn port_of(number: u32) -> u16 {
    let [high, low, ..] = number.to_ne_bytes();
    u16::from_be_bytes([high, low])
}

/// The table of a family; empty where the system does not tell.
fn table(family: u16) -> Vec<u32> {
    /// Rows may come between being told the size and asking again.
    const TRIES: usize = 8;
    /// Room for the first try (words).
    const ROOM: usize = 4 * 1024;
    let mut buffer = vec![0u32; ROOM];
    for _ in 0..TRIES {
        let mut size = size_of_val(&*buffer) as u32;
        let to = buffer.as_mut_ptr().cast::<c_void>();
        // SAFETY: pointer and size are those of a valid buffer.
        match unsafe { GetExtendedTcpTable(to, &mut size, 0, family.into(), TCP_TABLE_OWNER_PID_ALL, 0) } {
            0 => return buffer,
            ERROR_INSUFFICIENT_BUFFER => buffer.resize(size as usize / size_of::<u32>() * 2, 0),
            _ => break,
        }
    }
    Vec::new()
}

/// The rows of a table: a count, and so many of them behind it.
fn entries<Row>(table: &[u32]) -> &[Row] {
    let Some((count, rest)) = table.split_first() else { return &[] };
    let count = (*count as usize).min(size_of_val(rest) / size_of::<Row>());
    // SAFETY: rows are plain numbers of four bytes or single ones, and no more of them are taken than fit.
    unsafe { std::slice::from_raw_parts(rest.as_ptr().cast(), count) }
}
