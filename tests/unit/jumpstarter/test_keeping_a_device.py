# SPDX-License-Identifier: GPL-3.0-or-later
"""A device that a play leaves to somebody for a while is never left without an end."""

from __future__ import annotations

import datetime
import os
import tempfile
import types
import typing as t
from pathlib import Path

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases import acquire
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import LeaseFiles
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.request import Request
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.operations import lease as operation
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import Caller
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import start_of
from ansible_collections.hatci.automation.plugins.modules import jumpstarter_lease

LEASE = "hatci-4711-vehicle-001"


class World:
    """A controller with one lease, and a keeper."""

    def __init__(self) -> None:
        self.jmp = types.SimpleNamespace(lease="")
        self.done: list[str] = []
        self.duration = 600.0
        self.refuses: dict[str, errors.JumpstarterError] = {}

    def find(self, _name: str) -> t.Any:
        began = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=100)
        return types.SimpleNamespace(state="held", began=began, duration=self.duration, exporter="bench", shown={})

    def extend(self, name: str, duration: float) -> t.Any:
        self._do("extend")
        self.duration = duration
        return self.find(name)

    def delete(self, _name: str) -> bool:
        self._do("delete")
        return True

    def tell(self, _name: str, _owner: t.Any, message: dict[str, t.Any], _what: str) -> None:
        self._do(f"keep {message['keep']:g}")

    def _do(self, what: str) -> None:
        if what.split()[0] in self.refuses:
            raise self.refuses[what.split()[0]]
        self.done.append(what)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    made = World()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(operation, "controller_of_record", lambda *_all: made)
    monkeypatch.setattr(operation, "tell_keeper", made.tell)
    return made


def hold(mode: str = "controller", **changes: t.Any) -> None:
    """Have this machine hold a lease."""
    config = None if mode == "local" else ["--client-config", "/etc/my client.yaml"]
    LeaseFiles(LEASE).write(
        {"name": LEASE, "mode": mode, "what": "exporter bench", "asked": "bench", "exporter": "bench", "keeper": None,
         "config": config, "lease": {}, "keeper_log": "keeper.log", **changes}
    )  # fmt: skip


