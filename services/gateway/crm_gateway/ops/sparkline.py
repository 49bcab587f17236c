"""A small drawing of how a figure went over the last hour."""

from itertools import pairwise

from crm_gateway.ops.overview import Points

WIDTH, HEIGHT = 120.0, 24.0


def path_of(points: Points) -> str:
    """The `d` of an SVG path through the points, in a box of WIDTH by HEIGHT.

    Its bottom is 0, its top the highest value; a gap of more than three steps stays one.
    """
    first, last = points[0][0], points[-1][0]
    highest = max(value for _, value in points)
    span, step = last - first, min(late - early for (early, _), (late, _) in pairwise(points))
    told: list[str] = []
    before: float | None = None
    for at, value in points:
        x = (at - first) / span * WIDTH
        y = HEIGHT - 1 - (value / highest if highest > 0 else 0.0) * (HEIGHT - 2)
        is_gap = before is None or at - before > 3 * step
        told.append(f"{'M' if is_gap else 'L'}{x:.1f} {y:.1f}")
        before = at
    return "".join(told)
