"""
Whole specs that hypothesis grows: hosts, factors, a design, candidates, a ladder of stages, gates, rules, effects.

Every text is one that the grammar takes; what it says may be unsound (a gate that cannot reject, a rule that can never
hold), because such specs have to be told apart from sound ones without an accident.
"""

from hypothesis import strategies as st

HOSTS = ("box", "den")
NAMES = ("base", "good", "fair", "poor", "next")
RUNGS = ("short", "middle", "long")

amounts = st.sampled_from(("0.01pt", "0.5pt", "1pt", "2e-1pt", "1/4 * 1pt", "2^2 * 0.1pt"))
shares = st.sampled_from(("90%", "95%", "0.99"))
bounds = st.builds("{} {}".format, st.sampled_from(("within", "at most", "at least")), amounts)
statistics_words = ("mean", "median", "worst", "every")
statistics = st.sampled_from(statistics_words)
missing = st.sampled_from(("drop", "stop", "rerun 1, then drop", "rerun 2, then stop"))
crashes = missing | st.sampled_from(("as missing", "worst"))
methods = {"mean": ("", " by sign_flip", " with sigma 0.1pt"), "median": (" by wilcoxon",), "equivalent": ("",)}
any_method = ("", " by wilcoxon", " by sign_flip", " with sigma 0.1pt")


def tests(statistic: str):
    """A test of a statistic, now and then one that does not speak of it."""
    fitting = st.sampled_from(methods.get(statistic, any_method))
    return st.builds(" at {} over cells{}".format, shares, fitting | fitting | fitting | st.sampled_from(any_method))


@st.composite
def compared_by(draw, to: str) -> str:
    """A statistic of the difference to a reference, with or without a test."""
    statistic = draw(st.sampled_from(("mean", "mean", *statistics_words)))
    tested = draw(tests(statistic)) if statistic in methods and draw(st.booleans()) else ""
    return f"{statistic} {draw(st.sampled_from(('gap', 'gain')))}{to} {draw(bounds)}{tested}"


def compared(to: str):
    """Conditions on the difference to a reference, `to` being how it is named."""
    return st.one_of(
        compared_by(to),
        st.builds("equivalent{} within {}{}".format, st.just(to), amounts, tests("equivalent")),
    )


def joined(primitives):
    """Conditions of up to three primitives, joined, negated and in brackets."""
    return st.recursive(
        primitives,
        lambda inner: st.one_of(
            st.builds("({} and {})".format, inner, inner),
            st.builds("({} or {})".format, inner, inner),
            st.builds("not ({})".format, inner),
        ),
        max_leaves=3,
    )


loss = st.builds("{} loss {}".format, statistics, bounds)
ranked = st.one_of(
    st.builds("top {}{}".format, st.integers(1, 4), st.sampled_from(("", "", " per host"))),
    st.sampled_from(("best 25%", "best 50%", "first in every cell", "top 2")),
    loss,
)
keeps = joined(ranked | compared(" to base") | compared(" to leader"))


@st.composite
def gates(draw, number: int) -> str:
    """The gate between two rungs."""
    clauses = [
        f"from {RUNGS[number - 1]} to {RUNGS[number]}",
        f"rank by {draw(st.sampled_from(('mean', 'median', 'worst')))} loss over host, seed",
        f"keep {draw(st.sampled_from(('top 1', 'top 2')) | keeps)}",
        f"missing {draw(missing)}",
        f"crash {draw(crashes)}",
        f"ties by {draw(st.sampled_from(('name', 'parameters, name')))}",
    ]
    clauses += draw(
        st.lists(
            st.sampled_from(
                (
                    "always base",
                    "allow 0.02pt",
                    "demand rank agreement of box, den at least 0.6 else hold",
                    "demand mean loss at most 3pt else keep top 1",
                    "guard throughput within 20% of host, rerun 1, then drop",
                    "guard contention at most 10%, drop",
                    "sample 1 dropped seed 9",
                )
            ),
            max_size=3,
            unique=True,
        )
    )
    clauses = draw(st.permutations(clauses))
    return _block(f"{draw(_frozen)}gate pick_{number}", clauses)


_frozen = st.sampled_from(("frozen ", ""))


