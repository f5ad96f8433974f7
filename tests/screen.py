"""screen.py -- reads the text on a booted machine's screen: QMP's picture of it, cell by cell against the glyphs of drivers/font.c.

The layout is that of drivers/framebuffer.c: cells of 6 by 9 dots, a dot `scale` pixels square, the first cell in the corner.
"""
import os
import re

CELL_X, CELL_Y, GLYPH_ROWS = 6, 9, 8
INK = b"\xc8\xc8\xc8"


def font():
    with open("drivers/font.c") as f:
        rows = re.findall(r"^\s*\{([ \d,]+)\},", f.read(), re.M)
    assert len(rows) == 95
    return {tuple(int(n) for n in row.split(",")): chr(32 + i) for i, row in enumerate(rows)}


class Picture:
    """A screen dump: width, height, and rows of 3 bytes a pixel."""

    def __init__(self, machine):
        path = f"{machine.directory.name}/screen.ppm"
        machine.monitor("screendump", filename=path)
        with open(path, "rb") as f:
            data = f.read()
        os.remove(path)
        head = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", data)
        self.width, self.height = int(head[1]), int(head[2])
        self.pixels = data[head.end():]
        assert len(self.pixels) == 3 * self.width * self.height

    def ink(self, x, y):
        at = 3 * (y * self.width + x)
        return self.pixels[at:at + 3] == INK

    def scale(self):
        return max(1, min(8, self.height // 400))

    def text(self):
        """Its lines, without blanks at their ends; a cell that is no glyph shows as U+FFFD."""
        scale, glyphs = self.scale(), font()
        lines = []
        for row in range(self.height // (CELL_Y * scale)):
            line = ""
            for column in range(self.width // (CELL_X * scale)):
                x0, y0 = column * CELL_X * scale, row * CELL_Y * scale
                # The middle of each dot.
                dots = tuple(sum(self.ink(x0 + x * scale + scale // 2, y0 + y * scale + scale // 2) << (4 - x) for x in range(5))
                             for y in range(GLYPH_ROWS))
                line += glyphs.get(dots, "\ufffd")
            lines.append(line.rstrip())
        return lines
