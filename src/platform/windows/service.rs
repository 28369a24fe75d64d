//! Our service at Windows' service control manager: registers, starts, stops, removes and queries it.

use super::event_log;
pub use super::service_life::{is_service, live_as_service, report_failure};
use crate::platform::service::{
    SERVICE, SERVICE_ACCOUNT, ServiceCall, ServiceEntry, ServiceManager as Manager, ServiceState,
};
use std::ffi::OsString;
use std::io;
use std::thread;
use std::time::{Duration, Instant};
use windows_service::service::{
    Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceErrorControl,
    ServiceFailureActions, ServiceFailureResetPeriod, ServiceInfo, ServiceStartType,
    ServiceState as Phase, ServiceStatus, ServiceType,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};
use windows_sys::Win32::Foundation::{
    CloseHandle, ERROR_INVALID_LEVEL, ERROR_INVALID_PARAMETER, ERROR_SERVICE_DOES_NOT_EXIST,
    ERROR_SERVICE_NOT_ACTIVE, WAIT_OBJECT_0,
};
use windows_sys::Win32::System::Threading::{
    OpenProcess, PROCESS_SYNCHRONIZE, WaitForSingleObject,
};

/// The service manager of this system; `None` where that is not known.
pub const SERVICE_MANAGER: Option<Manager> = Some(Manager::Windows);

const DISPLAY_NAME: &str = "Ollama Tap";

const DESCRIPTION: &str = "Answers where applications expect Ollama, passes everything on to it, and keeps metrics and a history.";

/// The delays before Windows restarts a service that has failed once, twice, and more often.
const RESTART_DELAYS: [Duration; 3] = [
    Duration::from_secs(5),
    Duration::from_secs(5),
    Duration::from_secs(60),
];

/// The time without a failure after which the next one counts as the first.
const FAILURE_RESET_TIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest time without news from a service that starts or stops before we give up on it.
const CONTROL_TIMEOUT: Duration = Duration::from_secs(40);

/// The time between two questions meanwhile.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

pub fn call_service(call: &ServiceCall) -> io::Result<()> {
    match call {
        ServiceCall::Register(entry) => register(entry),
        ServiceCall::Start => start(),
        ServiceCall::Stop => stop(),
        ServiceCall::Unregister => unregister(),
    }
}

/// Returns its state; `None` where it is not registered.
pub fn service_state() -> io::Result<Option<ServiceState>> {
    let Some(service) = open(ServiceAccess::QUERY_STATUS | ServiceAccess::QUERY_CONFIG)? else {
        return Ok(None);
    };
    let config = service.query_config().map_err(plain)?;
    let status = service.query_status().map_err(plain)?;
    let process = process_of(&status);
    let name = match status.current_state {
        _ if process.is_none() => "stopped",
        Phase::Stopped => "stopped",
        Phase::StartPending => "starting",
        Phase::StopPending => "stopping",
        Phase::Running => "running",
        Phase::ContinuePending | Phase::PausePending | Phase::Paused => "paused",
    };
    Ok(Some(ServiceState {
        name,
        is_running: status.current_state == Phase::Running && process.is_some(),
        command_line: config.executable_path.to_string_lossy().into_owned(),
        process,
    }))
}

/// Our service, if it is registered.
fn open(access: ServiceAccess) -> io::Result<Option<Service>> {
    match manager(ServiceManagerAccess::CONNECT)?
        .open_service(SERVICE, access)
        .map_err(plain)
    {
        Err(cause) if is(&cause, ERROR_SERVICE_DOES_NOT_EXIST) => Ok(None),
        opened => opened.map(Some),
    }
}

fn manager(access: ServiceManagerAccess) -> io::Result<ServiceManager> {
    ServiceManager::local_computer(None::<&str>, access).map_err(plain)
}

fn register(entry: &ServiceEntry) -> io::Result<()> {
    let access = ServiceAccess::CHANGE_CONFIG | ServiceAccess::START; // START, since Windows is told to restart it
    let service = match open(access)? {
        Some(service) => service.change_config(&info(entry)).map(|()| service),
        None => manager(ServiceManagerAccess::CREATE_SERVICE)?.create_service(&info(entry), access),
    };
    describe(&service.map_err(plain)?, entry)?;
    event_log::add_source()
}

fn unregister() -> io::Result<()> {
    if let Some(service) = open(ServiceAccess::DELETE)? {
        service.delete().map_err(plain)?;
    }
    event_log::remove_source()
}

fn info(entry: &ServiceEntry) -> ServiceInfo {
    ServiceInfo {
        name: SERVICE.into(),
        display_name: DISPLAY_NAME.into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        executable_path: entry.executable.clone(),
        launch_arguments: ["service", "run"].map(OsString::from).into(),
        dependencies: Vec::new(),
        account_name: Some(SERVICE_ACCOUNT.into()),
        account_password: None,
    }
}

