# SPDX-License-Identifier: GPL-3.0-or-later
"""Test events of a play that died: none stays open, and none gets an outcome that it did not have."""

from __future__ import annotations

import os
import shutil
import signal
import typing as t
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import trustme
import yaml
from play_support import HOME, inventory_of, processes_of, wait_until
from playbook_runner import AnsiblePlaybook, StartedPlay
from sums_support import EVENT, VIN

from hatci_lab.sums.process import SumsProcess, TlsFiles

HOSTS = ("vehicle_001", "vehicle_002", "vehicle_003")
BEGIN = {
    "name": "Begin",
    "hatci.automation.hatci_test_event": {"vin": VIN, "ansible_job_id": "4711", "metadata": {"rack": "7"}},
    "register": "begun",
}
REPORT = {
    "name": "Report",
    "hatci.automation.hatci_test_event_update": {
        "test_event_id": "{{ begun.test_event_id }}",
        "status": "PASS",
        "summary": "all well",
    },
}
STAY = {"name": "Stay", "ansible.builtin.command": "sleep 600"}


class Plays:
    """Starts plays for three vehicles against one SUMS."""

    def __init__(self, ansible_playbook: AnsiblePlaybook, sums: SumsProcess) -> None:
        self._ansible_playbook = ansible_playbook
        self._sums = sums
        self.started: list[StartedPlay] = []

    def __call__(
        self, *tasks: dict[str, t.Any], connection: dict[str, t.Any] | None = None, env: dict[str, str] | None = None
    ) -> StartedPlay:
        group = {"hatci_base_url": self._sums.url, "hatci_token": self._sums.token, **(connection or {})}
        play = {
            "hosts": "all",
            "gather_facts": False,
            "module_defaults": {"group/hatci.automation.hatci": group},
            "tasks": list(tasks),
        }
        inventory = self._ansible_playbook.directory.parent / "inventory.yml"
        inventory.write_text(inventory_of(*HOSTS), encoding="utf-8")
        started = self._ansible_playbook.start(yaml.safe_dump([play]), "-i", str(inventory), env=env)
        self.started.append(started)
        return started

    def outcomes(self) -> list[tuple[str, str]]:
        """What SUMS holds of each test event."""
        return sorted(
            (event["status"], (event["metadata"] or {}).get("outcome", ""))
            for event in self._sums.state()["test_events"]
        )

    def closers(self) -> list[psutil.Process]:
        """The closers of the plays, told by their logs."""
        homes = tuple(str(started.home) for started in self.started)
        return [process for process in psutil.process_iter() if _output_of(process).startswith(homes)]


def _output_of(process: psutil.Process) -> str:
    try:
        return os.readlink(f"/proc/{process.pid}/fd/1") if "closer_process" in " ".join(process.cmdline()) else ""
    except (psutil.Error, OSError):
        return ""


@pytest.fixture
def plays(ansible_playbook: AnsiblePlaybook, sums: SumsProcess) -> t.Iterator[Plays]:
    """Start plays; none leaves a process."""
    started = Plays(ansible_playbook, sums)
    yield started
    for play in started.started:
        play.end()
    wait_until(lambda: not processes_of(ansible_playbook.directory))


def began(play: StartedPlay, name: str = "Begin") -> Callable[[], bool]:
    return lambda: sum(task.name == name and task.outcome == "ok" for task in play.tasks) == len(HOSTS)


@pytest.mark.parametrize("whole_group", [True, False], ids=["group", "ansible-playbook alone"])
def test_each_open_test_event_of_a_killed_play_is_closed_by_one_closer(
    plays: Plays, sums: SumsProcess, whole_group: bool
) -> None:
    play = plays(BEGIN, {**REPORT, "when": "inventory_hostname == 'vehicle_002'"}, STAY)
    wait_until(began(play))
    wait_until(lambda: "[Stay]" in play.output)
    assert len(plays.closers()) == 1
    if whole_group:
        play.kill()
    else:
        os.kill(play.process.pid, signal.SIGKILL)
        play.process.wait()
    wait_until(lambda: plays.outcomes() == [("FAIL", "ABORTED"), ("FAIL", "ABORTED"), ("PASS", "")])
    closed = next(event for event in sums.state()["test_events"] if event["status"] == "FAIL")
    assert closed["summary"] == "ABORTED: the play of job 4711 ended before it reported an outcome."
    assert closed["metadata"]["rack"] == "7"
    wait_until(lambda: not plays.closers())
    left = [path.name for path in (play.home / "tmp").glob("hatci-automation-*/*")]
    assert [name.rpartition(".")[2] for name in left] == ["log"], left


