//! Our service as Windows' service control manager has it: registered, started, stopped, removed, asked.

pub use super::service_life::{is_service, live_as_service, log_target, log_to};
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

/// What starts services here; `None` where that is not known.
pub const SERVICE_MANAGER: Option<Manager> = Some(Manager::Windows);

const DISPLAY_NAME: &str = "Ollama Tap";

const DESCRIPTION: &str = "Answers where applications expect Ollama, passes everything on to it, and keeps metrics and a history.";

/// What Windows waits before it starts a service again that has failed once, twice, and more often.
const RESTARTS: [Duration; 3] = [
    Duration::from_secs(5),
    Duration::from_secs(5),
    Duration::from_secs(60),
];

/// After so long without a failure the next one counts as the first.
const FORGIVEN: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a service that starts or stops may tell nothing new before we give up on it.
const PATIENCE: Duration = Duration::from_secs(40);

/// How often it is asked meanwhile.
const PAUSE: Duration = Duration::from_millis(50);

pub fn call_service(call: &ServiceCall) -> io::Result<()> {
    match call {
        ServiceCall::Register(entry) => register(entry),
        ServiceCall::Start => start(),
        ServiceCall::Stop => stop(),
        ServiceCall::Unregister => match open(ServiceAccess::DELETE)? {
            Some(service) => service.delete().map_err(plain),
            None => Ok(()),
        },
    }
}

/// How it is; `None` where it is not registered.
pub fn service_state() -> io::Result<Option<ServiceState>> {
    let Some(service) = open(ServiceAccess::QUERY_STATUS)? else {
        return Ok(None);
    };
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
    let access = ServiceAccess::CHANGE_CONFIG | ServiceAccess::START; // the latter since Windows is told to start it again
    let service = match open(access)? {
        Some(service) => service.change_config(&info(entry)).map(|()| service),
        None => manager(ServiceManagerAccess::CREATE_SERVICE)?.create_service(&info(entry), access),
    };
    describe(&service.map_err(plain)?, entry)
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

/// What Windows takes in further calls.
fn describe(service: &Service, entry: &ServiceEntry) -> io::Result<()> {
    let restart = |delay| ServiceAction {
        action_type: ServiceActionType::Restart,
        delay,
    };
    let failures = ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(FORGIVEN),
        reboot_msg: None,
        command: None,
        actions: Some(RESTARTS.map(restart).into()),
    };
    if_known(service.set_description(DESCRIPTION))?;
    if_known(service.set_delayed_auto_start(true))?;
    if_known(service.update_failure_actions(failures))?;
    if_known(service.set_failure_actions_on_non_crash_failures(true))?;
    if_known(service.set_preshutdown_timeout(entry.stop_time))
}

/// A manager may not know what others of its kind know; every Windows of today knows all of it, Wine 8 does not.
fn if_known(told: windows_service::Result<()>) -> io::Result<()> {
    match told.map_err(plain) {
        Err(cause) if is(&cause, ERROR_INVALID_LEVEL) => Ok(()),
        told => told,
    }
}

fn start() -> io::Result<()> {
    let service =
        open(ServiceAccess::START | ServiceAccess::QUERY_STATUS)?.ok_or_else(not_installed)?;
    service.start::<&str>(&[]).map_err(plain)?;
    match wait(&service, Phase::StartPending)?.current_state {
        Phase::Running => Ok(()),
        _ => Err(io::Error::other(
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
        told => told?,
    };
    match wait(&service, Phase::StopPending)?.current_state {
        Phase::Stopped => wait_for_end(process),
        _ => Err(io::Error::other("it goes on running")),
    }
}

/// Waits for the end of a process, before which its file cannot be replaced. A service has stopped a little earlier.
fn wait_for_end(process: u32) -> io::Result<()> {
    if has_ended(process, PATIENCE) {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "its process {process} goes on running"
        )))
    }
}

/// The process of a service, while it lives: one that was killed may be on the books for a while.
fn process_of(status: &ServiceStatus) -> Option<u32> {
    status
        .process_id
        .filter(|id| *id > 0 && !has_ended(*id, Duration::ZERO))
}

/// Whether a process has ended, or does within this time. One that we may not ask about lives.
fn has_ended(process: u32, time: Duration) -> bool {
    // SAFETY: takes no memory of ours.
    let handle = unsafe { OpenProcess(PROCESS_SYNCHRONIZE, 0, process) };
    if handle.is_null() {
        return is(&io::Error::last_os_error(), ERROR_INVALID_PARAMETER); // Windows' word for a number that no process has
    }
    // SAFETY: opened above.
    let is_over = unsafe { WaitForSingleObject(handle, time.as_millis() as u32) } == WAIT_OBJECT_0;
    // SAFETY: opened above, and closed once.
    unsafe { CloseHandle(handle) };
    is_over
}

/// Waits as long as the service is in this phase and tells something new now and again.
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
        if progress.1.elapsed() > PATIENCE {
            return Err(io::Error::other(format!(
                "nothing new for {} s",
                PATIENCE.as_secs()
            )));
        }
        thread::sleep(PAUSE);
    }
}

fn not_installed() -> io::Error {
    io::Error::other("it is not installed; `ollama-tap service install` does it")
}

fn is(cause: &io::Error, code: u32) -> bool {
    cause.raw_os_error() == Some(code as i32)
}

/// The system's own error, without the words of the library round it.
fn plain(error: windows_service::Error) -> io::Error {
    match error {
        windows_service::Error::Winapi(cause) => cause,
        other => io::Error::other(other),
    }
}
