//! The tests that every backend must pass, with the same answers. A backend's own tests say
//! `suite!(fresh)`, where `fresh` is a function that makes a new, empty one; what it returns beside
//! the engine lives as long as the test does.

mod conversations;
mod extent;
mod filters;
mod filters_together;
mod lists;
mod reading;

pub use conversations::*;
pub use extent::*;
pub use filters::*;
pub use filters_together::*;
pub use lists::*;
pub use reading::*;
use serde_json::json;

use super::query::{Rank, Sort};
use super::*;
use crate::diagnose::{Certainty, Finding, Kind};
use crate::history::record::{ContextCut, Position, SecondsSpent};
use crate::observe::conversation::KeptMessage;
use crate::observe::exchange::ToolCall;

/// A moment in the middle of a day, everywhere, for records that must not cross midnight (Unix
/// seconds).
pub const NOON: f64 = 1_795_262_400.0;

/// A record with every field set, which arrived `n` seconds after `NOON`.
pub fn record(n: u32) -> Record {
    Record {
        interaction_id: format!("{n:016x}"),
        timestamp: NOON + f64::from(n) + 0.123456,
        model: Some(["llama3.2:latest", "phi4"][n as usize % 2].to_owned()),
        endpoint: ["api/chat", "api/generate", "v1/messages"][n as usize % 3].to_owned(),
        prompt_category: ["question", "other"][n as usize % 2].to_owned(),
        prompt_full: Some(format!("Why is the sky blue, number {n}?")),
        prompt_preview: Some(format!("Why is the sky blue, number {n}?")),
        prompt_tokens: Some(u64::from(n) + 1),
        generated_tokens: Some(33),
        tokens_per_second: Some(41.7),
        duration_seconds: Some(f64::from(n) / 10.0),
        eval_duration_seconds: Some(0.1),
        load_duration_seconds: Some(0.000_000_001),
        status: if n % 10 == 9 { "error" } else { "success" }.to_owned(),
        error: (n % 10 == 9).then(|| "ollama broke: connection reset".to_owned()),
        metadata: json!({"client_ip": "127.0.0.1", "user_agent": "curl/8.5", "queue_wait_seconds": 0.001}),
        response_full: Some("Because of Rayleigh scattering.".to_owned()),
        response_preview: Some("Because of Rayleigh scattering.".to_owned()),
        thinking_full: Some("Hmm.".to_owned()),
        tool_calls: Some(vec![ToolCall {
            name: "get_weather".to_owned(),
            arguments: r#"{"city":"Paris"}"#.to_owned(),
        }]),
        prompt_eval_duration_seconds: Some(0.02),
        total_duration_seconds: Some(1.5),
        time_to_first_token_seconds: Some(0.25),
        http_status: Some(200),
        stream: Some(true),
        done_reason: Some("stop".to_owned()),
        tokens_estimated: Some(false),
        request_bytes: Some(321),
        response_bytes: Some(4321),
        truncated: Some(false),
        prompt_cached_tokens: Some(u64::from(n)),
        host: Some(["box", "other"][n as usize % 4 / 2].to_owned()),
        tap: Some([11434, 8000][n as usize % 2]),
        context_length: Some(4096),
        num_ctx: Some(8192),
        parameters:
            json!({"num_ctx": 8192, "temperature": 0.2, "think": "low", "tools": ["get_weather"]})
                .as_object()
                .cloned(),
        context_cut: ContextCut::of(&[cut()]),
        reload_cause: Some("options".to_owned()),
        vram_share: Some(0.625),
        time_spent: Some(SecondsSpent {
            queue: 0.5,
            load: 0.000_000_001,
            prompt: 0.02,
            generation: 0.1,
            other: f64::from(n) / 10.0,
        }),
        ollama_version: Some(["0.33.3", "0.34.0"][n as usize % 2].to_owned()),
        digest: Some(format!("{:064x}", n % 2)),
        quantization: Some("Q4_K_M".to_owned()),
        client: Some("curl".to_owned()),
        session_id: Some(format!("chat {}", n % 3)),
        session_guessed: Some(n.is_multiple_of(3)),
        previous_id: n.checked_sub(3).map(|n| format!("{n:016x}")),
        system: Some("You are helpful.".to_owned()),
        messages: Some(vec![message(&format!("Why is the sky blue, number {n}?"))]),
        messages_from: Some(u64::from(n / 3)),
        findings: if n % 10 == 7 { vec![cut()] } else { Vec::new() },
    }
}

pub fn message(text: &str) -> KeptMessage {
    KeptMessage {
        role: "user".to_owned(),
        text: Some(text.to_owned()),
        ..KeptMessage::default()
    }
}

fn cut() -> Finding {
    Finding::new(Kind::ContextCut, Certainty::Sure, "middle")
        .sentence("half of it was cut")
        .way_out("set num_ctx")
        .field("lost_tokens", Some(12))
}

pub fn filled(engine: &dyn Engine, records: impl IntoIterator<Item = Record>) {
    let mut batch: Vec<Record> = records.into_iter().collect();
    assert_eq!(engine.write(&mut batch).unwrap(), 0);
    assert!(batch.is_empty());
}

pub fn query(pairs: &[(&str, &str)]) -> Query {
    Query::parse(pairs.iter().copied()).unwrap()
}

pub fn newest(engine: &dyn Engine, pairs: &[(&str, &str)]) -> Vec<String> {
    engine
        .newest(&query(pairs), Detail::Whole)
        .unwrap()
        .into_iter()
        .map(|record| record.interaction_id)
        .collect()
}

pub fn read_all(engine: &dyn Engine, pairs: &[(&str, &str)]) -> Vec<Record> {
    let mut records = Vec::new();
    let visit = &mut |record| {
        records.push(record);
        ControlFlow::Continue(())
    };
    engine.for_each(&query(pairs), visit).unwrap();
    records
}

fn ids(numbers: impl IntoIterator<Item = u32>) -> Vec<String> {
    numbers.into_iter().map(|n| format!("{n:016x}")).collect()
}

/// The suite as tests of one backend.
macro_rules! suite {
    ($fresh:path: $($check:ident)*) => {
        $(#[test]
        fn $check() {
            let (engine, _stage) = $fresh();
            $crate::history::store::suite::$check(&engine);
        })*
    };
    ($fresh:path) => {
        $crate::history::store::suite::suite! {
            $fresh:
            an_empty_one_answers_with_nothing
            what_was_written_is_read_back_unchanged
            the_newest_come_first_and_pages_follow_without_gaps
            each_filter_finds_what_it_says_and_all_together_too
            a_client_is_found_by_its_name_and_its_address
            a_conversation_is_found_by_its_id
            a_finding_is_found_by_its_kind_and_its_certainty
            a_model_is_found_by_any_spelling_whichever_is_stored
            any_text_is_kept_and_found_again
            a_text_is_found_in_the_prompt_the_reply_its_thinking_and_the_error
            a_text_is_found_in_what_was_said_before
            a_conversation_is_put_together_of_the_records_that_have_its_parts
            durations_and_tokens_are_bounded
            any_filters_together_find_what_each_of_them_lets_pass
            summaries_are_those_of_the_records
            a_reader_that_has_enough_stops_the_reading
            a_question_that_nobody_waits_for_ends_with_an_error
            long_records_come_whole_and_in_order_and_lists_leave_their_texts_out
            an_unknown_record_to_begin_before_is_named
            ids_are_found_by_their_beginning
            records_are_read_at_their_positions_and_in_their_order
            the_extent_counts_what_is_there
            writers_and_readers_do_not_disturb_each_other
        }
    };
}
pub(crate) use suite;
