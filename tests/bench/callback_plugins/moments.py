# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes when which task of which host ended, for the benchmark."""

from __future__ import annotations

import json
import os
import time
import typing as t

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: moments
type: notification
short_description: Write when each task ended
description: Writes lines of JSON to the file that the environment variable MOMENTS names.
"""


class CallbackModule(CallbackBase):
    """Notes the moment of each task that did something."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "moments"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result: t.Any) -> None:
        line = {
            "time": time.time(),
            "host": result._host.get_name(),
            "action": result._task.action,
            "arguments": {name: str(value) for name, value in result._task.args.items()},
        }
        with open(os.environ["MOMENTS"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
