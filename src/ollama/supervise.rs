//! SUPERVISE: one thread that keeps Ollama running, one run after the other.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, select};

use super::Plan;
use super::child::Child;
use super::health::Asker;
use crate::config::test_overrides;
use crate::forward::readiness::Readiness;
use crate::http::address::Upstream;
use crate::metrics::Metrics;
use crate::ollama::port;
use crate::platform;
use crate::util::threads::lock;

/// How long a start may take: a look for graphics processors takes up to 90 s, and there may be several.
const START: Duration = Duration::from_secs(300);
/// An Ollama that had answered and is silent for so long hangs.
const HANG: Duration = Duration::from_secs(60);
/// Between two questions whether it answers.
const LOOK: Duration = Duration::from_secs(10);
/// Before the first restart; each further one waits twice as long, up to `PAUSE_MAX`.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// After so long in health the next restart is a first one again.
const HEALTHY: Duration = Duration::from_secs(60);
/// What Ollama and its runners get to end by themselves; Ollama itself does at once.
const STOP: Duration = Duration::from_secs(5);

/// How patient we are.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    start: Duration,
    hang: Duration,
    pub look: Duration,
}

/// What Ollama and its runners get to end by themselves.
pub fn stop_grace() -> Duration {
    test_overrides::STOP_GRACE.duration_or(STOP)
}

pub struct Supervisor {
    pub plan: Plan,
    pub readiness: Arc<Readiness>,
    pub metrics: Arc<Metrics>,
    pub stopped: Receiver<()>,
    /// Why it had to be started again last.
    pub failure: Arc<Mutex<Option<String>>>,
}

/// Why a run is over.
enum Over {
    /// We were told to stop it.
    Told,
    /// It failed, after so long in health.
    Failed { why: String, health: Duration },
}

impl Supervisor {
    /// Starts Ollama, again and again, until it is told to stop.
    pub fn run(self) {
        the_app().iter().for_each(|app| log::warn!("{app}"));
        let mut backoff = Backoff::new(test_overrides::RESTART_BACKOFF.duration_or(PAUSE));
        loop {
            let over = self.run_once();
            self.readiness.set_unready();
            let Over::Failed { why, health } = over else {
                return;
            };
            let pause = backoff.after(health);
            // Its last lines are lines of the log, too.
            why.lines().for_each(|line| log::warn!("{line}"));
            log::info!("starting ollama again in {:.1} s", pause.as_secs_f64());
            *lock(&self.failure) = Some(why);
            if self.stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            self.metrics.count_backend_restart();
        }
    }

    fn run_once(&self) -> Over {
        log::info!(
            "starting {} serve on 127.0.0.1:{}",
            self.plan.program.display(),
            self.plan.port
        );
        let times = Times {
            start: test_overrides::START_TIMEOUT.duration_or(START),
            hang: test_overrides::HANG_TIMEOUT.duration_or(HANG),
            look: test_overrides::PROBE_INTERVAL.duration_or(LOOK),
        };
        let started = Child::start(&self.plan).and_then(|child| {
            Ok((
                child,
                Asker::start(Upstream::loopback(self.plan.port), times)?,
            ))
        });
        match started {
            Ok((child, asker)) => self.attend(child, &asker, times),
            Err(cause) => Over::Failed {
                why: format!("start ollama: {cause}"),
                health: Duration::ZERO,
            },
        }
    }

    /// Waits for the end of a run, or for a reason to end it.
    fn attend(&self, child: Child, asker: &Asker, times: Times) -> Over {
        let mut life = Life {
            started: Instant::now(),
            ready: None,
            sign: Instant::now(),
        };
        let mut why = loop {
            select! {
                recv(self.stopped) -> _ => {
                    child.stop();
                    return Over::Told;
                }
                recv(child.ended) -> how => break ended(&how.unwrap_or_default()),
                recv(asker.answers) -> answer => match answer {
                    Ok(true) => life.answered(&self.readiness),
                    Ok(false) => life.was_silent(&self.readiness),
                    Err(_) => break "ask ollama: nobody does any more".to_owned(),
                },
                default(life.left(times)) => {
                    life.was_silent(&self.readiness);
                    if life.left(times).is_zero() {
                        break life.silence();
                    }
                }
            }
        };
        self.readiness.set_unready();
        let last = child.kill();
        if let Some(trouble) = port::backend_trouble(self.plan.port) {
            why += &format!("; {trouble}; stop it, or choose another port with --backend-port");
        }
        let health = life.ready.map_or(Duration::ZERO, |ready| ready.elapsed());
        Over::Failed {
            why: if last.is_empty() {
                why
            } else {
                format!("{why}; its last lines:{last}")
            },
            health,
        }
    }
}

