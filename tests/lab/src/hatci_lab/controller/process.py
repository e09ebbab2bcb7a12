# SPDX-License-Identifier: GPL-3.0-or-later
"""Start, watch and stop a controller from a test: ``with ControllerProcess(dir=tmp_path) as controller``."""

from __future__ import annotations

import json
import secrets
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import jwt
import requests
import yaml

from hatci_lab.controller.calls import read_calls
from hatci_lab.controller.exporter_process import ExporterProcess
from hatci_lab.controller.model import STATUS_AVAILABLE, STATUS_LEASE_READY
from hatci_lab.controller.names import kubernetes_name
from hatci_lab.controller.policies import Policy
from hatci_lab.controller.ports import reserve

_START_TIMEOUT = 30.0
_STOP_TIMEOUT = 10.0
_DEAF_ISSUER = "http://127.0.0.1:1"
_DAY = 86400.0


class ControllerError(RuntimeError):
    """The controller did not start, or did not come to where the test waits for it."""


class ControllerProcess:
    def __init__(
        self,
        dir: Path,
        clients: Sequence[str] = ("alice", "bob"),
        *,
        offline_after: float = 60.0,
        serve_after: float = 0.0,
    ) -> None:
        self.dir = Path(dir).resolve()
        self.clients = tuple(clients)
        self.exporters: dict[str, ExporterProcess] = {}
        self._offline_after = offline_after
        self._serve_after = serve_after
        self._port_holder = reserve()
        self._port = self._port_holder.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self._ready: dict[str, Any] = {}
        self._session = requests.Session()
        self._session.trust_env = False

    def __enter__(self) -> Self:
        self.dir.mkdir(parents=True, exist_ok=True)
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for exporter in self.exporters.values():
            exporter.kill()
        self.stop()
        self._port_holder.close()

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def admin_url(self) -> str:
        return str(self._ready["admin"])

    @property
    def ca_file(self) -> Path:
        return Path(self._ready["ca_file"])

    @property
    def pid(self) -> int:
        return int(self._ready["pid"])

    @property
    def log_file(self) -> Path:
        return self.dir / "controller.log"

    def start(self) -> None:
        """Start, or start again with the same port, keys and leases."""
        command = [
            *(sys.executable, "-m", "hatci_lab.controller"),
            *("--dir", str(self.dir)),
            *("--clients", ",".join(self.clients)),
            *("--port", str(self._port)),
            *("--offline-after", str(self._offline_after)),
            *("--serve-after", str(self._serve_after)),
        ]
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        self._ready = self._read_ready_line(self._process)

    def stop(self) -> None:
        """End the process in good order; its leases stay in the state file."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._forget()

    def kill(self) -> None:
        """End the process as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._forget()

    def client_config(self, client: str) -> Path:
        return self.dir / "clients" / f"{client}.yaml"

    def expired_token_config(self, client: str, *, issuer_answers: bool = False) -> Path:
        """A config whose token is over since an hour; jmp waits for a browser if its issuer answers."""
        issuer = self.admin_url if issuer_answers else _DEAF_ISSUER
        body = {"client": client, "lifetime": -3600.0, "issuer": issuer}
        return self._config_with_token(client, "expired", self._admin("POST", "/tokens", body)["token"])

    def garbage_token_config(self, client: str) -> Path:
        return self._config_with_token(client, "garbage", "this-is-no-token")

    def forged_token_config(self, client: str) -> Path:
        """A config with the valid token of somebody else, which jmp itself cannot tell."""
        other = self._admin("POST", "/tokens", {"client": f"not-{client}", "lifetime": _DAY, "issuer": _DEAF_ISSUER})
        return self._config_with_token(client, "forged", other["token"])

    def wrong_signature_config(self, client: str) -> Path:
        """A config whose token says all that the good one says, signed by somebody else."""
        token = yaml.safe_load(self.client_config(client).read_text())["token"]
        claims = jwt.decode(token, options={"verify_signature": False})
        return self._config_with_token(
            client, "signature", jwt.encode(claims, secrets.token_hex(32), algorithm="HS256")
        )

    def add_client(self, name: str) -> Path:
        """Make a client, also one that was deleted; its former tokens are refused then. Returns its config."""
        return Path(self._admin("POST", "/clients", {"name": name})["config"])

    def delete_client(self, name: str) -> None:
        self._admin("DELETE", f"/clients/{name}")

    def delete_exporter(self, name: str) -> None:
        """Delete the object, with the leases that have it; what runs of it stays."""
        self._admin("DELETE", f"/exporters/{kubernetes_name(name)}")

    def delete_lease(self, name: str) -> None:
        """Delete the object as an administrator does, past its owner."""
        self._admin("DELETE", f"/leases/{name}")

    def set_policies(self, *policies: Policy) -> None:
        """Replace all access policies; without any, every client may have every exporter."""
        self._admin("PUT", "/policies", {"policies": [asdict(policy) for policy in policies]})

    def add_ended_leases(self, client: str, count: int) -> None:
        """Let there be leases past-000000, past-000001 and so on that ended yesterday."""
        self._admin("POST", "/leases", {"client": client, "count": count})

    def leases(self) -> list[dict[str, Any]]:
        """Every lease ever made, oldest first: name, client, exporter, state, conditions, begin, end, ..."""
        return list(self._admin("GET", "/leases"))

    def lease(self, name: str) -> dict[str, Any]:
        return next(lease for lease in self.leases() if lease["name"] == name)

    def holder(self, exporter: str) -> dict[str, Any] | None:
        """The lease that has this exporter now; None is: the device is free."""
        name = kubernetes_name(exporter)
        return next((item for item in self.leases() if item["exporter"] == name and not item["ended"]), None)

    def exporter(self, name: str) -> dict[str, Any]:
        return next(item for item in self._admin("GET", "/exporters") if item["name"] == kubernetes_name(name))

    def calls(self, method: str | None = None) -> list[dict[str, Any]]:
        """Arrived calls, oldest first: time, method ("ClientService/GetLease"), kind, name, args."""
        return [
            call
            for call in read_calls(self.dir / "calls.jsonl")
            if method is None or method in (call["method"], call["method"].rsplit("/", 1)[-1])
        ]

    def fault(self, name: str, **options: Any) -> None:
        if "exporter" in options:
            options["exporter"] = kubernetes_name(options["exporter"])
        self._admin("PUT", f"/faults/{name}", options)

    def clear_faults(self, name: str | None = None) -> None:
        self._admin("DELETE", f"/faults/{name}" if name else "/faults")

    def wait_until(self, what: Callable[[], Any], timeout: float = 30.0) -> Any:
        """Look again at each change of state and each call until the answer is true, and return it."""
        deadline = time.monotonic() + timeout
        version = -1
        while not (answer := what()):
            left = deadline - time.monotonic()
            if left <= 0:
                raise ControllerError(f"waited {timeout} s in vain; leases: {json.dumps(self.leases(), indent=1)}")
            query = f"/changes?after={version}&timeout={min(left, 1.0)}"
            version = self._admin("GET", query)["version"]
        return answer

    def declare_exporter(
        self,
        name: str,
        labels: Mapping[str, str],
        export: Mapping[str, Any] | None = None,
        *,
        enabled: bool = True,
    ) -> Path:
        """Make the exporter known without running it; returns its config file.

        One that Kubernetes cannot call vehicle_001 is called vehicle-001, with the label ``exporter=vehicle_001``.
        """
        real = kubernetes_name(name)
        given = dict(labels) if real == name else {"exporter": name, **labels}
        body = {"name": real, "labels": given, "export": dict(export or {}), "enabled": enabled}
        return Path(self._admin("POST", "/exporters", body)["config"])

    def add_exporter(
        self,
        name: str,
        labels: Mapping[str, str],
        export: Mapping[str, Any],
        *,
        jmp: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> ExporterProcess:
        """Start a real ``jmp run`` and wait until the controller can lease it; its real name is that of the result."""
        config = self.declare_exporter(name, labels, export)
        process = ExporterProcess(kubernetes_name(name), config, self.endpoint, jmp or default_jmp(), environment)
        self.exporters[process.name] = process
        try:
            self.wait_until(lambda: self.available(name))
        except ControllerError as error:
            raise ControllerError(f"exporter {name} did not register: {process.log_file.read_text()}") from error
        return process

    def available(self, exporter: str) -> bool:
        """Online, and done with its last lease."""
        seen = self.exporter(exporter)
        return bool(seen["online"] and seen["streams"] and seen["status"] == STATUS_AVAILABLE)

    def serving(self, exporter: str) -> bool:
        """Leased, and ready for connections of its holder."""
        seen = self.exporter(exporter)
        return bool(seen["streams"] and seen["status"] == STATUS_LEASE_READY)

    def _admin(self, verb: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        response = self._session.request(verb, self.admin_url + path, json=body, timeout=30)
        if not response.ok:
            raise ControllerError(f"{verb} {path}: {response.text}")
        return response.json()

    def _config_with_token(self, client: str, label: str, token: str) -> Path:
        data = yaml.safe_load(self.client_config(client).read_text())
        path = self.dir / "clients" / f"{client}-{label}.yaml"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump({**data, "token": token}, sort_keys=False))
        return path

    def _read_ready_line(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        assert process.stdout is not None
        readable, _unused, _unused = select.select([process.stdout], [], [], _START_TIMEOUT)
        line = process.stdout.readline() if readable else b""
        if not line:
            process.kill()
            process.wait()
            raise ControllerError(f"the controller did not start:\n{self.log_file.read_text()}")
        return dict(json.loads(line))

    def _forget(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        self._process.wait()
        self._process.stdout.close()
        self._process = None


def default_jmp() -> Path:
    return Path(sys.executable).parent / "jmp"
