//! The part of LogQL that the tap and the recordings use: a selector, stages that filter lines and change them, a count. Anything else
//! is an error, so that a test notices when a question became another one.

#[path = "logql_template.rs"]
mod template;

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use template::Template;

pub type Labels = BTreeMap<String, String>;

/// `{a="b",c=~"d|e"} |= "f" |~ "(?i)g" | json h="i" | h=~"j" or (h="" and k="l") | line_format "{{.h}}" | keep h`.
pub struct Query {
    matchers: Vec<Test>,
    stages: Vec<Stage>,
}

/// `name="value"`, or `name=~"pattern"`, which matches whole values.
struct Test {
    name: String,
    wanted: Wanted,
}

enum Wanted {
    Text(String),
    Pattern(Regex),
}

enum Stage {
    Contains(String),
    Matches(Regex),
    /// Labels from fields of a line of JSON.
    Json(Vec<(String, String)>),
    /// One test, or (if there are two more) both of these.
    Labels(Test, Option<(Test, Test)>),
    LineFormat(Template),
    Keep(Vec<String>),
}

impl Test {
    /// A label that is not there is empty.
    fn holds(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.name).map_or("", String::as_str);
        match &self.wanted {
            Wanted::Text(text) => value == text,
            Wanted::Pattern(pattern) => pattern.is_match(value),
        }
    }
}

impl Query {
    pub fn parse(text: &str) -> Result<Query, String> {
        let mut parser = Parser { text, at: 0 };
        let query = parser.query()?;
        if parser.at < text.len() {
            Err(parser.unexpected("end"))
        } else {
            Ok(query)
        }
    }

    pub fn selects(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|test| test.holds(labels))
    }

    pub fn finds(&self, labels: &Labels, line: &str) -> bool {
        self.stages.is_empty() || self.process(labels.clone(), line).is_some()
    }

    /// What the stages make of a line and its labels; `None`: it is not found.
    pub fn process(&self, mut labels: Labels, line: &str) -> Option<(Labels, String)> {
        let mut line = line.to_owned();
        for stage in &self.stages {
            let is_found = match stage {
                Stage::Contains(part) => line.contains(part),
                Stage::Matches(pattern) => pattern.is_match(&line),
                Stage::Labels(first, others) => {
                    first.holds(&labels)
                        || others
                            .as_ref()
                            .is_some_and(|(one, other)| one.holds(&labels) && other.holds(&labels))
                }
                Stage::Json(fields) => {
                    let object: Value = serde_json::from_str(&line).unwrap_or_default();
                    let field =
                        |path: &str| path.split('.').fold(&object, |value, name| &value[name]);
                    labels.extend(
                        fields
                            .iter()
                            .map(|(name, path)| (name.clone(), text(field(path)))),
                    );
                    true
                }
                Stage::LineFormat(template) => {
                    line = template.filled(&labels, &line);
                    true
                }
                Stage::Keep(names) => {
                    labels.retain(|name, value| names.contains(name) && !value.is_empty());
                    true
                }
            };
            if !is_found {
                return None;
            }
        }
        Some((labels, line))
    }
}

/// A field as a label.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.replace(char::REPLACEMENT_CHARACTER, " "),
        other => other.to_string(),
    }
}

/// `sum(count_over_time({…}[3600s]))`, or `sum by (a, b) (count_over_time({…}[1h]))`.
pub struct Count {
    pub by: Vec<String>,
    pub query: Query,
    /// Seconds.
    pub range: i64,
}

impl Count {
    pub fn parse(text: &str) -> Result<Count, String> {
        let bad = || format!("the stand-in knows no such question: {text}");
        let rest = text.strip_prefix("sum").ok_or_else(bad)?;
        let (by, rest) = match rest
            .strip_prefix(" by (")
            .and_then(|rest| rest.split_once(") "))
        {
            Some((names, rest)) => (names.split(", ").map(str::to_owned).collect(), rest),
            None => (Vec::new(), rest),
        };
        let inner = rest
            .strip_prefix("(count_over_time(")
            .and_then(|rest| rest.strip_suffix("))"))
            .ok_or_else(bad)?;
        let (query, range) = inner
            .strip_suffix(']')
            .and_then(|inner| inner.rsplit_once('['))
            .ok_or_else(bad)?;
        Ok(Count {
            by,
            query: Query::parse(query)?,
            range: seconds(range).ok_or_else(bad)?,
        })
    }
}

