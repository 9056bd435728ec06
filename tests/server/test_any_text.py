"""Whatever is typed, every question has an answer and no answer is an exception."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from promo.server.act import actions
from promo.server.colour import colour
from promo.server.complete import complete
from promo.server.diagnose import diagnose
from promo.server.hints import hints
from promo.server.hover import hover
from promo.server.navigate import Refused, definition, references, rename
from promo.server.outline import outline
from support import opened, spec

ROOT = Path(__file__).parents[2]
TEXTS = (
    spec(),
    (ROOT / "specs" / "staged_promotion.promo").read_text(encoding="utf-8"),
    (ROOT / "tests" / "syntax" / "good" / "everything.promo").read_text(encoding="utf-8"),
)
TYPED = st.sampled_from(
    ["", "\n", "{", "}", "[", '"', "#", " ", ",", "to ", "🎯", "\ud800", "\r", "\u2028", "9h", "gate "]
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(TEXTS), st.data())
def test_a_text_with_any_keystroke_answers_everything(text, data):
    cut = data.draw(st.integers(0, len(text)))
    dropped = data.draw(st.integers(0, 20))
    changed = text[:cut] + data.draw(TYPED) + text[cut + dropped :]
    document = opened(changed)
    offset = data.draw(st.integers(0, len(document.text)))

    diagnose(document)
    colours = colour(document)
    hints(document, 0, len(document.text))
    actions(document, offset, offset)
    complete(document, document.text, offset)
    for place in (cut, offset):
        hover(document, place)
        definition(document, place, None)
        references(document, place, declaration=True)
    try:
        rename(document, offset, "another_name", None)
    except Refused as refusal:
        assert str(refusal)

    assert len(colours) % 5 == 0 and min(colours, default=0) >= 0
    for symbol in outline(document):
        assert symbol.range.start <= symbol.selection_range.start <= symbol.selection_range.end <= symbol.range.end
