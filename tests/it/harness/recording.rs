//! The recordings of a real Ollama (tests/data/transcripts), and what must be the same when one passes through the tap.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::http::{Framing, Head, Wire};

/// The versions that were recorded.
pub const VERSIONS: [&str; 2] = ["0.24.0", "0.33.0"];

/// A request or a reply as recorded.
#[derive(Clone, Debug)]
pub struct Message {
    pub head: Head,
    pub framing: Framing,
    pub body: Vec<u8>,
    /// As it came, without 1xx heads before it.
    pub raw: Vec<u8>,
}

/// One exchange, or one whole connection of them.
pub struct Recording {
    pub name: String,
    pub requests: Vec<Message>,
    /// Fewer than requests where the client left.
    pub replies: Vec<Message>,
    /// The bytes of each read of the reply.
    pub reads: Vec<usize>,
    /// The bytes of the reply, 1xx heads included.
    pub reply: Vec<u8>,
    pub request: Vec<u8>,
}

/// The exchanges that ended by themselves, by name.
pub fn exchanges(version: &str) -> Vec<Recording> {
    let all = load(&format!("ollama-{version}"));
    all.into_iter()
        .filter(|recording| recording.name != "client-leaves")
        .collect()
}

/// The connections of real clients, by name.
pub fn connections(version: &str) -> Vec<Recording> {
    load(&format!("clients-{version}"))
}

fn load(folder: &str) -> Vec<Recording> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/transcripts")
        .join(folder);
    let files =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "request")
    });
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Recording {
    let request = fs::read(path).expect("a request");
    let reply = fs::read(path.with_extension("reply")).expect("a reply");
    let requests = messages(&request, Head::request_framing);
    let mut methods = requests.iter().map(|request| request.head.method());
    let replies = messages(&reply, |head| {
        if head.status() < 200 {
            Framing::Nothing
        } else {
            head.reply_framing(methods.next().unwrap_or("GET"))
        }
    });
    let replies = replies
        .into_iter()
        .filter(|reply| reply.head.status() >= 200)
        .collect();
    let reads = fs::read_to_string(path.with_extension("reads")).unwrap_or_default();
    let reads = reads
        .lines()
        .filter_map(|line| line.split_once(' ')?.1.parse().ok())
        .collect();
    let name = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Recording {
        name,
        requests,
        replies,
        reads,
        reply,
        request,
    }
}

fn messages(bytes: &[u8], mut framing: impl FnMut(&Head) -> Framing) -> Vec<Message> {
    let mut wire = Wire::new(bytes);
    let mut all = Vec::new();
    while let Ok(Some(head)) = wire.head() {
        let how = framing(&head);
        let mut left = how;
        // A client that left in mid-reply cut its last one.
        let Ok(body) = wire.rest(&mut left) else {
            break;
        };
        let trailer: &[u8] = if how == Framing::Chunked {
            super::http::LAST_CHUNK
        } else {
            b""
        };
        let raw = [head.raw.as_slice(), &body.raw, trailer].concat();
        all.push(Message {
            head,
            framing: how,
            body: body.bytes,
            raw,
        });
    }
    all
}

impl Recording {
    /// Returns the end of each read of the reply, with the bytes of the body that whole chunks had brought by then.
    pub fn read_ends(&self) -> Vec<(usize, usize)> {
        let mut end = 0;
        let ends = self.reads.iter().map(|count| {
            end += count;
            (end, decoded(&self.reply[..end]))
        });
        ends.collect()
    }
}

fn decoded(prefix: &[u8]) -> usize {
    let mut wire = Wire::new(prefix);
    let Ok(Some(head)) = wire.head() else {
        return 0;
    };
    let mut framing = head.reply_framing("GET");
    let mut count = 0;
    while let Ok(Some(piece)) = wire.piece(&mut framing) {
        count += piece.bytes.len();
    }
    count
}

/// Asserts that the upstream got the request as it was sent.
pub fn assert_same_request(name: &str, sent: &Message, got: &super::ReceivedRequest) {
    assert_eq!(got.head.method(), sent.head.method(), "{name}: method");
    assert_eq!(got.head.target(), sent.head.target(), "{name}: target");
    assert_eq!(
        text(&got.body),
        text(&sent.body),
        "{name}: body of the request"
    );
    // `Expect` asks the next hop alone for leave to send the body.
    let headers = |head: &Head| without(head, &["content-length", "expect"]);
    assert_eq!(
        headers(&got.head),
        headers(&sent.head),
        "{name}: headers of the request"
    );
    let has_length = matches!(sent.framing, Framing::Length(_));
    if has_length || got.head.get("content-length").is_some() {
        assert_eq!(
            got.head.all("content-length"),
            [sent.body.len().to_string()],
            "{name}: content-length of the request"
        );
    }
}

/// Asserts that the client got the reply as it was recorded, framing aside.
pub fn assert_same_reply(name: &str, method: &str, recorded: &Message, got: &super::Reply) {
    assert_eq!(got.status(), recorded.head.status(), "{name}: status");
    assert_eq!(
        text(&got.body),
        text(&recorded.body),
        "{name}: body of the reply"
    );
    let framing: &[&str] = if method == "HEAD" {
        &[]
    } else {
        &["content-length"]
    };
    assert_eq!(
        without(&got.head, framing),
        without(&recorded.head, framing),
        "{name}: headers of the reply"
    );
}

fn without(head: &Head, names: &[&str]) -> Vec<(String, String)> {
    head.end_to_end()
        .into_iter()
        .filter(|(name, _)| !names.contains(&name.as_str()))
        .collect()
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// The zstd body of a request, decoded.
pub fn unzstd(bytes: &[u8]) -> Vec<u8> {
    let mut decoder = ruzstd::decoding::StreamingDecoder::new(bytes).expect("a zstd body");
    let mut decoded = Vec::new();
    decoder
        .read_to_end(&mut decoded)
        .expect("a whole zstd body");
    decoded
}
