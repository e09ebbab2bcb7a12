# SPDX-License-Identifier: GPL-3.0-or-later
"""Giving a device back: as often as one likes, never in silence where it fails, never someone else's."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from lease_support import (
    ACQUIRE,
    POWER_ON,
    RELEASE,
    WAIT_FOR,
    ControllerDevice,
    Device,
    LocalDevice,
    StartPlay,
    api_of,
    wait_for,
)

HEAD = ACQUIRE.partition("        - ")[0]
SHOW = """
        - name: Show
          ansible.builtin.debug:
            msg: "<{{ current_lease_name | default('undefined') }}>"
"""


def test_releasing_is_idempotent_and_clears_the_fact(device: Device, run: StartPlay) -> None:
    again = """
        - name: Release it by name
          hatci.automation.jumpstarter_lease:
            state: release
            lease_name: "{{ acquired }}"
            client_config: "{{ jumpstarter_client_config | default(omit) }}"
            mode: "{{ jumpstarter_lease_guard_mode }}"
    """
    keep = """
        - ansible.builtin.set_fact:
            acquired: "{{ current_lease_name }}"
    """
    play = run(HEAD + RELEASE + ACQUIRE.removeprefix(HEAD) + keep + RELEASE + SHOW + again + RELEASE, device)
    assert play.process.returncode == 0, play.output
    assert [result["changed"] for result in play.results("Release the lease")] == [False, True, False]
    assert play.result("Show")["msg"] == "<>"
    assert play.result("Release it by name")["changed"] is False
    assert not play.keepers()
    play.assert_gives_back(device)


def test_an_expired_lease_is_released_without_complaint(
    leased: ControllerDevice, start: StartPlay, tmp_path: Path
) -> None:
    variables = {"go_on": str(tmp_path / "go"), "jumpstarter_lease_duration": "5m"}
    play = start(ACQUIRE + WAIT_FOR + RELEASE, leased, variables=variables)
    play.until(lambda: play.results("Keep the name of the lease"))
    (keeper,) = play.keepers()
    os.kill(keeper, signal.SIGKILL)
    name = leased.controller.holder("sim1")
    assert name
    api_of(leased.controller, "alice").delete_lease(name["name"])
    (tmp_path / "go").touch()
    assert play.wait() == 0, play.output
    assert play.result("Release the lease")["changed"] is False


def test_the_lease_of_another_client_is_left_alone(leased: ControllerDevice, run: StartPlay) -> None:
    leased.take()
    holder = leased.controller.holder("sim1")
    assert holder
    play = run(HEAD + RELEASE, leased, variables={"current_lease_name": holder["name"]})
    assert play.process.returncode == 2
    assert f"Lease {holder['name']} belongs to another client and was left alone." in play.output
    assert leased.controller.holder("sim1") == holder


def test_a_device_is_given_back_though_the_controller_s_name_is_not_found_for_a_moment(
    leased: ControllerDevice, start: StartPlay, tmp_path: Path
) -> None:
    """ "Not found" is said of a name, of whatever kind; only what is said of this very lease is its end."""
    good = leased.controller.client_config("alice").read_text(encoding="utf-8")
    config = tmp_path / "client.yaml"
    config.write_text(good, encoding="utf-8")
    away = """
        - ansible.builtin.lineinfile:
            path: "{{ jumpstarter_client_config }}"
            regexp: "^endpoint:"
            line: "endpoint: grpc.lab.invalid:8082"
    """
    variables = {"jumpstarter_client_config": str(config), "jumpstarter_lease_guard_release_timeout": 1}
    play = start(ACQUIRE + away + RELEASE, leased, variables=variables)
    assert play.wait() == 2, play.output
    assert leased.controller.holder("sim1"), "it cannot be given back yet"
    config.write_text(good, encoding="utf-8")
    play.assert_gives_back(leased)


def test_a_release_that_fails_fails_the_play_and_is_made_up_for(leased: ControllerDevice, run: StartPlay) -> None:
    leased.controller.fault("unavailable", methods=["DeleteLease"], message="out of order")
    play = run(ACQUIRE + RELEASE, leased, variables={"jumpstarter_lease_guard_release_timeout": 1})
    assert play.process.returncode == 2
    message = play.result("Say that the device could not be given back")["msg"]
    assert "could not be given back" in message and "out of order" in message and "goes on trying" in message
    assert not leased.is_free()
    leased.controller.clear_faults()
    wait_for(lambda: leased.is_free() and not play.processes())


def test_a_release_that_may_fail_warns_and_the_keeper_releases_during_the_play(
    leased: ControllerDevice, start: StartPlay, tmp_path: Path
) -> None:
    leased.controller.fault("unavailable", methods=["DeleteLease"], message="out of order")
    variables = {
        "go_on": str(tmp_path / "go"),
        "jumpstarter_lease_guard_release_timeout": 1,
        "jumpstarter_lease_guard_release_must_succeed": False,
    }
    play = start(ACQUIRE + RELEASE + SHOW + WAIT_FOR, leased, variables=variables)
    play.until(lambda: play.results("Show"))
    assert play.result("Show")["msg"] == "<>"
    assert "WARNING: Lease hatci-" in play.output
    leased.controller.clear_faults()
    wait_for(leased.is_free)
    assert play.process.poll() is None
    (tmp_path / "go").touch()
    assert play.wait() == 0
    play.assert_gives_back(leased)


@pytest.mark.parametrize("junk", ["no JSON", '{"name": 5}'])
def test_a_damaged_record_makes_no_one_use_the_device_and_no_one_keep_it(
    device: Device, start: StartPlay, junk: str, tmp_path: Path
) -> None:
    power = """
        - name: Switch on
          hatci.automation.jumpstarter_power:
            exporter: "{{ jumpstarter_exporter_name }}"
            state: "on"
          ignore_errors: true
    """
    play = start(ACQUIRE + WAIT_FOR + power + RELEASE, device, variables={"go_on": str(tmp_path / "go")})
    play.until(lambda: play.results("Keep the name of the lease"))
    (record,) = (play.home / "tmp").glob("hatci-automation-*/*.json")
    assert json.loads(record.read_text())["mode"] == device.mode
    record.write_text(junk)
    (tmp_path / "go").touch()
    exit_code = play.wait()
    assert "is damaged" in play.result("Switch on")["msg"]
    if device.mode == "local":
        assert exit_code == 2 and "The device is given back when the play ends." in play.output
    else:
        assert exit_code == 0, play.output
    play.assert_gives_back(device)


def test_an_unusable_runtime_directory_is_an_error_before_anything_is_leased(
    device: Device, start: StartPlay, tmp_path: Path
) -> None:
    """Someone else's directory, or a file, in the place where records are kept."""
    place = tmp_path / "tmp"
    place.mkdir()
    (place / f"hatci-automation-{os.getuid()}").write_text("not a directory")
    play = start(ACQUIRE, device, env={"TMPDIR": str(place)})
    assert play.wait() == 2
    assert "so nothing can be kept there safely" in play.result("Acquire the device")["msg"]
    assert device.is_free()


