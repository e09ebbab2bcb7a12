# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets the programs that tests start, start quicker: Python runs this first where PYTHONPATH names this directory.

What they do stays the same. ansible-playbook reads two large YAML files of its own at each start: what they hold is
kept below .cache. It imports Paramiko, and jmp its commands for the administrator of a controller with a client of
Kubernetes, needed or not: here that happens when they are needed. Molecule's scenarios and tests/bench do without.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    import typing as t
    from importlib.machinery import ModuleSpec

KEPT = os.path.join(os.path.dirname(__file__), "../../.cache/quick_start")
LARGE = 50_000
"""A YAML file of so many bytes takes longer than what is kept of it."""
OBJECTS = 50_000
"""So many are made before Python looks for cycles; its own 700 are meant for programs that run longer."""


class Quick:
    """Finds what the finders behind it do, and changes how some of it is loaded."""

    def __init__(self) -> None:
        self._changes = {"yaml": keep_large, "paramiko": import_later, "jumpstarter_cli_admin": only_a_command}

    def find_spec(self, name: str, path: t.Any = None, target: t.Any = None) -> ModuleSpec | None:
        """Look for each name once only."""
        if change := self._changes.pop(name, None):
            for finder in sys.meta_path:
                if finder is not self and (spec := finder.find_spec(name, path, target)):
                    change(spec)
                    return spec
        return None


def import_later(spec: ModuleSpec) -> None:
    """Load a module when something of it is used."""
    from importlib.util import LazyLoader

    spec.loader = LazyLoader(spec.loader)


def only_a_command(spec: ModuleSpec) -> None:
    """Let a package have its command only, and load the rest when that is run or asked for help."""
    load = spec.loader.exec_module

    def exec_module(module: types.ModuleType) -> None:
        import click

        def command() -> click.Group:
            if isinstance(module.admin, Later):
                load(module)
            return module.admin

        class Later(click.Group):
            def list_commands(self, context: click.Context) -> list[str]:
                return command().list_commands(context)

            def get_command(self, context: click.Context, name: str) -> click.Command | None:
                return command().get_command(context, name)

        module.admin = Later("admin")

    spec.loader.exec_module = exec_module


def keep_large(spec: ModuleSpec) -> None:
    """Let PyYAML read what it has read before from what was kept of it, by the hash of the text."""
    load_module = spec.loader.exec_module

    def exec_module(yaml: types.ModuleType) -> None:
        load_module(yaml)
        load_text = yaml.load
        plain = [getattr(yaml, name, None) for name in ("CBaseLoader", "CSafeLoader")]

        def load(stream: t.Any, Loader: t.Any) -> t.Any:
            if Loader not in plain or size_of(stream) < LARGE:
                return load_text(stream, Loader)
            text = stream.read() if hasattr(stream, "read") else stream
            return kept(text, Loader.__name__, lambda: load_text(text, Loader))

        yaml.load = load

    spec.loader.exec_module = exec_module


def size_of(stream: t.Any) -> int:
    """Return the size of a text or of a file that is still unread; 0 of anything else."""
    if type(stream) in (bytes, str):
        return len(stream)
    with contextlib.suppress(AttributeError, OSError, ValueError):
        return 0 if stream.tell() else os.fstat(stream.fileno()).st_size
    return 0


def kept(text: bytes | str, kind: str, load: t.Callable[[], t.Any]) -> t.Any:
    """Return what is kept of a text, or what it loads as."""
    import hashlib
    import marshal

    digest = hashlib.sha256(text if isinstance(text, bytes) else text.encode()).hexdigest()
    path = os.path.join(KEPT, f"{kind}-{digest}")
    with contextlib.suppress(OSError, EOFError, ValueError, TypeError), open(path, "rb") as file:
        return marshal.load(file)
    value = load()
    with contextlib.suppress(OSError, ValueError):  # of another user, or more than plain values
        data = marshal.dumps(value)
        os.makedirs(KEPT, exist_ok=True)
        with open(f"{path}.{os.getpid()}", "wb") as file:
            file.write(data)
        os.replace(f"{path}.{os.getpid()}", path)
    return value


gc.set_threshold(OBJECTS, 10, 10)
sys.meta_path.insert(0, Quick())
