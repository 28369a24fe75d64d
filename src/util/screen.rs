//! SCREEN: how wide and how colourful an output may be.
//!
//! Every text that is painted had its control characters escaped before, so that the only sequences that a terminal gets are
//! ours.

use std::str::FromStr;
use std::sync::OnceLock;

use crate::platform::terminal::{self, Output};
use crate::util::layout;
use crate::util::sanitize::escape_control_chars;

/// What `--color` said; unset: auto.
static COLOR: OnceLock<ColorMode> = OnceLock::new();

/// Whether outputs are coloured: on terminals that want it, always or never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorMode {
    #[default]
    Auto,
    Always,
    Never,
}

impl ColorMode {
    /// The names of all, for messages.
    pub const NAMES: &str = "auto, always or never";
}

impl FromStr for ColorMode {
    type Err = ();

    fn from_str(name: &str) -> Result<ColorMode, ()> {
        match name.to_ascii_lowercase().as_str() {
            "auto" => Ok(ColorMode::Auto),
            "always" => Ok(ColorMode::Always),
            "never" => Ok(ColorMode::Never),
            _ => Err(()),
        }
    }
}

/// The meaning of a text, of which its look follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Plain,
    Heading,
    /// What matters less: ids, places, hints.
    Dim,
    Error,
    Warning,
    /// Text that was searched for.
    Match,
}

impl Style {
    /// The parameters of its sequence.
    fn parameters(self) -> Option<&'static str> {
        match self {
            Style::Plain => None,
            Style::Heading => Some("1"),
            Style::Dim => Some("2"),
            Style::Error => Some("31"),
            Style::Warning => Some("33"),
            Style::Match => Some("1;31"),
        }
    }
}

/// What an output can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Screen {
    /// Columns; `None`: lines of any length, as in a pipe.
    pub width: Option<usize>,
    pub has_color: bool,
}

/// Sets what `--color` said, once, for all outputs of this process.
pub fn set_color(mode: ColorMode) {
    _ = COLOR.set(mode);
}

impl Screen {
    pub fn stdout() -> Screen {
        Screen::of(Output::Stdout)
    }

    pub fn stderr() -> Screen {
        Screen::of(Output::Stderr)
    }

    fn of(output: Output) -> Screen {
        let get_env = |name: &str| std::env::var(name).ok();
        let columns = get_env("COLUMNS").and_then(|text| text.trim().parse().ok());
        let size = terminal::size(output).map(|(columns, _)| columns);
        let mode = COLOR.get().copied().unwrap_or_default();
        Screen {
            width: size.or(columns).filter(|columns| *columns > 0),
            has_color: wants_color(mode, &get_env, || terminal::shows_sequences(output)),
        }
    }

    /// Returns the text in this style, its control characters escaped.
    pub fn paint(&self, style: Style, text: &str) -> String {
        let text = escape_control_chars(text);
        match style
            .parameters()
            .filter(|_| self.has_color && !text.is_empty())
        {
            Some(parameters) => format!("\u{1b}[{parameters}m{text}\u{1b}[0m"),
            None => text.into_owned(),
        }
    }

    /// Returns the text in this style as lines that leave `indent` columns free; one line where there is no bound.
    pub fn wrap(&self, style: Style, text: &str, indent: usize) -> Vec<String> {
        let text = escape_control_chars(text);
        let lines = match self.width {
            Some(width) => layout::wrap(&text, width.saturating_sub(indent).max(1)),
            None => vec![text.into_owned()],
        };
        lines.iter().map(|line| self.paint(style, line)).collect()
    }

    /// Returns the text in this style as lines from the left, each ended by a line break.
    pub fn paragraph(&self, style: Style, text: &str) -> String {
        self.wrap(style, text, 0).join("\n") + "\n"
    }
}

/// Decides by the flag, then by the variables that programs agree on (<https://no-color.org>, <https://bixense.com/clicolors>), then by
/// whether the output is a terminal that shows colours. That is asked too where colours are forced: a console of Windows shows them only then.
fn wants_color(
    mode: ColorMode,
    get_env: &dyn Fn(&str) -> Option<String>,
    is_terminal: impl FnOnce() -> bool,
) -> bool {
    let is_terminal = is_terminal();
    let value = |name: &str| get_env(name).filter(|value| !value.is_empty());
    match mode {
        ColorMode::Always => true,
        ColorMode::Never => false,
        ColorMode::Auto if value("NO_COLOR").is_some() => false,
        ColorMode::Auto if value("CLICOLOR_FORCE").is_some_and(|force| force != "0") => true,
        ColorMode::Auto => {
            is_terminal
                && value("CLICOLOR").as_deref() != Some("0")
                && value("TERM").as_deref() != Some("dumb")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_follow_the_flag_then_the_variables_then_the_terminal() {
        use ColorMode::{Always, Auto, Never};
        for (mode, variables, is_terminal, expected) in [
            (Auto, &[][..], true, true),
            (Auto, &[], false, false),
            (Always, &[("NO_COLOR", "1"), ("TERM", "dumb")], false, true),
            (Never, &[("CLICOLOR_FORCE", "1")], true, false),
            (Auto, &[("NO_COLOR", "1")], true, false),
            (Auto, &[("NO_COLOR", "")], true, true),
            (Auto, &[("CLICOLOR", "0")], true, false),
            (Auto, &[("CLICOLOR", "1")], false, false),
            (Auto, &[("CLICOLOR_FORCE", "1")], false, true),
            (Auto, &[("CLICOLOR_FORCE", "0")], true, true),
            (
                Auto,
                &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")],
                true,
                false,
            ),
            (Auto, &[("TERM", "dumb")], true, false),
            (Auto, &[("TERM", "xterm-256color")], true, true),
        ] {
            let get = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            let decided = wants_color(mode, &get, || is_terminal);
            assert_eq!(decided, expected, "{mode:?} {variables:?} {is_terminal}");
        }
    }

    #[test]
    fn a_painted_text_controls_nothing_else() {
        let plain = Screen::default();
        let coloured = Screen {
            has_color: true,
            ..plain
        };
        let foreign = "a\u{1b}[2Jb";
        assert_eq!(plain.paint(Style::Error, foreign), r"a\u{1b}[2Jb");
        assert_eq!(
            coloured.paint(Style::Error, foreign),
            "\u{1b}[31ma\\u{1b}[2Jb\u{1b}[0m"
        );
        assert_eq!(coloured.paint(Style::Plain, "x"), "x");
        assert_eq!(coloured.paint(Style::Match, ""), "");
    }

    #[test]
    fn long_lines_are_wrapped_on_a_terminal_alone() {
        let narrow = Screen {
            width: Some(12),
            has_color: true,
        };
        let dim = |text: &str| format!("\u{1b}[2m{text}\u{1b}[0m");
        assert_eq!(
            narrow.wrap(Style::Dim, "read in /tmp", 4),
            [dim("read in"), dim("/tmp")]
        );
        assert_eq!(
            Screen::default().wrap(Style::Dim, "read in /tmp", 4),
            ["read in /tmp"]
        );
    }

    #[test]
    fn modes_have_names() {
        assert_eq!("Always".parse(), Ok(ColorMode::Always));
        assert_eq!(ColorMode::from_str("blue"), Err(()));
    }
}
