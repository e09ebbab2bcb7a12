# SPDX-License-Identifier: GPL-3.0-or-later
"""The rulebooks of the collection, run by the real ansible-rulebook."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import threading
import typing as t
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest
import yaml
from play_support import (
    HOME,
    HOST,
    PATHS,
    PLAYBOOKS,
    TEST_VARIABLES,
    VIN,
    inventory_of,
    processes_below,
    wait_until,
)
from playbook_runner import HUNG_SECONDS, AnsiblePlaybook
from sums_support import EVENT

from hatci_lab.controller.process import ControllerProcess
from hatci_lab.sums.process import SumsProcess

RULEBOOK = Path(__file__).parents[3] / ".venvs/eda/bin/ansible-rulebook"
pytestmark = [
    pytest.mark.matrix,
    pytest.mark.newest_core,
    pytest.mark.skipif(not RULEBOOK.exists(), reason="ansible-rulebook is not there: make .venvs/eda/.ready"),
    pytest.mark.skipif(not shutil.which("java"), reason="ansible-rulebook needs Java 17: openjdk-17-jre-headless"),
]


@pytest.fixture
def start_rulebook(ansible_playbook: AnsiblePlaybook) -> Iterator[Callable[..., Path]]:
    """Start a rulebook of the collection; it and the play that it runs end with the test."""
    home = ansible_playbook.new_home()
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, inventory: str, variables: dict[str, t.Any], environment: dict[str, str]) -> Path:
        (home / "inventory.yml").write_text(inventory, encoding="utf-8")
        (home / "campaign.yml").write_text(yaml.safe_dump(variables), encoding="utf-8")
        files = ["--inventory", str(home / "inventory.yml"), "--vars", str(home / "campaign.yml")]
        with (home / "output").open("wb") as output:
            process = subprocess.Popen(
                [str(RULEBOOK), "--rulebook", f"hatci.automation.{name}", *files],
                env={**ansible_playbook.environment(home), **environment},
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        started.append(process)
        return home / "output"

    yield start
    for process in started:
        process.terminate()
        process.wait()
    for left in processes_below(home):
        with contextlib.suppress(psutil.NoSuchProcess):
            left.kill()
    wait_until(lambda: not processes_below(home))


def test_a_deployment_that_ends_has_its_test_finished(
    play_vehicle: Callable[..., t.Any],
    start_rulebook: Callable[..., Path],
    sums: SumsProcess,
    controller: ControllerProcess,
) -> None:
    sums.set_vehicle(VIN, outcome="STUCK")
    device = {"jumpstarter_client_config": str(controller.client_config("alice")), "jumpstarter_exporter_template": ""}
    variables = {**TEST_VARIABLES, **device, "ota_verify_ecus": False}
    handover = {"ota_handover_lease_seconds": 3600, "ota_deployments_file": f"{HOME}/deployments.jsonl"}
    begun = play_vehicle(PLAYBOOKS / "ota_begin.yml", variables={**variables, **handover})
    assert begun.returncode == 0, begun.output
    listed = begun.home / "deployments.jsonl"
    line = json.loads(listed.read_text(encoding="utf-8"))
    assert controller.holder(HOST)

    campaign = {
        "ota_deployments_file": str(listed),
        "ota_state_file": str(begun.home / "state.jsonl"),
        "hatci_poll_interval_seconds": 1,
    }
    environment = {"HATCI_BASE_URL": sums.url, "HATCI_TOKEN": sums.token}
    output = start_rulebook("ota_finish_here", inventory_of(**variables, **PATHS), campaign, environment)
    asked = f"/api/v1/deployments/{line['deployment_id']}"
    wait_until(lambda: any(call["path"] == asked for call in sums.requests()), HUNG_SECONDS)
    assert sums.state()["test_events"][0]["status"] == "RUNNING", "it was finished before its deployment had ended"
    sums.set_deployment(line["deployment_id"], state="COMPLETE")

    wait_until(lambda: sums.state()["test_events"][0]["status"] != "RUNNING", HUNG_SECONDS)
    wait_until(lambda: "PLAY RECAP" in output.read_text(encoding="utf-8"), HUNG_SECONDS)
    controller.wait_until(lambda: controller.holder(HOST) is None)
    state = sums.state()
    (held,) = state["test_events"]
    assert (held["status"], held["metadata"]["outcome"]) == ("PASS", "PASS"), output.read_text()
    assert [len(state[kind]) for kind in ("events", "deployments", "test_events")] == [2, 1, 1]


def plays_below(home: Path) -> int:
    """Return how many ansible-playbook run below a directory, without their workers."""
    found = 0
    for process in processes_below(home):
        with contextlib.suppress(psutil.Error):
            is_play, parent = is_playbook(process), process.parent()
            found += is_play and not (parent and is_playbook(parent))
    return found


def is_playbook(process: psutil.Process) -> bool:
    return any(part.endswith("/ansible-playbook") for part in process.cmdline())


def test_of_many_deployments_that_end_at_once_some_tests_are_finished_at_a_time(
    start_rulebook: Callable[..., Path], sums: SumsProcess, tmp_path: Path
) -> None:
    most, hosts, listed = 2, [f"vehicle_{number}" for number in range(6)], tmp_path / "deployments.jsonl"
    lines = []
    for host in hosts:
        lines.append(json.dumps({"deployment_id": deploy(sums), "host": host, "test_event_id": f"te-{host}"}))
        sums.set_deployment(json.loads(lines[-1])["deployment_id"], state="COMPLETE")
    listed.write_text("\n".join([*lines, ""]), encoding="utf-8")
    campaign = campaign_in(tmp_path, ota_unfinished_after=0)
    environment = {"HATCI_BASE_URL": sums.url, "HATCI_TOKEN": sums.token, "EDA_MAX_CONCURRENT_ACTIONS": str(most)}
    output = start_rulebook("ota_finish_here", inventory_of(*hosts), campaign, environment)

    at_once: list[int] = []

    def has_ended() -> bool:
        at_once.append(plays_below(output.parent))
        return output.read_text(encoding="utf-8").count("PLAY RECAP") >= len(hosts)

    wait_until(has_ended, HUNG_SECONDS)
    assert max(at_once) == most


def deploy(sums: SumsProcess) -> str:
    """Deploy an event to a vehicle on which nothing goes on, and return the id of the deployment."""
    sums.set_vehicle(VIN, outcome="STUCK")
    event = sums.api("POST", "/events", EVENT).json()["event_id"]
    sums.api("POST", f"/events/{event}/fix", {})
    return str(sums.api("POST", "/deployments", {"event_id": event}).json()["deployment_id"])


TEMPLATE = {
    "id": 7,
    "type": "job_template",
    "name": "HATCI OTA resume",
    "summary_fields": {"organization": {"name": "Vehicles"}},
    "related": {"launch": "/api/v2/job_templates/7/launch/"},
    **{f"ask_{what}_on_launch": False for what in ("limit", "labels", "inventory", "variables")},
}
ECUS = '[{"ecu_name": "Gateway", "sw_version": "2.10"}]'
JOB = {
    "id": 42,
    "created": "2026-11-26T09:00:00Z",
    "url": "/api/v2/jobs/42/",
    "type": "job",
    "status": "failed",
    "artifacts": {},
}


class Platform(ThreadingHTTPServer):
    """AAP as far as a rulebook asks it: it has one job template, whose jobs end at once."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), PlatformHandler)
        self.launched: list[dict[str, t.Any]] = []
        self.refused = 0
        self.refuses = False
        self.has_told_how_the_job_ended = False


