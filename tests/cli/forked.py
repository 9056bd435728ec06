"""
Runs promo, or a program, in a process of little memory for each line that asks for it.

A request is a line of JSON: folder, program (a file, or empty for promo itself), words.  The answer is one as well: how
it ended, what it said, and the processor seconds it took.  Each is a fork of this process, which has imported what
commands import, so that a hundred of them do not start a hundred interpreters.  It has also carried out the commands
that it was started with, in the folder that it was started in, so that none of them has to make classes and tables of
its own; and what a program is compiled to is kept.
"""

import contextlib
import gc
import json
import os
import resource
import signal
import sys
import tempfile
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType

from promo.cli.main import COMMANDS, main

MEMORY, LONGEST_S = int(sys.argv[1]), int(sys.argv[2])


@cache
def compiled(source: bytes) -> CodeType:
    """A program, which is the same in all copies of a study."""
    return compile(source, "program", "exec")


def child(folder: str, program: str, code: CodeType | None, words: list[str], said: int) -> int:
    """What the fork does; its exit status."""
    signal.alarm(LONGEST_S)  # one that waits for a pipe never ends by itself
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(said, 1)
    os.dup2(said, 2)
    if code is None:
        return main(words)
    sys.argv = [program, *words]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        exec(code, sys.modules["__main__"].__dict__)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def answer(folder: str, program: str, words: list[str]) -> dict[str, object]:
    """Fork, wait, and tell."""
    code = None
    if program:
        code = compiled(Path(program).read_bytes())
    with tempfile.TemporaryFile() as said:
        number = os.fork()
        if not number:
            status = 70
            try:
                status = child(folder, program, code, words, said.fileno())
            except BaseException:
                import traceback

                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        _, status, used = os.wait4(number, 0)
        said.seek(0)
        text = said.read().decode(errors="replace")
    return {"status": os.waitstatus_to_exitcode(status), "said": text, "cpu_s": used.ru_utime + used.ru_stime}


for command in {module for module, _, _ in COMMANDS.values()} - {"lsp", "serve", "simulate"}:
    __import__(f"promo.cli.{command}")
with Path(os.devnull).open("w") as nobody, contextlib.redirect_stdout(nobody), contextlib.redirect_stderr(nobody):
    for line in sys.argv[3:]:
        main(line.split())
gc.freeze()  # what lies there by now stays shared with every fork
for line in sys.stdin:
    print(json.dumps(answer(*json.loads(line))), flush=True)