def test_a_play_that_ends_without_a_report_is_aborted_too(plays: Plays) -> None:
    play = plays(BEGIN)
    assert play.process.wait() == 0, play.output
    wait_until(lambda: plays.outcomes() == [("FAIL", "ABORTED")] * 3)


def test_a_play_that_reported_leaves_nothing(plays: Plays) -> None:
    play = plays(BEGIN, REPORT)
    assert play.process.wait() == 0, play.output
    wait_until(lambda: not plays.closers())
    assert plays.outcomes() == [("PASS", "")] * 3
    assert not list((play.home / "tmp").glob("hatci-automation-*/*"))


def test_a_report_that_was_under_way_is_sent_instead(plays: Plays, sums: SumsProcess) -> None:
    sums.add_fault(kind="hang", method="PATCH", path="/test_events/.*", times=3)
    play = plays(BEGIN, REPORT)
    wait_until(lambda: sum(request["method"] == "PATCH" for request in sums.requests()) == 3)
    play.kill()
    wait_until(lambda: [status for status, _outcome in plays.outcomes()] == ["PASS"] * 3)


def test_a_report_that_its_play_kept_is_sent_by_the_closer(plays: Plays, sums: SumsProcess) -> None:
    sums.add_fault(kind="status", status=500, method="PATCH", path="/test_events/.*", times=0)
    module = "hatci.automation.hatci_test_event_update"
    play = plays(BEGIN, {**REPORT, module: {**REPORT[module], "keep_report_in": f"{HOME}/unsent", "retry_timeout": 0}})
    assert play.process.wait() == 2, play.output
    assert len(list((play.home / "unsent").iterdir())) == len(HOSTS)
    sums.clear_faults()
    wait_until(lambda: plays.outcomes() == [("PASS", "")] * 3)
    wait_until(lambda: not plays.closers())
    assert not list((play.home / "unsent").iterdir())


def test_what_sums_refuses_is_kept(plays: Plays, sums: SumsProcess) -> None:
    sums.add_fault(kind="status", status=401, method="PATCH", path="/test_events/.*", times=0)
    play = plays({**BEGIN, "when": "inventory_hostname == 'vehicle_001'"}, STAY)
    wait_until(lambda: "[Stay]" in play.output)
    play.kill()
    wait_until(lambda: not plays.closers())
    (log,) = (play.home / "tmp").glob("hatci-automation-*/closer-*.log")
    assert "the report of te-000001 could not be sent" in log.read_text()
    assert "check hatci_token" in log.read_text() and "the report is kept in" in log.read_text()


def test_another_closer_takes_over_from_one_that_was_killed(plays: Plays) -> None:
    again = {**BEGIN, "name": "Begin again", "when": "inventory_hostname == 'vehicle_001'"}
    pause = {
        "name": "Pause",
        "ansible.builtin.wait_for": {"path": f"{HOME}/go"},
    }
    play = plays(BEGIN, pause, again, STAY)
    wait_until(began(play))
    (closer,) = plays.closers()
    closer.kill()
    (play.home / "go").touch()
    wait_until(lambda: "[Stay]" in play.output)
    assert len(plays.closers()) == 1
    play.kill()
    wait_until(lambda: sorted(plays.outcomes()) == [("FAIL", "ABORTED"), *[("RUNNING", "")] * 3])


@pytest.mark.parametrize("whole_group", [True, False], ids=["group", "ansible-playbook alone"])
def test_a_test_event_is_closed_whose_play_was_killed_before_sums_answered(
    plays: Plays, sums: SumsProcess, whole_group: bool
) -> None:
    sums.add_fault(kind="slow_after", delay=2, method="POST", path="/test_events")
    play = plays({**BEGIN, "when": "inventory_hostname == 'vehicle_001'"}, STAY)
    wait_until(lambda: sums.state()["test_events"])
    if whole_group:
        play.kill()
    else:
        os.kill(play.process.pid, signal.SIGKILL)
        play.process.wait()
    wait_until(lambda: plays.outcomes() == [("FAIL", "ABORTED")])


@pytest.mark.newest_core
def test_a_closer_is_reached_whoever_removes_the_files(plays: Plays, sums: SumsProcess) -> None:
    pause = {"name": "Pause", "ansible.builtin.wait_for": {"path": f"{HOME}/go"}}
    play = plays(BEGIN, pause, REPORT)
    wait_until(lambda: "[Pause]" in play.output)
    for directory in (play.home / "tmp").glob("hatci-automation-*"):
        shutil.rmtree(directory)
    (play.home / "go").touch()
    assert play.process.wait() == 0, play.output
    wait_until(lambda: not plays.closers())
    assert plays.outcomes() == [("PASS", "")] * 3


