"""
Coverage-guided fuzzing of the front end: bytes of any kind through decoding, parser, formatter, checks and plan.

    python tests/syntax/fuzz.py [-max_total_time=600] [FOLDER ...]

Options are libFuzzer's.  Seeds are `tests/syntax/corpus/`, the example specs and the bad ones; new inputs that reach
new code are kept in the first FOLDER, or nowhere.  The harness fails when anything but diagnostics comes out, when
a text that cannot be read is laid out, when formatting twice changes a text, or when it changes what a text means.
Needs atheris (`pip install '.[test]'`, CPython on Linux).
"""

import re
import sys
import tempfile
from pathlib import Path

import atheris

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "plugin")]

with atheris.instrument_imports(include=["promo"]):
    from promo.base.errors import SpecError
    from promo.driver.pipeline import compile_source
    from promo.files import decode_source
    from promo.syntax.format import format_text
    from promo.syntax.parse import parse


def one_input(data: bytes) -> None:
    """Everything a reading command does with the bytes of a file."""
    try:
        source = decode_source("fuzz.promo", data)
    except SpecError:
        return
    compiled = compile_source(source, Path("/nonexistent"), None)
    for found in compiled.diagnostics:
        assert 0 <= found.span.start <= found.span.end <= len(found.span.source.text) + 1, found
    laid_out, parsed = format_text(source), parse(source)
    assert (laid_out is None) is bool(parsed.diagnostics), "a text is laid out when it can be read, and only then"
    if laid_out is not None:
        once = decode_source("fuzz.promo", laid_out.encode())
        assert format_text(once) == once.text, "formatting twice changes the text"
        assert parse(once).tree.root == parsed.tree.root, "formatting changes the tree"


def seeds(folder: Path) -> None:
    """Write every known text into a folder."""
    texts = [path.read_bytes() for path in [*ROOT.glob("specs/*.promo"), *HERE.glob("good/*.promo")]]
    texts += [path.read_bytes() for path in sorted((HERE / "corpus").iterdir())]
    for path in sorted((HERE.parent / "study" / "bad").glob("*.promo")):
        texts += re.split(rb"^---\n", path.read_bytes(), flags=re.MULTILINE)
    for number, text in enumerate(texts):
        (folder / f"seed-{number:04}").write_bytes(text)


def main() -> None:
    """Fuzz."""
    grammar = (ROOT / "grammar" / "promo.lark").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "seeds").mkdir()
        seeds(place / "seeds")
        words = sorted(set(re.findall(r'"([a-z]{2,})"', grammar)))
        (place / "words").write_text("".join(f'"{word}"\n' for word in words), encoding="utf-8")
        options = [f"-dict={place / 'words'}", "-max_len=4096", "-timeout=20", "-rss_limit_mb=1024"]
        folders = [word for word in sys.argv[1:] if not word.startswith("-")]
        chosen = [word for word in sys.argv[1:] if word.startswith("-")]
        atheris.Setup([sys.argv[0], *options, *chosen, *folders, str(place / "seeds")], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
