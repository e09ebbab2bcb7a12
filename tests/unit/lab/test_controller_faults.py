# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on demand, seen through Jumpstarter's own Python client."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from jumpstarter.common.exceptions import ConnectionError as JumpstarterConnectionError
from jumpstarter.config.client import ClientConfigV1Alpha1
from jumpstarter_protocol import jumpstarter_pb2, jumpstarter_pb2_grpc

from hatci_lab.controller.process import ControllerError, ControllerProcess

POWER = {"power": {"type": "jumpstarter_driver_power.driver.MockPower"}}
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControllerProcess]:
    with ControllerProcess(tmp_path_factory.mktemp("controller"), offline_after=0.2) as controller:
        controller.add_exporter("sim1", {"exporter": "vehicle_001"}, POWER)
        yield controller


@pytest.fixture
def controller(running: ControllerProcess) -> Iterator[ControllerProcess]:
    yield running
    running.clear_faults()
    for lease in running.leases():
        if not lease["ended"]:
            client(running, lease["client"]).delete_lease(lease["name"])


def client(controller: ControllerProcess, name: str = "alice") -> ClientConfigV1Alpha1:
    return ClientConfigV1Alpha1.from_file(controller.client_config(name))


def take(controller: ControllerProcess, name: str) -> None:
    client(controller).create_lease(selector="exporter=vehicle_001", duration=MINUTE, lease_id=name)
    controller.wait_until(lambda: controller.lease(name)["state"] == "Ready")


def dial_when_ready(controller: ControllerProcess, lease: str) -> jumpstarter_pb2.DialResponse:
    def attempt() -> jumpstarter_pb2.DialResponse | None:
        try:
            return dial(controller, lease)
        except grpc.aio.AioRpcError as error:
            if "not ready" not in str(error.details()):
                raise
            return None

    return controller.wait_until(attempt)


def dial(controller: ControllerProcess, lease: str) -> jumpstarter_pb2.DialResponse:
    async def call() -> jumpstarter_pb2.DialResponse:
        async with await client(controller).channel() as channel:
            stub = jumpstarter_pb2_grpc.ControllerServiceStub(channel)
            return await stub.Dial(jumpstarter_pb2.DialRequest(lease_name=lease), timeout=10)

    return asyncio.run(call())


def test_an_unreachable_controller_comes_back_with_its_leases(controller: ControllerProcess) -> None:
    take(controller, "kept")
    controller.fault("unreachable")
    with pytest.raises(JumpstarterConnectionError, match="refused"):
        client(controller).list_leases()
    controller.clear_faults("unreachable")
    assert [lease.name for lease in client(controller).list_leases().leases] == ["kept"]
    controller.wait_until(lambda: controller.exporter("sim1")["streams"])


def test_a_call_fails_as_often_as_wished(controller: ControllerProcess) -> None:
    controller.fault("fail", methods=["ListLeases"], code="RESOURCE_EXHAUSTED", message="too much", times=2)
    for _unused in range(2):
        with pytest.raises(JumpstarterConnectionError, match="too much"):
            client(controller).list_leases()
    assert client(controller).list_leases().leases == []


def test_unavailable_strikes_the_given_methods_until_cleared(controller: ControllerProcess) -> None:
    controller.fault("unavailable", methods=["ClientService/Create*"], message="try later")
    with pytest.raises(JumpstarterConnectionError, match="try later"):
        take(controller, "never-made")
    assert "never-made" not in [lease["name"] for lease in controller.leases()]
    client(controller).list_leases()
    controller.clear_faults()
    take(controller, "made")


def test_a_lost_reply_leaves_a_lease_behind(controller: ControllerProcess) -> None:
    controller.fault("lose_reply")
    with pytest.raises(JumpstarterConnectionError):
        take(controller, "orphan")
    controller.wait_until(lambda: controller.lease("orphan")["state"] == "Ready")
    with pytest.raises(JumpstarterConnectionError, match="already exists"):
        take(controller, "orphan")


def test_slow_scheduling_keeps_a_lease_pending(controller: ControllerProcess) -> None:
    controller.fault("slow_scheduling", seconds=3600)
    client(controller).create_lease(selector="exporter=vehicle_001", duration=MINUTE, lease_id="patient")
    controller.wait_until(lambda: controller.lease("patient")["conditions"])
    assert controller.lease("patient")["conditions"][0]["reason"] == "NotReady"
    controller.clear_faults("slow_scheduling")
    controller.wait_until(lambda: controller.lease("patient")["state"] == "Ready")


def test_a_dead_exporter_is_dialled_in_vain(controller: ControllerProcess) -> None:
    take(controller, "dead-end")
    log = controller.exporters["sim1"].log_file
    controller.fault("exporter_dead")
    assert dial_when_ready(controller, "dead-end").router_token
    controller.fault("exporter_dead", exporter="sim1", mode="fail")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        dial(controller, "dead-end")
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "Handling new connection request on lease dead-end" not in log.read_text()


def test_calls_are_on_record(controller: ControllerProcess) -> None:
    take(controller, "on-record")
    call = controller.calls("CreateLease")[-1]
    assert (call["method"], call["kind"], call["name"]) == ("ClientService/CreateLease", "Client", "alice")
    assert call["args"]["lease_id"] == "on-record"
    assert call["args"]["lease"]["duration"] == "60s"


def test_somebody_elses_token_is_no_good(controller: ControllerProcess) -> None:
    forged = ClientConfigV1Alpha1.from_file(controller.forged_token_config("alice"))
    with pytest.raises(JumpstarterConnectionError, match="permission denied for client lab/alice"):
        forged.list_leases()


def test_an_unknown_fault_or_option_is_an_error(controller: ControllerProcess) -> None:
    with pytest.raises(ControllerError, match="no fault"):
        controller.fault("earthquake")
    with pytest.raises(ControllerError, match="magnitude"):
        controller.fault("silent", magnitude=9)


def test_a_killed_exporter_holds_its_lease_and_is_then_offline(controller: ControllerProcess) -> None:
    controller.add_exporter("mortal", {"exporter": "mortal"}, POWER)
    api = client(controller)
    api.create_lease(exporter_name="mortal", duration=MINUTE, lease_id="bereaved")
    controller.wait_until(lambda: controller.lease("bereaved")["state"] == "Ready")
    controller.exporters["mortal"].kill()
    controller.wait_until(lambda: not controller.exporter("mortal")["online"])
    holder = controller.holder("mortal")
    assert holder is not None and holder["state"] == "Ready"
    api.delete_lease("bereaved")
    api.create_lease(exporter_name="mortal", duration=MINUTE, lease_id="too-late")
    controller.wait_until(lambda: controller.lease("too-late")["conditions"])
    assert controller.lease("too-late")["conditions"][0]["reason"] == "Offline"


def test_nothing_is_left_over(tmp_path: Path) -> None:
    with ControllerProcess(tmp_path) as controller:
        controller.add_exporter("sim1", {"exporter": "vehicle_001"}, POWER)
        assert len(processes_of(tmp_path)) == 3
    assert processes_of(tmp_path) == []


def processes_of(directory: Path) -> list[str]:
    lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(entry.read_text().replace("\0", " "))
        except OSError:
            continue
    return [line for line in lines if str(directory) in line]
