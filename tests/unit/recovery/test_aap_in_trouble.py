# SPDX-License-Identifier: GPL-3.0-or-later
"""AAP that restarts or has too much to do: it is asked again, in time, and told as what it is."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest
from play_support import VIN
from recovery_support import NOW, Lab
from sums_support import client_of, validated

from ansible_collections.hatci.automation.plugins.module_utils._aap import api
from ansible_collections.hatci.automation.plugins.module_utils._aap.api import AapError
from ansible_collections.hatci.automation.plugins.module_utils._recovery.recover import NotRecovered
from ansible_collections.hatci.automation.plugins.module_utils._recovery.resume import resume

BLIPS: tuple[dict[str, t.Any], ...] = (
    {"kind": "html", "status": 404},
    {"kind": "html", "status": 502},
    {"kind": "html", "status": 504},
    {"kind": "json", "status": 503},
    {"kind": "json", "status": 429, "headers": {"Retry-After": "7"}},
    {"kind": "json", "status": 503, "headers": {"Retry-After": "7"}},
    {"kind": "slow", "delay": 0.3},
)
"""What requests meet."""


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the pauses before AAP is asked again, none of which takes its time."""
    pauses: list[float] = []
    monkeypatch.setattr(api, "rest", pauses.append)
    return pauses


def recover(lab: Lab, _ids: dict[str, str]) -> None:
    assert lab.recover()["closed"]


def resume_by_job(lab: Lab, ids: dict[str, str]) -> None:
    given = {"hatci_base_url": lab.sums.url, "hatci_token": lab.sums.token, "vin": VIN, "job_id": "52"}
    with client_of(lab.sums.url, token=lab.sums.token) as client:
        options = validated("hatci_resume", {**given, "resume_job_id": "41"})
        result = resume(client, options, False, now=lambda: NOW, sleep=lambda _seconds: None)
    assert result["deployment_id"] == ids["deployment"]


@pytest.mark.parametrize("blip", BLIPS, ids=lambda blip: " ".join(str(value) for value in blip.values()))
@pytest.mark.parametrize("act", [recover, resume_by_job])
def test_a_blip_of_aap_ends_neither_a_recovery_nor_a_resumption(
    lab: Lab, slept: list[float], act: Callable[[Lab, dict[str, str]], None], blip: dict[str, t.Any]
) -> None:
    ids = lab.die("deployment")
    for skip in (0, 1):
        lab.aap.add_fault(**blip, path="/api/v2/jobs/.*", skip=skip)

    act(lab, ids)

    if "headers" in blip:
        assert slept == [7.0] * 2
    assert len(slept) == (0 if blip["kind"] == "slow" else 2)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_an_aap_that_stays_busy_is_told_without_a_word_about_the_token(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    ids = lab.die("deployment")
    monkeypatch.setattr(api, "RETRY_SECONDS", 0.0)
    lab.aap.add_fault(kind="json", status=status, path="/api/v2/jobs/", times=0)
    with pytest.raises(AapError, match=f"AAP answered {status}; it is busy or has failed, so run this again") as told:
        lab.recover()
    assert "CONTROLLER_OAUTH_TOKEN" not in told.value.message
    assert lab.statuses(ids["test_event_id"]) == []


def test_an_aap_that_was_given_up_is_not_waited_for_with_each_job_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    for job in range(41, 46):
        lab.die("deployment", job=job)
    lab.aap.add_fault(kind="html", status=502, path=".*/job_events/", times=0)
    for name, seconds in (("RETRY_SECONDS", 0.5), ("FIRST_PAUSE", 0.1), ("LONGEST_PAUSE", 0.1)):
        monkeypatch.setattr(api, name, seconds)

    with pytest.raises(NotRecovered, match="Job 41 could not be looked at"):
        lab.recover()

    asked = lab.aap.requests()
    counts = [asked[f"/api/v2/jobs/{job}/job_events/"] for job in range(41, 46)]
    assert counts[0] > 1 and counts[1:] == [1] * 4


def test_a_longer_pause_than_there_is_time_for_is_not_begun(lab: Lab, slept: list[float]) -> None:
    lab.die("deployment")
    lab.aap.add_fault(kind="json", status=503, path="/api/v2/jobs/", headers={"Retry-After": "3600"})
    with pytest.raises(AapError, match="AAP answered 503"):
        lab.recover()
    assert slept == []
