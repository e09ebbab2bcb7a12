# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one host of a play finds out about this machine, for all the others of that play."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import (
    DirectoryUnsafe,
    runtime_directory,
)
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner

PREFIX = "once"
DIGEST = 16


def once_a_play(owner: Owner | None, subject: t.Sequence[t.Any], find_out: t.Callable[[], str]) -> str:
    """Return what ``find_out`` returns, which is asked once in a play; hosts that ask meanwhile wait for that answer.

    Where it raises, each host asks for itself, at the same time, so that none waits for the trouble of all others.

    :param owner: the ansible-playbook process; None if it is not known, and each asks for itself.
    :param subject: what is found out about; another one is asked about anew.
    """
    if owner is None:
        return find_out()
    try:
        descriptor = _open(owner, subject)
    except (OSError, DirectoryUnsafe):
        return find_out()
    with open(descriptor, "r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        noted = file.read()
        if not noted:
            _note(file, "null")
            answer = find_out()
            _note(file, json.dumps({"answer": answer}))
            return answer
    return _answer_in(noted) or find_out()


def _note(file: t.TextIO, line: str) -> None:
    """Add a line to what the others find; on a full disk they find none."""
    with contextlib.suppress(OSError):
        file.write(f"{line}\n")
        file.flush()


def _answer_in(noted: str) -> str:
    try:
        return str(json.loads(noted.splitlines()[-1])["answer"])
    except (ValueError, KeyError, TypeError):
        return ""


def _open(owner: Owner, subject: t.Sequence[t.Any]) -> int:
    directory = runtime_directory()
    digest = hashlib.sha256(json.dumps(subject).encode()).hexdigest()[:DIGEST]
    path = directory / f"{PREFIX}-{owner.identity}-{digest}"
    if not path.exists():
        _remove_those_of_ended_plays(directory)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _remove_those_of_ended_plays(directory: pathlib.Path) -> None:
    for path in directory.glob(f"{PREFIX}-*"):
        with contextlib.suppress(OSError, ValueError):
            _prefix, pid, start, _digest = path.name.split("-")
            if not Owner(int(pid), int(start)).is_alive():
                path.unlink()
