# SPDX-License-Identifier: GPL-3.0-or-later
"""The serial console of a device that is leased, through the real jmp and its serial driver."""

from __future__ import annotations

import contextlib
import itertools
import re
import shlex
import signal
import socketserver
import subprocess
import threading
import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path

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
    is_locked,
    wait_until,
)
from playbook_runner import AnsiblePlaybook, StartedPlay

from ansible_collections.hatci.automation.plugins.module_utils._evidence.manifest import compare
from hatci_lab.sums.process import SumsProcess

CONSOLE = f"{HOME}/console.log"
STAY = {"name": "Stay", "ansible.builtin.command": "sleep 600"}


@pytest.fixture
def template(tmp_path: Path) -> Iterator[Path]:
    """Return the exporter config of a device whose serial port prints numbered lines."""

    class Console(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                for number in itertools.count():
                    self.request.sendall(f"line {number}\r\n".encode())
                    if ended.wait(0.02):
                        return

    ended = threading.Event()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Console) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = {"url": f"socket://127.0.0.1:{server.server_address[1]}"}
        config = {
            "apiVersion": "jumpstarter.dev/v1alpha1",
            "kind": "ExporterConfig",
            "metadata": {"name": HOST, "namespace": ""},
            "endpoint": "",
            "token": "",
            "export": {"serial": {"type": "jumpstarter_driver_pyserial.driver.PySerial", "config": port}},
        }
        path = tmp_path / "exporter.yaml.j2"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        yield path
        ended.set()
        server.shutdown()


def told_by(play: StartedPlay, console: Path) -> str:
    """Return what the play has shown and the console's file holds so far."""
    return play.output + (console.read_text(encoding="utf-8") if console.exists() else "")


def until(pattern: str) -> dict[str, t.Any]:
    return {"name": "Wait", "ansible.builtin.wait_for": {"path": CONSOLE, "search_regex": pattern, "timeout": 60}}


@pytest.mark.newest_core
def test_it_is_recorded_around_what_uses_it_and_until_the_play_is_killed(
    ansible_playbook: AnsiblePlaybook, template: Path, tmp_path: Path
) -> None:
    roles = [
        {"name": f"Run {role}", "ansible.builtin.include_role": {"name": f"hatci.automation.{role}"}}
        for role in ("jumpstarter_exporter_config", "jumpstarter_lease_guard")
    ]
    record = {
        "name": "Record",
        "hatci.automation.jumpstarter_recorder": {"state": "started", "path": CONSOLE, "driver": "serial"},
    }
    use = {"name": "Use it", "hatci.automation.jumpstarter_shell": {"command": "timeout 5 j serial pipe | head -1"}}
    tasks = [*roles, record, until("line 3"), use, until("(?s)gap.*reading.*line 3"), STAY]
    variables = {
        **PATHS,
        "jumpstarter_exporter_name": HOST,
        "jumpstarter_exporter_template": str(template),
        "jumpstarter_lease_guard_mode": "local",
    }
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(inventory_of(), encoding="utf-8")
    playbook = yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}])

    play = ansible_playbook.start(playbook, "-i", str(inventory), variables=variables)
    console = play.home / "console.log"
    for step in ("[Record]", "[Use it]", "-- gap: ", "[Wait]", "[Stay]"):
        wait_until(lambda step=step: step in told_by(play, console) or play.process.poll() is not None)
    assert play.process.poll() is None, play.output
    play.process.send_signal(signal.SIGKILL)

    wait_until(lambda: console.read_text(encoding="utf-8").endswith("-- recording ended\n"))
    play.end()
    (used,) = [task.result["stdout"] for task in play.tasks if task.name == "Use it"]
    assert re.fullmatch(r"line \d+\s+", used)
    told = console.read_text(encoding="utf-8")
    assert told.count("-- gap: ") == 1 and told.count("-- reading") == 2


@pytest.mark.newest_core
def test_the_console_of_a_device_that_is_kept_is_recorded_on_beside_the_evidence(
    play_vehicle: Callable[..., t.Any], sums: SumsProcess, template: Path, core: Path
) -> None:
    sums.set_vehicle(VIN, outcome="FAILED", reason="battery low", update_seconds=0)
    variables = {
        **TEST_VARIABLES,
        "jumpstarter_exporter_template": str(template),
        "ota_verify_ecus": False,
        "ota_evidence_dir": f"{HOME}/evidence",
        "ota_console": "serial",
        "ota_keep_device_seconds": 900,
    }
    played = play_vehicle(PLAYBOOKS / "ota_single_vehicle.yml", variables=variables)

    assert played.returncode == 2 and sums.state()["test_events"], played.output
    told = played.task("Tell the outcome")["msg"]
    (console,) = (played.home / "evidence").glob("console-*.log")
    assert f"its console is recorded in {console}. To enter it: jmp shell --exporter {HOST} ;" in told
    assert is_locked(played.home), "others would take the device"
    wait_until(lambda: " | line " in console.read_text(encoding="utf-8"))
    (bundle,) = (played.home / "evidence").glob("*/manifest.json")
    assert compare(bundle.parent) == []

    command = shlex.split(told.partition("to give it back sooner: ")[2])
    environment = AnsiblePlaybook(played.home.parent, core).environment(played.home)
    subprocess.run([str(core / command[0]), *command[1:]], check=True, env=environment, stdout=subprocess.DEVNULL)
    assert not is_locked(played.home)
    wait_until(lambda: console.read_text(encoding="utf-8").endswith("-- recording ended\n"))