fn seconds(range: &str) -> Option<i64> {
    let unit = match range.chars().last()? {
        's' => 1,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    Some(range[..range.len() - 1].parse::<i64>().ok()? * unit)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn query(&mut self) -> Result<Query, String> {
        let mut query = Query {
            matchers: Vec::new(),
            stages: Vec::new(),
        };
        self.expect("{")?;
        loop {
            query.matchers.push(self.test()?);
            if self.eat("}") {
                break;
            }
            if !self.eat(",") {
                return Err(self.unexpected("} or ,"));
            }
        }
        while self.eat(" ") {
            let stage = self.stage()?;
            query.stages.push(stage);
        }
        Ok(query)
    }

    fn stage(&mut self) -> Result<Stage, String> {
        let operator =
            self.operator(&["|= ", "|~ ", "| json ", "| line_format ", "| keep ", "| "])?;
        Ok(match operator {
            "|= " => Stage::Contains(self.string()?),
            "|~ " => Stage::Matches(pattern(&self.string()?)?),
            "| json " => Stage::Json(self.list(|parser| {
                let name = parser.name();
                parser.expect("=")?;
                Ok((name, parser.string()?))
            })?),
            "| line_format " => Stage::LineFormat(Template::parse(&self.string()?)?),
            "| keep " => Stage::Keep(self.list(|parser| Ok(parser.name()))?),
            _ => {
                let first = self.test()?;
                let others = if self.eat(" or (") {
                    Some((self.test()?, self.and_test()?))
                } else {
                    None
                };
                Stage::Labels(first, others)
            }
        })
    }

    fn and_test(&mut self) -> Result<Test, String> {
        self.expect(" and ")?;
        let test = self.test()?;
        self.expect(")")?;
        Ok(test)
    }

    fn list<T>(&mut self, one: impl Fn(&mut Self) -> Result<T, String>) -> Result<Vec<T>, String> {
        let mut list = vec![one(self)?];
        while self.eat(", ") {
            list.push(one(self)?);
        }
        Ok(list)
    }

    fn test(&mut self) -> Result<Test, String> {
        let name = self.name();
        let is = self.operator(&["=~", "="])?;
        let value = self.string()?;
        let wanted = if is == "=" {
            Wanted::Text(value)
        } else {
            Wanted::Pattern(pattern(&format!("^(?s:{value})$"))?)
        };
        Ok(Test { name, wanted })
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.text[self.at..].starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.eat(token) {
            Ok(())
        } else {
            Err(self.unexpected(token))
        }
    }

    fn operator<'a>(&mut self, operators: &[&'a str]) -> Result<&'a str, String> {
        operators
            .iter()
            .find(|operator| self.eat(operator))
            .copied()
            .ok_or_else(|| self.unexpected("an operator"))
    }

    fn name(&mut self) -> String {
        let name: String = self.text[self.at..]
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect();
        self.at += name.len();
        name
    }

    /// A string in double quotes with Go's escapes, or in back quotes with none.
    fn string(&mut self) -> Result<String, String> {
        if self.eat("`") {
            let (string, _) = self.text[self.at..]
                .split_once('`')
                .ok_or("literal not terminated")?;
            self.at += string.len() + 1;
            return Ok(string.to_owned());
        }
        self.expect("\"")?;
        let mut string = String::new();
        loop {
            let c = self.next()?;
            match c {
                '"' => return Ok(string),
                '\\' => string.push(self.escape()?),
                '\n' | '\0' => return Err("literal not terminated".to_owned()),
                c => string.push(c),
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let digits = match self.next()? {
            c @ ('"' | '\\') => return Ok(c),
            'n' => return Ok('\n'),
            'u' => 4,
            'U' => 8,
            c => return Err(format!("invalid char escape {c}")),
        };
        let number = self
            .text
            .get(self.at..self.at + digits)
            .and_then(|number| u32::from_str_radix(number, 16).ok());
        self.at += digits;
        number
            .and_then(char::from_u32)
            .ok_or_else(|| "invalid char escape".to_owned())
    }

    fn next(&mut self) -> Result<char, String> {
        let c = self.text[self.at..]
            .chars()
            .next()
            .ok_or("literal not terminated")?;
        self.at += c.len_utf8();
        Ok(c)
    }

    /// In Loki's words.
    fn unexpected(&self, expected: &str) -> String {
        let rest = self.text[self.at..]
            .chars()
            .next()
            .map_or("$end".to_owned(), String::from);
        format!(
            "parse error at line 1, col {}: syntax error: unexpected {rest}, expecting {expected}",
            self.at + 1
        )
    }
}

fn pattern(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|cause| format!("error parsing regexp: {cause}"))
}
