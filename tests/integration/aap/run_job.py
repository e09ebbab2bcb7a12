# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one job as AAP does, with AAP's own injector of credentials and the real ansible-runner.

Reads the job as JSON from standard input; runs with the Python of .venvs/aap. The job ends as cancelled once
the file that it names as `cancel` exists.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import ansible_runner
from awx_plugins.interfaces import _temporary_private_container_api as container
from awx_plugins.interfaces._temporary_private_api import ManagedCredentialType
from awx_plugins.interfaces._temporary_private_credential_api import Credential
from awx_plugins.interfaces._temporary_private_inject_api import inject_credential


def main(job: dict[str, Any]) -> None:
    directory = Path(job["private_data_dir"])
    cancel = Path(job["cancel"])
    container.CONTAINER_ROOT = str(directory)  # which is /runner in a container
    environment: dict[str, Any] = dict(job["environment"])
    arguments: list[str] = list(job["arguments"])
    for credential in job["credentials"]:
        kind = credential["type"]
        inject_credential(
            ManagedCredentialType(kind["name"], kind["name"], kind["kind"], kind["inputs"], kind["injectors"]),
            Credential(credential["inputs"]),
            environment,
            {},
            arguments,
            str(directory),
        )
    (directory / "env/envvars").write_text(json.dumps(environment), encoding="utf-8")
    (directory / "env/cmdline").write_text(shlex.join(arguments), encoding="utf-8")
    runner = ansible_runner.run(
        private_data_dir=str(directory),
        ident=job["id"],
        playbook=job["playbook"],
        cancel_callback=cancel.exists,
        quiet=True,
        settings={"pexpect_timeout": 0.2},
    )
    print(json.dumps({"status": runner.status, "rc": runner.rc}))


if __name__ == "__main__":
    os.umask(0o077)
    main(json.load(sys.stdin))
