# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the parts of the controller together and runs them in one event loop."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import grpc
from jumpstarter_protocol import client_pb2_grpc, jumpstarter_pb2_grpc, router_pb2_grpc

from hatci_lab.controller import tls
from hatci_lab.controller.admin import AdminServer, Routes
from hatci_lab.controller.auth import Authenticator, subject_of_client, subject_of_exporter
from hatci_lab.controller.calls import CallLog
from hatci_lab.controller.client_service import ClientService
from hatci_lab.controller.configs import ConfigWriter
from hatci_lab.controller.controller_service import ControllerService
from hatci_lab.controller.core import Core
from hatci_lab.controller.faults import Faults
from hatci_lab.controller.gate import Gate
from hatci_lab.controller.leases import LeaseBook, new_uid
from hatci_lab.controller.listener import Listener
from hatci_lab.controller.model import Exporter
from hatci_lab.controller.names import check_labels, check_name
from hatci_lab.controller.policies import Policy
from hatci_lab.controller.ports import HOST, reserve
from hatci_lab.controller.queueing import ORDERS, oldest_first
from hatci_lab.controller.router import RouterService
from hatci_lab.controller.state import StateFile
from hatci_lab.controller.tokens import TokenIssuer


@dataclass(frozen=True)
class Settings:
    directory: Path
    clients: tuple[str, ...]
    port: int
    admin_port: int
    offline_after: float
    serve_after: float


