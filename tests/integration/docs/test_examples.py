# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of every module, role and lookup run as they stand in its documentation."""

from __future__ import annotations

import datetime
import importlib
import shutil
import typing as t
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from docs_support import blocks_of
from jumpstarter.config.client import ClientConfigV1Alpha1
from play_support import (
    EXPORTER,
    HOME,
    HOST,
    REPOSITORY,
    TEST_VARIABLES,
    VEHICLE_TEMPLATE,
    VIN,
    inventory_of,
    is_locked,
)
from sums_support import deploy_update

from hatci_lab.controller.process import ControllerProcess
from hatci_lab.sums.process import SumsProcess

if t.TYPE_CHECKING:
    from playbook_runner import PlayResult

RUNTIME = yaml.safe_load((REPOSITORY / "meta/runtime.yml").read_text(encoding="utf-8"))
SUMS_MODULES = sorted({*RUNTIME["action_groups"]["hatci"]} - {"hatci_recover"})
"""Those that need SUMS alone; hatci_recover needs AAP as well."""
LOCAL_MODULES = sorted(
    {path.stem for path in (REPOSITORY / "plugins/modules").glob("hatci_*.py")} - {*SUMS_MODULES, "hatci_recover"}
)
RUN_ELSEWHERE = {"jumpstarter_diagnostics", "jumpstarter_disturbance", "jumpstarter_recorder"}
"""They need ECUs or a lease that is held: tests/integration/vehicle, scenario and evidence have them."""
JUMPSTARTER_MODULES = sorted(
    {path.stem for path in (REPOSITORY / "plugins/modules").glob("jumpstarter_*.py")} - RUN_ELSEWHERE
)
ROLES = sorted(path.name for path in (REPOSITORY / "roles").iterdir())
DOCUMENTED_URL = "https://sums.example.com"

VEHICLE = {name: value for name, value in TEST_VARIABLES.items() if name.startswith("hatci_")}
"""What an inventory says of a vehicle. The way to its device must stand in the example."""
CONFIGURE_EXPORTER = """
- ansible.builtin.include_role:
    name: hatci.automation.jumpstarter_exporter_config
  vars:
    jumpstarter_exporter_name: vehicle_001
    jumpstarter_exporter_template: "{{ playbook_dir }}/templates/vehicle_exporter.yaml.j2"
"""

Play = Callable[..., t.Any]


def prepare(sums: SumsProcess) -> dict[str, dict[str, str]]:
    """Return what the examples have registered before: an event that is fixed, its deployment, a test event."""
    event, deployment = deploy_update(sums)
    test_event = sums.api(
        "POST",
        "/test_events",
        {"vin": VIN, "event_id": "pending", "ansible_job_id": "1", "git_sha": "unknown", "suite_name": "ota"},
    ).json()
    return {"target": event, "deployment": deployment, "test_event": test_event}


def examples_of(plugin: str) -> str:
    """Return the examples of a plugin as text."""
    return str(importlib.import_module(f"ansible_collections.hatci.automation.plugins.{plugin}").EXAMPLES)


@pytest.fixture
def play_example(play_vehicle: Play, in_this_lab: Callable[[str], str], tmp_path: Path) -> Play:
    """Play tasks given as text; the template of the vehicle's exporter config is beside the playbook."""

    def play(text: str, before: str = "", **variables: t.Any) -> PlayResult:
        templates = tmp_path / "example/templates"
        templates.mkdir(parents=True)
        shutil.copy(VEHICLE_TEMPLATE, templates)
        etc = {"directory": f"{HOME}/etc/exporters.d", "link_directory": f"{HOME}/etc/exporters"}
        example = {
            "hosts": "all",
            "gather_facts": False,
            "module_defaults": {"hatci.automation.jumpstarter_exporter": etc},
            "pre_tasks": yaml.safe_load(before) or [],
            "tasks": yaml.safe_load(in_this_lab(text)),
        }
        playbook = templates.with_name("playbook.yml")
        playbook.write_text(yaml.safe_dump([example]), encoding="utf-8")
        played: PlayResult = play_vehicle(playbook, inventory=inventory_of(**VEHICLE), variables=variables)
        assert played.returncode == 0, played.output
        skipped = [task.name for task in played.tasks if task.outcome != "ok" and "hatci_ota_test" not in text]
        assert all(name.startswith("hatci.automation.") for name in skipped), "only a role skips tasks of its own"
        return played

    return play


