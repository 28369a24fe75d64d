"""The objects of .NET that install.ps1 uses, as far as it uses them."""

from values import Thing


class Key(Thing):
    def __init__(self, machine, values):
        self.machine, self.values = machine, values

    def call_getvalue(self, name, default=None, options=None):
        return self.values.get(name.lower(), default)

    def call_getvaluenames(self):
        return list(self.values)

    def call_getvaluekind(self, name):
        return "ExpandString"

    def call_setvalue(self, name, value, kind=None):
        self.machine.changes(f"setting {name}")
        self.values[name.lower()] = value

    def call_deletevalue(self, name, must_be_there):
        self.machine.changes(f"deleting {name}")
        self.values.pop(name.lower(), None)

    def call_dispose(self):
        pass


class Match(Thing):
    def __init__(self, found):
        self.properties = {"groups": [Thing(value=group) for group in (found[0], *found.groups())]}


class Principal(Thing):
    def __init__(self, machine):
        self.machine = machine

    def call_isinrole(self, role):
        return self.machine.admin


class Cmdlet(Thing):
    def __init__(self, machine):
        self.machine = machine

    def call_shouldprocess(self, what, question, title):
        if self.machine.what_if:
            self.machine.said.append(f"What if: {what}")
        return not self.machine.what_if


class Position(Thing):
    def __init__(self, text):
        self.text = text

    def call_getfullscript(self):
        return self.text


class Paths(Thing):
    def call_getunresolvedproviderpathfrompspath(self, path):
        return path if path[1:2] == ":" else rf"C:\Users\u\{path}"


class Process(Thing):
    def __init__(self, code):
        self.properties = {"handle": 1, "exitcode": code}

    def call_waitforexit(self):
        pass
