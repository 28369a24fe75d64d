//! The rules once more, for whole inputs, as plainly as possible: this one copies, splits and searches as it likes.
//!
//! Targets that are neither paths nor `*` are left out; tests/it compares those with Go itself.

use super::{ConnectionEvent, ParsedRequest};

/// The events on a connection that brings `input`. `None` if there is a target that this model does not know.
pub(super) fn read(input: &[u8]) -> Option<Vec<ConnectionEvent>> {
    let mut events = Vec::new();
    let mut rest = input.to_vec();
    loop {
        let last = match request(&rest) {
            Ok((request, keeps_alive, behind)) => {
                events.push(ConnectionEvent::Request(request));
                rest = behind;
                if keeps_alive {
                    continue;
                }
                ConnectionEvent::Closed
            }
            Err(Stop::Refused(status)) => ConnectionEvent::Refused(status),
            Err(Stop::Unfinished) => ConnectionEvent::Incomplete,
            Err(Stop::Unknown) => return None,
        };
        events.push(last);
        return Some(events);
    }
}

enum Stop {
    Refused(u16),
    Unfinished,
    Unknown,
}

const BAD: Stop = Stop::Refused(400);

type Rest = Vec<u8>;

/// The first request, whether the connection is kept after it, and the rest of the input.
fn request(input: &[u8]) -> Result<(ParsedRequest, bool, Rest), Stop> {
    let input = input.strip_prefix(b"\r\n").unwrap_or(input);
    let method: Vec<u8> = input
        .iter()
        .copied()
        .take_while(|b| !b" \r\n".contains(b))
        .collect();
    if !method.iter().all(|b| is_token(*b)) || input.starts_with(b" ") {
        return Err(BAD);
    }
    let (first, mut rest) = line(input)?;
    let mut request = request_line(&first)?;
    loop {
        let (field, left) = line(&rest)?;
        rest = left;
        if field.is_empty() {
            break;
        }
        if !is_field(&field) {
            return Err(BAD);
        }
        request.lines.push([&field[..], b"\r\n"].concat());
    }
    let keeps_alive = connection(&request);
    host(&request)?;
    let framing = framing(&request)?;
    let expect = values(&request, "expect")
        .first()
        .cloned()
        .unwrap_or_default();
    let waits = expect
        .split([' ', '\t', ','])
        .any(|word| word == "100-continue");
    if !waits && !expect.is_empty() {
        return Err(Stop::Refused(417));
    }
    request.expects_continue = waits && !request.is_http10 && framing != Some(0);
    let (body, rest) = match framing {
        Some(length) if rest.len() < length => return Err(Stop::Unfinished),
        Some(length) => (rest[..length].to_vec(), rest[length..].to_vec()),
        None => chunks(&rest)?,
    };
    request.body = body;
    Ok((request, keeps_alive, rest))
}

/// The first line without its end, and the rest of the input.
fn line(input: &[u8]) -> Result<(Vec<u8>, Rest), Stop> {
    let end = input
        .iter()
        .position(|b| b"\r\n".contains(b))
        .ok_or(Stop::Unfinished)?;
    match &input[end..] {
        b"\r" => Err(Stop::Unfinished),
        [b'\r', b'\n', rest @ ..] => Ok((input[..end].to_vec(), rest.to_vec())),
        _ => Err(BAD),
    }
}

fn request_line(line: &[u8]) -> Result<ParsedRequest, Stop> {
    let words: Vec<&[u8]> = line.splitn(3, |b| *b == b' ').collect();
    let [method, target, version] = words[..] else {
        return Err(BAD);
    };
    let is_http10 = match String::from_utf8_lossy(version).chars().collect::<Vec<_>>()[..] {
        ['H', 'T', 'T', 'P', '/', '1', '.', '0'] => true,
        ['H', 'T', 'T', 'P', '/', '1', '.', '1'..='9'] => false,
        ['H', 'T', 'T', 'P', '/', '0'..='9', '.', '0'..='9'] => return Err(Stop::Refused(505)),
        _ => return Err(BAD),
    };
    if target.is_empty() || target.iter().any(|b| *b < b' ' || *b == 0x7f) {
        return Err(BAD);
    }
    let path = target.split(|b| *b == b'?').next().unwrap();
    let is_hex = |b: Option<&u8>| b.is_some_and(u8::is_ascii_hexdigit);
    match target {
        b"*" => {}
        [b'/', ..] => {
            for at in 0..path.len() {
                if path[at] == b'%' && !(is_hex(path.get(at + 1)) && is_hex(path.get(at + 2))) {
                    return Err(BAD);
                }
            }
        }
        _ => return Err(Stop::Unknown),
    }
    Ok(ParsedRequest {
        method: text(method),
        target: target.to_vec(),
        is_http10,
        ..ParsedRequest::default()
    })
}

fn host(request: &ParsedRequest) -> Result<(), Stop> {
    let hosts = values(request, "host");
    let may = |c: char| c.is_ascii_alphanumeric() || "!$%&'()*+,-.:;=[]_~".contains(c);
    match &hosts[..] {
        [] if request.is_http10 => Ok(()),
        [host] if host.chars().all(may) => Ok(()),
        _ => Err(BAD),
    }
}