@pytest.mark.matrix
@pytest.mark.parametrize("module", SUMS_MODULES)
def test_examples_of_a_sums_module_run_as_they_are(module: str, sums: SumsProcess, play_example: Play) -> None:
    text = examples_of(f"modules.{module}")
    assert DOCUMENTED_URL in text
    play_example(text, **prepare(sums), vault_hatci_token=sums.token)


def leave_an_orphan(controller: ControllerProcess) -> None:
    """Lease the vehicle as a job does, and never give it back."""
    name = f"hatci-4711-{HOST}-{uuid.uuid4().hex[:8]}".replace("_", "-")
    api = ClientConfigV1Alpha1.from_file(controller.client_config("alice"))
    api.create_lease(exporter_name=EXPORTER, duration=datetime.timedelta(hours=1), lease_id=name)
    controller.wait_until(lambda: controller.lease(name)["state"] == "Ready")


@pytest.mark.matrix
@pytest.mark.newest_core
@pytest.mark.parametrize("module", JUMPSTARTER_MODULES)
def test_examples_of_a_jumpstarter_module_do_what_they_say(
    module: str, controller: ControllerProcess, sums: SumsProcess, play_example: Play
) -> None:
    prepare(sums)
    earlier = len(controller.leases())
    if module == "jumpstarter_orphans":
        leave_an_orphan(controller)

    played = play_example(examples_of(f"modules.{module}"), CONFIGURE_EXPORTER, jumpstarter_exporter_name=HOST)

    last = played.tasks[-1].result
    match module:
        case "jumpstarter_exporter":
            assert "VirtualSerial" in (played.home / "etc/exporters/vehicle_001.yaml").read_text(encoding="utf-8")
        case "jumpstarter_info":
            assert (last["mode"], Path(last["path"]).name) == ("local", "jmp")
        case "jumpstarter_lease":
            assert played.task("Switch it on")["power"] == "on"
            (lease,) = controller.leases()[earlier:]
            assert (lease["exporter"], lease["state"]) == (EXPORTER, "Released")
        case "jumpstarter_orphans":
            (orphan,) = controller.leases()[earlier:]
            assert last["released"] == [orphan["name"]] and orphan["state"] == "Released"
        case "jumpstarter_power":
            assert last["power"] == "on" and not is_locked(played.home)
        case "jumpstarter_shell":
            assert last["stdout_lines"] == ["ECU Gateway part=GW-2024-001 sw=2.0.0", "END"]
        case _:
            pytest.fail(f"say here what the examples of {module} do")
    assert controller.holder(HOST) is None


@pytest.mark.matrix
@pytest.mark.newest_core
@pytest.mark.parametrize("module", [module for module in LOCAL_MODULES if module != "hatci_evidence"])
def test_examples_of_a_module_that_needs_no_server(module: str, play_example: Play) -> None:
    ecus = [{**ecu, "name": ecu["ecu_name"], "codes": []} for ecu in VEHICLE["hatci_source_ecus"]]
    variables = {
        "vehicle": {"vin": VIN, "ecus": ecus},
        "deployment": {"deployment_id": "deploy-000001", "state": "COMPLETE", "reason": ""},
        "look_before": {"record": {"vin": VIN, "ecus": ecus}},
        "look_after": {"record": {"vin": VIN, "ecus": [{**ecu, "sw_version": "2.0.0"} for ecu in ecus]}},
    }
    before = "- hatci.automation.hatci_outcome: {vin: x, outcome: PASS, summary: well}\n  register: ota_result\n"

    play_example(examples_of(f"modules.{module}"), before if module == "hatci_summary" else "", **variables)


