# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the test of a host handed on, and whether it was a test of this run."""

from __future__ import annotations

import typing as t

NOT_OURS = "ota_result was set by something else than the test of this run, so how the test ended is not known"


def handed_on_by(host: str, variables: t.Mapping[str, t.Any], run: str) -> dict[str, t.Any]:
    """Return the test of a host as ``vehicle``, ``result`` and ``reason``.

    :param variables: of the host.
    :param run: identity of the ansible-playbook process.
    """
    result, reason = variables.get("ota_result") or {}, variables.get("ota_fleet_reason") or ""
    if isinstance(result, dict) and result.get("outcome") and result.get("run") != run:
        return {"vehicle": host, "result": {}, "reason": NOT_OURS}
    return {"vehicle": host, "result": result if isinstance(result, dict) else {}, "reason": str(reason)}


def tests_of(host: str, variables: t.Mapping[str, t.Any], run: str) -> list[dict[str, t.Any]]:
    """Return the tests of a host, one for each ``scenario`` of a suite."""
    suite = variables.get("ota_suite_result")
    if not isinstance(suite, dict) or suite.get("run") != run:
        return [handed_on_by(host, variables, run)]
    rows, reason = suite.get("rows") or {}, str(variables.get("ota_fleet_reason") or "")
    return [
        {"vehicle": host, "scenario": name, "result": rows.get(name) or {}, "reason": "" if name in rows else reason}
        for name in suite["scenarios"]
    ]


def tests_of_play(variables: t.Mapping[str, t.Any], run: str) -> list[dict[str, t.Any]]:
    """Return the tests of all hosts of a play, by the variables of one of them."""
    hosts = variables.get("ansible_play_hosts_all", [])
    return [test for host in hosts for test in tests_of(host, variables["hostvars"][host], run)]
