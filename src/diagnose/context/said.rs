//! SAID: the lines of Ollama's log, and of the runner's below it, that tell of a cut.

use crate::diagnose::finding::Certainty;
use crate::diagnose::seen::Reply;

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

    /// Whether the line can be about an exchange, by what its reply has told so far: nothing, while it is under way.
    pub fn fits(&self, reply: &Reply) -> bool {
        match *self {
            Line::Truncating { new, .. } => {
                let told = reply.prompt_tokens.filter(|_| !reply.estimated);
                // What a client did wrong is refused before a prompt is made.
                let is_rejected = reply.status.is_some_and(|it| (400..500).contains(&it));
                told.map_or(!is_rejected, |count| count == new)
            }
            Line::Shift => reply.error.is_none(),
            Line::Refused { prompt, context } => match reply.error.as_deref() {
                Some(error) => exceeds(error) == Some((prompt, context)),
                None => reply.prompt_tokens.is_none(),
            },
        }
    }
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
    fn a_line_fits_only_replies_that_may_have_told_its_number() {
        let line = Line::read(WARN).unwrap();
        let of = |count: Option<u64>, status: Option<u16>| Reply {
            prompt_tokens: count,
            status,
            ..Reply::default()
        };
        assert!(line.fits(&of(Some(514), Some(200))) && line.fits(&of(None, Some(200))));
        assert!(line.fits(&of(None, None)), "it is under way");
        assert!(!line.fits(&of(Some(100), Some(200))) && !line.fits(&of(None, Some(404))));
        let estimated = Reply {
            estimated: true,
            ..of(Some(100), Some(200))
        };
        assert!(line.fits(&estimated), "Ollama has not counted it");
    }
}
