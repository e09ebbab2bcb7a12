# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The template of the page of one test."""

from __future__ import annotations

TEMPLATE = """
{% macro badge(kind, text) %}<span class="badge {{ kind }}">{{ text }}</span>{% endmacro %}
{% macro facts(pairs, code=False) %}
{% for name, value in pairs if value %}
<div><dt>{{ name }}</dt><dd>{% if code %}<code>{{ value }}</code>{% else %}{{ value }}{% endif %}</dd></div>
{% endfor %}
{% endmacro %}
{% macro read(when, account) %}
{% if account %}{{ when | capitalize }}: read {{ account.taken_at | day }}
{%- if account.vin %}, VIN {{ account.vin }}{% endif %}.
{%- else %}It was not read {{ when }} the update.{% endif %}
{% endmacro %}
<body>
<style>
svg.timeline { display: block; width: 100%; overflow: visible; font-size: 12px; }
svg text { fill: var(--text); } svg .tick { stroke: var(--line); } svg .tick-label { fill: var(--faint); }
svg rect { fill: var(--bar); stroke: var(--bar); } svg .lease { fill: var(--lease); stroke: var(--lease); }
svg .failed { fill: var(--bad); stroke: var(--bad); } svg .state.ok { fill: var(--good); stroke: var(--good); }
svg .unfinished, svg .disturbed { fill: var(--odd); stroke: var(--odd); } svg .busy { fill-opacity: .45; }
@media screen and (max-width: 640px) { svg .between { display: none; } svg.timeline { overflow: hidden; } }
</style>
<header>
<span class="verdict {{ r.outcome | kind }}">{{ r.outcome }}</span>
{% set which = r.test.step or r.test.scenario %}
<h1>{{ r.vehicle.host or r.vehicle.vin }}{% if which %}: {{ which }}{% endif %}</h1>
<p>{{ r.summary }}</p>
{% for trouble in r.troubles %}
<p class="bad small">{{ trouble }}</p>
{% endfor %}
{% if r.unsigned %}
<p class="bad small">The evidence is not signed: {{ r.unsigned }}</p>
{% endif %}
<dl class="facts">
{{ facts(about) }}
</dl>
</header>
{% if timeline %}
<section>
<h2>Timeline</h2>
<svg class="timeline" height="{{ timeline.height + 30 }}" role="img"
 aria-label="Timeline of the test; the table of steps says the same">
{% for tick, text in timeline.ticks %}
{% set between = ' between' if tick in (25, 75) else '' %}
<line class="tick" x1="{{ tick }}%" x2="{{ tick }}%" y1="0" y2="{{ timeline.height + 6 }}"/>
<text class="tick-label{{ between }}" x="{{ tick }}%" y="{{ timeline.height + 22 }}"
 text-anchor="{{ {0: 'start', 100: 'end'}.get(tick, 'middle') }}">{{ text }}</text>
{% endfor %}
{% for bar in timeline.bars %}
<g><title>{{ bar.title }}</title>
<text x="{{ bar.anchor }}%" y="{{ bar.top + label }}"
 text-anchor="{{ 'end' if bar.is_right else 'start' }}">{{ bar.label | truncate(40, True, '…', 0) }}</text>
<rect class="{{ bar.kind }}" x="{{ bar.left }}%" y="{{ bar.top + label + 4 }}" width="{{ bar.width }}%" height="4"/></g>
{% endfor %}
</svg>
{% if timeline.left_out %}
<p class="faint small">{{ timeline.left_out }} short steps are in the table of steps only.</p>
{% endif %}
</section>
{% endif %}
{% if ecus %}
<section>
<h2>The vehicle before and after</h2>
<p class="small faint">{{ read('before', r.software.before) }} {{ read('after', r.software.after) }}</p>
<table>
<thead><tr><th>ECU</th><th></th><th>Before</th><th>After</th><th>Wanted</th></tr></thead>
<tbody>
{% for ecu in ecus %}
{% for line in ecu.lines %}
<tr><td>{% if loop.first %}<b>{{ ecu.name }}</b>{% endif %}</td>
<td class="faint">{{ line.name }}</td>
<td data-name="before">{{ line.before }}</td>
<td data-name="after">{% if line.differs %}<mark>{{ line.after }}</mark>{% else %}{{ line.after }}{% endif %}</td>
<td data-name="wanted">{{ line.wanted }}{% if line.is_missed %} {{ badge('bad', 'not reached') }}{% endif %}</td></tr>
{% endfor %}
{% endfor %}
</tbody>
</table>
</section>
{% endif %}
{% if r.checks or r.disturbances %}
<section>
<h2>Checks</h2>
<table>
<thead><tr><th>Check</th><th>Expected</th><th>Measured</th><th>Holds</th></tr></thead>
<tbody>
{% for check in r.checks %}
<tr><td><b>{{ check.name }}</b></td>
<td data-name="expected">{{ check.expected | compact }}</td>
<td data-name="measured">{{ check.measured | compact }}</td>
<td>{% if check.passed is none %}{{ badge('odd', 'not known') }}
{%- elif check.passed %}{{ badge('good', 'yes') }}{% else %}{{ badge('bad', 'no') }}{% endif %}</td></tr>
{% endfor %}
{% for item in r.disturbances %}
<tr><td><b>Disturbance: {{ item.name }}</b></td>
<td data-name="expected">that it happened</td>
<td data-name="measured">{{ item.proof | compact }}</td>
<td>{% if item.proven %}{{ badge('good', 'yes') }}{% else %}{{ badge('odd', 'not proven') }}{% endif %}</td></tr>
{% endfor %}
</tbody>
</table>
</section>
{% endif %}
{% if r.failure %}
<section>
<h2>What ended it</h2>
<p><b>{{ r.failure.step }}</b></p>
<pre>{{ r.failure.message or r.summary }}</pre>
</section>
{% endif %}
{% if console or files %}
<section>
<h2>Console</h2>
{% if files %}
<p class="small">All of it:{% for name, what in files %}
<a href="{{ name }}">{{ name }}</a> ({{ what }}){{ ',' if not loop.last }}{% endfor %}</p>
{% endif %}
{% for text in console %}
<p class="small faint">{{ text.time | clock }} {{ text.step }}</p>
<pre>{{ text.text }}</pre>
{% endfor %}
</section>
{% endif %}
<section>
<h2>Steps</h2>
<table>
<thead><tr><th>Time (UTC)</th><th>Step</th><th>Took</th><th>Result</th></tr></thead>
<tbody>
{% for step in r.steps %}
<tr><td class="number">{{ step.began | clock }}</td>
<td>{{ step.step or step.module }}
{% if step.message and step.outcome == 'failed' %}
<br><span class="small">{{ step.message | truncate(400, True) }}</span>
{% endif %}
{% if details[loop.index0] %}
<details class="small not-printed"><summary class="faint">{{ step.module }}</summary>
<pre>{{ details[loop.index0] }}</pre></details>
{% endif %}
</td>
<td class="number" data-name="took">{{ step.seconds | duration }}</td>
<td>{{ badge({'failed': 'bad', 'unfinished': 'odd'}.get(step.outcome, 'good'), step.outcome) }}</td></tr>
{% endfor %}
</tbody>
</table>
</section>
<section>
<h2>Ids and links</h2>
<dl class="facts">
{{ facts(ids, code=True) }}
{{ facts(r.versions.items()) }}
{{ facts(r.drivers.items()) }}
</dl>
{% if links %}
<ul>
{% for link in links %}
<li>{% if link.is_safe %}<a href="{{ link.url }}" rel="noreferrer">{{ link.url }}</a>
{%- else %}{{ link.url }}{% endif %}</li>
{% endfor %}
</ul>
{% endif %}
</section>
<footer class="late small faint">
<p>Made from <code>journal.jsonl</code>; the same in a form for programs is <code>record.json</code>. Whether any byte
was changed since is told by <code>manifest.json</code>
{%- if is_signed %}, which <code>attestation.intoto.json</code> signs{% endif %}.
{% if not r.reported %}When this was made, SUMS had not been told an outcome.{% endif %}
{% if not r.journal.is_complete %}The journal was full, so steps are missing here.{% endif %}
{% if r.journal.clock_set_back is defined %}The clock was set back by {{ r.journal.clock_set_back | duration }}
meanwhile; times before that are told as it went afterwards.{% endif %}
{% if r.journal.shortened_lines %}Of {{ r.journal.shortened_lines }} lines of the journal not all was kept, since they
were too long: lists, such as of ECUs or trouble codes, may lack items here.{% endif %}</p>
</footer>
</body>
</html>
"""
