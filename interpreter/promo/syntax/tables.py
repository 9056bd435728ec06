"""
The grammar as data: from `promo.lark` to the tables the parser runs on.

Lark builds the LALR(1) automaton and decides what every rule keeps of its children; this module writes that down
as lines of JSON beside the grammar, so that reading a spec needs neither Lark (45 ms of imports) nor a pickle.  The
tables carry the digest of the grammar they were made from: an edited grammar is compiled again on the fly, and a test
asks for `python -m promo.syntax.tables`, which rewrites the file.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, TypedDict, TypeVar

from promo.base.canonical import digest_bytes
from promo.base.classes import frozen
from promo.base.resources import grammar_file

GRAMMAR = "promo.lark"
TABLES = "promo.tables.jsonl"
END = "$END"


Rule = tuple[str, int, str | None, Sequence[int], bool]
"""
One reduction: its symbol, how many symbols it takes, the kind of node it makes, which children stay, and whether a
single one takes the place of the node.  Without a kind the children are handed up as they are.
"""


class Head(TypedDict):
    """
    The first line of what is kept of a grammar; the examples are the next, then come rows and rules, a line each.

    Symbols that are no terminals have numbers for names, which are shorter; states name their rows by number.
    """

    grammar: str
    """SHA-256 of its text."""
    actions: list[int]
    gotos: list[int]
    rows: int
    """How many; each leads from symbols to numbers."""
    rules: int
    """How many; each is in the order of `Rule`."""
    start: int
    accept: int
    lexemes: list[list[str]]
    silent: list[str]
    words: dict[str, list[str]]
    choices: dict[str, list[str]]


T = TypeVar("T")


class Lazy(dict[int, T], Generic[T]):
    """Values by number, each made when it is first asked for."""

    def __init__(self, count: int, make: Callable[[int], T]) -> None:
        super().__init__()
        self.count, self.make = count, make

    def __missing__(self, number: int) -> T:
        self[number] = made = self.make(number)
        return made

    def every(self) -> Iterator[T]:
        """All of them, in order."""
        return map(self.__getitem__, range(self.count))


@frozen
class Tables:
    """The parser's automaton and the lexer's words."""

    actions: Lazy[Mapping[str, int]]
    """State -> terminal -> next state, or -1 - rule for a reduction."""
    gotos: Lazy[Mapping[str, int]]
    """State -> rule symbol -> next state."""
    rules: Lazy[Rule]
    start: int
    accept: int
    lexemes: tuple[tuple[str, str], ...]
    """Terminals that are patterns, in the order in which they are tried."""
    silent: frozenset[str]
    """Terminals that leave no token."""
    words: Mapping[str, tuple[str, ...]]
    """Keyword or punctuation -> the terminals it may stand for, in the order in which the grammar has them."""
    choices: Mapping[str, tuple[str, ...]]
    """Terminal that is one of several words -> those words, in their order in the grammar."""
    read: Callable[[int], Any]
    """What a line says, by its number."""

    @cached_property
    def examples(self) -> Mapping[str, str]:
        """Rule -> the example behind it in the grammar."""
        found: Mapping[str, str] = self.read(1)
        return found

    def examples_of(self, word: str) -> tuple[str, ...]:
        """Examples that begin with a word."""
        return tuple(one for one in self.examples.values() if one.removeprefix("frozen ").split(None, 1)[0] == word)


def load() -> Tables:
    """The tables of the installed grammar; compiled anew when the stored ones are damaged or of another grammar."""
    grammar = grammar_file(GRAMMAR).read_bytes()
    try:
        lines = grammar_file(TABLES).read_text(encoding="utf-8").splitlines()
        head: Head = json.loads(lines[0])
        if head["grammar"] == digest_bytes(grammar):
            return _of(lines, head, grammar)
    except (LookupError, OSError, TypeError, ValueError):
        pass
    lines = compile_grammar(grammar)
    return _of(lines, json.loads(lines[0]), grammar)


def _of(lines: list[str], stored: Head, grammar: bytes) -> Tables:
    """What stands in some lines; a row or rule is read when a text first comes to it, and a text needs a fifth."""
    actions, gotos, before = stored["actions"], stored["gotos"], 2 + stored["rows"]
    decode = json.JSONDecoder().raw_decode

    def read(number: int) -> Any:
        try:
            return decode(lines[number])[0]
        except (IndexError, ValueError):  # cut short or damaged behind its head: a compiled line has the same number
            lines[:] = compile_grammar(grammar)
            return decode(lines[number])[0]

    return Tables(
        actions=Lazy(len(actions), lambda state: read(2 + actions[state])),
        gotos=Lazy(len(gotos), lambda state: read(2 + gotos[state])),
        rules=Lazy(stored["rules"], lambda number: tuple(read(before + number))),
        start=stored["start"],
        accept=stored["accept"],
        lexemes=tuple((name, pattern) for name, pattern in stored["lexemes"]),
        silent=frozenset(stored["silent"]),
        words={word: tuple(terminals) for word, terminals in stored["words"].items()},
        choices={terminal: tuple(these) for terminal, these in stored["choices"].items()},
        read=read,
    )


def compile_grammar(grammar: bytes) -> list[str]:
    """
    Build the tables with Lark; the lines that are kept of them.

    Raises:
        lark.exceptions.GrammarError: the grammar is wrong or not LALR(1).
    """
    from lark import Lark
    from lark.parsers.lalr_analysis import Shift

    parser: Any = Lark(grammar.decode(), parser="lalr", lexer="contextual", maybe_placeholders=False)
    table = parser.parser.parser._parse_table
    rules = sorted(parser.rules, key=lambda rule: (str(rule.origin.name), [symbol.name for symbol in rule.expansion]))
    rule_numbers = {rule: number for number, rule in enumerate(rules)}
    states = _numbered(table)
    terminals = {terminal.name for terminal in parser.terminals} | {END}
    others = sorted({str(rule.origin.name) for rule in parser.rules} | {"start"})
    codes = {name: str(number) for number, name in enumerate(others)}
    rows: dict[tuple[tuple[str, int], ...], int] = {}

    def row(pairs: list[tuple[str, int]]) -> int:
        return rows.setdefault(tuple(sorted(pairs)), len(rows))

    actions, gotos = [], []
    for state in states:
        moves = [
            (codes.get(name, name), states[argument] if action is Shift else -1 - rule_numbers[argument])
            for name, (action, argument) in table.states[state].items()
        ]
        actions.append(row([(name, target) for name, target in moves if name in terminals]))
        gotos.append(row([(name, target) for name, target in moves if name not in terminals]))
    lexemes, words = _lexicon(parser, grammar.decode())
    head: Head = {
        "grammar": digest_bytes(grammar),
        "actions": actions,
        "gotos": gotos,
        "rows": len(rows),
        "rules": len(rules),
        "start": states[table.start_states["start"]],
        "accept": states[table.end_states["start"]],
        "lexemes": lexemes,
        "silent": sorted(terminals - {END, "RBRACE"} - _kept(rules)),  # recovery asks whether a block was closed
        "words": words,
        "choices": _choices(grammar.decode()),
    }
    shapes = ([codes[str(rule.origin.name)], *_shape(rule)] for rule in rules)
    return [
        json.dumps(one, separators=(",", ":")) for one in (head, _examples(grammar.decode()), *map(dict, rows), *shapes)
    ]


def _numbered(table: Any) -> dict[int, int]:
    """Lark's states -> numbers in the order in which they are reached, which does not vary from run to run."""
    from lark.parsers.lalr_analysis import Shift

    numbers: dict[int, int] = {}
    waiting = [table.start_states["start"]]
    for state in waiting:
        if state not in numbers:
            numbers[state] = len(numbers)
            moves = table.states[state]
            waiting += [moves[name][1] for name in sorted(moves) if moves[name][0] is Shift]
    return numbers