@pytest.mark.newest_core
def test_relative_paths_lead_the_closer_to_sums(
    ansible_playbook: AnsiblePlaybook, start_sums: Callable[..., SumsProcess], tmp_path: Path
) -> None:
    authority = trustme.CA()
    files = tmp_path / "tls"
    files.mkdir()
    authority.cert_pem.write_to_path(files / "ca.pem")
    for name, identity in (("server", "127.0.0.1"), ("client", "lab")):
        certificate = authority.issue_cert(identity)
        certificate.private_key_and_cert_chain_pem.write_to_path(files / f"{name}.pem")
        certificate.private_key_pem.write_to_path(files / f"{name}.key")
    pems = (files / "server.pem", files / "server.key", files / "ca.pem")
    own = (files / "client.pem", files / "client.key")
    with_tls = start_sums(tls=TlsFiles(*pems, client_ca=files / "ca.pem", client_cert=own))
    (files / "token").write_text(with_tls.token)
    relative = {
        "hatci_token": None,
        "hatci_token_file": "token",
        "ca_path": "./ca.pem",
        "client_cert": "client.pem",
        "client_key": "~/client.key",
    }
    plays = Plays(ansible_playbook, with_tls)
    bring = {"name": "Bring the files", "ansible.builtin.command": f"cp -r {files}/. {HOME}"}
    play = plays({**bring, "run_once": True}, BEGIN, STAY, connection=relative)
    try:
        wait_until(lambda: "[Stay]" in play.output)
        assert began(play)(), play.output
        play.kill()
        wait_until(lambda: plays.outcomes() == [("FAIL", "ABORTED")] * 3)
    finally:
        play.end()


def test_an_own_playbook_that_does_not_report_tells_what_it_knows(plays: Plays, sums: SumsProcess) -> None:
    """Three vehicles: the update of one fails, of one a step of ours, of one a step that is not ours."""
    vins = dict(zip(HOSTS, ("FA1LBH41JXMN10918", "1HGBH41JXMN109182", "1HGBH41JXMN109183"), strict=True))
    sums.set_vehicle(vins["vehicle_001"], outcome="FAILED", reason="checksum mismatch")
    own_vin = {"vin": f"{{{{ {vins}[inventory_hostname] }}}}"}
    only = "inventory_hostname == "
    block = [
        {"hatci.automation.hatci_create_event": {**EVENT, **own_vin}, "register": "target"},
        {
            "hatci.automation.hatci_fix_event": {"event_id": "{{ target.event_id }}"},
            "when": "inventory_hostname != 'vehicle_002'",
        },
        {
            "hatci.automation.hatci_deploy_event": {"event_id": "{{ target.event_id }}"},
            "register": "deployment",
        },
        {"ansible.builtin.fail": {"msg": "not ours"}, "when": f"{only}'vehicle_003'"},
        {
            "hatci.automation.hatci_update_status": {
                "deployment_id": "{{ deployment.deployment_id }}",
                "wait": True,
                "poll_interval": 0.1,
            }
        },
    ]
    begin = {**BEGIN, "hatci.automation.hatci_test_event": {**BEGIN["hatci.automation.hatci_test_event"], **own_vin}}
    health = {"hatci.automation.hatci_health": {"timeout": "long"}, "ignore_errors": True}
    play = plays(begin, health, {"block": block, "always": [{"ansible.builtin.debug": {"msg": "give back"}}]}, REPORT)
    assert play.process.wait() == 2, play.output
    wait_until(lambda: not plays.closers())
    held = {event["vin"]: event for event in sums.state()["test_events"]}
    failed, refused, unknown = (held[vins[host]] for host in HOSTS)
    targets = {event["vin"]: event["event_id"] for event in sums.state()["events"]}
    deployments = {deployment["vin"]: deployment["deployment_id"] for deployment in sums.state()["deployments"]}
    assert (failed["status"], failed["metadata"]) == ("FAIL", {"rack": "7", "outcome": "FAIL"})
    assert failed["summary"].startswith(f"FAIL: Deployment {deployments[failed['vin']]} ended FAILED after 0:0")
    assert failed["summary"].endswith(": checksum mismatch.")
    assert refused["metadata"]["outcome"] == "ERROR"
    assert refused["summary"].startswith(f"ERROR: Event {targets[refused['vin']]} is not fixed")
    assert unknown["metadata"]["outcome"] == "ABORTED"
    assert f" reported an outcome. Deployment {deployments[unknown['vin']]} is " in unknown["summary"]
    assert all(event["event_id"] == targets[event["vin"]] for event in held.values())
