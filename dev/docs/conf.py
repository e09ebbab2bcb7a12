# SPDX-License-Identifier: GPL-3.0-or-later
"""How Sphinx makes the site of `make docs`; dev/docs/build.py lays out what it reads."""

from __future__ import annotations

import posixpath
import re
import typing as t

from docutils import nodes

project = "hatci.automation"
author = "The hatci.automation maintainers"
copyright = author
extensions = ["myst_parser", "sphinx_antsibull_ext"]
root_doc = "index"
smartquotes = False
highlight_language = "YAML+Jinja"

myst_heading_anchors = 4

html_theme = "furo"
html_title = project
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {"top_of_page_buttons": []}

REFERENCE = "Modules, plugins and roles\n==========================\n"
SOURCES = "https://github.com/hatci/automation/blob/main/"
TITLE = re.compile(r"^Hatci\.Automation\n=+\n", re.MULTILINE)
CONTENTS = re.compile(r"^\.\. contents::\n(?: +\S.*\n)+", re.MULTILINE)
"""The theme shows the contents of every page beside it."""
LINK = re.compile(r"(\]\()([^)\s#:]+)(#[^)\s]*)?(?=\))")

ANSIBLE = "https://docs.ansible.com/ansible/latest/"
ANSIBLE_PAGES = {
    "action_plugins": "plugins/action.html#action-plugins",
    "ansible_configuration_settings": "reference_appendices/config.html#ansible-configuration-settings",
    "callback_plugins": "plugins/callback.html#callback-plugins",
    "common_return_values": "reference_appendices/common_return_values.html#common-return-values",
}


def adapt_page(app: t.Any, name: str, source: list[str]) -> None:
    """Lead links of a Markdown page into the repository to the page of the site or GitHub; shorten titles of others."""
    directory = posixpath.dirname(name)

    def led(found: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(directory, found[2]))
        anchor = found[3] or ""
        if path == "README.md":
            page = "index.md"
        elif role := re.fullmatch(r"roles/(\w+)/README\.md", path):
            page, anchor = f"collections/{role[1]}_role.rst", ""
        else:
            page = path
        if (app.srcdir / page).is_file():
            return f"{found[1]}{posixpath.relpath(page, directory or '.')}{anchor}"
        return f"{found[1]}{SOURCES}{path}{anchor}"

    if app.env.doc2path(name).suffix == ".md":
        source[0] = LINK.sub(led, source[0])
    else:
        shorter = re.sub(rf"^{re.escape(project)}\.(?=\w+ \w+ -- )", "", source[0], flags=re.MULTILINE)
        source[0] = CONTENTS.sub("", TITLE.sub(REFERENCE, shorter))


def lead_to_ansible(app: t.Any, env: t.Any, node: t.Any, text: nodes.Element) -> nodes.Element | None:
    """Lead what antsibull-docs says of Ansible to its pages, without fetching their inventory."""
    page = ANSIBLE_PAGES.get(str(node.get("reftarget")))
    return nodes.reference("", "", text, internal=False, refuri=f"{ANSIBLE}{page}") if page else None


def setup(app: t.Any) -> None:
    """Have Sphinx ask for both."""
    app.connect("source-read", adapt_page)
    app.connect("missing-reference", lead_to_ansible)
