# SPDX-License-Identifier: GPL-3.0-or-later
"""A SUMS that shows a test event only to whoever names its event: to look is to write, and must not falsify."""

from __future__ import annotations

import re
import typing as t

import pytest
from recovery_support import Lab
from sums_support import EVENT, VIN, client_of, validated

from ansible_collections.hatci.automation.plugins.module_utils._failure import Failure
from ansible_collections.hatci.automation.plugins.module_utils._recovery.resume import resume
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.errors import Rejected

OTHER_VIN = "1HGBH41JXMN109187"
TOLD = r"{} was sent as that of {}; set it right in SUMS if it is another one\.$"


@pytest.fixture(autouse=True)
def _is_named_only(monkeypatch: pytest.MonkeyPatch) -> None:
    patch = SumsClient.patch

    def patched(self: SumsClient, *segments: str, body: dict[str, t.Any], **more: t.Any) -> t.Any:
        if not body:
            raise Rejected("a change of nothing", method="PATCH", path="/", status=422)
        return patch(self, *segments, body=body, **more)

    monkeypatch.setattr(SumsClient, "patch", patched)


def begin_other(lab: Lab, vin: str, build_level: str = "other") -> dict[str, t.Any]:
    """Let another test of a vehicle pass, and return its record."""
    for update_type in ("RROM", "UROM"):
        event = {**EVENT, "vin": vin, "update_type": update_type, "build_level": build_level}
        event_id = lab.sums.api("POST", "/events", event).json()["event_id"]
    lab.sums.api("POST", f"/events/{event_id}/fix", {})
    lab.sums.api("POST", "/deployments", {"event_id": event_id})
    begun = {"vin": vin, "event_id": event_id, "ansible_job_id": "77", "git_sha": "abc", "suite_name": "other"}
    test_event_id = lab.sums.api("POST", "/test_events", begun).json()["test_event_id"]
    passed = {"status": "PASS", "summary": "fine", "metadata": {"outcome": "PASS"}}
    return t.cast("dict[str, t.Any]", lab.sums.api("PATCH", f"/test_events/{test_event_id}", passed).json())


def history(lab: Lab, test_event_id: str) -> list[dict[str, t.Any]]:
    return t.cast("list[dict[str, t.Any]]", lab.test_event(test_event_id)["history"])


@pytest.mark.parametrize("vin", [OTHER_VIN, VIN], ids=["another vehicle", "the same vehicle"])
def test_a_recovery_writes_nothing_to_the_test_that_got_the_id_of_a_lost_one(lab: Lab, vin: str) -> None:
    ids = lab.die("deployment")
    lab.sums.reset()
    other = begin_other(lab, vin)
    assert other["test_event_id"] == ids["test_event_id"]
    before = history(lab, other["test_event_id"])

    (left,) = lab.recover()["left_alone"]

    assert left["reason"] == "SUMS has the record of another test under its id; look there"
    assert history(lab, other["test_event_id"]) == before
    assert lab.test_event(other["test_event_id"])["event_id"] == other["event_id"]


def test_a_recovery_knows_a_test_as_lost_whose_event_is(lab: Lab) -> None:
    lab.die("deployment")
    lab.sums.reset()
    assert [left["reason"] for left in lab.recover()["left_alone"]] == ["SUMS does not know it"]


@pytest.mark.parametrize("vin", [OTHER_VIN, VIN], ids=["another vehicle", "the same vehicle"])
def test_whoever_names_the_wrong_test_event_hears_what_looking_at_it_has_changed(lab: Lab, vin: str) -> None:
    ids = lab.die("deployment")
    other = begin_other(lab, vin)
    given = {"test_event_id": other["test_event_id"], "deployment_id": ids["deployment"], "vin": VIN, "job_id": "52"}
    connection = {"hatci_base_url": lab.sums.url, "hatci_token": lab.sums.token}
    told = TOLD.format(ids["target"], other["test_event_id"])
    with client_of(lab.sums.url, token=lab.sums.token) as client, pytest.raises(Failure) as refused:
        resume(client, validated("hatci_resume", {**connection, **given}), False)
    assert re.search(told, refused.value.message)
    assert "PASS, which stands" in refused.value.message or "another test event" in refused.value.message
