"""The report as HTML, with pictures as inline SVG: no script, no file, readable on dark pages."""

from html import escape

import numpy as np

from nnlayers.gradients.report import distinct
from nnlayers.gradients.whereabouts import whereabouts

COLOURS = {"right": "#2a9d4a", "wrong": "#d1382c", "undecided": "#c98a00"}
CELLS = 40  # rows and columns of a heat map at most; larger gradients are thinned out
DOTS = 400


def html(report):
    """Return a report as HTML.

    Parameters
    ----------
    report : Report
        What to show.

    Returns
    -------
    str
        A ``<div>`` that needs nothing outside it.
    """
    parts = [
        '<div style="font-family:sans-serif;line-height:1.45;max-width:60em">',
        f"<p><b>{_verdict(report.verdict)}</b> {escape(report.subject)}</p>",
    ]
    if report.crash:
        parts.append(f"<pre>{escape(report.crash)}</pre>")
    if report.diagnoses:
        parts.append("<ul>")
        for diagnosis in distinct(report.diagnoses)[:3]:
            parts.append(
                f"<li><b>{escape(diagnosis.cause)}</b>: {_code(diagnosis.message)}<br>"
                f"<i>{_code(diagnosis.fix)}</i> <small>({diagnosis.confidence})</small></li>"
            )
        parts.append("</ul>")
    for finding in report.findings:
        parts.append(f"<p>{_verdict(finding.verdict)} <code>{escape(finding.gradient)}</code>")
        if finding.verdict == "wrong" and finding.numeric is not None:
            parts.append(f" {escape(whereabouts(finding, report._arrays))}</p>")
            parts.append(
                '<div style="display:flex;gap:2em;flex-wrap:wrap">'
                f"{heat_map(finding)}{scatter(finding)}</div>"
            )
        else:
            parts.append("</p>")
    parts.append(f"<p><small>{escape(report._footing())}</small></p></div>")
    return "".join(parts)


def heat_map(finding):
    """Return |yours - true| in the gradient's shape, laid out as a matrix, as SVG."""
    difference = np.abs(finding.claimed - finding.numeric)
    rows = difference.reshape(-1, difference.shape[-1]) if difference.ndim > 1 else difference[None]
    rows = np.atleast_2d(rows)
    rows = rows[:: -(-len(rows) // CELLS) or 1, :: -(-rows.shape[1] // CELLS) or 1]
    finite = rows[np.isfinite(rows)]
    top = finite.max() if finite.size and finite.max() > 0 else 1.0
    cell = max(4, min(18, 240 // max(rows.shape)))
    width, height = rows.shape[1] * cell, rows.shape[0] * cell
    squares = []
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            if np.isnan(value):  # an entry that was not looked at
                style = 'fill="none" stroke="currentColor" stroke-opacity="0.15"'
            else:
                strength = min(value / top, 1.0)
                style = f'fill="{COLOURS["wrong"]}" fill-opacity="{0.04 + 0.96 * strength:.2f}"'
            squares.append(
                f'<rect x="{j * cell}" y="{i * cell}" width="{cell - 1}" height="{cell - 1}" '
                f"{style}/>"
            )
    title = f"|{finding.gradient} - true|, at most {top:.3g}"
    return _figure("".join(squares), width, height, title)


def scatter(finding):
    """Return your entries against the true ones, as SVG; right ones lie on the diagonal."""
    true, yours = finding.numeric.ravel(), finding.claimed.ravel()
    known = np.flatnonzero(np.isfinite(true) & np.isfinite(yours))
    known = known[:: max(1, len(known) // DOTS)]
    true, yours = true[known], yours[known]
    top = float(max(np.abs(true).max(initial=0.0), np.abs(yours).max(initial=0.0))) or 1.0
    side = 220

    def place(value):
        return side * (0.5 + 0.46 * value / top)

    dots = [
        f'<circle cx="{place(a):.1f}" cy="{side - place(b):.1f}" r="3" '
        f'fill="{COLOURS["wrong" if bad else "right"]}" fill-opacity="0.7"/>'
        for a, b, bad in zip(true, yours, finding.wrong.ravel()[known])
    ]
    axes = (
        f'<path d="M0 {side / 2}H{side}M{side / 2} 0V{side}" stroke="currentColor" '
        'stroke-opacity="0.25"/>'
        f'<path d="M0 {side}L{side} 0" stroke="currentColor" stroke-opacity="0.6" '
        'stroke-dasharray="4 3"/>'
    )
    title = f"{finding.gradient}: yours (up) against true (right), to ±{top:.3g}"
    return _figure(axes + "".join(dots), side, side, title)


def _figure(content, width, height, title):
    return (
        f'<figure style="margin:0"><svg width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">{content}</svg>'
        f"<figcaption><small>{escape(title)}</small></figcaption></figure>"
    )


def _verdict(verdict):
    colour = COLOURS[verdict]
    return f'<span style="color:{colour};font-weight:bold">&#9679; {escape(verdict)}</span>'


def _code(text):
    """Escape a text, and set what stands between backquotes as code."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(pieces))
