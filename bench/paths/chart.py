"""A chart as SVG text: lines over two axes, with a legend. Light and dark pages alike."""
import math

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 62, 150, 40, 52
COLOURS = {"paso": "#d9480f", "kernel BBR": "#1971c2", "kernel CUBIC": "#74b816", "kcptun": "#9c36b5"}
INK = "#868e96"


class Axis:
    """Values to places: `low` to `high`, with a label at each of `ticks`."""

    def __init__(self, low, high, ticks, title, log=False):
        self.ticks, self.title = ticks, title
        self.scale = math.log10 if log else float
        self.low, self.high = self.scale(low), self.scale(high)

    def share(self, value):
        return min(1, max(0, (self.scale(value) - self.low) / (self.high - self.low)))


def chart(title, x, y, lines):
    """`lines`: name to a list of points (x, y)."""
    place = lambda point: (LEFT + x.share(point[0]) * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - y.share(point[1]) * (HEIGHT - TOP - BOTTOM))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13" fill="{INK}">',
        text(LEFT, 22, title, size=15),
        *grid(x, y, place),
    ]
    for at, (name, points) in enumerate(lines.items()):
        colour = COLOURS.get(name, INK)
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in map(place, points))
        wide = 3 if name == "paso" else 1.8
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{wide}" stroke-linejoin="round"/>')
        if len(points) < 12:
            parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{wide + 0.7}" fill="{colour}"/>' for a, b in map(place, points)]
        row = TOP + 12 + at * 22
        parts.append(f'<line x1="{WIDTH - RIGHT + 16}" x2="{WIDTH - RIGHT + 40}" y1="{row}" y2="{row}" stroke="{colour}" stroke-width="{wide}"/>')
        parts.append(text(WIDTH - RIGHT + 48, row + 4, name, colour))
    return "\n".join([*parts, "</svg>", ""])


def grid(x, y, place):
    bottom, left = HEIGHT - BOTTOM, LEFT
    for value, label in x.ticks:
        a = place((value, 1))[0]
        yield f'<line x1="{a:.1f}" x2="{a:.1f}" y1="{TOP}" y2="{bottom}" stroke="{INK}" stroke-opacity="0.18"/>'
        yield text(a, bottom + 18, label, anchor="middle")
    for value, label in y.ticks:
        b = place((1, value))[1]
        yield f'<line x1="{left}" x2="{WIDTH - RIGHT}" y1="{b:.1f}" y2="{b:.1f}" stroke="{INK}" stroke-opacity="0.18"/>'
        yield text(left - 8, b + 4, label, anchor="end")
    yield text((left + WIDTH - RIGHT) / 2, HEIGHT - 12, x.title, anchor="middle")
    yield f'<text transform="translate(16 {(TOP + bottom) / 2}) rotate(-90)" text-anchor="middle">{y.title}</text>'


def text(x, y, words, colour=INK, size=13, anchor="start"):
    words = words.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size}" text-anchor="{anchor}">{words}</text>'