/// The length of the body; `None` for chunks.
fn framing(request: &ParsedRequest) -> Result<Option<usize>, Stop> {
    let (lengths, encodings) = (
        values(request, "content-length"),
        values(request, "transfer-encoding"),
    );
    let forbidden = ["content-length", "transfer-encoding", "trailer"];
    let trailers = values(request, "trailer").join(",");
    match (&lengths[..], &encodings[..]) {
        ([], []) => Ok(Some(0)),
        ([length], []) if !length.is_empty() && length.chars().all(|c| c.is_ascii_digit()) => {
            length
                .parse::<i64>()
                .map(|length| Some(usize::try_from(length).unwrap()))
                .map_err(|_| BAD)
        }
        ([], [encoding]) if encoding == "chunked" && !request.is_http10 => {
            if trailers
                .split(',')
                .any(|name| forbidden.contains(&name.trim()))
            {
                Err(BAD)
            } else {
                Ok(None)
            }
        }
        _ => Err(BAD),
    }
}

fn connection(request: &ParsedRequest) -> bool {
    let lines = values(request, "connection");
    let first = |option: &str| {
        lines
            .first()
            .is_some_and(|line| line.split([' ', '\t', ',']).any(|word| word == option))
    };
    let close = first("close")
        || lines.iter().any(|line| {
            line.split(',')
                .any(|word| word.trim_matches([' ', '\t']) == "close")
        });
    !close && (!request.is_http10 || first("keep-alive"))
}

/// The chunked body, and the rest of the input.
fn chunks(input: &[u8]) -> Result<(Vec<u8>, Rest), Stop> {
    let (mut body, mut rest, mut excess) = (Vec::new(), input.to_vec(), 0_i128);
    loop {
        let line_so_far: Vec<u8> = rest
            .iter()
            .copied()
            .take_while(|b| !b"\r\n".contains(b))
            .collect();
        let digits: String = line_so_far
            .iter()
            .map(|b| char::from(*b))
            .take_while(char::is_ascii_hexdigit)
            .collect();
        let behind = &line_so_far[digits.len()..];
        let is_extension = behind.starts_with(b";") || behind.iter().all(|b| b" \t".contains(b));
        let is_long = rest.len() >= 4096 && !rest[..4096].contains(&b'\n');
        if digits.len() > 16 || (digits.is_empty() && !rest.is_empty()) || !is_extension || is_long
        {
            return Err(BAD);
        }
        (_, rest) = line(&rest)?;
        let size = u64::from_str_radix(&digits, 16).unwrap();
        if size == 0 {
            return Ok((body, trailers(&rest)?));
        }
        if size >= 1 << 62 {
            return Err(BAD);
        }
        excess = (excess + line_so_far.len() as i128 + 4 - 16 - 2 * i128::from(size)).max(0);
        if excess > 16 * 1024 {
            return Err(BAD);
        }
        let Some(size) = usize::try_from(size)
            .ok()
            .filter(|size| *size <= rest.len())
        else {
            return Err(Stop::Unfinished);
        };
        body.extend_from_slice(&rest[..size]);
        rest = match &rest[size..] {
            [] | b"\r" => return Err(Stop::Unfinished),
            [b'\r', b'\n', rest @ ..] => rest.to_vec(),
            _ => return Err(BAD),
        };
    }
}

/// Skips the trailers, each byte of which is checked as it comes. Returns the rest of the input.
fn trailers(input: &[u8]) -> Result<Rest, Stop> {
    let mut rest = input.to_vec();
    loop {
        let line_so_far: Vec<u8> = rest
            .iter()
            .copied()
            .take_while(|b| !b"\r\n".contains(b))
            .collect();
        let has_colon = line_so_far.contains(&b':');
        let may_become = if has_colon {
            is_field(&line_so_far)
        } else {
            line_so_far.iter().all(|b| is_token(*b))
        };
        let is_cut = !has_colon && !line_so_far.is_empty() && rest.len() > line_so_far.len();
        if !may_become || is_cut {
            return Err(BAD);
        }
        let is_long = input.len() >= 4096
            && !input[..4096].windows(4).any(|end| end == b"\r\n\r\n")
            && !input.starts_with(b"\r\n");
        let (field, left) = line(&rest).map_err(|stop| if is_long { BAD } else { stop })?;
        rest = left;
        if input.len() - rest.len() > 4096 {
            return Err(BAD);
        }
        if field.is_empty() {
            return Ok(rest);
        }
    }
}

fn is_field(line: &[u8]) -> bool {
    let Some(colon) = line.iter().position(|b| *b == b':') else {
        return false;
    };
    let (name, value) = line.split_at(colon);
    !name.is_empty()
        && name.iter().all(|b| is_token(*b))
        && value
            .iter()
            .all(|b| *b == b'\t' || (*b >= b' ' && *b != 0x7f))
}

fn is_token(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9')
        || "!#$%&'*+-.^_`|~".contains(char::from(byte)) && byte < 0x80
}

/// The values of a header, in small letters, without blanks around them.
fn values(request: &ParsedRequest, name: &str) -> Vec<String> {
    let lines = request.lines.iter().map(|line| text(line));
    let parts: Vec<(String, String)> = lines
        .map(|line| {
            line.split_once(':')
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .unwrap()
        })
        .collect();
    parts
        .into_iter()
        .filter(|(n, _)| n == name)
        .map(|(_, v)| v.trim_matches([' ', '\t', '\r', '\n']).to_ascii_lowercase())
        .collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
