# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind jumpstarter_shell."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.session import (
    last_line,
    run_on_device,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.validation import check_text


def run_commands(options: t.Mapping[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """Run commands on a device.

    :returns: ``changed``, ``results``, and of the last command ``rc``, ``stdout``, ``stdout_lines`` and ``stderr``.
    :raises CommandFailed: a command failed, and ``check_rc`` is on.
    """
    commands = options["commands"] if options["commands"] is not None else [options["command"]]
    if not commands or not all(command and command.strip() for command in commands):
        raise errors.InputError("There is an empty command, or none; give commands such as 'j serial read'.")
    for number, command in enumerate(commands, start=1):
        check_text(command, f"Command {number} of {len(commands)}")
    if check_mode:
        return {"changed": True, **_summary([])}
    results = run_on_device(options, commands)
    summary = _summary(results)
    if options["check_rc"] and summary["rc"]:
        said = last_line(results[-1])
        left = len(commands) - len(results)
        after = f" The {left} after it did not run." if left else ""
        failed = f"Command {results[-1]['command']!r:.80} failed with exit code {summary['rc']}"
        raise errors.CommandFailed(f"{failed}: {said}.{after}", **summary)
    # Said aloud, since Ansible takes any other rc than 0 for a failure.
    return {"changed": True, "failed": False, **summary}


def _summary(results: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    stdout = "".join(result["stdout"] for result in results)
    return {
        "results": results,
        "rc": results[-1]["rc"] if results else 0,
        "stdout": stdout,
        "stdout_lines": stdout.splitlines(),
        "stderr": "".join(result["stderr"] for result in results),
    }
