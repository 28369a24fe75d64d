//! Notifications to systemd: over a socket of the test's own, in the place of systemd's.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::net::TcpStream;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use crate::harness::ollama::json;
use crate::harness::{FakeOllama, Latch, Options, TIMEOUT, latched_ollama, post};

/// The socket on which systemd would listen.
pub struct Systemd {
    socket: UnixDatagram,
    dir: tempfile::TempDir,
}

impl Systemd {
    pub fn start() -> Systemd {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let socket = UnixDatagram::bind(dir.path().join("notify")).expect("bind");
        socket.set_read_timeout(Some(TIMEOUT)).expect("a time-out");
        Systemd { socket, dir }
    }

    /// A tap that was started by it, to be watched for so long (milliseconds).
    fn starts(&self, ollama: &FakeOllama, watchdog: u32) -> Options {
        let path = self.dir.path().join("notify");
        let microseconds = (watchdog * 1000).to_string();
        Options::to(ollama)
            .env("NOTIFY_SOCKET", path.to_str().expect("a path"))
            .env("WATCHDOG_USEC", &microseconds)
    }

    /// Started by it, with no watch kept.
    pub fn of(&self, options: Options) -> Options {
        options.env(
            "NOTIFY_SOCKET",
            self.dir.path().join("notify").to_str().expect("a path"),
        )
    }

    pub fn hears(&self) -> String {
        self.receives().0
    }

    /// The next message, and the one descriptor that may come with it.
    pub fn receives(&self) -> (String, Option<OwnedFd>) {
        let (mut text, mut control) = ([0; 256], [0u64; 8]);
        let mut parts = [IoSliceMut::new(&mut text)];
        // SAFETY: all zeros are a valid header, of no parts.
        let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
        (message.msg_iov, message.msg_iovlen) = (parts.as_mut_ptr().cast(), parts.len());
        (message.msg_control, message.msg_controllen) =
            (control.as_mut_ptr().cast(), size_of_val(&control));
        // SAFETY: the header's pointers and lengths are those of valid, writable buffers.
        let length = unsafe {
            libc::recvmsg(
                self.socket.as_raw_fd(),
                &mut message,
                libc::MSG_CMSG_CLOEXEC,
            )
        };
        assert!(
            length > 0,
            "no message of the tap: {}",
            std::io::Error::last_os_error()
        );
        // SAFETY: the kernel has filled the header in; what it says is a descriptor is one, new and nobody else's.
        let descriptor = unsafe {
            let first = libc::CMSG_FIRSTHDR(&message);
            (!first.is_null()).then(|| {
                OwnedFd::from_raw_fd(libc::CMSG_DATA(first).cast::<i32>().read_unaligned())
            })
        };
        (
            String::from_utf8_lossy(&text[..length as usize])
                .trim_end()
                .to_owned(),
            descriptor,
        )
    }

    pub fn hears_nothing_more(&self) {
        self.socket.set_nonblocking(true).expect("set it");
        assert!(
            self.socket.recv(&mut [0; 256]).is_err(),
            "there was one more message"
        );
    }
}

#[test]
fn systemd_hears_that_it_is_ready_once_it_listens_and_then_that_it_lives() {
    let systemd = Systemd::start();
    let ollama = FakeOllama::always(json("{}"));
    let tap = systemd.starts(&ollama, 90).start();
    assert_eq!(systemd.hears(), "FDSTORE=1\nFDNAME=listen");
    assert_eq!(systemd.hears(), "READY=1");
    TcpStream::connect(tap.addr).expect("it listens by then");
    for _ in 0..5 {
        assert_eq!(systemd.hears(), "WATCHDOG=1");
    }
}

#[test]
fn it_lives_too_where_its_pages_have_a_port_of_their_own() {
    let systemd = Systemd::start();
    let ollama = FakeOllama::always(crate::harness::ollama::reply(
        "404 Not Found",
        &[],
        "404 page not found",
    ));
    let _tap = systemd
        .starts(&ollama, 90)
        .args(&["--admin-listen", "127.0.0.1:0"])
        .start();
    let kept = ["FDSTORE=1\nFDNAME=listen", "FDSTORE=1\nFDNAME=admin"];
    assert_eq!(
        [(); 4].map(|()| systemd.hears()),
        [kept[0], kept[1], "READY=1", "WATCHDOG=1"]
    );
}

#[test]
fn systemd_hears_that_it_stops_while_streams_still_finish() {
    let systemd = Systemd::start();
    let latch = Latch::default();
    let ollama = latched_ollama(&latch);
    let mut tap = systemd.starts(&ollama, 60_000).start();
    assert_eq!(
        [(); 3].map(|()| systemd.hears()),
        ["FDSTORE=1\nFDNAME=listen", "READY=1", "WATCHDOG=1"]
    );
    let mut client = tap.connect();
    client
        .send(post("/api/generate", r#"{"model":"talk","prompt":"Why?"}"#))
        .head("POST");
    client.read_until("\"a\"");
    tap.signal(libc::SIGTERM);
    assert_eq!(systemd.hears(), "STOPPING=1");
    assert!(tap.is_running());
    latch.release();
    client.read_until("\"done\":true");
    assert_eq!(tap.wait_exit(Duration::from_secs(3)).code(), Some(0));
    systemd.hears_nothing_more();
}

#[test]
fn a_tap_that_cannot_listen_is_never_reported_ready() {
    let systemd = Systemd::start();
    let (ollama, taken) = (
        FakeOllama::always(json("{}")),
        FakeOllama::always(json("{}")),
    );
    let options = Options::bare(&[
        "proxy",
        "--listen",
        &taken.addr.to_string(),
        "--upstream",
        &ollama.url(),
    ]);
    let (code, _, stderr) = systemd.of(options).run();
    assert_eq!(code, 1, "{stderr}");
    systemd.hears_nothing_more();
}
