# SPDX-License-Identifier: GPL-3.0-or-later
"""What AAP says of a job is believed only where it is AAP that says it, and of that job."""

from __future__ import annotations

import typing as t

import pytest
import responses

from ansible_collections.hatci.automation.plugins.module_utils._aap.api import Aap, AapError
from ansible_collections.hatci.automation.plugins.module_utils._aap.job_history import (
    find_job,
    find_living_jobs,
    results_of,
)

AAP = "https://aap.example.com"
ROOT = f"{AAP}/api/v2/"
DONE = "Nothing was closed or released."


@pytest.fixture
def aap(answers: responses.RequestsMock) -> t.Iterator[Aap]:
    with Aap(10.0, DONE, retry_timeout=0.0) as made:
        yield made


@pytest.mark.parametrize(
    "odd",
    [
        {"status": 404, "body": "<html>no such page</html>"},
        {"status": 404, "body": ""},
        {"status": 404, "json": []},
        {"json": {}},
        {"json": []},
        {"json": {"detail": "starting"}},
        {"json": {"id": 99, "status": "successful"}},
    ],
)
def test_an_odd_answer_makes_no_job_deleted(aap: Aap, answers: responses.RequestsMock, odd: dict[str, t.Any]) -> None:
    answers.get(f"{ROOT}jobs/41/", **odd)
    with pytest.raises(AapError) as failure:
        find_job(aap, "41")
    assert failure.value.message.endswith(DONE)


def test_a_job_that_aap_has_deleted_is_told(aap: Aap, answers: responses.RequestsMock) -> None:
    answers.get(f"{ROOT}jobs/41/", status=404, json={"detail": "Not found."})
    answers.get(f"{ROOT}jobs/41/job_events/", status=404, json={"detail": "Not found."})
    assert find_job(aap, "41") is None
    assert list(results_of(aap, "41")) == []


def test_a_page_that_is_not_there_is_not_a_job_without_events(aap: Aap, answers: responses.RequestsMock) -> None:
    answers.get(f"{ROOT}jobs/41/job_events/", status=404, body="<html>")
    with pytest.raises(AapError, match="answered 404; that is not how AAP says"):
        list(results_of(aap, "41"))


@pytest.mark.parametrize("entry", [{}, None, {"id": None, "status": "running"}, {"status": "running"}])
def test_no_running_job_is_overlooked(aap: Aap, answers: responses.RequestsMock, entry: t.Any) -> None:
    answers.get(
        f"{ROOT}jobs/", json={"results": [{"id": 1, "status": "running", "extra_vars": "{}"}, entry], "next": None}
    )
    with pytest.raises(AapError, match="without a list of jobs"):
        find_living_jobs(aap)
