//! The look of a board, as far as its file decides it: nothing overlaps, and everything says what it shows.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{BOARDS, board, list, opened, packaging, panels, queries, read, variables, word};
use crate::harness::require_python;

/// Columns of Grafana's grid.
const COLUMNS: u64 = 24;

/// The narrowest panel that is readable on a screen of 1,280 pixels (columns).
const NARROWEST: u64 = 4;

/// Variables that Grafana itself fills in.
const BUILT_IN: [&str; 5] = [
    "__rate_interval",
    "__range",
    "__interval",
    "__auto",
    "__all",
];

/// Asserts something of each panel of each board.
fn each_panel(assert: impl Fn(&str, &Value)) {
    for file in BOARDS {
        for panel in panels(&board(file)) {
            assert(
                &format!("{file}: panel {} ({})", panel["id"], word(&panel["title"])),
                panel,
            );
        }
    }
}

/// Columns and lines that a panel takes: from where, and to before where.
fn area(panel: &Value) -> [u64; 4] {
    let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| {
        panel["gridPos"][side]
            .as_u64()
            .expect("a place in the grid")
    });
    [x, y, x + w, y + h]
}

/// What a board shows at once: itself with its rows folded, and each folded row.
fn views(board: &Value) -> Vec<&[Value]> {
    let top = list(&board["panels"]);
    let folded = top.iter().map(|panel| list(&panel["panels"]));
    std::iter::once(top)
        .chain(folded.filter(|panels| !panels.is_empty()))
        .collect()
}

#[test]
fn every_row_but_the_overview_is_folded() {
    for file in BOARDS {
        let board = board(file);
        for row in list(&board["panels"])
            .iter()
            .filter(|panel| panel["type"] == "row")
        {
            let is_folded = word(&row["title"]) != "Overview";
            assert_eq!(row["collapsed"], is_folded, "{file}: {}", row["title"]);
            assert_eq!(!list(&row["panels"]).is_empty(), is_folded, "{file}");
        }
    }
}

#[test]
fn what_an_alert_is_about_leads_to_what_to_do() {
    let runbook = read("prometheus/README.md").to_lowercase();
    let metrics = board(BOARDS[0]);
    let links: Vec<&str> = panels(&metrics)
        .flat_map(|panel| list(&panel["links"]))
        .map(|link| word(&link["url"]))
        .collect();
    assert!(links.len() > 10, "{links:?}");
    for link in links {
        let (page, alert) = link.split_once('#').expect("an alert");
        assert!(page.ends_with("packaging/prometheus/README.md"), "{link}");
        assert!(runbook.contains(&format!("### {alert}\n")), "{link}");
    }
}

#[test]
fn panels_have_ids_of_their_own() {
    for file in BOARDS {
        let board = board(file);
        let ids: BTreeSet<u64> = opened(&board)
            .map(|panel| panel["id"].as_u64().expect("an id"))
            .collect();
        let all = opened(&board).count();
        assert_eq!(ids.len(), all, "{file}: an id is there twice");
    }
}

#[test]
fn panels_do_not_overlap() {
    for file in BOARDS {
        let board = board(file);
        for (n, panel, all) in views(&board).into_iter().flat_map(|all| {
            all.iter()
                .enumerate()
                .map(move |(n, panel)| (n, panel, all))
        }) {
            let [left, top, right, bottom] = area(panel);
            assert!(
                right <= COLUMNS && right - left >= NARROWEST && bottom > top,
                "{file}: {}",
                panel["title"]
            );
            for other in &all[..n] {
                let [x, y, end, below] = area(other);
                assert!(
                    right <= x || end <= left || bottom <= y || below <= top,
                    "{file}: {} overlaps {}",
                    panel["title"],
                    other["title"]
                );
            }
        }
    }
}

#[test]
fn rows_leave_no_hole() {
    for file in BOARDS {
        let board = board(file);
        for areas in views(&board)
            .iter()
            .map(|view| view.iter().map(area).collect::<Vec<_>>())
        {
            let first = areas.iter().map(|area| area[1]).min().expect("a panel");
            let end = areas.iter().map(|area| area[3]).max().expect("a panel");
            for line in first..end {
                let covered: u64 = areas
                    .iter()
                    .filter(|[_, top, _, bottom]| (*top..*bottom).contains(&line))
                    .map(|area| area[2] - area[0])
                    .sum();
                assert_eq!(covered, COLUMNS, "{file}: a hole in line {line}");
            }
        }
    }
}

#[test]
fn every_panel_says_what_it_shows_in_which_unit() {
    each_panel(|place, panel| {
        assert!(!word(&panel["title"]).is_empty(), "{place} has no title");
        assert!(
            word(&panel["description"]).ends_with(['.', ')']),
            "{place} has no description"
        );
        let has_unit =
            panel["type"] == "logs" || !word(&panel["fieldConfig"]["defaults"]["unit"]).is_empty();
        assert!(has_unit, "{place} has no unit");
        assert!(!list(&panel["targets"]).is_empty(), "{place} asks nothing");
    });
}

#[test]
fn every_panel_asks_the_data_source_that_was_chosen() {
    each_panel(|place, panel| {
        let targets = list(&panel["targets"]);
        for source in targets
            .iter()
            .map(|target| &target["datasource"])
            .chain([&panel["datasource"]])
        {
            assert_eq!(source["uid"], "${datasource}", "{place}");
        }
        let ids: BTreeSet<&str> = targets
            .iter()
            .map(|target| word(&target["refId"]))
            .collect();
        assert_eq!(ids.len(), targets.len(), "{place}: a refId is there twice");
    });
}

#[test]
fn every_variable_that_is_used_is_there_and_the_other_way_round() {
    for file in BOARDS {
        let board = board(file);
        let there: BTreeSet<String> = variables(&board)
            .iter()
            .map(|variable| word(&variable["name"]).to_owned())
            .collect();
        let texts = [queries::of_panels(&board), queries::of_variables(&board)].concat();
        let mut used: BTreeSet<String> = texts
            .iter()
            .flat_map(|query| queries::named(&query.text))
            .collect();
        used.retain(|name| !BUILT_IN.contains(&name.as_str()));
        used.insert("datasource".to_owned());
        assert_eq!(used, there, "{file}");
    }
}

#[test]
fn a_board_chooses_the_data_source_that_comes_with_it() {
    let sources = read("grafana/provisioning/datasources/datasources.yml");
    for file in BOARDS {
        let board = board(file);
        let source = variables(&board)
            .iter()
            .find(|variable| variable["type"] == "datasource")
            .expect("a data source");
        let (kind, uid) = (word(&source["query"]), word(&source["current"]["value"]));
        assert!(
            sources.contains(&format!("uid: {uid}\n    type: {kind}\n")),
            "{file}: {kind} {uid}"
        );
    }
}

#[test]
fn grafana_s_own_types_know_every_field_and_every_unit() {
    if !require_python(&["grafana_foundation_sdk"]) {
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/boards/grafana.py");
    let files = BOARDS.map(packaging);
    let output = Command::new("python3")
        .arg("-B")
        .arg(script)
        .args(files)
        .output()
        .expect("run python3");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
