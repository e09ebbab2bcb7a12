# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of a test that are not tasks of this collection: their begin and their end in its journal."""

from __future__ import annotations

import pathlib
import typing as t
import uuid

from ansible_collections.hatci.automation.plugins.module_utils._evidence import journal
from ansible_collections.hatci.automation.plugins.module_utils._evidence.clock import seconds_since


def begin_step(directory: pathlib.Path, step: str, secrets: t.Collection[str] = ()) -> None:
    """Write that a step begins.

    :param secrets: texts that must not appear in the journal.
    :raises OSError: it cannot be written.
    """
    about = {"id": uuid.uuid4().hex[:12], "step": step, "module": "", "arguments": {}}
    journal.append(directory, "begin", about, secrets)


def end_step(
    directory: pathlib.Path, step: str, outcome: str, message: str = "", secrets: t.Collection[str] = ()
) -> None:
    """Write how the latest step of this name that is under way has ended; nothing if none is.

    :param outcome: ``ok``, ``changed`` or ``failed``.
    :param secrets: texts that must not appear in the journal.
    :raises OSError: it cannot be read or written.
    """
    under_way: dict[t.Any, journal.Line] = {}
    for line in journal.read(directory).lines:
        if line["event"] == "begin" and line.get("step") == step:
            under_way[line.get("id")] = line
        elif line["event"] == "end":
            under_way.pop(line.get("id"), None)
    if under_way:
        begun = list(under_way.values())[-1]
        about = {name: begun.get(name) for name in ("id", "step", "module")}
        seconds = seconds_since(begun)
        how: journal.Line = {"outcome": outcome, "msg": message, "result": {}, "seconds": seconds, "is_ignored": False}
        journal.append(directory, "end", {**about, **how}, secrets)
