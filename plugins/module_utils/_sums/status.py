# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a deployment or event stands: one look, or looking until it has ended."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.deployments import look_at
from ansible_collections.hatci.automation.plugins.module_utils._sums.records import (
    PREDICTED_ID,
    refuse_predicted,
    require,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import Record
from ansible_collections.hatci.automation.plugins.module_utils._sums.states import Goals
from ansible_collections.hatci.automation.plugins.module_utils._sums.waiter import Wait, WaitPolicy


def update_status(
    client: SumsClient, options: t.Mapping[str, t.Any], check_mode: bool, **waiting: t.Callable[..., t.Any]
) -> Record:
    """Look at a deployment or an event, or wait for a deployment to end in success.

    In check mode one look is taken and nothing is waited for.

    :param waiting: ``say`` and ``sleep`` of :class:`Wait`.
    :returns: ``changed`` (never), ``state``, ``reason``, ``timestamps`` and ``status``.
    :raises DeploymentFailed: waiting, and it ended in a failure state.
    :raises WaitTimeout: waiting, and it did not end in time.
    """
    require(options, "wait_timeout", "poll_interval", "outage_timeout")
    for name in ("wait_timeout", "poll_interval"):
        if not 0 < options[name] <= 30 * 86400:
            raise errors.InputError(f"{name} is {options[name]:g}; give seconds, more than 0 and at most 30 days.")
    if not options["outage_timeout"] >= 0:
        raise errors.InputError(f"outage_timeout is {options['outage_timeout']:g}; give seconds, 0 or more.")
    goals = Goals(options["success_states"] or [], options["failure_states"] or [])
    if options["deployment_id"] is None and options["event_id"] is None:
        raise errors.InputError("deployment_id and event_id are both empty; give one of them.")
    collection, what = ("deployments", "deployment") if options["deployment_id"] is not None else ("events", "event")
    require(options, f"{what}_id")
    record_id = options[f"{what}_id"]
    if check_mode and record_id == PREDICTED_ID:
        return {"changed": False, "state": "PENDING", "reason": "", "timestamps": {}, "status": {}}
    refuse_predicted(record_id, f"{what}_id")
    if not options["wait"] or check_mode:
        return {"changed": False, **look_at(client, collection, record_id)}
    patience = WaitPolicy(options["wait_timeout"], options["poll_interval"], options["outage_timeout"], goals)
    wait = Wait(what, record_id, lambda within: look_at(client, collection, record_id, within), patience, **waiting)
    return {"changed": False, **wait.run()}
