//! The phase of an exchange with Ollama: decides whether more of the request is wanted, and whether its end can be trusted. Pure.
//!
//! | phase       | after                                          | rest of the body | end of the reply |
//! |-------------|------------------------------------------------|------------------|------------------|
//! | `Running`   | `begin`, `restart`                             | is sent          | is its end       |
//! | `Answered`  | a reply, or a failed write, before all was sent | is not wanted    | is its end       |
//! | `Broken`    | a failed read                                  | is not wanted    | is an error      |
//! | `Cancelled` | `cancel`                                       | is not wanted    | is an error      |
//!
//! Each phase gives way to those below it and to no other. Only the next exchange leads back to `Running`: from `Cancelled` that is
//! `begin`, unless the process is about to end.

/// The reason for cancelling a request while Ollama was working on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelReason {
    ClientGone,
    /// Somebody asked for it through the tap.
    Requested,
    Shutdown,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    #[default]
    Running,
    /// The reply has begun, or the connection has ended, before the body was sent.
    Answered,
    /// A read failed, which ureq takes for the end of a body that only the close delimits.
    Broken,
    Cancelled(CancelReason),
}

impl Phase {
    /// Begins a new exchange, which is not cancelled yet.
    pub(super) fn begin(&mut self) {
        if *self != Phase::Cancelled(CancelReason::Shutdown) {
            *self = Phase::Running;
        }
    }

    /// Begins the same exchange once more.
    pub(super) fn restart(&mut self) {
        if self.cancelled().is_none() {
            *self = Phase::Running;
        }
    }

    pub(super) fn answer(&mut self) {
        if *self == Phase::Running {
            *self = Phase::Answered;
        }
    }

    pub(super) fn break_off(&mut self) {
        if self.cancelled().is_none() {
            *self = Phase::Broken;
        }
    }

    /// Cancels the exchange. Only the first reason counts.
    pub(super) fn cancel(&mut self, reason: CancelReason) {
        if self.cancelled().is_none() {
            *self = Phase::Cancelled(reason);
        }
    }

    /// Returns whether the rest of the body is to be read and sent.
    pub(super) fn wants_body(self) -> bool {
        self == Phase::Running
    }

    /// Returns whether the end of the input is the end of the reply.
    pub(super) fn ends_cleanly(self) -> bool {
        matches!(self, Phase::Running | Phase::Answered)
    }

    pub(super) fn cancelled(self) -> Option<CancelReason> {
        match self {
            Phase::Cancelled(reason) => Some(reason),
            Phase::Running | Phase::Answered | Phase::Broken => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CancelReason::{ClientGone, Requested, Shutdown};
    use super::Phase::{Answered, Broken, Cancelled, Running};
    use super::*;

    const PHASES: [Phase; 6] = [
        Running,
        Answered,
        Broken,
        Cancelled(ClientGone),
        Cancelled(Requested),
        Cancelled(Shutdown),
    ];

    fn after(step: impl Fn(&mut Phase)) -> [Phase; 6] {
        PHASES.map(|mut phase| {
            step(&mut phase);
            phase
        })
    }

    #[test]
    fn a_phase_gives_way_only_to_those_below_it() {
        let [.., gone, asked, stopped] = PHASES;
        assert_eq!(
            after(Phase::answer),
            [Answered, Answered, Broken, gone, asked, stopped]
        );
        assert_eq!(
            after(Phase::break_off),
            [Broken, Broken, Broken, gone, asked, stopped]
        );
        assert_eq!(
            after(|phase| phase.cancel(ClientGone)),
            [gone, gone, gone, gone, asked, stopped]
        );
        assert_eq!(
            after(|phase| phase.cancel(Shutdown)),
            [stopped, stopped, stopped, gone, asked, stopped]
        );
    }

    #[test]
    fn only_a_new_exchange_resets_a_cancellation_and_not_after_a_shutdown() {
        let [.., gone, asked, stopped] = PHASES;
        assert_eq!(
            after(Phase::restart),
            [Running, Running, Running, gone, asked, stopped]
        );
        assert_eq!(
            after(Phase::begin),
            [Running, Running, Running, Running, Running, stopped]
        );
    }

    #[test]
    fn the_body_is_wanted_until_an_answer_and_a_broken_reply_does_not_end_cleanly() {
        assert_eq!(
            PHASES.map(Phase::wants_body),
            [true, false, false, false, false, false]
        );
        assert_eq!(
            PHASES.map(Phase::ends_cleanly),
            [true, true, false, false, false, false]
        );
        assert_eq!(
            PHASES.map(Phase::cancelled),
            [
                None,
                None,
                None,
                Some(ClientGone),
                Some(Requested),
                Some(Shutdown)
            ]
        );
    }
}
