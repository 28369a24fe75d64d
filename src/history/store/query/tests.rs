//! Reading parameters, and matching records.

use super::*;

fn query(pairs: &[(&str, &str)]) -> Query {
    Query::parse(pairs.iter().copied()).unwrap()
}

fn complaint(name: &str, value: &str) -> String {
    Query::parse([(name, value)]).unwrap_err().to_string()
}

#[test]
fn times_are_unix_seconds_or_rfc_3339_or_a_date() {
    assert_eq!(parse_time("1795252622.5"), Some(1_795_252_622.5));
    assert_eq!(parse_time("2026-11-21T09:17:02Z"), Some(1_795_252_622.0));
    assert_eq!(
        parse_time("2026-11-21T10:17:02.25+01:00"),
        Some(1_795_252_622.25)
    );
    assert!(parse_time("2026-11-21").is_some_and(|t| (t - 1_795_219_200.0).abs() <= 14.0 * 3600.0));
    for bad in [
        "",
        "yesterday",
        "NaN",
        "inf",
        "2026-13-01",
        "2026-11-21 09:17",
    ] {
        assert_eq!(parse_time(bad), None, "{bad}");
    }
}

#[test]
fn a_date_as_an_end_means_its_last_moment() {
    let read = query(&[("start_time", "2026-11-21"), ("end_time", "2026-11-21")]);
    let (start, end) = (read.start_time.unwrap(), read.end_time.unwrap());
    assert!(
        (86_399.0..86_400.0).contains(&(end - start)),
        "{start} to {end}"
    );
    assert_eq!(
        query(&[("end_time", "2026-11-21T09:17:02Z")]).end_time,
        Some(1_795_252_622.0)
    );
}

#[test]
fn every_parameter_is_read() {
    let read = query(&[
        ("start_time", "1"),
        ("end_time", "2.5"),
        ("model", "phi4"),
        ("prompt_search", "Sky"),
        ("prompt_category", "question"),
        ("status", "error"),
        ("endpoint", "/api/chat"),
        ("limit", "7"),
        ("before", "00ff"),
    ]);
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        (read.start_time, read.end_time, read.model, read.before),
        (Some(1.0), Some(2.5), text("phi4"), text("00ff"))
    );
    assert_eq!(
        (read.prompt_category, read.status, read.endpoint, read.limit),
        (text("question"), text("error"), text("api/chat"), 7)
    );
    assert_eq!(read.prompt_search, Some(Needle::new("Sky")));
    assert_eq!(query(&[("model", ""), ("limit", "")]), Query::default());
}

#[test]
fn a_bad_value_is_named_with_what_is_accepted() {
    assert_eq!(
        complaint("limit", "0"),
        "bad value for limit: `0`; accepted: a number from 1 to 100"
    );
    assert_eq!(
        complaint("status", "failed"),
        "bad value for status: `failed`; accepted: success, error, cancelled"
    );
    assert!(complaint("start_time", "soon").contains("RFC 3339"));
    assert!(complaint("prompt_category", "x").contains("code_write"));
    assert!(complaint("promt_search", "x").contains("only the parameters start_time"));
}

#[test]
fn text_is_found_in_any_case_and_any_alphabet() {
    for (text, needle) in [
        ("The SKY is", "sky"),
        ("ÜBER", "über"),
        ("Привет", "ПРИВ"),
        ("a\0b", "A\0B"),
        ("%_", "%"),
        ("空は青い", "青"),
        ("ΑΣΦΑΛΕΙΑ", "ΑΣ"),
        ("Ας", "ΑΣ"),
    ] {
        assert!(Needle::new(needle).is_in(Some(text)), "{needle} in {text}");
    }
    assert!(!Needle::new("x").is_in(None) && !Needle::new("%").is_in(Some("abc")));
}

#[test]
fn a_record_matches_when_every_filter_does() {
    let record = Record {
        timestamp: 10.0,
        endpoint: "api/chat".into(),
        status: "success".into(),
        prompt_category: "other".into(),
        prompt_full: Some("Hello".into()),
        ..Record::default()
    };
    for good in [
        ("start_time", "10"),
        ("end_time", "10"),
        ("model", "unknown"),
        ("endpoint", "api/chat"),
        ("status", "success"),
        ("prompt_search", "ELL"),
    ] {
        assert!(query(&[good]).matches(&record), "{good:?}");
    }
    for bad in [
        ("start_time", "10.1"),
        ("end_time", "9"),
        ("model", "phi4"),
        ("status", "error"),
        ("prompt_search", "x"),
    ] {
        assert!(!query(&[good_pair(), bad]).matches(&record), "{bad:?}");
    }
}

fn good_pair() -> (&'static str, &'static str) {
    ("endpoint", "api/chat")
}
