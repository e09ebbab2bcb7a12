# SPDX-License-Identifier: GPL-3.0-or-later
"""The files under extensions/aap, and jobs that are made of them."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
import typing as t
from pathlib import Path

import psutil
import yaml
from play_support import VIN, processes_below

if t.TYPE_CHECKING:
    from playbook_runner import AnsiblePlaybook

    from hatci_lab.controller.process import ControllerProcess
    from hatci_lab.sums.process import SumsProcess

REPOSITORY = Path(__file__).parents[3]
FILES = REPOSITORY / "extensions/aap"
AAP_BIN = REPOSITORY / ".venvs/aap/bin"
JOB_ID = 4711
AAP = "https://aap.example.com"
ANSWERS = {
    "ota_hosts": "vehicle_001",
    "hatci_source_build_level": "2024.01.01",
    "ota_source_ecus": "- {ecu_name: Gateway, part_number: GW-2024-001, sw_version: 1.0.0}",
    "hatci_target_build_level": "2024.02.01",
    "ota_target_ecus": "- {ecu_name: Gateway, part_number: GW-2024-001, sw_version: 2.0.0}",
}
"""To the survey of a test."""


class Unsafe(str):
    """Text that Ansible shall not take for a template."""

    __slots__ = ()


class _Loader(yaml.SafeLoader):
    pass


class _Dumper(yaml.SafeDumper):
    pass


_Loader.add_constructor("!unsafe", lambda loader, node: Unsafe(loader.construct_scalar(node)))
_Dumper.add_representer(Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text)))


def configuration() -> dict[str, t.Any]:
    """Return all variables under extensions/aap/config."""
    merged: dict[str, t.Any] = {}
    for path in sorted((FILES / "config").glob("*.yml")):
        merged.update(yaml.load(path.read_text(encoding="utf-8"), _Loader))
    return merged


def named(kind: str, name: str) -> dict[str, t.Any]:
    """Return the one object of a list by its name."""
    (found,) = [one for one in configuration()[kind] if one["name"] == name]
    return t.cast("dict[str, t.Any]", found)


@dataclasses.dataclass(frozen=True)
class Ended:
    """What AAP knows of a job when it has ended."""

    status: str
    rc: int
    artifacts_directory: Path

    @property
    def events(self) -> list[dict[str, t.Any]]:
        """Every event, in order."""
        files = (self.artifacts_directory / "job_events").glob("*.json")
        events = [json.loads(file.read_text(encoding="utf-8")) for file in files if "partial" not in file.name]
        return sorted(events, key=lambda event: event["counter"])

    @property
    def stdout(self) -> str:
        return (self.artifacts_directory / "stdout").read_text(encoding="utf-8")

    @property
    def handed_on(self) -> dict[str, t.Any]:
        """What set_stats gave, which AAP gives to the next node of a workflow."""
        (stats,) = [event["event_data"] for event in self.events if event["event"] == "playbook_on_stats"]
        return t.cast("dict[str, t.Any]", stats.get("artifact_data", {}))


class Job:
    """A launched job template.

    :param credentials: the inputs by the name of the credential type.
    :param answers: to the survey.
    :param hosts: variables by host, as the inventory holds them.
    :param verbosity: as the template sets it, from 0 to 5.
    :param after: tasks of a further play for all hosts, in a playbook around that of the template.
    :param job_id: its id in AAP.
    :param environment: added to that of the job.
    """

    def __init__(
        self,
        ansible: AnsiblePlaybook,
        template: str,
        credentials: dict[str, dict[str, t.Any]],
        answers: dict[str, t.Any],
        hosts: dict[str, dict[str, t.Any]],
        *,
        verbosity: int = 0,
        after: list[dict[str, t.Any]] | None = None,
        job_id: int = JOB_ID,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.home = home = ansible.new_home()
        self._directory = home / "private"
        self.artifacts = self._directory / "artifacts" / str(job_id)
        self._cancel = home / "cancel"
        self._environment = ansible.environment(home)
        for name in ("env", "inventory"):
            (self._directory / name).mkdir(parents=True)
        shutil.copytree(REPOSITORY / "playbooks", self._directory / "project/playbooks")
        definition = named("controller_templates", template)
        self._check_answers(definition, answers)
        self._write("inventory/hosts.yml", {"all": {"hosts": hosts}})
        self._write("env/extravars", self._extra_variables(definition, answers, job_id))
        playbook = definition["playbook"]
        if after:
            further = {"hosts": "all", "connection": "local", "gather_facts": False, "tasks": after}
            self._write("project/around.yml", [{"ansible.builtin.import_playbook": playbook}, further])
            playbook = "around.yml"
        self._job = {
            "id": str(job_id),
            "private_data_dir": str(self._directory),
            "playbook": playbook,
            "arguments": ["-" + "v" * verbosity] if verbosity else [],
            "cancel": str(self._cancel),
            "environment": {
                "JOB_ID": str(job_id),
                "AWX_HOST": AAP,
                "ANSIBLE_COLLECTIONS_PATH": self._environment["ANSIBLE_COLLECTIONS_PATH"],
                **(environment or {}),
            },
            "credentials": [
                {"type": named("controller_credential_types", name), "inputs": inputs}
                for name, inputs in credentials.items()
            ],
        }

    def __enter__(self) -> Job:
        for name in list(self._environment):
            if "CALLBACK" in name or name == "RESULTS_AS_LINES":
                del self._environment[name]
        self._process = subprocess.Popen(
            [str(AAP_BIN / "python"), str(Path(__file__).with_name("run_job.py"))],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin
        self._process.stdin.write(json.dumps(self._job))
        self._process.stdin.close()
        self._process.stdin = None
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def kill_container(self) -> None:
        """Let all of it die at the same moment, as its container does: runner, play, keepers and closer.

        Each is stopped first, so that none sees another die.
        """
        stopped: dict[int, psutil.Process] = {}
        while living := [one for one in processes_below(self.home) if one.pid not in stopped]:
            for process in living:
                with contextlib.suppress(psutil.Error):
                    process.suspend()
                stopped[process.pid] = process
        for process in stopped.values():
            with contextlib.suppress(psutil.Error):
                process.kill()
        self._process.wait()
        psutil.wait_procs(list(stopped.values()))

    def cancel(self) -> None:
        """Cancel it as AAP does, through ansible-runner."""
        self._cancel.touch()

    def wait(self) -> Ended:
        """Return what became of it."""
        out, problems = self._process.communicate(timeout=300)
        assert self._process.returncode == 0, problems
        return Ended(artifacts_directory=self.artifacts, **json.loads(out))

    def _write(self, name: str, value: t.Any) -> None:
        (self._directory / name).write_text(yaml.dump(value, Dumper=_Dumper), encoding="utf-8")

    @staticmethod
    def _check_answers(definition: dict[str, t.Any], answers: dict[str, t.Any]) -> None:
        asked = {question["variable"]: question for question in definition["survey"]["spec"]}
        assert answers.keys() <= asked.keys(), "AAP drops what the survey does not ask"
        needed = {name for name, question in asked.items() if question["required"] and "default" not in question}
        assert needed <= answers.keys(), "AAP does not launch the job without"

    @staticmethod
    def _extra_variables(definition: dict[str, t.Any], answers: dict[str, t.Any], job_id: int) -> dict[str, t.Any]:
        """Return what AAP puts into the file: only the template's own variables may hold templates."""
        defaults = {
            question["variable"]: question["default"]
            for question in definition["survey"]["spec"]
            if "default" in question
        }
        given = {
            **defaults,
            **answers,
            "awx_job_id": job_id,
            "awx_user_name": "erika",
            "awx_project_revision": "0123456789abcdef0123456789abcdef01234567",
        }
        of_template = definition["extra_vars"].items()
        return {
            **{name: str(value) for name, value in of_template},
            **{name: Unsafe(value) if isinstance(value, str) else value for name, value in given.items()},
        }


