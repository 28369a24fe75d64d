//! A real nginx in front of a tap, as Ollama's own FAQ sets one up: it makes everybody look like this machine, so that the token alone
//! may decide.
#![cfg(unix)]

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use super::{REPLY, TestHistory, page, prompts, talk, wait_for_records};
use crate::harness::ollama::json;
use crate::harness::{Client, FakeOllama, Proxy, eventually, request, require_tool, text};

/// nginx with this in its `location /`.
struct Nginx {
    child: Child,
    addr: SocketAddr,
    _dir: tempfile::TempDir,
}

impl Nginx {
    /// `None` where there is no nginx here.
    fn before(tap: &Proxy, directives: &str) -> Option<Nginx> {
        if !require_tool("nginx", &["-v"]) {
            return None;
        }
        let dir = tempfile::tempdir().expect("a temporary directory");
        let addr = TcpListener::bind("127.0.0.1:0")
            .and_then(|free| free.local_addr())
            .expect("a free port");
        let at = text(dir.path());
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {at}/{name};"))
            .concat();
        let config = format!(
            "daemon off; master_process off; error_log stderr; pid {at}/pid; events {{}} http {{ access_log off; {temporary}
            server {{ listen {addr}; location / {{ proxy_pass http://{}; {directives} }} }} }}",
            tap.addr
        );
        let path = dir.path().join("nginx.conf");
        fs::write(&path, config).expect("write the configuration");
        let child = Command::new("nginx")
            .args(["-c", text(&path), "-e", "stderr"])
            .stderr(Stdio::null())
            .spawn()
            .expect("run nginx");
        let nginx = Nginx {
            child,
            addr,
            _dir: dir,
        };
        eventually("nginx listens", || TcpStream::connect(addr).is_ok());
        Some(nginx)
    }

    fn status(&self, method: &str, target: &str, headers: &[&str]) -> u16 {
        let mut client = Client::connect(self.addr);
        client.send(request(method, target, headers, ""));
        client.reply(method).status()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// docs.ollama.com/faq, "How can I use Ollama with a proxy server?", and the least that works.
const FAQ: &str = "proxy_set_header Host localhost:11434;";
const BARE: &str = "";

const BEARER: &str = "Authorization: Bearer s3cret";

#[test]
fn the_nginx_of_ollamas_own_faq_cannot_open_a_history_with_a_token() {
    for directives in [FAQ, BARE] {
        let history = TestHistory::new("jsonl");
        let ollama = FakeOllama::always(json(REPLY));
        let tap = history
            .options(&ollama)
            .env("OLLAMA_TAP_TOKEN", "s3cret")
            .start();
        let Some(nginx) = Nginx::before(&tap, directives) else {
            return;
        };
        talk(&tap, "private");
        for target in [
            "/analytics/search",
            "/analytics/messages",
            "/analytics/stats",
            "/analytics/export",
            "/analytics/models",
        ] {
            assert_eq!(
                nginx.status("GET", target, &[]),
                403,
                "{directives} {target}"
            );
            assert_eq!(
                nginx.status("GET", target, &[BEARER]),
                200,
                "{directives} {target}"
            );
        }
        assert_eq!(
            nginx.status("DELETE", "/analytics/messages?all=true", &[]),
            403,
            "{directives}"
        );
        assert_eq!(
            nginx.status("GET", "/api/version", &[]),
            200,
            "Ollama is there for everybody"
        );
        eventually("the record is there still", || {
            let all = tap
                .ask("GET", request("GET", "/analytics/search", &[BEARER], ""))
                .json();
            prompts(&all) == ["private"]
        });
    }
}

#[test]
fn an_nginx_that_sends_its_headers_cannot_read_a_history_without_a_token() {
    let history = TestHistory::new("jsonl");
    let ollama = FakeOllama::always(json(REPLY));
    let tap = history.start(&ollama);
    talk(&tap, "private");
    wait_for_records(&tap, 1);
    for header in [
        "X-Forwarded-For $proxy_add_x_forwarded_for",
        "X-Forwarded-Proto $scheme",
        "Via $server_protocol",
        "X-Real-IP $remote_addr",
    ] {
        let Some(nginx) = Nginx::before(&tap, &format!("{FAQ} proxy_set_header {header};")) else {
            return;
        };
        assert_eq!(
            nginx.status("GET", "/analytics/search", &[]),
            403,
            "{header}"
        );
        assert_eq!(
            nginx.status("DELETE", "/analytics/messages?all=true", &[]),
            403,
            "{header}"
        );
    }
    assert_eq!(prompts(&page(&tap, "/analytics/search")), ["private"]);
}
