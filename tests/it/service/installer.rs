//! install.sh with the real executable: it removes a service whose executable is gone, and leaves no more than that executable would
//! have; it does not get in the way of a package.

use super::{Machine, with_ollama, with_ollama_unit};

const SCRIPT: &str = "/srv/install.sh";

/// The prefix that the service was installed from, and what is done before: each is another role, and the last one a copy.
type Made = (&'static str, fn(&Machine), &'static [&'static str]);

const MADE: [Made; 4] = [
    ("/opt/tap", |machine| with_ollama_unit(machine, ""), &[]),
    (
        "/opt/tap",
        |machine| with_ollama_unit(machine, "EnvironmentFile=/etc/default/none"),
        &[],
    ),
    ("/opt/tap", |_| (), &["--upstream", "http://127.0.0.1:9"]),
    ("/srv/tap", with_ollama, &[]),
];

#[test]
fn install_sh_removes_a_service_whose_executable_is_gone() {
    for (prefix, make, words) in MADE {
        let Some(machine) = Machine::start() else {
            return;
        };
        make(&machine);
        machine.script(SCRIPT, include_str!("../../../install.sh"));
        let executable = format!("{prefix}/bin/ollama-tap");
        let run = |command: &str| machine.ok(&[], &["sh", "-c", command]);
        run(&format!("mkdir -p {prefix}/bin"));
        let bare = machine.tree();
        run(&format!("cp /srv/ollama-tap {executable}"));
        machine.ok(
            &[],
            &[&[&*executable, "service", "install"], words].concat(),
        );
        run(&format!("rm {executable}"));
        let said = machine.ok(&[], &["sh", SCRIPT, "--purge", "--prefix", prefix]);
        assert_eq!(
            machine.changes(&bare),
            [""; 0],
            "{prefix} {words:?}: {said}"
        );
    }
}

/// The executable at /usr/bin stands for that of a package.
#[test]
fn install_sh_stops_where_a_package_is_unless_it_is_told_a_place() {
    let Some(machine) = Machine::start() else {
        return;
    };
    machine.script(SCRIPT, include_str!("../../../install.sh"));
    let before = machine.tree();
    for args in [&[][..], &["--uninstall"], &["--purge"]] {
        let (code, _, said) = machine.run(&[], &[&["sh", SCRIPT], args].concat());
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("a package has installed /usr/bin/ollama-tap"));
    }
    machine.ok(&[], &["sh", SCRIPT, "--purge", "--prefix", "/usr/local"]);
    assert_eq!(machine.changes(&before), [""; 0]);
}
