# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples that users were promised, word for word, on the real jmp and a simulated SUMS."""

from __future__ import annotations

import os
import re
import textwrap
import typing as t
from pathlib import Path

import pytest
from play_support import EXPORTER, HOST, NEW, OLD, PLAYBOOKS, REPOSITORY, VIN, is_locked, processes_of, wait_until
from sums_support import deploy_update

from hatci_lab.controller.process import ControllerProcess
from hatci_lab.sums.process import SumsProcess

EXAMPLES = PLAYBOOKS / "walkthrough"
PROMISED = REPOSITORY.parent / "shared/WALKTHROUGH.md"
ELISION = "# ... deploy and wait ...\n"
"""Where the combined example leaves tasks to the reader."""


def home_with_exporter(directory: Path, sums: SumsProcess) -> dict[str, str]:
    """Return the environment of a user who has the virtual vehicle's exporter config at home."""
    exporters = directory / "user/.config/jumpstarter/exporters"
    exporters.mkdir(parents=True)
    template = (EXAMPLES / "templates/vehicle_exporter.yaml.j2").read_text(encoding="utf-8")
    variables = {"jumpstarter_exporter_name": HOST, "hatci_vin": VIN, "hatci_base_url": sums.url}
    config = re.sub(r"{{ (\w+) }}", lambda found: variables[found[1]], template)
    (exporters / f"{HOST}.yaml").write_text(config, encoding="utf-8")
    return {"HOME": str(directory / "user")}


def promised_blocks() -> dict[str, str]:
    """Return the YAML of each example by its heading."""
    text = PROMISED.read_text(encoding="utf-8")
    found = re.findall(r"^### ((?:Example|Combined)[^\n]*)\n(?:(?!^###).)*?^```yaml\n(.*?)^```", text, re.DOTALL | re.M)
    return dict(found)


@pytest.mark.skipif(not PROMISED.is_file(), reason="the walkthrough is not beside this checkout")
@pytest.mark.parametrize(
    ("heading", "playbook"),
    [
        ("Example 1: Simple OTA Update Request", "example_1_simple_update_request.yml"),
        ("Example 2: Complete OTA Workflow with Device Control", "example_2_complete_workflow.yml"),
        ("Example 3: Status Monitoring", "example_3_status_monitoring.yml"),
        ("Example 4: Jumpstarter Exporter Configuration", "example_4_exporter_configuration.yml"),
        ("Example 5: Safe Lease Management Pattern", "example_5_safe_lease_management.yml"),
    ],
)
def test_the_playbook_is_the_example_word_for_word(heading: str, playbook: str) -> None:
    assert (EXAMPLES / playbook).read_text(encoding="utf-8") == promised_blocks()[heading]


@pytest.mark.skipif(not PROMISED.is_file(), reason="the walkthrough is not beside this checkout")
def test_the_combined_playbook_has_the_example_word_for_word_around_what_it_leaves_out() -> None:
    before, after = promised_blocks()["Combined Usage Example"].split(ELISION)
    playbook = (EXAMPLES / "combined_usage_example.yml").read_text(encoding="utf-8")

    head, tail = playbook.split(ELISION)
    assert head.endswith("  tasks:\n" + textwrap.indent(before, "    ", lambda line: line != "\n"))
    assert tail.endswith(textwrap.indent(after, "    "))


def test_example_1_leaves_two_fixed_events(play_vehicle: t.Any, vehicle: SumsProcess) -> None:
    played = play_vehicle(EXAMPLES / "example_1_simple_update_request.yml")

    assert played.returncode == 0, played.output
    source, target = vehicle.state()["events"]
    assert (source["update_type"], source["build_level"], source["ecus"]) == ("RROM", "2024.01.01", OLD)
    assert (target["update_type"], target["build_level"], target["ecus"]) == ("UROM", "2024.02.01", NEW)
    assert source["fixed"] and target["fixed"]
    assert played.task("Display event IDs")["msg"] == [
        f"Source event: {source['event_id']}",
        f"Target event: {target['event_id']}",
    ]
    assert vehicle.state()["deployments"] == []


