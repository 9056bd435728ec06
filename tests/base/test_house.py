"""
The rules of the house, counted over every product file.

`.github/CONTRIBUTING.md` says them; a rule that cannot be kept somewhere has its exception here, with the reason.
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from promo.study.judgement import Side, Statistic, Then
from promo.syntax.tables import load

ROOT = Path(__file__).parents[2]
PRODUCT = ROOT / "interpreter" / "promo"
FILES = {path.relative_to(PRODUCT).as_posix(): path for path in sorted(PRODUCT.rglob("*.py"))}
LONGEST_FUNCTION, LONGEST_FILE = 60, 500

Functions = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def trees():
    """Every product file as Python reads it; made where a rule is counted, since every process collects this module."""
    return {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in FILES.items()}


@cache
def classes():
    """Names of all classes."""
    return {node.name for tree in trees().values() for node in nodes(tree) if isinstance(node, ast.ClassDef)}


@cache
def nodes(tree):
    """All that stands in a file."""
    return tuple(ast.walk(tree))


@cache
def functions(tree):
    """Every function with the names that lead to it."""
    waiting, found = [((), tree)], []
    while waiting:
        names, node = waiting.pop()
        for child in ast.iter_child_nodes(node):
            named = isinstance(child, Functions | ast.ClassDef)
            inner = (*names, child.name) if named else names
            if isinstance(child, Functions):
                found.append((".".join(inner), child))
            waiting.append((inner, child))
    return found


@cache
def own(function):
    """What stands in a function and in none inside it."""
    waiting, found = list(ast.iter_child_nodes(function)), []
    while waiting:
        node = waiting.pop()
        if not isinstance(node, Functions | ast.ClassDef):
            found.append(node)
            waiting.extend(ast.iter_child_nodes(node))
    return found


def test_no_function_is_longer_than_a_page():
    long = {
        f"{file}: {name}": node.end_lineno - node.lineno + 1
        for file, tree in trees().items()
        for name, node in functions(tree)
        if node.end_lineno - node.lineno >= LONGEST_FUNCTION
    }

    assert long == {}


def test_no_file_is_longer_than_may_be_read_at_once():
    lengths = {file: path.read_bytes().count(b"\n") for file, path in FILES.items()}

    assert {file: length for file, length in lengths.items() if length > LONGEST_FILE} == {}


def test_whoever_reads_and_writes_a_study_is_handed_its_disk():
    """Above `run/`, whose processes and executors make their own, no module takes one from another module."""
    taken = {
        file
        for file, tree in trees().items()
        for node in nodes(tree)
        if isinstance(node, ast.ImportFrom) and any(one.name == "DISK" for one in node.names)
    }

    assert taken
    assert {file for file in taken if not file.startswith("run/")} == set()


# --- closed unions -------------------------------------------------------------------------------------------------

LEFT_OPEN = {
    "decision/conditions.py: holds": "what has no other inside goes to _finding, which takes nothing else: `Simple`",
    "decision/exactly.py: _level": "a statistic without a formula is simulated",
    "decision/protocol.py: _Protocol.take_in": "notes what three events mean for what is due; the state takes in all",
    "decision/protocol.py: _Protocol._of_kind": "all others go to _of_study, which takes nothing else: `OfStudy`",
    "driver/bring.py: _attempts": "picks starts and ends of attempts out of a ledger",
    "driver/values.py: Audit._found": "the same property gives four of the codes; all others are none of an audit",
    "ledger/state.py: apply": "all others go to _move, which takes nothing else: `OfStep | OfStudy`",
    "run/runners/files/constants.py: _assignments": "over Python's own syntax tree, which is no union of ours",
    "run/runners/files/formula.py: _value": "over Python's own syntax tree; what is left is refused behind it",
    "run/runners/files/formula.py: _combined": "over Python's own syntax tree; what is left is refused behind it",
    "run/runners/gpt/grow.py: sources": "over a word of the request; another one is refused behind it",
    "server/hover.py: _resolved": "over kinds of the grammar, which are texts; of others hovering shows the text alone",
    "sketch/commands.py: _parsers": "takes the statements that make a parser out of somebody's syntax tree",
    "sketch/choose.py: _can_vary": "over values of somebody's script; what is neither number nor text varies nothing",
    "sketch/choose.py: _guessed_levels": "over values of somebody's script; what is neither number nor text has none",
    "sketch/every.py: _asked": "over Python's own syntax tree; what is left asks for no remainder",
    "sketch/every.py: _from_zero": "over Python's own syntax tree; what is left does not surely count from 0",
    "sketch/every.py: _within": "over Python's own syntax tree; what is left changes nothing of how often",
    "sketch/prints.py: _is_text": "over Python's own syntax tree; what is left is no text that is put together",
    "sketch/prints.py: _pairs": "over Python's own syntax tree; what is left is no dict that is written out",
    "sketch/prints.py: _said": "over Python's own syntax tree; what is left is no template of a logger",
    "sketch/prints.py: _parts": "over Python's own syntax tree; what is left is a hole",
    "sketch/script.py: _variables": "over Python's own syntax tree, which is no union of ours",
    "sketch/settings.py: constants": "over Python's own syntax tree, which is no union of ours",
    "sketch/settings.py: value_of": "over Python's own syntax tree; what is left has no value that stands there",
    "study/criteria.py: Criteria.condition": "over kinds of the grammar; another one is refused behind it",
    "study/expressions.py: Expressions.value": "over kinds of the grammar; what is left is told as a fault behind it",
    "study/imports.py: _bring": "over keys of a table that stands right above it",
    "study/judgement.py: primitives": "what is left is given back as `Simple`, and nothing else may be",
}
"""Matches that do not end in `assert_never`: where, and what makes them whole instead."""


def is_closed(match):
    """Whether a match ends by showing the type checker that nothing is left."""
    last = match.cases[-1]
    calls = (node for node in ast.walk(last) if isinstance(node, ast.Call))
    return last.guard is None and any(getattr(one.func, "id", "") == "assert_never" for one in calls)


def test_every_match_is_closed_or_says_here_why_it_is_not():
    matches = {
        f"{file}: {name}": node
        for file, tree in trees().items()
        for name, function in functions(tree)
        for node in own(function)
        if isinstance(node, ast.Match) and not is_closed(node)
    }

    assert set(matches) == set(LEFT_OPEN)


def members(node):
    """Names of the classes in `A | B | C`, or in a tuple of them."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*members(node.left), *members(node.right)]
    if isinstance(node, ast.Tuple):
        return [one for part in node.elts for one in members(part)]
    return [node.id] if isinstance(node, ast.Name) else []