class App:
    """Directory: clients/NAME.yaml and ca.pem are for users, the rest is the controller's memory."""

    def __init__(self, settings: Settings) -> None:
        directory = settings.directory
        directory.mkdir(parents=True, exist_ok=True)
        self._settings = settings
        self._port_holder = reserve(settings.port)
        port = self._port_holder.getsockname()[1]
        self._endpoint = f"{HOST}:{port}"
        self._identity = tls.load_or_create(directory)
        self._tokens = TokenIssuer(directory / "token.key")
        self._book = LeaseBook(settings.clients, offline_after=settings.offline_after)
        self._core = Core(self._book, StateFile(directory / "state.json"))
        self._faults = Faults(self._on_faults_changed)
        self._configs = ConfigWriter(self._endpoint, self._identity.certificate)
        gate = Gate(self._faults, CallLog(directory / "calls.jsonl"), self._core.changes)
        self._listener = Listener(port, self._identity, gate, self._register)
        self._serves = False

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        admin = AdminServer(self._settings.admin_port, self._routes(), loop)
        clients = {name: self._write_client_config(name) for name in self._book.clients}
        delay = self._settings.serve_after if self._core.has_run_before else 0.0
        self._core.changed()
        if not delay:
            await self._begin_to_serve()
        admin.start()
        self._announce(admin.url, clients)
        scheduler = asyncio.create_task(self._schedule_after(delay))
        await asyncio.wait({scheduler, asyncio.create_task(stopped.wait())}, return_when=asyncio.FIRST_COMPLETED)
        scheduler.cancel()
        with suppress(asyncio.CancelledError):
            await scheduler
        await self._listener.set_listening(False)
        await asyncio.to_thread(admin.stop)

    async def _schedule_after(self, delay: float) -> None:
        if delay:
            await asyncio.sleep(delay)
            await self._begin_to_serve()
        await self._core.run()

    async def _begin_to_serve(self) -> None:
        self._serves = True
        await self._applied()

    def _register(self, server: grpc.aio.Server) -> None:
        authenticator = Authenticator(self._tokens, self._book)
        client_pb2_grpc.add_ClientServiceServicer_to_server(
            ClientService(self._core, authenticator, self._tokens), server
        )
        jumpstarter_pb2_grpc.add_ControllerServiceServicer_to_server(
            ControllerService(self._core, authenticator, self._tokens, self._faults, self._endpoint), server
        )
        router_pb2_grpc.add_RouterServiceServicer_to_server(RouterService(self._tokens), server)

    def _write_client_config(self, name: str) -> str:
        token = self._tokens.issue(subject_of_client(name, self._book.uid(name)))
        return str(self._configs.client(self._settings.directory / "clients" / f"{name}.yaml", name, token))

    def _announce(self, admin: str, clients: dict[str, str]) -> None:
        ready = {
            "endpoint": self._endpoint,
            "pid": os.getpid(),
            "admin": admin,
            "ca_file": str(self._identity.ca_file),
            "clients": clients,
        }
        print(json.dumps(ready), flush=True)

    def _on_faults_changed(self) -> None:
        self._book.scheduling_delay = self._faults.seconds("slow_scheduling")
        self._book.release_delay = self._faults.seconds("slow_release")
        queue = self._faults.get("queue_order")
        self._book.order = ORDERS[queue.mode] if queue else oldest_first
        self._core.changed()

    def _routes(self) -> Routes:
        return {
            ("GET", "/leases"): self._get_leases,
            ("POST", "/leases"): self._post_ended_leases,
            ("DELETE", "/leases/(?P<name>[^/]+)"): self._delete_lease,
            ("GET", "/exporters"): self._get_exporters,
            ("POST", "/exporters"): self._post_exporter,
            ("DELETE", "/exporters/(?P<name>[^/]+)"): self._delete_exporter,
            ("POST", "/clients"): self._post_client,
            ("DELETE", "/clients/(?P<name>[^/]+)"): self._delete_client,
            ("PUT", "/policies"): self._put_policies,
            ("POST", "/tokens"): self._post_token,
            ("GET", "/faults"): self._get_faults,
            ("PUT", "/faults/(?P<fault>[a-z_]+)"): self._put_fault,
            ("DELETE", "/faults(/(?P<fault>[a-z_]+))?"): self._delete_fault,
            ("GET", "/changes"): self._get_changes,
            ("GET", "/.well-known/openid-configuration"): self._get_issuer,
        }

    async def _get_leases(self) -> list[dict[str, Any]]:
        return [lease.as_dict() for lease in self._book.leases.values()]

    async def _get_exporters(self) -> list[dict[str, Any]]:
        return [{**asdict(item), "online": self._book.exporter_online(item)} for item in self._book.exporters.values()]

    async def _post_exporter(
        self,
        name: str,
        labels: dict[str, str] | None = None,
        enabled: bool = True,
        export: dict[str, Any] | None = None,
    ) -> dict[str, str]:
        """Make or change an exporter, as an administrator does in Kubernetes, and write its config."""
        check_name("Exporter", name)
        check_labels("Exporter", name, labels or {})
        exporter = self._book.exporters.setdefault(name, Exporter(name))
        exporter.labels = labels or {}
        exporter.enabled = enabled
        self._core.changed()
        token = self._tokens.issue(subject_of_exporter(name))
        path = self._settings.directory / "exporters" / f"{name}.yaml"
        return {"config": str(self._configs.exporter(path, name, token, export or {}))}

    async def _delete_exporter(self, name: str) -> None:
        self._book.remove_exporter(name)
        self._core.changed()

    async def _post_ended_leases(self, client: str, count: int) -> None:
        """Leases of days gone by, which a controller never deletes."""
        self._book.add_ended(client, count)
        self._core.changed()

    async def _delete_lease(self, name: str) -> None:
        self._book.remove_lease(name)
        self._core.changed()

    async def _post_client(self, name: str) -> dict[str, str]:
        check_name("Client", name)
        self._book.clients[name] = new_uid()
        self._core.changed()
        return {"config": self._write_client_config(name)}

    async def _delete_client(self, name: str) -> None:
        self._book.remove_client(name)
        self._core.changed()

    async def _put_policies(self, policies: list[dict[str, Any]]) -> None:
        self._book.policies = [Policy.from_dict(item) for item in policies]
        self._core.changed()

    async def _post_token(self, client: str, lifetime: float, issuer: str) -> dict[str, str]:
        subject = subject_of_client(client, self._book.clients.get(client, "nobody"))
        return {"token": self._tokens.issue(subject, lifetime=lifetime, issuer=issuer)}

    async def _get_faults(self) -> list[dict[str, Any]]:
        return self._faults.as_list()

    async def _put_fault(self, fault: str, **options: Any) -> list[dict[str, Any]]:
        self._faults.set(fault, **options)
        await self._applied()
        return self._faults.as_list()

    async def _delete_fault(self, fault: str | None = None) -> list[dict[str, Any]]:
        self._faults.clear(fault)
        await self._applied()
        return self._faults.as_list()

    async def _applied(self) -> None:
        """A test that switched reachability must find it done when it has its answer."""
        await self._listener.set_listening(self._serves and self._faults.get("unreachable") is None)

    async def _get_changes(self, after: str, timeout: str) -> dict[str, int]:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._core.changes.after(int(after)), float(timeout))
        return {"version": self._core.changes.version}

    async def _get_issuer(self) -> dict[str, str]:
        """An OIDC issuer that answers: with an expired token of it, jmp waits for a browser."""
        nowhere = f"http://{HOST}:1"
        return {"authorization_endpoint": f"{nowhere}/authorize", "token_endpoint": f"{nowhere}/token"}
