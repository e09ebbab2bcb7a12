# SPDX-License-Identifier: GPL-3.0-or-later
"""The real jmp and a real exporter against the lab's controller."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jumpstarter.config.client import ClientConfigV1Alpha1

from hatci_lab.controller.process import ControllerProcess, default_jmp

TIMEOUT = 240.0
SELECTOR = "exporter=vehicle_001"


class Lab:
    """A controller, one exporter "sim1", and two ways to be a client: jmp, and its fast Python API."""

    def __init__(self, controller: ControllerProcess) -> None:
        self.controller = controller
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("JMP_")}
        self.environment |= {"COLUMNS": "400", "PATH": f"{default_jmp().parent}:{os.environ['PATH']}"}
        self.environment["PYTHONUNBUFFERED"] = "1"  # a jmp that waits for a person has said so

    def command(self, words: str, *more: str, config: Path | None = None, client: str = "alice") -> list[str]:
        chosen = config or self.controller.client_config(client)
        return [str(default_jmp()), *words.split(), "--client-config", str(chosen), *more]

    def popen(self, words: str, *more: str, config: Path | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(words, *more, config=config),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment,
            start_new_session=True,
        )

    def jmp(self, words: str, *more: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(words, *more, **options),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
            timeout=TIMEOUT,
            env=self.environment,
        )

    def api(self, client: str = "alice") -> ClientConfigV1Alpha1:
        return ClientConfigV1Alpha1.from_file(self.controller.client_config(client))

    def lease(self, name: str, client: str = "alice", seconds: float = 300.0) -> None:
        self.api(client).create_lease(selector=SELECTOR, duration=timedelta(seconds=seconds), lease_id=name)

    def wait_for(self, name: str, state: str) -> dict[str, Any]:
        self.controller.wait_until(lambda: self.controller.lease(name)["state"] == state)
        return self.controller.lease(name)

    def release_all(self) -> None:
        for lease in self.controller.leases():
            if not lease["ended"]:
                self.api(lease["client"]).delete_lease(lease["name"])
        self.controller.wait_until(lambda: self.controller.available("sim1"))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with ControllerProcess(tmp_path_factory.mktemp("controller")) as controller:
        power = {"type": "jumpstarter_driver_power.driver.MockPower"}
        controller.add_exporter("sim1", {"exporter": "vehicle_001"}, {"power": power})
        yield Lab(controller)


@pytest.fixture
def lab(running: Lab) -> Iterator[Lab]:
    yield running
    running.controller.clear_faults()
    running.release_all()


def test_create_use_delete(lab: Lab) -> None:
    tags = ("--tag", "job=17", "--tag", "host=vehicle_001")
    created = lab.jmp(f"create lease -l {SELECTOR} --duration 00:05:00 --lease-id use-it -o json", *tags)
    assert json.loads(created.stdout)["conditions"] == []
    assert lab.wait_for("use-it", "Ready")["tags"] == {"job": "17", "host": "vehicle_001"}

    shell = lab.jmp("--log-level ERROR shell --lease use-it", "--", "j", "power", "on")
    assert (shell.returncode, shell.stdout) == (0, ""), shell.stderr
    assert "power on" in lab.controller.exporters["sim1"].log_file.read_text()
    holder = lab.controller.holder("sim1")
    assert holder is not None and holder["client"] == "alice"

    assert lab.jmp("delete leases use-it").returncode == 0
    lab.controller.wait_until(lambda: lab.controller.holder("sim1") is None)


def test_two_clients_queue_and_can_see_each_other(lab: Lab) -> None:
    lab.lease("alice-first")
    lab.lease("bob-second", "bob")
    lab.wait_for("bob-second", "Pending")
    everybody = json.loads(lab.jmp("get leases -A -o json", client="bob").stdout)["leases"]
    assert {item["client"]: item["exporter"] for item in everybody} == {"alice": "sim1", "bob": ""}

    denied = lab.jmp("delete leases alice-first", client="bob")
    assert denied.returncode == 1 and "permission denied" in denied.stderr

    lab.api().delete_lease("alice-first")
    lab.wait_for("bob-second", "Ready")
    mine = json.loads(lab.jmp("get leases -o json", client="bob").stdout)["leases"]
    true = {item["type"]: item["reason"] for item in mine[0]["conditions"] if item["status"] == "True"}
    assert true["Ready"] == "Ready" and true["Pending"] in ("NotAvailable", "NotReady")


def test_impossible_requests_are_accepted_and_then_refused(lab: Lab) -> None:
    assert lab.jmp("create lease -n nowhere --duration 00:05:00 --lease-id no-such-device").returncode == 0
    assert lab.jmp("create lease --duration 00:05:00 --lease-id no-selector", "-l", " ").returncode == 0
    assert lab.wait_for("no-such-device", "Unsatisfiable")["conditions"][0]["reason"] == "ExporterNotFound"
    assert lab.wait_for("no-selector", "Invalid")["conditions"][0]["reason"] == "InvalidSelector"
    assert lab.api().list_leases(only_active=True).leases == []
    shell = lab.jmp("shell --acquisition-timeout 5s -n nowhere", "--", "true")
    assert shell.returncode == 1 and "Requested exporter nowhere was not found" in shell.stderr


def test_a_lease_expires_and_then_ignores_updates(lab: Lab) -> None:
    lab.lease("short", seconds=1)
    expired = lab.wait_for("short", "Expired")
    assert expired["end"] >= expired["begin"] + 1
    update = lab.jmp("update lease short --duration 01:00:00 -o json")
    assert update.returncode == 0
    lease = json.loads(update.stdout)
    assert lease["effective_end_time"] and lease["duration"] == 1.0


def test_an_update_sets_the_total_and_can_change_the_owner(lab: Lab) -> None:
    lab.lease("mine", seconds=60)
    begin = lab.wait_for("mine", "Ready")["begin"]
    assert lab.jmp("update lease mine --duration 00:02:00 --to-client bob").returncode == 0
    lease = lab.controller.lease("mine")
    assert (lease["expires"], lease["client"]) == (begin + 120, "bob")


def test_deleting_what_is_gone(lab: Lab) -> None:
    assert "not found" in lab.jmp("delete leases never-was").stderr
    lab.lease("twice")
    lab.api().delete_lease("twice")
    again = lab.jmp("delete leases twice")
    assert again.returncode == 1 and "already been released" in again.stderr


def test_a_shell_is_hung_up_when_its_lease_ends(lab: Lab, tmp_path: Path) -> None:
    lab.lease("cut-short")
    lab.wait_for("cut-short", "Ready")
    started = tmp_path / "started"
    shell = lab.popen("shell --lease cut-short", "--", "sh", "-c", f"touch {started}; exec sleep {2 * TIMEOUT}")
    lab.controller.wait_until(started.exists, TIMEOUT)
    lab.api().update_lease("cut-short", duration=timedelta(seconds=1))
    assert shell.wait(TIMEOUT) == 255
    shell.communicate()


def test_a_silent_controller_hangs_jmp_until_it_speaks(lab: Lab) -> None:
    lab.controller.fault("silent")
    before = len(lab.controller.calls("ListLeases"))
    victim, survivor = lab.popen("get leases -o name"), lab.popen("get leases -o name")
    lab.controller.wait_until(lambda: len(lab.controller.calls("ListLeases")) == before + 2, TIMEOUT)
    assert victim.poll() is None and survivor.poll() is None
    victim.kill()
    lab.controller.clear_faults("silent")
    assert survivor.wait(TIMEOUT) == 0
    victim.communicate()
    survivor.communicate()


def test_bad_tokens(lab: Lab) -> None:
    garbage = lab.jmp("get leases", config=lab.controller.garbage_token_config("alice"))
    assert garbage.returncode == 1 and "failed to authenticate token" in garbage.stderr
    deaf = lab.jmp("get leases", config=lab.controller.expired_token_config("alice"))
    assert deaf.returncode == 1 and "Token is expired, triggering re-authentication" in deaf.stdout
    answering = lab.popen("get leases", config=lab.controller.expired_token_config("alice", issuer_answers=True))
    assert answering.stdout is not None
    assert any("Please open the URL in browser" in line for line in answering.stdout)
    assert answering.poll() is None
    answering.kill()
    answering.communicate()


def test_a_restart_keeps_leases_and_the_exporter_returns(lab: Lab) -> None:
    lab.lease("kept")
    held = lab.wait_for("kept", "Ready")
    lab.controller.wait_until(lambda: lab.controller.serving("sim1"))
    lab.controller.kill()
    gone = lab.jmp("get leases")
    assert gone.returncode == 1 and "grpc error" in gone.stderr
    lab.controller.start()
    assert lab.controller.holder("sim1") == held
    lab.controller.wait_until(lambda: lab.controller.serving("sim1"))
    shell = lab.jmp("--log-level ERROR shell --lease kept", "--", "j", "power", "off")
    assert shell.returncode == 0, shell.stderr
