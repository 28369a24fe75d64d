//! Recorded requests of a real Ollama through the executable: what it cut is found, and what it read whole raises nothing.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{TestHistory, wait_for_records};
use crate::harness::{FakeOllama, Proxy, metric};

/// A recorded request with its reply, and the label that says what became of it.
struct Case {
    name: String,
    label: Value,
    request: Vec<u8>,
    reply: Vec<u8>,
}

/// All cases of single requests and of chats that grow, by the context that they ran in, and by what had asked for it: of requests
/// that take turns with other options, as fast as here, nobody can say which context each had.
fn cases() -> BTreeMap<(u64, String), Vec<Case>> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/context");
    let mut by_context = BTreeMap::<_, Vec<Case>>::new();
    for folder in ["cuts", "conversations"] {
        let entries = fs::read_dir(data.join(folder)).expect("the recordings");
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|end| end == "json"));
        paths.sort();
        for path in paths {
            let label: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let case = Case {
                name: label["name"].to_string(),
                request: fs::read(path.with_extension("request")).unwrap(),
                reply: fs::read(path.with_extension("reply")).unwrap(),
                label,
            };
            let context = case.label["context"].as_u64().unwrap();
            let asked = case.label["context_from"].to_string();
            by_context.entry((context, asked)).or_default().push(case);
        }
    }
    by_context
}

/// An Ollama that has every model loaded with this context, and answers as recorded.
fn ollama(context: u64, cases: &[Case]) -> FakeOllama {
    let replies: VecDeque<Vec<u8>> = cases.iter().map(|case| case.reply.clone()).collect();
    let replies = Arc::new(Mutex::new(replies));
    let ollama = FakeOllama::start(move |conn| {
        let next = replies.lock().unwrap().pop_front();
        conn.answer(next.expect("a reply for each request"))
    });
    let models = cases.iter().map(|case| &case.label["model"]);
    let loaded = models.map(|model| json!({"name": model, "context_length": context, "size": 9}));
    let loaded: HashMap<String, Value> = loaded.map(|it| (it["name"].to_string(), it)).collect();
    let models: Vec<&Value> = loaded.values().collect();
    ollama.set(|state| state.ps = json!({ "models": models }).to_string());
    ollama
}

/// The records of these cases, in the order in which they were sent.
fn records(tap: &Proxy, cases: &[Case]) -> Vec<Value> {
    tap.scrape_until("the models", |scrape| {
        metric("ollama_model_loaded").value(1.0).is_in(scrape)
    });
    for case in cases {
        tap.ask("POST", &case.request);
    }
    wait_for_records(tap, cases.len() as u64);
    let lines = tap.get("/analytics/export?format=jsonl").text();
    let records: Result<Vec<Value>, _> = lines.lines().map(serde_json::from_str).collect();
    let mut records = records.expect("records");
    records.sort_by(|a, b| {
        a["timestamp"]
            .as_f64()
            .unwrap()
            .total_cmp(&b["timestamp"].as_f64().unwrap())
    });
    records
}

/// The certainty of what was found to be wrong with a prompt.
fn verdict(record: &Value) -> Option<&str> {
    let findings = record["findings"].as_array().expect("a list of findings");
    let mut cuts = findings
        .iter()
        .filter(|finding| finding["kind"] == "context_cut" && finding["cause"] != "reply");
    cuts.next()?["certainty"].as_str()
}

#[test]
fn recorded_cuts_are_found_and_whole_prompts_are_left_alone() {
    let (mut cut, mut sure, mut found) = (0, 0, 0);
    let (mut whole, mut wrongly) = (0, Vec::new());
    for ((context, _), cases) in cases() {
        let ollama = ollama(context, &cases);
        let history = TestHistory::new("jsonl");
        let tap = history.start(&ollama);
        for (case, record) in cases.iter().zip(records(&tap, &cases)) {
            let verdict = verdict(&record);
            if case.label["prompt_cut"] == true || case.label["refused"] == true {
                cut += 1;
                found += usize::from(verdict.is_some());
                sure += usize::from(verdict == Some("sure"));
            } else {
                whole += 1;
                wrongly.extend(verdict.map(|certainty| (certainty.to_owned(), case.name.clone())));
            }
        }
    }
    println!("{sure} of {cut} cuts are sure, {found} found; of {whole} whole: {wrongly:?}");
    assert!(wrongly.is_empty(), "{wrongly:?}");
    assert!(
        sure * 100 >= cut * 70 && found * 100 >= cut * 90,
        "{sure} and {found} of {cut}"
    );
}
