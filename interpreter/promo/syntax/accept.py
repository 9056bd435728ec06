"""
Lexemes to whether the grammar takes them: the automaton of `parse` without a tree.

Whoever only asks whether a text can be read (the formatter, which must not touch one that cannot; recovery, which
asks whether a line is a declaration) needs no nodes, and half the time of a parse is nodes.
"""

from collections.abc import Sequence

from promo.syntax.lex import NAME, PUNCTUATION, Lexeme, grammar
from promo.syntax.tables import END

WORDLIKE = frozenset({NAME, PUNCTUATION})
DEEPEST = 400
"""Open symbols on the stack: beyond this a text is nested past anything a person writes."""


def readable(stream: Sequence[Lexeme]) -> bool:
    """Whether lexemes without comments, the end of the text not among them, are a whole spec."""
    states = [grammar().start]
    if accepted(states, stream) < len(stream):
        return False
    end = stream[-1][3] if stream else 0
    return accepted(states, ((END, "", end, end),)) == 1


def accepted(states: list[int], stream: Sequence[Lexeme]) -> int:
    """
    Move a stack of states over lexemes, as far as they fit.

    Args:
        states: the stack; it is changed in place.
        stream: lexemes; the end of the text is `END`.

    Returns:
        How many were taken; the next one fits nowhere.
    """
    tables = grammar()
    actions, gotos, rules, words = tables.actions, tables.gotos, tables.rules, tables.words
    for at, (terminal, text, _, _) in enumerate(stream):
        moves = actions[states[-1]]
        if terminal in WORDLIKE:
            for word in words.get(text, ()):  # a keyword if the state takes one, else a name
                if word in moves:
                    terminal = word
                    break
        move = moves.get(terminal)
        while move is not None and move < 0:
            symbol, length, _, _, _ = rules[-1 - move]
            if length == 1:  # most are: a number is an operand is a product is a sum
                states[-1] = gotos[states[-2]][symbol]
            else:
                if length:
                    del states[-length:]
                states.append(gotos[states[-1]][symbol])
            move = actions[states[-1]].get(terminal)
        if terminal == END and states[-1] == tables.accept:
            return at + 1
        if move is None or len(states) > DEEPEST:
            return at
        states.append(move)
    return len(stream)