class PlatformHandler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Platform

    def do_GET(self) -> None:
        kind = self.path.partition("?")[0].rstrip("/").rpartition("/")[2]
        lists = {"unified_job_templates": [TEMPLATE], "unified_jobs": [JOB], "jobs": [JOB]}
        found = lists.get(kind)
        self.server.has_told_how_the_job_ended |= kind in ("unified_jobs", "jobs", "42")
        page = {"count": len(found or []), "next": None, "results": found}
        self._answer({"config": {"version": "4.6.0"}, "42": JOB}.get(kind, page))

    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.refuses:
            self.server.refused += 1
            self._answer({"detail": "not now"}, 400)
        else:
            self.server.launched.append(given)
            self._answer(JOB)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""

    def _answer(self, body: dict[str, t.Any], status: int = 200) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture
def platform() -> Iterator[Platform]:
    """Return a platform that can be asked."""
    with Platform() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def campaign_in(directory: Path, **more: t.Any) -> dict[str, t.Any]:
    """Return the variables of a rulebook that reads deployments.jsonl of a directory, and asks twice a second."""
    return {
        "ota_deployments_file": str(directory / "deployments.jsonl"),
        "ota_state_file": str(directory / "state.jsonl"),
        "hatci_poll_interval_seconds": 0.5,
        **more,
    }


def environment_of(sums: SumsProcess, platform: Platform) -> dict[str, str]:
    """Return what leads a rulebook to SUMS and to the platform."""
    return {
        "HATCI_BASE_URL": sums.url,
        "HATCI_TOKEN": sums.token,
        "EDA_CONTROLLER_URL": f"http://127.0.0.1:{platform.server_address[1]}",
        "EDA_CONTROLLER_TOKEN": "token-of-the-platform",
        "EDA_JOB_TEMPLATE_REFRESH_DELAY": "0.2",
    }


