# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what each task gave as one line of JSON, for tests."""

from __future__ import annotations

import json
import os
import typing as t

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: results_as_lines
type: notification
short_description: Write each task's result as a line of JSON
description: Writes to the file that the environment variable RESULTS_AS_LINES names.
"""


class CallbackModule(CallbackBase):
    """Sees results as every callback does, that is after Ansible has hidden what must not be shown."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "results_as_lines"
    CALLBACK_NEEDS_ENABLED = True

    def _write(self, outcome: str, result: t.Any) -> None:
        task = result._task
        line = {
            "name": task.get_name(),
            "host": result._host.get_name(),
            "action": task.action,
            "outcome": outcome,
            "result": result._result,
        }
        with open(os.environ["RESULTS_AS_LINES"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line, default=str) + "\n")

    def v2_runner_on_ok(self, result: t.Any) -> None:
        self._write("ok", result)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        self._write("failed", result)

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        self._write("unreachable", result)

    def v2_runner_on_skipped(self, result: t.Any) -> None:
        self._write("skipped", result)