def job_for_vehicle(
    ansible: AnsiblePlaybook,
    sums: SumsProcess,
    controller: ControllerProcess,
    *,
    template: str = "HATCI OTA test",
    verbosity: int = 0,
    after: list[dict[str, t.Any]] | None = None,
    job_id: int = JOB_ID,
    environment: dict[str, str] | None = None,
    answers: dict[str, t.Any] | None = None,
    **vehicle: t.Any,
) -> Job:
    """Return the job that tests one vehicle with the credentials of this lab.

    :param answers: to further questions of the survey.
    :param vehicle: further variables of the host.
    """
    assert AAP_BIN.exists(), "make .venvs/aap/.ready"
    credentials = {
        "HATCI SUMS": {"base_url": sums.url, "token": sums.token},
        "Jumpstarter client": {"client_config": controller.client_config("alice").read_text()},
    }
    variables = {
        "hatci_vin": VIN,
        "hatci_program_name": "OTA_Test",
        "hatci_model_year": "2024",
        "hatci_region": "US",
        "hatci_poll_interval_seconds": 0.2,
        "jumpstarter_exporter_selector": f"vin={VIN}",
        **vehicle,
    }
    hosts = {"vehicle_001": variables}
    asked = {question["variable"] for question in named("controller_templates", template)["survey"]["spec"]}
    usual = {name: answer for name, answer in ANSWERS.items() if name in asked}
    return Job(
        ansible,
        template,
        credentials,
        {**usual, **(answers or {})},
        hosts,
        verbosity=verbosity,
        after=after,
        job_id=job_id,
        environment=environment,
    )


def environment_of_tools() -> dict[str, str]:
    """Return an environment in which ansible-builder finds ansible-galaxy."""
    return {**os.environ, "PATH": f"{AAP_BIN}{os.pathsep}{os.environ['PATH']}"}
