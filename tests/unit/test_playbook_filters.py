# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks say of several vehicles or leases at their end."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.hatci.automation.plugins.filter.not_handed_over import FilterModule as OfHandover
from ansible_collections.hatci.automation.plugins.filter.orphan_fate import FilterModule as OfOrphans

not_handed_over = OfHandover().filters()["not_handed_over"]
orphan_fate = OfOrphans().filters()["orphan_fate"]


def test_what_no_later_job_can_go_on_with_is_named_in_the_order_of_the_play() -> None:
    hosts: dict[str, dict[str, t.Any]] = {
        "begun": {"__hatci_ota_test_handover": {"changed": True, "handover": {"test_event_id": "te-1"}}},
        "failed": {"__hatci_ota_test_handover": {"failed": True, "msg": "No."}},
        "skipped": {"__hatci_ota_test_handover": {"skipped": True}},
        "never there": {},
    }

    assert not_handed_over(["skipped", "begun", "never there", "failed"], hosts) == ["skipped", "never there", "failed"]


@pytest.mark.parametrize(
    ("name", "check_mode", "fate"),
    [
        ("mine", False, "released"),
        ("theirs", False, "belongs to another client and was left alone"),
        ("theirs", True, "belongs to another client and was left alone"),
        ("ended", False, "gone meanwhile"),
        ("ended", True, "would be released"),
    ],
)
def test_each_orphaned_lease_is_told_with_what_became_of_it(name: str, check_mode: bool, fate: str) -> None:
    leases = {one: {"lease_name": one, "client": one} for one in ("mine", "theirs", "ended")}
    found = {
        "released": ["mine"],
        "orphans": [leases["mine"], leases["ended"]],
        "others": [leases["theirs"]],
    }

    assert orphan_fate(leases[name], found, check_mode) == fate
