# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages say it in plain English: "which is not a file", never "which is no file"."""

from __future__ import annotations

import ast
import re
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[3]
ODD = re.compile(r"(?<!\bthere )\b(?:is|are) no (?!longer\b)(?:[a-z]|$)|\(no YAML|^no YAML", re.IGNORECASE)
PYTHON = [*REPOSITORY.glob("plugins/**/*.py"), *REPOSITORY.glob("extensions/eda/plugins/**/*.py")]
YAML = [*REPOSITORY.glob("roles/*/tasks/*.yml"), *REPOSITORY.glob("playbooks/**/*.yml")]
DOCUMENTS = {"DOCUMENTATION", "EXAMPLES", "RETURN"}


def messages_of(file: Path) -> Iterator[str]:
    """Yield the strings of a file, without those that only document it."""
    text = file.read_text(encoding="utf-8")
    yield from of_yaml(yaml.safe_load(text)) if file.suffix == ".yml" else of_python(ast.parse(text))


def of_python(node: ast.AST) -> Iterator[str]:
    is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    names = (
        [target.id for target in node.targets if isinstance(target, ast.Name)] if isinstance(node, ast.Assign) else []
    )
    if is_docstring or DOCUMENTS.intersection(names):
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in ast.iter_child_nodes(node):
        yield from of_python(child)


def of_yaml(value: t.Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from of_yaml(part)


@pytest.mark.parametrize("files", [PYTHON, YAML], ids=["python", "yaml"])
def test_no_message_says_that_something_is_no_something(files: list[Path]) -> None:
    assert len(files) > 20
    odd = {file.name: found for file in files if (found := [text for text in messages_of(file) if ODD.search(text)])}
    assert not odd
