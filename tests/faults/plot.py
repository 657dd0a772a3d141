"""plot - samples over time as an SVG that can be read: a panel a quantity, a mark a fault.

    save(path, title, panels, marks)

`panels` is [(name, [(minute, value)])], `marks` is [(minute, name)]. Faults of one name share a
letter, which the legend at the foot explains.
"""
from xml.sax.saxutils import escape

WIDTH, PANEL, LEFT, RIGHT, TOP, GAP, FOOT = 1000, 110, 90, 30, 64, 34, 92
COLOURS = ["#1f5fa8", "#2a7f3f", "#7a3f9d", "#b3541e", "#8a6d00"]
MOST_POINTS = 1200
LEGEND_COLUMNS = 4


def _ticks(top):
    """About four round numbers from 0 to the top."""
    step = 10 ** len(str(int(max(1, top)))) / 100
    for factor in (1, 2, 5, 10, 20, 50, 100):
        if top / (step * factor) <= 4:
            return [step * factor * i for i in range(int(top / (step * factor)) + 1)]
    return [0, top]


def _thin(points):
    """So few that the file stays small; what stands out stays."""
    width = -(-len(points) // MOST_POINTS)
    return [max(points[at:at + width], key=lambda point: point[1])
            for at in range(0, len(points), width)]


def _number(value):
    for size, unit in ((1e6, " M"), (1e3, " k")):
        if value >= size:
            return "%g%s" % (round(value / size, 2), unit)
    return "%g" % value


def _text(x, y, text, **style):
    words = " ".join('%s="%s"' % (name.replace("_", "-"), value) for name, value in style.items())
    return '<text x="%.1f" y="%.1f" %s>%s</text>' % (x, y, words, escape(text))


def _line(x1, y1, x2, y2, colour):
    return '<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>' % (x1, y1, x2, y2, colour)


class _Chart:
    def __init__(self, minutes, letters):
        self.minutes, self.letters = max(minutes, 0.1), letters
        self.parts = []

    def x(self, minute):
        return LEFT + (WIDTH - LEFT - RIGHT) * minute / self.minutes

    def marks(self, marks, bottom):
        for minute, name in marks:
            self.parts.append(_line(self.x(minute), TOP - 18, self.x(minute), bottom, "#f0d2d2"))
            self.parts.append(_text(self.x(minute), TOP - 20, self.letters[name], font_size=10,
                                    fill="#a33", text_anchor="middle"))

    def panel(self, at, name, points):
        bottom = TOP + (PANEL + GAP) * at + PANEL
        top = max([value for _, value in points] + [1]) * 1.1
        for tick in _ticks(top):
            y = bottom - PANEL * tick / top
            self.parts.append(_line(LEFT, y, WIDTH - RIGHT, y, "#e4e4e4"))
            self.parts.append(_text(LEFT - 8, y + 4, _number(tick), text_anchor="end",
                                    font_size=11, fill="#555"))
        self.parts.append(_text(LEFT, bottom - PANEL - 5, name, font_weight="bold",
                                font_size=12, fill=COLOURS[at % len(COLOURS)]))
        path = " ".join("%.1f,%.1f" % (self.x(minute), bottom - PANEL * value / top)
                        for minute, value in _thin(points))
        self.parts.append('<polyline fill="none" stroke-width="1.3" stroke="%s" points="%s"/>' %
                          (COLOURS[at % len(COLOURS)], path))

    def axis(self, bottom):
        step = 10 if self.minutes > 20 else 1
        for minute in range(0, int(self.minutes + 0.5) + 1, step):
            self.parts.append(_text(self.x(minute), bottom + 16, "%d min" % minute,
                                    text_anchor="middle", font_size=11, fill="#555"))

    def legend(self, y):
        for at, (name, letter) in enumerate(self.letters.items()):
            self.parts.append(_text(
                LEFT + at % LEGEND_COLUMNS * (WIDTH - LEFT) / LEGEND_COLUMNS,
                y + at // LEGEND_COLUMNS * 15, "%s  %s" % (letter, name), font_size=11,
                fill="#a33"))


def save(path, title, panels, marks):
    letters = {name: chr(ord("a") + at) for at, name in enumerate(sorted({n for _, n in marks}))}
    chart = _Chart(max(minute for minute, _ in panels[0][1]), letters)
    bottom = TOP + len(panels) * (PANEL + GAP) - GAP
    chart.marks(marks, bottom)
    for at, (name, points) in enumerate(panels):
        chart.panel(at, name, points)
    chart.axis(bottom)
    chart.legend(bottom + 38)
    chart.parts.append(_text(LEFT, 26, title, font_size=15, font_weight="bold", fill="#222"))
    height = bottom + FOOT
    with open(path, "w", encoding="utf-8") as file:
        file.write('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" '
                   'font-family="sans-serif">\n<rect width="100%%" height="100%%" fill="#fff"/>\n'
                   '%s\n</svg>\n' % (WIDTH, height, "\n".join(chart.parts)))