@pytest.mark.parametrize("lookup", ["hatci_connection", "job"])
def test_examples_of_a_lookup_run_as_they_are(lookup: str, sums: SumsProcess, play_example: Play) -> None:
    play_example(examples_of(f"lookup.{lookup}"))

    assert [test_event["vin"] for test_event in sums.state()["test_events"]] == [VIN]


@pytest.mark.newest_core
def test_the_example_of_a_file_of_tasks(play_example: Play, tmp_path: Path) -> None:
    (tmp_path / "own.yml").write_text("- ansible.builtin.debug: {msg: well}\n", encoding="utf-8")
    play_example(examples_of("lookup.tasks_file"), ota_verify_tasks=str(tmp_path / "own.yml"))


@pytest.mark.newest_core
def test_the_example_of_a_play_that_must_not_be_skipped(play_vehicle: Play) -> None:
    assert play_vehicle(examples_of("lookup.vehicles")).returncode == 0
    assert play_vehicle(examples_of("lookup.vehicles"), variables={"ota_hosts": "nobody"}).returncode == 2


@pytest.mark.matrix
@pytest.mark.newest_core
@pytest.mark.parametrize("role", ROLES)
def test_examples_of_a_role_do_what_they_say(role: str, sums: SumsProcess, play_example: Play) -> None:
    blocks = blocks_of(REPOSITORY / "roles" / role / "README.md")
    examples = "".join(block.text for block in blocks if block.language == "yaml")
    before = CONFIGURE_EXPORTER if role == "jumpstarter_lease_guard" else ""
    registered = {} if role == "hatci_request_update" else prepare(sums)

    played = play_example(examples, before, **registered)

    state = sums.state()
    match role:
        case "hatci_ota_test":
            assert [item["status"] for item in state["test_events"][-2:]] == ["PASS", "PASS"]
            assert [item["build_level"] for item in state["events"][-2:]] == ["2024.02.01", "2024.03.01"]
        case "hatci_preflight":
            assert "/api/v1/health" in [request["path"] for request in sums.requests()]
        case "hatci_report_results":
            assert [(item["status"], item["summary"][:8]) for item in state["test_events"]] == [("FAIL", "TIMEOUT:")]
        case "hatci_request_update":
            assert [(item["update_type"], item["fixed"]) for item in state["events"]] == [
                ("RROM", True),
                ("UROM", True),
            ]
            assert played.task("Show the ids")["msg"] == " to ".join(item["event_id"] for item in state["events"])
        case "hatci_wait_for_update":
            assert played.tasks[-1].result["ansible_facts"]["hatci_final_state"] == "COMPLETE"
        case "jumpstarter_exporter_config":
            config = played.home / ".config/jumpstarter/exporters/vehicle_001.yaml"
            assert "VirtualSerial" in config.read_text(encoding="utf-8")
        case "jumpstarter_lease_guard":
            assert played.task("Switch it on")["power"] == "on" and not is_locked(played.home)
        case _:
            pytest.fail(f"say here what the examples of {role} do")


@pytest.mark.newest_core
def test_the_plays_of_ones_own_that_getting_started_shows(
    sums: SumsProcess, play_vehicle: Play, play_example: Play
) -> None:
    page = blocks_of(REPOSITORY / "docs/GETTING_STARTED.md")
    whole, parts = [block.text for block in page if block.language == "yaml" and not block.mark]

    played = play_vehicle(whole, variables=VEHICLE)

    assert played.returncode == 0, played.output
    assert [item["status"] for item in sums.state()["test_events"]] == ["PASS"]

    sums.reset()
    played = play_example(parts, CONFIGURE_EXPORTER, jumpstarter_exporter_name=HOST)

    assert [item["fixed"] for item in sums.state()["events"]] == [True, True]
    names = [task.name.rpartition(" : ")[2] for task in played.tasks]
    steps = ["Acquire the device", "Create the source event (RROM)", "Release the lease"]
    assert sorted(steps, key=names.index) == steps
    assert not is_locked(played.home)
