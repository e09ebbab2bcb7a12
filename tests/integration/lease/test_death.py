# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever ends a play, its devices are free within ten seconds and nothing of it runs on."""

from __future__ import annotations

import json
import signal
import time
import typing as t
from collections.abc import Callable
from pathlib import Path

import pytest
from lease_support import ACQUIRE, POWER_ON, ControllerDevice, Device, Play, StartPlay, fake_jmp
from sums_support import EVENT

from hatci_lab.sums.process import SumsProcess

FLEET = """
    - hosts: all
      connection: local
      gather_facts: false
      strategy: free
      tasks:
        - ansible.builtin.wait_for:
            path: "{{ idle_holds }}"
          when: inventory_hostname == 'pending'
        - ansible.builtin.include_role:
            name: hatci.automation.jumpstarter_lease_guard
        - hatci.automation.hatci_update_status:
            hatci_base_url: "{{ sums_url }}"
            hatci_token: lab-token
            deployment_id: "{{ deployment_id }}"
            wait: true
            poll_interval: 1
          when: inventory_hostname == 'waiting'
        - hatci.automation.jumpstarter_shell:
            exporter: "{{ jumpstarter_exporter_name }}"
            command: touch {{ command_runs }}; trap '' TERM; sleep 600
          when: inventory_hostname == 'busy'
"""
"""No always: one host holds its device and does nothing, one waits for that same device, one runs a command that
ignores a polite end, one waits for SUMS."""

DEATHS: dict[str, Callable[[Play], None]] = {
    "SIGTERM": lambda play: play.send(signal.SIGTERM),
    "SIGINT": lambda play: play.send(signal.SIGINT),
    "SIGKILL": lambda play: play.send(signal.SIGKILL),
    "SIGKILL of the group": lambda play: play.kill_group(signal.SIGKILL),
}

VIN = "1HGBH41JXMN109186"


def stuck_deployment(sums: SumsProcess) -> str:
    """Return the id of a deployment that never ends."""
    sums.set_vehicle(VIN, outcome="STUCK")
    event_id = sums.api("POST", "/events", EVENT).json()["event_id"]
    sums.api("POST", f"/events/{event_id}/fix", {})
    return str(sums.api("POST", "/deployments", {"event_id": event_id}).json()["deployment_id"])


@pytest.mark.every_core
@pytest.mark.slow
@pytest.mark.parametrize("death", DEATHS)
def test_a_fleet_that_dies_gives_all_back(
    devices: list[Device], start: StartPlay, sums: SumsProcess, death: str, tmp_path: Path
) -> None:
    idle_holds, command_runs = tmp_path / "idle-holds", tmp_path / "command-runs"
    play = start(
        FLEET,
        hosts={"idle": devices[0], "pending": devices[0], "busy": devices[1], "waiting": devices[2]},
        variables={
            "idle_holds": str(idle_holds),
            "command_runs": str(command_runs),
            "sums_url": sums.url,
            "deployment_id": stuck_deployment(sums),
        },
    )
    play.until(lambda: not any(device.is_free() for device in devices))
    idle_holds.touch()
    play.until(lambda: "waiting for exporter sim1" in play.output)
    play.until(lambda: command_runs.exists() and any(r["method"] == "GET" for r in sums.requests()))

    killed = time.monotonic()
    DEATHS[death](play)
    play.wait()
    play.assert_gives_back(*devices, since=killed)


FAILING = """
    - hosts: all
      connection: local
      gather_facts: false
      tasks:
        - ansible.builtin.include_role:
            name: hatci.automation.jumpstarter_lease_guard
        - ansible.builtin.fail:
            msg: before the block
          when: inventory_hostname == 'before'
        - block:
            - ansible.builtin.fail:
                msg: in the block
              when: inventory_hostname == 'inside'
          always:
            - ansible.builtin.include_role:
                name: hatci.automation.jumpstarter_lease_guard
                tasks_from: always
        - ansible.builtin.fail:
            msg: after the block
"""


def test_a_host_that_fails_before_in_or_after_the_block_gives_its_device_back(
    devices: list[Device], run: StartPlay
) -> None:
    play = run(FAILING, hosts=dict(zip(("before", "inside", "after"), devices, strict=True)))
    assert play.process.returncode == 2
    play.assert_gives_back(*devices)
    failures = [result["msg"] for result in play.results("ansible.builtin.fail") if "msg" in result]
    assert sorted(failures) == ["after the block", "before the block", "in the block"]


