# SPDX-License-Identifier: GPL-3.0-or-later
"""What jobs hand on to the later nodes of their workflow, and what those make of it."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.hatci.automation.plugins.plugin_utils.job import job_of
from ansible_collections.hatci.automation.plugins.plugin_utils.workflow_data import joined, names_of, to_hand_on


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({"awx_job_id": 4711}, ["ota_tests", "ota_tests_of_000000004711"]),
        ({"tower_job_id": "7"}, ["ota_tests", "ota_tests_of_000000000007"]),
        ({}, ["ota_tests"]),
        ({"awx_job_id": "nightly"}, ["ota_tests"]),
    ],
)
def test_a_job_of_aap_hands_on_under_a_name_of_its_own_too(
    variables: dict[str, t.Any], names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JOB_ID", raising=False)
    assert to_hand_on(variables, "ota_tests", {"vehicle_001": {}}) == {name: {"vehicle_001": {}} for name in names}


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://aap.example.com/", "https://aap.example.com/execution/jobs/playbook/4711/output"),
        ("https://platformhost", ""),
        ("https://platformhost/", ""),
        ("", ""),
    ],
)
def test_a_job_has_an_address_only_where_somebody_has_set_that_of_the_platform(
    base: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWX_HOST", base)
    assert job_of({"awx_job_id": 4711}).url == url


def test_a_later_job_comes_after_an_earlier_one_and_the_last_one_last() -> None:
    variables = [
        "ota_tests",
        "ota_tests_of_000000000010",
        "ota_tests_of_000000000007",
        "ota_tests_of_mine",
        "x_ota_tests",
    ]
    assert names_of(variables, "ota_tests") == ["ota_tests_of_000000000007", "ota_tests_of_000000000010", "ota_tests"]


@pytest.mark.parametrize(
    ("values", "one"),
    [
        ([], {}),
        ([{"a": 1, "b": 1}, {"b": 2}], {"a": 1, "b": 2}),
        ([["a", "b"], ["b", "c"]], ["a", "b", "c"]),
        ([["a"], "b", None, {}], ["a", "b"]),
    ],
)
def test_what_several_jobs_handed_on_is_one(values: list[t.Any], one: t.Any) -> None:
    assert joined(values) == one
