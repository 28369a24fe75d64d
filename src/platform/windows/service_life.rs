//! The life of a process that Windows' service control manager has started: its reports to the manager, and the manager's controls.
//!
//! - starting: until `notify_ready`
//! - running: until the manager asks to stop, which is heard as Ctrl-C is in a console, or something fails
//! - stopping: told anew every second, so that the manager knows that it goes on, however long the grace is

use super::console;
use super::event_log::{self, Event};
use crate::platform::folders::service_logs;
use crate::platform::service::{SERVICE, SERVICE_LOG};
use std::ffi::OsString;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use windows_service::service::{
    ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState as Phase, ServiceStatus,
    ServiceType,
};
use windows_service::service_control_handler::{
    self, ServiceControlHandlerResult, ServiceStatusHandle,
};
use windows_service::{define_windows_service, service_dispatcher};
use windows_sys::Win32::Foundation::ERROR_FAILED_SERVICE_CONTROLLER_CONNECT;

/// The longest start between two reports (it waits for the history, which may be repaired first).
const START_HINT: Duration = Duration::from_secs(30);

/// While stopping, how often the manager is told, and how soon it may expect the next word.
const STOP_BEAT: Duration = Duration::from_secs(1);

const STOP_HINT: Duration = Duration::from_secs(10);

/// The state of the callback, to which Windows passes no argument of ours.
static LIFE: Mutex<Option<fn() -> u8>> = Mutex::new(None);

static REPORT: Mutex<Option<Report>> = Mutex::new(None);

/// The status that was reported last.
struct Report {
    handle: ServiceStatusHandle,
    phase: Phase,
    checkpoint: u32,
}

define_windows_service!(service_main, lead);

/// Runs `life`, whose exit code comes back, as the service that Windows has started this process for. `false` where it has not:
/// then nothing was run.
pub fn live_as_service(life: fn() -> u8) -> io::Result<bool> {
    *LIFE.lock().unwrap_or_else(PoisonError::into_inner) = Some(life);
    match service_dispatcher::start(SERVICE, service_main) {
        Ok(()) => Ok(true),
        Err(windows_service::Error::Winapi(cause))
            if cause.raw_os_error() == Some(ERROR_FAILED_SERVICE_CONTROLLER_CONNECT as i32) =>
        {
            Ok(false)
        }
        Err(windows_service::Error::Winapi(cause)) => Err(cause),
        Err(other) => Err(io::Error::other(other)),
    }
}

/// The main function of the service, which the manager calls on a thread of its own.
fn lead(_arguments: Vec<OsString>) {
    let Ok(handle) = service_control_handler::register(SERVICE, handle_control) else {
        return;
    };
    *report() = Some(Report {
        handle,
        phase: Phase::StartPending,
        checkpoint: 0,
    });
    console::become_service();
    report_status(Phase::StartPending, ServiceExitCode::NO_ERROR);
    let life = LIFE.lock().unwrap_or_else(PoisonError::into_inner).take();
    let code = life.map_or(0, |life| life());
    let code = if code == 0 {
        event_log::report(Event::Ended, "Ollama Tap has ended, as it was asked to");
        ServiceExitCode::NO_ERROR
    } else {
        ServiceExitCode::ServiceSpecific(code.into())
    };
    report_status(Phase::Stopped, code);
}

fn report() -> std::sync::MutexGuard<'static, Option<Report>> {
    REPORT.lock().unwrap_or_else(PoisonError::into_inner)
}

fn handle_control(control: ServiceControl) -> ServiceControlHandlerResult {
    match control {
        ServiceControl::Stop | ServiceControl::Preshutdown => {
            stopping();
            console::ask_to_stop();
            ServiceControlHandlerResult::NoError
        }
        ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
        _ => ServiceControlHandlerResult::NotImplemented,
    }
}

/// Returns whether the service manager has started this process.
pub fn is_service() -> bool {
    report().is_some()
}

/// Reports that the service runs.
pub fn ready() {
    if report_status(Phase::Running, ServiceExitCode::NO_ERROR) {
        let log = service_logs().join(SERVICE_LOG);
        let text = format!("Ollama Tap runs; its log is {}", log.display());
        event_log::report(Event::Running, &text);
    }
}

/// Tells administrators what needs one of them, if this process is the service.
pub fn report_failure(message: &str) {
    if is_service() {
        event_log::report(Event::Failure, message);
    }
}

/// Reports that the service stops, again and again until it has.
pub fn stopping() {
    let is_stopping = report()
        .as_ref()
        .is_none_or(|report| matches!(report.phase, Phase::StopPending | Phase::Stopped));
    report_status(Phase::StopPending, ServiceExitCode::NO_ERROR);
    if !is_stopping {
        // Without the thread, the manager hears nothing more before the end, and may take us for dead: no reason not to end well.
        let _ = thread::Builder::new().name("stopping".into()).spawn(|| {
            while report_status(Phase::StopPending, ServiceExitCode::NO_ERROR) {
                thread::sleep(STOP_BEAT);
            }
        });
    }
}

/// Reports a status to the manager, if there is one. Returns `false` for a late one: any after the end, or that it runs after
/// that it stops.
fn report_status(phase: Phase, exit_code: ServiceExitCode) -> bool {
    let mut report = report();
    let Some(report) = report.as_mut() else {
        return false;
    };
    let is_late = report.phase == Phase::Stopped
        || (report.phase == Phase::StopPending && phase == Phase::Running);
    if is_late {
        return false;
    }
    report.checkpoint = if report.phase == phase {
        report.checkpoint + 1
    } else {
        0
    };
    report.phase = phase;
    // Where the report fails, the manager asks again.
    let _ = report
        .handle
        .set_service_status(status(phase, report.checkpoint, exit_code));
    true
}

fn status(phase: Phase, checkpoint: u32, exit_code: ServiceExitCode) -> ServiceStatus {
    let (accepted, hint) = match phase {
        Phase::Running => (
            ServiceControlAccept::STOP | ServiceControlAccept::PRESHUTDOWN,
            Duration::ZERO,
        ),
        Phase::StartPending => (ServiceControlAccept::empty(), START_HINT),
        Phase::StopPending => (ServiceControlAccept::empty(), STOP_HINT),
        Phase::Stopped | Phase::ContinuePending | Phase::PausePending | Phase::Paused => {
            (ServiceControlAccept::empty(), Duration::ZERO)
        }
    };
    let checkpoint = if matches!(phase, Phase::StartPending | Phase::StopPending) {
        checkpoint
    } else {
        0
    };
    ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state: phase,
        controls_accepted: accepted,
        exit_code,
        checkpoint,
        wait_hint: hint,
        process_id: None,
    }
}
