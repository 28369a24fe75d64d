//! Requests that are under way.

use super::*;

#[test]
fn a_reply_that_only_loads_a_model_moves_nothing_but_the_requests_under_way() {
    let metrics = metrics();
    let load = Exchange {
        load_only: true,
        parse_failures: 1,
        ..chat()
    };
    let active = |count| format!("ollama_active_requests{{model=\"other\"}} {count}");
    let under_way = |phase, count| {
        format!("ollama_requests_under_way{{model=\"other\",phase=\"{phase}\"}} {count}")
    };
    assert_eq!(
        changes(&metrics, |m| m
            .request_started(&load.interaction_id, Some("talk"))),
        [active(1), under_way("waiting", 1)]
    );
    assert_eq!(
        changes(&metrics, |m| m.reply_started(&load.interaction_id)),
        [under_way("answering", 1), under_way("waiting", 0)]
    );
    assert_eq!(
        changes(&metrics, |m| m.request_finished(&load)),
        [active(0), under_way("answering", 0)]
    );
}
