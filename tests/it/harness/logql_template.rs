//! The part of Go's templates that the tap asks Loki to fill in.

use super::{Labels, Parser};

/// `text {{ .label }} {{ urlencode .label }} {{ printf "%.12s" .label | urlencode }} {{ __line__ }} {{ if contains "text" __line__ }}…{{ else }}…{{ end }}`.
pub struct Template(Vec<Part>);

enum Part {
    Text(String),
    Label(String),
    /// As Go's `url.QueryEscape` does it.
    Escaped(String),
    /// So many characters of it, the same way.
    Beginning(usize, String),
    Line,
    /// What is made of a line that has this text, and of any other.
    Choice(String, Template, Template),
}

impl Template {
    pub fn parse(text: &str) -> Result<Template, String> {
        let mut rest = text;
        let template = Template::part(&mut rest)?;
        if rest.is_empty() {
            Ok(template)
        } else {
            Err(format!("template: line:1: unexpected {rest}"))
        }
    }

    /// Up to the end, or to an `else` or `end`.
    fn part(rest: &mut &str) -> Result<Template, String> {
        let mut parts = Vec::new();
        while !rest.is_empty() {
            let (text, behind) = rest.split_once("{{").unwrap_or((rest, ""));
            if !text.is_empty() {
                parts.push(Part::Text(text.to_owned()));
            }
            let Some((action, behind)) = behind.split_once("}}") else {
                *rest = behind;
                continue;
            };
            if matches!(action.trim(), "else" | "end") {
                *rest = &rest[text.len()..];
                break;
            }
            *rest = behind;
            parts.push(Template::action(action.trim(), rest)?);
        }
        Ok(Template(parts))
    }

    fn action(action: &str, rest: &mut &str) -> Result<Part, String> {
        if let Some(condition) = action
            .strip_prefix("if contains ")
            .and_then(|rest| rest.strip_suffix(" __line__"))
        {
            let wanted = Parser {
                text: condition,
                at: 0,
            }
            .string()?;
            let then = Template::part(rest)?;
            take(rest, "{{ else }}")?;
            let otherwise = Template::part(rest)?;
            take(rest, "{{ end }}")?;
            return Ok(Part::Choice(wanted, then, otherwise));
        }
        if let Some((length, label)) = action
            .strip_prefix("printf \"%.")
            .and_then(|rest| rest.strip_suffix(" | urlencode"))
            .and_then(|rest| rest.split_once("s\" ."))
        {
            let length = length.parse().map_err(|_| action.to_owned())?;
            return Ok(Part::Beginning(length, label.to_owned()));
        }
        match (
            action,
            action.strip_prefix('.'),
            action.strip_prefix("urlencode ."),
        ) {
            ("__line__", ..) => Ok(Part::Line),
            (_, Some(label), _) => Ok(Part::Label(label.to_owned())),
            (_, _, Some(label)) => Ok(Part::Escaped(label.to_owned())),
            _ => Err(format!("the stand-in knows no such template: {action}")),
        }
    }

    pub fn filled(&self, labels: &Labels, line: &str) -> String {
        let label = |name: &String| labels.get(name).map_or("", String::as_str);
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Label(name) => label(name).to_owned(),
            Part::Escaped(name) => label(name).bytes().map(escaped).collect(),
            Part::Beginning(length, name) => {
                let beginning: String = label(name).chars().take(*length).collect();
                beginning.bytes().map(escaped).collect()
            }
            Part::Line => line.to_owned(),
            Part::Choice(wanted, then, _) if line.contains(wanted) => then.filled(labels, line),
            Part::Choice(.., otherwise) => otherwise.filled(labels, line),
        };
        self.0.iter().map(part).collect()
    }
}

fn take(rest: &mut &str, token: &str) -> Result<(), String> {
    *rest = rest
        .strip_prefix(token)
        .ok_or_else(|| format!("template: line:1: unexpected {rest}, expecting {token}"))?;
    Ok(())
}

fn escaped(byte: u8) -> String {
    match byte {
        b' ' => "+".to_owned(),
        byte if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    }
}
