# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a virtual environment with nothing but Python and its pip: pip.conf and PIP_* say where packages come from.

    set_up.py DIRECTORY ARGUMENT... [-- ARGUMENT...]

Each group of arguments goes to one `pip install`.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from installed import missing
from pip_settings import PipSettingsError, pip_environment

REPOSITORY = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = (3, 11)
NEVER_IMPORTED = r"site-packages/(kubernetes|pip)/"
"""Nearly half of all lines; a dependency of jmp that it does not import, and pip."""

AGAIN_SECONDS = 5.0
"""A mirror that is being renewed lacks what it had, for a moment."""


class SetUpError(Exception):
    """What failed and what to do about it, in a sentence."""


def set_up(directory: Path, *installs: list[str], python: str = sys.executable) -> None:
    """Make an environment, or bring it up to date.

    :param installs: the arguments of each `pip install`.
    :param python: the interpreter that it gets.
    """
    print(f"Setting up {directory}; this takes a minute or two, once.", flush=True)
    began = time.monotonic()
    own = str(directory / "bin/python")
    _run([python, "-m", "venv", str(directory)], f"Python could not make {directory}; its reason is above.")
    failure = (
        f"pip could not set up {directory}; its reason is above. "
        "It takes packages from where pip.conf and the PIP_* variables say."
    )
    try:
        environment = pip_environment(own)
    except PipSettingsError as error:
        sys.stderr.write(str(error))
        raise SetUpError(failure) from None
    # The pip that comes with Python 3.11 takes three times as long.
    wanted = (["-r", str(REPOSITORY / "requirements/pip.txt")], *installs)
    for install in wanted:
        _run(
            [
                own,
                "-m",
                "pip",
                "--disable-pip-version-check",
                "install",
                "--quiet",
                "--no-user",
                "--no-compile",
                *install,
            ],
            failure,
            tries=2,
            environment=environment,
        )
    absent = missing(own, wanted)
    if absent:
        raise SetUpError(
            f"pip ended well, but {directory} lacks {', '.join(absent)}; look in pip.conf and the PIP_* variables for "
            "what keeps pip from installing, such as PIP_DRY_RUN."
        )
    compiling = [own, "-m", "compileall", "-q", "-j", "0", "-x", NEVER_IMPORTED, str(directory / "lib")]
    subprocess.run(compiling, stdout=subprocess.DEVNULL, check=False)  # some packages carry files for other Pythons
    print(f"Set up {directory} in {time.monotonic() - began:.0f} s.", flush=True)


def _run(command: list[str], failure: str, tries: int = 1, environment: dict[str, str] | None = None) -> None:
    """Run a command; show at once that it waits for the network, and all that it said if it fails.

    :param tries: how often it is run until it succeeds.
    :param environment: the one of this process without any.
    """
    said = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        assert process.stdout
        for line in process.stdout:
            if "Retrying" in line:
                print(line, end="", flush=True)
            else:
                said.append(line)
    if process.returncode and tries > 1:
        print(f"pip failed and is run again: {said[-1].strip() if said else 'it said nothing'}", flush=True)
        time.sleep(AGAIN_SECONDS)
        _run(command, failure, tries - 1, environment)
    elif process.returncode:
        sys.stderr.writelines(said)
        raise SetUpError(failure)


def main(directory: str, *arguments: str) -> int:
    """Return 0 if the environment can be used."""
    if sys.version_info < OLDEST_PYTHON:
        print("make needs Python 3.11 or newer; set PYTHON=/path/to/python3.11", file=sys.stderr)
        return 1
    installs: list[list[str]] = [[]]
    for argument in arguments:
        if argument == "--":
            installs.append([])
        else:
            installs[-1].append(argument)
    try:
        set_up(Path(directory), *installs)
    except SetUpError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
