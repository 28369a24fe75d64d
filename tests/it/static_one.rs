//! The static executable in an empty root: it needs no library, no file and no directory of the system.
//!
//! It is taken from the archives that packaging/release.sh made; one for aarch64 runs under qemu. Only root may change the root.
#![cfg(target_os = "linux")]

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use crate::harness::ollama::json;
use crate::harness::tls::{Authority, OPENSSL, TlsFront};
use crate::harness::{
    FakeOllama, Options, Proxy, eventually, post, released, require, require_tool, runs, text,
};

/// The only name that the name server of these tests knows, and where that server is.
const NAME: &str = "ollama.test";
const NAME_SERVER: Ipv4Addr = Ipv4Addr::new(127, 83, 53, 1);

const QEMU: &str = "qemu-aarch64-static";

/// A root with nothing in it but the executable, and what runs it there.
struct Root {
    dir: tempfile::TempDir,
    program: Vec<String>,
}

/// An empty root for each executable.
fn roots() -> Vec<Root> {
    if !require("chroot, as root", runs("chroot", &["/", "true"])) {
        return Vec::new();
    }
    let archives = released()
        .into_iter()
        .filter(|path| text(path).contains("-linux-musl."));
    archives
        .filter(|path| !is_foreign(path) || require_tool(QEMU, &["--version"]))
        .map(|path| Root::of(&path))
        .collect()
}

fn is_foreign(archive: &Path) -> bool {
    !text(archive).contains(std::env::consts::ARCH)
}

impl Root {
    fn of(archive: &Path) -> Root {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let name = text(archive)
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .trim_end_matches(".tar.gz");
        let mut tar = Command::new("tar");
        tar.arg("-xzf")
            .arg(archive)
            .arg("-C")
            .arg(dir.path())
            .arg("--strip-components=1")
            .arg(format!("{name}/ollama-tap"));
        assert!(tar.status().expect("run tar").success(), "unpack {name}");
        let mut program = vec!["chroot".to_owned(), text(dir.path()).to_owned()];
        if is_foreign(archive) {
            fs::copy(on_path(QEMU), dir.path().join("qemu")).expect("copy qemu");
            program.push("/qemu".to_owned());
        }
        program.push("/ollama-tap".to_owned());
        Root { dir, program }
    }

    /// The root's only setting: who knows names.
    fn with_names(self) -> Root {
        static SERVER: Once = Once::new();
        SERVER.call_once(|| {
            crate::harness::dns::start(NAME_SERVER, NAME).expect("a name server on port 53")
        });
        fs::create_dir(self.dir.path().join("etc")).expect("a directory");
        fs::write(
            self.dir.path().join("etc/resolv.conf"),
            format!("nameserver {NAME_SERVER}\n"),
        )
        .expect("write a file");
        self
    }

    fn with_file(&self, from: &Path, name: &str) {
        fs::copy(from, self.dir.path().join(name)).expect("copy a file");
    }

    fn options(&self, upstream: &str) -> Options {
        Options::bare(&["proxy", "--listen", "127.0.0.1:0", "--upstream", upstream])
            .program(&self.program)
    }
}

fn on_path(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|file| file.exists())
        .expect(program)
}

/// Returns whether the Ollama behind it answers through this tap, and what it says.
fn asks(tap: &Proxy) -> (u16, String) {
    let reply = tap.ask(
        "POST",
        post(
            "/api/generate",
            r#"{"model":"talk","prompt":"Why?","stream":false}"#,
        ),
    );
    (reply.status(), reply.text())
}

#[test]
fn with_nothing_else_in_its_root_it_answers() {
    for root in roots() {
        let ollama = FakeOllama::always(json(r#"{"response":"here","done":true}"#));
        let tap = root
            .options(&format!("http://localhost:{}", ollama.addr.port()))
            .start();
        assert_eq!(
            asks(&tap),
            (200, r#"{"response":"here","done":true}"#.to_owned())
        );
        assert_eq!(tap.get("/healthz").status(), 200);
        eventually("the record is found", || {
            tap.get("/analytics/search?prompt_search=why").json()[0]["model"] == "talk"
        });
    }
}

#[test]
fn names_are_looked_up_where_its_root_says() {
    for root in roots() {
        let root = root.with_names();
        let ollama = FakeOllama::always(json("{}"));
        let tap = root
            .options(&format!("http://{NAME}:{}", ollama.addr.port()))
            .start();
        assert_eq!(asks(&tap).0, 200);
        drop(tap); // a history has one writer
        let tap = root
            .options(&format!("http://nobody.test:{}", ollama.addr.port()))
            .start();
        let (status, output) = asks(&tap);
        assert!(
            status == 502 && output.contains("nobody.test"),
            "{status}: {output}"
        );
    }
}

#[test]
fn https_is_proved_by_the_roots_that_it_is_given() {
    for root in roots() {
        if !require_tool(OPENSSL, &["version"]) {
            return;
        }
        let root = root.with_names();
        let (ollama, authority) = (FakeOllama::always(json("{}")), Authority::new());
        let front = TlsFront::start(&authority, &format!("DNS:{NAME}"), ollama.addr);
        root.with_file(&authority.root(), "root.pem");
        let upstream = format!("https://{NAME}:{}", front.port);
        let tap = root
            .options(&upstream)
            .env("SSL_CERT_FILE", "/root.pem")
            .start();
        assert_eq!(asks(&tap).0, 200);
        drop(tap);
        let tap = root.options(&upstream).start();
        let (status, output) = asks(&tap);
        assert!(
            status == 502 && output.contains("certificate"),
            "{status}: {output}"
        );
    }
}
