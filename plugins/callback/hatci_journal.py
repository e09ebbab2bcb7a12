# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: hatci_journal
type: notification
short_description: Write your own tasks into the journal of a test
version_added: 0.1.0
description:
  - Writes a line into the journal of a host's test when one of your own tasks begins, and one when it ends, with how it
    ended and its message. The actions of this collection do so by themselves.
  - A task with C(no_log) is written without its message. Of a loop only the whole is written.
  - Without it, the tasks of C(ota_verify_tasks) are one step of the evidence, which tells when they began and ended,
    and which one failed and why. Of other tasks of your own it has no line.
requirements:
  - It must be enabled, for example with C(ANSIBLE_CALLBACKS_ENABLED=hatci.automation.hatci_journal).
author:
  - The hatci.automation maintainers (@hatci)
"""

import os
import time
import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.callback import CallbackBase
from ansible.template import Templar

from ansible_collections.hatci.automation.plugins.module_utils._evidence import journal
from ansible_collections.hatci.automation.plugins.module_utils._evidence.manifest import MANIFEST
from ansible_collections.hatci.automation.plugins.module_utils._evidence.values import HIDDEN
from ansible_collections.hatci.automation.plugins.module_utils._watchers.environment import secrets_of_environment
from ansible_collections.hatci.automation.plugins.plugin_utils.journaled_step import secrets_of
from ansible_collections.hatci.automation.plugins.plugin_utils.origin import is_own

COLLECTION = "hatci.automation."
EVIDENCE = f"{COLLECTION}hatci_evidence"
ARGUMENTS = "ansible.builtin.validate_argument_spec"
"""Ansible runs it by itself before a role."""


class CallbackModule(CallbackBase):
    """Knows the directory of each host's evidence from the task that began it."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "hatci.automation.hatci_journal"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._directories: dict[str, str] = {}
        self._began: dict[tuple[str, str], float] = {}
        self._secrets: dict[str, frozenset[str]] = {}
        self._play: t.Any = None
        self._is_warned = False

    def v2_playbook_on_play_start(self, play: t.Any) -> None:
        """Learn where the variables of a host come from."""
        self._play = play

    def v2_runner_on_start(self, host: t.Any, task: t.Any) -> None:
        """Write that a task begins."""
        if self._is_written(host.get_name(), task):
            self._began[host.get_name(), task._uuid] = time.monotonic()
            self._write(host.get_name(), task, "begin")

    def v2_runner_on_ok(self, result: t.Any) -> None:
        """Write that a task ended well, or learn where the evidence of its host is."""
        host, task, told = _parts(result)
        if task.action == EVIDENCE:
            state = task.args.get("state")
            path = told.get("path")
            if state == "started":
                self._directories[host] = path if isinstance(path, str) else ""
                self._secrets[host] = self._secrets_of(_host_of(result), task)
            elif state == "bundled":
                self._directories.pop(host, None)
            return
        self._end(host, task, "changed" if told.get("changed") else "ok", told)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        """Write that a task failed."""
        host, task, told = _parts(result)
        self._end(host, task, "failed", told, is_ignored=ignore_errors)

    def v2_runner_on_skipped(self, result: t.Any) -> None:
        """Write that a task was skipped."""
        host, task, told = _parts(result)
        self._end(host, task, "ok", {**told, "msg": "It was skipped."})

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        """Write that the target of a task could not be reached."""
        host, task, told = _parts(result)
        self._end(host, task, "failed", told)

    def _secrets_of(self, host: t.Any, task: t.Any) -> frozenset[str]:
        """Return what no task of a host may leave in its journal, by its variables at the begin of its test."""
        if self._play is None:
            return frozenset()
        try:
            variables = self._play.get_variable_manager().get_vars(play=self._play, host=host, task=task)
        except AnsibleError:  # whoever needs the variables says so
            return frozenset()
        return secrets_of(variables, Templar(loader=self._play.get_loader(), variables=variables))

    def _is_written(self, host: str, task: t.Any) -> bool:
        """Whether a task is of the user and its host has evidence that is not finished."""
        directory = self._directories.get(host)
        if not directory or task.action.startswith((COLLECTION, ARGUMENTS)) or task.check_mode:
            return False
        return not is_own(task) and not os.path.exists(os.path.join(directory, MANIFEST))

    def _end(self, host: str, task: t.Any, outcome: str, told: dict[str, t.Any], *, is_ignored: bool = False) -> None:
        began = self._began.pop((host, task._uuid), None)
        if began is None:
            return
        seconds = round(time.monotonic() - began, 3)
        message = HIDDEN if task.no_log or told.get("censored") else str(told.get("msg") or "")
        is_ignored |= bool(task.failed_when)
        self._write(host, task, "end", outcome=outcome, msg=message, result={}, seconds=seconds, is_ignored=is_ignored)

    def _write(self, host: str, task: t.Any, event: str, **values: t.Any) -> None:
        name = str(task.name or task.action).rpartition(" : ")[2]
        about = {"id": f"{task._uuid}-{host}", "step": name, "module": task.action, "arguments": {}}
        secrets = {*self._secrets.get(host, ()), *secrets_of_environment()}
        try:
            journal.append(self._directories[host], event, {**about, **values}, secrets)
        except OSError as error:
            if not self._is_warned:
                self._is_warned = True
                self._display.warning(f"The journal in {self._directories[host]} cannot be written: {error.strerror}.")


def _host_of(result: t.Any) -> t.Any:
    return getattr(result, "host", None) or result._host


def _parts(result: t.Any) -> tuple[str, t.Any, dict[str, t.Any]]:
    """Return host, task and values of a result, which ansible-core 2.19 gives other names than 2.16."""
    task = getattr(result, "task", None) or result._task
    told = getattr(result, "result", None) or getattr(result, "_result", {})
    return _host_of(result).get_name(), task, dict(told)
