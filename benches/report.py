#!/usr/bin/env python3
"""Draws docs/speed.json: docs/speed-ratios.svg and docs/speed-curves.svg. Python 3.11, no packages.

    python3 benches/report.py [DOCS]
"""

import json
import math
import sys
from html import escape
from pathlib import Path

# One style for light and dark pages: the background is the page's own, the ink follows the reader's preference.
STYLE = """<style>
text { font-family: system-ui, "Segoe UI", Helvetica, Arial, sans-serif; font-size: 12px; fill: #24292f }
.title { font-weight: 600; font-size: 14px } .small { font-size: 11px; fill: #57606a }
.grid { stroke: #8c959f; stroke-opacity: .35 } .one { stroke: #24292f; stroke-dasharray: 3 3 } .spread { stroke: #24292f }
.goal { stroke: #24292f; stroke-width: 2 }
.a { fill: #0969da; stroke: #0969da } .b { fill: #bc4c00; stroke: #bc4c00 } .c { fill: #6e7781; stroke: #6e7781 }
.d { fill: #8250df; stroke: #8250df } path { fill: none !important; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .small { fill: #9da7b3 } .one, .spread, .goal { stroke: #e6edf3 }
.a { fill: #58a6ff; stroke: #58a6ff } .b { fill: #f0883e; stroke: #f0883e } .c { fill: #8b949e; stroke: #8b949e }
.d { fill: #bc8cff; stroke: #bc8cff } }
</style>"""


def text(x, y, words, anchor="start", kind=""):
    of = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{of}>{escape(words)}</text>'


def line(x1, y1, x2, y2, kind):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def svg(width, height, title, parts):
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">'
    return "\n".join([head, f"<title>{escape(title)}</title>", STYLE, *parts, "</svg>\n"])


def kind(name):
    """The colour of a contender: nanogram a, peers b, limits c, other ways of nanogram's d."""
    if name == "nanogram":
        return "a"
    if name.startswith("nanogram"):
        return "d"
    return "c" if name in ("serial AES", "hashes and AES") else "b"


def ratios(data):
    left, width, step = 290, 900, 17
    bars = [(row, rival) for row in data["rows"] for rival in row["contenders"][1:]]
    # What is beyond is told by its number.
    most = min(12, max(rival["times_as_long"][2] for _, rival in bars))
    least = min(0.3, min(rival["times_as_long"][0] for _, rival in bars))
    low, high = math.log(max(least * 0.9, 0.1)), math.log(most * 1.1)

    def x(ratio):
        ratio = min(max(ratio, 0.1), most)
        return left + (math.log(ratio) - low) / (high - low) * (width - left - 150)

    parts, y = [], 64
    top = y - 8
    group = None
    for row in data["rows"]:
        if row["group"] != group:
            group = row["group"]
            y += 12
            parts.append(text(12, y + 8, group, kind="title"))
            y += 18
        for i, rival in enumerate(row["contenders"][1:]):
            a, middle, b = rival["times_as_long"]
            if i == 0:
                parts.append(text(20, y + 9, row["work"]))
            edge, end = sorted((x(1), x(middle)))
            colour = kind(rival["name"])
            parts.append(f'<rect x="{edge:.1f}" y="{y}" width="{max(end - edge, 1):.1f}" height="11" class="{colour}" fill-opacity=".8"/>')
            parts.append(line(x(a), y + 5.5, x(b), y + 5.5, "spread"))
            right = max(x(b), x(1), end)
            goal = row.get("goal")
            if goal and goal["rival"] == rival["name"]:
                wanted = x(goal["times_as_long"])
                right = max(right, wanted)
                parts.append(line(wanted, y - 2, wanted, y + 13, "goal"))
            words = f"{middle:.2f} " + rival["name"].split(" (")[0].removeprefix("nanogram, ")
            parts.append(text(right + 6, y + 9, words, kind="small"))
            y += step
        y += 4
    grid = []
    for tick in (0.1, 0.2, 0.5, 1, 2, 3, 5, 10):
        if low <= math.log(tick) <= high:
            grid.append(line(x(tick), top, x(tick), y, "one" if tick == 1 else "grid"))
            grid.append(text(x(tick), top - 4, f"{tick:g}", "middle", "small"))
    head = [
        text(12, 20, "How many times as long the others take for the same work", kind="title"),
        text(12, 38, "1: as long as nanogram. Bars: median of the rounds; thin lines: 10th to 90th percentile; upright strokes: goal. The scale ends at 0.1 and 12.", kind="small"),
    ]
    return svg(width, y + 10, "nanogram beside its peers", head + grid + parts)


def curves(data):
    width, height, left, top, gap = 915, 470, 60, 70, 70
    w, h = (width - left - gap - 35) / 2, height - top - 90
    parts = [text(12, 20, "What a message costs by its size", kind="title"),
             text(12, 38, "Nanoseconds for each byte against bytes of the message; both scales are logarithmic.", kind="small")]
    for i, curve in enumerate(data["curves"]):
        x0 = left + i * (w + gap)
        per_byte = [[ns / size for ns, size in zip(l["ns"], curve["bytes"])] for l in curve["lines"]]
        low = math.log10(min(map(min, per_byte)) * 0.85)
        high = math.log10(max(map(max, per_byte)) * 1.15)
        first, last = math.log10(curve["bytes"][0]), math.log10(curve["bytes"][-1])

        def x(size):
            return x0 + (math.log10(size) - first) / (last - first) * w

        def y(cost):
            return top + h - (math.log10(cost) - low) / (high - low) * h

        parts.append(text(x0, top - 12, curve["work"], kind="title"))
        for power in range(-3, 4):
            for digit in (1, 2, 5):
                cost = digit * 10.0**power
                if low <= math.log10(cost) <= high:
                    parts.append(line(x0, y(cost), x0 + w, y(cost), "grid"))
                    parts.append(text(x0 - 6, y(cost) + 4, f"{cost:g}", "end", "small"))
        for size, name in ((16, "16 B"), (256, "256"), (4096, "4 KiB"), (65536, "64 KiB"), (1 << 20, "1 MiB"), (1 << 24, "16 MiB")):
            parts.append(line(x(size), top, x(size), top + h, "grid"))
            parts.append(text(x(size), top + h + 16, name, "middle", "small"))
        for n, (l, costs) in enumerate(zip(curve["lines"], per_byte)):
            points = " ".join(f"{'L' if k else 'M'}{x(s):.1f} {y(c):.1f}" for k, (s, c) in enumerate(zip(curve["bytes"], costs)))
            colour = kind(l["name"])
            dash = ' stroke-dasharray="6 4"' if colour == "c" else ""
            parts.append(f'<path d="{points}" class="{colour}"{dash}/>')
            lx, ly = x0 + (n % 2) * 200, top + h + 40 + (n // 2) * 18
            parts.append(f'<path d="M{lx:.1f} {ly - 4} h22" class="{colour}"{dash}/>')
            parts.append(text(lx + 28, ly, l["name"]))
    return svg(width, height, "cost against size", parts)


def main():
    docs = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent / "docs"
    data = json.loads((docs / "speed.json").read_text())
    (docs / "speed-ratios.svg").write_text(ratios(data))
    (docs / "speed-curves.svg").write_text(curves(data))


main()
