"""A Windows that lasts as long as a test: files, registry, processes, the service, a site with releases, and the cmdlets that
install.ps1 changes them with. Every change counts as a step, and a test can have one of the steps fail."""

import copy
import hashlib
import re

from evaluate import Evaluator
from objects import Cmdlet, Key, Match, Paths, Position, Principal, Process
from values import Stack, Thing, Thrown

LOCAL, FILES, DATA, STARTUP = r"C:\Users\u\Local", r"C:\Program Files", r"C:\ProgramData", r"C:\Users\u\Startup"
RELEASES = "https://github.com/ollama-tap/ollama-tap/releases/latest/download"
TARGET = "x86_64-pc-windows-msvc"
DIRECTORY = object()  # what the files have in place of a directory's text
RUNNING = "running"  # a word in an executable that cannot be deleted, only moved


class Windows:
    def __init__(self, script, admin=False):
        self.script, self.admin, self.what_if = script, admin, False
        self.env = dict(os="Windows_NT", processor_architecture="AMD64", localappdata=LOCAL, programfiles=FILES, path=r"C:\Windows")
        self.env |= dict(programdata=DATA, systemroot=r"C:\Windows")
        self.files, self.site, self.said = {}, {}, []
        for directory in (LOCAL, FILES, DATA, STARTUP, r"C:\Temp"):
            self.make(directory)
        self.registry = {"machine": {"path": r"C:\Windows;%X%\y"}, "user": {"path": r"C:\Users\u\bin"}, "run": {}}
        self.service, self.processes, self.code = None, [], 0
        self.answer, self.agrees = "y", True
        self.steps, self.fails_at, self.failed = 0, None, None

    def install(self, **given):
        """Runs install.ps1, and gives what it failed with."""
        self.said = []
        try:
            Evaluator(self, self.script).run(given)
        except Thrown as thrown:
            return str(thrown)
        return ""

    def release(self, version, flaws=""):
        """Publishes one; its executable is a text of its version and of the words that it fails at."""
        name, archive = f"ollama-tap-{version}-{TARGET}.zip", f"zip exe {version} {flaws}"
        sums = f"{hashlib.sha256(archive.encode()).hexdigest()}  {name}\n"
        self.site = {f"{RELEASES}/{name}": archive, f"{RELEASES}/SHA256SUMS": sums}

    def state(self):
        """All that must be as it was; the install log and its directory stay."""
        kept = {path: held for path, held in self.files.items() if path not in (f"{LOCAL}\\ollamatap".lower(), self.log())}
        return copy.copy(kept), copy.deepcopy(self.registry), self.service, sorted(self.processes)

    def log(self):
        return f"{LOCAL}\\OllamaTap\\install.log".lower()

    def step(self, what):
        self.steps += 1
        if self.steps == self.fails_at:
            self.failed = what
            raise Thrown(f"the test has {what} fail")

    # Files

    def make(self, path):
        while len(path) > 2:
            self.files[path.lower()] = DIRECTORY
            path = path.rpartition("\\")[0]

    def write(self, path, held):
        above = path.rpartition("\\")[0].lower()
        self.check(self.files.get(above) is DIRECTORY, f"there is no {above}")
        self.check(self.admin or not above.startswith(FILES.lower()), f"{above} is for administrators")
        self.files[path.lower()] = held

    def read(self, path):
        held = self.files.get(path.lower(), DIRECTORY)
        self.check(held is not DIRECTORY, f"there is no file {path}")
        return held

    def inside(self, path):
        return [held for held in self.files if held.startswith(path.lower() + "\\")]

    def check(self, holds, failure):
        if not holds:
            raise Thrown(failure)

    # What the evaluator asks for

    def variables(self, script):
        text = Thing(startscriptposition=Position(script))
        function = Thing(scriptblock=Thing(ast=Thing(extent=text)))
        return {
            "true": True, "false": False, "null": None, "pid": 42, "lastexitcode": self.code, "whatifpreference": self.what_if,
            "psversiontable": Thing(psversion=Thing(major=5)), "pscmdlet": Cmdlet(self), "myinvocation": Thing(mycommand=function),
            "executioncontext": Thing(sessionstate=Thing(path=Paths())),
        }  # fmt: skip

    def static(self, kind, name, arguments):
        if name == "opensubkey":
            hive = "machine" if "LocalMachine" in kind else "user"
            self.check(self.admin or hive == "user" or not arguments[1], "the registry is for administrators")
            return Key(self, self.registry[hive])
        calls = {
            "createsubkey": lambda path: Key(self, self.registry["run"]),
            "expandenvironmentvariables": lambda text: re.sub("%(.*?)%", lambda name: self.env.get(name[1].lower(), name[0]), text),
            "getfolderpath": lambda name: STARTUP,
            "gettemppath": lambda: "C:\\Temp\\",
            "getcurrent": lambda: None,
            "matches": lambda text, pattern: [Match(found) for found in re.finditer(pattern, text)],
            "newguid": lambda: "guid",
            "readalltext": self.read,
            "setenvironmentvariable": lambda name, value, scope: None,
            "writealltext": self.write,
        }
        return calls[name](*arguments)

    def program(self, path, words):
        self.step(" ".join(words))
        if path == "taskkill.exe":
            self.processes.remove("app")
            return None
        kind, version, *flaws = self.read(path).split()
        self.check(kind == "exe", f"{path} is no program")
        self.code = int(any(word in flaws for word in words))
        if words == ["--version"]:
            return f"ollama-tap {version}"
        assert words[0] == "service" and self.admin, words
        if not self.code:
            self.service = {"install": "Running", "start": "Running", "stop": "Stopped"}.get(words[1])
        return f"service {words[1]}"

    def cmdlet(self, name, places, names, piped):
        quiet = names.pop("erroraction", "") == "SilentlyContinue"
        try:
            return getattr(self, "do_" + name.lower().replace("-", "_"))(*places, piped=piped, **names)
        except Thrown:
            if not quiet:
                raise

    # Cmdlets that look

    def do_test_path(self, literalpath, pathtype=None, piped=None):
        held = self.files.get(literalpath.lower())
        return held is not None and (pathtype is None or (held is DIRECTORY) == (pathtype == "Container"))

    def do_join_path(self, above, below, piped):
        return above.rstrip("\\") + "\\" + below

    def do_split_path(self, path, parent, piped):
        return path.rpartition("\\")[0]

    def do_get_childitem(self, literalpath, piped, recurse=False, force=False, filter="*"):
        self.check(self.files.get(literalpath.lower()) is DIRECTORY, f"there is no {literalpath}")
        wanted = re.compile(re.escape(filter.lower()).replace(r"\*", ".*"))
        found = [path for path in self.inside(literalpath) if recurse or "\\" not in path[len(literalpath) + 1 :]]
        return [Thing(fullname=path) for path in found if wanted.fullmatch(path.rpartition("\\")[2])]

    def do_get_content(self, literalpath, encoding, piped):
        return self.read(literalpath).splitlines()

    def do_get_filehash(self, literalpath, algorithm, piped):
        return Thing(hash=hashlib.sha256(self.read(literalpath).encode()).hexdigest().upper())

    def do_get_process(self, piped, id=None, name=None):
        app = Thing(path=r"C:\ollama app.exe") if "app" in self.processes else None
        return app if name else Thing(sessionid=1)

    def do_get_ciminstance(self, classname, filter, piped):
        lines = {"tray": '"ollama-tap.exe" tray', "proxy": "ollama-tap proxy"}
        return [Thing(sessionid=1, processid=name, commandline=lines[name]) for name in self.processes if name in lines]

    def do_get_service(self, name, piped):
        return Thing(status=self.service) if self.service else None

    def do_get_command(self, name, commandtype, piped):
        return None

    def do_get_date(self, format, piped):
        return "now"

    def do_select_object(self, first, piped):
        return piped[:first]

    def do_read_host(self, question, piped):
        self.check(self.answer is not None, "nobody is there to ask")
        return self.answer

    def do_new_object(self, kind, *arguments, piped):
        return Stack() if kind == "System.Collections.Stack" else Principal(self)

    def do_set_strictmode(self, off, piped):
        pass

    def do_wait_process(self, name, timeout, piped):
        pass

    def do_unblock_file(self, literalpath, piped):
        pass

    # Cmdlets that change something; with -WhatIf none may be called

    def changes(self, what):
        assert not self.what_if, what
        self.step(what)

    def do_write_host(self, line, piped):
        self.said.append(line)

    def do_add_content(self, literalpath, value, encoding, piped):
        assert not self.what_if
        self.write(literalpath, self.files.get(literalpath.lower(), "") + value + "\n")

    def do_new_item(self, itemtype, path, piped, force=False):
        self.changes(f"making {path}")
        self.check(self.admin or not path.startswith(FILES), f"{path} is for administrators")
        self.make(path)

    def do_copy_item(self, literalpath, destination, piped):
        self.changes(f"copying {literalpath}")
        self.write(destination, self.read(literalpath))

    def do_move_item(self, literalpath, destination, piped, force=False):
        self.changes(f"moving {literalpath}")
        held = self.read(literalpath)
        self.check(force or destination.lower() not in self.files, f"{destination} is there")
        self.write(destination, held)
        del self.files[literalpath.lower()]

    def do_remove_item(self, piped, literalpath=None, recurse=False, force=False, whatif=None):
        for path in [literalpath] if literalpath else [item.properties["fullname"] for item in piped]:
            self.check(path.lower() in self.files, f"there is no {path}")
            self.check(RUNNING not in str(self.files[path.lower()]), f"{path} is in use")
            self.changes(f"removing {path}")
            assert recurse or not self.inside(path), f"{path} is not empty"
            for held in [*self.inside(path), path.lower()]:
                del self.files[held]

    def do_invoke_webrequest(self, uri, outfile, usebasicparsing, piped):
        self.changes(f"downloading {uri}")
        self.check(uri in self.site, "404")
        self.write(outfile, self.site[uri])

    def do_expand_archive(self, literalpath, destinationpath, piped):
        self.changes(f"unpacking {literalpath}")
        self.make(destinationpath + r"\top")
        self.write(destinationpath + r"\top\ollama-tap.exe", self.read(literalpath).removeprefix("zip "))

    def do_stop_process(self, id, piped, force):
        self.changes(f"stopping {id}")
        self.processes.remove(id)

    def do_start_process(self, filepath, argumentlist, piped, verb=None, windowstyle=None, passthru=False):
        if verb == "RunAs":
            return self.elevated(argumentlist)
        self.changes(f"starting {argumentlist}")
        self.processes.append("tray" if argumentlist == "tray" else "app")

    def elevated(self, line):
        """A second run of the script that was written to a file; the variables of the first do not reach it."""
        self.check(self.agrees, "canceled by the user")
        words = [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', line)]
        words = words[words.index("-File") + 1 :]
        switches = ("-Service", "-Uninstall", "-Purge")
        given = {word[1:]: word in switches or words[place + 1] for place, word in enumerate(words) if word.startswith("-")}
        before, self.admin = self.admin, True
        try:
            Evaluator(self, self.read(words[0])).run(given)
            return Process(0)
        except Thrown:
            return Process(1)
        finally:
            self.admin = before
