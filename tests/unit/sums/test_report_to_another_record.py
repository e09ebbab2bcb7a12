# SPDX-License-Identifier: GPL-3.0-or-later
"""A report that met the record of another test is not sent again, by the closer neither."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.hatci.automation.plugins.action import hatci_test_event_update as action
from ansible_collections.hatci.automation.plugins.module_utils._sums import errors, test_events

OPTIONS = {"test_event_id": "te-1", "status": "FAIL", "kept_report": None}


@pytest.mark.parametrize(
    ("result", "is_settled"),
    [({}, True), ({"failed": True}, False), ({"failed": True, "another_record": True}, True)],
    ids=["taken", "not taken", "another record"],
)
def test_the_closer_has_nothing_to_send_once_sums_answered_about_another_record(
    result: dict[str, t.Any], is_settled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled: list[str] = []
    monkeypatch.setattr(action, "playbook_process", lambda: None)
    monkeypatch.setattr(action, "announce_report", lambda _options, _owner: None)
    monkeypatch.setattr(action, "settle_test_event", lambda options, _owner: settled.append(options["test_event_id"]))
    task = t.cast("t.Any", types.SimpleNamespace(_task=types.SimpleNamespace(check_mode=False)))
    assert action.ActionModule.around(task, dict(OPTIONS), lambda: result) == result
    assert settled == ["te-1"] * is_settled


def test_the_failure_says_that_it_was_another_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(*_arguments: t.Any) -> t.Any:
        raise errors.AnotherRecord("SUMS answered about another test event.", method="PATCH", path="/x", status=200)

    monkeypatch.setattr(test_events, "send_report", answer)
    options = {
        **dict.fromkeys([*test_events.FIELDS, "vin", "ansible_job_id", "keep_report_in"]),
        **OPTIONS,
        "hatci_base_url": "http://sums",
    }
    with pytest.raises(errors.AnotherRecord) as failure:
        test_events.update_test_event(t.cast("t.Any", None), options, False)
    assert failure.value.as_result()["another_record"] is True
