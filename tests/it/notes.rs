//! What running taps leave for those who look for one: who finds it, whom they ask, and what becomes of it.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::ollama::{STREAM_HEAD, done, json as ok, reply};
use crate::harness::{After, FakeOllama, Latch, Options, PATIENCE, Proxy, SIGKILL, SIGTERM, eventually, held, post, text};
use crate::questions::record;

/// The directory of the notes of a few taps.
struct Notes(TempDir);

impl Notes {
    fn new() -> Notes {
        Notes(tempfile::tempdir().expect("a temporary directory"))
    }

    /// Its taps leave their notes here, and its commands look here.
    fn with(&self, options: Options) -> Options {
        options.env("OLLAMA_TAP_TEST_RUNTIME_DIR", text(self.0.path()))
    }

    fn path(&self, address: SocketAddr) -> PathBuf {
        self.0.path().join(format!("{}.json", address.port()))
    }

    fn of(&self, address: SocketAddr) -> Value {
        let text = fs::read(self.path(address)).expect("a note");
        serde_json::from_slice(&text).expect("JSON")
    }

    /// A note that somebody else wrote.
    fn put(&self, listen: SocketAddr, token_file: Option<&Path>) {
        let note = json!({ "listen": listen, "admin": null, "store": null, "token_file": token_file, "pid": 1 });
        fs::write(self.path(listen), note.to_string()).expect("write a note");
    }

    /// Runs a command to its end, which must be this one: stdout and stderr.
    fn ends(&self, words: &[&str], code: i32) -> (String, String) {
        ends(self.with(Options::bare(words)), code)
    }
}

fn ends(options: Options, code: i32) -> (String, String) {
    let (exit, stdout, stderr) = options.run();
    assert_eq!(exit, code, "{stdout}\n{stderr}");
    (stdout, stderr)
}

/// Where its own pages are.
fn admin_of(tap: &Proxy) -> SocketAddr {
    let line = tap.wait_log("pages on http://");
    line.split("http://").nth(1).expect("an address").trim().parse().expect("an address")
}

fn with_admin(ollama: &FakeOllama) -> Options {
    Options::to(ollama).args(&["--admin-listen", "127.0.0.1:0"])
}