def assert_example_2_is_done(sums: SumsProcess, played: t.Any) -> None:
    """Assert what example 2 promises in its steps 1 to 9."""
    assert played.returncode == 0, played.output
    state = sums.state()
    target = state["events"][1]["event_id"]
    assert [event["fixed"] for event in state["events"]] == [True, True]
    assert [(item["event_id"], item["state"]) for item in state["deployments"]] == [(target, "COMPLETE")]
    (test_event,) = state["test_events"]
    assert (test_event["status"], test_event["event_id"], test_event["vin"]) == ("PASS", target, VIN)
    assert test_event["summary"] == "OTA update completed with state: COMPLETE"
    assert (test_event["ansible_job_id"], test_event["suite_name"]) == ("manual", "ota_complete_workflow")
    assert test_event["git_sha"] == "unknown"
    said = played.task("Collect diagnostics via Jumpstarter")["stdout_lines"]
    assert "ECU Gateway part=GW-2024-001 sw=2.0.0" in said
    wait_until(lambda: not processes_of(played.home))


def test_example_2_with_an_exporter_of_this_machine(play_vehicle: t.Any, vehicle: SumsProcess) -> None:
    played = play_vehicle(EXAMPLES / "example_2_complete_workflow.yml", variables={"jumpstarter_client_config": ""})

    assert_example_2_is_done(vehicle, played)
    assert (played.home / ".config/jumpstarter/exporters.d/vehicle_001.yaml").is_file()
    assert not is_locked(played.home)


def test_example_2_with_a_controller(play_vehicle: t.Any, vehicle: SumsProcess, controller: ControllerProcess) -> None:
    earlier = len(controller.leases())

    played = play_vehicle(
        EXAMPLES / "example_2_complete_workflow.yml",
        variables={"jumpstarter_client_config": str(controller.client_config("alice"))},
    )

    assert_example_2_is_done(vehicle, played)
    (lease,) = controller.leases()[earlier:]
    assert (lease["client"], lease["exporter"], lease["state"]) == ("alice", EXPORTER, "Released")
    assert controller.holder(EXPORTER) is None
    assert not (played.home / "locks").exists()


def test_example_2_gives_the_vehicle_back_when_the_update_fails(play_vehicle: t.Any, vehicle: SumsProcess) -> None:
    vehicle.set_vehicle(VIN, outcome="FAILED", reason="flash write error", update_seconds=0)

    played = play_vehicle(EXAMPLES / "example_2_complete_workflow.yml", variables={"jumpstarter_client_config": ""})

    assert played.returncode == 2
    assert "flash write error" in played.task("hatci.automation.hatci_wait_for_update : Wait for the deployment")["msg"]
    assert not is_locked(played.home)
    wait_until(lambda: not processes_of(played.home))
    assert [event.get("status") for event in vehicle.state()["test_events"]] != ["PASS"]


def deployed(sums: SumsProcess) -> str:
    """Return the id of a deployment that somebody else has started."""
    return str(deploy_update(sums)[1]["deployment_id"])


def test_example_3_tells_how_a_deployment_ended(play_vehicle: t.Any, vehicle: SumsProcess) -> None:
    played = play_vehicle(
        EXAMPLES / "example_3_status_monitoring.yml", variables={"hatci_deployment_id": deployed(vehicle)}
    )

    assert played.returncode == 0, played.output
    assert played.task("Display final status")["msg"] == ["State: COMPLETE", "Reason: "]


def test_example_3_fails_when_the_deployment_did(play_vehicle: t.Any, vehicle: SumsProcess) -> None:
    vehicle.set_vehicle(VIN, outcome="FAILED", reason="flash write error", update_seconds=0)
    deployment_id = deployed(vehicle)

    played = play_vehicle(
        EXAMPLES / "example_3_status_monitoring.yml", variables={"hatci_deployment_id": deployment_id}
    )

    assert played.returncode == 2
    assert f"Deployment {deployment_id} ended FAILED" in played.output and "flash write error" in played.output