fn ended(how: &str) -> String {
    let app = the_app().map(|app| format!("; {app}")).unwrap_or_default();
    format!("ollama ended: {how}{app}")
}

/// What is known of a run.
struct Life {
    started: Instant,
    /// When it answered first.
    ready: Option<Instant>,
    /// When it gave the last sign of life.
    sign: Instant,
}

impl Life {
    fn answered(&mut self, readiness: &Readiness) {
        self.sign = Instant::now();
        if self.ready.is_none() {
            self.ready = Some(self.sign);
            readiness.set_ready();
            log::info!(
                "ollama answers, {:.1} s after its start",
                self.started.elapsed().as_secs_f64()
            );
        }
    }

    /// No answer is no sign of death as long as clients get theirs.
    fn was_silent(&mut self, readiness: &Readiness) {
        if self.ready.is_some() && readiness.take_activity() {
            self.sign = Instant::now();
        }
    }

    /// How much longer it may be silent.
    fn left(&self, times: Times) -> Duration {
        let patience = if self.ready.is_some() {
            times.hang
        } else {
            times.start
        };
        (self.sign + patience).saturating_duration_since(Instant::now())
    }

    fn silence(&self) -> String {
        let seconds = self.sign.elapsed().as_secs_f64();
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

/// The desktop app starts a server of its own, and kills every other one when it finds the port taken.
fn the_app() -> Option<&'static str> {
    platform::ollama::desktop_app_runs().then_some("the Ollama app kills every other `ollama serve`: quit it, and keep it from starting at login")
}

/// How long to wait before the next restart.
struct Backoff {
    first: Duration,
    next: Duration,
}

impl Backoff {
    fn new(first: Duration) -> Backoff {
        Backoff { first, next: first }
    }

    /// The pause after a run that was in health for so long.
    fn after(&mut self, health: Duration) -> Duration {
        let pause = if health >= HEALTHY {
            self.first
        } else {
            self.next
        };
        self.next = (pause * 2).min(PAUSE_MAX);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_begin_anew_after_a_minute_of_health() {
        let mut backoff = Backoff::new(PAUSE);
        let seconds = |seconds: u64| Duration::from_secs(seconds);
        let pauses: Vec<f32> = (0..9)
            .map(|_| backoff.after(seconds(59)).as_secs_f32())
            .collect();
        assert_eq!(pauses, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]);
        assert_eq!(
            [backoff.after(seconds(60)), backoff.after(seconds(0))],
            [PAUSE, PAUSE * 2]
        );
    }

    #[test]
    fn a_silent_ollama_lives_as_long_as_its_clients_are_answered() {
        let times = Times {
            start: Duration::from_secs(300),
            hang: Duration::from_secs(60),
            look: LOOK,
        };
        let long_ago = Instant::now()
            .checked_sub(Duration::from_secs(100))
            .expect("a clock that ran for 100 s");
        let readiness = Readiness::managed();
        let mut life = Life {
            started: long_ago,
            ready: None,
            sign: long_ago,
        };
        assert!(
            life.left(times) > Duration::from_secs(190),
            "a start may take long"
        );
        life.answered(&readiness);
        assert!(readiness.is_ready() && life.left(times) > Duration::from_secs(50));
        life.sign = long_ago;
        life.was_silent(&readiness);
        assert!(life.left(times).is_zero() && life.silence().contains("hangs"));
        readiness.note_activity();
        life.was_silent(&readiness);
        assert!(!life.left(times).is_zero());
    }
}
