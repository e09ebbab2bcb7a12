# SPDX-License-Identifier: GPL-3.0-or-later
"""Options for every SUMS operation, as a module's argument spec would hand them over."""

from __future__ import annotations

import importlib
import types
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.hatci.automation.plugins.module_utils._arguments import (
    text_problems,
    without_empty,
    without_rivals,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.options import Connection, check_base_url
from ansible_collections.hatci.automation.plugins.module_utils._sums.runner import run_operation
from hatci_lab.sums.process import SumsProcess

TOKEN = "lab-token"
VIN = "1HGBH41JXMN109186"
ECUS = [{"ecu_name": "Gateway", "part_number": "GW-2024-001", "sw_version": "2.0.0"}]
MODULES = (
    "hatci_create_event",
    "hatci_deploy_event",
    "hatci_fix_event",
    "hatci_health",
    "hatci_test_event",
    "hatci_test_event_update",
    "hatci_update_status",
)
EVENT: dict[str, t.Any] = {
    "tester_name": "automation_runner",
    "program_name": "OTA_Test_Program",
    "model_year": "2024",
    "vin": VIN,
    "update_type": "UROM",
    "region": "US",
    "build_level": "2024.02.01",
    "ecus": ECUS,
}
ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "hatci_create_event": EVENT,
    "hatci_deploy_event": {"event_id": "ev-000001"},
    "hatci_fix_event": {"event_id": "ev-000001"},
    "hatci_health": {},
    "hatci_test_event": {"vin": VIN},
    "hatci_test_event_update": {"test_event_id": "te-000001", "status": "PASS"},
    "hatci_update_status": {"deployment_id": "deploy-000001"},
}
"""The least that each module takes, beside the connection."""


def module_named(name: str) -> types.ModuleType:
    """Import a module of the collection."""
    return importlib.import_module(f"ansible_collections.hatci.automation.plugins.modules.{name}")


def validated(name: str, arguments: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the options that a module makes of a task's arguments.

    :raises ValueError: they are refused before the operation runs.
    """
    rules = dict(module_named(name).ARGUMENTS)
    rules.pop("supports_check_mode")
    spec = rules.pop("argument_spec")
    if problems := text_problems(spec, arguments):
        raise ValueError(" ".join(problems))
    checked = ArgumentSpecValidator(spec, **rules).validate(without_rivals(spec, without_empty(spec, arguments)))
    if checked.error_messages:
        raise ValueError(str(checked.errors.msg))
    return checked.validated_parameters


def run_module(
    name: str,
    url: str,
    arguments: dict[str, t.Any] | None = None,
    *,
    check_mode: bool = False,
    extras: dict[str, t.Any] | None = None,
    **more: t.Any,
) -> dict[str, t.Any]:
    """Run a module's operation here with its least arguments, and return its result.

    :param arguments: replace the least arguments.
    :param extras: go to the operation itself.
    :param more: further arguments.
    """
    given = {
        "hatci_base_url": url,
        "hatci_token": TOKEN,
        "timeout": 5.0,
        "retry_timeout": 0.0,
        **(ARGUMENTS[name] if arguments is None else arguments),
        **more,
    }
    return run_operation(module_named(name).OPERATION, validated(name, given), check_mode, **(extras or {}))


def client_of(url: str, **options: t.Any) -> SumsClient:
    """Return a client with short times."""
    return SumsClient(
        Connection(base_url=check_base_url(url), **{"token": TOKEN, "timeout": 5.0, "retry_timeout": 5.0, **options})
    )


def is_unknown(result: dict[str, t.Any]) -> bool:
    """Whether the user was told that SUMS may or may not have done it."""
    return "unknown whether" in result["msg"]


def assert_is_sentence(message: str) -> None:
    """Assert that a person can read a message: one line, of bearable length, no traceback, no page."""
    assert isinstance(message, str) and message.strip() == message and message
    assert "\n" not in message and "Traceback" not in message and 'File "' not in message
    assert "<html" not in message.lower() and "object at 0x" not in message
    assert len(message) < 1500, message
    assert message[-1] in ".?!", message


def deploy_update(sums: SumsProcess) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    """Return an event that is fixed and its deployment, made by nobody's test."""
    event = sums.api("POST", "/events", EVENT).json()
    sums.api("POST", f"/events/{event['event_id']}/fix", {})
    return event, sums.api("POST", "/deployments", {"event_id": event["event_id"]}).json()