/// What speaks as a tap does, and shows what it is asked.
fn as_a_tap() -> FakeOllama {
    FakeOllama::start(|conn| {
        let greeting = ok(r#"{"ollama_tap":"0.1.0"}"#);
        conn.answer(if conn.head.path() == "/healthz" { greeting } else { ok(&format!("{}\n", record("00", "x"))) })?;
        Ok(After::KeepAlive)
    })
}

#[test]
fn a_note_says_where_a_tap_is_and_goes_when_it_is_told_to_stop() {
    let (notes, latch) = (Notes::new(), Latch::default());
    let ollama = held(&latch);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let history = dir.path().join("history");
    let mut tap = notes.with(with_admin(&ollama)).args(&["--analytics-dir", text(&history)]).start();
    let expected = json!({
        "listen": tap.addr.to_string(), "admin": admin_of(&tap).to_string(), "store": text(&history), "token_file": null, "pid": tap.id()
    });
    assert_eq!(notes.of(tap.addr), expected);

    let mut client = tap.connect();
    client.send(post("/api/generate", r#"{"model":"talk","prompt":"Why?"}"#)).head("POST");
    client.read_until("\"a\"");
    tap.signal(SIGTERM);
    eventually("the note is gone", || !notes.path(tap.addr).exists());
    latch.release();
    client.read_until("\"done\":true");
    assert_eq!(tap.wait_exit(PATIENCE).code(), Some(0));
    assert_eq!(fs::read_dir(notes.0.path()).expect("the directory").count(), 0, "something was left");
}

#[cfg(unix)]
#[test]
fn everybody_may_read_a_note_and_nobody_else_the_token_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    let (notes, ollama) = (Notes::new(), FakeOllama::always(ok("{}")));
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    for (umask, backend) in [("077", "jsonl"), ("000", "sqlite")] {
        let history = dir.path().join(backend);
        let options = notes.with(Options::to(&ollama)).ulimit(&format!("-n 1024; umask {umask}")).env("OLLAMA_TAP_TOKEN", "s3cret");
        let mut tap = options.args(&["--analytics-dir", text(&history), "--analytics-backend", backend]).start();
        let note = notes.of(tap.addr);
        let token = history.join(format!("{}.token", tap.addr.port()));
        assert_eq!(note["token_file"], text(&token));
        assert!(!note.to_string().contains("s3cret"), "{note}");
        assert_eq!((mode(&notes.path(tap.addr)), mode(&token)), (0o644, 0o600));
        assert_eq!(fs::read_to_string(&token).expect("the token"), "s3cret");
        tap.signal(SIGTERM);
        tap.wait_exit(PATIENCE);
        assert!(!token.exists() && !notes.path(tap.addr).exists(), "they were left");
    }
}

#[cfg(unix)]
#[test]
fn without_a_directory_of_its_own_the_token_is_in_the_users_and_without_any_there_is_no_note() {
    let ollama = FakeOllama::always(ok("{}"));
    let state = tempfile::tempdir().expect("a temporary directory");
    let tap = |state: &str| {
        let options = Options::to(&ollama).args(&["--analytics-backend", "none", "--log-level", "debug"]).env("OLLAMA_TAP_TOKEN", "s3cret");
        options.env("OLLAMA_TAP_TEST_RUNTIME_DIR", "/nowhere").env("XDG_STATE_HOME", state).start()
    };
    let first = tap(text(state.path()));
    let own = |name: &str| state.path().join("ollama-tap").join(format!("{}.{name}", first.addr.port()));
    let note: Value = serde_json::from_slice(&fs::read(own("json")).expect("a note")).expect("JSON");
    assert_eq!((&note["store"], &note["token_file"]), (&Value::Null, &json!(own("token"))));
    assert_eq!(fs::read_to_string(own("token")).expect("the token"), "s3cret");

    let second = tap("/dev/null");
    second.wait_log("no note is left");
    assert_eq!(second.get("/healthz").status(), 200);
}

#[test]
fn a_tap_that_was_killed_leaves_a_note_that_nobody_believes_and_the_next_one_replaces() {
    let (notes, ollama) = (Notes::new(), FakeOllama::always(ok("{}")));
    let mut tap = notes.with(with_admin(&ollama)).start();
    let address = tap.addr.to_string();
    tap.signal(SIGKILL);
    tap.wait_exit(PATIENCE);
    assert!(notes.path(tap.addr).exists());
    assert!(notes.ends(&["health", "--listen", &address], 1).1.contains("no tap answers"));
    let again = notes.with(Options::bare(&["proxy", "--listen", &address, "--upstream", &ollama.url()])).start();
    assert_eq!((&notes.of(again.addr)["pid"], &notes.of(again.addr)["admin"]), (&json!(again.id()), &Value::Null));
    notes.ends(&["health", "--listen", &address], 0);
}

#[test]
fn a_note_of_a_port_that_another_program_has_by_now_is_passed_over() {
    let (notes, ollama) = (Notes::new(), FakeOllama::always(reply("404 Not Found", &[], "404 page not found")));
    let tap = notes.with(Options::to(&ollama)).start();
    notes.put(ollama.addr, None);
    let (stdout, stderr) = notes.ends(&["health"], 0);
    assert_eq!((stdout, stderr.as_str()), (format!("a tap answers at http://{}\n", tap.addr), ""));
    notes.ends(&["health", "--listen", &ollama.addr.to_string()], 1);
}

#[test]
fn of_several_taps_the_newest_is_asked_and_the_others_are_named_unless_one_is_said() {
    let (notes, ollama) = (Notes::new(), FakeOllama::always(ok("{}")));
    let [old, new] = [with_admin(&ollama), Options::to(&ollama)].map(|options| notes.with(options).start());
    let file = File::options().write(true).open(notes.path(old.addr)).expect("the note");
    file.set_modified(SystemTime::now() - Duration::from_secs(60)).expect("make it older");
    let (stdout, stderr) = notes.ends(&["health"], 0);
    assert_eq!(stdout, format!("a tap answers at http://{}\n", new.addr));
    let (asked, other) = (format!("asking the tap at http://{}", new.addr), format!("http://{} (--listen", admin_of(&old)));
    assert!(stderr.lines().count() == 1 && stderr.contains(&asked) && stderr.contains(&other), "{stderr}");

    let (stdout, stderr) = notes.ends(&["health", "--listen", &old.addr.to_string()], 0);
    assert_eq!((stdout, stderr.as_str()), (format!("a tap answers at http://{}\n", admin_of(&old)), ""));
}

#[test]
fn questions_to_a_tap_are_put_to_the_port_that_its_pages_have() {
    let notes = Notes::new();
    let ollama = FakeOllama::always([STREAM_HEAD.as_bytes(), &done(3, 2)].concat());
    let tap = notes.with(with_admin(&ollama)).start();
    tap.ask("POST", post("/api/generate", r#"{"model":"talk","prompt":"Why is the sky blue?"}"#));
    let public = tap.addr.to_string();
    let answer = |options: Options| ends(notes.with(options), 0).0;
    let found = || notes.with(Options::bare(&["search", "sky", "--listen", &public])).run().1;
    eventually("the record is found", || found().contains("talk"));
    assert!(answer(Options::bare(&["stats"]).env("OLLAMA_TAP_LISTEN", &public)).contains(&format!("the tap at http://{}", admin_of(&tap))));
    assert_eq!(answer(Options::bare(&["export", "--listen", &admin_of(&tap).to_string()])).lines().count(), 1);
    assert!(answer(Options::bare(&["purge", "--all", "--listen", &public])).contains("deleted 1 record"));
}

#[test]
fn health_finds_the_pages_by_their_variable_where_no_note_could_be_left() {
    let ollama = FakeOllama::always(reply("404 Not Found", &[], "404 page not found"));
    let tap = with_admin(&ollama).start();
    let (public, admin) = (tap.addr.to_string(), admin_of(&tap).to_string());
    let health = || Options::bare(&["health"]).env("OLLAMA_TAP_LISTEN", &public);
    ends(health(), 1);
    assert_eq!(ends(health().env("OLLAMA_TAP_ADMIN_LISTEN", &admin), 0).0, format!("a tap answers at http://{admin}\n"));
    ends(Options::bare(&["health", "--listen", &admin]), 0);
}

#[test]
fn a_tap_whose_pages_are_elsewhere_is_known_by_its_note_where_its_port_is_wanted() {
    let notes = Notes::new();
    let ollama = FakeOllama::always(ok(r#"{"version":"0.33.0"}"#));
    let tap = notes.with(with_admin(&ollama)).start();
    let address = tap.addr.to_string();
    let (_, stderr) = notes.ends(&["proxy", "--listen", &address, "--upstream", &ollama.url()], 1);
    assert!(stderr.contains("where an ollama-tap") && stderr.contains("use that one"), "{stderr}");
}

#[test]
fn the_token_that_a_note_leads_to_is_sent_and_no_other_file() {
    let (notes, tap) = (Notes::new(), as_a_tap());
    let token = notes.0.path().join(format!("{}.token", tap.addr.port()));
    let other = notes.0.path().join("key");
    for path in [&token, &other] {
        fs::write(path, "s3cret").expect("write a file");
    }
    for (file, typed, sent) in [(&token, None, Some("Bearer s3cret")), (&other, None, None), (&token, Some("typed"), Some("Bearer typed"))]
    {
        notes.put(tap.addr, Some(file));
        let options = notes.with(Options::bare(&["export", "--listen", &tap.addr.to_string()]));
        ends(typed.into_iter().fold(options, |options, typed| options.env("OLLAMA_TAP_TOKEN", typed)), 0);
        let (greeting, question) = (tap.next(), tap.next());
        assert_eq!((greeting.head.path(), greeting.head.get("authorization")), ("/healthz", None));
        assert_eq!(question.head.get("authorization"), sent, "{}", file.display());
    }
}

#[test]
fn a_port_that_another_tap_took_over_keeps_that_ones_note() {
    let (notes, ollama) = (Notes::new(), FakeOllama::always(ok("{}")));
    let mut tap = notes.with(Options::to(&ollama)).start();
    let free: SocketAddr = TcpListener::bind("127.0.0.1:0").expect("bind").local_addr().expect("addr");
    notes.put(tap.addr, None);
    notes.put(free, None);
    tap.signal(SIGTERM);
    tap.wait_exit(PATIENCE);
    assert!(notes.path(tap.addr).exists() && notes.path(free).exists(), "a tap removed what is not its own");
}