def keep(*, check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
    spec = jumpstarter_lease.ARGUMENTS["argument_spec"]
    given = {name: argument.get("default") for name, argument in spec.items()}
    given |= {"state": "kept", "lease_name": LEASE, "duration": "900", **options}
    return operation.manage_lease(given, check_mode)


def test_the_lease_lasts_as_long_as_it_is_kept_and_its_commands_are_told(world: World) -> None:
    hold()
    result = keep()
    assert world.done == ["extend", "keep 900"]
    assert world.duration == pytest.approx(1000.0, abs=5.0)
    assert result["enter"] == f"jmp shell --lease {LEASE} --client-config '/etc/my client.yaml'"
    assert result["give_back"] == f"jmp delete leases {LEASE} --client-config '/etc/my client.yaml'"
    assert result["kept_until"].endswith("UTC")


def test_the_client_config_of_a_job_of_aap_goes_with_its_container_and_is_not_told(world: World) -> None:
    hold()
    assert keep(job_id="4711")["enter"] == f"jmp shell --lease {LEASE}"


def test_a_lease_that_lasts_longer_anyway_is_not_shortened(world: World) -> None:
    hold()
    world.duration = 7200.0
    keep()
    assert world.duration == 7200.0


@pytest.mark.parametrize("step", ["extend", "keep"])
def test_what_cannot_be_kept_safely_is_given_back_with_a_warning(world: World, step: str) -> None:
    hold()
    world.refuses[step] = errors.LeaseLost("It broke.")
    result = keep()
    assert world.done[-1] == "delete"
    assert "kept_until" not in result
    assert result["warnings"][0] == "The device was not kept but given back: It broke."
    assert LeaseFiles(LEASE).read() is None


def test_a_lease_that_is_not_safe_any_more_is_given_back(world: World) -> None:
    hold()
    LeaseFiles(LEASE).trouble.write_text("It was lost.", encoding="utf-8")
    assert "is not safe any more" in keep()["warnings"][0]
    assert world.done == ["delete"]


def test_a_lease_that_this_machine_did_not_take_is_neither_kept_nor_given_back(world: World) -> None:
    with pytest.raises(errors.InputError, match="was not acquired on this machine"):
        keep()
    assert world.done == []


def test_a_local_device_is_kept_by_its_keeper_alone(world: World) -> None:
    hold("local")
    result = keep()
    assert world.done == ["keep 900"]
    assert result["enter"] == "jmp shell --exporter bench"
    assert f"state=release lease_name={LEASE} mode=local" in result["give_back"]


@pytest.mark.parametrize("name", [LEASE, operation.PREDICTED_NAME])
def test_check_mode_keeps_nothing(world: World, name: str) -> None:
    hold()
    assert keep(check_mode=True, lease_name=name)["changed"]
    assert world.done == []


LIVING = {"watch_pid": os.getpid(), "watch_start": start_of(os.getpid())}
"""In a record: the play that uses a lease goes on."""


class Former(World):
    """The lease of an earlier job, which this one goes on with."""

    def __init__(self, exporter: str = "bench", state: str = "held") -> None:
        super().__init__()
        self.jmp = types.SimpleNamespace(lease="", require=lambda: None)
        self.config: list[str] = []
        self.exporter, self.state = exporter, state

    def find(self, name: str) -> t.Any:
        return types.SimpleNamespace(**{**vars(super().find(name)), "exporter": self.exporter, "state": self.state})

    def end_watcher(self, identity: t.Any, *, dismiss: bool) -> bool:
        self._do(f"dismiss {identity}" if dismiss else "release")
        return True


def take_over(monkeypatch: pytest.MonkeyPatch, former: Former) -> dict[str, t.Any] | None:
    monkeypatch.setattr(acquire, "find_keeper", lambda _name: "keeper of the first job")
    monkeypatch.setattr(acquire, "end_watcher", former.end_watcher)
    monkeypatch.setattr(acquire, "end_lease_processes", lambda _name: 0)
    request = Request(
        caller=Caller("52", "vehicle_001", None), exporter="bench", selector=None, duration=300.0, timeout=0.0,
        max_hold=None, expected_exporter=None, say=lambda _line: None,
    )  # fmt: skip
    return acquire.take_over_from_controller(t.cast("t.Any", former), request, LEASE)


def test_a_lease_that_was_handed_on_is_longer_than_its_former_keeper_knows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = Former()
    before = former.duration
    record = take_over(monkeypatch, former)
    assert former.done == ["extend", "dismiss keeper of the first job"]
    assert former.duration >= before + 2, "by which a keeper on another machine lets go of it"
    assert record and LeaseFiles(LEASE).read() == record


@pytest.mark.parametrize("former", [Former(exporter="other"), Former(state="ended")], ids=["other device", "ended"])
def test_a_lease_that_is_of_no_use_any_more_is_left_alone(
    world: World, monkeypatch: pytest.MonkeyPatch, former: Former
) -> None:
    assert take_over(monkeypatch, former) is None
    assert former.done == []


def test_a_lease_that_another_play_still_goes_on_with_is_not_taken_from_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(**LIVING)
    former = Former()
    assert take_over(monkeypatch, former) is None
    assert former.done == []
    keep()
    assert take_over(monkeypatch, former), "what was kept is for whoever takes it over, though its play goes on"


@pytest.mark.parametrize(
    ("changes", "is_released"),
    [
        ({}, True),
        ({"exporter": "another"}, False),
        (LIVING, False),
        ({**LIVING, "watch_start": LIVING["watch_start"] - 1}, True),
        ({"mode": "controller"}, False),
    ],
    ids=["handed on", "another device", "in use", "its play has died and another process its id", "not local"],
)
def test_only_a_local_device_that_was_handed_on_is_freed_for_whoever_takes_it_over(
    world: World, monkeypatch: pytest.MonkeyPatch, changes: dict[str, t.Any], is_released: bool
) -> None:
    hold(**{"mode": "local", **changes})
    released: list[str] = []
    monkeypatch.setattr(operation, "release_local", lambda name, *_all: released.append(name))
    record = LeaseFiles(LEASE).read()
    monkeypatch.setattr(operation, "acquire_local", lambda *_all: record)
    keep(state="acquire", lease_name=None, take_over=LEASE, exporter="bench", mode="local")
    assert bool(released) is is_released


def test_a_lease_that_ends_while_it_is_taken_over_is_acquired_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = Former()
    former.refuses["extend"] = errors.LeaseLost("It ran out.")
    assert take_over(monkeypatch, former) is None
