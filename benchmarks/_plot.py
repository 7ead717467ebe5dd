"""A small plot as SVG text: panels of lines over logarithmic axes, readable on light and dark pages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 380, 190
LEFT, TOP, GAP_X, GAP_Y = 58, 92, 78, 62
_STYLE = """
svg{background:#fff;color:#1c2330;font:12px system-ui,sans-serif}
text{fill:currentColor}.soft{opacity:.65}.head{font-weight:600;font-size:14px}.title{font-weight:600;font-size:17px}
.grid{stroke:currentColor;opacity:.13}.base{stroke:currentColor;opacity:.6;stroke-dasharray:5 4}
.s0{--c:#0b66c3}.s1{--c:#b3541e}.s2{--c:#157a4a}.s3{--c:#8a2fa8}
.line{fill:none;stroke:var(--c);stroke-width:2.2}.dot{fill:var(--c)}
@media(prefers-color-scheme:dark){svg{background:#12161d;color:#e6e9ef}
.s0{--c:#6cb2ff}.s1{--c:#f0a070}.s2{--c:#5fd39a}.s3{--c:#d596ee}}
"""


class Series(NamedTuple):
    name: str
    points: Sequence[tuple[float, float]]


class Panel(NamedTuple):
    """``base`` is a level drawn across the panel, such as that of the plainest way."""

    title: str
    series: Sequence[Series]
    base_name: str = ""
    base: float | None = None


class Axis:
    """Maps values onto pixels, whole decades marked."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        low, high = math.log10(min(values)), math.log10(max(values))
        self._low, self._high = math.floor(low + 1e-9), max(math.ceil(high - 1e-9), math.floor(low) + 1)
        self._start, self._end = start, end

    def at(self, value: float) -> float:
        share = (math.log10(value) - self._low) / (self._high - self._low)
        return round(self._start + share * (self._end - self._start), 1)

    @property
    def ticks(self) -> list[float]:
        return [10.0**power for power in range(self._low, self._high + 1)]


def draw(title: str, columns: Sequence[str], panels: Sequence[Panel], x_name: str) -> str:
    """Panels row by row under so many columns."""
    rows = -(-len(panels) // len(columns))
    width = LEFT + len(columns) * (WIDTH + GAP_X) - GAP_X + 24
    height = TOP + rows * (HEIGHT + GAP_Y) + 8
    names = list(dict.fromkeys(series.name for panel in panels for series in panel.series))
    box = f"0 0 {width} {height}"
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" role="img" aria-label="{escape(title)}">',
        f"<style>{_STYLE}</style>",
        f'<text class="title" x="{LEFT}" y="24">{escape(title)}</text>',
    ]
    x = float(LEFT)
    for number, name in enumerate(names):
        out.append(f'<g class="s{number % 4}"><circle class="dot" cx="{x + 5}" cy="44" r="5"/></g>')
        out.append(f'<text x="{x + 15}" y="48">{escape(name)}</text>')
        x += 34 + 7 * len(name)
    base = next((panel.base_name for panel in panels if panel.base is not None), "")
    if base:
        out.append(f'<path class="base" d="M{x} 44h22"/><text x="{x + 28}" y="48">{escape(base)}</text>')
    for number, name in enumerate(columns):
        out.append(f'<text class="head" x="{LEFT + number * (WIDTH + GAP_X)}" y="72">{escape(name)}</text>')
    for number, panel in enumerate(panels):
        row, column = divmod(number, len(columns))
        out += _panel(panel, names, LEFT + column * (WIDTH + GAP_X), TOP + row * (HEIGHT + GAP_Y), x_name)
    return "\n".join([*out, "</svg>", ""])


def _panel(panel: Panel, names: list[str], left: float, top: float, x_name: str) -> list[str]:
    points = [point for series in panel.series for point in series.points]
    if not points:
        return []
    values = [y for _, y in points] + ([panel.base] if panel.base is not None else [])
    across = Axis([x for x, _ in points], left + 14, left + WIDTH - 14)
    up = Axis(values, top + HEIGHT, top + 18)
    out = [f'<text x="{left}" y="{top + 8}">{escape(panel.title)}</text>']
    for tick in up.ticks:
        y = up.at(tick)
        out.append(f'<path class="grid" d="M{left} {y}h{WIDTH}"/>')
        out.append(f'<text class="soft" x="{left - 6}" y="{y + 4}" text-anchor="end">{tick:,g}</text>')
    for tick in across.ticks:
        x = across.at(tick)
        out.append(f'<path class="grid" d="M{x} {top + 18}V{top + HEIGHT}"/>')
        out.append(f'<text class="soft" x="{x}" y="{top + HEIGHT + 16}" text-anchor="middle">{tick:,.0f}</text>')
    out.append(
        f'<text class="soft" x="{left + WIDTH / 2}" y="{top + HEIGHT + 32}" text-anchor="middle">{x_name}</text>'
    )
    if panel.base is not None:
        out.append(f'<path class="base" d="M{left} {up.at(panel.base)}h{WIDTH}"/>')
    for series in panel.series:
        if not series.points:
            continue
        path = "L".join(f"{across.at(x)} {up.at(y)}" for x, y in series.points)
        dots = "".join(f'<circle class="dot" cx="{across.at(x)}" cy="{up.at(y)}" r="3"/>' for x, y in series.points)
        out.append(f'<g class="s{names.index(series.name) % 4}"><path class="line" d="M{path}"/>{dots}</g>')
    return out
