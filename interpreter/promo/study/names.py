"""
Names and clauses: what is declared, what refers to what, which clauses a block must have.

Declarations may come in any order, so all names are gathered first.  Every fault is noted and reading goes on; a
name whose declaration is itself at fault stays known, so that one mistake is reported once.
"""

from collections.abc import Callable, Iterable

from promo.base.classes import define, field
from promo.base.diagnostics import Confidence, Diagnostic, Edit, Label, Severity, suggestion
from promo.base.edits import line_after
from promo.base.source import Span
from promo.study.ports import World
from promo.syntax.clauses import ARGUMENTS, BLOCKS, SPOKEN, Kind
from promo.syntax.nodes import Node, Token, Tree, names_in

DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{kind}{at}" for kind in ("com", "lpt") for at in range(1, 10))})
EVERYONE = "all"
"""A word, but no name: what stands in a spec is said by name, or what is added later would be in it unseen."""
LONGEST_NAME = 64
"""Names become parts of file names."""


def _no_row(name: Token) -> bool | None:
    """No design is read yet."""
    return None


@define
class Scope:
    """The declarations of one text, and the faults found so far."""

    tree: Tree
    world: World
    declared: dict[str, Node] = field(factory=dict)
    used: set[str] = field(factory=set)
    vague: set[str] = field(factory=set)
    """Names that exist but whose meaning could not be settled; using one is no second fault."""
    derived: set[str] = field(factory=set)
    """Named values that factors enter: they have a value for each candidate only."""
    blocked: dict[str, tuple[str, ...]] = field(factory=dict)
    """Stage whose hosts run different rows -> the stages that it is, one for each host."""
    found: list[Diagnostic] = field(factory=list)
    currencies: dict[str, Token] = field(factory=dict)
    """Currencies that the text counts in, each with its first place."""
    row: Callable[[Token], bool | None] = _no_row
    """The candidate that a name is as a row of a design, which it makes, or as a way of a growth: whether it is there,
    and None when the name is neither."""

    @property
    def currency(self) -> str:
        """The currency that the text counts in, of those that were read so far; empty where there is none."""
        return next(iter(self.currencies), "")

    def gather(self) -> None:
        """Register every named declaration; a second one of the same name is a fault."""
        for declaration in self.tree.declarations:
            if declaration.kind in SPOKEN:
                self._check_file_name(declaration.token("NAME"))
                self._register(declaration.token("NAME"), declaration)
            for becomes in declaration.nodes("becomes"):
                name = becomes.token("NAME")
                self._register(name, Node("candidate", (name,), name.start, name.end))

    def _check_file_name(self, name: Token) -> None:
        if len(name.text) > LONGEST_NAME:
            self.report("P0223", f"a name has at most {LONGEST_NAME} characters", name, "choose a shorter one")
        elif name.text.lower() in DEVICES:
            message = f"'{name.text}' is a device on Windows, where no file can have that name"
            self.report("P0223", message, name, "choose another one")

    def _register(self, name: Token, declaration: Node) -> None:
        first = self.declared.setdefault(name.text, declaration)
        if first is not declaration:
            earlier = Label(self.span(first.token("NAME")), "first declared here")
            self.report("P0202", f"'{name.text}' is declared twice", name, "rename one of them", labels=(earlier,))

    def span(self, part: Node | Token | Span) -> Span:
        """Where a part of the tree stands."""
        return part if isinstance(part, Span) else self.tree.span(part)

    def report(
        self,
        code: str,
        message: str,
        at: Node | Token | Span,
        hint: str = "",
        *,
        notes: Iterable[str] = (),
        labels: Iterable[Label] = (),
        edits: Iterable[Edit] = (),
        confidence: Confidence = Confidence.GUESS,
    ) -> None:
        """Note an error."""
        self.found.append(
            Diagnostic(
                code,
                message,
                self.span(at),
                hint,
                notes=tuple(notes),
                labels=tuple(labels),
                edits=tuple(edits),
                confidence=confidence,
            )
        )

    def warn(
        self, code: str, message: str, at: Node | Token | Span, hint: str = "", *, notes: Iterable[str] = ()
    ) -> None:
        """Note a warning."""
        self.found.append(Diagnostic(code, message, self.span(at), hint, severity=Severity.WARNING, notes=tuple(notes)))

    def of_kind(self, kind: str) -> tuple[Node, ...]:
        """Declarations of one kind, in the order of the text, without repeated names."""
        return tuple(node for node in self.declared.values() if node.kind == kind)

    def meant(self, node: Node, place: int = 0) -> str | None:
        """
        What the name at a place of a clause means, as the table of clauses says; else note why it means nothing.

        A word that may stand there in place of a name is that word, unless something is declared by it.
        """
        name = list(names_in(node))[place] if place else node.token("NAME")
        return self._meant(node, name, place)

    def all_meant(self, node: Node, since: int = 0) -> tuple[str, ...] | None:
        """What the names of a clause mean, from a place on; None when one means nothing.  A name comes once."""
        names = list(names_in(node))[since:]
        found: dict[str, None] = {}
        for place, name in enumerate(names, start=since):
            known = self._meant(node, name, place)
            if known in found:
                self.report("P0210", f"'{name.text}' is listed twice", name, "remove one")
            elif known is not None:
                found[known] = None
        return tuple(found) if len(found) == len(names) else None

    def _meant(self, node: Node, name: Token, place: int) -> str | None:
        argument = ARGUMENTS[node.kind].name(place)
        if name.text in argument.words and name.text not in self.declared:
            return name.text
        return self.refer(name, *argument.kinds)

    def refer(self, name: Token, *kinds: Kind) -> str | None:
        """The name, if it is declared as one of *kinds* and its declaration is sound; otherwise note why not."""
        declaration = self.declared.get(name.text)
        if name.text in self.vague:
            self.used.add(name.text)
            return None
        if declaration is not None and declaration.kind in kinds:
            self.used.add(name.text)
            return name.text
        made = self.row(name) if declaration is None and "candidate" in kinds else None
        if made is not None:
            return name.text if made else None
        wanted = " or ".join(SPOKEN[kind] for kind in kinds)
        if declaration is None:
            known = [text for text, node in self.declared.items() if node.kind in kinds]
            near = ", ".join(known) if name.text == EVERYONE else suggestion(name.text, known)
            listed = f"the file declares: {', '.join(known[:12])}" if known else f"declare a {wanted} of that name"
            edits = (Edit(self.span(name), near),) if near else ()
            hint = f"did you mean '{near}'?" if near else listed
            if near and name.text == EVERYONE:
                hint = f"name each: {line_after(edits)}"
            self.report("P0201", f"no {wanted} is called '{name.text}'", name, hint, edits=edits)
            return None
        self.used.add(name.text)
        label = Label(self.span(declaration.token("NAME")), "declared here")
        message = f"'{name.text}' is a {SPOKEN[declaration.kind]}, not a {wanted}"
        self.report("P0209", message, name, labels=(label,))
        return None

    def clauses(self, block: Node) -> "Clauses":
        """The clauses of a block; one that the table of clauses wants and that is not there is a fault."""
        table = BLOCKS[block.kind]
        found: dict[str, list[Node]] = {}
        for clause in block.children:
            if isinstance(clause, Node):
                found.setdefault(clause.kind, []).append(clause)
        for kind, same in found.items():
            if len(same) > 1 and not table[kind].repeats:
                label = Label(self.span(same[0]), "first given here")
                message = f"{self.title(block)} says '{self.word(same[1])}' twice"
                self.report("P0206", message, same[1], "keep one of them", labels=(label,))
        absent = [line for kind, one in table.items() if kind not in found and (line := one.wanted(found))]
        if absent:
            words = ", ".join(f"'{line.split()[0]}'" for line in absent)
            hint = "add: " + "; ".join(absent)
            self.report("P0207", f"{self.title(block)} does not say {words}", self.naming(block), hint)
        return Clauses(found, not absent)

    def naming(self, block: Node) -> Token | Node:
        """What to point at when a whole block is meant: its name."""
        return next(block.tokens("NAME"), block)

    def title(self, block: Node) -> str:
        """A block in words: `gate 'pick_nine'`."""
        name = next(block.tokens("NAME"), None)
        return f"{block.kind} '{name.text}'" if name else f"the {block.kind}"

    def word(self, clause: Node) -> str:
        """The word a clause begins with."""
        return self.tree.source.text[clause.start : clause.end].split(None, 1)[0]

    def where(self, block: Node) -> dict[str, Span]:
        """Places of a block: its name, and each clause by its kind."""
        places = {"name": self.span(self.naming(block))}
        for clause in block.children:
            if isinstance(clause, Node) and clause.kind not in places:
                places[clause.kind] = self.span(clause)
        return places

    def guard(self, block: Node, build: Callable[[Node], object | None]) -> None:
        """Run *build* on a block; when it settles nothing, later uses of the block's name stay silent."""
        if build(block) is None:
            self.vague.add(block.token("NAME").text)


@define
class Clauses:
    """Clauses of one block by kind; *complete* when all required ones are there."""

    found: dict[str, list[Node]]
    complete: bool

    def one(self, kind: str) -> Node:
        """A clause that is known to be there."""
        return self.found[kind][0]

    def maybe(self, kind: str) -> Node | None:
        """A clause that may be there."""
        return self.found.get(kind, [None])[0]

    def all(self, kind: str) -> tuple[Node, ...]:
        """Every clause of a kind."""
        return tuple(self.found.get(kind, ()))


def ways_in(block: Node) -> tuple[str, ...]:
    """Names of the candidates that the ways of a growth are, as its clause lists them."""
    stack, owner = block.node("stack"), block.token("NAME").text
    listed = stack.node("list") if stack is not None else None
    parts = listed.children if listed is not None else ()
    named = [part for part in parts if isinstance(part, Node) and part.kind == "named"]
    return tuple(f"{owner}_{part.token('NAME').text}" for part in named)
