# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that stand for one vehicle are found before any of them is tested."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleUndefinedVariable

from ansible_collections.hatci.automation.plugins.lookup.shared_vins import LookupModule

ONE, OTHER = "1HGBH41JXMN109186", "1HGBH41JXMN109187"


class Unrendered(dict[str, t.Any]):
    def get(self, *_arguments: t.Any) -> t.Any:
        raise AnsibleUndefinedVariable("'rack' is undefined")


def shared(**hosts: t.Any) -> list[str]:
    variables = {host: vin if isinstance(vin, dict) else {"hatci_vin": vin} for host, vin in hosts.items()}
    return LookupModule().run([], {"ansible_play_hosts_all": list(hosts), "hostvars": variables})


def test_hosts_with_one_vin_are_named() -> None:
    (sentence,) = shared(a=ONE, b=OTHER, c=ONE.lower(), d=f" {ONE}")
    assert sentence == (
        f"a, c and d have the same hatci_vin, {ONE}, so several tests would update one vehicle; "
        "give each host the VIN of its own vehicle."
    )
    assert len(shared(a=ONE, b=OTHER, c=ONE, d=OTHER)) == 2


@pytest.mark.parametrize(
    "hosts",
    [
        {},
        {"a": ONE},
        {"a": ONE, "b": OTHER},
        {"a": "", "b": " ", "c": {}, "d": {}},
        {"a": 7, "b": 7},
        {"a": Unrendered(), "b": Unrendered(), "c": ONE},
    ],
)
def test_what_is_no_shared_vin_is_left_to_the_test_of_the_host(hosts: dict[str, t.Any]) -> None:
    assert shared(**hosts) == []


def test_only_the_hosts_of_the_play_count() -> None:
    hostvars = {"a": {"hatci_vin": ONE}, "b": {"hatci_vin": ONE}}
    assert LookupModule().run([], {"ansible_play_hosts_all": ["a"], "hostvars": hostvars}) == []
    assert LookupModule().run([]) == []
