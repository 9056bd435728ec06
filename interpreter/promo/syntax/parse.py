"""
Text to tree, by the tables of `promo.lark`.

An LALR(1) automaton reads the lexemes.  A word becomes a keyword only where the current state can take it, which is
what Lark's contextual lexer does; a test compares both parsers tree by tree and error by error.

After a syntax error the parser resynchronises at the next line end: it leaves out the rest of the line (or the
block that the line opens), takes the stack back to the nearest list of clauses or declarations, and goes on, so that
one run reports every mistake of a file and still hands on the declarations that are sound.  A brace that is missing is
put in where the lines around it show that it is, so that it costs one message and no clause of its block.
"""

from collections.abc import Sequence
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING

from promo.base.classes import frozen
from promo.base.diagnostics import Diagnostic
from promo.base.source import Source
from promo.syntax.accept import DEEPEST, WORDLIKE, accepted
from promo.syntax.lex import COMMENT, NAME, NEWLINE, PUNCTUATION, Lexeme, grammar, lexemes
from promo.syntax.nodes import Node, Token, Tree
from promo.syntax.tables import END, Lazy, Rule

if TYPE_CHECKING:  # only a text with a syntax error pays for explaining it
    from promo.syntax.fault import Fault

MOST_FAULTS = 200
Value = Node | Token | list[Node | Token] | None
VALUES = (Node, Token, list, NoneType)
BRACES = frozenset({"LBRACE", "RBRACE"})


@frozen
class Parsed:
    """A tree of everything that could be read, and what could not."""

    tree: Tree
    diagnostics: tuple[Diagnostic, ...]


def parse(source: Source) -> Parsed:
    """
    Read a spec text.

    Returns:
        The tree, without the lines that have a syntax error, and a diagnostic for each of those.
    """
    read = lexemes(source.text)
    comments = [Token(*lexeme) for lexeme in read if lexeme[0] == COMMENT]
    stream = [lexeme for lexeme in read if lexeme[0] != COMMENT] if comments else read
    end = len(source.text)
    stream.append((END, "", end, end))
    machine = Machine(stream)
    machine.run()
    root = machine.root or Node("start", (), 0, end)
    return Parsed(Tree(source, root, tuple(comments)), _explained(source, machine.faults) if machine.faults else ())


def _explained(source: Source, faults: list["Fault"]) -> tuple[Diagnostic, ...]:
    from promo.syntax.explain import explain

    return tuple(explain(source, fault) for fault in faults)


@cache
def _resting_states() -> frozenset[int]:
    """States between two clauses or two declarations, where a line end is taken as it is."""
    return frozenset(
        state
        for state, moves in enumerate(grammar().actions.every())
        if moves.get(NEWLINE, -1) >= 0 and ("RBRACE" in moves or END in moves)
    )


@cache
def _renaming() -> Lazy[dict[type, str]]:
    """
    Rule -> the symbol that takes its place, by the class of its value where the rule leaves that as it is.

    Most rules of one symbol do: a number is an operand is a product is a sum.
    """
    rules = grammar().rules
    return Lazy(rules.count, lambda number: _renamed(rules[number]))


def _renamed(rule: Rule) -> dict[type, str]:
    return {one: rule[0] for one in VALUES if rule[1] == 1 and _only_renames(rule, one)}


def _only_renames(rule: Rule, value: type) -> bool:
    """Whether a rule of one symbol leaves a value of a class as it is."""
    _, _, kind, keep, lift = rule
    if kind is None:
        return bool(keep) or value is NoneType
    return lift and value in (Node, Token)


