"""Pictures read back as XML: whether anything in them is cut off, and where their marks are."""

import re
import xml.etree.ElementTree as ET

from hypothesis import strategies as st

from promo.report.canvas import FONT, width_of

FINITE = st.floats(allow_nan=False, allow_infinity=False)
NAME = st.text(st.characters(codec="utf-8"), max_size=120)
NAMES = ["base", "good", "<poor>", "w" * 60, "plain"]


class Picture:
    """A picture as XML: its size, its texts and its paths."""

    def __init__(self, svg):
        self.svg = svg
        root = ET.fromstring(svg)
        self.left, self.top, width, height = map(float, root.get("viewBox").split())
        self.right, self.bottom = self.left + width, self.top + height
        self.label, self.root = root.get("aria-label"), root
        self.texts = [one for one in root.iter() if one.tag.endswith("text")]
        self.paths = [one.get("d") for one in root.iter() if one.tag.endswith("path")]
        self.words = [one.text or "" for one in self.texts]

    def cut_off(self):
        """Texts and paths of which a part lies outside of the picture."""
        for one in self.texts:
            start, wide = float(one.get("x")), width_of(one.text or "", bold=one.get("class") == "head")
            start -= {"middle": wide / 2, "end": wide}.get(one.get("text-anchor"), 0.0)
            y = float(one.get("y"))
            if not (self.left - 1 <= start and start + wide <= self.right + 1 and FONT * 0.7 <= y <= self.bottom - 2):
                yield one.text
        for path in self.paths:
            for x, y in moves(path):
                if not (self.left <= x <= self.right and self.top <= y <= self.bottom):
                    yield path

    def marks(self, candidate_or_colour):
        """Middles of the marks of a colour."""
        found = [one for one in self.root.iter() if one.get("class") == f"c{candidate_or_colour}"]
        return [at for one in found if one.get("fill") == "currentColor" for at in moves(one.get("d"))]


def moves(path):
    """Where the parts of a path begin."""
    return [tuple(map(float, part)) for part in re.findall(r"M(-?[\d.]+) (-?[\d.]+)", path)]


def whole(svg, says="What it shows"):
    """A picture that is one, says what it shows and has nothing cut off."""
    picture = Picture(svg)

    assert all(re.fullmatch(r"[-MLCVhlmavz0-9. ]+", path) for path in picture.paths)  # no nan, no inf, no 1e+20
    assert picture.label.startswith(says)
    assert list(picture.cut_off()) == []
    return picture
