# SPDX-License-Identifier: GPL-3.0-or-later
"""Recoveries and resumptions in containers of their own, which share nothing but SUMS and AAP: one of them acts."""

from __future__ import annotations

import multiprocessing
import random
import tempfile
import time
import typing as t
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from play_support import VIN
from recovery_support import HOST, NOW, Lab, event, moment
from sums_support import client_of, run_module, validated

from ansible_collections.hatci.automation.plugins.module_utils._recovery import closings
from ansible_collections.hatci.automation.plugins.module_utils._recovery.recover import NotRecovered
from ansible_collections.hatci.automation.plugins.module_utils._recovery.resume import resume
from ansible_collections.hatci.automation.plugins.module_utils._recovery.resumption import recovery_mark
from ansible_collections.hatci.automation.plugins.module_utils._sums import test_events
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.errors import InputError, Rejected
from ansible_collections.hatci.automation.plugins.module_utils._sums.open_test_events import OpenTestEvent
from ansible_collections.hatci.automation.plugins.module_utils._sums.own_test_event import what_was_created
from ansible_collections.hatci.automation.plugins.module_utils._sums.test_events import send_left_report
from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import runtime_directory

RACES = 50
FORK = multiprocessing.get_context("fork")

Ids = dict[str, str]
Part = Callable[[Lab, Ids], str]


def recover_part(lab: Lab, _ids: Ids) -> str:
    try:
        return "acted" if lab.recover(later=time.time() - NOW)["closed"] else "left alone"
    except NotRecovered as told:
        assert "at the same moment, and what the metadata of its report had beside that was lost" in told.message, (
            told.message
        )
        return "told"


def report_part(lab: Lab, ids: Ids) -> str:
    """Report as a play that lives on although AAP calls its job over."""
    report = {"test_event_id": ids["test_event_id"], "event_id": ids["target"], "status": "PASS"}
    known = {"created": lab.test_event(ids["test_event_id"]), "event_id": ids["target"], "event": {}, "reported": None}
    given = {**report, "metadata": {"outcome": "PASS"}, "hatci_token": lab.sums.token}
    told = run_module("hatci_test_event_update", lab.sums.url, given, extras={"known": known})
    assert not told.get("failed"), told
    return "acted"


def resume_at(lab: Lab, ids: Ids, now: float) -> None:
    """Go on with a test.

    :raises InputError: somebody else does.
    """
    given = {"hatci_base_url": lab.sums.url, "hatci_token": lab.sums.token, "vin": VIN, "job_id": "manual"}
    by_ids = {"test_event_id": ids["test_event_id"], "deployment_id": ids["deployment"]}
    with client_of(lab.sums.url, token=lab.sums.token) as client:
        resume(client, validated("hatci_resume", {**given, **by_ids}), False, now=lambda: now)


def resume_part(lab: Lab, ids: Ids) -> str:
    """Go on with a test and report PASS."""
    try:
        resume_at(lab, ids, time.time())
    except InputError:
        return "left alone"
    lab.run("test_event_update", test_event_id=ids["test_event_id"], status="PASS", metadata={"outcome": "PASS"})
    return "acted"


def container(home: Path, seed: int, lab: Lab, part: Part, tests: Sequence[Ids], start: t.Any, told: t.Any) -> None:
    """Play a part in each race, with files that no other process sees."""
    home.mkdir()
    tempfile.tempdir = str(home)
    chance = random.Random(seed)
    for ids in tests:
        start.wait(timeout=300)
        time.sleep(chance.choice([0.0, 0.05, 0.1, 1.2]) * chance.random())
        try:
            told.put((seed, part(lab, ids)))
        except Exception as error:
            told.put((seed, repr(error)))


def race(lab: Lab, directory: Path, parts: Sequence[Part]) -> list[tuple[Sequence[str], Sequence[str]]]:
    """Let processes race for one test after the other; return what each did, and which outcomes the test got."""
    start, told = FORK.Barrier(len(parts) + 1), FORK.Queue()
    ids = [lab.die("deployment", job=job) for job in range(100, 100 + RACES)]
    for job in range(100, 100 + RACES):
        finished = moment(time.time() - NOW - 300)
        lab.aap.put_job(job, name="not yet", finished=finished)
    # Between the look of one and what it then sends the other has time to look as well.
    lab.sums.add_fault(kind="slow", delay=0.1, method="PATCH", path="/test_events/.*", times=0)
    processes = [
        FORK.Process(target=container, args=(directory / str(number), number, lab, part, ids, start, told))
        for number, part in enumerate(parts)
    ]
    for process in processes:
        process.start()
    results = []
    try:
        for job, one in enumerate(ids, 100):
            lab.aap.put_job(job, name="HATCI OTA test")
            start.wait(timeout=300)
            did = dict(told.get(timeout=300) for _part in parts)
            results.append(([did[number] for number in range(len(parts))], lab.statuses(one["test_event_id"])))
            lab.aap.delete_job(job)
    finally:
        for process in processes:
            process.terminate()
            process.join()
    return results


