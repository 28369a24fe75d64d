//! The header lines of a head.

use httparse::{EMPTY_HEADER, Status, parse_headers};
use memchr::memchr;

use super::line::is_token;
use super::refusal::{Refusal, shown};

/// One header line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// As it came, with its CR LF.
    pub line: &'a [u8],
    pub name: &'a str,
    /// Without the blanks around it.
    pub value: &'a [u8],
}

impl<'a> Field<'a> {
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The members of a value that is a list.
    pub(super) fn members(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.value.split(|b| *b == b',').map(<[u8]>::trim_ascii)
    }
}

/// The header lines of a head, in their order.
#[derive(Clone, Debug)]
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// `lines` are well-formed, and an empty line ends them.
    pub(super) fn of(lines: &'a [u8]) -> Fields<'a> {
        Fields(lines)
    }

    /// The first value of a header, if it is text.
    pub(super) fn text(mut self, name: &str) -> Option<&'a str> {
        std::str::from_utf8(self.find(|field| field.is(name))?.value).ok()
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let (line, rest) = self.0.split_at(memchr(b'\n', self.0)? + 1);
        let (name, value) = line.split_at(memchr(b':', line)?); // none in the empty line
        self.0 = rest;
        let name = std::str::from_utf8(name).unwrap_or_default(); // a token is ASCII
        Some(Field {
            line,
            name,
            value: value[1..].trim_ascii(),
        })
    }
}

/// Checks a header line of a request, which ends in its only CR LF.
pub(super) fn check_field(line: &[u8]) -> Result<(), Refusal> {
    fault_of_field(line).map_or(Ok(()), |fault| {
        Err(Refusal::framing(format!("read request: {fault}")))
    })
}

/// Returns the fault of such a line, if it has one.
pub(super) fn fault_of_field(line: &[u8]) -> Option<String> {
    // A valid line alone is a head that lacks only its empty line.
    match parse_headers(line, &mut [EMPTY_HEADER]) {
        Ok(Status::Partial) => None,
        _ => Some(fault_of(line.strip_suffix(b"\r\n").unwrap_or(line))),
    }
}

/// Describes the fault of `line`, and the way out.
fn fault_of(line: &[u8]) -> String {
    let colon = memchr(b':', line);
    let name = &line[..colon.unwrap_or(line.len())];
    if line.first().is_some_and(u8::is_ascii_whitespace) {
        format!(
            "header line {} begins with a blank, as if it continued the line before; send each header on one line",
            shown(line)
        )
    } else if colon.is_none() {
        format!(
            "header line {} has no colon; send \"name: value\"",
            shown(line)
        )
    } else if name.last().is_some_and(u8::is_ascii_whitespace) {
        format!(
            "header {} has a blank before its colon; send \"name: value\"",
            shown(name)
        )
    } else if name.is_empty() || !name.iter().all(|b| is_token(*b)) {
        format!(
            "{} is not a valid header name; use letters, digits and dashes",
            shown(name)
        )
    } else {
        format!(
            "header {} has a control character in its value; leave it out",
            shown(name)
        )
    }
}