@cache
def named():
    """Whatever is an alternative of names -> these."""
    return {
        target.id: members(node.value)
        for tree in trees().values()
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def flat(name):
    """Classes of a union by its name, those of unions inside it among them."""
    return {one for part in named()[name] for one in flat(part)} if name in named() else {name}


@cache
def unions():
    """Closed union -> its classes."""
    return {name: flat(name) for name in named() if len(flat(name)) > 1 and flat(name) <= classes()}


ASKED_APART = {
    "cli/simulate.py: _parts": "also takes what asks for no condition, such as a reduction",
    "decision/decide.py: _Gate._verdict": "a settled outcome goes on below; the other two differ in their ground alone",
    "decision/protocol.py: _Protocol._seat": "only starts and ends of attempts move who has a slot",
    "decision/protocol.py: _Protocol.wrong": "what holds of two kinds before all kinds are matched in _of_kind",
    "driver/begun.py: _ran_before_receipt": "looks for the first of two kinds of event, and passes over all others",
    "driver/report.py: _Reading.record": "picks starts out of a ledger",
    "run/ending.py: end_of": "an exit that was seen stands in for one on record; what was delivered has neither",
    "report/decided.py: because_words": "the kind is looked up in a table; what else is asked narrows one kind",
    "report/decided.py: side_words": "only a bound and a p can fall short while the value is inside",
    "report/people.py: status_words": "whether a person has spoken decides with the outcome; what is settled is below",
    "study/closure.py: closure": "what a gate, and what a reduction, rests on besides; a rule rests on nothing more",
    "report/answer.py: _asked": "only bounds and p say how sure a finding is; other details say other things",
    "report/overview.py: _confidence": "the same, with intervals",
    "study/closure.py: _laws_asked": "a gate's conditions, or a rule's; a reduction asks no law",
    "study/foretelling.py: Foretelling.check_asked": "takes gates and rules alone",
    "study/judgement.py: also_read": "stages that a rule, and a gate, reads besides; a reduction reads none",
    "syntax/place.py: _found": "a node or a token, and no third thing is a child of a node",
}
"""Functions that ask of one value for several members of a closed union, without a match: why."""


def asked_apart(function):
    """Whether a function asks with `isinstance` for different members of one union of the same value."""
    asked = {}
    for node in own(function):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "isinstance":
            found = frozenset(one for name in members(node.args[1]) for one in flat(name))
            asked.setdefault(ast.unparse(node.args[0]), set()).add(found)
    return any(
        sum(not found.isdisjoint(union) for found in each) > 1 for each in asked.values() for union in unions().values()
    )


def test_unions_are_matched_and_not_asked_for_one_by_one():
    assert len(unions()) > 10
    found = {
        f"{file}: {name}"
        for file, tree in trees().items()
        for name, function in functions(tree)
        if asked_apart(function)
    }

    assert found == set(ASKED_APART)


WORDS = {"STATISTIC": Statistic, "SIDE": Side, "OUTCOME": Then}
"""Choice of words in the grammar -> the choice that it becomes."""


@pytest.mark.parametrize("terminal", WORDS)
def test_a_choice_of_words_has_a_value_for_each_and_no_other(terminal):
    assert set(load().choices[terminal]) == {one.value for one in WORDS[terminal]}


# --- one form ------------------------------------------------------------------------------------------------------

WRITERS, READERS = {"canonical", "dumps", "dump"}, {"parse_json", "parse_canonical", "loads"}
SCRIPTS = "what `--json` prints, for people's scripts; promo reads none of it back"
BY_HAND = {
    "driver/alike.py": "compares a stored decision with a derived one, digit by digit, before the codec takes it",
    "base/canonical.py": "makes the bytes that everything else is made of",
    "cli/audit.py": SCRIPTS,
    "cli/check.py": SCRIPTS,
    "cli/compare.py": SCRIPTS,
    "cli/design.py": SCRIPTS,
    "cli/effects.py": SCRIPTS,
    "cli/explain.py": SCRIPTS,
    "cli/lags.py": SCRIPTS,
    "cli/laws.py": SCRIPTS,
    "cli/plan.py": "a saved plan through the codec, indented for people",
    "cli/runner.py": SCRIPTS,
    "cli/serve.py": "what the page in a browser polls",
    "cli/show.py": SCRIPTS,
    "cli/simulate.py": SCRIPTS,
    "cli/status.py": SCRIPTS,
    "cli/why.py": SCRIPTS,
    "curves/settings.py": "a mapping file in TOML, which people write",
    "driver/conformance.py": "levels of a try that is thrown away, for a file name",
    "driver/crate.py": "facts about machines for readers of a crate",
    "driver/frozen.py": "compares what is there, whatever it is, with what the codec had written",
    "driver/pipeline.py": "reads the lock, which the codec takes on the next line",
    "exchange/crate.py": "RO-Crate, a form of other tools",
    "plans/compile.py": "hashes budgets, each through the codec",
    "report/environment.py": "sorts machines into groups",
    "report/render.py": "the report for people's scripts; promo reads none of it back",
    "run/corpora.py": "lines of somebody's text",
    "run/executors/local.py": "words between two processes of promo, over a pipe",
    "run/runners/files/declare.py": "a runner in TOML, which people write",
    "run/runners/files/figures.py": "what somebody's program wrote",
    "run/runners/files/states.py": "points that somebody's program wrote, to find those before a step",
    "run/supervise.py": "words between two processes of promo; how one ended is read as `Exit`, by the codec that the "
    "supervisor does without: loading it would double the time that its start takes",
    "run/tokens.py": "somebody's tokenizer",
    "sketch/runner.py": "texts and numbers of TOML, which people edit; the runner file is read as any other",
    "study/aberration.py": "a table that is part of promo, and the program that writes it",
    "syntax/tables.py": "tables that are part of promo, and the program that writes them",
    "run/executors/ray.py": "words between promo and its process for Ray's client",
    "run/executors/ray_driver.py": "the same",
}
"""Files where JSON is written that no codec made, or read and not handed to one: what it is."""


def called(call):
    """Name of what is called."""
    return getattr(call.func, "id", None) or getattr(call.func, "attr", "")


def json_by_hand(tree):
    """Places where JSON is written from something else than `to_json`, or read and not given to `from_json`."""
    calls = [node for node in nodes(tree) if isinstance(node, ast.Call)]
    given = {child: called(call) for call in calls for child in ast.iter_child_nodes(call)}
    for call in calls:
        if called(call) in WRITERS:
            made = call.args[0] if call.args else None
            if not (isinstance(made, ast.Call) and called(made) == "to_json"):
                yield call.lineno
        if called(call) in READERS and not given.get(call, "").endswith("from_json"):
            yield call.lineno


def test_what_is_stored_goes_through_the_codec():
    assert {file for file, tree in trees().items() if list(json_by_hand(tree))} == set(BY_HAND)


STORED = ("study", "plans", "ledger", "curves", "run", "evidence", "decision", "exchange", "driver")
"""Rooms whose values are stored, sealed, sent or compared."""
PAIR = {"json", "dict", "state", "record", "stored", "bytes"}


def test_no_class_of_a_stored_room_writes_or_reads_itself():
    pairs = {
        f"{file}: {name}"
        for file, tree in trees().items()
        if file.split("/")[0] in STORED
        for name, _ in functions(tree)
        if "." in name
        and {*name.rpartition(".")[2].strip("_").split("_")} & {"to", "from", "as"}
        and {*name.rpartition(".")[2].split("_")} & PAIR
    }

    assert pairs == set()


# --- boundaries ----------------------------------------------------------------------------------------------------

LOOSE = {
    "run/ports.py": "a handle is the executor's own: promo gives it back and never looks into it",
    "run/executors/ray.py": "words between promo and its process for Ray's client",
    "run/executors/ray_driver.py": "the same, and objects of Ray's client, which have no types",
    "run/function.py": "decorates any function of a user's, and gives it back as it was",
    "plugins.py": "what an entry point loads, which is then cast to its port",
    "run/runners/files/function.py": "arguments and result of a user's function; the result becomes an `Outcome`",
    "run/runners/gpt/trainee.py": "a model, or what a compiler made of it",
    "run/supervise.py": "words between two processes of promo, and Windows' handle of a job",
}
"""Files of the ports, executors, runners and plug-ins that still say `Any`, or a mapping of anything: why."""


def test_ports_take_and_give_types():
    loose = {
        file
        for file, tree in trees().items()
        if file.startswith("run/") or file in ("plugins.py", "study/ports.py")
        for node in nodes(tree)
        if isinstance(node, ast.Name) and node.id == "Any"
    }

    assert loose == set(LOOSE)


def test_no_process_of_promo_imports_from_the_folder_it_is_started_in():
    """Somebody's `queue.py` there would be taken for Python's own."""
    started = [
        (name, match["before"])
        for name, path in FILES.items()
        for match in re.finditer(
            r'(?P<before>-P"?,?\s+)?"?-m"?,?\s+"?promo\.run\.\w+', path.read_text(encoding="utf-8")
        )
        if "python -m" not in match.string[match.start() - 7 : match.end()]  # words for people
    ]
    assert len(started) >= 8
    assert [name for name, before in started if before is None] == []
