# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ansible-test sanity in a copy of the collection, with a home of its own under .cache.

Run with the Python of .venvs/sanity; `make sanity` does. Arguments go to ansible-test.
"""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

from checkout import REPOSITORY, checkout
from pip_settings import pip_settings

HOME = REPOSITORY / ".cache/sanity-home"
GET_PIP = HOME / ".ansible/test/cache/get_pip_24_2.py"  # the name ansible-core 2.19 looks for


def pip_conf() -> configparser.RawConfigParser:
    """Collect what pip would do here: ansible-test passes neither PIP_* nor proxies on."""
    conf = configparser.RawConfigParser()
    conf.read_dict({"global": {"quiet": "2"}})
    if proxy := urllib.request.getproxies().get("https"):
        conf["global"]["proxy"] = proxy
    conf["global"].update(pip_settings(sys.executable))
    return conf


def prepare_home() -> None:
    """Write the two files that ansible-test and its pip read at home."""
    conf = HOME / ".config/pip/pip.conf"
    for directory in (GET_PIP.parent, conf.parent):
        directory.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(__file__).with_name("get_pip.py"), GET_PIP)
    with conf.open("w", encoding="utf-8") as file:
        pip_conf().write(file)


def main(arguments: list[str]) -> int:
    """Run ansible-test sanity with the Python this script runs with."""
    prepare_home()
    copy = checkout(REPOSITORY / ".cache/checkout/sanity")
    binaries = Path(sys.executable).parent
    environment = os.environ | {
        "ANSIBLE_TEST_CONTENT_ROOT": str(copy),  # or it asks the repository around, which ignores the copy
        "HOME": str(HOME),
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
    }
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    command = [binaries / "ansible-test", "sanity", "--python", python, "--requirements", *arguments]
    return subprocess.run(command, cwd=copy, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
