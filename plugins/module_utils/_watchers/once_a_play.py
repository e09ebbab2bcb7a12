# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one host of a play finds out about this machine, for all the others of that play."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import math
import os
import pathlib
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._times import since_boot
from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import (
    DirectoryUnsafe,
    runtime_directory,
)
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner

PREFIX = "once"
DIGEST = 16


def once_a_play(
    owner: Owner | None, subject: t.Sequence[t.Any], find_out: t.Callable[[], str], fresh_for: float = math.inf
) -> str:
    """Return what ``find_out`` returns, which is asked once in a play; hosts that ask meanwhile wait for that answer.

    Where it raises, each host asks for itself, at the same time, so that none waits for the trouble of all others.

    :param owner: the ansible-playbook process; None if it is not known, and each asks for itself.
    :param subject: what is found out about; another one is asked about anew.
    :param fresh_for: seconds after which it is found out anew.
    """
    if owner is None:
        return find_out()
    try:
        descriptor = _open(owner, subject)
    except (OSError, DirectoryUnsafe):
        return find_out()
    with open(descriptor, "r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        noted_at, known = _last_note(file.read())
        if since_boot() - noted_at >= fresh_for:
            _note(file, "")
            answer = find_out()
            _note(file, answer)
            return answer
    return known or find_out()


def _note(file: t.TextIO, answer: str) -> None:
    """Add a line to what the others find; on a full disk they find none."""
    with contextlib.suppress(OSError):
        file.write(json.dumps([since_boot(), answer]) + "\n")
        file.flush()


def _last_note(text: str) -> tuple[float, str]:
    """Return when somebody asked last, and the answer, which is empty if there was none."""
    if not text:
        return -math.inf, ""
    try:
        noted_at, answer = json.loads(text.splitlines()[-1])
        return float(noted_at), str(answer)
    except (ValueError, TypeError):
        return math.inf, ""


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
