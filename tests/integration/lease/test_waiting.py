# SPDX-License-Identifier: GPL-3.0-or-later
"""A device that someone else has: waiting for it, giving up, and never being inside together."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from lease_support import ACQUIRE, RELEASE, ControllerDevice, Device, LocalDevice, Play, StartPlay, wait_for

OTHERS = {"controller": "client bob holds sim1 until", "local": "job 7, host other_host"}


def test_a_play_waits_says_who_has_the_device_and_gets_it(device: Device, start: StartPlay) -> None:
    let_go = device.take()
    play = start(ACQUIRE + RELEASE, device)
    play.until(lambda: "waiting for exporter sim1" in play.output)
    assert OTHERS[device.mode] in play.output
    let_go()
    assert play.wait() == 0, play.output
    assert play.result("Acquire the device")["exporter"] == "sim1"
    play.assert_gives_back(device)


def test_whoever_has_one_of_the_devices_that_a_selector_matches_is_named(
    leased: ControllerDevice, start: StartPlay
) -> None:
    leased.take()
    play = start(ACQUIRE, leased, variables={"jumpstarter_exporter_selector": "exporter=car-sim1"})
    play.until(lambda: "waiting for selector exporter=car-sim1: client bob holds sim1" in play.output)
    play.kill_group()
    play.wait()


def test_a_play_that_waited_in_vain_leaves_everything_as_it_was(device: Device, start: StartPlay) -> None:
    let_go = device.take()
    play = start(ACQUIRE, device, variables={"jumpstarter_lease_guard_timeout": 3})
    assert play.wait() == 2
    message = play.result("Acquire the device")["msg"]
    assert "exporter sim1 did not become free within 3 s" in message and OTHERS[device.mode] in message
    assert not device.is_free(), "the other one has lost it"
    if isinstance(device, ControllerDevice):
        assert not [item for item in device.controller.leases() if item["client"] == "alice" and not item["ended"]]
    let_go()
    play.assert_gives_back(device)


def test_an_acquire_that_ansible_itself_times_out_leaves_no_request(device: Device, start: StartPlay) -> None:
    device.take()
    task = """
        - name: Acquire
          hatci.automation.jumpstarter_lease:
            exporter: "{{ jumpstarter_exporter_name }}"
            client_config: "{{ jumpstarter_client_config | default(omit) }}"
            mode: "{{ jumpstarter_lease_guard_mode }}"
            lock_dir: "{{ jumpstarter_lease_guard_lock_dir | default(omit) }}"
          timeout: 8
          ignore_errors: true
        - name: Wait for the test
          ansible.builtin.wait_for:
            timeout: 300
    """
    play = start(ACQUIRE.partition("        - ")[0] + task, device)
    play.until(lambda: play.results("Acquire"))
    assert "lease_name" not in play.result("Acquire")
    wait_for(lambda: not play.keepers())
    if isinstance(device, ControllerDevice):
        assert not [item for item in device.controller.leases() if item["client"] == "alice" and not item["ended"]]
    play.kill_group(signal.SIGKILL)
    play.wait()


ROUND = """
        - name: Acquire
          hatci.automation.jumpstarter_lease: &acquire
            exporter: "{{ jumpstarter_exporter_name }}"
            client_config: "{{ jumpstarter_client_config | default(omit) }}"
            mode: "{{ jumpstarter_lease_guard_mode }}"
            lock_dir: "{{ jumpstarter_lease_guard_lock_dir | default(omit) }}"
          register: lease
        - name: Go in and out
          ansible.builtin.set_fact:
            seen: "{{ lookup('ansible.builtin.pipe', 'sh ' ~ visit ~ ' ' ~ me) }}"
        - name: Release
          hatci.automation.jumpstarter_lease:
            <<: *acquire
            state: release
            lease_name: "{{ lease.lease_name }}"
        - name: Let the other one in
          ansible.builtin.set_fact:
            seen: "{{ lookup('ansible.builtin.pipe', 'sh ' ~ let_in ~ ' ' ~ other ~ ' NUMBER') }}"
