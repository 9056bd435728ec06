"""Random ladders as texts: stages, gates, rules, side stages and continuations, in every form that a gate may have."""

from random import Random

from promo.driver.pipeline import Compiled
from support import compiled

HEAD = """promo 1

study ladder {
  title    "A ladder"
  measure  loss in pt, lower is better
  runner   toy
}

factor quality: points in 0..99 default 99
"""
CAPS = (1, 10, 60, 300)
MOST_TRIES = 1000


def sound_ladder(seed: int) -> Compiled:
    """The first sound ladder that a seed gives, through every pass."""
    random = Random(seed)
    for _ in range(MOST_TRIES):
        found = compiled(_Ladder(random).text())
        if found.study is not None and found.plan is not None:
            return found
    raise AssertionError(f"no sound ladder with seed {seed}")


class _Ladder:
    """A text in the making."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.hosts = [f"h{number}" for number in range(random.randint(1, 3))]
        self.names = [f"c{number}" for number in range(random.randint(2, 7))]
        self.seed = 0
        self.gates: list[str] = []
        self.rules: list[str] = []
        self.stages: dict[str, str] = {}
        self.cells: dict[str, tuple[list[str], int]] = {}
        """Stage -> its hosts and its number of seeds."""
        self.budgets: dict[str, int] = {}
        """Stage -> what its runs have spent at its end, in seconds; 0 where that is counted in steps."""
        self.entrants: dict[str, list[str]] = {}
        """Stage -> who may enter it."""
        self.read: set[str] = set()

    def text(self) -> str:
        """The whole text."""
        random = self.random
        self._fresh("s0", self.names)
        for number in range(random.randint(1, 3)):
            source = random.choice(list(self.stages)) if random.random() < 0.3 else f"s{number}"
            self._rung(source, f"s{number + 1}")
        for number in range(random.randint(0, 2)):
            self._aside(f"side{number}")
        for number in range(random.randint(0, 2)):
            self._rule(f"r{number}")
        hosts = [f'host {name} {{\n  device "cpu" on any\n  slots {random.randint(1, 2)}\n}}\n' for name in self.hosts]
        candidates = [f"candidate {name} {{\n  quality = {place}\n}}\n" for place, name in enumerate(self.names)]
        only = {name: "" if name in self.read else "  report only\n" for name in self.stages}
        stages = [f"stage {name} {{\n{said}{only[name]}}}\n" for name, said in self.stages.items()]
        return "\n".join([HEAD, *hosts, *candidates, *stages, *self.gates, *self.rules])

    # --- stages ------------------------------------------------------------------------------------------

    def _budget(self) -> tuple[str, str, int]:
        """A budget, the clause that caps it, and its seconds."""
        cap = self.random.choice(CAPS)
        if self.random.random() < 0.5:
            return f"{cap}s", "", cap
        return f"{self.random.randint(1, 900)}steps", f"  cap {cap}s\n", 0

    def _where(self, name: str) -> str:
        """Clauses of hosts and seeds; now and then the seeds of another stage."""
        hosts = self.random.sample(self.hosts, self.random.randint(1, len(self.hosts)))
        count = self.random.randint(1, 3)
        first = self.seed + 1
        self.seed += count
        self.cells[name] = hosts, count
        seeds = ", ".join(str(first + more) for more in range(count))
        return f"  on {', '.join(hosts)}\n  seeds {seeds}\n"

    def _fresh(self, name: str, who: list[str], promoted: str = "", after: str = "") -> None:
        budget, cap, self.budgets[name] = self._budget()
        named = ", ".join([*([promoted] if promoted else []), *who])
        self.stages[name] = f"{after}  train {named} for {budget}\n{cap}{self._where(name)}"

    def _rung(self, source: str, name: str) -> None:
        """A gate, and the stage that it leads to."""
        random, gate = self.random, f"g{len(self.gates)}"
        self.gates.append(self._gate(gate, source, name))
        self.read.add(source)
        after, before = f"  after {gate}\n", self.entrants.setdefault(source, self.names)
        if self.budgets[source] and random.random() < 0.3:
            whole = self.budgets[name] = self.budgets[source] + random.choice(CAPS)
            self.cells[name] = self.cells[source]
            self.stages[name] = f"{after}  continue promoted from {source} to {whole}s\n"
            self.entrants[name] = before
            return
        more = random.sample(self.names, random.randint(1, 2)) if random.random() < 0.25 else []
        self.entrants[name] = sorted({*before, *more})
        if "  train " in self.stages[source] and random.random() < 0.4:
            self._repeated(source, name, more, after)
        else:
            self._fresh(name, more, "promoted", after)

    def _repeated(self, source: str, name: str, more: list[str], after: str) -> None:
        """A rung that repeats the runs of the one before, and adds seeds to them or not."""
        hosts, count = self.cells[source]
        body = self.stages[source].partition("  train ")[2].partition(" for ")[2].rstrip("\n").removesuffix(" shared")
        added = self.random.randint(0, 2)
        seeds = "".join(f", {self.seed + 1 + place}" for place in range(added))
        self.seed += added
        self.cells[name], self.budgets[name] = (hosts, count + added), self.budgets[source]
        self.stages[name] = f"{after}  train {', '.join(['promoted', *more])} for {body}{seeds} shared\n"

    def _aside(self, name: str) -> None:
        """A stage that no gate leads to: a fresh one, one that has runs in common with another, or a continuation."""
        random = self.random
        other = random.choice(list(self.stages))
        kind = random.choice(("fresh", "common", "continued"))
        if kind == "common" and "train" in self.stages[other]:
            who = random.sample(self.names, random.randint(1, len(self.names)))
            body = self.stages[other].partition("train ")[2].partition(" for ")[2].rstrip("\n")
            self.stages[name] = f"  train {', '.join(who)} for {body} shared\n"
            self.budgets[name], self.cells[name] = self.budgets[other], self.cells[other]
        elif kind == "continued" and self.budgets[other]:
            there = self.entrants.get(other, self.names)
            who = random.sample(there, random.randint(1, len(there)))
            whole = self.budgets[name] = self.budgets[other] + random.choice(CAPS)
            self.cells[name] = self.cells[other]
            self.stages[name] = f"  continue {', '.join(who)} from {other} to {whole}s\n"
            self.read.add(other)
        else:
            who = random.sample(self.names, random.randint(1, len(self.names)))
            self._fresh(name, who)
        self.entrants[name] = who

    # --- gates and rules ---------------------------------------------------------------------------------

    def _handling(self, *then: str) -> str:
        reruns = self.random.choice((0, 0, 1, 2, 3))
        return (f"rerun {reruns}, then " if reruns else "") + self.random.choice(then)

    def _gate(self, name: str, source: str, target: str) -> str:
        random, there = self.random, self.entrants.setdefault(source, self.names)
        hosts, _ = self.cells[source]
        lines = [f"from {source} to {target}", "rank by mean loss over host, seed", f"keep {self._keep(there, hosts)}"]
        if random.random() < 0.4:
            lines.append(f"always {', '.join(random.sample(there, random.randint(1, min(3, len(there)))))}")
        for _ in range(random.choice((0, 0, 1, 2))):
            other = random.choice(("stop", "hold", f"keep {self._keep(there, hosts)}"))
            lines.append(f"demand {self._asked(hosts)} else {other}")
        for _ in range(random.choice((0, 0, 1, 2))):
            what = random.choice(("contention at most 50%", "train at most 9s"))
            lines.append(f"guard {what}, {self._handling('drop', 'drop', 'stop')}")
        if random.random() < 0.2:
            lines.append(f"sample {random.randint(1, 3)} dropped seed {random.randint(0, 99)}")
        lines.append(f"missing {self._handling('drop', 'drop', 'stop', 'hold')}")
        crash = self._handling("drop", "worst", "worst", "stop", "hold")
        lines.append(random.choice(("crash as missing", f"crash {crash}")))
        return _block(f"gate {name}", [*lines, "ties by name"])

    def _keep(self, there: list[str], hosts: list[str], depth: int = 2) -> str:
        """A condition on candidates."""
        random = self.random
        if depth and random.random() < 0.35:
            first, other = (self._keep(there, hosts, depth - 1) for _ in range(2))
            return random.choice((f"not ({first})", f"({first}) and ({other})", f"({first}) or ({other})"))
        each = random.choice(("", " per host"))
        return random.choice(
            (
                f"top {random.randint(1, max(len(there) - 2, 1))}{each}",
                f"top 1{each}",
                f"best {random.choice((10, 25, 34, 50, 67, 75))}%{each}",
                f"{random.choice(('mean', 'worst'))} gap to leader at most {random.choice((0, 1, 2))}pt",
                f"mean gain to {random.choice(there)} at least {random.choice((0, 1))}pt",
                self._asked(hosts),
                "first in every cell",
            )
        )

    def _asked(self, hosts: list[str]) -> str:
        """A condition that a demand may have, too."""
        level = f"{self.random.choice(('mean', 'median', 'every'))} loss at most {self.random.choice((1, 2, 3))}pt"
        if len(hosts) < 2:
            return level
        return self.random.choice((level, f"rank agreement of {hosts[0]}, {hosts[1]} at least 0"))

    def _rule(self, name: str) -> None:
        random = self.random
        stage = random.choice(list(self.stages))
        self.read.add(stage)
        there = self.entrants.get(stage, self.names)
        lines = [
            f"judge {random.choice(there)} at {stage}",
            f"require mean loss at most {random.choice((1, 2))}pt",
            f"missing {self._handling('stop', 'skip', 'hold')}",
            f"absent {random.choice(('skip', 'skip', 'stop', 'hold'))}",
        ]
        if random.random() < 0.5:
            lines.insert(3, f"crash {self._handling('stop', 'skip', 'hold')}")
        if random.random() < 0.3:
            lines.append(f"else {random.choice(('stop', 'hold'))}")
        self.rules.append(_block(f"rule {name}", lines))


def _block(head: str, lines: list[str]) -> str:
    return "\n".join([f"{head} {{", *(f"  {line}" for line in lines), "}", ""])
