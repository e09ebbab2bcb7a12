# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a deployment or event stands: one look, or looking until it has ended."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.deployments import describe
from ansible_collections.hatci.automation.plugins.module_utils._sums.records import (
    PREDICTED_ID,
    refuse_predicted,
    require,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import Record
from ansible_collections.hatci.automation.plugins.module_utils._sums.states import Goals
from ansible_collections.hatci.automation.plugins.module_utils._sums.subject import Subject
from ansible_collections.hatci.automation.plugins.module_utils._sums.waiter import Point, Wait, WaitPolicy


def update_status(
    client: SumsClient, options: t.Mapping[str, t.Any], check_mode: bool, **waiting: t.Callable[..., t.Any]
) -> Record:
    """Look at a deployment or an event, or wait for a deployment to end in success.

    In check mode one look is taken and nothing is waited for.

    :param waiting: ``seen``, ``say``, ``sleep``, ``clock`` and ``now`` of :class:`Wait`.
    :returns: ``changed`` (never), ``state``, ``reason``, ``timestamps`` and ``status``; waiting for a point also
        ``reached``, ``progress`` and ``seen_at``.
    :raises AnotherRecord: SUMS answered about another one, or it is of another event or vehicle.
    :raises DeploymentFailed: waiting for the end, and it ended in a failure state.
    :raises WaitTimeout: waiting, and it did not end, or come to the point, in time.
    """
    require(options, "wait_timeout", "poll_interval", "outage_timeout")
    for name in ("wait_timeout", "poll_interval"):
        if not 0 < options[name] <= 30 * 86400:
            raise errors.InputError(f"{name} is {options[name]:g}; give seconds, more than 0 and at most 30 days.")
    if not options["outage_timeout"] >= 0:
        raise errors.InputError(f"outage_timeout is {options['outage_timeout']:g}; give seconds, 0 or more.")
    goals = Goals(options["success_states"] or [], options["failure_states"] or [])
    point = _point_of(options)
    if options["deployment_id"] is None and options["event_id"] is None:
        raise errors.InputError("deployment_id and event_id are both empty; give one of them.")
    what = "deployment" if options["deployment_id"] is not None else "event"
    require(options, f"{what}_id")
    record_id = options[f"{what}_id"]
    if check_mode and record_id == PREDICTED_ID:
        return {"changed": False, "state": "PENDING", "reason": "", "timestamps": {}, "status": {}}
    refuse_predicted(record_id, f"{what}_id")
    subject = Subject(
        client, what, record_id, goals, options["event_id"], options["vin"], _created_at_of(options.get("created"))
    )
    if check_mode or not (options["wait"] or point):
        return {"changed": False, **subject.look()}
    policy = WaitPolicy(options["wait_timeout"], options["poll_interval"], options["outage_timeout"], goals, point)
    return {"changed": False, **Wait(subject, policy, **waiting).run()}


def _created_at_of(created: t.Any) -> str | None:
    """Return when SUMS said that it created a deployment or event, if it did."""
    described = describe(created) if isinstance(created, dict) else {"timestamps": {}}
    found = described["timestamps"].get("created_at")
    return found if isinstance(found, str) else None


def _point_of(options: t.Mapping[str, t.Any]) -> Point | None:
    """Return the point to wait for; None if the end is waited for.

    :raises InputError: it cannot be reached.
    """
    state, progress = options["until_state"], options["until_progress"]
    if state is None and progress is None:
        return None
    if state is not None:
        require(options, "until_state")
    if progress is not None and not 0 < progress <= 100:
        raise errors.InputError(f"until_progress is {progress:g}; give percent, more than 0 and at most 100.")
    return Point(state, progress)
