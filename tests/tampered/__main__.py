"""`python tests/tampered [WORD...]`: tamper in every way, or in those that have a word, and print who finds what."""

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


def main(words: list[str]) -> None:
    """Do everything, and print a line for each."""
    import studies
    from tampered import KINDS, ONLY_BY_VERIFY, SOUND, both, tampered

    place = Path(tempfile.mkdtemp())
    made: set[str] = set()
    found = [0, 0, 0]
    print(f"{'what was done':48} {'study':14} verify   recheck")
    for name, (study, change) in {**KINDS, **ONLY_BY_VERIFY, **SOUND}.items():
        if words and not any(word in name for word in words):
            continue
        if study not in made:
            made.add(study)
            (place / study).mkdir()
            os.chdir(place / study)
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
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
        found = [found[0] + 1, found[1] + (first == 1), found[2] + (second == 1)]
    print(f"{found[0]} ways; verify finds {found[1]}, recheck {found[2]}; {len(SOUND)} of them are none to be found")
    shutil.rmtree(place)


main(sys.argv[1:])
