//! The steps on a machine that is described, none of which is done.

use super::*;
use crate::http::address::ListenAddress;
use crate::ollama::app_settings::AppSettings;
use crate::platform::service::ServiceManager;
use crate::platform::users::User;

fn host(record: Option<&str>) -> HostState {
    HostState {
        manager: ServiceManager::Windows,
        executable: "/srv/me/ollama-tap".into(),
        copy_target: if record.is_some_and(|record| record.contains(COPIED)) {
            CopyTarget::Copy
        } else {
            CopyTarget::Free
        },
        unit: record.map(str::to_owned),
        registered: None,
        settings: String::new(),
        ollama_unit: None,
        is_ollama_moved: false,
        ollama: None,
        app: AppSettings::default(),
        ollama_user: None,
        tap_user: None,
        has_service_directory: record.is_some(),
        installer: User {
            name: "me".to_owned(),
            home: "/srv/me".into(),
        },
        environment: Vec::new(),
    }
}

fn plan() -> Plan {
    Plan {
        role: Role::Managed,
        executable: platform::folders::service_program(),
        copy_executable: true,
        user: SERVICE_ACCOUNT.to_owned(),
        home: platform::folders::service_directory(),
        settings: "OLLAMA_EXECUTABLE_PATH=/srv/me/Ollama/ollama\nOLLAMA_TAP_TOKEN=s3cret\n"
            .to_owned(),
        backend_port: 11435,
        listen: ListenAddress {
            host: "127.0.0.1".to_owned(),
            port: 11434,
        },
        history: Some("/srv/me/history".into()),
        ollama_directories: vec!["/srv/me/.ollama/models".into()],
        grace: 30,
        start: Start::Enable,
    }
}

fn descriptions(steps: &[Step]) -> Vec<String> {
    steps.iter().map(Step::to_string).collect()
}

fn place_of(steps: &[String], text: &str) -> usize {
    steps
        .iter()
        .position(|step| step.contains(text))
        .unwrap_or_else(|| panic!("no {text:?} in {steps:#?}"))
}

#[test]
fn the_account_is_given_what_it_needs_once_it_is_there_and_before_it_starts() {
    let steps = descriptions(&install(&plan(), &host(None)));
    let (registered, started) = (
        place_of(&steps, "register the service"),
        place_of(&steps, "start the service"),
    );
    let grants = [
        r"/srv/me/.ollama/models /grant:r NT SERVICE\OllamaTap:(OI)(CI)M /q",
        r"/srv/me/history /grant:r NT SERVICE\OllamaTap:(OI)(CI)M /q",
        r"/srv/me/Ollama /grant:r NT SERVICE\OllamaTap:(OI)(CI)RX /q",
        r"ollama-tap.env /grant:r NT SERVICE\OllamaTap:R /q",
    ];
    for grant in grants {
        let at = place_of(&steps, grant);
        assert!(registered < at && at < started, "{grant}: {steps:#?}");
    }
    assert_eq!(started, steps.len() - 1);
    assert!(
        place_of(&steps, "stop the service") < place_of(&steps, "copy "),
        "a program that runs cannot be replaced: {steps:#?}"
    );
}

#[test]
fn the_service_s_directory_is_closed_before_there_is_a_secret_in_it() {
    let steps = descriptions(&install(&plan(), &host(None)));
    let closed = place_of(
        &steps,
        "/inheritance:r /grant:r *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F *S-1-5-32-545:(OI)(CI)RX /q",
    );
    assert!(closed < place_of(&steps, "ollama-tap.env"), "{steps:#?}");
}

#[test]
fn the_record_says_what_uninstall_takes_back_also_of_the_installation_before() {
    let old = "Listens=x:1\nGiven=/\nGiven=/srv/me/history\n";
    let record = recorded(&plan(), &host(Some(old)));
    let lines: Vec<&str> = record.lines().skip(1).collect();
    let expected = [
        "Listens=127.0.0.1:11434",
        "Executable=copied",
        "Given=/srv/me/.ollama/models",
        "Given=/srv/me/history",
        "Given=/srv/me/Ollama",
        "Given=/",
    ];
    assert_eq!(lines, expected);
    assert_eq!(
        crate::commands::service::installed::listens(&record).as_deref(),
        Some("127.0.0.1:11434")
    );
    assert!(!record.contains("s3cret"));
}

#[test]
fn uninstall_takes_rights_back_while_their_holder_has_a_name_and_leaves_the_history() {
    let steps = descriptions(&uninstall(
        &host(Some("Executable=copied\nGiven=/\nGiven=/gone/long/ago\n")),
        false,
    ));
    let taken = place_of(&steps, r"run icacls / /remove:g NT SERVICE\OllamaTap /q");
    assert!(
        taken < place_of(&steps, "remove the service OllamaTap"),
        "{steps:#?}"
    );
    assert!(
        !steps
            .iter()
            .any(|step| step.contains("/gone/") || step.contains("ollama_analytics")),
        "{steps:#?}"
    );
    assert!(
        place_of(&steps, "installed.txt") > place_of(&steps, "remove the service OllamaTap"),
        "{steps:#?}"
    );
    assert!(
        steps.contains(&format!(
            "remove {}",
            platform::folders::service_program().display()
        )),
        "{steps:#?}"
    );
}

#[test]
fn purge_removes_the_directory_and_an_installation_that_is_not_there_is_removed_without_harm() {
    let steps = descriptions(&uninstall(&host(None), true));
    let all = format!(
        "remove {} and all that is in it",
        platform::folders::service_directory().display()
    );
    assert_eq!(
        steps,
        [
            "stop the service OllamaTap",
            "remove the service OllamaTap",
            all.as_str()
        ]
    );
}
