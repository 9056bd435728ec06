"""
A place where reading stopped, and what could stand there: the likeliest first, and all of it.

What is likely: a word that is spelled almost like the one that stands there; then names and values; then what a block
still needs, and words in the order in which the grammar and the table of clauses have them.
"""

from collections.abc import Callable, Sequence

from promo.base.classes import frozen
from promo.base.diagnostics import suggestion
from promo.syntax.clauses import BLOCKS
from promo.syntax.lex import NAME, NEWLINE, Lexeme, grammar
from promo.syntax.tables import END

MOST_SHOWN = 6
"""Of what could stand there; a message tells how many more there are."""

ALMOST = 0.75
"""How alike a word must be to come first; difflib's ratio."""

NAMED = {
    NAME: "a name",
    "INT": "a whole number",
    "FLOAT": "a number",
    "QUANTITY": "a quantity with its unit",
    "STRING": 'a text in "..."',
    "DIGEST": "a digest sha256:...",
    "DATE": "a day YYYY-MM-DD",
    NEWLINE: "the end of the line",
    END: "the end of the file",
}
_VALUE = {"INT", "FLOAT", "QUANTITY", NAME}
_OPERATORS = {"ADD", "SUB", "MUL", "CIRCUMFLEX"}


@frozen(eq=False, repr=False)
class Fault:
    """What the parser knew when it could not go on."""

    lexeme: Lexeme
    before: Lexeme | None
    line: tuple[Lexeme, ...]
    rest: tuple[Lexeme, ...]
    """The line from the lexeme on."""
    reads: Callable[[Sequence[Lexeme]], bool]
    """Whether the line could be read to its end with these lexemes in place of its rest."""
    clauses: frozenset[str]
    """Words that can begin a line in the innermost block, or at the top level."""
    said: frozenset[str]
    """Words that begin the other lines of the innermost block."""
    starts_line: bool
    expected: frozenset[str]
    block: tuple[Lexeme, ...]
    """The line that opened the innermost block; empty at the top level."""
    above: tuple[Lexeme, ...]
    """The last line before that is not empty."""
    next: Lexeme
    """The first lexeme from here on that is no line end."""
    brace: str
    """The brace that is missing, where the lines around show that one is."""
    too_deep: bool

    @property
    def kind(self) -> str:
        """The word of the declaration whose block is open; empty at the top level."""
        return next((lexeme[1] for lexeme in self.block if lexeme[1] != "frozen"), "")

    @property
    def word(self) -> str:
        """The word that begins the clause, or the declaration, in which the fault is."""
        line = [word for _, word, _, _ in self.line[: len(self.line) - len(self.rest)]]
        clause = line[len(line) - line[::-1].index("{") :] if "{" in line else line
        return next((word for word in (*clause, *(one[1] for one in self.rest)) if word != "frozen"), "")


def options(fault: Fault) -> tuple[str, ...]:
    """Everything that could stand at a fault, in words, the likeliest first."""
    expected = set(fault.expected)
    value = expected >= _VALUE
    if value:
        expected -= {*_VALUE, "STRING", "LSQB", "LPAR", "SUB"}
    late = expected & _OPERATORS if expected & {"ADD", "MUL"} else set()  # a complete expression can always go on
    named = [NAMED[terminal] for terminal in NAMED if terminal in expected]
    words = [f"'{word}'" for word in _spelled(expected - late)]
    near = suggestion(f"'{fault.lexeme[1]}'", words, cutoff=ALMOST)
    first = [*([near] if near else []), *(["a value"] if value else []), *named]
    return tuple(dict.fromkeys([*first, *words, *(f"'{word}'" for word in _spelled(late))]))


def clause_words(block: str, said: frozenset[str]) -> tuple[str, ...]:
    """Words of a block's clauses: those that it still needs, those that it may have, and those that it has."""
    clauses = [(first_word(rule), clause) for rule, clause in BLOCKS.get(block, {}).items()]
    there = dict.fromkeys(said)
    needed = [word for word, clause in clauses if word not in said and clause.wanted(there)]
    free = [word for word, clause in clauses if word not in said or clause.repeats]
    return tuple(dict.fromkeys([*needed, *free, *(word for word, _ in clauses)]))


def line_words(fault: Fault) -> tuple[str, ...]:
    """Words that could begin the line of a fault."""
    return clause_words(fault.kind, fault.said) if fault.block else tuple(_spelled(fault.expected))


def first_word(rule: str) -> str:
    """The word that a declaration or clause begins with."""
    return grammar().examples[rule].removeprefix("frozen ").split(None, 1)[0]


def examples(word: str, block: str = "") -> tuple[str, ...]:
    """The grammar's examples of a word; in a *block* that has clauses of that word, those of the clauses."""
    own = [rule for rule in BLOCKS.get(block, ()) if first_word(rule) == word]
    elsewhere = sum(first_word(rule) == word for clauses in BLOCKS.values() for rule in clauses) > len(own)
    if own and elsewhere:
        return tuple(grammar().examples[rule] for rule in own)
    return tuple(dict.fromkeys(grammar().examples_of(word)))


def listed(parts: Sequence[str], most: int = MOST_SHOWN, *, last: str = "or") -> str:
    """The first of some parts in words, and how many more there are."""
    shown = [*parts[:most], *([f"{len(parts) - most} more"] if len(parts) > most + 1 else parts[most:])]
    return f" {last} ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def _spelled(terminals: set[str] | frozenset[str]) -> list[str]:
    """How terminals are written: words in the order of the grammar, then those of which one is chosen, then signs."""
    choices = grammar().choices
    alone = terminals - choices.keys()
    plain = [word for word, may_be in grammar().words.items() if not alone.isdisjoint(may_be)]
    chosen = [word for terminal, these in choices.items() if terminal in terminals for word in these]
    return sorted(dict.fromkeys([*plain, *chosen]), key=lambda word: not word[0].isalpha())
