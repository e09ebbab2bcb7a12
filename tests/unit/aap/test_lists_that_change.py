# SPDX-License-Identifier: GPL-3.0-or-later
"""A list of jobs of several pages, some of which end while it is read: no job that lives is overlooked."""

from __future__ import annotations

import json
import typing as t

import pytest
import responses
from requests import PreparedRequest

from ansible_collections.hatci.automation.plugins.module_utils._aap.api import Aap
from ansible_collections.hatci.automation.plugins.module_utils._aap.job_history import find_dead_jobs, find_living_jobs
from ansible_collections.hatci.automation.plugins.module_utils._aap.jobs import ask_running_jobs

AAP = "https://aap.example.com"
ROOT = f"{AAP}/api/v2/"
SIZE = 2

Answer = tuple[int, dict[str, str], str]


class Jobs:
    """A list of AAP, of which after each page its first job leaves.

    :param knows_ids: whether AAP knows the filter by ids.
    """

    def __init__(self, knows_ids: int = 200) -> None:
        self.ids = [3, 5, 41, 42, 52]
        self.left: list[int] = []
        self.changes = True
        self._knows_ids = knows_ids

    def answer(self, request: PreparedRequest) -> Answer:
        asked = t.cast("t.Any", request).params
        if "id__gt" in asked and self._knows_ids == 400:
            return 400, {}, json.dumps({"detail": "no such filter"})
        last = int(asked.get("id__gt", 0)) if self._knows_ids == 200 else 0
        ids, start = [one for one in self.ids if one > last], (int(asked.get("page", 1)) - 1) * SIZE
        shown = [{"id": one, "status": "running", "extra_vars": "{}"} for one in ids[start : start + SIZE]]
        page = {**asked, "page": str(start // SIZE + 2)}
        link = "/api/v2/jobs/?" + "&".join(f"{name}={value}" for name, value in page.items())
        if self.changes:
            self.left.append(self.ids.pop(0))
            self.ids.append(self.ids[-1] + 10)  # so the list gets no shorter
        return 200, {}, json.dumps({"results": shown, "next": link if start + SIZE < len(ids) else None})


@pytest.fixture
def aap(answers: responses.RequestsMock) -> responses.RequestsMock:
    """Return an AAP whose token sees every job."""
    answers.get(f"{ROOT}me/", json={"results": [{"is_superuser": True, "is_system_auditor": False}]})
    return answers


def living() -> set[str]:
    with Aap(10.0, "Nothing was done.", retry_timeout=0.0) as asked:
        return {job.id for job in find_living_jobs(asked)}


def dead() -> set[str]:
    with Aap(10.0, "Nothing was done.", retry_timeout=0.0) as asked:
        return {job.id for job in find_dead_jobs(asked, ["T"], 0.0)}


@pytest.mark.parametrize("ask", [living, dead, ask_running_jobs])
def test_a_job_that_ends_between_two_pages_hides_no_other(
    aap: responses.RequestsMock, ask: t.Callable[[], set[str]]
) -> None:
    jobs = Jobs()
    for kind in ("jobs", "unified_jobs"):
        aap.add_callback(responses.GET, f"{ROOT}{kind}/", jobs.answer)
    assert {"41", "42", "52"} <= ask(), "they were there when it was asked"
    assert jobs.left[:2] == [3, 5]


@pytest.mark.parametrize("answer", [400, 0], ids=["refuses", "passes it over"])
def test_an_aap_that_knows_no_filter_by_ids_is_asked_page_by_page(aap: responses.RequestsMock, answer: int) -> None:
    jobs = Jobs(knows_ids=answer)
    jobs.changes = False
    aap.add_callback(responses.GET, f"{ROOT}jobs/", jobs.answer)
    assert living() == {"3", "5", "41", "42", "52"}
