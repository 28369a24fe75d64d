//! What `top` shows, at every size.

use proptest::prelude::*;

use super::frame::{TopView, frame, text};
use super::snapshot::{ModelSeen, OllamaSeen, RequestSeen, Snapshot};
use crate::util::layout::columns;
use crate::util::screen::Screen;

const NOW: f64 = 1_795_252_622.0;

fn request(number: usize) -> RequestSeen {
    RequestSeen {
        id: format!("{number:016x}"),
        model: Some("hf.co/bartowski/Meta-Llama-3.1-8B-Instruct-GGUF:Q4_K_M".to_owned()),
        client: Some("open-webui".to_owned()),
        state: "answering".to_owned(),
        started: NOW - 12.3,
        tokens: 40 + number as u64,
        prompt: Some("why is the sky \u{1b}[31mblue?\n空は青い".to_owned()),
        ..RequestSeen::default()
    }
}

fn snapshot(requests: usize) -> Snapshot {
    Snapshot {
        now: NOW,
        ollama: OllamaSeen {
            is_up: true,
            version: Some("0.40.1".to_owned()),
            address: "http://localhost:11435".to_owned(),
            since: Some(NOW - 7500.0),
            error: None,
        },
        models: vec![ModelSeen {
            name: "qwen3:30b".to_owned(),
            size: 19_200_000_000,
            size_vram: 9_600_000_000,
            context_length: Some(8192),
            expires: Some(NOW + 252.0),
        }],
        requests: (0..requests).map(request).collect(),
        workers: 256,
        workers_busy: 3,
        queue_size: 1,
        dropped: 0,
        minute_requests: 12,
        minute_errors: 1,
        minute_tokens: 600,
    }
}

fn screen(width: usize) -> Screen {
    Screen {
        width: Some(width),
        has_color: false,
    }
}

fn view<'a>(now: &'a Snapshot, before: Option<&'a Snapshot>) -> TopView<'a> {
    TopView {
        tap: "http://127.0.0.1:11434",
        now: Some(now),
        before,
        ..TopView::default()
    }
}

#[test]
fn eighty_columns_and_twenty_four_lines_show_what_matters() {
    let before = Snapshot {
        now: NOW - 2.0,
        requests: vec![RequestSeen {
            tokens: 10,
            ..request(0)
        }],
        ..snapshot(0)
    };
    let now = snapshot(2);
    let shown = frame(&view(&now, Some(&before)), &screen(79), 24);
    assert_eq!((shown.lines.len(), shown.scrolled_max), (24, 0));
    let page = shown.lines.join("\n");
    for words in [
        "Ollama Tap at http://127.0.0.1:11434, 2026-11-",
        "Ollama 0.40.1 at http://localhost:11435, up for 2h 05m",
        "3 of 256 workers busy, 1 record to write",
        "last minute: 12 requests, 1 failed, 10.0 tokens/s",
        "2 requests under way",
        "  open-webui  answering  12.3 s      40      15.0",
        "  open-webui  answering  12.3 s      41         -",
        "1 model loaded",
        "qwen3:30b  19.2 GB    50.0%    8,192     4m 12s",
        "q quit  p pause",
    ] {
        assert!(page.contains(words), "no {words:?} in\n{page}");
    }
    assert!(!page.contains('\u{1b}'), "{page:?}");
}

#[test]
fn what_does_not_fit_can_be_scrolled_to() {
    let now = snapshot(40);
    let top = frame(&view(&now, None), &screen(100), 24);
    assert!(top.lines[23].contains("arrows scroll (0 above, 28 below)"));
    assert!(!top.lines.join("\n").contains("qwen3:30b"));
    let end = TopView {
        scrolled: 1000,
        ..view(&now, None)
    };
    let end = frame(&end, &screen(100), 24);
    assert!(end.lines[22].starts_with("qwen3:30b"), "{:?}", end.lines);
    assert!(end.lines[0].starts_with("Ollama Tap at"));
    assert_eq!(end.scrolled_max, 28);
}

#[test]
fn a_tap_that_does_not_answer_and_an_ollama_that_is_down_are_told() {
    let mut now = snapshot(0);
    now.ollama = OllamaSeen {
        is_up: false,
        version: None,
        error: Some("connection refused; start it with `ollama serve`".to_owned()),
        since: Some(NOW - 3.0),
        ..now.ollama
    };
    let view = TopView {
        trouble: Some("ask the tap at http://127.0.0.1:11434: connection refused"),
        is_paused: true,
        ..view(&now, None)
    };
    let page = frame(&view, &screen(100), 24).lines.join("\n");
    for words in [
        ", paused\n",
        "connection refused; asking again\n",
        "down for 3.00 s: connection refused; start it with `ollama serve`",
        "p go on",
    ] {
        assert!(page.contains(words), "no {words:?} in\n{page}");
    }
    let nothing = frame(&TopView::default(), &screen(100), 24);
    assert_eq!(nothing.lines.len(), 24);
}

#[test]
fn into_a_pipe_goes_all_of_it_uncut() {
    let now = snapshot(50);
    let page = text(&view(&now, None), &Screen::default());
    assert_eq!(
        page.matches("Meta-Llama-3.1-8B-Instruct-GGUF:Q4_K_M")
            .count(),
        50
    );
    assert!(
        page.ends_with("4m 12s\n") && !page.contains("q quit"),
        "{page}"
    );
    assert!(
        page.contains(r"why is the sky \u{1b}[31mblue?\n空は青い"),
        "{page}"
    );
}

proptest! {
    #[test]
    fn no_line_is_wider_than_the_screen_and_there_are_no_more_than_fit(
        width in 1usize..200,
        height in 1usize..60,
        requests in 0usize..30,
        scrolled in 0usize..50,
        has_trouble: bool,
    ) {
        let now = snapshot(requests);
        let view = TopView {
            scrolled,
            trouble: has_trouble.then_some("ask the tap: it does not answer"),
            ..view(&now, Some(&now))
        };
        let shown = frame(&view, &screen(width), height);
        prop_assert!(shown.lines.len() <= height, "{} of {height}", shown.lines.len());
        prop_assert!(shown.lines.iter().all(|line| columns(line) <= width), "{:?}", shown.lines);
    }
}