def _shape(rule: Any) -> list[Any]:
    """Length, node kind, kept children and lifting of a Lark rule, as its tree builder would shape it."""
    name = rule.alias or str(rule.origin.name)
    keep = [
        index
        for index, symbol in enumerate(rule.expansion)
        if not (symbol.is_term and (symbol.filter_out or symbol.name.startswith("_")))
    ]
    lift = bool(rule.options.expand1) and not rule.alias
    return [len(rule.expansion), None if name.startswith("_") else name, keep, lift]


def _kept(rules: list[Any]) -> set[str]:
    """Terminals that some rule keeps as a token; for all others none has to be made."""
    return {rule.expansion[place].name for rule in rules for place in _shape(rule)[2] if rule.expansion[place].is_term}


def _lexicon(parser: Any, grammar: str) -> tuple[list[list[str]], dict[str, list[str]]]:
    """
    Split the terminals into patterns (longest priority first) and words with what they may stand for.

    Words come in the order in which the grammar has them, which puts the usual ones first.
    """
    lexemes: list[tuple[int, str, str]] = []
    words: dict[str, list[str]] = {}
    for terminal in parser.terminals:
        pattern = terminal.pattern
        alternatives = [pattern.value] if pattern.type == "str" else _alternatives(pattern.value)
        for word in alternatives:
            words.setdefault(word, []).append(terminal.name)
        if not alternatives:
            lexemes.append((-terminal.priority, terminal.name, pattern.value))
    return [[name, pattern] for _, name, pattern in sorted(lexemes)], {
        word: sorted(words[word]) for word in sorted(words, key=lambda word: (grammar.find(f'"{word}"'), word))
    }


def _alternatives(pattern: str) -> list[str]:
    """The words of a terminal that is a plain choice of words, such as `(?:drop|stop)`; none for other patterns."""
    choice = re.fullmatch(r"\(\?:([^()\[\]]+)\)", pattern)
    if choice is None:
        return []
    words = [re.sub(r"\\(.)", r"\1", word) for word in choice[1].split("|")]
    return words if all(re.escape(word) == part for word, part in zip(words, choice[1].split("|"), strict=True)) else []


def _choices(grammar: str) -> dict[str, list[str]]:
    """The words of each terminal that is a choice of words; Lark's own pattern has them in another order."""
    lines = re.findall(r'^([A-Z]+)(?:\.[0-9]+)?: ("[a-z]+"(?: \| "[a-z]+")+)$', grammar, re.MULTILINE)
    return {terminal: re.findall(r"[a-z]+", these) for terminal, these in lines}


def _examples(grammar: str) -> dict[str, str]:
    """The example behind each rule of the grammar."""
    return dict(re.findall(r"^\??([a-z]\w*):.*?//\s(.*)$", grammar, re.MULTILINE))


def write() -> None:
    """Write the tables beside the grammar."""
    compiled = compile_grammar(grammar_file(GRAMMAR).read_bytes())
    grammar_file(TABLES).write_text("".join(f"{line}\n" for line in compiled), encoding="utf-8")


if __name__ == "__main__":
    write()
