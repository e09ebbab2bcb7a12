# SPDX-License-Identifier: GPL-3.0-or-later
"""What is advised to hosts that wait for one device."""

from __future__ import annotations

from ansible_collections.hatci.automation.plugins.action.jumpstarter_lease import advice_on_forks


def test_hosts_that_wait_are_told_of_forks_only_where_these_are_short() -> None:
    assert advice_on_forks(3, 3) == advice_on_forks(5, 1) == ""
    assert advice_on_forks(2, 3).endswith("there are 3 hosts; run with --forks 3.")
