# SPDX-License-Identifier: GPL-3.0-or-later
"""A name that no exporter on Kubernetes can have means the exporters that have it as their label."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from jumpstarter_support import NAME as ASKED_FOR
from jumpstarter_support import FakeJmp, fake_lab
from sums_support import module_named, validated

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import InputError
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import leads_to
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.request import exporter_in
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.validation import label_of
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation

READY = [{"type": "Ready", "status": "True"}]
PENDING = [{"type": "Pending", "status": "True", "reason": "NotAvailable"}]
HELD = {"name": ASKED_FOR, "exporter": "vehicle-001", "client": "alice", "duration": 600.0, "conditions": READY}
BY_LABEL = ["-l", "exporter=vehicle_001"]
Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def jmp(tmp_path: Path) -> Iterator[FakeJmp]:
    """Return a `jmp` inside this process."""
    with fake_lab(tmp_path) as fake:
        yield fake


@pytest.fixture
def run(jmp: FakeJmp, tmp_path: Path) -> Run:
    """Acquire a device while `jmp` shows these leases, and vehicle-001 as the exporter of every selector."""

    def task(*leases: dict[str, t.Any], check_mode: bool = False, **arguments: t.Any) -> dict[str, t.Any]:
        jmp.prints(json.dumps({"leases": leases, "exporters": [{"name": "vehicle-001"}]}))
        options = validated("jumpstarter_lease", {"client_config": str(tmp_path / "client.yaml"), **arguments})
        return run_operation(module_named("jumpstarter_lease").OPERATION, options, check_mode)

    return task


def asked(jmp: FakeJmp) -> list[str]:
    """Return by what the device was asked for."""
    (call,) = jmp.called("create", "lease")
    return call[2:4]


@pytest.mark.parametrize("name", ["vehicle-001", "a", "car.lab-2.example", "7", "a" * 253])
def test_a_name_of_kubernetes_needs_no_label(name: str) -> None:
    assert label_of(name, "exporter") == ""


@pytest.mark.parametrize("name", ["vehicle_001", "Vehicle-001", "a..b", "a.-b", "A" * 63])
def test_another_name_is_the_value_of_the_label(name: str) -> None:
    assert label_of(name, "exporter") == f"exporter={name}"


@pytest.mark.parametrize(
    "name", ["A" * 64, "a" * 254, "vehicle_", "vehicle-", "car 1", "a,b", "ä", "", "vehicle_001\n"]
)
def test_a_name_that_no_label_can_have_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"^exporter is .*, which on a controller can be neither .* first and last\.$"):
        label_of(name, "exporter")


@pytest.mark.parametrize("state", ["acquire", "create"])
@pytest.mark.parametrize(("name", "by"), [("vehicle_001", BY_LABEL), ("vehicle-001", ["-n", "vehicle-001"])])
def test_the_controller_is_asked_for_the_label_of_such_a_name(
    run: Run, jmp: FakeJmp, state: str, name: str, by: list[str]
) -> None:
    result = run(HELD, state=state, exporter=name)

    assert not result.get("failed") and result["changed"]
    assert asked(jmp) == by


def test_the_result_names_the_exporter_as_the_controller_does(run: Run) -> None:
    assert run(HELD, exporter="vehicle_001")["exporter"] == "vehicle-001"


def test_a_lease_that_is_held_is_gone_on_with_under_the_same_name(run: Run, jmp: FakeJmp) -> None:
    first = run(HELD, exporter="vehicle_001", watch_pid=None)
    again = run(exporter="vehicle_001", lease_name=first["lease_name"])

    assert (again["changed"], again["lease_name"]) == (False, first["lease_name"])
    assert jmp.calls == []


def test_a_local_lease_keeps_the_name(run: Run, jmp: FakeJmp, tmp_path: Path) -> None:
    result = run(
        mode="local", exporter="vehicle_001", lock_dir=str(tmp_path / "locks"), expected_exporter="vehicle_001"
    )

    assert result["exporter"] == "vehicle_001" and (tmp_path / "locks/vehicle_001.lock").is_file()
    assert jmp.calls == []


@pytest.mark.parametrize("option", ["exporter", "expected_exporter"])
@pytest.mark.parametrize("check_mode", [False, True])
def test_a_name_that_neither_can_have_is_refused_before_anything_is_asked(
    run: Run, jmp: FakeJmp, option: str, check_mode: bool
) -> None:
    result = run(HELD, check_mode=check_mode, **{"exporter": "vehicle-001", option: "vehicle_"})

    assert result["msg"].startswith(f"{option} is 'vehicle_', which on a controller can be neither")
    assert jmp.calls == []


@pytest.mark.parametrize("expected", ["vehicle_001", "vehicle-001"])
@pytest.mark.parametrize("wanted", [{"exporter": "vehicle_001"}, {"selector": "vin=1HGBH41JXMN109186"}])
def test_the_expected_exporter_may_be_either_name(run: Run, wanted: dict[str, str], expected: str) -> None:
    assert run(HELD, expected_exporter=expected, **wanted)["exporter"] == "vehicle-001"


@pytest.mark.parametrize("expected", ["vehicle_002", "vehicle-002"])
def test_another_exporter_than_expected_is_refused(run: Run, jmp: FakeJmp, expected: str) -> None:
    result = run({**HELD, "exporter": "vehicle-009"}, exporter="vehicle_001", expected_exporter=expected)

    assert f"The lease brought exporter vehicle-009, but {expected} was expected" in result["msg"]
    assert len(jmp.called("delete", "leases")) == 1


def test_who_has_the_device_is_found_by_its_label(run: Run, jmp: FakeJmp) -> None:
    other = {**HELD, "name": "bobs", "client": "bob"}
    mine = {**HELD, "exporter": "", "conditions": PENDING}

    result = run(mine, other, exporter="vehicle_001", timeout=0)

    assert "exporter vehicle_001 (label exporter=vehicle_001) did not become free within 0 s" in result["msg"]
    assert "client bob holds vehicle-001 until" in result["msg"]
    assert jmp.called("get", "exporters")[0][2:4] == BY_LABEL


def test_a_lease_that_waits_is_told_in_the_words_of_the_controller(run: Run) -> None:
    waits = [{**PENDING[0], "message": "There are 1 approved exporters, (0 online) but all of them are leased."}]

    result = run({**HELD, "exporter": "", "conditions": waits}, exporter="vehicle_001", timeout=0)

    assert "the controller says NotAvailable: There are 1 approved exporters, (0 online) but all" in result["msg"]


def test_a_refusal_tells_the_label_that_was_asked_for(run: Run) -> None:
    refused = [{"type": "Unsatisfiable", "status": "True", "reason": "NoAccess", "message": "none match"}]
    result = run({**HELD, "exporter": "", "conditions": refused}, exporter="vehicle_001")

    assert "exporter vehicle_001 (label exporter=vehicle_001) can't be leased: NoAccess: none match" in result["msg"]


@pytest.mark.parametrize(
    ("selector", "named"),
    [
        ("exporter=vehicle_001", "vehicle_001"),
        ("exporter == vehicle_001", "vehicle_001"),
        ("region=us, exporter=vehicle_001", "vehicle_001"),
        ("exporter!=vehicle_001", ""),
        ("exporter in (vehicle_001,vehicle_002)", ""),
        ("next-exporter=vehicle_001", ""),
    ],
)
def test_a_selector_names_the_exporter_of_its_label(selector: str, named: str) -> None:
    assert exporter_in(selector) == named


def test_a_lease_leads_to_its_exporter_by_both_names() -> None:
    record = {"exporter": "vehicle-001", "asked": "vehicle_001"}
    assert leads_to(record, "vehicle_001") and leads_to(record, "vehicle-001")
    assert not leads_to(record, "vehicle_002")
