"""The promises of install.ps1, tried on a Windows that is made up (windows.py): prints one line for each that does not hold.

    promises.py PATH/install.ps1
"""

import pathlib
import sys

from evaluate import Evaluator
from values import Thing
from windows import LOCAL, RUNNING, STARTUP, Windows

with open(sys.argv[1]) as file:
    SCRIPT = file.read()
LINK = f"{STARTUP}\\Ollama.lnk".lower()


def main():
    every_claim_about_its_functions_holds()
    everything_is_there_and_goes_again()
    what_runs_makes_way()
    whatever_fails_is_taken_back()
    a_service_that_stays_keeps_all()
    what_if_changes_nothing()
    what_is_refused_changes_nothing()


def every_claim_about_its_functions_holds():
    claims = Evaluator(Windows(SCRIPT), pathlib.Path(__file__).with_name("claims.ps1").read_text())
    claims.functions = Evaluator(Windows(SCRIPT), SCRIPT).defined()
    failed = Failed()
    claims.run({"failed": failed})
    for claim in failed.claims:
        print(claim)


class Failed(Thing):
    def __init__(self):
        self.claims = []

    def call_add(self, claim):
        self.claims.append(claim)


def everything_is_there_and_goes_again():
    for admin in (False, True):
        for given in ({}, {"Service": True, "Tray": True}):
            machine = fresh(admin)
            before = machine.state()
            name = f"{given} by {'an administrator' if admin else 'a user'}"
            expect(name, machine.install(**given), "")
            expect(f"{name}: the service", machine.service, "Running" if given else None)
            expect(f"{name}: the app is stopped", ("app" in machine.processes, LINK in machine.files), (not given, not given))
            installed = machine.state()
            expect(f"{name}, again", (machine.install(), machine.state()), ("", installed))
            machine.release("1.1.0")
            expect(f"{name}, upgraded", (machine.install(), machine.service), ("", installed[2]))
            expect(f"{name}, said", any("in place of ollama-tap 1.0.0" in line for line in machine.said), True)
            expect(f"{name}, purged", (machine.install(Purge=True), without_programs(machine.state())), ("", before))


def what_runs_makes_way():
    machine = fresh(False)
    machine.release("1.0.0", RUNNING)
    expect("one that runs", (machine.install(), machine.release("1.1.0"), machine.install()), ("", None, ""))
    expect("one that runs is left", sum(RUNNING in str(held) for held in machine.files.values()), 1)
    machine.files = {path: str(held).replace(RUNNING, "ended") if RUNNING in str(held) else held for path, held in machine.files.items()}
    expect("one that ran", (machine.install(Purge=True), any("ended" in str(held) for held in machine.files.values())), ("", False))


def a_service_that_stays_keeps_all():
    machine = fresh(False)
    machine.release("1.0.0", "uninstall")
    given = {"Service": True, "Tray": True}
    expect("one that does not go", machine.install(**given), "")
    before = machine.state()
    for given in ({"Purge": True}, {"Uninstall": True}):
        expect(f"{given} of one that does not go", (machine.install(**given) != "", machine.state()), (True, before))


def whatever_fails_is_taken_back():
    service = {"Service": True, "Tray": True}
    for name, given, prepare in (
        ("a first installation", {}, fresh),
        ("a first one with all", service, fresh),
        ("an upgrade", {"Tray": True}, lambda admin: upgradable(admin, {"Tray": True})),
        ("an upgrade of a service", {}, lambda admin: upgradable(admin, service)),
        ("an upgrade with -Service", service, lambda admin: upgradable(admin, service)),
    ):
        for admin in (False, True):
            while_a_step_fails(f"{name} {'by an administrator' if admin else ''}", given, lambda: prepare(admin))
    for flaw, prepare in (("install", fresh), ("start", lambda admin: upgradable(admin, service)), ("--version", fresh)):
        machine = prepare(False)
        machine.release("1.1.0", flaw)
        before = machine.state()
        failed = machine.install(**(service if flaw == "install" else {}))
        expect(f"a release that fails at {flaw}", (failed != "", machine.state()), (True, before))


def while_a_step_fails(name, given, prepare):
    """Has each step fail in turn, until there is none left."""
    machine = prepare()
    number = 0
    while number == 0 or machine.failed:
        number += 1
        machine = prepare()
        before = machine.state()
        machine.steps, machine.fails_at, machine.failed = 0, number, None
        if machine.install(**given):
            expect(f"{name} while {machine.failed} fails", machine.state(), before)


def what_if_changes_nothing():
    service = {"Service": True, "Tray": True}
    for given, prepare in (({}, fresh), (service, fresh), ({"Purge": True}, lambda admin: upgradable(admin, service))):
        machine = prepare(False)
        before, machine.what_if = machine.state(), True
        expect(f"-WhatIf {given}", (machine.install(**given), machine.state()), ("", before))
        expect(f"-WhatIf {given} says it", sum(line.startswith("What if: ") for line in machine.said) > 3, True)


def what_is_refused_changes_nothing():
    for name, change, given in (
        ("no administrator agrees", {"agrees": False}, {"Service": True, "Tray": True}),
        ("a sum is not right", {"site": {path: held.replace("exe", "exf") for path, held in fresh(False).site.items()}}, {}),
        ("there is no release", {"site": {}}, {}),
        ("an address is not safe", {}, {"BaseUrl": "http://a.example"}),
        ("a file is not there", {}, {"From": "none.zip"}),
        ("the system is another", {"env": {"os": "none"}}, {}),
    ):
        machine = fresh(False)
        vars(machine).update(change)
        before = machine.state()
        expect(f"where {name}", (machine.install(**given) != "", machine.state()), (True, before))
    for answer in ("n", None):
        machine = fresh(False)
        machine.answer = answer
        expect(f"an app that stays by {answer}", (machine.install(Service=True), "app" in machine.processes), ("", True))


def fresh(admin):
    """One with Ollama's desktop app, which starts at login, and nothing of ours."""
    machine = Windows(SCRIPT, admin)
    machine.processes = ["app"]
    machine.write(LINK, "a shortcut")
    machine.release("1.0.0")
    return machine


def upgradable(admin, given):
    machine = fresh(admin)
    expect("a first installation", machine.install(**given), "")
    machine.release("1.1.0")
    return machine


def without_programs(state):
    """A directory of every user's, which stays."""
    return {path: held for path, held in state[0].items() if path != f"{LOCAL}\\programs".lower()}, *state[1:]


def expect(claim, found, wanted):
    if found != wanted:
        print(f"{claim}: found {found}, wanted {wanted}")


main()
