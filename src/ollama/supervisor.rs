//! A thread that keeps Ollama running, one run after the other.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, select};

use super::LaunchPlan;
use super::child::Child;
use super::output::LineSink;
use super::probe::HealthProbe;
use super::timing::{Timeouts, restart_backoff};
use crate::forward::readiness::Readiness;
use crate::http::address::Upstream;
use crate::metrics::Metrics;
use crate::ollama::port;
use crate::platform;
use crate::util::threads::lock;

/// The longest pause before a restart.
const RESTART_BACKOFF_MAX: Duration = Duration::from_secs(30);

/// The healthy time after which the backoff starts anew.
const BACKOFF_RESET: Duration = Duration::from_secs(60);

/// Keeps one Ollama running.
pub struct Supervisor {
    pub plan: LaunchPlan,
    pub readiness: Arc<Readiness>,
    pub metrics: Arc<Metrics>,
    pub stopped: Receiver<()>,
    /// Is told every line that Ollama writes.
    pub lines: LineSink,
    /// The reason of the last restart.
    pub failure: Arc<Mutex<Option<String>>>,
}

/// The end of a run.
enum RunEnd {
    /// The supervisor was told to stop it.
    Stopped,
    /// It failed, after being healthy for this long.
    Failed {
        reason: String,
        healthy_for: Duration,
    },
}

impl Supervisor {
    /// Starts Ollama, again and again, until it is told to stop.
    pub fn run(self) {
        if let Some(warning) = desktop_app_warning() {
            log::warn!("{warning}");
        }
        let mut backoff = Backoff::new(restart_backoff());
        loop {
            let end = self.run_once();
            self.readiness.set_unready();
            let RunEnd::Failed {
                reason,
                healthy_for,
            } = end
            else {
                return;
            };
            let pause = backoff.after(healthy_for);
            // Its last lines are lines of the log, too.
            for line in reason.lines() {
                log::warn!("{line}");
            }
            log::info!("starting ollama again in {:.1} s", pause.as_secs_f64());
            *lock(&self.failure) = Some(reason);
            if self.stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            self.metrics.count_backend_restart();
        }
    }

    fn run_once(&self) -> RunEnd {
        log::info!(
            "starting {} serve on 127.0.0.1:{}",
            self.plan.program.display(),
            self.plan.port
        );
        let timeouts = Timeouts::new();
        let started = Child::start(&self.plan, self.lines.clone()).and_then(|child| {
            Ok((
                child,
                HealthProbe::start(Upstream::loopback(self.plan.port), timeouts)?,
            ))
        });
        match started {
            Ok((child, probe)) => self.wait_for_end(child, &probe, timeouts),
            Err(cause) => RunEnd::Failed {
                reason: format!("start ollama: {cause}"),
                healthy_for: Duration::ZERO,
            },
        }
    }

    /// Waits for the end of a run, or for a reason to end it.
    fn wait_for_end(&self, child: Child, probe: &HealthProbe, timeouts: Timeouts) -> RunEnd {
        let mut liveness = Liveness {
            started: Instant::now(),
            ready: None,
            last_sign: Instant::now(),
        };
        let mut reason = loop {
            select! {
                recv(self.stopped) -> _ => {
                    child.stop();
                    return RunEnd::Stopped;
                }
                recv(child.exit) -> how => break exit_message(&how.unwrap_or_default()),
                recv(probe.results) -> answer => match answer {
                    Ok(true) => liveness.on_answer(&self.readiness),
                    Ok(false) => liveness.on_silence(&self.readiness),
                    Err(_) => break "ask ollama: the health probe has ended".to_owned(),
                },
                default(liveness.time_left(timeouts)) => {
                    liveness.on_silence(&self.readiness);
                    if liveness.time_left(timeouts).is_zero() {
                        break liveness.timeout_message();
                    }
                }
            }
        };
        self.readiness.set_unready();
        let last = child.kill();
        if let Some(trouble) = port::backend_port_error(self.plan.port) {
            reason += &format!("; {trouble}; stop it, or choose another port with --backend-port");
        }
        let healthy_for = liveness
            .ready
            .map_or(Duration::ZERO, |ready| ready.elapsed());
        RunEnd::Failed {
            reason: if last.is_empty() {
                reason
            } else {
                format!("{reason}; its last lines:{last}")
            },
            healthy_for,
        }
    }
}