@pytest.mark.every_core
def test_a_play_that_dies_before_its_worker_asks_for_the_device_gets_none(
    device: Device, start: StartPlay, tmp_path: Path
) -> None:
    """A worker that outlives ansible-playbook belongs to init, which never ends: nothing may watch that."""
    variables = {
        "jumpstarter_lease_guard_timeout": f"{{{{ lookup('pipe', 'touch {tmp_path}/looks; sleep 4') | int + 60 }}}}"
    }
    play = start(ACQUIRE, device, variables=variables)
    play.until((tmp_path / "looks").exists)
    killed = time.monotonic()
    play.send(signal.SIGKILL)
    play.wait()
    play.assert_gives_back(device, since=killed)
    assert not play.logs()


@pytest.mark.every_core
@pytest.mark.parametrize("death", ["SIGTERM", "SIGKILL of the group"])
def test_a_request_that_is_on_its_way_when_the_play_dies_makes_no_lease(
    leased: ControllerDevice, start: StartPlay, death: str, tmp_path: Path
) -> None:
    slow = 'case "$*" in *create*) touch STARTED; sleep 6;; esac\nexec REAL "$@"\n'
    path = fake_jmp(tmp_path / "bin", slow.replace("STARTED", str(tmp_path / "started")))
    play = start(ACQUIRE, leased, path_first=path)
    play.until((tmp_path / "started").exists)
    before = len(leased.controller.calls("CreateLease"))
    killed = time.monotonic()
    DEATHS[death](play)
    play.wait()
    play.assert_gives_back(leased, since=killed)
    assert len(leased.controller.calls("CreateLease")) == before


@pytest.mark.every_core
def test_a_play_that_dies_while_the_controller_is_silent_leaves_nothing(
    leased: ControllerDevice, start: StartPlay
) -> None:
    """The controller has the request and answers never; once it speaks again, the lease is gone."""
    leased.controller.fault("silent", methods=["CreateLease"])
    before = len(leased.controller.calls("CreateLease"))
    play = start(ACQUIRE, leased)
    play.until(lambda: len(leased.controller.calls("CreateLease")) > before)
    killed = time.monotonic()
    play.kill_group(signal.SIGKILL)
    play.wait()
    play.assert_gives_back(leased, since=killed)


def test_a_stopped_play_keeps_its_device_and_a_killed_one_gives_it_back(device: Device, start: StartPlay) -> None:
    play = start(ACQUIRE + POWER_ON, device, variables={"pause": 600})
    play.until(lambda: play.results("Keep the name of the lease"))
    play.send(signal.SIGSTOP)
    (keeper,) = play.keepers()
    assert not device.is_free()
    play.send(signal.SIGKILL)
    killed = time.monotonic()
    play.wait()
    play.assert_gives_back(device, since=killed)
    assert keeper not in play.processes()


@pytest.mark.parametrize("way", ["environment", "async", "become"])
def test_a_lease_that_a_module_process_acquired_is_kept_for_the_play(
    device: Device, start: StartPlay, way: str, tmp_path: Path
) -> None:
    """Beside ansible-playbook, as a module of its own, the keeper still watches ansible-playbook."""
    keywords = {
        "environment": {"environment": {"SOME": "thing"}},
        "async": {"async": 120, "poll": 1},
        "become": {"become": True},
    }[way]
    env = {"ANSIBLE_ASYNC_DIR": str(tmp_path / "async")}
    if way == "become":
        env |= {"ANSIBLE_BECOME_METHOD": "su", "ANSIBLE_BECOME_EXE": str(_fake_su(tmp_path))}
    task = {
        "hatci.automation.jumpstarter_lease": {
            "exporter": device.name,
            "mode": device.mode,
            "client_config": device.variables.get("jumpstarter_client_config", "{{ omit }}"),
            "lock_dir": device.variables.get("jumpstarter_lease_guard_lock_dir", "{{ omit }}"),
        },
        "name": "Acquire",
        **keywords,
    }
    power: dict[str, t.Any] = {
        "hatci.automation.jumpstarter_power": {"lease_name": "{{ l.lease_name }}", "state": "on", "wait": 600}
    }
    playbook = json.dumps(
        [
            {
                "hosts": "localhost",
                "connection": "local",
                "gather_facts": False,
                "tasks": [{**task, "register": "l"}, {"ansible.builtin.debug": {"msg": "held"}, "name": "Held"}, power],
            }
        ]
    )
    play = start(playbook, device, env=env)
    play.until(lambda: play.results("Held"))
    assert not device.is_free()
    assert len(play.keepers()) == 1
    killed = time.monotonic()
    play.kill_group()
    play.wait()
    play.assert_gives_back(device, since=killed)


def _fake_su(directory: Path) -> Path:
    """Return a program that becomes root as su does, where we are root already."""
    path = directory / "su"
    path.write_text('#!/bin/sh\nwhile [ "$1" != -c ]; do shift; done\nexec /bin/sh -c "$2"\n', encoding="utf-8")
    path.chmod(0o755)
    return path
