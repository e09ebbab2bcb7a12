# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums.closer import announce_report, settle_test_event
from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import DirectoryUnsafe
from ansible_collections.hatci.automation.plugins.modules import hatci_test_event_update
from ansible_collections.hatci.automation.plugins.plugin_utils.in_process import InProcessAction, playbook_process


class ActionModule(InProcessAction):
    """Runs the module of the same name, and tells the closer of the test event about it."""

    module = hatci_test_event_update

    def before(self, options: dict[str, t.Any]) -> None:
        if self._reports(options):
            with contextlib.suppress(DirectoryUnsafe):
                announce_report(options, playbook_process())

    def after_success(self, options: dict[str, t.Any], result: dict[str, t.Any]) -> None:
        if self._reports(options):
            with contextlib.suppress(DirectoryUnsafe):
                settle_test_event(options, playbook_process())

    def _reports(self, options: dict[str, t.Any]) -> bool:
        """Whether the outcome of a test event is told that this play may have begun."""
        return bool(options["status"] and not options["kept_report"] and not self._task.check_mode)
