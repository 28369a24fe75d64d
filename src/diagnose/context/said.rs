//! SAID: the lines of Ollama's log, and of the runner's below it, that tell of a cut.

use crate::diagnose::finding::Certainty;

/// A line, and how sure it is that it is about the exchange beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    pub line: Line,
    pub certainty: Certainty,
}

/// What a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// The middle of a prompt was dropped.
    Truncating { prompt: u64, new: u64 },
    /// A reply went on after half of the context was thrown away.
    Shift,
    /// A prompt was refused.
    Refused { prompt: u64, context: u64 },
}

impl Line {
    /// Reads a line; `None` where it tells of none of these.
    pub fn read(line: &str) -> Option<Line> {
        if line.contains(r#"msg="truncating input prompt""#) {
            let (prompt, new) = (field(line, " prompt=")?, field(line, " new=")?);
            return Some(Line::Truncating { prompt, new });
        }
        if line.contains("slot context shift, n_keep = ") {
            return Some(Line::Shift);
        }
        let (prompt, context) = line
            .contains("send_error:")
            .then(|| exceeds(line))
            .flatten()?;
        Some(Line::Refused { prompt, context })
    }

    /// Whether the line can be about an exchange, by what its reply has told so far.
    pub fn fits(&self, reply: &crate::diagnose::seen::Reply) -> bool {
        match *self {
            Line::Truncating { new, .. } => reply.prompt_tokens.is_none_or(|count| count == new),
            Line::Shift => reply.error.is_none(),
            Line::Refused { prompt, context } => match reply.error.as_deref() {
                Some(error) => exceeds(error) == Some((prompt, context)),
                None => reply.prompt_tokens.is_none(),
            },
        }
    }
}

/// Whose line it is among the exchanges that are under way or have just ended: each that fits, as sure as it is the only one.
pub fn whose<'a>(
    line: Line,
    exchanges: impl Iterator<Item = &'a crate::diagnose::seen::Reply>,
) -> Vec<(usize, Said)> {
    let fitting: Vec<usize> = exchanges
        .enumerate()
        .filter(|(_, reply)| line.fits(reply))
        .map(|(at, _)| at)
        .collect();
    let certainty = if fitting.len() == 1 {
        Certainty::Sure
    } else {
        Certainty::Likely
    };
    fitting
        .into_iter()
        .map(|at| (at, Said { line, certainty }))
        .collect()
}

/// The numbers of `request (N tokens) exceeds the available context size (C tokens)`: prompt and context.
pub fn exceeds(text: &str) -> Option<(u64, u64)> {
    let (before, after) = text.split_once(" tokens) exceeds the available context size (")?;
    let digits = before.rsplit_once("request (")?.1;
    Some((digits.parse().ok()?, number(after)?))
}

/// The number behind `name`.
fn field(line: &str, name: &str) -> Option<u64> {
    number(line.split_once(name)?.1)
}

fn number(text: &str) -> Option<u64> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::seen::Reply;

    const WARN: &str = r#"level=WARN source=llama_server.go:317 msg="truncating input prompt" limit=514 prompt=1025 keep=4 new=514"#;

    #[test]
    fn lines_of_both_programs_are_read() {
        let rows = [
            (
                WARN,
                Some(Line::Truncating {
                    prompt: 1025,
                    new: 514,
                }),
            ),
            (
                "slot   operator(): id  0 | task 706 | slot context shift, n_keep = 4, n_left = 1019, n_discard = 509",
                Some(Line::Shift),
            ),
            (
                "srv    send_error: task id = 335, error: request (2558 tokens) exceeds the available context size (2048 tokens), try increasing it",
                Some(Line::Refused {
                    prompt: 2558,
                    context: 2048,
                }),
            ),
            (r#"level=WARN msg="truncating input prompt" limit=x"#, None),
            (
                "slot      release: id  0 | task 0 | stop processing: n_tokens = 731, truncated = 0",
                None,
            ),
            ("", None),
        ];
        for (line, read) in rows {
            assert_eq!(Line::read(line), read, "{line}");
        }
    }

    #[test]
    fn a_line_is_sure_only_where_one_exchange_alone_fits() {
        let line = Line::read(WARN).unwrap();
        let of = |count| Reply {
            prompt_tokens: count,
            ..Reply::default()
        };
        let replies = [of(Some(514)), of(Some(100)), of(None)];
        let certainties = |replies: &[Reply]| -> Vec<(usize, Certainty)> {
            let whose = whose(line, replies.iter());
            whose
                .into_iter()
                .map(|(at, said)| (at, said.certainty))
                .collect()
        };
        assert_eq!(certainties(&replies[..2]), [(0, Certainty::Sure)]);
        assert_eq!(
            certainties(&replies),
            [(0, Certainty::Likely), (2, Certainty::Likely)]
        );
        assert_eq!(certainties(&replies[1..2]), []);
    }
}
