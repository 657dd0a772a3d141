#!/usr/bin/env python3
"""flamegraph - where the pipeline's CPU goes, as a picture.

  tests/bench/flamegraph.py perf-script.txt OUT.svg TITLE

Reads what `perf script` prints of a recording with call chains. The lowest boxes are threads, each above
them a function, as wide as the samples in which it was on the stack; what it called stands on it. Frames that
a chain begins with and that say nothing of ours are left out. How to record: docs/performance.md.
"""
import html
import re
import sys

WIDTH, ROW, LEAST_PX, CHAR_PX = 1200, 17, 0.4, 6.6
HUES = {"yyjson": 200, "rd_": 30, "rdk_": 30, "decode": 150, "event_": 150, "json": 200}
STARTS = ("clone3", "__clone3", "start_thread", "_thrd_wrapper_function", "__libc_start_main",
          "__libc_start_call_main", "_start", "__clone3_internal")
FRAME = re.compile(r"^\s+[0-9a-f]+ (.+?)(?:\+0x[0-9a-f]+)? \(([^)]*)\)$")


class Node:
    def __init__(self):
        self.samples = 0
        self.children = {}

    def add(self, frames):
        self.samples += 1
        if frames:
            self.children.setdefault(frames[0], Node()).add(frames[1:])

    def depth(self):
        return 1 + max((child.depth() for child in self.children.values()), default=0)


def stacks(lines):
    """One list a sample: the thread, then functions, the outermost first."""
    frames, name = [], ""
    for line in lines:
        found = FRAME.match(line)
        if found:
            frames.append(_readable(*found.groups()))
        elif line.strip():
            name = line.split()[0]
        elif frames:
            yield [name] + [frame for frame in frames[::-1] if frame not in STARTS]
            frames = []


def _readable(function, place):
    if "kernel" in place or place.startswith("["):
        return "kernel"
    return function if function != "[unknown]" else place.rsplit("/", 1)[-1]


def merged(frames):
    """The kernel's own calls are one box."""
    return [frame for at, frame in enumerate(frames)
            if frame != "kernel" or at == 0 or frames[at - 1] != "kernel"]


def colour(name):
    if name == "kernel":
        return "hsl(0,0%,72%)"
    hue = next((hue for start, hue in HUES.items() if start in name), 90)
    return "hsl(%d,60%%,%d%%)" % (hue, 66 + sum(name.encode()) % 12)


def boxes(node, left, level, scale, out):
    for name in sorted(node.children):
        child = node.children[name]
        width = child.samples * scale
        if width >= LEAST_PX:
            out.append((left, level, width, name, child.samples))
            boxes(child, left, level + 1, scale, out)
        left += width


def draw(root, title):
    height = (root.depth() + 1) * ROW + 10
    found = []
    boxes(root, 0, 0, WIDTH / max(root.samples, 1), found)
    lines = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="monospace" '
             'font-size="11">' % (WIDTH, height),
             '<rect width="100%" height="100%" fill="#fff"/>',
             '<text x="4" y="14">%s: %d samples</text>' % (html.escape(title), root.samples)]
    for left, level, width, name, samples in found:
        top = height - (level + 1) * ROW - 4
        text = "%s, %.1f %%" % (html.escape(name), 100 * samples / root.samples)
        room = int(width / CHAR_PX)
        lines.append('<g><title>%s</title><rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s" '
                     'stroke="#fff" stroke-width=".5"/>' % (text, left, top, width, ROW - 1,
                                                           colour(name)))
        if room > 3:
            lines.append('<text x="%.1f" y="%d">%s</text>' % (left + 2, top + 12,
                                                             html.escape(name[:room])))
        lines.append("</g>")
    return "\n".join(lines) + "\n</svg>\n"


def make(script, out, title):
    root = Node()
    with open(script, encoding="utf-8", errors="replace") as file:
        for frames in stacks(file):
            root.add(merged(frames))
    if root.samples == 0:
        sys.exit("flamegraph: no samples with call chains in %s" % script)
    with open(out, "w", encoding="utf-8") as file:
        file.write(draw(root, title))


if __name__ == "__main__":
    make(*sys.argv[1:4])
