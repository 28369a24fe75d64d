//! RUNNING: finds the tap that a command asks: the one that was named, else one of those that left a note (`note`), else one that
//! answers where taps usually are.

use super::history::tap::Tap;
use crate::config::QueryConfig;
use crate::http::address::{OLLAMA_PORT, PROXY_DEFAULT_PORT, Upstream};
use crate::instance::{self, Note};

/// The tap that is asked, and others that might have been meant.
pub struct Running {
    pub tap: Tap,
    others: Vec<String>,
}

/// The tap that this question is for. Where others might have been meant, they are named on standard error.
pub fn find(config: &QueryConfig) -> Option<Tap> {
    let found = look(config)?;
    if !found.others.is_empty() {
        let (asked, others) = (found.tap.address(), found.others.join(" and "));
        eprintln!(
            "ollama-tap: asking the tap at {asked}; more are running: {others} (--listen says which one)"
        );
    }
    Some(found.tap)
}

/// The same, saying nothing.
pub fn look(config: &QueryConfig) -> Option<Running> {
    let notes = instance::all();
    let token = config.token.as_deref();
    if let Some(tap) = config
        .named
        .iter()
        .find_map(|address| at(address, &notes, token))
    {
        return Some(Running {
            tap,
            others: Vec::new(),
        });
    }
    if config.usual.is_empty() {
        return None;
    }
    let mut noted = by_rank(notes)
        .into_iter()
        .filter_map(|note| of_note(&note, token));
    match noted.next() {
        Some(tap) => Some(Running {
            tap,
            others: noted.map(|tap| tap.address().to_owned()).collect(),
        }),
        None => config
            .usual
            .iter()
            .find_map(|address| Tap::find(address, token))
            .map(|tap| Running {
                tap,
                others: Vec::new(),
            }),
    }
}

/// Notes of the usual ports first, then the newest.
pub fn by_rank(mut notes: Vec<Note>) -> Vec<Note> {
    let rank = |port: u16| {
        [OLLAMA_PORT, PROXY_DEFAULT_PORT]
            .iter()
            .position(|usual| *usual == port)
            .unwrap_or(usize::MAX)
    };
    notes.sort_by_key(|note| rank(note.listen.port()));
    notes
}

/// The tap at this address, by its note, or because it says there that it is one.
fn at(address: &Upstream, notes: &[Note], token: Option<&str>) -> Option<Tap> {
    let noted = notes
        .iter()
        .filter(|note| note.is_at(address))
        .find_map(|note| of_note(note, token));
    noted.or_else(|| Tap::find(address, token))
}

/// The tap that left this note, if it still answers where the note says.
pub fn of_note(note: &Note, token: Option<&str>) -> Option<Tap> {
    let tap = Tap::find(&note.pages(), token)?;
    Some(if token.is_some() {
        tap
    } else {
        tap.with_token(note.token())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_ports_come_first_and_then_the_newest() {
        let note = |port: u16| Note {
            listen: ([127, 0, 0, 1], port).into(),
            admin: None,
            store: None,
            token_file: None,
            pid: 1,
        };
        let ranked = by_rank([9000, 8000, 7000, 11434].map(note).into());
        assert_eq!(
            ranked
                .iter()
                .map(|note| note.listen.port())
                .collect::<Vec<_>>(),
            [11434, 8000, 9000, 7000]
        );
    }
}
