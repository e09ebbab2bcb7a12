# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operation behind jumpstarter_info."""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._failure import full_stop
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.exporter_configs import (
    find_exporter_config,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.cli import Jmp
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.client_config import (
    choose_mode,
    config_arguments,
    endpoint_of,
    refuse_without_drivers,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.controller import Controller
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.acquire_local import local_exporter
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.device_lock import (
    check_lock_directory,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import CONTROLLER, Caller
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.validation import (
    check_name,
    check_text,
    label_of,
)
from ansible_collections.hatci.automation.plugins.module_utils._watchers.once_a_play import once_a_play

OLDEST_WITH_LEASES = (0, 8)
LOOK_SECONDS = 20.0
LOOK_FRESH_SECONDS = 60.0
"""How old the controller's answer to another vehicle of the play may be."""
PROXIES = ("grpc_proxy", "https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")


def look_at_jmp(options: t.Mapping[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """Look which ``jmp`` is there, and whether what a test will need of it can be used.

    :returns: ``changed`` (never), ``path``, ``version`` and ``mode``.
    :raises JumpstarterError: there is no ``jmp``, it is too old, the client config cannot be used, the controller does
        not answer, the device cannot be leased as it is named, or without a controller it has no config here.
    """
    owner = Caller.from_options(options).owner
    jmp = Jmp(owner)
    client_config, client = options["client_config"] or None, options["client"] or None
    mode = choose_mode(options["mode"], client_config, client)
    _check_device(options, mode)
    config = config_arguments(client_config, client) if mode == CONTROLLER else []
    if mode == CONTROLLER and options["drives"]:
        refuse_without_drivers(client_config, client)
    # A start of jmp costs a second, and each vehicle of a play has the same one.
    printed = once_a_play(owner, [jmp.path, *_stamp(jmp.path)], lambda: jmp.call("version"))
    found = re.search(r"v?([0-9]{1,6})\.([0-9]{1,6})\.[\w.+-]{0,40}", printed, re.ASCII)
    if not found:
        raise errors.JmpFailed(f"{jmp.path} does not tell its version; is it the jmp of jumpstarter-cli?")
    version = found.group(0).lstrip("v")
    if mode == CONTROLLER and (int(found.group(1)), int(found.group(2))) < OLDEST_WITH_LEASES:
        raise errors.JumpstarterError(
            f"{jmp.path} is version {version}; leases from a controller need jumpstarter-cli 0.8 or newer."
        )
    if mode == CONTROLLER:
        endpoint = endpoint_of(client_config, client)
        asked = [jmp.path, *config, endpoint, *_stamp(client_config or ""), _ways_to_controller()]
        once_a_play(owner, asked, lambda: _ask_controller(Controller(jmp, config), endpoint), LOOK_FRESH_SECONDS)
    return {"changed": False, "path": jmp.path, "version": version, "mode": mode}


def _stamp(path: str) -> tuple[int, ...]:
    """Return what tells a file from the one that an upgrade puts in its place; nothing while there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _check_device(options: t.Mapping[str, t.Any], mode: str) -> None:
    """Make sure that the device can be leased as it is named, as far as this machine knows.

    :raises JumpstarterError: it cannot.
    """
    exporter, selector, expected = (options[name] or "" for name in ("exporter", "selector", "expected_exporter"))
    if exporter:
        # As jumpstarter_exporter calls it, which writes the config.
        check_name(exporter, "name" if options["config_follows"] else "exporter")
    if selector:
        check_text(selector, "selector")
    if mode == CONTROLLER:
        named = {"exporter": "" if selector else exporter, "expected_exporter": expected}
        for option, name in named.items():
            if name:
                label_of(name, option)
        return
    if selector or exporter:
        wanted = local_exporter(None if selector else exporter, selector or None)
        if expected and wanted != expected:
            raise errors.InputError(
                f"The lease would be for exporter {wanted}, but expected_exporter is {expected}; make them the same."
            )
        check_lock_directory(options["lock_dir"])
    if exporter and not options["config_follows"]:
        find_exporter_config(exporter)


def _ways_to_controller() -> dict[str, str]:
    """Return what the environment of a host says of the controller and of the way there."""
    return {name: value for name, value in os.environ.items() if name.startswith("JMP_") or name in PROXIES}


def _ask_controller(controller: Controller, endpoint: str) -> str:
    """Look once whether the controller answers, before anything relies on it.

    :returns: that it did.
    :raises JumpstarterError: it does not; says how it was tried to be reached.
    """
    try:
        controller.ask(LOOK_SECONDS)
    except (errors.JmpFailed, errors.JmpTimeout) as error:
        proxies = [name for name in PROXIES if os.environ.get(name)]
        by = f" The environment sends it through a proxy ({', '.join(proxies)}); see no_proxy." if proxies else ""
        error.message = (
            f"The Jumpstarter controller at {endpoint or '?'} is of no use now: {full_stop(error.message)}{by}"
        )
        raise
    return "answered"
