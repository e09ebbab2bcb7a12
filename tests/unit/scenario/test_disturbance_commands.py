# SPDX-License-Identifier: GPL-3.0-or-later
"""What the commands of a disturbance printed is handed on: when it begins, is proven and is undone, also in vain."""

from __future__ import annotations

import json
import time
import types
import typing as t
from pathlib import Path

import pytest

from ansible_collections.hatci.automation.plugins.action.jumpstarter_disturbance import ActionModule
from ansible_collections.hatci.automation.plugins.module_utils._evidence import bundle
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.operations import disturbance
from ansible_collections.hatci.automation.plugins.module_utils._recovery.traces import steps_of_events
from ansible_collections.hatci.automation.plugins.plugin_utils.journaled_step import VARIABLE, JournaledStep

RELAY_OFF = {"command": "relayctl gateway off", "rc": 0, "stdout": "gateway: open\n", "stderr": ""}
STUCK = {**RELAY_OFF, "rc": 3, "stdout": "", "stderr": "the relay sticks\n"}
AWAY = errors.DeviceUnreachable("The exporter is away.", results=[RELAY_OFF])


class Device:
    """Answers each start of commands with what stands next."""

    def __init__(self) -> None:
        self.answers: list[t.Any] = []
        self.pauses: list[float] = []

    def run(self, _options: t.Any, _commands: t.Any, **_how: t.Any) -> list[dict[str, t.Any]]:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return [answer]


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    made = Device()
    monkeypatch.setattr(disturbance, "run_on_device", made.run)
    caller = types.SimpleNamespace(owner=None, pause=made.pauses.append)
    monkeypatch.setattr(disturbance.Caller, "from_options", lambda _options: caller)
    return made


def disturb(state: str, **given: t.Any) -> dict[str, t.Any]:
    plain = {"id": None, "exporter": None, "lease_name": None, "commands": None, "undo": None, "until": None}
    options = {**plain, "state": state, "lasts": 0.0, "proof": "none", "ecus": None, "timeout": 5.0, **given}
    return disturbance.disturb(options, False)


@pytest.mark.parametrize("said", [RELAY_OFF, STUCK])
def test_the_commands_that_disturb(device: Device, said: dict[str, t.Any]) -> None:
    device.answers = [said]
    begun = disturb("begun", commands=[said["command"]])
    assert (begun["results"], begun["acted"]) == ([said], said is RELAY_OFF)


def test_the_last_try_of_a_proof_and_none_where_nothing_ran(device: Device) -> None:
    device.answers = [STUCK, RELAY_OFF]
    proven = disturb("proven", proof="commands", commands=["relayctl gateway read"], lasts=60.0)
    assert (proven["results"], proven["proven"]) == ([RELAY_OFF], True)
    assert "results" not in disturb("proven", proof="none")


def test_every_try_to_undo_it(device: Device) -> None:
    device.answers = [STUCK, AWAY, RELAY_OFF]
    assert disturb("undone", undo=["relayctl gateway on"])["results"] == [STUCK, RELAY_OFF, RELAY_OFF]
    device.answers = [STUCK] * disturbance.UNDO_TRIES
    with pytest.raises(errors.CommandFailed) as failed:
        disturb("undone", undo=["relayctl gateway on"])
    assert failed.value.as_result()["results"] == [STUCK] * disturbance.UNDO_TRIES


def test_what_proved_it_must_not_hold_any_more(device: Device) -> None:
    off, on = {**RELAY_OFF, "command": "is-off"}, {**STUCK, "command": "is-off"}
    proof = {"proof": "commands", "commands": ["is-off"]}
    device.answers = [RELAY_OFF, off, off, on]
    assert disturb("undone", undo=["relayctl gateway on"], **proof)["results"] == [RELAY_OFF]
    device.answers = [RELAY_OFF, *[off] * disturbance.END_TRIES]
    with pytest.raises(errors.CommandFailed, match="was run, but what proved the disturbance still holds, 'is-off'"):
        disturb("undone", undo=["relayctl gateway on"], **proof)
    assert device.answers == []


POWER_ON = {"command": "j power on", "rc": 0, "stdout": "", "stderr": ""}


@pytest.mark.parametrize("first", [STUCK, errors.DeviceUnreachable("It did not end within 5 s.", results=[])])
def test_what_follows_a_command_that_fails_to_undo_it_is_undone_too(device: Device, first: t.Any) -> None:
    device.answers = [first, POWER_ON] * disturbance.UNDO_TRIES
    with pytest.raises(errors.CommandFailed) as failed:
        disturb("undone", undo=["relayctl gateway on", "j power on"])
    assert [result for result in failed.value.as_result()["results"] if result is POWER_ON] == [POWER_ON] * 3
    assert device.answers == []


@pytest.mark.parametrize(
    ("voltage", "proven", "measured"), [(0.2, True, "0.2 V"), (11.9, False, "11.9 V"), (None, False, "not told")]
)
def test_power_that_is_off_reads_no_volts(
    monkeypatch: pytest.MonkeyPatch, device: Device, voltage: float | None, proven: bool, measured: str
) -> None:
    monkeypatch.setattr(disturbance, "read_ecus", lambda _options, _request: {"voltage": voltage})
    told = disturb("proven", proof="power")
    assert (told["proven"], told["measured"], bool(told["problem"])) == (proven, measured, not proven)


def test_an_ecu_that_answers_later_was_not_cut(monkeypatch: pytest.MonkeyPatch, device: Device) -> None:
    answers = [False, True]
    ecus = [{"name": "Gateway"}]
    monkeypatch.setattr(
        disturbance, "read_vehicle", lambda *_options: {"ecus": [{"name": "Gateway", "reachable": answers.pop(0)}]}
    )
    first, again = (disturb("proven", proof="unreachable", ecus=ecus) for _moment in range(2))
    assert (first["proven"], first["took"] >= 0) == (True, True)
    assert (again["proven"], again["problem"]) == (False, "Gateway still answered")


def test_they_stand_in_the_evidence_of_the_test(device: Device, tmp_path: Path) -> None:
    directory = bundle.start(tmp_path, {"host": "vehicle_001"}, None)
    device.answers = [RELAY_OFF]
    result = disturb("begun", commands=["relayctl gateway off"])
    about = {"name": "Begin it", "action": "hatci.automation.jumpstarter_disturbance", "args": {}, "check_mode": False}
    step = JournaledStep(
        types.SimpleNamespace(**about, ignore_errors=None, failed_when=[]), {VARIABLE: str(directory)}, {}, False
    )
    step.end(result, ActionModule.transcript(t.cast("ActionModule", None), result))
    _directory, record = bundle.bundle(directory, {"outcome": "PASS"}, None)
    log = (directory / record["transcript"]).read_text(encoding="utf-8").splitlines()
    assert log[1:] == ["$ relayctl gateway off", "gateway: open", "-- exit code 0"]
    assert "gateway: open" not in json.dumps(record)


def test_a_job_of_aap_that_failed_to_undo_it_has_failed_there() -> None:
    data = {"task_action": "hatci.automation.jumpstarter_disturbance", "host": "vehicle_001"}
    event = {"event": "runner_on_failed", "event_data": {**data, "res": {"failed": True, "results": [STUCK]}}}
    assert [step.failed for step in steps_of_events([event])] == [True]


@pytest.mark.parametrize("lasts", [0.0, 20.0])
def test_a_clock_that_was_set_back_does_not_hold_a_disturbance(device: Device, lasts: float) -> None:
    disturb("awaited", until=time.time() + 3600, lasts=lasts)
    [pause] = device.pauses
    assert pause == lasts if lasts else pause > 3000
