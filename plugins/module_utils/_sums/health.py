# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether SUMS is up and takes our token."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import Record, find_error, find_states

DOWN = frozenset(
    {"DOWN", "ERROR", "FAIL", "FAILED", "FAILING", "UNHEALTHY", "UNAVAILABLE", "OUT_OF_SERVICE", "CRITICAL", "OFFLINE"}
)


def check_health(client: SumsClient, options: t.Mapping[str, t.Any], check_mode: bool) -> Record:
    """Ask SUMS for its health.

    An older SUMS has no health endpoint; it is reachable all the same.

    :returns: ``changed`` (never), ``health_endpoint`` and ``health``.
    :raises RequestError: SUMS is not there, has a fault or refuses the token.
    """
    try:
        reply = client.get("health")
        health = reply.value
    except errors.NotFound as error:
        client.warnings.append(
            f"{error.message.partition(';')[0]}; if this is an older SUMS without a health endpoint, all is well, "
            "if not, check hatci_base_url. The token could not be checked."
        )
        return {"changed": False, "health_endpoint": False, "health": {}}
    except errors.ReplyLost as error:
        advice = "check hatci_base_url: its port, and whether it must be http or https."
        if client.connection.base_url.lower().startswith("https:"):
            advice = "check the port in hatci_base_url, and client_cert, since it may refuse the client certificate."
        error.message = f"{error.message.rstrip('.')}; {advice}"
        raise
    if trouble := _trouble_of(health):
        raise reply.error(errors.ServerFault, f"SUMS answers, but says of itself that {trouble}; tell its operators.")
    return {"changed": False, "health_endpoint": True, "health": health}


def _trouble_of(health: t.Any) -> str:
    """Return in words that SUMS calls itself out of order; empty if it does not."""
    if not isinstance(health, dict):
        return ""
    if error := find_error(health):
        return f"{error[0]} is {error[1]!r}"
    status = find_states(health).get("status", "")
    return f"status is {status}" if status in DOWN else ""
