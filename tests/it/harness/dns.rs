//! A stand-in for a name server: it knows one name, and that one is 127.0.0.1.
#![cfg(target_os = "linux")]

use std::io;
use std::net::{Ipv4Addr, UdpSocket};

/// Asking for an address of four bytes, in the internet class (RFC 1035, sections 3.2.2 and 3.2.4).
const QUESTION_A: [u8; 4] = [0, 1, 0, 1];

const HEADER: usize = 12;

/// Answers on port 53 of this address until the tests end. Only root may have that port, and nobody can be asked on another.
pub fn start(address: Ipv4Addr, name: &'static str) -> io::Result<()> {
    let socket = UdpSocket::bind((address, 53))?;
    std::thread::spawn(move || {
        let mut packet = [0; 512];
        while let Ok((length, asker)) = socket.recv_from(&mut packet) {
            if let Some(answer) = answer(&packet[..length], name) {
                let _ = socket.send_to(&answer, asker);
            }
        }
    });
    Ok(())
}

fn answer(packet: &[u8], name: &str) -> Option<Vec<u8>> {
    let labels: Vec<u8> = name
        .split('.')
        .flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat())
        .chain([0])
        .collect();
    let end = HEADER + packet.get(HEADER..)?.iter().position(|byte| *byte == 0)? + 1;
    let (asked, kind) = (&packet[HEADER..end], packet.get(end..end + 4)?);
    let is_known = asked.eq_ignore_ascii_case(&labels);
    let has_address = is_known && kind == QUESTION_A;
    // An answer, recursion wanted and available, the code (0, or 3 for no such name); one question, no or one answer.
    let mut answer = vec![
        packet[0],
        packet[1],
        0x81,
        if is_known { 0x80 } else { 0x83 },
        0,
        1,
        0,
        has_address.into(),
        0,
        0,
        0,
        0,
    ];
    answer.extend(&packet[HEADER..end + 4]);
    if has_address {
        // The name of the question, type, class, 60 s, four bytes.
        answer.extend([
            0xc0,
            HEADER as u8,
            0,
            1,
            0,
            1,
            0,
            0,
            0,
            60,
            0,
            4,
            127,
            0,
            0,
            1,
        ]);
    }
    Some(answer)
}