class Machine:
    """The automaton: a stack of states, and the value, start and end of the symbol that led to each."""

    def __init__(self, stream: list[Lexeme]) -> None:
        self.stream = stream
        self.tables = grammar()
        self.states = [self.tables.start]
        self.parts: list[tuple[Value, int, int]] = [(None, 0, 0)]
        self.blocks: list[int] = []
        """Where in the stream the open braces stand."""
        self.words_said: dict[int, list[tuple[int, str]]] = {}
        """Brace of a block -> where its lines begin, and with which word; known once something is wrong in it."""
        self.faults: list[Fault] = []
        self.root: Node | None = None

    def run(self) -> None:
        """Read the whole stream."""
        at, end = 0, len(self.stream) - 1
        while (at := self._read(self.stream, at, end + 1)) <= end:
            at, brace = self._missing_brace(at)
            self.faults.append(self._fault(at, brace))
            if at == end or len(self.faults) == MOST_FAULTS:
                self._finish(self.stream[end])
                return
            at = self._recover(at, brace)

    def copy(self) -> "Machine":
        """A machine that has read the same, and reads on by itself."""
        other = Machine(self.stream)
        other.states, other.blocks = list(self.states), list(self.blocks)
        # A list grows in place, so each has to be another one.
        other.parts = [
            (list(value) if isinstance(value, list) else value, start, end) for value, start, end in self.parts
        ]
        return other

    def read(self, lexemes: Sequence[Lexeme]) -> None:
        """Read what does not stand in the text."""
        self._read(lexemes, 0, len(lexemes))

    def stop_before(self, end: int) -> tuple[frozenset[str], tuple[Lexeme, ...], tuple[Lexeme, ...]]:
        """Read up to a lexeme; what is accepted there, its line, and the line that opened the innermost block."""
        at, faults, last_fault = 0, 0, -1
        while faults < MOST_FAULTS and (at := self._read(self.stream, at, end)) < end:
            at, brace = self._missing_brace(at)
            faults, last_fault = faults + 1, at
            at = self._recover(at, brace)
        line = self._line(end)
        block = self._line(self.blocks[-1]) if self.blocks else ()
        lost = last_fault >= 0 and last_fault >= end - len(line)
        return frozenset(() if lost or at < end else self._accepted()), line, block

    def _read(self, stream: Sequence[Lexeme], at: int, until: int) -> int:
        """
        Read lexemes from *at* on: reduce as far as each asks, then shift it.

        Returns:
            Index of the first that no move fits; *until* when all were taken.
        """
        # Every lexeme of every file comes through here, so what it needs is at hand by short names.
        tables, states, parts, reduce = self.tables, self.states, self.parts, self._reduce
        actions, gotos, rules, words, silent = tables.actions, tables.gotos, tables.rules, tables.words, tables.silent
        renaming = _renaming()
        state = states[-1]
        while at < until:
            terminal, text, start, end = stream[at]
            moves = actions[state]
            if terminal in WORDLIKE:
                for word in words.get(text, ()):  # a keyword if the state takes one, else a name
                    if word in moves:
                        terminal = word
                        break
            move = moves.get(terminal)
            while move is not None and move < 0:
                symbol = renaming[-1 - move].get(type(parts[-1][0]))
                if symbol is not None:
                    states[-1] = state = gotos[states[-2]][symbol]
                else:
                    state = reduce(rules[-1 - move], end)
                move = actions[state].get(terminal)
            if terminal == END and state == tables.accept:
                return until
            if move is None or len(states) > DEEPEST:
                return at
            states.append(move)
            state = move
            parts.append((None if terminal in silent else Token(terminal, text, start, end), start, end))
            if terminal in BRACES:
                if terminal == "LBRACE":
                    self.blocks.append(at)
                else:
                    self.blocks.pop()
            at += 1
        return until

    def _reduce(self, rule: Rule, here: int) -> int:
        """Replace the symbols of a rule by its node, or by the list of its children; the state that follows."""
        symbol, length, kind, keep, lift = rule
        states, parts = self.states, self.parts
        if length:
            taken = parts[-length:]
            start, end = taken[0][1], taken[-1][2]
            del states[-length:], parts[-length:]
        else:
            taken, start, end = [], here, here
        children: list[Node | Token] = []
        for place in keep:
            value = taken[place][0]
            if value is None:
                continue
            if not isinstance(value, list):
                children.append(value)
            # A list belongs to the rule that takes it, so it may grow in place: long files stay linear.
            elif children:
                children.extend(value)
            else:
                children = value
        made: Value
        if kind is None:
            made = children
        elif lift and len(children) == 1:
            made = children[0]
        else:
            made = Node(kind, tuple(children), start, end)
            if kind == "start":
                self.root = made
        state = self.tables.gotos[states[-1]][symbol]
        states.append(state)
        parts.append((made, start, end))
        return state

    def _fault(self, at: int, brace: str) -> "Fault":
        from promo.syntax.fault import Fault

        before = self.stream[at - 1] if at else None
        first = before is None or before[0] == NEWLINE or before[1] == "{"
        line, states = self._line(at), tuple(self.states)

        def reads(rest: Sequence[Lexeme]) -> bool:
            ended = (*rest, (NEWLINE, "\n", 0, 0))
            return accepted(list(states), ended) == len(ended)

        return Fault(
            lexeme=self.stream[at],
            before=before,
            line=line,
            rest=line[at - self._line_start(at) :],
            reads=reads,
            clauses=self._begin_lines(),
            said=self._said(at),
            starts_line=first,
            expected=frozenset(self._accepted()),
            block=self._line(self.blocks[-1]) if self.blocks else (),
            above=self._above(at),
            next=self.stream[self._after_ends(at)],
            brace=brace,
            too_deep=len(self.states) > DEEPEST,
        )

    def _accepted(self) -> list[str]:
        """Terminals that could really come next; an LALR state also lists some that cannot."""
        moves = grammar().actions[self.states[-1]]
        return [one for one in moves if accepted(list(self.states), ((one, "", 0, 0),))]

    def _begin_lines(self) -> frozenset[str]:
        """Words that can begin a line in the innermost block, or at the top level."""
        resting = next((state for state in reversed(self.states) if state in _resting_states()), self.tables.start)
        return _taken_words(resting)

    def _said(self, at: int) -> frozenset[str]:
        """Words that begin the other lines of the block around a place, as far as the next brace; looked at once."""
        if not self.blocks:
            return frozenset()
        opened = self.blocks[-1]
        if opened not in self.words_said:
            first, found = opened + 1, []
            for place in range(first, len(self.stream)):
                if self.stream[place][0] == END or self.stream[place][1] in ("{", "}"):
                    break
                if place == first or self.stream[place - 1][0] == NEWLINE:
                    found.append((place, self.stream[place][1]))
            self.words_said[opened] = found
        mine = self._line_start(at)
        return frozenset(word for place, word in self.words_said[opened] if place != mine)

    def _line(self, at: int) -> tuple[Lexeme, ...]:
        last = at
        while self.stream[last][0] not in (NEWLINE, END):
            last += 1
        return tuple(self.stream[self._line_start(at) : last])

    def _line_start(self, at: int) -> int:
        while at and self.stream[at - 1][0] != NEWLINE:
            at -= 1
        return at

    def _above(self, at: int) -> tuple[Lexeme, ...]:
        """The last line before that of *at* that is not empty."""
        at = self._line_start(at) - 1
        while at > 0 and self.stream[at - 1][0] == NEWLINE:
            at -= 1
        return self._line(at) if at > 0 else ()

    def _after_ends(self, at: int) -> int:
        """Index of the first lexeme from *at* on that is no line end."""
        while self.stream[at][0] == NEWLINE:
            at += 1
        return at

    def _missing_brace(self, at: int) -> tuple[int, str]:
        """Which brace is missing at a fault, if one is; and where the fault then is."""
        first = self._line_start(at)
        if self.blocks and self.blocks[-1] < first and self._declares(first):
            if first < at:
                self._rest()
            return first, "}"
        if not self.blocks and self.stream[at][0] == NEWLINE and "LBRACE" in self._accepted():
            following = self.stream[self._after_ends(at)]
            opened = (PUNCTUATION, "{", 0, 0), (NEWLINE, "\n", 0, 0), following
            inside = following[1] == "}" or following[0] == NAME
            if following[1] == "{" or (inside and accepted(list(self.states), opened) == len(opened)):
                return at, "{"
        return at, ""

    def _recover(self, at: int, brace: str) -> int:
        """Take the stack back to a resting state; the index of the lexeme to go on from."""
        if brace == "}":
            self._close(self.stream[at][2])
            return at
        if brace == "{":
            return self._open(at)
        if not any(isinstance(value, Node) and value.kind == "header" for value, _, _ in self.parts[:4]):
            return self._supply_header(at)
        top = self.parts[-1][0]
        if isinstance(top, Token) and top.kind == "RBRACE":
            # The block is closed: end its line here, or going back would open it again.
            self.read(((NEWLINE, "\n", self.stream[at][2], self.stream[at][2]),))
        self._rest()
        return self._after_line(at)

    def _open(self, at: int) -> int:
        """Open the block of a line that ends without a brace; one that begins the next line serves."""
        following = self._after_ends(at)
        if self.stream[following][1] == "{":
            return following
        self.read(((PUNCTUATION, "{", self.stream[at][2], self.stream[at][2]),))
        self.blocks[-1] = at
        return at

    def _finish(self, end: Lexeme) -> None:
        """Close what is open, so that the declarations read so far become a tree."""
        while self.blocks:
            self._close(end[2])
        self._rest()
        self.read((end,))

    def _close(self, offset: int) -> None:
        self._rest()
        self.read(((PUNCTUATION, "}", offset, offset),))
        self.read(((NEWLINE, "\n", offset, offset),))

    def _supply_header(self, at: int) -> int:
        start = self.stream[at][2]
        del self.states[1:], self.parts[1:]
        self.read(
            (
                (NAME, "promo", start, start),
                ("INT", "1", start, start),
                (NEWLINE, "\n", start, start),
            )
        )
        return at if self._begins(at) else self._after_line(at)

    def _declares(self, at: int) -> bool:
        """Whether a line of its own starts here that is a declaration, or looks like one: `stage name ... {`."""
        if not self._begins(at):
            return False
        line = self._line(at)
        return self._opens(at) or (len(line) > 1 and accepted(list(_between_declarations()), line) == len(line))

    def _begins(self, at: int) -> bool:
        """Whether the word that opens a declaration begins a line here."""
        kind, text, _, _ = self.stream[at]
        first = at == 0 or self.stream[at - 1][0] == NEWLINE
        return first and kind == NAME and grammar().words.get(text, ("",))[0] in _declaring()

    def _opens(self, at: int) -> bool:
        while self.stream[at][0] not in (NEWLINE, END):
            if self.stream[at][1] == "{":
                return True
            at += 1
        return False

    def _after_line(self, at: int) -> int:
        """Index of the line end after *at*, past the block that the line opens, or should have opened."""
        end = self._line_end(at)
        if self.blocks or self._opens(at) or self.stream[at][1] == "}":
            return end
        return self._after_clauses(end)

    def _after_clauses(self, at: int) -> int:
        """
        Past clauses that stand in no block, up to the `}` that was to close it; *at* itself where there is none.

        They follow a line that is at fault; what they would say belongs to it.
        """
        end = at
        while self.stream[end][0] == NEWLINE:
            first = self._after_ends(end)
            setting = self.stream[first][0] != END and self.stream[first + 1][1] == "="
            if self.stream[first][0] == END or self._opens(first) or (self._begins(first) and not setting):
                return at
            end = self._line_end(first)
            if self.stream[first][1] == "}":
                return end
        return at

    def _line_end(self, at: int) -> int:
        depth = 0
        while self.stream[at][0] != END:
            kind, text, _, _ = self.stream[at]
            if text == "{":
                depth += 1
            elif text == "}" and (depth or self.blocks):
                if not depth:
                    break
                depth -= 1
            elif kind == NEWLINE and not depth:
                break
            at += 1
        return at

    def _rest(self) -> None:
        resting = _resting_states()
        while self.states[-1] not in resting and len(self.states) > 1:
            self.states.pop()
            self.parts.pop()


@cache
def declaration_words() -> frozenset[str]:
    """Words that begin a declaration."""
    return frozenset(word for word, terminals in grammar().words.items() if not _declaring().isdisjoint(terminals))


@cache
def _taken_words(state: int) -> frozenset[str]:
    """Words that a state takes."""
    moves = grammar().actions[state].keys()
    return frozenset(word for word, terminals in grammar().words.items() if not moves.isdisjoint(terminals))


@cache
def _between_declarations() -> tuple[int, ...]:
    """The stack behind the header."""
    states = [grammar().start]
    accepted(states, ((NAME, "promo", 0, 0), ("INT", "1", 0, 0), (NEWLINE, "\n", 0, 0)))
    return tuple(states)


@cache
def _declaring() -> frozenset[str]:
    """Terminals that open a declaration."""
    resting = next(
        moves for moves in grammar().actions.every() if "STUDY" in moves and "STAGE" in moves and NEWLINE in moves
    )
    return frozenset(resting) - {NEWLINE, END}
