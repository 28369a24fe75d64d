//! What `ollama-tap why` prints.

use super::*;
use crate::diagnose::Kind;
use crate::util::layout::columns;

fn group() -> groups::FindingGroup {
    groups::FindingGroup {
        hidden_until: None,
        key: "context_cut.middle.sure.qwen3:30b".to_owned(),
        kind: Kind::ContextCut,
        cause: "middle".to_owned(),
        certainty: Certainty::Sure,
        sentence: "half of the prompt was cut, ".repeat(8),
        way_out: "set num_ctx to 16384".to_owned(),
        model: "qwen3:30b".to_owned(),
        clients: ["a", "b", "c", "d", "e\u{1b}[31m"]
            .map(str::to_owned)
            .into(),
        requests: 1234,
        seconds_lost: 0.0,
        first: 1_795_079_822.0,
        last: 1_795_252_622.0,
        examples: vec!["00ff".to_owned()],
    }
}

fn origin() -> SourceInfo {
    SourceInfo {
        tap: None,
        backend: "jsonl".to_owned(),
        data_dir: Some("./history".to_owned()),
    }
}

#[test]
fn each_group_is_told_with_its_way_out_and_a_request_to_look_at() {
    let why = Why {
        start_time: Some(1_795_166_222.0),
        end_time: 1_795_252_622.0,
        requests: 12_345,
        findings: vec![group(), group()],
        hidden: 3,
    };
    let page = super::page(&origin(), &why, &Screen::default());
    for words in [
        "12,345 requests from 2026-11-",
        "read in ./history (jsonl)",
        "\n1. half of the prompt was cut",
        "\n2. half of the prompt was cut",
        "(sure)\n   -> set num_ctx to 16384\n",
        "1,234 requests of a, b, c, d and 1 more, the last of 2026-11-",
        "look at one: ollama-tap why 00ff\n",
        "hide it: ollama-tap why --hide context_cut.middle.sure.qwen3:30b\n",
        "\n3 more are hidden: ollama-tap why --all\n",
    ] {
        assert!(page.contains(words), "no {words:?} in\n{page}");
    }
    assert!(!page.contains('\u{1b}'), "{page:?}");
    for width in 20..200 {
        let screen = Screen {
            width: Some(width),
            has_color: false,
        };
        let page = super::page(&origin(), &why, &screen);
        let is_too_long = |line: &str| columns(line) > width;
        assert!(!page.lines().any(is_too_long), "{width}: {page}");
    }
}

#[test]
fn a_hidden_group_says_until_when_and_how_to_show_it_again() {
    let why = Why {
        findings: vec![groups::FindingGroup {
            hidden_until: Some(1_795_252_622.0),
            ..group()
        }],
        hidden: 1,
        ..Why::default()
    };
    let page = page(&origin(), &why, &Screen::default());
    let again = "show it again: ollama-tap why --days 0 --hide context_cut";
    assert!(page.contains("\n   hidden until 2026-11-"), "{page}");
    assert!(page.contains(again), "{page}");
    assert!(!page.contains("--all"), "{page}");
}

#[test]
fn a_time_without_findings_says_so() {
    let page = page(&origin(), &Why::default(), &Screen::default());
    assert!(
        page.contains("nothing was found") && !page.contains("1. "),
        "{page}"
    );
}
