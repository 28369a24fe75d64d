//! `top` on a terminal: a round each second, and keys at once.

use std::process::ExitCode;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, select, tick, unbounded};

use super::display::{Display, restore};
use super::frame::{TopFrame, TopView, frame};
use super::read;
use super::snapshot::Snapshot;
use crate::commands::history::tap_client::TapClient;
use crate::commands::{discovery, stop_signals};
use crate::config::QueryConfig;
use crate::error::{Result, failed};
use crate::platform::keyboard::{Keyboard, Keystroke};
use crate::platform::terminal::{self, Output};
use crate::util::screen::Screen;
use crate::util::threads::{self, STACK};

/// The time between two questions.
const ROUND: Duration = Duration::from_secs(1);

/// The size of a terminal that does not tell it.
const USUAL_SIZE: (usize, usize) = (80, 24);

/// The lines that Page Up and Page Down scroll.
const PAGE: usize = 10;

/// Something that happened.
enum TopEvent {
    Typed(Keystroke),
    /// Nothing more can be typed.
    InputEnded,
    /// What the tap at this address answered, or why it did not.
    Answered(String, Result<Box<Snapshot>>),
}

/// What follows from an event.
#[derive(Debug, PartialEq)]
enum Next {
    Draw,
    Suspend,
    End,
}

/// What is known, and what of it is looked at.
#[derive(Default)]
struct Live {
    tap: String,
    now: Option<Snapshot>,
    before: Option<Snapshot>,
    trouble: Option<String>,
    is_paused: bool,
    scrolled: usize,
    scrolled_max: usize,
}

