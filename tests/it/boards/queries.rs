//! The queries of a board and of the documents: where they stand, and what Grafana would put into them.

use serde_json::Value;

use super::{list, panels, variables, word};

/// A query, and where it stands.
#[derive(Clone, Debug)]
pub struct Query {
    pub place: String,
    pub text: String,
    /// Labels that its legend shows.
    pub legend: Vec<String>,
}

/// The queries of all panels of a board.
pub fn of_panels(board: &Value) -> Vec<Query> {
    let of_panel = |panel: &Value| {
        let query = |target: &Value| Query {
            place: format!("panel {} ({})", panel["id"], word(&panel["title"])),
            text: word(&target["expr"]).to_owned(),
            legend: between(word(&target["legendFormat"]), "{{", "}}"),
        };
        list(&panel["targets"])
            .iter()
            .map(query)
            .collect::<Vec<_>>()
    };
    panels(board).flat_map(of_panel).collect()
}

/// The series that the variables of a board take their choices from, each with the label that is chosen.
pub fn of_variables(board: &Value) -> Vec<Query> {
    let queries = variables(board).iter().filter_map(|variable| {
        let inner = word(&variable["query"]["query"])
            .strip_prefix("label_values(")?
            .strip_suffix(')')?;
        let (series, label) = inner
            .rsplit_once(", ")
            .expect("label_values(series, label)");
        Some(Query {
            place: format!("variable {}", variable["name"]),
            text: series.to_owned(),
            legend: vec![label.to_owned()],
        })
    });
    queries.collect()
}

/// The lines of PromQL in a document, without their comments.
pub fn of_document(name: &str, text: &str) -> Vec<Query> {
    let lines = between(text, "```promql\n", "```");
    let lines = lines
        .iter()
        .flat_map(|block| block.lines())
        .filter_map(|line| line.split("  #").next());
    let queries = lines
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    queries
        .map(|text| Query {
            place: name.to_owned(),
            text: text.to_owned(),
            legend: Vec::new(),
        })
        .collect()
}

/// Returns the texts between these two.
pub fn between(text: &str, start: &str, end: &str) -> Vec<String> {
    text.split(start)
        .skip(1)
        .filter_map(|part| Some(part.split_once(end)?.0.trim().to_owned()))
        .collect()
}

/// A query as Grafana sends it, with these values for its variables.
pub fn filled(text: &str, values: &[(&str, &str)]) -> String {
    let fill =
        |text: String, (name, value): &(&str, &str)| text.replace(&format!("${name}"), value);
    values.iter().fold(text.to_owned(), fill)
}

/// The variables that a text names, Grafana's own included.
pub fn named(text: &str) -> Vec<String> {
    let name = |part: &str| {
        part.chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    text.split('$').skip(1).map(name).collect()
}

/// The selectors in a PromQL expression on series of ours, of Prometheus's `up`, and of recording rules.
pub fn selectors(expression: &str) -> Vec<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(start) = rest.find(is_name) {
        rest = &rest[start..];
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let labels = if after.starts_with('{') {
            &after[..=after.find('}').expect("a selector that ends")]
        } else {
            ""
        };
        if name == "up"
            || name.contains(':')
            || name.starts_with("ollama_")
            || name.starts_with("process_")
        {
            found.push(format!("{name}{labels}"));
        }
        rest = &after[labels.len()..];
    }
    found
}

#[test]
fn a_selector_is_found_with_its_labels() {
    let expression = "sum by (job, le) (rate(ollama_requests_total{status=\"error\"}[5m])) / a:b:c > 0.1 or up == 0";
    assert_eq!(
        selectors(expression),
        ["ollama_requests_total{status=\"error\"}", "a:b:c", "up"]
    );
}

#[test]
fn a_line_of_promql_is_found_without_its_comment() {
    let text = "a\n```promql\n# why\nup\n\nsum(up)     # all\n```\nb\n```yaml\nno: query\n```\n";
    let found: Vec<String> = of_document("x", text)
        .into_iter()
        .map(|query| query.text)
        .collect();
    assert_eq!(found, ["up", "sum(up)"]);
}