/// Sets what Windows takes in further calls.
fn describe(service: &Service, entry: &ServiceEntry) -> io::Result<()> {
    let failures = ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(FAILURE_RESET_TIME),
        reboot_msg: None,
        command: None,
        actions: Some(RESTART_DELAYS.map(restart_after).into()),
    };
    if_known(service.set_description(DESCRIPTION))?;
    // A delayed service starts two minutes after the others: time for Ollama's app to take the port.
    if_known(service.set_delayed_auto_start(false))?;
    if_known(service.update_failure_actions(failures))?;
    if_known(service.set_failure_actions_on_non_crash_failures(true))?;
    if_known(service.set_preshutdown_timeout(entry.stop_time))
}

fn restart_after(delay: Duration) -> ServiceAction {
    ServiceAction {
        action_type: ServiceActionType::Restart,
        delay,
    }
}

/// Ignores a setting that the manager does not know; every Windows of today knows all of them, Wine 8 does not.
fn if_known(result: windows_service::Result<()>) -> io::Result<()> {
    match result.map_err(plain) {
        Err(cause) if is(&cause, ERROR_INVALID_LEVEL) => Ok(()),
        result => result,
    }
}

fn start() -> io::Result<()> {
    let service =
        open(ServiceAccess::START | ServiceAccess::QUERY_STATUS)?.ok_or_else(not_installed)?;
    service.start::<&str>(&[]).map_err(plain)?;
    match wait(&service, Phase::StartPending)?.current_state {
        Phase::Running => Ok(()),
        Phase::Stopped
        | Phase::StartPending
        | Phase::StopPending
        | Phase::ContinuePending
        | Phase::PausePending
        | Phase::Paused => Err(io::Error::other(
            "it ended at once; `ollama-tap service logs` shows why",
        )),
    }
}

fn stop() -> io::Result<()> {
    let Some(service) = open(ServiceAccess::STOP | ServiceAccess::QUERY_STATUS)? else {
        return Ok(());
    };
    let Some(process) = process_of(&service.query_status().map_err(plain)?) else {
        return Ok(());
    };
    match service.stop().map_err(plain) {
        Err(cause) if is(&cause, ERROR_SERVICE_NOT_ACTIVE) => return Ok(()),
        result => result?,
    };
    match wait(&service, Phase::StopPending)?.current_state {
        Phase::Stopped => wait_for_end(process),
        _ => Err(io::Error::other("it is still running")),
    }
}

/// Waits for the end of a process, before which its file cannot be replaced. A service has stopped a little earlier.
fn wait_for_end(process: u32) -> io::Result<()> {
    if has_ended(process, CONTROL_TIMEOUT) {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "its process {process} is still running"
        )))
    }
}

/// Returns the process of a service, while it lives: the manager may list a killed one for a while.
fn process_of(status: &ServiceStatus) -> Option<u32> {
    status
        .process_id
        .filter(|id| *id > 0 && !has_ended(*id, Duration::ZERO))
}

/// Returns whether a process has ended, or ends within this time. One that we may not ask about counts as alive.
fn has_ended(process: u32, time: Duration) -> bool {
    // SAFETY: takes no memory of ours.
    let handle = unsafe { OpenProcess(PROCESS_SYNCHRONIZE, 0, process) };
    if handle.is_null() {
        return is(&io::Error::last_os_error(), ERROR_INVALID_PARAMETER); // no process has this number
    }
    // SAFETY: opened above.
    let is_over = unsafe { WaitForSingleObject(handle, time.as_millis() as u32) } == WAIT_OBJECT_0;
    // SAFETY: opened above, and closed once.
    unsafe { CloseHandle(handle) };
    is_over
}

/// Waits as long as the service is in this phase and reports progress.
fn wait(service: &Service, phase: Phase) -> io::Result<ServiceStatus> {
    let mut progress = (0, Instant::now());
    loop {
        let status = service.query_status().map_err(plain)?;
        if status.current_state != phase {
            return Ok(status);
        }
        if status.checkpoint != progress.0 {
            progress = (status.checkpoint, Instant::now());
        }
        if progress.1.elapsed() > CONTROL_TIMEOUT {
            return Err(io::Error::other(format!(
                "no progress for {} s",
                CONTROL_TIMEOUT.as_secs()
            )));
        }
        thread::sleep(POLL_INTERVAL);
    }
}

fn not_installed() -> io::Error {
    io::Error::other("it is not installed; `ollama-tap service install` does it")
}

fn is(cause: &io::Error, code: u32) -> bool {
    cause.raw_os_error() == Some(code as i32)
}

/// Takes the system's own error out of the library's.
fn plain(error: windows_service::Error) -> io::Error {
    match error {
        windows_service::Error::Winapi(cause) => cause,
        other => io::Error::other(other),
    }
}
