//! As much of LogQL as the tap and the recordings speak: a selector, line filters, a count. Anything else is an error, so that a
//! test notices when a question became another one.

use std::collections::BTreeMap;

pub type Labels = BTreeMap<String, String>;

/// `{a="b",c=~"d|e"} |= "f" |~ "(?i)g"`.
pub struct Query {
    matchers: Vec<(String, Test)>,
    filters: Vec<Test>,
}

enum Test {
    Is(String),
    /// One of these literal texts, as a whole.
    OneOf(Vec<String>),
    Contains(String),
    /// In any case.
    ContainsFolded(String),
}

impl Test {
    fn holds(&self, text: &str) -> bool {
        match self {
            Test::Is(wanted) => text == wanted,
            Test::OneOf(wanted) => wanted.iter().any(|wanted| wanted == text),
            Test::Contains(part) => text.contains(part),
            Test::ContainsFolded(part) => text.to_lowercase().contains(&part.to_lowercase()),
        }
    }
}

impl Query {
    pub fn parse(text: &str) -> Result<Query, String> {
        let mut parser = Parser { text, at: 0 };
        let query = parser.query()?;
        if parser.at < text.len() { Err(parser.unexpected("end")) } else { Ok(query) }
    }

    /// A label that a stream does not have is empty.
    pub fn selects(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|(name, test)| test.holds(labels.get(name).map_or("", String::as_str)))
    }

    pub fn finds(&self, line: &str) -> bool {
        self.filters.iter().all(|test| test.holds(line))
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
        let (by, rest) = match rest.strip_prefix(" by (").and_then(|rest| rest.split_once(") ")) {
            Some((names, rest)) => (names.split(", ").map(str::to_owned).collect(), rest),
            None => (Vec::new(), rest),
        };
        let inner = rest.strip_prefix("(count_over_time(").and_then(|rest| rest.strip_suffix("))")).ok_or_else(bad)?;
        let (query, range) = inner.strip_suffix(']').and_then(|inner| inner.rsplit_once('[')).ok_or_else(bad)?;
        Ok(Count { by, query: Query::parse(query)?, range: seconds(range).ok_or_else(bad)? })
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
        let mut query = Query { matchers: Vec::new(), filters: Vec::new() };
        self.expect("{")?;
        loop {
            let name = self.name();
            let is = self.operator(&["=~", "="])?;
            let value = self.string()?;
            query.matchers.push((name, if is == "=" { Test::Is(value) } else { Test::OneOf(alternatives(&value)?) }));
            if self.eat("}") {
                break;
            }
            if !self.eat(",") {
                return Err(self.unexpected("} or ,"));
            }
        }
        while self.eat(" ") {
            let contains = self.operator(&["|=", "|~"])?;
            self.expect(" ")?;
            let value = self.string()?;
            query.filters.push(if contains == "|=" { Test::Contains(value) } else { pattern(&value)? });
        }
        Ok(query)
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.text[self.at..].starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.eat(token) { Ok(()) } else { Err(self.unexpected(token)) }
    }

    fn operator<'a>(&mut self, operators: &[&'a str]) -> Result<&'a str, String> {
        operators.iter().find(|operator| self.eat(operator)).copied().ok_or_else(|| self.unexpected("an operator"))
    }

    fn name(&mut self) -> String {
        let name: String = self.text[self.at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        self.at += name.len();
        name
    }

    /// A string in double quotes with Go's escapes, or in back quotes with none.
    fn string(&mut self) -> Result<String, String> {
        if self.eat("`") {
            let (string, _) = self.text[self.at..].split_once('`').ok_or("literal not terminated")?;
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
        let number = self.text.get(self.at..self.at + digits).and_then(|number| u32::from_str_radix(number, 16).ok());
        self.at += digits;
        number.and_then(char::from_u32).ok_or_else(|| "invalid char escape".to_owned())
    }

    fn next(&mut self) -> Result<char, String> {
        let c = self.text[self.at..].chars().next().ok_or("literal not terminated")?;
        self.at += c.len_utf8();
        Ok(c)
    }

    /// In Loki's words.
    fn unexpected(&self, expected: &str) -> String {
        let rest = self.text[self.at..].chars().next().map_or("$end".to_owned(), String::from);
        format!("parse error at line 1, col {}: syntax error: unexpected {rest}, expecting {expected}", self.at + 1)
    }
}

/// A regular expression that is a literal text in any case.
fn pattern(pattern: &str) -> Result<Test, String> {
    let literal = pattern.strip_prefix("(?i)").ok_or_else(|| format!("the stand-in knows no such pattern: {pattern}"))?;
    match alternatives(literal)?.as_slice() {
        [literal] => Ok(Test::ContainsFolded(literal.clone())),
        _ => Err(format!("the stand-in knows no such pattern: {pattern}")),
    }
}

/// The literal texts between the bars of a regular expression.
fn alternatives(pattern: &str) -> Result<Vec<String>, String> {
    let mut texts = vec![String::new()];
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let literal = match c {
            '|' => {
                texts.push(String::new());
                continue;
            }
            '\\' => chars.next().filter(char::is_ascii_punctuation).ok_or("invalid escape sequence")?,
            c if ".+*?()[]{}^$".contains(c) => return Err(format!("the stand-in knows no such pattern: {pattern}")),
            c => c,
        };
        texts.last_mut().unwrap().push(literal);
    }
    Ok(texts)
}
