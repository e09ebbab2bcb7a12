# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The template of the index of many tests."""

from __future__ import annotations

TEMPLATE = """
<body>
<style>
@media screen {
  form:not([hidden]) { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin: 1rem 0; } }
@media print { td.number { white-space: normal; } td[data-name=began] { min-width: 6rem; }
  td.name { min-width: 9rem; } td.small { min-width: 10rem; } }
input, select { font: inherit; padding: .3rem .5rem; max-width: 100%; color: inherit; background: var(--soft);
  border: 1px solid var(--line); border-radius: .3rem; }
@media screen and (min-width: 641px) { td.name { min-width: 11rem; } td.scenario { min-width: 9rem; } }
</style>
<header>
<h1>{{ title }}</h1>
<p>{% for outcome, number in totals %}<span class="badge {{ outcome | kind }}">{{ number }} {{ outcome }}</span>
{% endfor %}</p>
{% for told in left_out %}
<p class="faint">{{ told }}</p>
{% endfor %}
</header>
<form hidden>
<input name="text" type="search" placeholder="Vehicle, VIN, summary" aria-label="Vehicle, VIN or summary">
<select name="outcome" aria-label="Outcome"><option value="">any outcome</option>
{% for outcome, _number in totals %}
<option>{{ outcome }}</option>
{% endfor %}
</select> <output class="faint small"></output></form>
<table>
<thead><tr><th>Vehicle</th><th>Outcome</th>{% if has_scenarios %}<th>Scenario</th>{% endif %}
<th>Began (UTC)</th><th>Took</th><th>Held</th><th>Summary</th></tr></thead>
<tbody>
{% for row in rows %}
<tr data-outcome="{{ row.outcome }}">
<td class="name">
{%- if row.url %}<a href="{{ row.url }}"><b>{{ row.vehicle }}</b></a>{% else %}<b>{{ row.vehicle }}</b>{% endif %}
{% if row.vin %}<br><span class="faint small">{{ row.vin }}</span>{% endif %}</td>
<td><span class="badge {{ row.outcome | kind }}">{{ row.outcome }}</span></td>
{% if has_scenarios %}<td class="scenario" data-name="scenario">{{ row.scenario }}</td>{% endif %}
<td class="number" data-name="began">{{ (row.began | day).removesuffix(' UTC') }}</td>
<td class="number" data-name="took">{% if row.seconds is not none %}{{ row.seconds | duration }}{% endif %}</td>
<td class="number" data-name="held">{% if row.held is not none %}{{ row.held | duration }}{% endif %}</td>
<td class="small">{{ row.summary }}</td></tr>
{% endfor %}
</tbody>
</table>
<script>{{ script }}</script>
</body>
</html>
"""
