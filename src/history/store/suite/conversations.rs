//! What was said before is found, put together and forgotten alike on every backend.

use super::*;
use crate::history::store::conversation::with_conversation;
use crate::history::store::doomed::{DoomedRecords, redact};

/// A record of the conversation `talk` that has these messages from a place on.
fn part(n: u32, previous: Option<u32>, from: u64, texts: &[&str]) -> Record {
    Record {
        previous_id: previous.map(|n| format!("{n:016x}")),
        session_id: Some("talk".to_owned()),
        system: previous.is_none().then(|| "Be brief.".to_owned()),
        messages: Some(texts.iter().copied().map(said).collect()),
        messages_from: Some(from),
        prompt_full: texts.last().map(|text| text[2..].to_owned()),
        response_full: Some(format!("reply {n}")),
        tool_calls: None,
        ..record(n)
    }
}

/// A message of the user, or after `a:` of the assistant.
fn said(text: &str) -> KeptMessage {
    let role = if text.starts_with("a:") {
        "assistant"
    } else {
        "user"
    };
    KeptMessage {
        role: role.to_owned(),
        ..message(&text[2..])
    }
}

/// What the detail of a record shows: texts, and of what is gone its number and the reason.
fn shown(engine: &dyn Engine, n: u32) -> Vec<String> {
    let record = engine.get(&format!("{n:016x}")).unwrap().unwrap();
    let whole = with_conversation(engine, record).unwrap();
    let messages = whole.messages.unwrap().into_iter();
    messages
        .map(|message| match message.gone {
            Some(reason) => format!("{} {reason}", message.count),
            None => message.text.unwrap(),
        })
        .collect()
}

/// A conversation of three turns, of which the client changed the second reply, and another.
fn talk(engine: &dyn Engine) {
    filled(
        engine,
        [
            part(1, None, 0, &["u:first"]),
            part(2, Some(1), 2, &["u:second"]),
            Record {
                session_id: Some("other".to_owned()),
                ..part(3, None, 0, &["u:first", "a:reply 1", "u:fourth"])
            },
            part(4, Some(2), 3, &["a:reply two", "u:third"]),
            part(
                5,
                None,
                0,
                &["u:FIRST", "a:reply 1", "u:second", "a:reply 2 ", "u:more"],
            ),
        ],
    );
}

pub fn a_text_is_found_in_what_was_said_before(engine: &dyn Engine) {
    let call = ToolCall {
        name: "find".to_owned(),
        arguments: r#"{"place": "Ålesund"}"#.to_owned(),
    };
    let of = |n: u32| {
        let mut record = Record {
            messages: Some(vec![message(&format!("turn {n}\nsaid \"{n}!\""))]),
            system: Some(format!("The clock says {n}.")),
            ..record(n)
        };
        let message = &mut record.messages.as_mut().unwrap()[0];
        message.thinking = Some(format!("thought {n}."));
        message.tool_calls = vec![call.clone(); usize::from(n == 3)];
        record
    };
    filled(engine, (0..20).map(of));
    for (text, expected) in [
        ("TURN 7\nsaid", vec![7]),
        ("said \"12!\"", vec![12]),
        ("thought 4.", vec![4]),
        ("\"place\": \"ÅLESUND", vec![3]),
        ("clock says 9.", vec![9]),
        ("tool_calls", vec![]),
        ("\"role\"", vec![]),
    ] {
        assert_eq!(
            newest(engine, &[("q", text)]),
            ids(expected.clone()),
            "{text}"
        );
        assert_eq!(
            newest(engine, &[("prompt_search", text)]),
            ids([]),
            "{text}"
        );
        assert_eq!(
            read_all(engine, &[("q", text)]).len(),
            expected.len(),
            "{text}"
        );
    }
}

pub fn a_conversation_is_put_together_of_the_records_that_have_its_parts(engine: &dyn Engine) {
    talk(engine);
    filled(
        engine,
        [
            part(6, Some(99), 7, &["u:late"]),
            part(7, Some(6), 12, &["u:later"]),
            // The request of an answer that was asked for again.
            part(8, Some(4), 5, &[]),
        ],
    );
    let turns = ["first", "reply 1", "second", "reply two", "third"];
    assert_eq!(shown(engine, 1), turns[..1]);
    assert_eq!(shown(engine, 2), turns[..3]);
    assert_eq!(shown(engine, 4), turns);
    assert_eq!(shown(engine, 8), turns);
    assert_eq!(shown(engine, 6), ["7 missing", "late"]);
    assert_eq!(shown(engine, 7), ["7 missing", "late", "4 bound", "later"]);
    let last = engine.get(&format!("{:016x}", 4)).unwrap().unwrap();
    assert_eq!(last.system, None);
    let whole = with_conversation(engine, last).unwrap();
    assert_eq!(whole.system.as_deref(), Some("Be brief."));
    let brief = engine.newest(&Query::default(), Detail::Brief).unwrap();
    assert!(
        brief
            .iter()
            .all(|record| record.messages.is_none() && record.system.is_none())
    );
}

/// For backends that delete.
pub fn what_a_deleted_record_said_is_in_no_later_one(engine: &dyn Engine) {
    talk(engine);
    let forget = |which: Selection| {
        let redaction = DoomedRecords::Selected(&which).redaction(&[engine]);
        redact(&redaction.unwrap(), &[engine]).unwrap();
        assert_eq!(engine.delete(&which).unwrap(), 1);
    };
    forget(Selection::Ids(ids([2])));
    // One is gone with its record, the other was changed by the client.
    assert_eq!(shown(engine, 4), ["3 missing", "0 deleted", "third"]);
    let rest = ["FIRST", "reply 1", "0 deleted", "0 deleted", "more"];
    assert_eq!(shown(engine, 5), rest);
    let first = ("end_time", &*format!("{}", record(1).timestamp));
    forget(Selection::Matching(Box::new(query(&[first]))));
    let rest = ["FIRST", "0 deleted", "0 deleted", "0 deleted", "more"];
    assert_eq!(shown(engine, 5), rest);
    assert_eq!(
        shown(engine, 3),
        ["first", "reply 1", "fourth"],
        "another's"
    );
    for text in ["second", "reply two", "reply 2"] {
        assert_eq!(newest(engine, &[("q", text)]), ids([]), "{text}");
    }
}

/// For backends that delete.
pub fn what_is_purged_by_time_is_in_no_later_record(engine: &dyn Engine) {
    talk(engine);
    let doomed = DoomedRecords::Before(Some(record(3).timestamp));
    redact(&doomed.redaction(&[engine]).unwrap(), &[engine]).unwrap();
    assert_eq!(doomed.delete(engine).unwrap(), 2);
    assert_eq!(shown(engine, 4), ["3 missing", "0 deleted", "third"]);
    let rest = ["FIRST", "0 deleted", "0 deleted", "0 deleted", "more"];
    assert_eq!(shown(engine, 5), rest);
    assert_eq!(
        shown(engine, 3),
        ["first", "reply 1", "fourth"],
        "another's"
    );
}