@st.composite
def rules(draw, number: int, rungs: int) -> str:
    """A rule at one of the rungs."""
    against = draw(st.sampled_from((" against base", " against poor", "")))
    to = "" if against else draw(st.sampled_from((" to base", " to leader")))
    clauses = [
        f"judge {draw(st.sampled_from(NAMES))}{against} at {draw(st.sampled_from(RUNGS[:rungs]))}",
        f"require {draw(joined(compared(to) | loss))}",
        f"missing {draw(st.sampled_from(('stop', 'rerun 1, then stop', 'hold')))}",
        f"absent {draw(st.sampled_from(('skip', 'stop')))}",
    ]
    if draw(st.booleans()):
        clauses.append("else hold")
    return _block(f"{draw(_frozen)}rule judged_{number}", clauses)


@st.composite
def stages(draw, number: int, last: int) -> str:
    """A rung: the first trains the cohort, the others what a gate promoted."""
    spend = draw(st.sampled_from((f"{number + 1}min", f"{90 * (number + 1)}s", f"{number + 1}00steps", "30s cpu")))
    low = 100 * number
    clauses = [
        f"train {'promoted' if number else 'everyone'} for {spend}",
        f"on {', '.join(draw(st.lists(st.sampled_from(HOSTS), min_size=1, max_size=2, unique=True)))}",
        draw(st.sampled_from((f"seeds {low + 1}, {low + 2}", f"seeds {low + 1}..{low + 4}", f"seeds {low + 7}"))),
    ]
    if "steps" in spend or "cpu" in spend:
        clauses.append("cap 3min")
    if number:
        clauses.append(f"after pick_{number}")
    if number == last:
        clauses.append("report only")
    return _block(f"stage {RUNGS[number]}", clauses)


DESIGNS = {
    "design": (
        "design screen full {\n  vary quality low -20 high 20\n  vary size low 16 high 32\n}",
        "design screen fraction 2^(3 - 1) {\n  vary quality low -20 high 20 \n  vary size low 16 high 32\n"
        "  vary ratio low 1 high 4\n  alias ratio = -quality * size\n  expect resolution 3\n}",
        "design screen resolution 3 {\n  vary quality low -20 high 20\n  vary size low 16 high 32\n"
        "  vary ratio low 1 high 4\n}",
    ),
    "effects": "effects found {{\n  from short\n  model {model}\n  block {block}\n  family main\n  rate 5%\n}}",
}


@st.composite
def specs(draw) -> list[str]:
    """The declarations of a whole spec, header left out, in any order."""
    rungs = draw(st.integers(1, 3))
    blocks = [
        _block("study grown", ['title "Grown \\"here\\""', "measure loss in pt, lower is better", "runner toy"]),
        *(_block(f"host {name}", ['device "cpu" on any', f"slots {n + 1}"]) for n, name in enumerate(HOSTS)),
        f"factor quality: points in {draw(st.sampled_from(('-100..100', '-20..20')))} default 0",
        f"factor size: units in {draw(st.sampled_from(('1..64', '8..64 step 8', '8..64 times 2')))} default 8",
        "factor ratio: units in [1, 4] default 1",
        "candidate base as reference { quality = 2 }",
    ]
    for name, quality in zip(NAMES[1:], draw(st.permutations((1, 3, 4, "1/2"))), strict=True):
        doc = draw(st.sampled_from(("", "", "## Said of it: é, 漢.\n")))
        blocks.append(f"{doc}candidate {name} like base {{\n  quality = {quality}\n}}")
    members = [f"members {', '.join(NAMES)}"]
    if draw(st.booleans()):
        blocks.append(draw(st.sampled_from(DESIGNS["design"])))
        rows = draw(st.sampled_from(("all", "all", "[1, 2, 3]", "[2]")))
        members.append(f"rows screen {rows}")
        if draw(st.booleans()):  # of few rows nothing can be estimated, which is an error
            model, block = (draw(st.sampled_from(words)) for words in (("main", "main, pairs"), ("host, seed", "seed")))
            blocks.append(DESIGNS["effects"].format(model=model, block=block))
    blocks.append(_block("cohort everyone", members))
    blocks += [draw(stages(number, rungs - 1)) for number in range(rungs)]
    blocks += [draw(gates(number)) for number in range(1, rungs)]
    blocks += [draw(rules(number, rungs)) for number in range(draw(st.integers(0, 2)))]
    if draw(st.booleans()):
        blocks.append(_block("account", ["count training", 'note "Nothing ran."']))
    return draw(st.permutations(blocks))


def text(blocks: list[str]) -> str:
    """Declarations as a spec."""
    return "promo 1\n\n" + "\n\n".join(blocks) + "\n"


def _block(head: str, clauses: list[str]) -> str:
    return "\n".join([f"{head} {{", *(f"  {clause}" for clause in clauses), "}"])
