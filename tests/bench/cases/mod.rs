//! What is measured, case by case, and the targets each figure has to reach.

mod cpu;
mod crowd;
mod diagnosis;
mod footprint;
mod peer;
mod request;
mod stream;

use std::io;

use crate::histories;
use crate::rig::Rig;
use crate::table::{Row, Table};

pub use request::different_requests;

/// A name to choose it by, the table that its rows go into, and what it measures.
pub type Case = (&'static str, Table, fn(&Rig) -> io::Result<Vec<Row>>);

/// All cases, in the order of the tables.
pub const CASES: [Case; 15] = [
    ("token", Table::Ways, stream::token),
    ("get", Table::Ways, request::get),
    ("generate", Table::Ways, request::generate),
    ("cpu", Table::Ways, cpu::cpu),
    ("thousand", Table::Ways, stream::thousand),
    ("crowd", Table::Ways, crowd::crowd),
    ("burst", Table::Ways, crowd::burst),
    ("refusal", Table::Ways, crowd::refusal),
    ("idle", Table::Ways, footprint::idle),
    ("litellm", Table::Figures, peer::litellm),
    ("diagnosis", Table::Figures, diagnosis::diagnosis),
    ("write", Table::Figures, histories::write),
    ("search", Table::Figures, histories::search),
    ("export", Table::Figures, histories::export),
    ("history", Table::Figures, histories::history),
];

const VERSION_REQUEST: &[u8] = b"GET /api/version HTTP/1.1\r\nHost: localhost:11434\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n";
