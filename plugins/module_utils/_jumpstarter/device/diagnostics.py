# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading ECUs through a held lease or a local exporter, in one start of ``jmp``."""

from __future__ import annotations

import contextlib
import inspect
import json
import pathlib
import sys
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.interpreter import python_of
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.reader import (
    beside,
    doip,
    drivers,
    handover,
    link,
    main,
    tunnel,
    uds_driver,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.session import (
    Device,
    open_device,
)
from ansible_collections.hatci.automation.plugins.module_utils._plain_json import parse_json
from ansible_collections.hatci.automation.plugins.module_utils._times import since_boot

Values = dict[str, t.Any]

PROGRAM = (beside, doip, drivers, handover, link, main, tunnel, uds_driver)
"""What runs beside and inside ``jmp shell``, where this collection cannot be imported."""

READER_FILE, HANDOVER_FILE = "hatci_reader.py", "hatci_handover.py"
END_SECONDS = 3.0
"""What the reader and ``jmp`` need to end, once everything is read."""

START = """import sys
sys.path.insert(0, sys.argv[1])
from {main} import main
main()
"""


def read_ecus(options: t.Mapping[str, t.Any], request: Values) -> Values:
    """Read ECUs side by side.

    :param options: the task's, of which ``timeout`` and ``settle_timeout`` together are the time that there is.
    :param request: ``ecus``, each with ``name``, ``driver``, ``logical_address`` and ``dids``, and what to do
        with codes.
    :returns: ``answers``, by name of the ECU, and ``voltage``.
    :raises LeaseLost: an ECU could not be read under a lease that did not hold any more.
    :raises JumpstarterError: the exporter could not be reached, or has not what it takes.
    """
    settle = options["settle_timeout"]
    if not 0 <= settle <= 86400:
        raise errors.InputError(f"settle_timeout is {settle:g}; give seconds, from 0 to 86400 (a day).")
    timeout = options["timeout"] + settle
    with open_device(options, timeout) as device:
        python = python_of(device.jmp.path)
        now = time.monotonic()
        times = {"deadline": now + timeout - END_SECONDS, "settle_until": now + settle}
        device.put("request.json", json.dumps({**request, **times}))
        _put_program(device)
        began = since_boot()
        try:
            reader = [python, str(device.directory / READER_FILE), str(device.directory)]
            inside = [sys.executable, "-I", "-S", str(device.directory / HANDOVER_FILE)]
            said = device.last_words(device.run(inside, timeout, beside=reader))
        except errors.JmpTimeout:
            said = f"it did not end within {timeout:g} s"
        results = _results(device.directory / "results.json")
        problem = f"jmp shell ended: {said}" if results is None else results.get("problem")
        if results is None or problem or _has_trouble(results):
            lost = device.why_lost()
            if lost:
                raise errors.LeaseLost(
                    "The ECUs could not be read, but the lease did not hold, so this says nothing about the vehicle. "
                    f"{lost}"
                )
        if results is None or problem:
            raise errors.DeviceUnreachable(f"The ECUs could not be read: {problem}.")
        device.note_proof(began)
        return results


def _has_trouble(results: Values) -> bool:
    return any(isinstance(answer, dict) and "trouble" in answer for answer in results["answers"].values())


def _put_program(device: Device) -> None:
    """Write the reader's modules, as packages that are complete, so that no other copy of this collection is taken."""
    for module in PROGRAM:
        path = pathlib.Path(*module.__name__.split(".")).with_suffix(".py")
        for parent in path.parents[:-1]:
            device.put(str(parent / "__init__.py"), "")
        device.put(str(path), inspect.getsource(module))
    device.put(READER_FILE, START.format(main=beside.__name__))
    device.put(HANDOVER_FILE, inspect.getsource(handover))


def _results(path: pathlib.Path) -> Values | None:
    """Return what the reader left, None if it left nothing that can be used."""
    with contextlib.suppress(OSError, ValueError):
        results = parse_json(path.read_text(encoding="utf-8"))
        if isinstance(results, dict) and isinstance(results.get("answers"), dict):
            return results
    return None
