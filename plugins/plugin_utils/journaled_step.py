# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines that an action writes into the journal of the test it belongs to."""

from __future__ import annotations

import os
import pathlib
import time
import typing as t
import uuid
from collections.abc import Collection, Mapping, Sequence

from ansible.errors import AnsibleError

from ansible_collections.hatci.automation.plugins.module_utils._evidence import journal
from ansible_collections.hatci.automation.plugins.module_utils._evidence.commands import COMMANDS, append_commands
from ansible_collections.hatci.automation.plugins.module_utils._evidence.manifest import MANIFEST
from ansible_collections.hatci.automation.plugins.module_utils._evidence.noted import end_step
from ansible_collections.hatci.automation.plugins.module_utils._evidence.values import HIDDEN
from ansible_collections.hatci.automation.plugins.module_utils._watchers.environment import secrets_of_environment
from ansible_collections.hatci.automation.plugins.plugin_utils.origin import is_of_lab

VARIABLE = "__hatci_evidence"
"""Names the directory, as text or as what the module hatci_evidence returned."""

ENDED = "__hatci_evidence_ended"
"""Tells the ``step`` that began by the module hatci_evidence and has ended since, with ``outcome`` and ``message``."""

GOES_ON = "__hatci_test_goes_on"
"""Is true where a role rescues a task such that its failure is not what ends the test."""

NEVER_KEPT = frozenset(
    (
        "invocation",
        "warnings",
        "deprecations",
        "ansible_stats",
        "ansible_facts",
        "failed",
        "changed",
        "diff",
        "exception",
    )
)
REPEATED = frozenset({"seen", "before"})
"""Arguments that are the result of an earlier step."""
KEPT_ELSEWHERE = frozenset({"msg", "stdout_lines", "stderr_lines", "results", "output"})

MAX_TOKEN = 65536

Values = dict[str, t.Any]


class JournaledStep:
    """One task in the journal of its test, if the test has one.

    :param specification: of the arguments of its module.
    :param is_hidden: nothing of the task may be shown.
    :param templar: of the task, which renders its host's token.
    """

    def __init__(
        self, task: t.Any, variables: Values, specification: Values, is_hidden: bool, templar: t.Any = None
    ) -> None:
        self._directory = directory_of(variables)
        if not self._directory or task.check_mode or os.path.exists(os.path.join(self._directory, MANIFEST)):
            self._directory = ""
            return
        arguments = task.args
        own = {name for name, option in specification.items() if option.get("no_log")}
        self._is_hidden = is_hidden
        self._secrets = secrets_of(variables, templar, *(arguments.get(name) for name in own))
        self._warning = end_noted_step(self._directory, variables, self._secrets)
        self._about: Values = {
            "id": uuid.uuid4().hex[:12],
            "step": str(task.name or task.action).rpartition(" : ")[2],
            "module": str(task.action).rpartition(".")[2],
            **({"is_of_lab": True} if is_of_lab(task) else {}),
        }
        self._is_ignored = bool(task.ignore_errors or task.failed_when or variables.get(GOES_ON))
        self._began = time.monotonic()
        shown = {name: value for name, value in arguments.items() if name not in own | REPEATED and value is not None}
        self.note("begin", arguments=HIDDEN if self._is_hidden else shown)

    def note(self, event: str, **values: t.Any) -> None:
        """Write a line; that it could not be written is told with the end of the task, once for a play."""
        if not self._directory:
            return
        try:
            journal.append(self._directory, event, {**self._about, **values}, self._secrets)
        except OSError as error:
            self._warning = _warning(self._directory, error)

    def end(self, result: Values, commands: Sequence[t.Any] = ()) -> None:
        """Write how the task ended.

        :param commands: what commands on the device printed, for their transcript.
        """
        if not self._directory:
            return
        is_transcribed = bool(commands) and not self._is_hidden and self._transcribe(commands)
        failed = bool(result.get("failed"))
        outcome = "failed" if failed else "changed" if result.get("changed") else "ok"
        kept = {
            name: value
            for name, value in result.items()
            if name not in NEVER_KEPT | KEPT_ELSEWHERE and value is not None
        } | ({"transcript": COMMANDS} if is_transcribed else {})
        self.note(
            "end",
            outcome=outcome,
            msg=HIDDEN if self._is_hidden else str(result.get("msg") or ""),
            result={} if self._is_hidden else kept,
            seconds=round(time.monotonic() - self._began, 3),
            is_ignored=failed and self._is_ignored,
        )
        if self._warning:
            # Ansible shows the same warning once.
            result["warnings"] = [*(result.get("warnings") or []), self._warning]

    def _transcribe(self, commands: Sequence[t.Any]) -> bool:
        try:
            return append_commands(self._directory, self._about["step"], commands, self._secrets)
        except OSError as error:
            self._warning = _warning(self._directory, error)
        return False


def directory_of(variables: Mapping[str, t.Any]) -> str:
    """Return the directory of the evidence of a host's test, empty if there is none."""
    value = variables.get(VARIABLE)
    if isinstance(value, Mapping):
        value = value.get("path")
    return str(value) if isinstance(value, str) and os.path.isabs(value) else ""


def end_noted_step(directory: str, variables: Mapping[str, t.Any], secrets: Collection[str] = ()) -> str:
    """Write the end of a step that is not a task of this collection, if one is known to have ended.

    :param secrets: texts that must not appear in it.
    :returns: a warning if it could not be written, else an empty text.
    """
    ended = variables.get(ENDED)
    if not directory or not isinstance(ended, Mapping) or not ended.get("step"):
        return ""
    told = {name: str(ended.get(name) or "") for name in ("step", "outcome", "message")}
    try:
        end_step(pathlib.Path(directory), **told, secrets=secrets)
    except OSError as error:
        return _warning(directory, error)
    return ""


def _warning(directory: str, error: OSError) -> str:
    return f"The journal in {directory} cannot be written: {error.strerror}; its test goes on."


def secrets_of(variables: Mapping[str, t.Any], templar: t.Any, *values: t.Any) -> frozenset[str]:
    """Return the texts that must not appear in the journal of a host: its tokens, and further values.

    :param templar: renders a token that is an expression or encrypted; None if there is none.
    """
    token_file = _rendered(variables.get("hatci_token_file"), templar) or os.environ.get("HATCI_TOKEN_FILE")
    known = (
        *values,
        _rendered(variables.get("hatci_token"), templar),
        _content_of(token_file),
        *secrets_of_environment(),
    )
    return frozenset(value.strip() for value in known if isinstance(value, str) and value.strip())


def _rendered(value: t.Any, templar: t.Any) -> str | None:
    if value is None or templar is None or (isinstance(value, str) and "{" not in value):
        return value if isinstance(value, str) else None
    try:
        return str(templar.template(value))
    except AnsibleError:
        return None


def _content_of(path: t.Any) -> str:
    """Return the token that a file holds; empty if it cannot be read, which whoever needs it says."""
    if not isinstance(path, str) or not path.strip():
        return ""
    try:
        with open(os.path.expandvars(os.path.expanduser(path)), encoding="utf-8") as file:
            return file.read(MAX_TOKEN)
    except (OSError, ValueError):
        return ""
