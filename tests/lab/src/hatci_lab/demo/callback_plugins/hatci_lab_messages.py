# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows what tasks always want to be shown, where hosts that are ok are hidden."""

from __future__ import annotations

from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: hatci_lab_messages
type: notification
short_description: Show the messages of debug and assert
description: For the demo, which hides hosts that are ok.
"""


class CallbackModule(CallbackBase):
    """Sees results as every callback does, that is after Ansible has hidden what must not be shown."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "hatci_lab_messages"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result: Any) -> None:
        """Show the message of a result that is to be shown at any verbosity."""
        if result._result.get("_ansible_verbose_always") and "msg" in result._result:
            self._display.display(f"\n{result._result['msg']}")
