# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in for AAP answers as an AWX was seen to."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator

import pytest

from hatci_lab.aap.process import AapProcess

ENDED = "2026-11-25T10:00:00.000000Z"
EVENT = {"event": "runner_on_ok", "event_data": {"task": "Deploy", "task_action": "x", "res": {"a": 1}}}


@pytest.fixture(scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AapProcess]:
    with AapProcess(tmp_path_factory.mktemp("aap") / "aap.log") as running:
        yield running


@pytest.fixture
def aap(_running: AapProcess) -> AapProcess:
    _running.reset()
    return _running


@pytest.mark.parametrize(
    ("ending", "keeps_artifacts"),
    [
        ({"status": "canceled"}, False),
        ({"status": "error"}, False),
        ({"status": "failed", "job_explanation": "Job terminated due to timeout"}, False),
        ({"status": "failed"}, True),
        ({"status": "successful"}, True),
    ],
    ids=str,
)
def test_how_a_job_ended_decides_about_its_artifacts_and_its_events_stay(
    aap: AapProcess, ending: dict[str, t.Any], keeps_artifacts: bool
) -> None:
    aap.add_events(41, [EVENT])
    aap.put_job(41, name="T", finished=ENDED, artifacts={"ota_tests": {}}, **ending)
    job = aap.get("/jobs/41/").json()
    assert (job["status"], bool(job["artifacts"])) == (ending["status"], keeps_artifacts)
    assert aap.get("/jobs/41/job_events/").json()["count"] == 1


def test_dead_jobs_are_found_by_status_template_and_time(aap: AapProcess) -> None:
    for number, status in enumerate(["canceled", "failed", "error", "successful", "running"], start=1):
        aap.put_job(number, name="T", status=status, finished=None if status == "running" else ENDED)
    aap.put_job(9, name="Other", status="failed", finished=ENDED)
    filters = "status__in=canceled,failed,error&job_template__name__in=T,U"
    found = aap.get(f"/jobs/?{filters}&finished__gt=2026-11-25T09:00:00Z").json()["results"]
    assert [job["id"] for job in found] == [1, 2, 3]
    assert aap.get(f"/jobs/?{filters}&finished__gt=2026-11-25T11:00:00Z").json()["results"] == []
    assert [job["id"] for job in aap.get("/jobs/?order_by=id&id__gt=3").json()["results"]] == [4, 5, 9]


def test_lists_have_pages_whose_links_are_relative(aap: AapProcess) -> None:
    aap.put_job(1, name="T")
    aap.add_events(1, [EVENT] * 450)
    first = aap.get("/jobs/1/job_events/?page_size=1000").json()
    assert (first["count"], len(first["results"])) == (450, 200)
    assert first["next"].startswith("/api/v2/jobs/1/job_events/?")
    assert len(aap.get(first["next"].removeprefix("/api/v2")).json()["results"]) == 200


def test_events_are_filtered_as_awx_does(aap: AapProcess) -> None:
    aap.put_job(1, name="T")
    aap.add_events(1, [EVENT, {"event": "verbose", "event_data": {}}])
    assert aap.get("/jobs/1/job_events/?event=runner_on_ok").json()["count"] == 1
    assert aap.get("/jobs/1/job_events/?task=Deploy").json()["count"] == 1
    assert aap.get("/jobs/1/job_events/?event_data__contains=task_action").json()["count"] == 1
    assert aap.get("/jobs/1/job_events/?event_data__task_action=x").status_code == 400


def test_a_result_that_is_too_long_is_empty_and_a_censored_one_stays_so(aap: AapProcess) -> None:
    aap.put_job(1, name="T")
    hidden = {"censored": "the output has been hidden"}
    aap.add_events(1, [{"event": "runner_on_ok", "event_data": {"res": res}} for res in ({"x": "y" * 700_001}, hidden)])
    results = aap.get("/jobs/1/job_events/").json()["results"]
    assert [event["event_data"]["res"] for event in results] == [{}, hidden]


def test_who_is_no_auditor_gets_an_empty_list_and_403_for_one(aap: AapProcess) -> None:
    aap.put_job(1, name="T")
    aap.put_user("weak", "erika")
    assert aap.get("/jobs/", token="weak").json()["results"] == []
    assert aap.get("/jobs/1/", token="weak").status_code == 403
    assert aap.get("/jobs/1/job_events/", token="weak").status_code == 403
    assert aap.get("/me/", token="weak").json()["results"][0]["is_system_auditor"] is False
    assert aap.get("/me/").json()["results"][0]["is_system_auditor"] is True
    assert aap.get("/jobs/", token="wrong").status_code == 401


def test_what_is_deleted_or_elsewhere_is_404(aap: AapProcess) -> None:
    aap.put_job(1, name="T")
    aap.delete_job(1)
    assert aap.get("/jobs/1/").status_code == 404
    assert aap.get("/jobs/1/job_events/").status_code == 404
    assert aap.get("/../controller/v2/jobs/").status_code == 404


def test_the_nodes_of_a_workflow_lead_to_the_job_of_its_test(aap: AapProcess) -> None:
    aap.put_workflow(7, [{"identifier": "test", "job": 41, "do_not_run": False}])
    (node,) = aap.get("/workflow_jobs/7/workflow_nodes/").json()["results"]
    assert node["job"] == 41
