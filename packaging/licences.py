#!/usr/bin/env python3
"""Prints what an executable for a target contains of others, and under which licences: packaging/licences.py TARGET

Of each crate that is linked into it, the licence files that lie beside its source, each text once. Cargo knows what is linked.
"""
import json
import pathlib
import subprocess
import sys

# What the compiler and the C parts bring: no crate names their texts.
BESIDE_CRATES = [
    ("Rust's standard library", "MIT OR Apache-2.0", "https://github.com/rust-lang/rust", "The Rust Project Contributors"),
    ("SQLite", "public domain", "https://sqlite.org/copyright.html", "nobody"),
]
MUSL = ("musl", "MIT", "https://musl.libc.org", "Copyright (C) 2005-2020 Rich Felker, et al.")
NAMES = ("LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE")


def main(target):
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    packages = linked(metadata(target))
    print("Ollama Tap itself is under the MIT licence, see LICENSE. Its executable contains:\n")
    for name, licence, address, owner in BESIDE_CRATES + ([MUSL] if target.endswith("-musl") else []):
        print(f"{name}: {licence} ({address}), {owner}")
    texts = {}  # the same words are the same text, however their lines are broken
    for package in packages:
        print(f"{title(package)}: {package['license']} ({package['repository']})")
        for text in licence_texts(package):
            texts.setdefault(" ".join(text.split()), (text, []))[1].append(title(package))
    for text, titles in texts.values():
        print(f"\n{'=' * 80}\n{', '.join(titles)}\n{'-' * 80}\n{text}")


def metadata(target):
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def linked(metadata):
    """Every package but our own that is part of the executable: no build script's, no macro's and no test's."""
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    found, todo = set(), [root]
    while todo:
        package = todo.pop()
        if package in found or is_macro(packages[package]):
            continue
        found.add(package)
        todo += [of["pkg"] for of in nodes[package]["deps"] if any(kind["kind"] is None for kind in of["dep_kinds"])]
    return sorted((packages[package] for package in found - {root}), key=title)


def is_macro(package):
    return any("proc-macro" in target["kind"] for target in package["targets"])


def title(package):
    return f"{package['name']} {package['version']}"


def licence_texts(package):
    files = sorted(pathlib.Path(package["manifest_path"]).parent.iterdir())
    texts = [file.read_text("utf-8").strip() for file in files if file.is_file() and file.name.upper().startswith(NAMES)]
    if not texts:
        sys.exit(f"licences.py: {title(package)} has no licence file")
    return texts


main(*sys.argv[1:])