@pytest.mark.matrix
@pytest.mark.slow
def test_of_recoveries_in_two_containers_one_sends_the_outcome(lab: Lab, tmp_path: Path) -> None:
    results = race(lab, tmp_path, [recover_part, recover_part])
    right = (["acted", "left alone"], ["left alone", "acted"])
    wrong = [result for result in results if result[0] not in right or result[1] != ["FAIL"]]
    print(f"{RACES} races of two recoveries, wrong: {len(wrong)}")
    assert wrong == []


@pytest.mark.matrix
@pytest.mark.slow
def test_of_a_recovery_and_a_resumption_in_two_containers_one_acts(lab: Lab, tmp_path: Path) -> None:
    results = race(lab, tmp_path, [recover_part, resume_part])
    right = (
        (["acted", "left alone"], ["FAIL"]),
        (["left alone", "acted"], ["PASS"]),
        (["acted", "acted"], ["FAIL", "PASS"]),  # resumed after it was closed
    )
    wrong = [result for result in results if result not in right]
    print(f"{RACES} races of recovery and resumption, wrong: {len(wrong)}")
    assert wrong == []


@pytest.mark.matrix
@pytest.mark.slow
def test_of_a_recovery_and_a_job_that_lives_on_in_another_container_the_job_has_the_last_word(
    lab: Lab, tmp_path: Path
) -> None:
    results = race(lab, tmp_path, [recover_part, report_part])
    right = (
        (["left alone", "acted"], ["PASS"]),
        (["told", "acted"], ["PASS"]),
        (["acted", "acted"], ["FAIL", "PASS"]),
    )
    wrong = [result for result in results if result not in right]
    told = sum(did[0] == "told" for did, _statuses in results)
    print(f"{RACES} races of recovery and living job, wrong: {len(wrong)}, told: {told}")
    assert wrong == []


