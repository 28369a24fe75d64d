//! Bad replies, and good ones that look like them.

use super::*;

fn cause(answer: Answer<'_>) -> Option<String> {
    finding(&Answer {
        model: "m",
        ..answer.clone()
    })
    .map(|finding| finding.cause)
}

#[test]
fn thinking_without_an_answer_is_found_and_a_tool_call_is_an_answer() {
    let thought = Answer {
        thinking: "Hm.",
        response: "\n",
        ..Answer::default()
    };
    assert_eq!(
        cause(thought.clone()).as_deref(),
        Some("empty_after_thinking")
    );
    let limited = Answer {
        ended: ReplyEnd::Length,
        generated_tokens: Some(2048),
        ..thought.clone()
    };
    let told = finding(&limited).unwrap();
    assert_eq!(
        told.sentence,
        " thought for 2,048 tokens, until the limit of tokens ended it, and answered nothing"
    );
    assert_eq!(
        cause(Answer {
            arguments: vec!["{}"],
            ..thought.clone()
        }),
        None
    );
    assert_eq!(
        cause(Answer {
            response: "Yes.",
            ..thought.clone()
        }),
        None
    );
    assert_eq!(
        cause(Answer {
            thinking: "",
            ..thought.clone()
        }),
        None
    );
    assert_eq!(
        cause(Answer {
            ended: ReplyEnd::Broken,
            ..thought.clone()
        }),
        None
    );
}

#[test]
fn arguments_that_are_no_json_are_found() {
    let rows: [(&[&str], bool); 5] = [
        (&[r#"{"city":"Paris"}"#], false),
        (&["", "{}"], false),
        (&[r#"{"city":"Par"#], true),
        (&["{}", "city=Paris"], true),
        (&[], false),
    ];
    for (arguments, is_bad) in rows {
        let found = cause(Answer {
            arguments: arguments.to_vec(),
            ..Answer::default()
        });
        assert_eq!(
            found.as_deref(),
            is_bad.then_some("tool_call_not_json"),
            "{arguments:?}"
        );
    }
    let cut = Answer {
        arguments: vec!["{"],
        is_truncated: true,
        ..Answer::default()
    };
    assert_eq!(cause(cut), None);
}

#[test]
fn json_that_was_asked_for_is_json() {
    let asked = Answer {
        wants_json: true,
        ..Answer::default()
    };
    let rows = [
        (r#" {"a": [1, 2]} "#, false),
        ("null", false),
        ("Here it is: {}", true),
        ("```json\n{}\n```", true),
        (r#"{"a": 1"#, true),
        ("", true),
    ];
    for (response, is_bad) in rows {
        let found = cause(Answer {
            response,
            ..asked.clone()
        });
        assert_eq!(
            found.as_deref(),
            is_bad.then_some("reply_not_json"),
            "{response}"
        );
    }
    assert_eq!(
        cause(Answer {
            wants_json: false,
            response: "no",
            ..asked.clone()
        }),
        None
    );
    assert_eq!(
        cause(Answer {
            arguments: vec!["{}"],
            ..asked.clone()
        }),
        None
    );
    assert_eq!(
        cause(Answer {
            ended: ReplyEnd::Broken,
            ..asked.clone()
        }),
        None
    );
}

#[test]
fn a_reply_that_ends_by_length_is_none_by_itself() {
    let long = "Once there was a tap. ".repeat(3);
    let answer = Answer {
        response: &long,
        ended: ReplyEnd::Length,
        ..Answer::default()
    };
    assert_eq!(cause(answer.clone()), None);
}

#[test]
fn what_repeats_until_it_is_ended_is_found_and_what_stops_by_itself_is_not() {
    let text = format!("Well. {}", "I am a tap. ".repeat(200));
    let answer = Answer {
        response: &text,
        ended: ReplyEnd::Length,
        ..Answer::default()
    };
    assert_eq!(cause(answer.clone()).as_deref(), Some("repetition"));
    assert_eq!(
        cause(Answer {
            ended: ReplyEnd::Broken,
            ..answer.clone()
        })
        .as_deref(),
        Some("repetition")
    );
    assert_eq!(
        cause(Answer {
            ended: ReplyEnd::Stop,
            ..answer.clone()
        }),
        None
    );
    assert_eq!(
        cause(Answer {
            is_truncated: true,
            ..answer.clone()
        }),
        None
    );
}

#[test]
fn no_text_of_a_reply_is_told() {
    let secret = "s3cret ".repeat(300);
    let answers = [
        Answer {
            response: &secret,
            ended: ReplyEnd::Length,
            ..Answer::default()
        },
        Answer {
            thinking: &secret,
            ..Answer::default()
        },
        Answer {
            arguments: vec![&secret],
            ..Answer::default()
        },
        Answer {
            response: &secret,
            wants_json: true,
            ..Answer::default()
        },
    ];
    for answer in answers {
        let told = serde_json::to_string(&finding(&answer).unwrap()).unwrap();
        assert!(!told.contains("s3cret"), "{told}");
    }
}
