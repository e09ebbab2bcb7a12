# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Jumpstarter controller a task means, if any, and whether its token still holds."""

from __future__ import annotations

import base64
import os
import pathlib
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import InputError
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import AUTO, CONTROLLER, LOCAL
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.times import time_in_words
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.validation import check_name, check_path
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.yaml_text import InvalidYaml, parse_yaml
from ansible_collections.hatci.automation.plugins.module_utils._plain_json import parse_json
from ansible_collections.hatci.automation.plugins.module_utils._watchers.environment import absolute_path


def choose_mode(mode: str, client_config: str | None, client: str | None) -> str:
    """Return ``controller`` or ``local``; ``auto`` means a controller if anything names one."""
    if mode != AUTO:
        return mode
    named = client_config or client or (os.environ.get("JMP_ENDPOINT") and os.environ.get("JMP_TOKEN"))
    return CONTROLLER if named or _current_client_file() else LOCAL


def is_controller_configured(mode: str, client_config: str | None, client: str | None) -> bool:
    """Whether a controller may have leased the device to somebody, so that nobody drives it without a lease."""
    return mode != LOCAL and (choose_mode(mode, client_config, client) == CONTROLLER or "JMP_ENDPOINT" in os.environ)


def endpoint_of(client_config: str | None, client: str | None) -> str:
    """Return the address of the controller that the options name; empty if it can't be told."""
    path = _config_file(client_config, client)
    return os.environ.get("JMP_ENDPOINT", "") if path is None else str(_read(path).get("endpoint") or "")


def refuse_without_drivers(client_config: str | None, client: str | None) -> None:
    """Refuse a config by which ``jmp`` may load no driver at all, so that nothing can be done with a device.

    :raises InputError: it is one.
    """
    path = _config_file(client_config, client)
    if path is None or any(name.startswith("JMP_DRIVERS") for name in os.environ):
        return
    config = _read(path)
    drivers = config.get("drivers") or {}
    if config and isinstance(drivers, dict) and not drivers.get("allow") and not drivers.get("unsafe"):
        raise InputError(
            f"The client config {path} allows no driver, so a device can be leased but not used; name those that may "
            "be loaded under drivers.allow, such as 'jumpstarter_driver_*', or set drivers.unsafe to true."
        )


def _config_file(client_config: str | None, client: str | None) -> pathlib.Path | None:
    if client_config:
        return check_path(client_config, "client_config")
    return _clients_directory() / f"{client}.yaml" if client else _current_client_file()


def _read(path: pathlib.Path) -> dict[str, t.Any]:
    """Return what a config holds; nothing if that can't be read."""
    try:
        config = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, InvalidYaml):
        return {}
    return config if isinstance(config, dict) else {}


def config_arguments(client_config: str | None, client: str | None) -> list[str]:
    """Return the arguments that tell ``jmp`` which controller.

    :raises InputError: the config is missing, unreadable, or its token has expired.
    """
    if client_config and client:
        raise InputError("client_config and client are both given; give one.")
    if client_config:
        path = check_path(client_config, "client_config")
        _check_config(path, "client_config", is_renewed=False)
        # The keeper of a lease works in another directory.
        return ["--client-config", absolute_path(str(path))]
    if client:
        _check_config(_clients_directory() / f"{check_name(client, 'client')}.yaml", "client")
        return ["--client", client]
    current = _current_client_file()
    if current:
        _check_config(current, "the current client of jmp")
    elif os.environ.get("JMP_TOKEN"):
        _check_token(os.environ["JMP_TOKEN"], "the environment's JMP_TOKEN")
    else:
        raise InputError(
            "No Jumpstarter controller is named; set jumpstarter_client_config to a client config, "
            "or jumpstarter_lease_guard_mode to local."
        )
    return []


def _check_config(path: pathlib.Path, option: str, *, is_renewed: bool = True) -> None:
    """Refuse a config that ``jmp`` would refuse, or whose token has expired.

    :param is_renewed: ``jmp`` saves there the new token that it gets for a refresh_token.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise InputError(
            f"{option} names {path}, which cannot be read: {reason}; give a Jumpstarter client config."
        ) from None
    try:
        config = parse_yaml(text)
    except InvalidYaml as error:
        raise InputError(f"{option} names {path}, which is {error}; give a Jumpstarter client config.") from None
    if not isinstance(config, dict) or config.get("kind") != "ClientConfig" or not config.get("endpoint"):
        raise InputError(
            f"{option} names {path}, which is not a Jumpstarter client config (kind ClientConfig, endpoint)."
        )
    can_renew = bool(config.get("refresh_token"))
    if isinstance(config.get("token"), str) and not (can_renew and is_renewed):
        hint = (
            " jmp renews only the token of a client that is named (client) or current, not of a path."
            if can_renew
            else ""
        )
        _check_token(config["token"], str(path), hint)


def _check_token(token: str, source: str, hint: str = "") -> None:
    """Refuse an expired token, for which ``jmp`` would open a browser and wait for ever."""
    try:
        payload = token.split(".")[1]
        expiry = parse_json(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).get("exp")
    except (IndexError, ValueError, AttributeError):
        return
    if isinstance(expiry, (int, float)) and expiry <= time.time():
        raise InputError(
            f"The Jumpstarter token in {source} expired at {time_in_words(expiry)}; get a new one (jmp login).{hint}"
        )


def config_home() -> str:
    """Return the directory that ``jmp`` keeps its configs in, as the user wrote it."""
    return os.environ.get("JMP_CLIENT_CONFIG_HOME") or "~/.config/jumpstarter"


def _home() -> pathlib.Path:
    if not os.environ.get("JMP_CLIENT_CONFIG_HOME") and os.path.expanduser("~") == "~":
        raise InputError("HOME is not set and this user has no home directory, where jmp keeps its configs; set HOME.")
    return check_path(config_home(), "JMP_CLIENT_CONFIG_HOME")


def _clients_directory() -> pathlib.Path:
    return _home() / "clients"


def _current_client_file() -> pathlib.Path | None:
    """Return the config of the client that ``jmp`` uses unless told otherwise; None if there is none.

    :raises InputError: it is not known. Then there may be a controller, so a local lock would exclude nobody.
    """
    path = _home() / "config.yaml"
    try:
        config = parse_yaml(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError, InvalidYaml) as error:
        raise _unknown(path, error.strerror if isinstance(error, OSError) else str(error)) from None
    settings = config.get("config") if isinstance(config, dict) else config
    client = settings.get("current-client") if isinstance(settings, dict) else settings
    if client is None:
        return None
    if not isinstance(client, str):
        raise _unknown(path, "no config of jmp")
    return _clients_directory() / f"{check_name(client, 'current-client')}.yaml"


def _unknown(path: pathlib.Path, reason: str | None) -> InputError:
    return InputError(
        f"{path} is unusable ({reason}), so it is not known which controller jmp uses; mend it, or set "
        "jumpstarter_client_config to a client config, or jumpstarter_lease_guard_mode to local."
    )
