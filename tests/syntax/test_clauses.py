"""The one table of clauses against the grammar, the values that clauses are read into, and the reference page."""

import re
from pathlib import Path
from typing import get_args

import pytest

from promo.base.resources import grammar_file
from promo.base.source import Source
from promo.server.act import FREEZABLE
from promo.study.judgement import Answer, Method, Side, Statistic, Then, TieBreak, Watched
from promo.study.values import BudgetKind, Role
from promo.syntax.clauses import ARGUMENTS, BLOCKS, PHASES, SPOKEN, Kind, Known, words
from promo.syntax.fault import first_word
from promo.syntax.lex import grammar
from promo.syntax.nodes import Node, names_in, values_in
from promo.syntax.parse import parse
from promo.syntax.tables import GRAMMAR

ROOT = Path(__file__).parents[2]
TEXT = "\n".join(line.split("//")[0] for line in grammar_file(GRAMMAR).read_text(encoding="utf-8").splitlines())
RULES = dict(re.findall(r"^\??(_?[a-z]\w*)(?:\{\w+\})?:((?:.|\n(?!\S))*)", TEXT, re.MULTILINE))
EVERYTHING = (Path(__file__).parent / "good" / "everything.promo").read_text(encoding="utf-8")
SHOWN = [rule for rule in RULES if not rule.startswith("_")]
"""Rules that have nodes."""
EXPRESSIONS = {"sum", "product", "power", "unary", "list", "range", "step", "pow", "neg", "named"}
"""Rules of values themselves; `header` has the edition."""


def alternatives(rule: str) -> list[str]:
    return [one.strip() for one in RULES[rule].replace("\n", " ").split("|")]


def blocks() -> dict[str, list[str]]:
    """Declaration -> its clauses, as the grammar has them."""
    found = {}
    for rule, body in RULES.items():
        clause = re.search(r"_block\{(\w+)\}", body)
        if clause:
            found[rule] = alternatives(clause[1]) if clause[1].startswith("_") else [clause[1]]
    return found


def test_every_block_of_the_grammar_is_in_the_table_with_all_its_clauses():
    assert {block: set(clauses) for block, clauses in BLOCKS.items()} == {
        block: set(clauses) for block, clauses in blocks().items()
    }


def test_what_stands_in_a_rule_is_in_the_table():
    for rule in SHOWN:
        body, known = RULES[rule], ARGUMENTS.get(rule)
        has_names = re.search(r"\b(NAME|_names)\b", body) is not None
        has_values = re.search(r"\b(_expr|_items|_domain|_listed|list|range|INT|STRING)\b", body) is not None
        if rule in EXPRESSIONS | {"start", "header"}:
            assert known is None, rule
            continue

        assert bool(known and known.names) == has_names, rule
        assert bool(known and known.values) == has_values, rule
        has_bound = re.search(r"\b(_bound|within)\b", body) and rule != "within"
        assert bool(known and known.bound) == bool(has_bound), rule


def test_the_table_speaks_of_rules_of_the_grammar_only():
    assert set(ARGUMENTS) - set(RULES) == set()


def test_the_names_and_values_of_every_clause_have_their_places():
    """A clause with more names than its entry takes the last for the rest; only a list may have more."""
    lists = {rule for rule, body in RULES.items() if re.search(r'\b(_names|_items|list)\b|\)[+*]|"NAME"\]', body)}
    waiting: list[Node] = list(parse(Source("x", EVERYTHING)).tree.declarations)
    seen = set()
    while waiting:
        node = waiting.pop()
        waiting += [child for child in node.children if isinstance(child, Node)]
        known = ARGUMENTS.get(node.kind)
        names, values = list(names_in(node)), values_in(node)
        if known is not None and node.kind not in lists:
            assert len(names) <= max(len(known.names), 1) or node.kind == "label", node
            assert len(values) <= len(known.values) or node.kind in ("vary", "label") or not known.values, node
        seen.add(node.kind)

    assert seen >= {clause for clauses in BLOCKS.values() for clause in clauses}


def test_a_clause_begins_with_the_word_of_its_example_and_of_the_line_that_a_diagnostic_suggests():
    for block, clauses in BLOCKS.items():
        for rule, clause in clauses.items():
            if rule == "setting":
                continue
            word = re.match(r'\s*"(\w+)"', RULES[rule])[1]

            assert first_word(rule) == word
            for line in (clause.needed, *clause.beside.values()):
                assert line.split()[:1] in ([], [word]), (block, line)


def test_a_line_that_a_diagnostic_suggests_can_be_read():
    for block, clauses in BLOCKS.items():
        for clause in clauses.values():
            for line in filter(None, (clause.needed, *clause.beside.values())):
                head = block + (" x full" if block == "design" else "" if block in ("account", "curves") else " x")
                lower = line.replace("...", "a" if block == "stage" else "x").lower()

                assert parse(Source("x", f"promo 1\n{head} {{\n{lower}\n}}\n")).diagnostics == (), line