fn exit_message(how: &str) -> String {
    let app = desktop_app_warning()
        .map(|app| format!("; {app}"))
        .unwrap_or_default();
    format!("ollama ended: {how}{app}")
}

/// The facts about one run of Ollama.
struct Liveness {
    started: Instant,
    /// The time of its first answer.
    ready: Option<Instant>,
    /// The time of its last sign of life.
    last_sign: Instant,
}

impl Liveness {
    fn on_answer(&mut self, readiness: &Readiness) {
        self.last_sign = Instant::now();
        if self.ready.is_none() {
            self.ready = Some(self.last_sign);
            readiness.set_ready();
            log::info!(
                "ollama answers, {:.1} s after its start",
                self.started.elapsed().as_secs_f64()
            );
        }
    }

    /// A probe without an answer is not a sign of death as long as clients get theirs.
    fn on_silence(&mut self, readiness: &Readiness) {
        if self.ready.is_some() && readiness.take_activity() {
            self.last_sign = Instant::now();
        }
    }

    /// Returns how much longer it may be silent.
    fn time_left(&self, timeouts: Timeouts) -> Duration {
        let patience = if self.ready.is_some() {
            timeouts.hang
        } else {
            timeouts.start
        };
        (self.last_sign + patience).saturating_duration_since(Instant::now())
    }

    fn timeout_message(&self) -> String {
        let seconds = self.last_sign.elapsed().as_secs_f64();
        match self.ready {
            Some(_) => {
                format!("ollama hangs: it has not answered for {seconds:.1} s, and was killed")
            }
            None => {
                format!("ollama did not answer within {seconds:.1} s of its start, and was killed")
            }
        }
    }
}

/// The desktop app starts a server of its own. When that finds the port taken, the app ends the others that its user may end.
fn desktop_app_warning() -> Option<&'static str> {
    platform::ollama::desktop_app_runs().then_some("the Ollama app runs, and ends any other `ollama serve` that it may: quit it, and keep it from starting at login")
}

/// The growing delay before the next restart.
struct Backoff {
    first: Duration,
    next: Duration,
}

impl Backoff {
    fn new(first: Duration) -> Backoff {
        Backoff { first, next: first }
    }

    /// Returns the pause after a run that was healthy for this long.
    fn after(&mut self, healthy_for: Duration) -> Duration {
        let pause = if healthy_for >= BACKOFF_RESET {
            self.first
        } else {
            self.next
        };
        self.next = (pause * 2).min(RESTART_BACKOFF_MAX);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(500);

    #[test]
    fn pauses_double_up_to_a_bound_and_begin_anew_after_a_minute_of_health() {
        let mut backoff = Backoff::new(FIRST);
        let seconds = |seconds: u64| Duration::from_secs(seconds);
        let pauses: Vec<f32> = (0..9)
            .map(|_| backoff.after(seconds(59)).as_secs_f32())
            .collect();
        assert_eq!(pauses, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]);
        assert_eq!(
            [backoff.after(seconds(60)), backoff.after(seconds(0))],
            [FIRST, FIRST * 2]
        );
    }

    #[test]
    fn a_silent_ollama_lives_as_long_as_its_clients_are_answered() {
        let timeouts = Timeouts {
            start: Duration::from_secs(300),
            hang: Duration::from_secs(60),
            probe_interval: Duration::from_secs(10),
        };
        let long_ago = Instant::now()
            .checked_sub(Duration::from_secs(100))
            .expect("a clock that ran for 100 s");
        let readiness = Readiness::managed();
        let mut liveness = Liveness {
            started: long_ago,
            ready: None,
            last_sign: long_ago,
        };
        assert!(
            liveness.time_left(timeouts) > Duration::from_secs(190),
            "a start may take long"
        );
        liveness.on_answer(&readiness);
        assert!(readiness.is_ready() && liveness.time_left(timeouts) > Duration::from_secs(50));
        liveness.last_sign = long_ago;
        liveness.on_silence(&readiness);
        assert!(
            liveness.time_left(timeouts).is_zero() && liveness.timeout_message().contains("hangs")
        );
        readiness.note_activity();
        liveness.on_silence(&readiness);
        assert!(!liveness.time_left(timeouts).is_zero());
    }
}
