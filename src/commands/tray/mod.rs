//! `ollama-tap tray`: an icon that tells how the tap is, and a menu to manage it.
//!
//! - `status` decides what to show, `icon` draws it; the system's part is `platform::tray::Tray`
//! - it runs as the user who is logged on, so that the tap is asked over HTTP, and the service is started and stopped by a process
//!   that asks for an administrator's rights

mod icon;
mod status;

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::history::tap_client::TapClient;
use super::service::{own_log, public_listen};
use super::{discovery, env_var, report_bad_values};
use crate::cli::{LocationArgs, TrayArgs};
use crate::config::test_overrides;
use crate::config::{ENV_LISTEN, QueryConfig};
use crate::diagnose::groups::FindingGroup;
use crate::error::{Error, Result, failed};
use crate::history::record::now;
use crate::history::store::{Hidden, Query};
use crate::platform;
use crate::platform::tray::{Painter, Tray, TrayLook};
use crate::util::stderr;
use crate::util::threads::STACK;
use status::status;

/// The time between two questions to the tap.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// The time between two questions for findings, which may read much of a history.
const FINDINGS_INTERVAL: Duration = Duration::from_secs(60);

/// The hours whose findings are told.
const FINDINGS_HOURS: f64 = 1.0;

#[derive(Clone, Copy)]
enum MenuAction {
    Dashboard,
    CopyMetrics,
    /// The service, by this verb.
    Service(&'static str),
    Logs,
    Quit,
}

/// The menu; a line stands where there is nothing to choose.
const MENU: [(&str, Option<MenuAction>); 9] = [
    ("Open dashboard", Some(MenuAction::Dashboard)),
    ("Copy metrics address", Some(MenuAction::CopyMetrics)),
    ("", None),
    ("Start service", Some(MenuAction::Service("start"))),
    ("Stop service", Some(MenuAction::Service("stop"))),
    ("Restart service", Some(MenuAction::Service("restart"))),
    ("Show logs", Some(MenuAction::Logs)),
    ("", None),
    ("Quit", Some(MenuAction::Quit)),
];

pub fn run(args: &TrayArgs) -> Result<ExitCode> {
    if args.stop {
        return stop();
    }
    let config = query_config(args)?;
    let shown = if platform::tray::has_console() {
        start_apart()
    } else {
        show(config)
    };
    shown
        .map(|()| ExitCode::SUCCESS)
        .map_err(failed("show the icon"))
}

/// Ends the icon of this user; one that is not shown has ended.
fn stop() -> Result<ExitCode> {
    let was_shown = platform::tray::stop_tray().map_err(failed("end the icon"))?;
    stderr::say(if was_shown {
        "the icon has ended"
    } else {
        "no icon is shown"
    });
    Ok(ExitCode::SUCCESS)
}

/// Starts a process without a console, so that no window stays open and a terminal is free again.
fn start_apart() -> io::Result<()> {
    if platform::tray::claim_tray()?.is_none() {
        stderr::say("the icon is shown already");
        return Ok(());
    }
    platform::tray::start_without_console(std::env::args_os().skip(1))
}

/// Shows the icon until the user quits it; does nothing where it is shown already.
fn show(config: QueryConfig) -> io::Result<()> {
    let Some(claim) = platform::tray::claim_tray()? else {
        return Ok(());
    };
    let tray = Tray::new(&MENU.map(|(text, _)| text), render(None, None))?;
    claim.quit_when_asked()?;
    let painter = tray.painter();
    let config = Arc::new(config);
    let watched = config.clone();
    thread::Builder::new()
        .name("tap".into())
        .stack_size(STACK)
        .spawn(move || poll_tap(&watched, &painter))?;
    tray.run(|index| {
        MENU[index]
            .1
            .map_or(ControlFlow::Continue(()), |choice| perform(choice, &config))
    });
    Ok(())
}

/// Lists the addresses where the tap may be.
fn query_config(args: &TrayArgs) -> Result<QueryConfig> {
    let get = |name: &str| env_var(name).or_else(|| (name == ENV_LISTEN).then(public_listen)?);
    let config = report_bad_values(QueryConfig::resolve(
        LocationArgs::of_tap(&args.listen),
        &get,
    ))?;
    match config.likeliest() {
        Some(_) => Ok(config),
        None => Err(Error::Failed(
            "find the tap: no address is known; give --listen".to_owned(),
        )),
    }
}

/// Returns the address of its pages; without a tap, the likeliest address, of which a browser then says that nothing answers.
fn address(config: &QueryConfig) -> String {
    let running = discovery::discover(config).map(|found| found.tap.address().to_owned());
    running
        .or_else(|| config.likeliest().map(ToString::to_string))
        .unwrap_or_default()
}

/// Asks again and again, for as long as the process lives.
fn poll_tap(config: &QueryConfig, painter: &Painter) {
    let pause = test_overrides::POLL_INTERVAL.duration_or(POLL_INTERVAL);
    let mut worst = None;
    let mut asked: Option<Instant> = None;
    loop {
        let found = discovery::discover(config);
        let metrics = found
            .as_ref()
            .and_then(|found| found.tap.text("/metrics").ok());
        if asked.is_none_or(|asked| asked.elapsed() >= FINDINGS_INTERVAL) {
            worst = found.and_then(|found| worst_finding(&found.tap));
            asked = metrics.is_some().then(Instant::now);
        }
        painter.show(render(metrics.as_deref(), worst.as_ref()));
        thread::sleep(pause);
    }
}

/// Returns what cost most in the last hour, of what is not hidden; `None` without any, and from a
/// tap that tells none.
fn worst_finding(tap: &TapClient) -> Option<FindingGroup> {
    let query = Query::default().in_hours(FINDINGS_HOURS, now());
    let why = tap.why(&query, Hidden::LeftOut).ok()?;
    why.findings.into_iter().next()
}

/// Renders the icon and its text for these metrics, and what was found.
fn render(metrics: Option<&str>, worst: Option<&FindingGroup>) -> TrayLook {
    let status = status(metrics, worst);
    let side = platform::tray::tray_icon_side();
    TrayLook {
        pixels: icon::draw(status.state, side),
        side,
        tooltip: status.tooltip,
    }
}

/// Performs a choice from the menu; an error is shown in a window.
fn perform(choice: MenuAction, config: &QueryConfig) -> ControlFlow<()> {
    let done = match choice {
        MenuAction::Dashboard => {
            platform::tray::open(Path::new(&format!("{}/analytics", address(config))))
        }
        MenuAction::CopyMetrics => {
            platform::tray::copy_text(&format!("{}/metrics", address(config)))
        }
        MenuAction::Logs => platform::tray::open(&own_log()),
        MenuAction::Service(verb) => thread::Builder::new()
            .name("service".into())
            .spawn(move || manage(verb))
            .map(drop),
        MenuAction::Quit => return ControlFlow::Break(()),
    };
    done.unwrap_or_else(|cause| platform::tray::show_message(&cause.to_string()));
    ControlFlow::Continue(())
}

/// Starts or stops the service as an administrator, and waits until that is done.
fn manage(verb: &str) {
    let reason = match platform::tray::run_as_administrator(&["service", verb]) {
        Ok(0) => return,
        Ok(code) => format!("it ended with exit code {code}"),
        Err(cause) => cause.to_string(),
    };
    platform::tray::show_message(&format!(
        "{verb} the service: {reason}; see `ollama-tap service status`, and the log"
    ));
}