pub fn run(tap: TapClient, config: QueryConfig, now: Snapshot) -> Result<ExitCode> {
    let stopped = stop_signals(restore)?;
    let (events, happened) = unbounded();
    let mut live = Live {
        tap: tap.address().to_owned(),
        now: Some(now),
        ..Live::default()
    };
    let mut display = Display::open().map_err(failed("use the terminal"))?;
    begin_threads(tap, config, events)?;
    show(&mut live, &mut display)?;
    while let Some(event) = next_event(&happened, &stopped) {
        match live.heed(event) {
            Next::Draw => {}
            Next::Suspend => display.suspend().map_err(failed("use the terminal"))?,
            Next::End => break,
        }
        show(&mut live, &mut display)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Waits for the next event; `None` when we are to end.
fn next_event(happened: &Receiver<TopEvent>, stopped: &Receiver<()>) -> Option<TopEvent> {
    select! {
        recv(happened) -> event => event.ok(),
        recv(stopped) -> _ => None,
    }
}

/// Starts the two that tell of events.
fn begin_threads(tap: TapClient, config: QueryConfig, events: Sender<TopEvent>) -> Result<()> {
    let mut keyboard = Keyboard::open().map_err(failed("read keys"))?;
    let typed = events.clone();
    let read_keys = move || {
        while let Ok(key) = keyboard.next() {
            _ = typed.send(TopEvent::Typed(key));
        }
        _ = typed.send(TopEvent::InputEnded);
    };
    threads::spawn("keys", STACK, read_keys).map_err(failed("start a thread"))?;
    let ask = move || ask_each_round(tap, &config, &events);
    threads::spawn("rounds", STACK, ask).map_err(failed("start a thread"))
}

/// Asks the tap each second; once it is gone, another one that is there instead, as after its restart.
fn ask_each_round(mut tap: TapClient, config: &QueryConfig, events: &Sender<TopEvent>) {
    for _ in tick(ROUND) {
        let answer = tap.active().and_then(|answer| read(&tap, &answer));
        let answer = answer.map(Box::new);
        let is_gone = answer.is_err();
        let event = TopEvent::Answered(tap.address().to_owned(), answer);
        if events.send(event).is_err() {
            return;
        }
        if is_gone && let Some(found) = discovery::discover(config) {
            tap = found.tap;
        }
    }
}

fn show(live: &mut Live, display: &mut Display) -> Result<()> {
    let (width, height) = terminal::size(Output::Stdout).unwrap_or(USUAL_SIZE);
    let screen = Screen {
        // Behind the last column some terminals clear that column with the rest of its line.
        width: Some(width.saturating_sub(1).max(1)),
        ..Screen::stdout()
    };
    let TopFrame {
        lines,
        scrolled_max,
    } = frame(&live.view(), &screen, height);
    live.scrolled_max = scrolled_max;
    live.scrolled = live.scrolled.min(scrolled_max);
    let drawn = display.draw(lines, (width, height));
    drawn.map_err(failed("write to the terminal"))
}

impl Live {
    fn view(&self) -> TopView<'_> {
        TopView {
            tap: &self.tap,
            now: self.now.as_ref(),
            before: self.before.as_ref(),
            trouble: self.trouble.as_deref(),
            is_paused: self.is_paused,
            scrolled: self.scrolled,
        }
    }

    fn heed(&mut self, event: TopEvent) -> Next {
        match event {
            TopEvent::Typed(key) => return self.heed_key(key),
            TopEvent::InputEnded => return Next::End,
            TopEvent::Answered(..) if self.is_paused => {}
            TopEvent::Answered(tap, Ok(now)) => {
                self.before = self.now.replace(*now);
                (self.tap, self.trouble) = (tap, None);
            }
            TopEvent::Answered(_, Err(error)) => self.trouble = Some(error.to_string()),
        }
        Next::Draw
    }

    fn heed_key(&mut self, key: Keystroke) -> Next {
        let scrolled = self.scrolled;
        match key {
            Keystroke::Letter('q' | 'Q') | Keystroke::Escape | Keystroke::Interrupt => {
                return Next::End;
            }
            Keystroke::Suspend => return Next::Suspend,
            Keystroke::Letter('p' | 'P') => self.is_paused = !self.is_paused,
            Keystroke::Up => self.scrolled = scrolled.saturating_sub(1),
            Keystroke::Down => self.scrolled = scrolled + 1,
            Keystroke::PageUp => self.scrolled = scrolled.saturating_sub(PAGE),
            Keystroke::PageDown => self.scrolled = scrolled + PAGE,
            Keystroke::Home => self.scrolled = 0,
            Keystroke::End => self.scrolled = self.scrolled_max,
            Keystroke::Letter(_) | Keystroke::Resized | Keystroke::Other => {}
        }
        self.scrolled = self.scrolled.min(self.scrolled_max);
        Next::Draw
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn answered(now: f64) -> TopEvent {
        let now = Snapshot {
            now,
            ..Snapshot::default()
        };
        TopEvent::Answered("http://tap".to_owned(), Ok(Box::new(now)))
    }

    fn times(live: &Live) -> [Option<f64>; 2] {
        [&live.before, &live.now].map(|seen| seen.as_ref().map(|seen| seen.now))
    }

    #[test]
    fn keys_end_it_pause_it_and_scroll_no_further_than_there_is() {
        let mut live = Live {
            scrolled_max: 12,
            ..Live::default()
        };
        for (key, scrolled) in [
            (Keystroke::Up, 0),
            (Keystroke::Down, 1),
            (Keystroke::PageDown, 11),
            (Keystroke::PageDown, 12),
            (Keystroke::PageUp, 2),
            (Keystroke::End, 12),
            (Keystroke::Letter('x'), 12),
            (Keystroke::Home, 0),
        ] {
            assert_eq!(live.heed(TopEvent::Typed(key)), Next::Draw);
            assert_eq!(live.scrolled, scrolled, "{key:?}");
        }
        for key in [
            Keystroke::Letter('q'),
            Keystroke::Escape,
            Keystroke::Interrupt,
        ] {
            assert_eq!(live.heed_key(key), Next::End);
        }
        assert_eq!(live.heed_key(Keystroke::Suspend), Next::Suspend);
        assert_eq!(live.heed(TopEvent::InputEnded), Next::End);
    }

    #[test]
    fn while_it_is_paused_nothing_moves() {
        let mut live = Live::default();
        live.heed(answered(1.0));
        live.heed_key(Keystroke::Letter('p'));
        live.heed(answered(2.0));
        assert_eq!(times(&live), [None, Some(1.0)]);
        live.heed_key(Keystroke::Letter('p'));
        live.heed(answered(3.0));
        assert_eq!(times(&live), [Some(1.0), Some(3.0)]);
    }

    #[test]
    fn a_tap_that_went_away_is_told_until_it_answers_again() {
        let mut live = Live::default();
        live.heed(answered(1.0));
        let error = Error::Failed("it refused".to_owned());
        live.heed(TopEvent::Answered("http://tap".to_owned(), Err(error)));
        assert_eq!(live.trouble.as_deref(), Some("it refused"));
        assert_eq!(times(&live), [None, Some(1.0)]);
        live.heed(answered(4.0));
        assert_eq!(live.trouble, None);
    }
}