def test_a_lock_directory_that_was_there_keeps_its_permissions(local_device: LocalDevice, run: StartPlay) -> None:
    local_device.lock_dir.mkdir(mode=0o750)
    assert run(ACQUIRE + RELEASE, local_device).process.returncode == 0
    assert local_device.lock_dir.stat().st_mode & 0o7777 == 0o750


def test_a_lock_file_that_was_replaced_while_someone_waited_is_no_lock(
    local_device: LocalDevice, start: StartPlay
) -> None:
    """The waiting play must get the lock that everyone else sees, not the file that is gone."""
    let_go = local_device.take()
    play = start(ACQUIRE + POWER_ON, local_device, variables={"pause": 600})
    play.until(lambda: "waiting for exporter sim1" in play.output)
    local_device.lock.unlink()
    let_go()
    play.until(lambda: play.results("Keep the name of the lease"))
    assert not local_device.is_free()
    play.kill_group(signal.SIGKILL)
    play.wait()
    play.assert_gives_back(local_device)


@pytest.mark.slow
def test_a_keeper_that_cannot_tell_of_trouble_gives_the_lease_back(
    leased: ControllerDevice, start: StartPlay, tmp_path: Path
) -> None:
    """Its place for files is gone when it has to say that the lease can't be renewed."""
    variables = {"go_on": str(tmp_path / "go"), "jumpstarter_lease_duration": "20s"}
    play = start(ACQUIRE + WAIT_FOR, leased, variables=variables)
    play.until(lambda: play.results("Keep the name of the lease"))
    (place,) = (play.home / "tmp").glob("hatci-automation-*")
    shutil.rmtree(place)
    leased.controller.fault("unavailable", methods=["UpdateLease"], message="out of order")
    play.until(leased.is_free)
    play.until(lambda: not play.keepers())
    play.kill_group()
    play.wait()


def test_a_play_whose_records_were_removed_still_gives_its_device_back(device: Device, start: StartPlay) -> None:
    play = start(ACQUIRE + POWER_ON, device, variables={"pause": 600})
    play.until(lambda: play.results("Keep the name of the lease"))
    (place,) = (play.home / "tmp").glob("hatci-automation-*")
    shutil.rmtree(place)
    killed = time.monotonic()
    play.kill_group()
    play.wait()
    play.assert_gives_back(device, since=killed)