def test_names_refer_to_what_is_declared_somewhere():
    arguments = [one for known in ARGUMENTS.values() for one in (*known.names, *known.values)]
    declares = {one.declares for one in arguments} - {"", "study", "import"}

    assert set(SPOKEN) == set(get_args(Kind))
    assert declares == set(SPOKEN)
    assert {kind for one in arguments for kind in one.kinds} <= set(SPOKEN)
    assert {one.known for one in arguments} - {None} == set(Known)


CHOICES = {
    "STATISTIC": {one.value for one in Statistic},
    "OUTCOME": {one.value for one in Then},
    "SIDE": {one.value for one in Side},
    "ANSWER": {one.value for one in Answer},
    "ROLE": {one.value for one in Role} - {Role.PLAIN.value, Role.CONTROL.value},
}


@pytest.mark.parametrize(("terminal", "values"), CHOICES.items(), ids=CHOICES)
def test_the_words_of_a_choice_are_the_values_that_it_is_read_into(terminal, values):
    assert set(grammar().choices[terminal]) == values


def test_words_that_are_declared_nowhere_are_the_values_that_they_are_read_into():
    assert set(words("ties")) == {one.value for one in TieBreak}
    assert set(words("method")) == {one.value for one in Method} - {Method.SIGMA.value}
    assert set(words("guard")) - set(PHASES) == {one.value for one in Watched} - {Watched.SECONDS.value}
    assert set(grammar().choices["CLOCK"]) <= {one.value for one in BudgetKind}
    assert set(grammar().choices["OTHERWISE"]) <= {one.value for one in Then}


def test_what_can_be_frozen_is_what_the_grammar_lets_be_frozen():
    assert set(FREEZABLE) == {rule for rule, body in RULES.items() if "[frozen]" in body}


# --- the reference page --------------------------------------------------------------------------------------

PAGE = (ROOT / "grammar" / "README.md").read_text(encoding="utf-8")
SECTIONS = {"grow": "Growing a trained model"}


def section(block: str) -> str:
    """What the reference page says of a block; a comment in an example is no heading."""
    quiet = re.sub(r"^```.*?^```$", lambda code: code[0].replace("\n##", "\n//"), PAGE, flags=re.MULTILINE | re.DOTALL)
    return re.search(rf"^## {SECTIONS.get(block, block)}\n(.*?)(?=^## |\Z)", quiet, re.MULTILINE | re.DOTALL)[1]


@pytest.mark.parametrize("block", BLOCKS)
def test_the_reference_page_writes_every_clause_of_a_block_in_its_section(block):
    """In an example of the block, or as a line between backticks that could stand in one."""
    text = section(block)
    examples = "\n".join(re.findall(r"^```promo[^\n]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    own = re.findall(rf"^(?:frozen )?{block}\b[^\n]*\{{\n(.*?)^\}}$", examples, re.MULTILINE | re.DOTALL)
    quoted = [f"{line}\n" for line in re.findall(r"`([a-z][^`\n]*)`", text)]
    shown = {kind for body in own + quoted for kind in clauses_of(block, body)}

    assert all(clauses_of(block, body) for body in own)
    assert shown == set(BLOCKS[block])


def clauses_of(block: str, body: str) -> set[str]:
    """Kinds of the clauses in the body of a block; none when it cannot be read."""
    head = block + {"design": " x full", "account": "", "curves": ""}.get(block, " x")
    found = parse(Source("x", f"promo 1\n{head} {{\n{body}}}\n"))
    if found.diagnostics:
        return set()
    return {child.kind for child in found.tree.declarations[0].children if isinstance(child, Node)} - {"full"}


@pytest.mark.parametrize("block", BLOCKS)
def test_a_table_of_the_reference_page_has_clauses_of_its_block_only(block):
    known = {first_word(rule) for rule in BLOCKS[block]}
    table = re.search(r"^\| clause \| says \|\n\|[-|]+\|\n((?:\|.*\n)+)", section(block), re.MULTILINE)
    for row in re.findall(r"^\| (.*?) \|", table[1], re.MULTILINE) if table else ():
        for line in re.findall(r"`([^`]+)`", row):
            assert line.split()[0] in known, (block, line)


# --- nothing that can be written is passed over --------------------------------------------------------------

READERS = "\n".join(
    path.read_text(encoding="utf-8") for path in sorted((ROOT / "interpreter" / "promo" / "study").glob("*.py"))
)


def test_every_rule_of_the_grammar_is_read_into_a_study():
    """By its name; a rule that no reader asks for could be written and would mean nothing."""
    elsewhere = {"start", "power", "unary"}  # handed up, or what `Tree.declarations` goes through
    only_one_way = {"settle"}

    unread = {rule for rule in SHOWN if f'"{rule}"' not in READERS}
    assert unread <= elsewhere | only_one_way


@pytest.mark.parametrize("terminal", re.findall(r"^([A-Z]+)(?:\.\d+)?:", TEXT, re.MULTILINE))
def test_every_word_that_the_tree_keeps_is_read_into_a_study(terminal):
    """A terminal with a name stays in the tree, because it says something."""
    numbers = {"FLOAT", "QUANTITY"}  # whatever is no text and no node

    assert terminal in numbers | {"COMMENT"} or f'"{terminal}"' in READERS
