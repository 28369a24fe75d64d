//! The stand-in against the recordings of a real Ollama, and against the part of the tap that reads replies.

/// What the observer makes of every reply.
mod observed;
/// Refusals, in the shape of the route.
mod refused;
/// Replies have the fields, types and events that recorded ones have.
mod shapes;

use std::time::{Duration, SystemTime};

use fastrand::Rng;

use super::answer::{Answer, Circumstances, End};
use super::dialect::{content_type, embeddings, stream, whole};
use super::refusal::Refusal;
use super::request::{Ask, Wish};
use crate::http::route::Inference;
use crate::observe::RequestBody;
use crate::observe::tests::message::Message;
use crate::observe::tests::recorded::Recorded;

const LOAD: Duration = Duration::from_millis(1500);

fn wish(endpoint: Inference, body: &str) -> Result<Wish, Refusal> {
    Wish::read(
        endpoint,
        &RequestBody {
            bytes: body.as_bytes(),
            cut: false,
            encoding: None,
            content_type: None,
        },
    )
}

fn ask(endpoint: Inference, body: &str) -> Ask {
    match wish(endpoint, body) {
        Ok(Wish::Answer(ask)) => ask,
        Ok(_) => panic!("no question: {body}"),
        Err(refusal) => panic!("{body}: {refusal:?}"),
    }
}

/// The plan of the first generator whose answer ends like this, after a few tokens.
fn plan(ask: &Ask, end: End) -> Answer {
    let circumstances = Circumstances {
        began: SystemTime::now(),
        load: LOAD,
        haste: 1.0,
        may_crash: end == End::Crash,
    };
    let mut plans = (0..).map(|seed| Answer::plan(ask, &circumstances, &mut Rng::with_seed(seed)));
    plans
        .find(|answer| answer.end == end && answer.deltas.len() > 1)
        .expect("such an answer")
}

/// The body of the reply and its Content-Type.
fn reply(ask: &Ask, answer: &Answer) -> (String, &'static str) {
    let body = match ask.stream {
        _ if ask.endpoint.is_embedding() => embeddings::reply(ask, LOAD, LOAD),
        true => stream(ask, answer)
            .into_iter()
            .map(|chunk| chunk.text)
            .collect(),
        false => whole(ask, answer),
    };
    (body, content_type(ask.endpoint, ask.stream))
}

/// An exchange as the observer's tests show it.
fn exchange(
    endpoint: Inference,
    request: &str,
    status: u16,
    (reply, kind): (String, &str),
) -> Recorded {
    let headers = [("content-type".to_owned(), kind.to_owned())].into();
    Recorded {
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
        wish(Inference::Generate, r#"{"model":"demo-chat"}"#),
        Ok(Wish::Load(_))
    ));
    for none in ["0", "0.0", r#""0""#, r#""0s""#] {
        let body = format!(r#"{{"model":"demo-chat","messages":[],"keep_alive":{none}}}"#);
        assert!(
            matches!(wish(Inference::Chat, &body), Ok(Wish::Unload(_))),
            "{body}"
        );
    }
    for some in ["-1", "300", r#""5m""#, r#""s""#] {
        let body = format!(r#"{{"model":"demo-chat","keep_alive":{some}}}"#);
        assert!(
            matches!(wish(Inference::Generate, &body), Ok(Wish::Load(_))),
            "{body}"
        );
    }
}

#[test]
fn a_seed_makes_the_same_answer_again_and_a_crash_is_one_in_about_25() {
    let ask = ask(
        Inference::Generate,
        r#"{"model":"demo-chat","prompt":"Why?"}"#,
    );
    let circumstances = Circumstances {
        began: SystemTime::now(),
        load: LOAD,
        haste: 1.0,
        may_crash: true,
    };
    let plan = |seed| Answer::plan(&ask, &circumstances, &mut Rng::with_seed(seed));
    assert_eq!(plan(7).deltas, plan(7).deltas);
    let crashes = (0..1000)
        .filter(|seed| plan(*seed).end == End::Crash)
        .count();
    assert!((20..=60).contains(&crashes), "{crashes} of 1000");
}

#[test]
fn a_reply_takes_as_long_as_its_counters_say_and_no_chunk_comes_after_its_end() {
    for body in [
        r#"{"model":"demo-think","prompt":"Why?"}"#,
        r#"{"model":"demo-chat","prompt":"Why?","options":{"num_predict":5}}"#,
    ] {
        let ask = ask(Inference::Generate, body);
        let answer = plan(
            &ask,
            if body.contains("5") {
                End::Length
            } else {
                End::Stop
            },
        );
        assert_eq!(
            answer.load + answer.prompt_eval + answer.eval(),
            answer.total()
        );
        let chunks = stream(&ask, &answer);
        assert!(chunks.is_sorted_by_key(|chunk| chunk.at) && chunks[0].at > LOAD);
        assert_eq!(chunks.last().map(|chunk| chunk.at), Some(answer.total()));
    }
}
