# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How all pages look: on a phone as on a desk, light and dark, and printed."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --back: #fff; --text: #1c2126; --faint: #5b6570; --line: #d5dbe1; --soft: #f3f5f7;
  --good: #12703a; --good-back: #dff3e6; --bad: #ad1a1a; --bad-back: #fbe3e3; --odd: #8a5200; --odd-back: #fdf0d5;
  --bar: #3267ad; --lease: #7a8794; --mark: #fff1b8; }
@media screen and (prefers-color-scheme: dark) { :root { --back: #14181c; --text: #e4e8ec; --faint: #a0abb6;
  --line: #38414a; --soft: #1e242a; --good: #6fd69a; --good-back: #12331f; --bad: #ff9a94; --bad-back: #451817;
  --odd: #f2c063; --odd-back: #3d2c0c; --bar: #7fb0f0; --lease: #8a96a2; --mark: #55480f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 1rem; background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.35rem; line-height: 1.3; margin: .6rem 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .6rem; }
a { color: var(--bar); } code, pre { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
code { font-size: .9em; } .faint { color: var(--faint); } .small { font-size: .875rem; }
.verdict { display: inline-block; font-weight: 700; font-size: 1.4rem; padding: .15rem .8rem; border-radius: .4rem; }
.badge { font-weight: 700; padding: .05rem .45rem; border-radius: .3rem; white-space: nowrap; }
.good { color: var(--good); background: var(--good-back); }
.bad { color: var(--bad); background: var(--bad-back); }
.odd { color: var(--odd); background: var(--odd-back); }
mark { background: var(--mark); color: inherit; padding: 0 .2em; }
dl.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: .6rem 1.2rem;
  margin: 1rem 0; }
dl.facts dt { font-size: .8rem; color: var(--faint); } dl.facts dd { margin: 0; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-size: .85rem; color: var(--faint);
  overflow-wrap: normal; }
th, td { padding: .4rem .6rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
pre { background: var(--soft); padding: .7rem; border-radius: .4rem; white-space: pre-wrap; font-size: .85rem;
  margin: .3rem 0; }
summary { cursor: pointer; } .late { margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: .8rem; }
@media screen and (max-width: 640px) {
  table, tbody, tr, td { display: block; width: 100%; } thead { display: none; }
  tr { padding: .5rem 0; border-bottom: 1px solid var(--line); } td { border: 0; padding: .1rem 0; }
  td[data-name]:not(:empty)::before { content: attr(data-name) ": "; color: var(--faint); font-size: .85rem; } }
@media print { body { max-width: none; padding: 0; font-size: 10.5pt; } h2 { break-after: avoid; }
  tr, dl.facts > div { break-inside: avoid; } .verdict, .badge, mark, svg { print-color-adjust: exact; }
  .not-printed, form { display: none; } a { color: inherit; } }
"""
