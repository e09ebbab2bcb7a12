# SPDX-License-Identifier: GPL-3.0-or-later
"""Driving a device: through a lease or a lock, up to the first failure, and never once that is not safe."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from lease_support import (
    ACQUIRE,
    POWER_ON,
    RELEASE,
    WAIT_FOR,
    ControllerDevice,
    Device,
    LocalDevice,
    StartPlay,
    wait_for,
)

COMMANDS = """
        - name: Several
          hatci.automation.jumpstarter_shell:
            exporter: "{{ jumpstarter_exporter_name }}"
            commands:
              - j power on
              - echo out; echo err >&2
              - j power explode
              - touch {{ later }}
          ignore_errors: true
        - name: One that fails and may
          hatci.automation.jumpstarter_shell:
            lease_name: "{{ current_lease_name }}"
            command: exit 7
            check_rc: false
        - name: Too slow
          hatci.automation.jumpstarter_shell:
            exporter: "{{ jumpstarter_exporter_name }}"
            commands:
              - echo first
              - trap '' TERM; echo $$ > {{ pid_file }}; sleep 600 & sleep 600
            timeout: "{{ too_slow }}"
          ignore_errors: true
"""


def test_commands_have_results_of_their_own_and_end_at_the_first_failure(
    device: Device, start: StartPlay, tmp_path: Path
) -> None:
    later, pid_file = tmp_path / "later", tmp_path / "pid"
    variables = {"later": str(later), "pid_file": str(pid_file), "too_slow": 25}
    play = start(ACQUIRE + POWER_ON + COMMANDS + RELEASE, device, variables=variables)
    assert play.wait(400) == 0, play.output
    assert play.result("Switch on")["power"] == "on"

    several = play.result("Several")
    assert [(result["command"], result["rc"]) for result in several["results"]] == [
        ("j power on", 0),
        ("echo out; echo err >&2", 0),
        ("j power explode", several["rc"]),
    ]
    assert several["rc"] != 0 and not later.exists()
    assert (several["results"][1]["stdout"], several["results"][1]["stderr"]) == ("out\n", "err\n")
    assert "Command 'j power explode' failed" in several["msg"] and "The 1 after it did not run." in several["msg"]

    assert play.result("One that fails and may")["rc"] == 7

    slow = play.result("Too slow")
    assert "Command 2 of 2" in slow["msg"] and "did not end within 25 s" in slow["msg"]
    assert [result["stdout"] for result in slow["results"]] == ["first\n"]
    wait_for(lambda: not Path(f"/proc/{pid_file.read_text().strip()}").exists())
    play.assert_gives_back(device)


def test_a_lease_whose_keeper_was_killed_is_not_used(device: Device, start: StartPlay, tmp_path: Path) -> None:
    play = start(ACQUIRE + WAIT_FOR + POWER_ON, device, variables={"go_on": str(tmp_path / "go")})
    play.until(lambda: play.results("Keep the name of the lease"))
    (keeper,) = play.keepers()
    os.kill(keeper, signal.SIGKILL)
    (tmp_path / "go").touch()
    assert play.wait() == 2
    message = play.result("Switch on")["msg"]
    assert "The keeper of lease hatci-" in message and "another job may have it" in message


def test_a_keeper_that_is_told_to_end_gives_the_device_back_and_it_is_not_used(
    device: Device, start: StartPlay, tmp_path: Path
) -> None:
    play = start(ACQUIRE + WAIT_FOR + POWER_ON, device, variables={"go_on": str(tmp_path / "go")})
    play.until(lambda: play.results("Keep the name of the lease"))
    (keeper,) = play.keepers()
    os.kill(keeper, signal.SIGTERM)
    wait_for(device.is_free)
    (tmp_path / "go").touch()
    assert play.wait() == 2
    assert "so the device was left alone" in play.result("Switch on")["msg"]
    play.assert_gives_back(device)


def test_a_device_without_a_lease_is_locked_for_the_time_of_the_task(
    local_device: LocalDevice, start: StartPlay
) -> None:
    head = ACQUIRE.partition("        - ")[0]
    play = start(head + POWER_ON, local_device, variables={"pause": 600})
    play.until(lambda: local_device.lock.exists() and not local_device.is_free())
    play.until(local_device.is_free)
    play.kill_group()
    play.wait()
    play.assert_gives_back(local_device)


def test_where_the_connection_is_not_local_the_duration_is_the_only_limit(
    device: Device, start: StartPlay, tmp_path: Path
) -> None:
    """There is no ansible-playbook to watch on the other machine."""
    duration = 15 if device.mode == "controller" else 6
    play = start(
        ACQUIRE.replace("connection: local", "connection: elsewhere").replace("localhost", "all") + WAIT_FOR,
        hosts={"far_away": device},
        env={"ANSIBLE_CONNECTION_PLUGINS": str(Path(__file__).parent / "connection_plugins")},
        variables={"jumpstarter_lease_duration": f"{duration}s", "go_on": str(tmp_path / "go")},
    )
    play.until(lambda: play.results("Keep the name of the lease"))
    acquired = time.monotonic()
    assert len(play.keepers()) == (0 if device.mode == "controller" else 1)
    play.kill_group()
    play.wait()
    assert not device.is_free() or time.monotonic() - acquired > duration - 5
    wait_for(device.is_free)


def test_a_lease_of_the_controller_made_elsewhere_can_be_used_by_its_name(
    leased: ControllerDevice, run: StartPlay
) -> None:
    leased.take("alice")
    holder = leased.controller.holder("sim1")
    assert holder
    head = ACQUIRE.partition("        - ")[0]
    power = """
        - name: Switch on
          hatci.automation.jumpstarter_power:
            lease_name: "{{ theirs }}"
            client_config: "{{ jumpstarter_client_config }}"
            state: "on"
    """
    play = run(head + power, leased, variables={"theirs": holder["name"]})
    assert play.process.returncode == 0, play.output
    assert leased.controller.holder("sim1") == holder
