# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts a playbook runs for, and the options under which it must not run at all."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible import context
from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader

from ansible_collections.hatci.automation.plugins.plugin_utils import inventory_sources

GROUPS = {"all": ["good", "bad"], "ungrouped": ["good", "bad"]}


def hosts_of(pattern: str, **variables: t.Any) -> list[str]:
    lookup = lookup_loader.get("hatci.automation.vehicles", loader=DataLoader())
    return t.cast("list[str]", lookup.run([pattern], {"groups": GROUPS, **variables}))


@pytest.mark.parametrize(("pattern", "expected"), [("all", ["all"]), ("good", ["good"]), ("typo", ["localhost"])])
def test_a_pattern_that_matches_nothing_leads_to_localhost(pattern: str, expected: list[str]) -> None:
    assert hosts_of(pattern) == expected


def test_a_pattern_that_matches_nothing_leads_to_no_localhost_that_is_a_host_of_the_inventory() -> None:
    """The plays could not tell it from a vehicle, and those for the pattern are skipped: a green run of nothing."""
    hosts = ["good", "localhost"]
    groups = {"all": hosts, "ungrouped": hosts}
    with pytest.raises(AnsibleError, match="No host matches typo"):
        hosts_of("typo", groups=groups)
    assert hosts_of("all", groups=groups) == ["all"]
    assert hosts_of("localhost", groups=groups) == ["localhost"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "The host pattern is empty; give a vehicle"),
        (7, "The host pattern is the number 7; give a vehicle, a group, or all, in quotes"),
        (True, "The host pattern is the boolean true"),
        ({"a": 1}, "The host pattern is a mapping"),
        ([], "The host pattern is empty"),
    ],
)
def test_what_is_no_pattern_is_told_in_one_sentence(given: t.Any, words: str) -> None:
    with pytest.raises(AnsibleError, match=words):
        hosts_of(given)


@pytest.mark.parametrize("pattern", ["good,typo", "good:typo", "typo,good,!bad", "good,ty*"])
def test_a_vehicle_that_is_not_there_is_missed_beside_one_that_is(pattern: str) -> None:
    with pytest.raises(AnsibleError, match=r"No host matches ty(po|\*) of the pattern"):
        hosts_of(pattern)


@pytest.mark.parametrize("pattern", ["good,bad", "all:!typo", "bad,good", "all:&ungrouped", "~g.*"])
def test_each_part_of_a_pattern_may_match(pattern: str) -> None:
    assert hosts_of(pattern) == [pattern]
    assert hosts_of(pattern, ansible_limit="good") == [pattern], "a limit leaves out what is there"


@pytest.mark.parametrize("skipped", ["always", "tagged"])
def test_tags_whose_absence_would_make_a_failed_run_green_cannot_be_skipped(skipped: str) -> None:
    with pytest.raises(AnsibleError, match=f"--skip-tags {skipped} would leave out what decides"):
        hosts_of("all", ansible_skip_tags=["slow", skipped])


@pytest.mark.parametrize("task", ["a typo", "Look at the vehicle before its update"])
def test_a_run_that_starts_at_a_task_does_not_begin(monkeypatch: pytest.MonkeyPatch, task: str) -> None:
    """Ansible finds no task that is included, skips all and is green."""
    monkeypatch.setattr(context, "CLIARGS", {"start_at_task": task})
    with pytest.raises(AnsibleError, match=f"--start-at-task '{task}' would leave out what tests"):
        hosts_of("all")
    monkeypatch.setattr(context, "CLIARGS", {"start_at_task": None})
    assert hosts_of("all") == ["all"]


def test_other_tags_can_be_skipped() -> None:
    assert hosts_of("all", ansible_skip_tags=["slow"]) == ["all"]


def test_a_part_of_the_inventory_that_is_not_there_is_not_taken_for_the_whole(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text("all: {hosts: {good: {}, bad: {}}}")
    there, absent = str(tmp_path / "hosts.yml"), str(tmp_path / "other.yml")
    with pytest.raises(AnsibleError, match=r"other\.yml does not exist"):
        hosts_of("all", ansible_inventory_sources=[there, absent])
    assert hosts_of("all", ansible_inventory_sources=[there]) == ["all"]
    assert hosts_of("all", ansible_inventory_sources=["good,bad"]) == ["all"]
    assert hosts_of("localhost", ansible_inventory_sources=[absent]) == ["localhost"], "as without any inventory"
    assert hosts_of("typo", ansible_inventory_sources=[absent]) == ["localhost"], "the play refuses that"


BROKEN = {
    "other.yml": "all: {hosts: [oops",
    "hosts-other": "[bench\ncar",
    "other.proxmox.yml": "plugin: community.general.no_such_plugin\n",
    "other.sh": "#!/bin/sh\nexit 1\n",
}


@pytest.mark.parametrize("in_directory", [False, True])
@pytest.mark.parametrize("name", BROKEN)
def test_a_source_that_cannot_be_parsed_is_missed(tmp_path: Path, name: str, in_directory: bool) -> None:
    (tmp_path / "hosts.yml").write_text("all: {hosts: {good: {}, bad: {}}}")
    (tmp_path / "notes").write_text("[what\n")
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars/all.yml").write_text("region: US\n")
    sources = [str(tmp_path)] if in_directory else [str(tmp_path / "hosts.yml"), str(tmp_path / name)]
    if in_directory:
        assert hosts_of("all", ansible_inventory_sources=sources) == ["all"], "notes are no source"
        inventory_sources._unparsed.cache_clear()
    (tmp_path / name).write_text(BROKEN[name])
    (tmp_path / name).chmod(0o755 if name.endswith(".sh") else 0o644)
    with pytest.raises(AnsibleError, match=f"{name} cannot be parsed as an inventory source"):
        hosts_of("all", ansible_inventory_sources=sources)


def test_a_source_of_variables_alone_is_none_that_is_missed(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text("all: {hosts: {good: {}, bad: {}}}")
    (tmp_path / "regions.yml").write_text("all: {vars: {region: US}}")
    (tmp_path / "groups.yml").write_text("plugin: ansible.builtin.constructed\ngroups: {us: region == 'US'}\n")
    sources = [str(tmp_path / name) for name in ("hosts.yml", "regions.yml", "groups.yml")]
    assert hosts_of("all", ansible_inventory_sources=sources) == ["all"]


@pytest.mark.parametrize("in_directory", [False, True])
def test_vehicles_that_sums_could_not_be_asked_for_are_missed(tmp_path: Path, in_directory: bool) -> None:
    source = tmp_path / "bench.hatci.yml"
    base_url = "http://127.0.0.1:9"
    source.write_text(f"plugin: hatci.automation.hatci\nhatci_base_url: {base_url}\nhatci_token: t\nretry_timeout: 0\n")
    given = ["good,bad", str(tmp_path if in_directory else source)]
    inventory = InventoryManager(DataLoader(), sources=given)
    assert list(inventory.hosts) == ["good", "bad"], "Ansible itself only warns"
    with pytest.raises(AnsibleError, match=r"bench.hatci.yml: .*127.0.0.1:9.* Correct it or leave it out") as refused:
        hosts_of("all", ansible_inventory_sources=given)
    assert "nothing was done" in str(refused.value)
    assert hosts_of("all", ansible_inventory_sources=["good,bad"]) == ["all"], "another run has other sources"
