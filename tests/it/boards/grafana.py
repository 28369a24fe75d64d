"""Reads boards into Grafana's own types and writes them again: what got lost on the way, Grafana does not know."""

import json
import sys

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard

UNITS = {value for value in vars(units).values() if isinstance(value, str)}


def lost(ours, theirs, place):
    """Every place whose value is another one in theirs, or none."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        pairs = [(value, theirs.get(key), f"{place}/{key}") for key, value in ours.items()]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = [(a, b, f"{place}/{n}") for n, (a, b) in enumerate(zip(ours, theirs))]
    else:
        return [] if ours == theirs else [f"{place}: {ours} became {theirs}"]
    return [line for pair in pairs for line in lost(*pair)]


def unknown_units(value, place):
    """Every unit that is none of Grafana's; any text may follow what is measured."""
    if isinstance(value, list):
        return [line for n, each in enumerate(value) for line in unknown_units(each, f"{place}/{n}")]
    if not isinstance(value, dict):
        return []
    named = value.get("unit") if "unit" in value else value.get("value") if value.get("id") == "unit" else None
    wrong = named is not None and named not in UNITS and not named.startswith("suffix:")
    return [f"{place}: no unit: {named}"] * wrong + [line for key, each in value.items() for line in unknown_units(each, f"{place}/{key}")]


plugins.register_default_plugins()
wrong = []
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        board = json.load(file)
    wrong += lost(board, json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder)), path)
    wrong += unknown_units(board, path)
sys.exit("\n".join(wrong) or 0)
