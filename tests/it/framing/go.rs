//! The Go program (server.go), and what it says.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{End, Request, Seen};

pub struct Go {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

/// Builds the program, once in a run of the tests.
fn program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("net-http.exe");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/framing/server.go");
        let built = Command::new("go")
            .args(["build", "-o"])
            .args([&program, &source])
            .env("GOTOOLCHAIN", "local")
            .output()
            .expect("go");
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        program
    });
    &PROGRAM
}

impl Go {
    pub fn start() -> Go {
        let mut process = Command::new(program())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program that was built");
        let (to, from) = (
            process.stdin.take().expect("stdin"),
            BufReader::new(process.stdout.take().expect("stdout")),
        );
        Go { process, to, from }
    }

    /// Returns how net/http reads a connection that sends `input`.
    pub fn read(&mut self, input: &[u8]) -> Seen {
        let sent = writeln!(self.to, "{}", input.len())
            .and_then(|()| self.to.write_all(input))
            .and_then(|()| self.to.flush());
        sent.expect("Go reads");
        let mut line = String::new();
        self.from.read_line(&mut line).expect("Go answers");
        let answer: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line:?}"));
        let end = match answer["end"].as_str() {
            Some("closed") => End::Closed,
            Some("unfinished") => End::Unfinished,
            Some("refused") => End::Refused(
                u16::try_from(answer["status"].as_u64().expect("a status")).expect("a status"),
            ),
            other => panic!("{other:?} in {line}"),
        };
        Seen {
            requests: answer["requests"]
                .as_array()
                .into_iter()
                .flatten()
                .map(request)
                .collect(),
            end,
        }
    }
}

impl Drop for Go {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn request(asked: &Value) -> Request {
    let header = |(name, values): (&String, &Value)| {
        (
            name.clone(),
            values.as_array().into_iter().flatten().map(bytes).collect(),
        )
    };
    let mut headers: Vec<(String, Vec<Vec<u8>>)> = asked["Headers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(header)
        .collect();
    headers.sort();
    Request {
        method: asked["Method"].as_str().expect("a method").to_owned(),
        target: bytes(&asked["Target"]),
        host: bytes(&asked["Host"]),
        headers,
        body: bytes(&asked["Body"]),
        expects_continue: asked["Expects"].as_bool().expect("whether"),
    }
}

/// Decodes bytes as Go writes them.
fn bytes(value: &Value) -> Vec<u8> {
    STANDARD
        .decode(value.as_str().unwrap_or_default())
        .expect("base64")
}