@pytest.fixture
def before_mark(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Return what lets something happen between the look of a recovery and its mark."""

    def happens(act: Callable[[], None]) -> None:
        patch, waiting = SumsClient.patch, [act]

        def patched(self: SumsClient, *segments: str, body: dict[str, t.Any], **more: t.Any) -> t.Any:
            if "recovering" in (body.get("metadata") or {}) and waiting:
                waiting.pop()()
            return patch(self, *segments, body=body, **more)

        monkeypatch.setattr(SumsClient, "patch", patched)

    return happens


def test_a_mark_that_comes_too_late_gives_the_report_of_the_other_recovery_its_metadata_back(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before_mark: Callable[[Callable[[], None]], None]
) -> None:
    ids = lab.die("deployment")

    def close_elsewhere() -> None:
        with monkeypatch.context() as other:
            other.setattr(tempfile, "tempdir", str(tmp_path))
            assert lab.recover()["closed"]

    before_mark(close_elsewhere)
    result = lab.recover()
    assert [one["reason"] for one in result["left_alone"]] == ["another recovery closed it at the same moment"]
    held = lab.test_event(ids["test_event_id"])
    assert (lab.statuses(ids["test_event_id"]), held["metadata"]["outcome"]) == (["FAIL"], "ABORTED")
    assert held["history"][-1]["metadata"]["outcome"] == "ABORTED", "a SUMS that replaces metadata has it again"


def test_a_report_that_came_just_before_the_mark_is_told(
    lab: Lab, before_mark: Callable[[Callable[[], None]], None]
) -> None:
    ids = lab.die("deployment")
    report = {"test_event_id": ids["test_event_id"], "status": "PASS", "metadata": {"outcome": "PASS"}}
    before_mark(lambda: lab.run("test_event_update", **report) and None)
    with pytest.raises(NotRecovered, match=r"reported PASS for test event .* at the same moment"):
        lab.recover()
    assert lab.statuses(ids["test_event_id"]) == ["PASS"]
    assert lab.test_event(ids["test_event_id"])["history"][-1]["metadata"]["outcome"] == "PASS"


def test_an_outcome_whose_metadata_a_mark_took_away_is_put_back_as_the_summary_tells_it(
    lab: Lab, before_mark: Callable[[Callable[[], None]], None]
) -> None:
    ids = lab.die("deployment")
    report = {"status": "FAIL", "summary": "TIMEOUT: SUMS did not end it.", "metadata": {"outcome": "TIMEOUT"}}
    before_mark(lambda: lab.run("test_event_update", test_event_id=ids["test_event_id"], **report) and None)
    with pytest.raises(NotRecovered, match=r"reported TIMEOUT for test event .* what the metadata of its report had"):
        lab.recover()
    put_back = lab.test_event(ids["test_event_id"])["history"][-1]["metadata"]
    assert put_back["outcome"] == "TIMEOUT" and put_back["job_url"] and "recovering" not in put_back


def test_a_report_without_metadata_that_a_dead_job_could_not_send_leaves_what_the_test_event_had(lab: Lab) -> None:
    ids = lab.die("deployment")
    unsent = {"test_event_id": ids["test_event_id"], "status": "FAIL", "summary": "The gateway did not start."}
    lab.aap.add_events(41, [event("hatci_test_event_update", {"msg": "SUMS is away"}, failed=True, **unsent)])
    assert lab.recover()["closed"]
    (sent,) = [change for change in lab.test_event(ids["test_event_id"])["history"] if "status" in change]
    assert sent["summary"] == "The gateway did not start."
    assert sent["metadata"]["job_url"] == "https://aap/41" and "recovering" not in sent["metadata"]


def test_a_mark_by_a_clock_that_is_hours_ahead_keeps_nobody_away(lab: Lab) -> None:
    ids = lab.die("deployment")
    mark = {"recovering": recovery_mark(NOW + 7200)}
    lab.run("test_event_update", test_event_id=ids["test_event_id"], metadata=mark)
    assert lab.recover()["closed"]


def test_a_lock_that_was_cleaned_away_ends_no_recovery(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.die("deployment")
    finish = closings.finish_closing

    def clean(*given: t.Any) -> t.Any:
        for lock in runtime_directory().glob("claim-*.lock"):
            lock.unlink()
        return finish(*given)

    monkeypatch.setattr(closings, "finish_closing", clean)
    assert lab.recover()["closed"]


def test_a_sums_that_refuses_a_mark_alone_gets_it_with_the_link_to_the_target_event(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, patch = lab.die("deployment"), SumsClient.patch

    def patched(self: SumsClient, *segments: str, body: dict[str, t.Any], **more: t.Any) -> t.Any:
        if "event_id" not in body:
            raise Rejected("no event_id", method="PATCH", path="/", status=422)
        return patch(self, *segments, body=body, **more)

    monkeypatch.setattr(SumsClient, "patch", patched)
    assert lab.recover()["closed"]
    history = lab.test_event(ids["test_event_id"])["history"]
    links = [change["event_id"] for change in history if "recovering" in change.get("metadata", {})]
    assert links == [ids["target"]]
    assert lab.statuses(ids["test_event_id"]) == ["FAIL"]


@pytest.mark.parametrize("by", ["play", "closer"])
def test_a_report_waits_for_a_recovery_that_is_about_to_close_its_test_event(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    ids = lab.die("deployment")
    created = what_was_created(lab.test_event(ids["test_event_id"]))
    mark = {"recovering": recovery_mark(time.time())}
    lab.run("test_event_update", test_event_id=ids["test_event_id"], metadata=mark)

    def close(_seconds: float) -> None:
        closed = {"status": "FAIL", "metadata": {"outcome": "ABORTED"}}
        lab.sums.api("PATCH", f"/test_events/{ids['test_event_id']}", closed)

    monkeypatch.setattr(test_events, "rest", close)
    if by == "play":
        report_part(lab, ids)
    else:
        report: dict[str, t.Any] = {"status": "PASS", "metadata": {"outcome": "PASS"}}
        connection = {"hatci_base_url": lab.sums.url, "hatci_token": lab.sums.token}
        known: dict[str, t.Any] = {"host": "vehicle_001", "job": "41", "metadata": {}, "keep_report_in": ""}
        known |= {"deployment_id": ids["deployment"], "event_id": ids["target"]}
        left = OpenTestEvent(connection, ids["test_event_id"], **known, created=created, report=report)
        with client_of(lab.sums.url, token=lab.sums.token) as client:
            send_left_report(client, left)
    assert lab.statuses(ids["test_event_id"]) == ["FAIL", "PASS"]


def test_what_another_recovery_is_about_to_close_is_left_alone_until_it_has_had_its_time(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = lab.die("deployment")
    monkeypatch.setattr(closings, "finish_closing", lambda *_given: "it died")
    lab.recover()
    monkeypatch.undo()
    for name, value in lab.aap.environment.items():
        monkeypatch.setenv(name, value)

    reasons = [one["reason"] for one in lab.recover()["left_alone"]]
    assert reasons == ["another recovery decides about it now"]
    with pytest.raises(InputError, match=r"A recovery is about to close test event \S+; try again in five minutes"):
        resume_at(lab, ids, NOW)
    assert lab.recover(later=301)["closed"]


@pytest.mark.parametrize(("hosts", "is_closed"), [("other", True), (HOST, False), ("all", False), (["other"], True)])
def test_while_one_vehicle_of_a_job_is_resumed_the_tests_of_others_are_closed(
    lab: Lab, hosts: t.Any, is_closed: bool
) -> None:
    ids = lab.die("deployment")
    made = lab.run("test_event", vin="1HGBH41JXMN109187", ansible_job_id="41", suite_name="suite")
    of_other = event("hatci_test_event", made)
    of_other["event_data"]["host"] = "other"
    lab.aap.add_events(41, [of_other])
    lab.aap.put_job(52, status="running", extra_vars={"ota_resume_job_id": "41", "ota_hosts": hosts})

    lab.recover()

    assert bool(lab.statuses(ids["test_event_id"])) is is_closed
    assert bool(lab.statuses(made["test_event_id"])) is (hosts == HOST)
