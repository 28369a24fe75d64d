//! Parses /metrics, and matches its samples: `metric("name").label("k", "v").value(1.0).is_in(&scrape)`.

use std::collections::BTreeMap;
use std::fmt;

/// The samples of one answer, by series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scrape(BTreeMap<Series, f64>);

/// A sample's name and labels; histograms are their `_bucket`, `_sum` and `_count` samples.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    pub name: String,
    pub labels: BTreeMap<String, String>,
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}{:?}", self.name, self.labels)
    }
}

impl Scrape {
    /// Parses the text format; panics on what is none.
    pub fn parse(text: &str) -> Scrape {
        let samples = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        Scrape(samples.map(sample).collect())
    }

    pub fn samples(&self) -> impl Iterator<Item = (&Series, f64)> {
        self.0.iter().map(|(series, value)| (series, *value))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|series| series.name.as_str())
    }

    /// Returns the changes since `before`; a series that was absent counts from 0.
    pub fn since(&self, before: &Scrape) -> Scrape {
        let change = |(series, value): (&Series, &f64)| {
            (series.clone(), value - before.0.get(series).unwrap_or(&0.0))
        };
        Scrape(
            self.0
                .iter()
                .map(change)
                .filter(|(_, value)| *value != 0.0)
                .collect(),
        )
    }
}

fn sample(line: &str) -> (Series, f64) {
    let (series, value) = line
        .rsplit_once(' ')
        .unwrap_or_else(|| panic!("no sample: {line}"));
    let value = value
        .parse()
        .unwrap_or_else(|_| panic!("no number: {line}"));
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let labels = labels
        .strip_suffix('}')
        .unwrap_or_else(|| panic!("no labels: {line}"));
    (
        Series {
            name: name.to_owned(),
            labels: parse_labels(labels),
        },
        value,
    )
}

fn parse_labels(mut text: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    while let Some((name, rest)) = text.split_once("=\"") {
        let mut value = String::new();
        let mut chars = rest.char_indices();
        text = loop {
            match chars.next().expect("the end of a label") {
                (at, '"') => break rest[at + 1..].trim_start_matches(','),
                (_, '\\') => value.push(match chars.next() {
                    Some((_, 'n')) => '\n',
                    Some((_, other)) => other,
                    None => panic!("an escape cut short"),
                }),
                (_, other) => value.push(other),
            }
        };
        labels.insert(name.to_owned(), value);
    }
    labels
}

/// Starts a matcher for samples of that name.
pub fn metric(name: &str) -> Matcher {
    Matcher {
        name: name.to_owned(),
        labels: Vec::new(),
        value: None,
    }
}

/// A condition on samples; labels that are not named match anything.
#[derive(Clone, Debug)]
pub struct Matcher {
    name: String,
    labels: Vec<(String, String)>,
    value: Option<f64>,
}

impl Matcher {
    pub fn label(mut self, name: &str, value: &str) -> Matcher {
        self.labels.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn value(mut self, value: f64) -> Matcher {
        self.value = Some(value);
        self
    }

    pub fn is_in(&self, scrape: &Scrape) -> bool {
        self.matching(scrape)
            .any(|value| self.value.is_none_or(|wanted| wanted == value))
    }

    /// The sum of all samples that match, whatever `value` says.
    pub fn sum(&self, scrape: &Scrape) -> f64 {
        self.matching(scrape).sum()
    }

    fn matching<'a>(&'a self, scrape: &'a Scrape) -> impl Iterator<Item = f64> + 'a {
        let fits = |series: &Series| {
            series.name == self.name
                && self
                    .labels
                    .iter()
                    .all(|(name, value)| series.labels.get(name) == Some(value))
        };
        scrape
            .samples()
            .filter(move |(series, _)| fits(series))
            .map(|(_, value)| value)
    }
}
