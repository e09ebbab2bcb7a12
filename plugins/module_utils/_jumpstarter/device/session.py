# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands on a device, through a held lease or a local exporter, with results that can be trusted."""

from __future__ import annotations

import contextlib
import inspect
import json
import pathlib
import sys
import tempfile
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device import command_runner
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.exporter_configs import (
    find_exporter_config,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.cli import Jmp, plain_line
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.client_config import config_arguments
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.process import CompletedCommand
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.acquire_local import acquire_local
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import (
    LeaseFiles,
    Record,
    leads_to,
    usable_record,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.release import release_local
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.request import Request
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import LOCAL, Caller
from ansible_collections.hatci.automation.plugins.module_utils._plain_json import parse_json

Options = t.Mapping[str, t.Any]

CONNECT_SECONDS = 30
LOCK_SECONDS = 5.0


class Device:
    """A device that programs can be started for, and a directory in which they leave their results.

    Made by :func:`open_device`.
    """

    def __init__(self, jmp: Jmp, target: list[str], directory: pathlib.Path) -> None:
        self.jmp = jmp
        self.directory = directory
        self._target = target

    def run(self, program: t.Sequence[str], timeout: float) -> CompletedCommand:
        """Run a program inside one ``jmp shell``; its last argument is the directory.

        What it did is in the files that it left there: neither that ``jmp`` ended with 0 nor that it did not says so.

        :raises JmpTimeout: the time passed, and it was ended with all it started.
        """
        return self.jmp.run(
            *("shell", *self._target, "--", *program, str(self.directory)),
            timeout=timeout,
            JMP_RETRY_TIMEOUT=str(CONNECT_SECONDS),
        )


@contextlib.contextmanager
def open_device(options: Options, timeout: float) -> t.Iterator[Device]:
    """Find the way to the device that a task's options name, and keep it for the time of the task.

    :raises InputError: the options name no device, or no time.
    """
    if not 0 < timeout <= 30 * 86400:
        raise errors.InputError(f"timeout is {timeout:g}; give seconds, more than 0 and at most 30 days.")
    caller = Caller.from_options(options)
    with contextlib.ExitStack() as stack:
        lease_name, target = _way_to_device(options, timeout, caller, stack)
        jmp = Jmp(caller.owner)
        jmp.lease = lease_name
        yield Device(jmp, target, pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hatci-"))))


def run_on_device(options: Options, commands: t.Sequence[str]) -> list[dict[str, t.Any]]:
    """Run shell commands, in which ``j`` drives the device, up to the first that fails.

    :returns: for each command that ran ``command``, ``rc``, ``stdout`` and ``stderr``.
    :raises JumpstarterError: the device could not be reached, or the time passed.
    """
    timeout = options["timeout"]
    with open_device(options, timeout) as device:
        (device.directory / "commands.json").write_text(json.dumps(list(commands)), encoding="utf-8")
        (device.directory / "runner.py").write_text(inspect.getsource(command_runner), encoding="utf-8")
        results = device.directory / "results.json"
        try:
            finished = device.run([sys.executable, "-I", "-S", str(device.directory / "runner.py")], timeout)
        except errors.JmpTimeout as error:
            done = _read(results)
            raise errors.DeviceUnreachable(
                f"{_progress(commands, done)} did not end within {timeout:g} s and was ended. "
                "Give a longer timeout if it needs one.",
                results=done,
            ) from error
        done = _read(results)
        if len(done) < len(commands) and not any(result["rc"] for result in done):
            raise errors.DeviceUnreachable(
                f"{_progress(commands, done)} did not run, since jmp shell ended: {last_words(finished)}", results=done
            )
        return done


def last_words(finished: CompletedCommand) -> str:
    """Return why ``jmp`` ended, as far as it said so."""
    return plain_line(finished.stderr) or plain_line(finished.stdout) or f"exit code {finished.exit_code}"


def _way_to_device(
    options: Options, timeout: float, caller: Caller, stack: contextlib.ExitStack
) -> tuple[str, list[str]]:
    """Return the lease and the arguments by which ``jmp shell`` gets to the device."""
    exporter, lease_name = options["exporter"] or None, options["lease_name"] or None
    record = usable_record(lease_name) if lease_name else None
    if record is None and lease_name:
        config = config_arguments(options["client_config"] or None, options["client"] or None)
        return lease_name, _through_controller(lease_name, config)
    if record and (exporter is None or leads_to(record, exporter)):
        if record["mode"] != LOCAL:
            return record["name"], _through_controller(record["name"], record["config"])
        return record["name"], ["--exporter-config", str(find_exporter_config(record["exporter"]))]
    if exporter is None:
        raise errors.InputError("Neither exporter nor lease_name is given; say which device is meant.")
    config_path = find_exporter_config(exporter)
    own = _lock_for_now(options, timeout, exporter, caller, stack)
    return own["name"], ["--exporter-config", str(config_path)]


def _through_controller(lease_name: str, config: list[str]) -> list[str]:
    return [*config, "--lease", lease_name, "--acquisition-timeout", f"{CONNECT_SECONDS}s"]


def _lock_for_now(
    options: Options, timeout: float, exporter: str, caller: Caller, stack: contextlib.ExitStack
) -> Record:
    """Lock a device that no lease of this play covers, for the time of one task."""
    request = Request(
        caller=caller,
        exporter=exporter,
        selector=None,
        duration=timeout + 60.0,
        timeout=LOCK_SECONDS,
        max_hold=None,
        expected_exporter=None,
        say=lambda line: None,
    )
    record = acquire_local(options["lock_dir"], request)
    stack.callback(release_local, record["name"], LeaseFiles(record["name"]), record)
    return record


def _read(path: pathlib.Path) -> list[dict[str, t.Any]]:
    """Return the results that the runner wrote; none if something else is in its place."""
    with contextlib.suppress(OSError, ValueError):
        results = parse_json(path.read_text(encoding="utf-8"))
        if isinstance(results, list) and all(_is_result(result) for result in results):
            return results
    return []


def _is_result(value: t.Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("rc"), int)
        and all(isinstance(value.get(name), str) for name in ("command", "stdout", "stderr"))
    )


def _progress(commands: t.Sequence[str], done: list[dict[str, t.Any]]) -> str:
    number = min(len(done), len(commands) - 1)
    return f"Command {number + 1} of {len(commands)} ({commands[number]!r:.80})"


def wait_after(seconds: float, caller: Caller) -> None:
    """Pause after a command, as long as the play lives."""
    if caller.owner:
        caller.owner.sleep(seconds)
    else:
        time.sleep(seconds)
