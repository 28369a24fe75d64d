//! The running executable: what a test asks of it, what it wrote, and its end.

use std::net::SocketAddr;
use std::process::{Child, ChildStdout, ExitStatus};
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::log::Log;
use super::runner::within;
use super::{Client, FakeOllama, Options, Reply, Scrape, TIMEOUT, process, request};

/// A running executable; killed when dropped, and its stderr shown where the test failed.
pub struct Proxy {
    pub addr: SocketAddr,
    pub(super) child: Child,
    pub(super) stderr: Arc<Log>,
    pub(super) _dir: tempfile::TempDir,
}

impl Proxy {
    pub fn start(ollama: &FakeOllama) -> Proxy {
        Options::to(ollama).start()
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.addr)
    }

    /// A client for which the kernel keeps next to nothing of what it does not read.
    pub fn connect_with_little_room(&self) -> Client {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        socket.connect(&self.addr.into()).expect("connect");
        Client::over(socket.into())
    }

    /// Sends these bytes on a connection of their own and reads the reply to a request of that method.
    pub fn ask(&self, method: &str, bytes: impl AsRef<[u8]>) -> Reply {
        self.connect().send(bytes).reply(method)
    }

    pub fn get(&self, target: &str) -> Reply {
        self.ask("GET", request("GET", target, &[], ""))
    }

    pub fn scrape(&self) -> Scrape {
        Scrape::parse(&self.get("/metrics").text())
    }

    /// Scrapes until it is so: metrics move after the reply went out, by design. What is returned was begun only then: a scrape reads one
    /// family after the other, and may have read some before.
    pub fn scrape_until(&self, what: &str, mut is_so: impl FnMut(&Scrape) -> bool) -> Scrape {
        let deadline = Instant::now() + within(TIMEOUT);
        loop {
            let scrape = self.scrape();
            if is_so(&scrape) {
                return self.scrape();
            }
            assert!(Instant::now() < deadline, "/metrics never showed {what}");
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    /// Everything it wrote to stderr so far.
    pub fn log(&self) -> String {
        self.stderr.text()
    }

    /// Waits for a line that contains `text` and returns it.
    pub fn wait_log(&self, text: &str) -> String {
        self.stderr.wait(text)
    }

    /// What it writes to standard output, which nobody reads otherwise.
    pub fn take_stdout(&mut self) -> ChildStdout {
        self.child.stdout.take().expect("its output")
    }

    pub fn signal(&self, signal: i32) {
        process::send(self.id(), signal);
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    pub fn wait_exit(&mut self, time: Duration) -> ExitStatus {
        let time = within(time);
        let deadline = Instant::now() + time;
        loop {
            if let Some(status) = self.child.try_wait().expect("wait") {
                return status;
            }
            assert!(Instant::now() < deadline, "still running after {time:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("wait").is_none()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- stderr of the executable ---\n{}", self.log());
        }
    }
}
