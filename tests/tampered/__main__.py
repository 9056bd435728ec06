"""
`python tests/tampered [WORD...]`: tamper in every way, or in those that have a word, and print who finds what.

At the end stands the table of tests/README.md.
"""

import contextlib
import io
import os
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "plugin")]
os.environ["PYTHONPATH"] = str(HERE.parent / "plugin")

NONE = "changes that are none, or that nobody can see from inside"


def main(words: list[str]) -> None:
    """Do everything, and print a line for each."""
    import studies
    from tampered import ABOUT, KINDS, ONLY_BY_VERIFY, SOUND, about, both, tampered

    place, nowhere = Path(tempfile.mkdtemp()), Path(os.devnull).open("w")  # noqa: SIM115 - processes write there too
    made: set[str] = set()
    found = {words: [0, 0, 0] for words in (*ABOUT.values(), NONE)}
    print(f"{'what was done':48} {'study':14} verify   recheck")
    for name, (study, change) in {**KINDS, **ONLY_BY_VERIFY, **SOUND}.items():
        if words and not any(word in name for word in words):
            continue
        if study not in made:
            made.add(study)
            (place / study).mkdir()
            os.chdir(place / study)
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(nowhere):
                studies.STUDIES[study][0]()
        folder = place / "copy" / "trial.study"
        shutil.rmtree(folder.parent, ignore_errors=True)
        shutil.copytree(place / study / "trial.study", folder, symlinks=True)
        tampered(folder, change)
        first, second, *said = both(folder)
        answers = ["finds it" if code == 1 else f"({code})" for code in (first, second)]
        print(f"{name:48} {study:14} {answers[0]:9}{answers[1]}", flush=True)
        if words:
            lines = (line for text in said for line in text.splitlines() if "DIFFERS" in line)
            print("\n".join(f"    {line}" for line in lines))
        row = found[NONE if name in SOUND else about(name)]
        row[:] = [row[0] + 1, row[1] + (first == 1), row[2] + (second == 1)]
    print("\n| about | ways tried | found by verify | found by recheck |\n|---|---|---|---|")
    print("\n".join(f"| {said} | {row[0]} | {row[1]} | {row[2]} |" for said, row in found.items()))
    shutil.rmtree(place)


main(sys.argv[1:])
