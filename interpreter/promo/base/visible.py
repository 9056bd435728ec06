"""
Texts from outside to texts that can be put out: whatever has no shape of its own is written by its number.

A title, a label of a table, a cause or a path may hold characters that steer a terminal, end a line, turn the direction
of what follows, or are there and not seen.  None of them may speak for promo, so that terminal, Markdown, HTML, CSV and
pictures pass what they say through here.  Scripts stay as they are, with the joiners that some of them need.

Source: Unicode Standard Annex 9 (directional formatting), and its general categories Cc, Zl, Zp and Cs.
"""

import re

_HIDDEN = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff"
    "\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
"""Everything that steers or is not seen, but for tabs and the ends of lines; all of it is unprintable to Python."""


def visible(text: str) -> str:
    """A text with its lines and tabs, in which hidden characters are told: `[U+202E]`."""
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text  # nearly always; a pattern would cost a command two milliseconds
    return re.sub(_HIDDEN, lambda found: f"[U+{ord(found[0]):04X}]", text)


def on_one_line(text: str) -> str:
    """The same, with the ends of lines told as well."""
    return visible(text).replace("\n", "[U+000A]")