def test_example_4_configures_an_exporter_that_jmp_can_use_at_once(
    play_vehicle: t.Any, tmp_path: Path, core: Path
) -> None:
    ipmitool = tmp_path / "bin/ipmitool"
    ipmitool.parent.mkdir()
    ipmitool.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/ipmi\n', encoding="utf-8")
    ipmitool.chmod(0o755)

    path = f"{ipmitool.parent}:{core}:{os.environ['PATH']}"
    played = play_vehicle(EXAMPLES / "example_4_exporter_configuration.yml", env={"PATH": path})

    assert played.returncode == 0, played.output
    exporters = played.home / ".config/jumpstarter"
    config = (exporters / "exporters.d/vehicle_001.yaml").read_text(encoding="utf-8")
    assert "socket://192.168.1.100:23" in config
    assert (exporters / "exporters/vehicle_001.yaml").read_text(encoding="utf-8") == config
    assert played.task("Use the configured exporter")["power"] == "on"
    assert (tmp_path / "ipmi").read_text(encoding="utf-8").split()[:4] == ["-I", "lanplus", "-H", "192.168.1.101"]


def test_example_5_with_an_exporter_of_this_machine(play_vehicle: t.Any, vehicle: SumsProcess, tmp_path: Path) -> None:
    played = play_vehicle(EXAMPLES / "example_5_safe_lease_management.yml", env=home_with_exporter(tmp_path, vehicle))

    assert played.returncode == 0, played.output
    assert played.task("Power on device")["power"] == "on"
    assert played.task("Power off device")["power"] == "off"
    assert "Error occurred" not in played.output
    assert not is_locked(tmp_path / "user")
    wait_until(lambda: not processes_of(played.home))


def test_example_5_with_a_controller(play_vehicle: t.Any, controller: ControllerProcess) -> None:
    earlier = len(controller.leases())

    played = play_vehicle(
        EXAMPLES / "example_5_safe_lease_management.yml",
        variables={"jumpstarter_client_config": str(controller.client_config("bob"))},
    )

    assert played.returncode == 0, played.output
    assert played.task("Power off device")["power"] == "off"
    (lease,) = controller.leases()[earlier:]
    assert (lease["client"], lease["exporter"], lease["state"]) == ("bob", EXPORTER, "Released")


def test_example_5_releases_the_lease_when_a_device_task_fails(
    play_vehicle: t.Any, vehicle: SumsProcess, tmp_path: Path
) -> None:
    home = home_with_exporter(tmp_path, vehicle)
    config = tmp_path / "user/.config/jumpstarter/exporters/vehicle_001.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("hatci_lab.vehicle.driver.VirtualPower", "no.such.Driver"), encoding="utf-8")

    played = play_vehicle(EXAMPLES / "example_5_safe_lease_management.yml", env=home)

    assert played.task("Handle errors")["msg"] == "Error occurred, but lease will still be released"
    assert played.task("hatci.automation.jumpstarter_lease_guard : Release the lease")["changed"]
    assert not is_locked(tmp_path / "user")


@pytest.mark.parametrize("through", ["exporter", "controller"])
def test_the_combined_example_verifies_the_update_on_the_device(
    play_vehicle: t.Any, vehicle: SumsProcess, tmp_path: Path, through: str, request: pytest.FixtureRequest
) -> None:
    variables = {}
    if through == "controller":
        controller = request.getfixturevalue("controller")
        variables = {"jumpstarter_client_config": str(controller.client_config("alice"))}

    played = play_vehicle(
        EXAMPLES / "combined_usage_example.yml", variables=variables, env=home_with_exporter(tmp_path, vehicle)
    )

    assert played.returncode == 0, played.output
    assert played.task("Verify update on device")["stdout_lines"] == ["ECU Gateway part=GW-2024-001 sw=2.0.0", "END"]
    assert [deployment["state"] for deployment in vehicle.state()["deployments"]] == ["COMPLETE"]
    if through == "controller":
        assert controller.holder(EXPORTER) is None
    else:
        assert not is_locked(tmp_path / "user")
