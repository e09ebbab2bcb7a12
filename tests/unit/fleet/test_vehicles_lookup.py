# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts a playbook runs for, and the options under which it must not run at all."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader

GROUPS = {"all": ["good", "bad"], "ungrouped": ["good", "bad"]}


def hosts_of(pattern: str, **variables: t.Any) -> list[str]:
    lookup = lookup_loader.get("hatci.automation.vehicles", loader=DataLoader())
    return t.cast("list[str]", lookup.run([pattern], {"groups": GROUPS, **variables}))


@pytest.mark.parametrize(("pattern", "expected"), [("all", ["all"]), ("good", ["good"]), ("typo", ["localhost"])])
def test_a_pattern_that_matches_nothing_leads_to_localhost(pattern: str, expected: list[str]) -> None:
    assert hosts_of(pattern) == expected


@pytest.mark.parametrize("skipped", ["always", "tagged"])
def test_tags_whose_absence_would_make_a_failed_run_green_cannot_be_skipped(skipped: str) -> None:
    with pytest.raises(AnsibleError, match=f"--skip-tags {skipped} would leave out what decides"):
        hosts_of("all", ansible_skip_tags=["slow", skipped])


def test_other_tags_can_be_skipped() -> None:
    assert hosts_of("all", ansible_skip_tags=["slow"]) == ["all"]