"""


@pytest.mark.slow
@pytest.mark.newest_core
def test_two_plays_that_race_for_a_device_are_never_inside_together(
    device: Device, start: StartPlay, tmp_path: Path
) -> None:
    book, rounds = tmp_path / "book", 20
    visit, let_in = tmp_path / "visit", tmp_path / "let_in"
    visit.write_text(f"echo enter $1 >>{book}; sleep 0.2; echo exit $1 >>{book}", encoding="utf-8")
    let_in.write_text(f"until [ $(grep -c enter.$1 {book}) -ge $2 ]; do sleep 0.1; done", encoding="utf-8")
    head = ACQUIRE.partition("        - ")[0]
    playbook = head + "".join(
        ROUND.replace("acquire\n", f"acquire{number}\n").replace("NUMBER", str(number))
        for number in range(1, rounds + 1)
    )
    shared = {"visit": str(visit), "let_in": str(let_in)}
    plays = [
        start(playbook, device, variables={**shared, "me": me, "other": other})
        for me, other in (("one", "two"), ("two", "one"))
    ]
    for play in plays:
        assert play.wait(900) == 0, play.output
    lines = book.read_text(encoding="utf-8").split("\n")[:-1]
    assert len(lines) == 2 * 2 * rounds
    for entry, leaving in zip(lines[::2], lines[1::2], strict=True):
        assert entry.startswith("enter ") and leaving == entry.replace("enter", "exit"), "both were inside"
    for play in plays:
        play.assert_gives_back(device)


def test_two_hosts_of_one_play_cannot_share_a_local_device(local_device: LocalDevice, run: StartPlay) -> None:
    playbook = ACQUIRE.replace("localhost", "all")
    variables = {"jumpstarter_lease_guard_timeout": 2}
    play = run(playbook, hosts={"first": local_device, "second": local_device}, variables=variables)
    got, refused = sorted(play.results("Acquire the device"), key=lambda result: "lease_name" not in result)
    assert got["lease_name"] and "lease_name" not in refused
    winner = got["lease"]["host"]
    # Whoever looks before the winner has written its record waits, and is told then who holds it.
    assert f"held by host {winner} of this very run" in refused["msg"] or (
        f"host {winner}, pid {play.process.pid}, since 20" in refused["msg"]
    )
    play.assert_gives_back(local_device)


def test_a_task_without_a_lease_is_refused_a_device_that_another_play_has(
    local_device: LocalDevice, start: StartPlay, run: StartPlay
) -> None:
    holder = start(ACQUIRE + HOLD, local_device)
    holder.until(lambda: holder.results("Keep the name of the lease"))
    play = run(ACQUIRE.partition("        - ")[0] + POWER, local_device)
    message = play.result("Switch on")["msg"]
    assert f"host localhost, pid {holder.process.pid}, since 20" in message
    assert holder.process.poll() is None, "it was refused, and did not wait for the device"
    end(holder)


HOLD = """
        - ansible.builtin.wait_for:
            timeout: 300
"""
POWER = """
        - name: Switch on
          hatci.automation.jumpstarter_power:
            exporter: "{{ jumpstarter_exporter_name }}"
            state: "on"
"""


def test_what_a_killed_keeper_left_running_is_ended_before_the_next_one_drives(
    local_device: LocalDevice, start: StartPlay, run: StartPlay, tmp_path: Path
) -> None:
    """With its keeper the lock is gone, but a command of that play still drives the device."""
    command = f"touch {tmp_path}/runs; trap '' TERM; while sleep 0.2; do touch {tmp_path}/drives; done"
    first = start(ACQUIRE + SHELL, local_device, variables={"command": command})
    first.until((tmp_path / "drives").exists)
    (keeper,) = first.keepers()
    os.kill(keeper, signal.SIGKILL)
    second = run(ACQUIRE + RELEASE, local_device)
    assert second.process.returncode == 0, second.output
    (tmp_path / "drives").unlink()
    assert first.wait() == 2
    assert not (tmp_path / "drives").exists()
    lost = first.result("Run")
    assert lost["outcome"] == "ERROR" and "was broken off, but its lease did not hold" in lost["msg"]
    assert "The keeper of lease" in lost["msg"]


SHELL = """
        - name: Run
          hatci.automation.jumpstarter_shell:
            exporter: "{{ jumpstarter_exporter_name }}"
            command: "{{ command }}"
"""


def end(play: Play) -> None:
    """End a play that has done its part."""
    play.kill_group()
    play.wait()
