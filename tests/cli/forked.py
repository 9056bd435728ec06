"""
Runs promo, or a program, in a process of little memory for each line that asks for it.

A request is a line of JSON: folder, program (a file, or empty for promo itself), words.  The answer is one as well: how
it ended, what it said, and the processor seconds it took.  Each is a fork of this process, which has imported what
commands import, so that a hundred of them do not start a hundred interpreters.
"""

import json
import os
import resource
import runpy
import signal
import sys
import tempfile

from promo.cli.main import COMMANDS, main

MEMORY, LONGEST_S = int(sys.argv[1]), int(sys.argv[2])


def child(folder: str, program: str, words: list[str], said: int) -> int:
    """What the fork does; its exit status."""
    signal.alarm(LONGEST_S)  # one that waits for a pipe never ends by itself
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(said, 1)
    os.dup2(said, 2)
    if not program:
        return main(words)
    sys.argv = [program, *words]
    try:
        runpy.run_path(program, run_name="__main__")
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def answer(folder: str, program: str, words: list[str]) -> dict[str, object]:
    """Fork, wait, and tell."""
    with tempfile.TemporaryFile() as said:
        number = os.fork()
        if not number:
            status = 70
            try:
                status = child(folder, program, words, said.fileno())
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
for line in sys.stdin:
    print(json.dumps(answer(*json.loads(line))), flush=True)
