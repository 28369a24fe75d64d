//! A place on the network that has releases: archives and SHA256SUMS, as packaging/release.sh leaves them.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use crate::harness::{AfterReply, FakeOllama};

/// The system that the machines of these tests report.
pub const TARGET: &str = "x86_64-unknown-linux-musl";

/// A stand-in for the executable: it keeps a log of what it was asked, and does with the service what the real one does with it, step by
/// step. One of a version before 0.2 does not know `--keep`.
const EXECUTABLE: &str = include_str!("executable.sh");

/// The stand-in of this version.
pub fn executable(version: &str) -> String {
    failing(version, "nothing")
}

/// One that fails when it is asked this.
fn failing(version: &str, fails_at: &str) -> String {
    EXECUTABLE
        .replace("VERSION", version)
        .replace("FAILS", fails_at)
}

/// The name of no file: what has to be behind the question mark.
const ASKED: &str = "?";

pub struct Site {
    server: FakeOllama,
    files: Arc<Mutex<HashMap<String, Vec<u8>>>>,
}

impl Site {
    /// One that has nothing yet.
    pub fn empty() -> Site {
        let files: Arc<Mutex<HashMap<String, Vec<u8>>>> = Arc::default();
        let shelf = files.clone();
        let server = FakeOllama::start(move |conn| {
            conn.body()?;
            let path = conn.head.target().trim_start_matches('/').to_owned();
            let (path, query) = path.split_once('?').unwrap_or((&path, ""));
            let files = shelf.lock().expect("the shelf");
            let asked = files
                .get(ASKED)
                .is_none_or(|asked| asked == query.as_bytes());
            let found = files.get(path).filter(|_| asked).cloned();
            drop(files);
            conn.write(found.unwrap_or_else(|| {
                b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec()
            }))?;
            Ok(AfterReply::Close)
        });
        Site { server, files }
    }

    /// One that has this release.
    pub fn of(version: &str) -> Site {
        Site::with(version, &executable(version))
    }

    /// One whose release fails when it is asked this.
    pub fn failing(version: &str, fails_at: &str) -> Site {
        Site::with(version, &failing(version, fails_at))
    }

    fn with(version: &str, executable: &str) -> Site {
        let site = Site::empty();
        site.release(version, executable);
        site
    }

    /// One whose release has little beside the executable.
    pub fn small(version: &str) -> Site {
        let site = Site::empty();
        site.release_of(version, &executable(version), &["ollama-tap.1"]);
        site
    }

    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Adds a release.
    pub fn release(&self, version: &str, executable: &str) {
        let completions = [
            "completions/ollama-tap.bash",
            "completions/_ollama-tap",
            "completions/ollama-tap.fish",
        ];
        self.release_of(
            version,
            executable,
            &[&["README.md", "ollama-tap.1"][..], &completions].concat(),
        );
    }

    fn release_of(&self, version: &str, executable: &str, others: &[&str]) {
        let name = archive_name(version);
        let archive = archive(version, executable, others);
        let sum = sha256(&archive);
        self.answer(&name, archive);
        let listed = self
            .files
            .lock()
            .expect("the shelf")
            .get("SHA256SUMS")
            .map(|reply| body(reply).to_owned())
            .unwrap_or_default();
        self.answer("SHA256SUMS", format!("{listed}{sum}  {name}\n"));
    }

    /// Answers a file with these contents.
    pub fn answer(&self, file: &str, contents: impl AsRef<[u8]>) {
        let contents = contents.as_ref();
        self.reply(
            file,
            [
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
                    contents.len()
                )
                .as_bytes(),
                contents,
            ]
            .concat(),
        );
    }

    /// Answers a file with this reply.
    pub fn reply(&self, file: &str, reply: impl Into<Vec<u8>>) {
        self.files
            .lock()
            .expect("the shelf")
            .insert(file.to_owned(), reply.into());
    }

    /// Answers a file with where else it is.
    pub fn redirect(&self, file: &str) {
        let found = self
            .files
            .lock()
            .expect("the shelf")
            .remove(file)
            .expect("a file");
        self.reply("elsewhere", found);
        self.reply(
            file,
            format!(
                "HTTP/1.1 302 Found\r\nLocation: {}/elsewhere\r\nContent-Length: 0\r\n\r\n",
                self.url()
            ),
        );
    }

    /// Answers nothing without this behind the question mark.
    pub fn asks_for(&self, query: &str) {
        self.reply(ASKED, query);
    }

    /// Answers a file with less than it promises.
    pub fn cut(&self, file: &str) {
        let mut files = self.files.lock().expect("the shelf");
        let reply = files.get_mut(file).expect("a file");
        reply.truncate(reply.len() - 100);
    }
}

pub fn archive_name(version: &str) -> String {
    format!("ollama-tap-{version}-{TARGET}.tar.gz")
}

fn body(reply: &[u8]) -> &str {
    std::str::from_utf8(reply)
        .expect("text")
        .split_once("\r\n\r\n")
        .expect("a head")
        .1
}

/// An archive of this executable and other files, in which only the version stands.
fn archive(version: &str, executable: &str, others: &[&str]) -> Vec<u8> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let name = format!("ollama-tap-{version}-{TARGET}");
    fs::create_dir_all(dir.path().join(&name).join("completions")).expect("a directory");
    for (file, text) in others
        .iter()
        .map(|file| (*file, version))
        .chain([("ollama-tap", executable)])
    {
        fs::write(dir.path().join(&name).join(file), text).expect("write a file");
    }
    run("chmod", &["+x", &format!("{name}/ollama-tap")], dir.path());
    run("tar", &["-czf", "archive", &name], dir.path());
    fs::read(dir.path().join("archive")).expect("read the archive")
}

fn run(program: &str, args: &[&str], dir: &Path) {
    assert!(
        Command::new(program)
            .args(args)
            .current_dir(dir)
            .status()
            .expect(program)
            .success(),
        "{program}"
    );
}

fn sha256(bytes: &[u8]) -> String {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::write(dir.path().join("file"), bytes).expect("write a file");
    let output = Command::new("openssl")
        .args(["dgst", "-sha256", "-r", "file"])
        .current_dir(dir.path())
        .output()
        .expect("run openssl");
    String::from_utf8_lossy(&output.stdout)
        .split(' ')
        .next()
        .unwrap_or_default()
        .to_owned()
}
