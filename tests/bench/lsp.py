"""
The language server as an editor meets it: start-up, and from a keystroke to its diagnostics.

    python tests/bench/lsp.py [--runs 20] [--here]

A wheel is built and installed with the extra `lsp` into a virtual environment of its own, with byte code; `--here`
takes this Python instead.  A real process is driven over standard input and output.  "Pause" is one keystroke after a
pause of 100 ms; "burst" is the last of ten keystrokes that follow each other after 5 ms, from which on the server
waits 50 ms before it checks; "mistake" is a pause where the keystroke makes the text wrong.  Milliseconds, wall-clock;
"processor" is the server's processor time for one keystroke after a pause, the mean of all of them.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from startup import HEAD, install

START = "import sys; from promo.cli.main import main; sys.exit(main(['lsp']))"
LINES = (140, 1_000, 10_000)
URI = "file:///bench/bench.promo"

LADDER = """
cohort six_{n} {{
  members  {names}
  expect   6 candidates
}}

stage short_{n} {{
  train    six_{n} for 5min
  on       a100
  seeds    {seed}, {seed}1
}}

stage long_{n} {{
  after    pick_{n}
  train    promoted for 1h
  on       a100
  seeds    {seed}2, {seed}3
}}

gate pick_{n} {{
  from     short_{n} to long_{n}
  rank     by mean val_bpb over host, seed
  keep     top 2
  always   c{n}_0
  missing  rerun 1, then drop
  crash    as missing
  ties     by name
}}

rule close_{n} {{
  judge    c{n}_1 against c{n}_0 at long_{n}
  require  mean gap at most 0.010bpb
  missing  stop
  absent   skip
}}
"""


def spec(lines: int) -> str:
    """A sound spec of about that many lines: ladders of two stages, a gate, a rule and six candidates each."""
    parts, n = [HEAD.format(name="ladders", title="Many small ladders")], 0
    while sum(part.count("\n") for part in parts) < lines - 40:
        for depth in range(6):
            levels = f"  depth = {4 + depth}\n  matrix_lr = {n + 1}e-4\n"
            parts.append(f"\n## Candidate {depth} of ladder {n}.\ncandidate c{n}_{depth} {{\n{levels}}}\n")
        names = ", ".join(f"c{n}_{depth}" for depth in range(6))
        parts.append(LADDER.format(n=n, names=names, seed=n + 10_000))
        n += 1
    return "".join(parts)


class Editor:
    """A process, and messages to and from it."""

    def __init__(self, python: Path, environment: dict[str, str]) -> None:
        pipe = subprocess.PIPE
        words = [python, "-c", START]
        self.process = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=environment)
        self.version = 0

    def send(self, method: str, params: dict[str, Any], number: int | None = None) -> None:
        """Send a notification, or a request when it has a number."""
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        if number is not None:
            message["id"] = number
        body = json.dumps(message).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        """The next message."""
        stream = self.process.stdout
        assert stream is not None
        length = 0
        while (line := stream.readline().strip()) or not length:
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        found: dict[str, Any] = json.loads(stream.read(length))
        return found

    def ask(self, method: str, params: dict[str, Any]) -> float:
        """Milliseconds from a request to its answer."""
        began = time.perf_counter()
        self.send(method, params, 7)
        while self.receive().get("id") != 7:
            pass
        return (time.perf_counter() - began) * 1e3

    def start(self) -> None:
        """Shake hands."""
        self.ask("initialize", {"processId": os.getpid(), "rootUri": None, "capabilities": {}})
        self.send("initialized", {})

    def type(self, text: str) -> None:
        """A keystroke: the whole text anew."""
        self.version += 1
        document = {"uri": URI, "version": self.version}
        if self.version == 1:
            self.send("textDocument/didOpen", {"textDocument": {**document, "languageId": "promo", "text": text}})
        else:
            self.send("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": text}]})

    def told(self) -> int:
        """How many diagnostics the text as it is now has."""
        while True:
            message = self.receive()
            params = message.get("params") or {}
            if message.get("method") == "textDocument/publishDiagnostics" and params["version"] == self.version:
                return len(params["diagnostics"])

    def typed(self, *texts: str) -> float:
        """Milliseconds from the last of some keystrokes to its diagnostics."""
        time.sleep(0.1)
        for text in texts[:-1]:
            self.type(text)
            time.sleep(0.005)
        began = time.perf_counter()
        self.type(texts[-1])
        self.told()
        return (time.perf_counter() - began) * 1e3

    def processor_ms(self) -> float:
        """Processor time so far; the kernel counts in steps of 10 ms."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system) * 1e3

    def peak_mb(self) -> float:
        """Most memory held so far, where the system tells it."""
        status = Path(f"/proc/{self.process.pid}/status")
        found = re.search(r"VmHWM:\s+(\d+)", status.read_text()) if status.exists() else None
        return int(found[1]) / 1024 if found else float("nan")

    def end(self) -> None:
        """Say goodbye."""
        self.ask("shutdown", {})
        self.send("exit", {})
        self.process.wait(10)


def measure(python: Path, environment: dict[str, str], lines: int, runs: int) -> dict[str, list[float]]:
    """Figures for one length of text."""
    text = spec(lines)
    editor = Editor(python, environment)
    editor.start()
    editor.type(text)
    assert editor.told() == 0, "the text is sound"
    whole = {"textDocument": {"uri": URI}}
    place = {**whole, "position": {"line": text[: text.rindex("members")].count("\n"), "character": 11}}
    seen: dict[str, list[float]] = {}
    before = editor.processor_ms()
    for run in range(runs):
        seen.setdefault("pause", []).append(editor.typed(f"{text}# {run}"))
    seen["processor"] = [(editor.processor_ms() - before) / runs]
    for run in range(runs):
        figures = {
            "mistake": editor.typed(text.replace("top 2", f"topp {run}", 1)),
            "burst": editor.typed(*(f"{text}# {run} {key}" for key in range(10))),
            "completion": editor.ask("textDocument/completion", place),
            "hover": editor.ask("textDocument/hover", place),
            "colours": editor.ask("textDocument/semanticTokens/full", whole),
        }
        for name, figure in figures.items():
            seen.setdefault(name, []).append(figure)
    seen["peak MB"] = [editor.peak_mb()]
    editor.end()
    return {f"{text.count(chr(10))} lines, {name}": figures for name, figures in seen.items()}


def started(python: Path, environment: dict[str, str]) -> float:
    """Milliseconds from nothing to a server that has answered."""
    began = time.perf_counter()
    editor = Editor(python, environment)
    editor.start()
    took = (time.perf_counter() - began) * 1e3
    editor.end()
    return took


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=20)
    options.add_argument("--here", action="store_true")
    chosen = options.parse_args()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with tempfile.TemporaryDirectory() as folder:
        python = Path(sys.executable) if chosen.here else install(Path(folder), "[lsp]")
        seen = {"start": [started(python, environment) for _ in range(max(chosen.runs // 2, 3))]}
        for lines in LINES:
            seen |= measure(python, environment, lines, chosen.runs)
    print(f"{'':28} {'min':>8} {'median':>8} {'max':>8}")
    for name, figures in seen.items():
        print(f"{name:28} {min(figures):8.1f} {statistics.median(figures):8.1f} {max(figures):8.1f}")


if __name__ == "__main__":
    main()
