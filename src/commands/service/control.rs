//! Commands to a service that is installed: it is started, stopped, started again, or its log is shown.

use std::process::ExitCode;

use super::layout::{LAUNCHD_TARGET, PLIST_PATH, UNIT, own_log};
use super::requirements::{require_installed, require_root};
use super::step::Step;
use super::{command, tail};
use crate::error::Result;
use crate::platform::service::{ServiceCall, ServiceManager};

/// A command to an installed service.
#[derive(Clone, Copy)]
pub enum Control {
    Start,
    Stop,
    Restart,
}

impl Control {
    /// Returns the verb, which is also systemctl's.
    fn as_str(self) -> &'static str {
        match self {
            Control::Start => "start",
            Control::Stop => "stop",
            Control::Restart => "restart",
        }
    }
}

pub fn run(manager: ServiceManager, control: Control) -> Result<ExitCode> {
    if manager == ServiceManager::Windows {
        require_root(manager, control.as_str())?;
    }
    require_installed(manager, control.as_str())?;
    for step in control_steps(manager, control) {
        step.perform()?;
    }
    Ok(ExitCode::SUCCESS)
}

fn control_steps(manager: ServiceManager, control: Control) -> Vec<Step> {
    let bootstrap = Step::attempt(&["launchctl", "bootstrap", "system", PLIST_PATH]);
    let kickstart = |options: &[&str]| {
        Step::run(&[&["launchctl", "kickstart"], options, &[LAUNCHD_TARGET]].concat())
    };
    let (start, stop) = (
        Step::Service(ServiceCall::Start),
        Step::Service(ServiceCall::Stop),
    );
    match (manager, control) {
        (ServiceManager::Systemd, control) => {
            vec![Step::run(&["systemctl", control.as_str(), UNIT])]
        }
        (ServiceManager::Windows, Control::Start) => vec![start],
        (ServiceManager::Windows, Control::Stop) => vec![stop],
        (ServiceManager::Windows, Control::Restart) => vec![stop, start],
        (ServiceManager::Launchd, Control::Start) => vec![bootstrap, kickstart(&[])],
        (ServiceManager::Launchd, Control::Stop) => {
            vec![Step::run(&["launchctl", "bootout", LAUNCHD_TARGET])]
        }
        (ServiceManager::Launchd, Control::Restart) => vec![bootstrap, kickstart(&["-k"])],
    }
}

/// Shows the log of the service, and with `follow` what is added to it.
pub fn show_logs(manager: ServiceManager, follow: bool) -> Result<ExitCode> {
    require_installed(manager, "show the log of")?;
    let mut words = match manager {
        ServiceManager::Systemd => vec!["journalctl", "--unit", UNIT],
        ServiceManager::Launchd | ServiceManager::Windows if follow => {
            return tail::follow(&own_log());
        }
        ServiceManager::Launchd | ServiceManager::Windows => return tail::show(&own_log()),
    };
    words.extend(follow.then_some("-f"));
    command::become_command(&words)
}
