#!/usr/bin/env python3
"""Packs a folder into an archive that is the same on every machine: packaging/archive.py FOLDER ARCHIVE.tar.gz|ARCHIVE.zip

Names are sorted, everything belongs to number 0, and the time is SOURCE_DATE_EPOCH. No tar of every system can do that.
"""
import gzip
import os
import pathlib
import sys
import tarfile
import time
import zipfile


def main(folder, archive):
    folder = pathlib.Path(folder)
    names = {path.relative_to(folder.parent).as_posix(): path for path in [folder, *folder.rglob("*")]}
    entries = [(names[name], name, mode(names[name])) for name in sorted(names)]
    pack = pack_zip if archive.endswith(".zip") else pack_tar
    pack(entries, archive, int(os.environ["SOURCE_DATE_EPOCH"]))


def mode(path):
    """Decided by name: Windows knows of no executable files, and a umask should not be seen."""
    return 0o755 if path.is_dir() or path.name.startswith("ollama-tap") and path.suffix in ("", ".exe") else 0o644


def pack_tar(entries, archive, seconds):
    with open(archive, "wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for path, name, bits in entries:
                entry = tarfile.TarInfo(name)
                entry.mode, entry.mtime = bits, seconds
                if path.is_dir():
                    entry.type = tarfile.DIRTYPE
                    tar.addfile(entry)
                else:
                    entry.size = path.stat().st_size
                    with path.open("rb") as file:
                        tar.addfile(entry, file)


def pack_zip(entries, archive, seconds):
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path, name, bits in entries:
            if path.is_file():
                entry = zipfile.ZipInfo(name, time.gmtime(seconds)[:6])
                entry.create_system, entry.external_attr = 3, (0o100000 | bits) << 16  # of Unix, on Windows too
                entry.compress_type = zipfile.ZIP_DEFLATED
                packed.writestr(entry, path.read_bytes())


main(*sys.argv[1:])