def test_a_deployment_that_ends_launches_one_job_with_what_its_test_needs(
    start_rulebook: Callable[..., Path], sums: SumsProcess, platform: Platform, tmp_path: Path
) -> None:
    deployment = deploy(sums)
    test = {"host": HOST, "test_event_id": "12", "target_build_level": "1.10", "target_ecus": ECUS}
    listed = tmp_path / "deployments.jsonl"
    listed.write_text(json.dumps({"deployment_id": deployment, "vin": VIN, **test}) + "\n", encoding="utf-8")
    campaign = campaign_in(tmp_path, ota_aap_organization="Vehicles")
    output = start_rulebook("ota_finish", inventory_of(), campaign, environment_of(sums, platform))
    wait_until(lambda: any(f"/deployments/{deployment}" in call["path"] for call in sums.requests()), HUNG_SECONDS)
    assert not platform.launched
    sums.set_deployment(deployment, state="COMPLETE")

    wait_until(lambda: platform.launched, HUNG_SECONDS)
    wait_until(lambda: platform.has_told_how_the_job_ended)
    (job,) = platform.launched
    given = {name: value for name, value in job["extra_vars"].items() if name != "ansible_eda"}
    assert given == {
        "ota_hosts": HOST,
        "hatci_test_event_id": "12",
        "hatci_deployment_id": deployment,
        "hatci_target_build_level": "1.10",
        "ota_target_ecus": ECUS,
    }
    said = output.read_text(encoding="utf-8")
    assert sums.token not in said and "token-of-the-platform" not in said


def test_a_state_that_the_tests_take_for_an_end_launches_a_job_with_text_for_whatever_the_line_has(
    start_rulebook: Callable[..., Path], sums: SumsProcess, platform: Platform, tmp_path: Path
) -> None:
    deployment = deploy(sums)
    test = {"host": HOST, "test_event_id": 12, "target_build_level": "1.10", "target_ecus": json.loads(ECUS)}
    listed = tmp_path / "deployments.jsonl"
    listed.write_text(json.dumps({"deployment_id": deployment, "vin": VIN, **test}) + "\n", encoding="utf-8")
    campaign = {
        "ota_deployments_file": str(listed),
        "ota_state_file": str(tmp_path / "state.jsonl"),
        "ota_aap_organization": "Vehicles",
        "hatci_poll_interval_seconds": 0.5,
        "hatci_failure_states": ["In_Progress", "FAILED"],  # in which the deployment stays
    }
    start_rulebook("ota_finish", inventory_of(), campaign, environment_of(sums, platform))

    wait_until(lambda: platform.launched, HUNG_SECONDS)
    given = platform.launched[0]["extra_vars"]
    assert (given["hatci_test_event_id"], json.loads(given["ota_target_ecus"])) == ("12", json.loads(ECUS))


def test_a_job_that_was_not_launched_is_launched_later_until_its_test_has_an_outcome(
    start_rulebook: Callable[..., Path], sums: SumsProcess, platform: Platform, tmp_path: Path
) -> None:
    deployment = deploy(sums)
    made = {"vin": VIN, "event_id": "pending", "ansible_job_id": "41", "git_sha": "x", "suite_name": "s"}
    test_event_id = sums.api("POST", "/test_events", made).json()["test_event_id"]
    test = {"host": HOST, "test_event_id": test_event_id, "target_build_level": "1.10", "target_ecus": ECUS}
    listed = tmp_path / "deployments.jsonl"
    listed.write_text(json.dumps({"deployment_id": deployment, "vin": VIN, **test}) + "\n", encoding="utf-8")
    campaign = campaign_in(tmp_path, ota_aap_organization="Vehicles", ota_unfinished_after=2)
    sums.set_deployment(deployment, state="COMPLETE")
    platform.refuses = True
    start_rulebook("ota_finish", inventory_of(), campaign, environment_of(sums, platform))
    wait_until(lambda: platform.refused, HUNG_SECONDS)
    platform.refuses = False

    wait_until(lambda: platform.launched, HUNG_SECONDS)
    assert platform.launched[0]["extra_vars"]["hatci_test_event_id"] == test_event_id
    sums.api("PATCH", f"/test_events/{test_event_id}", {"status": "PASS"})
    state = tmp_path / "state.jsonl"
    wait_until(lambda: '"is_finished": true' in state.read_text(encoding="utf-8"), HUNG_SECONDS)
    history = [change for change in sums.state()["test_events"][0]["history"] if "status" in change]
    assert history == [{"status": "PASS"}], "to look changes nothing"


def test_people_are_told_once_of_a_deployment_that_does_not_move_on(
    start_rulebook: Callable[..., Path], sums: SumsProcess, tmp_path: Path
) -> None:
    deployment = deploy(sums)
    (tmp_path / "deployments.jsonl").write_text(json.dumps({"deployment_id": deployment}) + "\n", encoding="utf-8")
    campaign = campaign_in(tmp_path, ota_stall_after=2)
    environment = {"HATCI_BASE_URL": sums.url, "HATCI_TOKEN": sums.token}
    output = start_rulebook("ota_stalled", inventory_of(), campaign, environment)

    def told() -> int:
        return output.read_text(encoding="utf-8").count("s without progress")

    wait_until(told, HUNG_SECONDS)
    seen = len(sums.requests())
    wait_until(lambda: len(sums.requests()) >= seen + 4)
    assert told() == 1, output.read_text(encoding="utf-8")
    said = output.read_text(encoding="utf-8")
    assert f"Deployment {deployment} of vehicle {VIN} has been" in said
    assert sums.token not in said
