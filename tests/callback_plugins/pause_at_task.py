# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets a play stand still where one of its tasks begins, for tests that kill it there."""

from __future__ import annotations

import json
import os
import threading
import typing as t

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: pause_at_task
type: notification
short_description: Stand still where a task begins
description:
  - Writes each task that begins as a line of JSON to the file that the environment variable TASKS_AS_LINES names.
  - Stands still for ever where the one that PAUSE_AT_TASK names begins, by its number, from 1, or by its name without
    its role.
"""


class CallbackModule(CallbackBase):
    """Runs in the process that hands out the tasks, so nothing of the task has happened when that stands still."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "pause_at_task"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._begun = 0

    def _begin(self, task: t.Any) -> None:
        self._begun += 1
        name = task.get_name().rpartition(" : ")[2]
        is_here = os.environ.get("PAUSE_AT_TASK") in (str(self._begun), name)
        line = {"number": self._begun, "name": name, "action": task.action, "is_here": is_here}
        with open(os.environ["TASKS_AS_LINES"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if is_here:
            threading.Event().wait()

    def v2_playbook_on_task_start(self, task: t.Any, is_conditional: bool) -> None:
        self._begin(task)

    def v2_playbook_on_handler_task_start(self, task: t.Any) -> None:
        self._begin(task)
