//! Commands find a running tap by its note.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use super::{Notes, admin_of, with_admin};
use crate::harness::ollama::{STREAM_HEAD, done, json as ok, reply};
use crate::harness::{AfterReply, FakeOllama, Options, eventually, post, run_expecting};
use crate::questions::record;

/// A stand-in for a tap that records its requests.
fn as_a_tap() -> FakeOllama {
    FakeOllama::start(|conn| {
        let greeting = ok(r#"{"ollama_tap":"0.1.0"}"#);
        conn.answer(if conn.head.path() == "/healthz" {
            greeting
        } else {
            ok(&format!("{}\n", record("00", "x")))
        })?;
        Ok(AfterReply::KeepAlive)
    })
}

#[test]
fn a_note_of_a_port_that_another_program_has_by_now_is_passed_over() {
    let (notes, ollama) = (
        Notes::new(),
        FakeOllama::always(reply("404 Not Found", &[], "404 page not found")),
    );
    let tap = notes.with(Options::to(&ollama)).start();
    notes.put(ollama.addr, None);
    let (stdout, stderr) = notes.ends(&["health"], 0);
    assert_eq!(
        (stdout, stderr.as_str()),
        (format!("a tap answers at http://{}\n", tap.addr), "")
    );
    notes.ends(&["health", "--listen", &ollama.addr.to_string()], 1);
}

#[test]
fn of_several_taps_the_newest_is_asked_and_the_others_are_named_unless_one_is_chosen() {
    let (notes, ollama) = (Notes::new(), FakeOllama::always(ok("{}")));
    let [old, new] =
        [with_admin(&ollama), Options::to(&ollama)].map(|options| notes.with(options).start());
    let file = File::options()
        .write(true)
        .open(notes.path(old.addr))
        .expect("the note");
    file.set_modified(SystemTime::now() - Duration::from_secs(60))
        .expect("make it older");
    let (stdout, stderr) = notes.ends(&["health"], 0);
    assert_eq!(stdout, format!("a tap answers at http://{}\n", new.addr));
    let (asked, other) = (
        format!("asking the tap at http://{}", new.addr),
        format!("http://{} (--listen", admin_of(&old)),
    );
    assert!(
        stderr.lines().count() == 1 && stderr.contains(&asked) && stderr.contains(&other),
        "{stderr}"
    );

    let (stdout, stderr) = notes.ends(&["health", "--listen", &old.addr.to_string()], 0);
    assert_eq!(
        (stdout, stderr.as_str()),
        (format!("a tap answers at http://{}\n", admin_of(&old)), "")
    );
}

#[test]
fn questions_to_a_tap_are_put_to_the_port_that_its_pages_have() {
    let notes = Notes::new();
    let ollama = FakeOllama::always([STREAM_HEAD.as_bytes(), &done(3, 2)].concat());
    let tap = notes.with(with_admin(&ollama)).start();
    tap.ask(
        "POST",
        post(
            "/api/generate",
            r#"{"model":"talk","prompt":"Why is the sky blue?"}"#,
        ),
    );
    let public = tap.addr.to_string();
    let answer = |options: Options| run_expecting(notes.with(options), 0).0;
    let found = || {
        notes
            .with(Options::bare(&["search", "sky", "--listen", &public]))
            .run()
            .1
    };
    eventually("the record is found", || found().contains("talk"));
    assert!(
        answer(Options::bare(&["stats"]).env("OLLAMA_TAP_LISTEN", &public))
            .contains(&format!("the tap at http://{}", admin_of(&tap)))
    );
    assert_eq!(
        answer(Options::bare(&[
            "export",
            "--listen",
            &admin_of(&tap).to_string()
        ]))
        .lines()
        .count(),
        1
    );
    assert!(
        answer(Options::bare(&["purge", "--all", "--listen", &public]))
            .contains("deleted 1 record")
    );
}

#[test]
fn health_finds_the_pages_by_their_variable_where_no_note_could_be_left() {
    let ollama = FakeOllama::always(reply("404 Not Found", &[], "404 page not found"));
    let tap = with_admin(&ollama).start();
    let (public, admin) = (tap.addr.to_string(), admin_of(&tap).to_string());
    let health = || Options::bare(&["health"]).env("OLLAMA_TAP_LISTEN", &public);
    run_expecting(health(), 1);
    assert_eq!(
        run_expecting(health().env("OLLAMA_TAP_ADMIN_LISTEN", &admin), 0).0,
        format!("a tap answers at http://{admin}\n")
    );
    run_expecting(Options::bare(&["health", "--listen", &admin]), 0);
}

#[test]
fn a_tap_whose_pages_are_elsewhere_is_known_by_its_note_where_its_port_is_wanted() {
    let notes = Notes::new();
    let ollama = FakeOllama::always(ok(r#"{"version":"0.33.0"}"#));
    let tap = notes.with(with_admin(&ollama)).start();
    let address = tap.addr.to_string();
    let (_, stderr) = notes.ends(
        &["proxy", "--listen", &address, "--upstream", &ollama.url()],
        1,
    );
    assert!(
        stderr.contains("where an ollama-tap") && stderr.contains("use that one"),
        "{stderr}"
    );
}

#[test]
fn the_token_that_a_note_leads_to_is_sent_and_no_other_file() {
    let (notes, tap) = (Notes::new(), as_a_tap());
    let token = notes.0.path().join(format!("{}.token", tap.addr.port()));
    let other = notes.0.path().join("key");
    for path in [&token, &other] {
        fs::write(path, "s3cret").expect("write a file");
    }
    for (file, typed, sent) in [
        (&token, None, Some("Bearer s3cret")),
        (&other, None, None),
        (&token, Some("typed"), Some("Bearer typed")),
    ] {
        notes.put(tap.addr, Some(file));
        let options = notes.with(Options::bare(&[
            "export",
            "--listen",
            &tap.addr.to_string(),
        ]));
        run_expecting(
            typed.into_iter().fold(options, |options, typed| {
                options.env("OLLAMA_TAP_TOKEN", typed)
            }),
            0,
        );
        let (greeting, question) = (tap.next(), tap.next());
        assert_eq!(
            (greeting.head.path(), greeting.head.get("authorization")),
            ("/healthz", None)
        );
        assert_eq!(
            question.head.get("authorization"),
            sent,
            "{}",
            file.display()
        );
    }
}
