# SPDX-License-Identifier: GPL-3.0-or-later
"""What administrators and time do to a controller, seen through Jumpstarter's own Python client."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from jumpstarter.common.exceptions import ConnectionError as JumpstarterConnectionError
from jumpstarter.config.client import ClientConfigV1Alpha1

from hatci_lab.controller.policies import Policy
from hatci_lab.controller.process import ControllerError, ControllerProcess

MINUTE = timedelta(minutes=1)
POWER = {"power": {"type": "jumpstarter_driver_power.driver.MockPower"}}
SERVE_AFTER = 2.0


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControllerProcess]:
    with ControllerProcess(tmp_path_factory.mktemp("controller"), serve_after=SERVE_AFTER) as running:
        running.add_exporter("vehicle_001", {"vin": "1"}, POWER)
        yield running


@pytest.fixture(autouse=True)
def _clean(controller: ControllerProcess) -> Iterator[None]:
    yield
    controller.clear_faults()
    controller.set_policies()
    for lease in controller.leases():
        if not lease["ended"]:
            controller.delete_lease(lease["name"])
    controller.wait_until(lambda: controller.available("vehicle_001"))


def client(config: Path) -> ClientConfigV1Alpha1:
    return ClientConfigV1Alpha1.from_file(config)


def take(controller: ControllerProcess, name: str, selector: str = "exporter=vehicle_001") -> ClientConfigV1Alpha1:
    api = client(controller.client_config("alice"))
    api.create_lease(selector=selector, duration=MINUTE, lease_id=name)
    controller.wait_until(lambda: controller.lease(name)["conditions"])
    return api


def test_an_exporter_is_called_as_kubernetes_can_and_known_by_both_names(controller: ControllerProcess) -> None:
    exporter = controller.exporters["vehicle-001"]
    assert exporter.name == "vehicle-001"
    assert controller.exporter("vehicle_001")["labels"]["exporter"] == "vehicle_001"
    take(controller, "held")
    holder = controller.holder("vehicle_001")
    assert holder == controller.holder("vehicle-001") and holder is not None
    assert holder["exporter"] == "vehicle-001"


@pytest.mark.parametrize(("name", "labels"), [("car/1", {}), ("car-1", {"exporter": "no spaces please"})])
def test_what_kubernetes_refuses_is_refused(controller: ControllerProcess, name: str, labels: dict[str, str]) -> None:
    with pytest.raises(ControllerError, match=r"is invalid: metadata\.(name|labels): Invalid value"):
        controller.declare_exporter(name, labels)


def test_a_deleted_lease_was_never_there(controller: ControllerProcess) -> None:
    api = take(controller, "victim")
    controller.delete_lease("victim")
    with pytest.raises(JumpstarterConnectionError, match=r'leases\.jumpstarter\.dev "victim" not found'):
        api.delete_lease("victim")
    assert api.list_leases(only_active=False).leases == []


def test_a_client_made_anew_cannot_be_called_with_its_old_token(controller: ControllerProcess) -> None:
    api = take(controller, "orphan")
    controller.delete_client("alice")
    with pytest.raises(JumpstarterConnectionError, match=r'clients\.jumpstarter\.dev "alice" not found'):
        api.list_leases()
    held = controller.holder("vehicle_001")
    assert held is not None and held["name"] == "orphan"
    fresh = client(controller.add_client("alice"))
    with pytest.raises(JumpstarterConnectionError, match="permission denied for client"):
        api.list_leases()
    assert [lease.name for lease in fresh.list_leases().leases] == ["orphan"]


def test_who_waits_for_an_exporter_that_is_deleted_is_refused(controller: ControllerProcess) -> None:
    controller.declare_exporter("parked", {"exporter": "parked"})
    take(controller, "waits", "exporter=parked")
    assert controller.lease("waits")["state"] == "Pending"
    controller.delete_exporter("parked")
    controller.wait_until(lambda: controller.lease("waits")["state"] == "Unsatisfiable")
    with pytest.raises(StopIteration):
        controller.exporter("parked")


def test_a_token_of_another_signature_fails_to_verify(controller: ControllerProcess) -> None:
    with pytest.raises(JumpstarterConnectionError, match="failed to verify"):
        client(controller.wrong_signature_config("alice")).list_leases()


def test_policies_are_set_and_told(controller: ControllerProcess) -> None:
    controller.set_policies(Policy("vin=1", ("bob",), "Bob's car"))
    take(controller, "denied")
    condition = controller.lease("denied")["conditions"][0]
    assert condition["reason"] == "NoAccess" and condition["message"].endswith("Matching policies: Bob's car")


def test_a_slow_release_leaves_the_device_held(controller: ControllerProcess) -> None:
    controller.fault("slow_release", seconds=3600)
    api = take(controller, "leaving")
    api.delete_lease("leaving")
    with pytest.raises(JumpstarterConnectionError, match="already been released"):
        api.delete_lease("leaving")
    assert controller.holder("vehicle_001") is not None
    controller.clear_faults("slow_release")
    controller.wait_until(lambda: controller.holder("vehicle_001") is None)


def test_an_order_that_does_not_exist_is_an_error(controller: ControllerProcess) -> None:
    controller.fault("queue_order")
    with pytest.raises(ControllerError, match="no order 'alphabetical'"):
        controller.fault("queue_order", mode="alphabetical")


def test_a_scheduled_lease_shows_its_time_and_no_condition(controller: ControllerProcess) -> None:
    api = client(controller.client_config("alice"))
    begin = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    lease = api.create_lease(selector="exporter=vehicle_001", duration=MINUTE, lease_id="later", begin_time=begin)
    assert (lease.begin_time, lease.effective_begin_time, list(lease.conditions)) == (begin, None, [])


def test_ended_leases_stay_and_fill_pages(controller: ControllerProcess) -> None:
    controller.add_ended_leases("alice", 230)
    api = take(controller, "active")
    before = len(controller.calls("ListLeases"))
    assert len(api.list_leases(only_active=False).leases) >= 231
    assert len(controller.calls("ListLeases")) - before == 3
    assert [lease.name for lease in api.list_leases().leases] == ["active"]


def test_a_controller_that_was_started_again_serves_later(controller: ControllerProcess) -> None:
    api = take(controller, "kept")
    controller.delete_client("bob")
    controller.stop()
    controller.start()
    with pytest.raises(JumpstarterConnectionError):
        api.list_leases()
    controller.wait_until(lambda: controller.available("vehicle_001") or controller.serving("vehicle_001"))
    assert [lease.name for lease in api.list_leases().leases] == ["kept"]
    with pytest.raises(JumpstarterConnectionError, match='"bob" not found'):
        client(controller.client_config("bob")).list_leases()
