"""The values of PowerShell that install.ps1 meets, and what its operators and the methods of its strings make of them."""

import re


class Thrown(Exception):
    """What `throw` raises, and a cmdlet that fails."""


class Returned(Exception):
    """What `return` gives, on its way out of a function."""


class Table(dict):
    """A hashtable: its keys have no case."""

    def __setitem__(self, key, value):
        super().__setitem__(key.lower(), value)

    def __getitem__(self, key):
        return self.get(key.lower())


class Thing:
    """An object with properties; a subclass has methods, as `call_name`."""

    def __init__(self, **properties):
        self.properties = properties


class Stack(Thing):
    def __init__(self):
        self.items = []

    @property
    def properties(self):
        return {"count": len(self.items)}

    def call_push(self, item):
        self.items.append(item)

    def call_pop(self):
        return self.items.pop()

    def call_clear(self):
        self.items.clear()


def unescaped(written):
    return re.sub("`(.)", lambda match: {"n": "\n", "r": "\r"}.get(match[1], match[1]), written.decode())


def as_list(value):
    return [] if value is None else value if isinstance(value, list) else [value]


def as_one(outputs):
    return None if not outputs else outputs[0] if len(outputs) == 1 else outputs


def truth(value):
    if isinstance(value, list) and len(value) == 1:
        return truth(value[0])
    return True if isinstance(value, (Thing, Table)) else bool(value)


def string(value):
    if isinstance(value, list):
        return " ".join(map(string, value))
    return "" if value is None else str(value)


def same(left, right):
    if isinstance(left, str) or isinstance(right, str):
        return string(left).lower() == string(right).lower()
    return left == right


def matches(left, pattern):
    return re.search(pattern, string(left), re.IGNORECASE) is not None


def is_like(left, pattern):
    return re.fullmatch(re.escape(pattern).replace(r"\*", "(?s:.*)"), string(left), re.IGNORECASE) is not None


KINDS = {
    "[string]": string,
    "[bool]": truth,
    "[switch]": truth,
    "[string[]]": as_list,
    "[object[]]": as_list,
}
COMPARISONS = {
    "-eq": same,
    "-ne": lambda left, right: not same(left, right),
    "-cne": lambda left, right: string(left) != string(right),
    "-lt": lambda left, right: left < right,
    "-gt": lambda left, right: left > right,
    "-match": matches,
    "-notmatch": lambda left, right: not matches(left, right),
    "-like": is_like,
    "-notlike": lambda left, right: not is_like(left, right),
    "-contains": lambda left, right: any(same(item, right) for item in as_list(left)),
    "-join": lambda left, right: right.join(map(string, as_list(left))),
    "-replace": lambda left, right: re.sub(right[0], right[1].replace("$1", r"\1"), string(left), flags=re.IGNORECASE),
}
STRINGS = {
    "split": lambda held, by: held.split(by),
    "trim": lambda held, what=None: held.strip(what),
    "trimend": lambda held, what: held.rstrip(what),
}
