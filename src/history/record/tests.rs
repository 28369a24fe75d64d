//! The fields of a record, and the text that it must not have.

use serde_json::json;

use super::*;
use crate::config::StoreText;
use crate::metrics::tests::chat;
use crate::observe::Exchange;

const SECRET: &str = "the secret word";

/// An exchange that is full of text.
fn talkative() -> Exchange {
    Exchange {
        prompt: Some(format!("{SECRET} {}", "é".repeat(200))),
        response: SECRET.to_owned(),
        thinking: SECRET.to_owned(),
        tool_calls: vec![ToolCall {
            name: "f".to_owned(),
            arguments: SECRET.to_owned(),
        }],
        error: Some(format!("cannot read \"{SECRET}\"")),
        ..chat()
    }
}

fn writer() -> TapIdentity {
    TapIdentity {
        host: "box".to_owned(),
        tap: 11434,
    }
}

#[test]
fn fields_are_those_of_the_contract_in_its_order() {
    let text = serde_json::to_string(&Record::default()).unwrap();
    let places: Vec<Option<usize>> = FIELDS
        .iter()
        .map(|name| text.find(&format!("\"{name}\":")))
        .collect();
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{text}"
    );
    assert_eq!(
        serde_json::to_value(Record::default())
            .unwrap()
            .as_object()
            .unwrap()
            .len(),
        FIELDS.len()
    );
}

#[test]
fn a_record_has_the_values_of_its_exchange() {
    let record = Record::new(talkative(), StoreText::Full, &writer());
    assert_eq!(record.prompt_full, talkative().prompt);
    assert_eq!(
        record
            .prompt_preview
            .as_ref()
            .map(|text| text.chars().count()),
        Some(PREVIEW_CHARS)
    );
    assert_eq!(
        (
            record.response_full.as_deref(),
            record.thinking_full.as_deref()
        ),
        (Some(SECRET), Some(SECRET))
    );
    assert_eq!(
        (
            record.timestamp,
            record.model.as_deref(),
            record.generated_tokens
        ),
        (0.0, Some("talk"), Some(33))
    );
    assert_eq!(record.tool_calls.map(|calls| calls.len()), Some(1));
}

#[test]
fn the_spelling_of_a_model_stands_beside_its_name() {
    let exchange = Exchange {
        model_sent: Some("TALK:latest".to_owned()),
        ..chat()
    };
    let record = Record::new(exchange, StoreText::None, &writer());
    assert_eq!(
        (record.model.as_deref(), &record.metadata[MODEL_SENT]),
        (Some("talk"), &json!("TALK:latest"))
    );
    assert_eq!(record.clone().folded(), record);
    assert!(
        Record::new(chat(), StoreText::Full, &writer())
            .metadata
            .get(MODEL_SENT)
            .is_none()
    );

    let old = |metadata: Value| {
        Record {
            model: Some("TALK:latest".to_owned()),
            metadata,
            ..Record::default()
        }
        .folded()
    };
    assert_eq!(
        old(json!({"client_ip": null})).metadata,
        json!({"client_ip": null, "model_sent": "TALK:latest"})
    );
    assert_eq!(
        (
            old(Value::Null).model.as_deref(),
            old(json!("text")).metadata
        ),
        (Some("talk"), json!("text"))
    );
    assert_eq!(Record::default().folded(), Record::default());
}

#[test]
fn what_is_unknown_is_null_and_never_an_empty_text() {
    let exchange = Exchange {
        response: String::new(),
        prompt: None,
        eval_duration: None,
        tokens_per_second: Some(f64::NAN),
        ..chat()
    };
    let record = Record::new(exchange, StoreText::Full, &writer());
    assert_eq!(
        (
            record.response_full,
            record.response_preview,
            record.prompt_full
        ),
        (None, None, None)
    );
    assert_eq!(
        (
            record.eval_duration_seconds,
            record.tokens_per_second,
            record.tool_calls
        ),
        (None, None, None)
    );
}

#[test]
fn text_that_may_not_be_kept_is_nowhere_in_the_record() {
    let none =
        serde_json::to_string(&Record::new(talkative(), StoreText::None, &writer())).unwrap();
    assert!(
        !none.contains("secret") && none.contains("cannot read"),
        "{none}"
    );
    for told in [
        "cannot process prompt: the secret word is x",
        "cannot process the Secret word",
        "it said: THE SECRET",
    ] {
        let exchange = Exchange {
            error: Some(told.to_owned()),
            ..talkative()
        };
        let error = Record::new(exchange, StoreText::None, &writer())
            .error
            .unwrap();
        assert!(
            told.starts_with(&error) && !error.to_lowercase().contains("secret"),
            "{error}"
        );
    }
    for (told, kept) in [
        (
            "model 'Claude:latest' not found",
            "model 'Claude:latest' not found",
        ),
        ("model 'other' not found", "model"),
        ("model \"claude\": it said", "model \"claude\""),
    ] {
        let exchange = Exchange {
            model: Some("claude".into()),
            error: Some(told.to_owned()),
            ..talkative()
        };
        let record = Record::new(exchange, StoreText::Preview, &writer());
        assert_eq!(record.error.as_deref(), Some(kept));
    }
    let preview = Record::new(talkative(), StoreText::Preview, &writer());
    assert_eq!(preview.searchable(), preview.prompt_preview.as_deref());
    assert!(preview.prompt_preview.is_some() && preview.response_preview.is_some());
    assert_eq!(
        (
            &preview.prompt_full,
            &preview.response_full,
            &preview.thinking_full,
            &preview.tool_calls
        ),
        (&None, &None, &None, &None)
    );
}

#[test]
fn a_line_of_the_seed_is_read_with_its_own_names() {
    let line = r#"{"interaction_id":"abc","timestamp":1.5,"model":"phi4","duration":2,"eval_duration":1.25,"load_duration":0.5,"extra":1}"#;
    let record: Record = serde_json::from_str(line).unwrap();
    let durations = (
        record.duration_seconds,
        record.eval_duration_seconds,
        record.load_duration_seconds,
    );
    assert_eq!(durations, (Some(2.0), Some(1.25), Some(0.5)));
    assert_eq!((record.prompt_tokens, record.status.as_str()), (None, ""));
}
