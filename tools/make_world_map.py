"""Draws src/shoal/web/world.svg: the land as one path, and a point for every country.

    python tools/make_world_map.py WORLD_ATLAS ISO_CODES

WORLD_ATLAS is the unpacked npm package world-atlas (Natural Earth, public domain), ISO_CODES the file codes.json of the
npm package i18n-iso-countries, which says that 276 is DE. Land without borders: a circle says where an exit is, and the
map takes no side in anybody's quarrel. Both packages are needed only here.
"""

from __future__ import annotations

import itertools
import json
import math
import sys
from pathlib import Path
from typing import Any

WIDTH, HEIGHT = 960.0, 420.0
SOUTH = -57.0
"""Degrees: nobody's proxy stands in Antarctica."""
A1, A2, A3, A4 = 1.340264, -0.081106, 0.000893, 0.003796
"""Coefficients of the Equal Earth projection (Šavrič, Patterson, Jenny: International Journal of Geographical
Information Science, 2019)."""
Point = tuple[float, float]
Ring = list[Point]


def project(longitude: float, latitude: float) -> Point:
    """Where a place is on an equal-area map, in its own units."""
    theta = math.asin(math.sqrt(3.0) / 2.0 * math.sin(math.radians(latitude)))
    t2 = theta * theta
    t6 = t2 * t2 * t2
    slope = 9 * A4 * t6 * t2 + 7 * A3 * t6 + 3 * A2 * t2 + A1
    x = 2.0 * math.sqrt(3.0) * math.radians(longitude) * math.cos(theta) / (3.0 * slope)
    return x, theta * (A4 * t6 * t2 + A3 * t6 + A2 * t2 + A1)


LEFT, TOP = project(-180.0, 0.0)[0], project(0.0, 84.0)[1]
SCALE = min(WIDTH / (2.0 * -LEFT), HEIGHT / (TOP - project(0.0, SOUTH)[1]))


def place(longitude: float, latitude: float) -> Point:
    """The same in pixels of the drawing."""
    x, y = project(longitude, latitude)
    return x * SCALE + WIDTH / 2.0, (TOP - y) * SCALE


def rings_of(world: dict[str, Any], geometry: dict[str, Any]) -> list[Ring]:
    """The outer and inner lines of a shape, in degrees."""
    (kx, ky), (tx, ty) = world["transform"]["scale"], world["transform"]["translate"]

    def arc(number: int) -> Ring:
        x = y = 0
        points = []
        for dx, dy in world["arcs"][number if number >= 0 else ~number]:
            x, y = x + dx, y + dy
            points.append((x * kx + tx, y * ky + ty))
        return points if number >= 0 else points[::-1]

    polygons = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
    return [
        [point for part, number in enumerate(ring) for point in arc(number)[1 if part else 0 :]]
        for polygon in polygons
        for ring in polygon
    ]


def unrolled(ring: Ring) -> list[Ring]:
    """A ring that crosses the 180th meridian as pieces on either side of it."""
    line: Ring = []
    turn = 0.0
    for longitude, latitude in ring:
        if line:
            turn += 360.0 * (longitude + turn - line[-1][0] < -180.0) - 360.0 * (longitude + turn - line[-1][0] > 180.0)
        line.append((longitude + turn, latitude))
    copies = ([(longitude + shift, latitude) for longitude, latitude in line] for shift in (-360.0, 0.0, 360.0))
    return [piece for copy in copies if (piece := clipped(clipped(copy, -180.0, 1.0), 180.0, -1.0))]


def clipped(ring: Ring, edge: float, side: float) -> Ring:
    """What of a ring lies east (``side`` 1) or west (-1) of a meridian."""
    kept: Ring = []
    for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], *ring[:1]], strict=True):
        if (x0 - edge) * side >= 0.0:
            kept.append((x0, y0))
        if (x0 - edge) * (x1 - edge) < 0.0:
            kept.append((edge, y0 + (edge - x0) / (x1 - x0) * (y1 - y0)))
    return kept


def measure(ring: Ring) -> tuple[float, Point]:
    """Area and centre of gravity of a ring in pixels."""
    area = x = y = 0.0
    for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], ring[0]], strict=True):
        cross = x0 * y1 - x1 * y0
        area, x, y = area + cross, x + (x0 + x1) * cross, y + (y0 + y1) * cross
    if abs(area) < 1e-9:
        return 0.0, ring[0]
    return abs(area) / 2.0, (x / (3.0 * area), y / (3.0 * area))


def drawn(ring: Ring) -> str:
    """A ring as path commands, relative and in tenths of a pixel, points that fall together left out."""
    steps: list[tuple[int, int]] = []
    last = None
    for point in ring:
        here = (round(point[0] * 10), round(point[1] * 10))
        if here != last:
            steps.append(here)
            last = here
    if len(steps) < 4:
        return ""
    text = [f"M{steps[0][0]} {steps[0][1]}l"]
    for (x0, y0), (x1, y1) in itertools.pairwise(steps):
        text.append(f"{x1 - x0}{'' if y1 - y0 < 0 else ' '}{y1 - y0} ")
    return "".join(text).rstrip() + "z"


def main() -> None:
    atlas, codes = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    letters = {number: two for two, _, number, _ in codes}
    coarse = json.loads((atlas / "land-110m.json").read_text())
    land = "".join(
        drawn([place(*point) for point in ring])
        for geometry in coarse["objects"]["land"]["geometries"]
        for whole in rings_of(coarse, geometry)
        if max(latitude for _, latitude in whole) > SOUTH
        for ring in unrolled(whole)
    )
    fine = json.loads((atlas / "countries-50m.json").read_text())
    points: dict[str, tuple[float, Point]] = {}
    for geometry in fine["objects"]["countries"]["geometries"]:
        code = "XK" if geometry["properties"]["name"] == "Kosovo" else letters.get(geometry.get("id", ""))
        if code is None or code == "AQ":
            continue
        pieces = (piece for ring in rings_of(fine, geometry) for piece in unrolled(ring))
        best = max(measure([place(*point) for point in piece]) for piece in pieces)
        points[code] = max(best, points.get(code, (0.0, (0.0, 0.0))))
    circles = "".join(
        f'<circle id="{code}" cx="{x:.0f}" cy="{y:.0f}" r="0"/>\n' for code, (_, (x, y)) in sorted(points.items())
    )
    target = Path(__file__).parents[1] / "src/shoal/web/world.svg"
    target.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}">\n'
        "<!-- Made by tools/make_world_map.py from Natural Earth (public domain). -->\n"
        f'<path id="land" transform="scale(.1)" d="{land}"/>\n<g id="points">\n{circles}</g>\n</svg>\n'
    )
    print(f"{target.name}: {target.stat().st_size} bytes, {len(points)} countries")


if __name__ == "__main__":
    main()
