# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest of a bundle: hashes of its files, by which any changed byte is found."""

from __future__ import annotations

import binascii
import hashlib
import json
import pathlib
import typing as t

MANIFEST = "manifest.json"
MARK = ".published"
"""In the directory of a test: where it was published, and which state of it. No part of the evidence."""

ATTESTATION = "attestation.intoto.json"
BLOCK = 256
MAX_FOUND = 20

Entry = dict[str, t.Any]


def make_manifest(directory: pathlib.Path) -> str:
    """Return the manifest of the files in a directory, one line a file, so that sed can read it too.

    :raises OSError: a file cannot be read.
    """
    lines = [_line(_entry(name, (directory / name).read_bytes())) for name in files_of(directory)]
    return '{"version": 1, "files": [\n' + ",\n".join(lines) + "\n]}\n"


def compare(directory: pathlib.Path) -> list[str]:
    """Return in sentences what differs between the files of a directory and its manifest; empty if nothing does.

    :raises OSError: a file cannot be read.
    """
    raw = (directory / MANIFEST).read_bytes()
    if raw == make_manifest(directory).encode():
        return []
    try:
        differences = _differences(directory, {entry["name"]: entry for entry in json.loads(raw)["files"]})
        found = [difference.encode("utf-8", "replace").decode() for difference in differences]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return [f"{MANIFEST} was changed: it cannot be read as a manifest."]
    return found or [f"{MANIFEST} was changed, though it says the same of every file."]


def files_of(directory: pathlib.Path) -> list[str]:
    """Return the files that a manifest covers, which are all but those that are written after it."""
    paths = [path for path in directory.rglob("*") if path.is_file() or path.is_symlink()]
    names = sorted(path.relative_to(directory).as_posix() for path in paths)
    return [name for name in names if name not in (MANIFEST, ATTESTATION, MARK)]


def _line(entry: Entry) -> str:
    return json.dumps(entry, ensure_ascii=not is_utf8(entry["name"]))


def is_utf8(name: str) -> bool:
    """Whether the name of a file is UTF-8, as Python has it; another one cannot be written or sent as it is."""
    return name.encode("utf-8", "replace").decode() == name


def _entry(name: str, content: bytes) -> Entry:
    blocks = (content[at : at + BLOCK] for at in range(0, len(content), BLOCK))
    checks = "".join(f"{binascii.crc32(block):08x}" for block in blocks)
    return {
        "name": name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "crc32_of_blocks": checks,
    }


def _differences(directory: pathlib.Path, entries: t.Mapping[str, Entry]) -> list[str]:
    there = files_of(directory)
    found = [f"{name} was added: the manifest does not have it." for name in there if name not in entries]
    for name, entry in entries.items():
        if name not in there:
            found.append(f"{name} is missing.")
            continue
        content = (directory / name).read_bytes()
        if _entry(name, content) != entry:
            found.append(f"{name} was changed: {_where(content, entry)}.")
    return found[:MAX_FOUND]


def _where(content: bytes, entry: Entry) -> str:
    """Return in words which byte of a file was changed, as exactly as the manifest can tell."""
    checks = str(entry["crc32_of_blocks"])
    blocks = [checks[at : at + 8] for at in range(0, len(checks), 8)]
    own = str(_entry("", content)["crc32_of_blocks"])
    seen = [own[at : at + 8] for at in range(0, len(own), 8)]
    differing = [n for n in range(max(len(blocks), len(seen))) if blocks[n : n + 1] != seen[n : n + 1]]
    if not differing:
        return "its entry in the manifest differs"
    first = differing[0] * BLOCK
    if len(content) == entry["size"] and len(differing) == 1:
        single = _single_byte(content, first, int(blocks[differing[0]], 16), entry["sha256"])
        if single:
            at, was = single
            return f"byte {at} (line {_line_of(content, at)}) is 0x{content[at]:02x} and was 0x{was:02x}"
    size = "" if len(content) == entry["size"] else f"; it has {len(content)} bytes and had {entry['size']}"
    last = min(first + BLOCK, max(len(content), entry["size"])) - 1
    return f"the first change is between byte {first} and byte {last} (line {_line_of(content, first)}){size}"


def _single_byte(content: bytes, first: int, wanted: int, sha256: str) -> tuple[int, int] | None:
    """Return place and former value of the one byte whose former value brings the hash back; None if it is not one."""
    block = bytearray(content[first : first + BLOCK])
    for at, value in enumerate(bytes(block)):
        for former in range(256):
            block[at] = former
            if binascii.crc32(block) == wanted:
                restored = content[:first] + bytes(block) + content[first + BLOCK :]
                if hashlib.sha256(restored).hexdigest() == sha256:
                    return first + at, former
        block[at] = value
    return None


def _line_of(content: bytes, at: int) -> int:
    return content.count(b"\n", 0, at) + 1
