# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports run downwards only, as docs/ARCHITECTURE.md draws it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[2] / "plugins"
PREFIX = "ansible_collections.hatci.automation.plugins."

LAYERS = (
    (*(f"module_utils.{name}" for name in ("_plain_json", "_text", "_files", "_times", "_job", "_vin")),),
    ("module_utils._failure", "module_utils._columns"),
    ("module_utils._waves",),
    ("module_utils._arguments",),
    ("module_utils._module",),
    ("module_utils._http", "module_utils._outcome"),
    ("module_utils._vehicle", "module_utils._evidence"),
    ("module_utils._watchers.owner", "module_utils._watchers.files", "module_utils._watchers.environment"),
    (*(f"module_utils._watchers.{name}" for name in ("event_loop", "control_socket", "once_a_play")),),
    ("module_utils._watchers.launcher",),
    ("module_utils._aap",),
    ("module_utils._sums", "module_utils._jumpstarter.errors"),
    ("module_utils._suite",),
    (*(f"module_utils._jumpstarter.{name}" for name in ("validation", "times", "yaml_text", "ecu_options")),),
    ("module_utils._jumpstarter.options",),
    ("module_utils._jumpstarter.jmp",),
    ("module_utils._jumpstarter.leases",),
    ("module_utils._jumpstarter.device",),
    ("module_utils._jumpstarter.operations",),
    ("module_utils._recovery",),
    ("module_utils._runner",),
    ("plugin_utils",),
    ("modules", "doc_fragments", "filter", "test", "lookup", "inventory", "callback"),
    ("action",),
)
"""From the bottom to the top; what stands in one line may import from its own package and from the lines above it."""


def layer_of(module: str) -> int:
    """Return the number of the layer that a module is in."""
    found = [n for n, layer in enumerate(LAYERS) for name in layer if module == name or module.startswith(f"{name}.")]
    assert found, f"{module} is in no layer; add it to LAYERS and to docs/ARCHITECTURE.md"
    assert len(found) == 1, f"{module} is in more than one layer"
    return found[0]


def imports_of(file: Path) -> set[str]:
    """Return the modules of this collection that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        assert not getattr(node, "level", 0), f"{file}: a relative import hides which layer it leads to"
        if isinstance(node, ast.Import):
            found |= {name.name.removeprefix(PREFIX) for name in node.names if name.name.startswith(PREFIX)}
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PREFIX):
            base = str(node.module).removeprefix(PREFIX)
            for alias in node.names:
                path = PLUGINS / f"{base}.{alias.name}".replace(".", "/")
                found.add(f"{base}.{alias.name}" if path.with_suffix(".py").exists() or path.is_dir() else base)
    return found


@pytest.mark.parametrize("file", sorted(PLUGINS.rglob("*.py")), ids=lambda file: str(file.relative_to(PLUGINS)))
def test_imports_run_downwards(file: Path) -> None:
    module = str(file.relative_to(PLUGINS).with_suffix("")).replace("/", ".").removesuffix(".__init__")
    if module == "module_utils._jumpstarter":
        return
    upwards = {imported for imported in imports_of(file) if layer_of(imported) > layer_of(module)}
    assert not upwards
