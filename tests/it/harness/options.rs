//! Starts the executable: its arguments, variables and limits, and what runs it.

use std::io::{BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::log::Log;
use super::runner::{self, is_windows, within};
use super::{FakeOllama, Proxy, TIMEOUT, process};

const ANNOUNCEMENT: &str = "listening on http://";

/// Variables that would change what the executable does.
const CLEARED: [&str; 9] = [
    "OLLAMA_",
    "ANALYTICS_",
    "LOKI_",
    "PROXY_PORT",
    "LOG_LEVEL",
    "RUST_LOG",
    "TRACK_EMBEDDINGS",
    "RUST_MIN_STACK",
    "SSL_CERT_FILE",
];

/// The options of a run of the executable.
pub struct Options {
    program: Vec<String>,
    args: Vec<String>,
    env: Vec<(String, String)>,
    ulimit: Option<String>,
    behind: Vec<String>,
    #[cfg(target_os = "linux")]
    handed_over: Vec<std::os::fd::OwnedFd>,
}

impl Options {
    /// In front of this Ollama, on a free port of 127.0.0.1.
    pub fn to(ollama: &FakeOllama) -> Options {
        Options::bare(&[
            "proxy",
            "--listen",
            "127.0.0.1:0",
            "--upstream",
            &ollama.url(),
        ])
    }

    /// With exactly these arguments.
    pub fn bare(args: &[&str]) -> Options {
        Options {
            program: runner::command(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            env: Vec::new(),
            ulimit: None,
            behind: Vec::new(),
            #[cfg(target_os = "linux")]
            handed_over: Vec::new(),
        }
    }

    /// Another executable, with what runs it before it.
    #[cfg(any(target_os = "linux", windows))]
    pub fn program(mut self, words: &[String]) -> Options {
        self.program = words.to_vec();
        self
    }

    pub fn args(mut self, args: &[&str]) -> Options {
        self.args.extend(args.iter().map(|arg| (*arg).to_owned()));
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Options {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Under a limit of the shell, as in `ulimit -n 100`; Windows has none, and Wine would meet it in our place.
    pub fn ulimit(mut self, limit: &str) -> Options {
        self.ulimit = Some(limit.to_owned()).filter(|_| !is_windows());
        self
    }

    /// Started by these words, which end in running what follows them.
    #[cfg(target_os = "linux")]
    pub fn behind(mut self, words: &[&str]) -> Options {
        self.behind = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Handed these sockets as systemd hands over those that it has kept, by name.
    #[cfg(target_os = "linux")]
    pub fn handed(mut self, name: &str, socket: impl Into<std::os::fd::OwnedFd>) -> Options {
        self.handed_over.push(socket.into());
        let known = self
            .env
            .iter()
            .rfind(|(variable, _)| variable == "LISTEN_FDNAMES");
        let names = known.map_or_else(|| name.to_owned(), |(_, names)| format!("{names}:{name}"));
        let count = self.handed_over.len().to_string();
        let options = self.env("LISTEN_FDNAMES", &names).env("LISTEN_FDS", &count);
        options.behind(&["sh", "-c", "LISTEN_PID=$$ exec \"$0\" \"$@\""])
    }

    /// Starts it and waits until it says where it listens.
    pub fn start(self) -> Proxy {
        let mut proxy = self.spawn();
        let line = proxy.wait_log(ANNOUNCEMENT);
        let addr = line
            .split(ANNOUNCEMENT)
            .nth(1)
            .unwrap_or_default()
            .split([' ', '/', ','])
            .next()
            .unwrap_or_default();
        proxy.addr = addr
            .parse()
            .unwrap_or_else(|_| panic!("no address in {line:?}"));
        proxy
    }

    /// Starts it and waits for nothing.
    pub fn spawn(self) -> Proxy {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut child = self
            .command(dir.path())
            .spawn()
            .expect("start the executable");
        let stderr = Arc::new(Log::default());
        let (log, pipe) = (Arc::clone(&stderr), child.stderr.take().expect("stderr"));
        std::thread::spawn(move || log.fill(BufReader::new(pipe)));
        Proxy {
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            child,
            stderr,
            _dir: dir,
        }
    }

    /// Runs it to its end: exit code, stdout, stderr. What does not end is killed, and its code is -1.
    pub fn run(self) -> (i32, String, String) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut child = self
            .command(dir.path())
            .spawn()
            .expect("run the executable");
        let (stdout, stderr) = (drain(child.stdout.take()), drain(child.stderr.take()));
        let deadline = Instant::now() + within(TIMEOUT);
        while child.try_wait().expect("wait").is_none() {
            if Instant::now() > deadline {
                child.kill().expect("kill");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let text = |pipe: JoinHandle<Vec<u8>>| {
            String::from_utf8_lossy(&pipe.join().expect("the output")).into_owned()
        };
        (
            child.wait().expect("wait").code().unwrap_or(-1),
            text(stdout),
            text(stderr),
        )
    }

    /// In this directory, where its note goes too.
    fn command(&self, dir: &Path) -> Command {
        let mut words = Vec::new();
        if let Some(limit) = &self.ulimit {
            words.extend([
                "sh".to_owned(),
                "-c".to_owned(),
                format!("ulimit {limit}; exec \"$0\" \"$@\""),
            ]);
        }
        words.extend(self.behind.iter().cloned());
        words.extend(self.program.iter().cloned());
        words.extend(self.args.iter().cloned());
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, _) in std::env::vars()
            .filter(|(name, _)| CLEARED.iter().any(|prefix| name.starts_with(prefix)))
        {
            command.env_remove(name);
        }
        process::alone_at_its_console(&mut command);
        #[cfg(target_os = "linux")]
        process::hand_over(&mut command, &self.handed_over);
        // Histories of the user's own, and of other tests, are no test's business, and a test's tap nobody else's.
        command
            .env("XDG_STATE_HOME", dir)
            .env("OLLAMA_TAP_TEST_RUNTIME_DIR", dir);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// Reads a pipe to its end, so that nobody waits for room in it.
fn drain(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    let mut pipe = pipe.expect("a pipe");
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("read the output");
        bytes
    })
}
