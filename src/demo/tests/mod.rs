//! The stand-in against the recordings of a real Ollama, and against the part of the tap that reads replies.

/// The observer reads every reply.
mod observed;
/// Refusals, in the shape of the route.
mod refused;
/// Replies have the fields, types and events that recorded ones have.
mod shapes;

use std::time::{Duration, SystemTime};

use fastrand::Rng;

use super::dialect::{content_type, embeddings, stream, whole};
use super::error_reply::ErrorReply;
use super::generation::{Conditions, FinishReason, Generation};
use super::loaded_models::ModelTurn;
use super::prompt::{SeenPrompt, fit};
use super::request::{Action, PromptRequest};
use crate::http::route::Inference;
use crate::observe::RequestBody;
use crate::observe::tests::message::Message;
use crate::observe::tests::recorded::RecordedExchange;

const LOAD: Duration = Duration::from_millis(1500);

fn action(endpoint: Inference, body: &str) -> Result<Action, ErrorReply> {
    Action::read(
        endpoint,
        &RequestBody {
            bytes: body.as_bytes(),
            is_partial: false,
            encoding: None,
            content_type: None,
        },
    )
}

fn prompt_request(endpoint: Inference, body: &str) -> PromptRequest {
    match action(endpoint, body) {
        Ok(Action::Generate(request)) => request,
        Ok(_) => panic!("no question: {body}"),
        Err(refusal) => panic!("{body}: {refusal:?}"),
    }
}

fn seen_prompt(request: &PromptRequest) -> SeenPrompt {
    fit(request.endpoint, &request.body, request.context_length).expect("a prompt")
}

/// A model that has just been loaded.
fn conditions(prompt: &SeenPrompt) -> Conditions<'_> {
    Conditions {
        started_at: SystemTime::now(),
        turn: ModelTurn {
            load: LOAD,
            queue: Duration::ZERO,
            cached_tokens: 0,
            speed: 1.0,
        },
        prompt,
        speed_up: 1.0,
        may_crash: false,
    }
}

/// The plan of the first generator whose answer ends like this, after a few tokens.
fn plan(request: &PromptRequest, finish_reason: FinishReason) -> Generation {
    let prompt = seen_prompt(request);
    let conditions = Conditions {
        may_crash: finish_reason == FinishReason::Crash,
        ..conditions(&prompt)
    };
    let mut plans =
        (0..).map(|seed| Generation::plan(request, &conditions, &mut Rng::with_seed(seed)));
    plans
        .find(|generation| generation.finish_reason == finish_reason && generation.deltas.len() > 1)
        .expect("such an answer")
}

/// The body of the reply and its Content-Type.
fn reply(request: &PromptRequest, generation: &Generation) -> (String, &'static str) {
    let body = match request.stream {
        _ if request.endpoint.is_embedding() => embeddings::reply(request, LOAD, LOAD),
        true => stream(request, generation)
            .into_iter()
            .map(|chunk| chunk.text)
            .collect(),
        false => whole(request, generation),
    };
    (body, content_type(request.endpoint, request.stream))
}

/// An exchange as the observer's tests show it.
fn exchange(
    endpoint: Inference,
    request: &str,
    status: u16,
    (reply, kind): (String, &str),
) -> RecordedExchange {
    let headers = [("content-type".to_owned(), kind.to_owned())].into();
    RecordedExchange {
        name: endpoint.as_str().to_owned(),
        endpoint,
        request: Message {
            body: request.as_bytes().to_vec(),
            ..Message::default()
        },
        reply: Message {
            start: format!("HTTP/1.1 {status} X"),
            headers,
            body: reply.into_bytes(),
        },
    }
}

#[test]
fn a_native_request_with_nothing_to_answer_loads_or_unloads_its_model() {
    assert!(matches!(
        action(Inference::Generate, r#"{"model":"demo-chat"}"#),
        Ok(Action::Load(_))
    ));
    for none in ["0", "0.0", r#""0""#, r#""0s""#] {
        let body = format!(r#"{{"model":"demo-chat","messages":[],"keep_alive":{none}}}"#);
        assert!(
            matches!(action(Inference::Chat, &body), Ok(Action::Unload(_))),
            "{body}"
        );
    }
    for some in ["-1", "300", r#""5m""#, r#""s""#] {
        let body = format!(r#"{{"model":"demo-chat","keep_alive":{some}}}"#);
        assert!(
            matches!(action(Inference::Generate, &body), Ok(Action::Load(_))),
            "{body}"
        );
    }
}

#[test]
fn a_seed_makes_the_same_answer_again_and_a_crash_is_one_in_about_25() {
    let request = prompt_request(
        Inference::Generate,
        r#"{"model":"demo-chat","prompt":"Why?"}"#,
    );
    let prompt = seen_prompt(&request);
    let conditions = Conditions {
        may_crash: true,
        ..conditions(&prompt)
    };
    let plan = |seed| Generation::plan(&request, &conditions, &mut Rng::with_seed(seed));
    assert_eq!(plan(7).deltas, plan(7).deltas);
    let crashes = (0..1000)
        .filter(|seed| plan(*seed).finish_reason == FinishReason::Crash)
        .count();
    assert!((20..=60).contains(&crashes), "{crashes} of 1000");
}

#[test]
fn a_reply_takes_as_long_as_its_counters_say_and_no_chunk_comes_after_its_end() {
    for body in [
        r#"{"model":"demo-think","prompt":"Why?"}"#,
        r#"{"model":"demo-chat","prompt":"Why?","options":{"num_predict":5}}"#,
    ] {
        let request = prompt_request(Inference::Generate, body);
        let generation = plan(
            &request,
            if body.contains("5") {
                FinishReason::Length
            } else {
                FinishReason::Stop
            },
        );
        assert_eq!(
            generation.load + generation.prompt_eval + generation.eval(),
            generation.total()
        );
        let chunks = stream(&request, &generation);
        assert!(chunks.is_sorted_by_key(|chunk| chunk.delay) && chunks[0].delay > LOAD);
        assert_eq!(
            chunks.last().map(|chunk| chunk.delay),
            Some(generation.total())
        );
    }
}
