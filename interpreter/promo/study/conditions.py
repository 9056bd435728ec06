"""
What can be trained: factors, values, designs, candidates and cohorts.

A candidate has a level for every factor: its own, that of the candidate it is like, or the factor's default.  The
runner says what that trains, as two conditions that differ on paper may be one model (a width is rounded up).
"""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction

from promo.base.canonical import exact
from promo.base.classes import evolve
from promo.base.diagnostics import Edit, Label, suggestion
from promo.base.source import Span
from promo.study.brought import Imported
from promo.study.expressions import Expressions
from promo.study.given import Level
from promo.study.levels import Levels, dimensions, shown
from promo.study.names import Scope, ways_in
from promo.study.ports import ConditionError, Runner
from promo.study.space import Array, Design, Factor
from promo.study.values import HISTORY, Candidate, Grow, Role
from promo.syntax.clauses import WAYS_TO_GROW
from promo.syntax.nodes import Node, Token

MOST_UNMATCHED = Fraction(5, 100)
"""How far the size of a control may lie from that of its candidate, as a share."""


class Conditions:
    """Reads factors, designs, candidates and cohorts of one text."""

    def __init__(self, scope: Scope, expressions: Expressions, runner: Runner, imported: Imported) -> None:
        self.scope, self.expressions, self.runner = scope, expressions, runner
        self.factors: dict[str, Factor] = dict(imported.factors)
        self.designs: dict[str, Design] = dict(imported.designs)
        self.arrays: dict[str, Array] = dict(imported.arrays)
        self.candidates: dict[str, Candidate] = dict(imported.candidates)
        self.cohorts: dict[str, tuple[str, ...]] = dict(imported.cohorts)
        self.levels = Levels(scope, expressions, runner, self.factors)

    def read_factors(self) -> None:
        """Read factors, and the designs that vary them."""
        for block in self._own("factor"):
            self.scope.guard(block, self._factor)
        if designs := self._own("design"):
            self._read_designs(designs)
        self.scope.row = self._named

    def _read_designs(self, blocks: tuple[Node, ...]) -> None:
        # Only a text that has such blocks pays for reading them.
        from promo.study.factorial import DesignReader
        from promo.study.mixed import ArrayReader, is_mixed

        mixed = {block: is_mixed(block) for block in blocks}
        with_arrays = ArrayReader(
            self.scope, self.expressions, self.factors, self.arrays, self.levels.level, self.levels.domain, self._model
        )
        with_arrays.read([block for block, more in mixed.items() if more])
        reader = DesignReader(self.scope, self.expressions, self.factors, self.designs, self.levels.level)
        reader.read([block for block, more in mixed.items() if not more])

    def read_candidates(self) -> None:
        """Read candidates."""
        for block in self._like_first():
            self.scope.guard(block, self._candidate)
        for candidate in self.candidates.values():
            if candidate.control_of in self.candidates and "role" in candidate.where:
                self._matched(candidate, self.candidates[candidate.control_of])

    def _matched(self, control: Candidate, other: Candidate) -> None:
        """A control has the size of the candidate that it is a control of."""
        mine, theirs = control.effective.parameters, other.effective.parameters
        at = control.where["role"]
        moving = next((one for one in (control, other) if one.follows), None)
        if moving is not None:
            message = f"'{moving.name}' follows {moving.follows}, so its size changes while it trains"
            self.scope.report("P0726", message, at, "name a candidate that keeps its shape")
        elif control is other or not mine or not theirs:
            message = f"the runner gives no size by which '{control.name}' could be a control of '{other.name}'"
            self.scope.report("P0726", message, at, "name another candidate, of a runner that gives sizes")
        elif abs(mine - theirs) > MOST_UNMATCHED * theirs:
            message = f"'{control.name}' has {mine:,} parameters, and '{other.name}' has {theirs:,}"
            hint = f"a control is within {exact(MOST_UNMATCHED * 100)}% of the size that it controls for"
            self.scope.report("P0726", message, at, hint)

    def read_cohorts(self) -> None:
        """Read cohorts."""
        for block in self._own("cohort"):
            self.scope.guard(block, self._cohort)

    def _own(self, kind: str) -> tuple[Node, ...]:
        """Declarations of the text itself, without what it imports."""
        texts = {id(block) for block in self.scope.tree.declarations}
        return tuple(block for block in self.scope.of_kind(kind) if id(block) in texts)

    def one_model_each(self, trained: Iterator[str]) -> None:
        """Two trained candidates that are the same model are a fault: one of them is paid for twice."""
        seen: dict[tuple[tuple[str, int | str], ...], Candidate] = {}
        for name in trained:
            candidate = self.candidates[name]
            twin = seen.setdefault(candidate.effective.settings, candidate)
            if twin is candidate:
                continue
            different = [
                f"{factor} {shown(mine)} and {shown(other)}"
                for (factor, mine), (_, other) in zip(twin.levels, candidate.levels, strict=True)
                if mine != other
            ]
            settings = dict(candidate.effective.settings)
            width = f": width {settings['width']}" if "width" in settings else ""
            notes = (f"they differ only on paper ({'; '.join(different)})",) if different else ()
            self.scope.report(
                "P0705",
                f"'{twin.name}' and '{candidate.name}' train the same model{width}",
                candidate.where["name"],
                "remove one, or choose levels that the runner does not round to the same model",
                labels=(Label(twin.where["name"], f"'{twin.name}' ({twin.origin})"),),
                notes=notes,
            )

    # --- factors -----------------------------------------------------------------------------------------

    def _factor(self, block: Node) -> Factor | None:
        name, unit = block.tokens("NAME")
        known = self.runner.factors.get(name.text)
        if known is None:
            near = suggestion(name.text, self.runner.factors)
            hint = f"did you mean '{near}'?" if near else f"it has: {', '.join(self.runner.factors)}"
            edits = (Edit(self.scope.span(name), near),) if near else ()
            self.scope.report(
                "P0216", f"the runner '{self.runner.name}' has no factor '{name.text}'", name, hint, edits=edits
            )
            return None
        if unit.text != known.unit:
            message = f"'{name.text}' is counted in {known.unit}"
            edits = (Edit(self.scope.span(unit), known.unit),)
            self.scope.report("P0301", message, unit, f"write: factor {name.text}: {known.unit} in ...", edits=edits)
        domain_node = next(child for child in block.children if isinstance(child, Node) and child.kind != "default")
        domain = self.expressions.domain(domain_node, *dimensions(known.unit))
        default_node = block.node("default")
        if domain is None:
            return None
        possible = self.levels.possible
        if isinstance(domain, tuple) and not all(possible(name.text, level, domain_node) for level in domain):
            return None
        factor = Factor(
            name=name.text,
            unit=known.unit,
            domain=domain,
            default=known.default,
            documentation=self.scope.tree.documentation(block),
            where=self.scope.where(block),
        )
        default = self._default(factor, default_node, block)
        if default is None:
            return None
        self.factors[factor.name] = evolve(factor, default=default)
        return factor

    def _default(self, factor: Factor, node: Node | None, block: Node) -> Level | None:
        if node is not None:
            return self.levels.of(factor, node.children[0])
        if isinstance(factor.domain, tuple) and len(factor.domain) == 1:
            return factor.domain[0]
        if self.runner.factors[factor.name].declared:
            return factor.domain[0] if isinstance(factor.domain, tuple) else factor.domain.low
        if factor.default in factor.domain:
            return factor.default
        message = f"the runner's default for '{factor.name}' ({shown(factor.default)}) is not among these values"
        self.scope.report("P0305", message, block.token("NAME"), "add: default ...")
        return None

    def _model(self, levels: Mapping[str, Level]) -> object | None:
        """What a condition trains, for telling models apart; None when it cannot be built."""
        full = {factor: known.default for factor, known in self.runner.factors.items()}
        full |= {factor.name: factor.default for factor in self.factors.values()} | dict(levels)
        try:
            return self.runner.resolve(full).settings
        except ConditionError:
            return None

    # --- candidates --------------------------------------------------------------------------------------

    def _like_first(self) -> list[Node]:
        """Candidate blocks, each after the one it is like; a circle is a fault."""
        blocks = {block.token("NAME").text: block for block in self._own("candidate")}
        done: dict[str, Node] = {}
        for start in blocks:
            chain: list[str] = []
            name: str | None = start
            while name in blocks and name not in done and name not in self.scope.vague:
                if name in chain:
                    circle = " -> ".join([*chain[chain.index(name) :], name])
                    at = blocks[name].token("NAME")
                    self.scope.report("P0208", f"candidates are like each other in a circle: {circle}", at)
                    self.scope.vague.update(chain)
                    chain = []
                    break
                chain.append(name)
                model = self._begins(blocks[name])
                name = None if model is None else model.text
            for link in reversed(chain):
                done[link] = blocks[link]  # those like a candidate in a circle fall silent with it
        return list(done.values())

    def _candidate(self, block: Node) -> Candidate | None:
        scope = self.scope
        name = block.token("NAME").text
        levels = {factor.name: factor.default for factor in self.factors.values()}
        follows = block.node("follows")
        schedule = scope.meant(follows) if follows else None
        if follows is not None and (schedule is None or not self._only_follows(block)):
            return None
        model = self._begins(block)
        if model is not None:
            name_of_model = scope.refer(model, "candidate")
            if name_of_model is None:
                return None
            if name_of_model not in self.candidates:
                self._too_early(model)
                return None
            levels.update(self.candidates[name_of_model].levels)
        sound, given = True, dict[str, Node]()
        for setting in block.nodes("setting"):
            factor = scope.meant(setting)
            level = self.levels.of(self.factors[factor], setting.children[1]) if factor else None
            if factor is None or level is None:
                sound = False
                continue
            if factor in given:
                label = Label(scope.span(given[factor]), "first set here")
                scope.report("P0206", f"'{factor}' is set twice", setting, "keep one of them", labels=(label,))
            given[factor] = setting
            levels[factor] = level
        role = block.node("role")
        control = role.node("control") if role else None
        control_of = scope.meant(control) if control else None
        return self._add(
            name,
            Role.CONTROL if control else Role(role.token("ROLE").text) if role else Role.PLAIN,
            levels if sound else None,
            "candidate",
            scope.tree.documentation(block),
            block,
            (("follows", schedule),) if schedule else (),
            control_of,
            schedule,
        )

    def _begins(self, block: Node) -> Token | None:
        """Whose levels a candidate begins with: of the one it is like, or of the first shape that it goes through."""
        like, follows = block.node("like"), block.node("follows")
        if follows is None:
            return None if like is None else like.token("NAME")
        schedule = self.scope.declared.get(follows.token("NAME").text)
        shapes = None if schedule is None or schedule.kind != "schedule" else schedule.node("shapes")
        return None if shapes is None else shapes.token("NAME")

    def _only_follows(self, block: Node) -> bool:
        """Whether a candidate that follows a schedule leaves all that is trained to the shapes of that."""
        extra = block.node("like") or next(block.nodes("setting"), None)
        if extra is not None:
            message, hint = "the shapes of its schedule say what is trained here", "set it in those candidates"
            self.scope.report("P0804", message, extra, hint)
        return extra is None

    def grown(self, grow: Grow, name: Token, block: Node) -> None:
        """The candidate that a growth becomes: the parent with one level changed, and its history."""
        parent = self.candidates[grow.parent]
        levels = {**dict(parent.levels), **{turn.factor: turn.new for turn in grow.stack}}
        lag = f"{grow.lag.amount}steps"
        if grow.looks is not None:
            lag += f", by looks of {grow.looks.every}steps until stable for {grow.looks.stable}"
        best = "lowest" if grow.lowest else "highest"
        history = f"{grow.parent} after {grow.stage}, by the {best} of {', '.join(grow.strategies)} after {lag}"
        origin = f"grown from {grow.parent}"
        if self._add(name.text, Role.PLAIN, levels, origin, "", block, ((HISTORY, history),)) is None:
            self.scope.vague.add(name.text)
            return
        for candidate, way in grow.ways.items():
            if candidate in self.scope.declared:
                message = f"the way '{way}' would be called '{candidate}', which is declared as something else"
                self.scope.report("P0202", message, self.scope.naming(block), "rename the other one")
                continue
            history = f"{grow.parent} after {grow.stage}, by {way}, and then {lag}"
            self._add(candidate, Role.PLAIN, levels, f"{origin} by {way}", "", block, ((HISTORY, history),))

    def _add(
        self,
        name: str,
        role: Role,
        levels: Mapping[str, Level] | None,
        origin: str,
        documentation: str,
        block: Node,
        history: tuple[tuple[str, str], ...] = (),
        control_of: str | None = None,
        follows: str | None = None,
    ) -> Candidate | None:
        """Ask the runner what the condition trains, and keep the candidate."""
        if levels is None:
            return None
        full = {factor: known.default for factor, known in self.runner.factors.items()} | dict(levels)
        try:
            effective = self.runner.resolve(full)
        except ConditionError as fault:
            at = next((node for node in block.nodes("setting") if node.token("NAME").text == fault.factor), None)
            whose = "" if origin == "candidate" else f" ({origin})"
            message = f"'{name}'{whose} cannot be built: {fault.message}"
            self.scope.report("P0708", message, at or self.scope.naming(block), fault.hint)
            return None
        if history:
            effective = evolve(effective, settings=tuple(sorted((*effective.settings, *history))))
        candidate = Candidate(
            name=name,
            role=role,
            levels=tuple(sorted(levels.items())),
            effective=effective,
            origin=origin,
            follows=follows,
            control_of=control_of,
            documentation=documentation,
            where=self.scope.where(block),
        )
        self.candidates[name] = candidate
        return candidate

    # --- cohorts -----------------------------------------------------------------------------------------

    def _cohort(self, block: Node) -> tuple[str, ...] | None:
        scope = self.scope
        clauses = scope.clauses(block)
        names: dict[str, None] = {}
        sound = True
        for clause in block.children:
            if not isinstance(clause, Node) or clause.kind not in ("rows", "members"):
                continue
            found = self._rows(clause) if clause.kind == "rows" else scope.all_meant(clause)
            sound = sound and found is not None
            for name in found or ():
                if name in names:
                    scope.report("P0210", f"'{name}' is in the cohort twice", clause, "remove one")
                else:
                    names[name] = None
        if sound and not names:
            scope.report("P0217", f"{scope.title(block)} is empty", scope.naming(block), "add: members ...")
            return None
        expected = clauses.maybe("expect_candidates")
        if sound and expected is not None:
            said = int(expected.token("INT").text.replace("_", "")[:9])
            if said != len(names):
                scope.report("P0602", f"{said} candidates are expected, and the cohort has {len(names)}", expected)
        if not sound:
            return None
        self.cohorts[block.token("NAME").text] = tuple(names)
        return tuple(names)

    def members(self, names: Iterable[str]) -> Iterator[str]:
        """Candidates by their names and by those of cohorts, in the order in which they are named."""
        for name in names:
            yield from self.cohorts.get(name, (name,))

    def points_of(self, design: str, clause: Node, *, reuse: bool = False) -> tuple[str, ...] | None:
        """
        Every row of a design as a candidate, and its centre.

        With *reuse* a condition that is a candidate already goes by that candidate's name: it is one model, whatever
        design it is a row of.
        """
        known = self.designs.get(design) or self.arrays[design]
        before = {candidate.levels: name for name, candidate in reversed(self.candidates.items())} if reuse else {}
        points = {name: (title, clause) for name, title in known.titles.items()}
        same = {name: before[levels] for name in points if (levels := self._levels(known, name)) in before}
        made = self._row_candidates(known, {name: at for name, at in points.items() if name not in same})
        return None if made is None else tuple(same.get(name, name) for name in points)

    def at(self, owner: str, design: Design, row: tuple[int, ...], number: int, place: Span) -> str | None:
        """The candidate of any combination of a design's levels; one that is known already keeps its name."""
        levels = {factor.name: factor.default for factor in self.factors.values()}
        by_sign = zip(design.factors, design.low, design.high, row, strict=True)
        levels |= {factor: high if sign > 0 else low for factor, low, high, sign in by_sign}
        wanted = tuple(sorted(levels.items()))
        known = next((name for name, one in self.candidates.items() if one.levels == wanted), None)
        if known is not None:
            return known
        name = f"{owner}_at_{number}"
        origin = f"combination {number} of the factors of {design.name}"
        made = self._add(name, Role.PLAIN, levels, origin, "", Node("row", (), place.start, place.end))
        return None if made is None else name

    def beside(self, design: str, middle: Candidate, factor: str, level: Level, at: Span) -> str | None:
        """
        The candidate that differs from another in one factor; one that is known already keeps its name.

        Any other is called after the neighbourhood: `near_1`, `near_2` and so on.
        """
        levels = {**dict(middle.levels), factor: level}
        wanted = tuple(sorted(levels.items()))
        known = next((name for name, one in self.candidates.items() if one.levels == wanted), None)
        if known is not None:
            return known
        name = f"{design}_{1 + sum(one.startswith(f'{design}_') for one in self.candidates)}"
        place = Node("row", (), at.start, at.end)
        made = self._add(name, Role.PLAIN, levels, f"{middle.name} with {factor} {shown(level)}", "", place)
        return None if made is None else name

    def _rows(self, clause: Node) -> tuple[str, ...] | None:
        """Candidates made from rows of a design; they are called after it: `screen_4`."""
        scope = self.scope
        name = scope.meant(clause)
        if name is None:
            return None
        design = self.designs.get(name) or self.arrays.get(name)
        if design is None:
            message = f"'{name}' is not a table of rows: its conditions depend on what they are neighbours of"
            scope.report("P0724", message, clause, f"let a stage train it by name: train {name} for ...")
            return None
        listed = clause.node("list")
        if listed is None:
            return self.points_of(name, clause)
        points: dict[str, tuple[str, Node | Token]] = {}
        for part in listed.children:
            number = self.expressions.count(part, what="a row")
            if number is None:
                return None
            if number not in design.numbers:
                scope.report("P0704", f"'{name}' has {len(design.rows)} rows, and no row {number}", part)
                return None
            points[f"{name}_{number}"] = (f"row {number} of {name}", part)
        return self._row_candidates(design, points)

    def _too_early(self, name: Token) -> None:
        """What grows is a candidate once all that the text declares are known."""
        message = f"'{name.text}' is made by a growth, and no candidate can be like it"
        self.scope.report("P0209", message, name, "be like its parent, and set the level to which it grows")

    def _named(self, name: Token) -> bool | None:
        """Whether the candidate that a name is, of a row of a design or a way of a growth, is there; else None."""
        way = self._way(name)
        return self._row(name) if way is None else way

    def _way(self, name: Token) -> bool | None:
        """Whether the candidate that a way of a growth is is there; None for a name that is no such thing."""
        for block in self.scope.of_kind("grow"):
            owner, becomes = block.token("NAME").text, block.node("becomes")
            if name.text.removeprefix(f"{owner}_") not in WAYS_TO_GROW or name.text in WAYS_TO_GROW:
                continue
            self.scope.used.add(owner)
            tried = ways_in(block)
            if owner in self.scope.vague or becomes is None or becomes.token("NAME").text in self.scope.vague:
                return False
            if name.text not in tried:
                self.scope.report("P0805", f"'{owner}' tries no such way", name, f"it tries: {', '.join(tried)}")
            return name.text in tried
        return None

    def _row(self, name: Token) -> bool | None:
        """The candidate that a row of a design is, made where it is first named; None for any other name."""
        owner, _, _ = name.text.rpartition("_")
        design = self.designs.get(owner) or self.arrays.get(owner)
        if design is None:
            declared = self.scope.declared.get(owner)
            broken = owner in self.scope.vague and declared is not None and declared.kind == "design"
            return False if broken else None
        self.scope.used.add(owner)
        if name.text in self.candidates:
            return True
        title = design.titles.get(name.text)
        if title is None:
            message = f"'{owner}' has {len(design.rows)} rows, and none of them is '{name.text}'"
            first, last = f"{owner}_{design.numbers[0]}", f"{owner}_{design.numbers[-1]}"
            self.scope.report("P0704", message, name, f"its rows are called {first} to {last}")
            return False
        made = self._row_candidates(design, {name.text: (title, name)}) is not None
        if not made:
            self.scope.vague.add(name.text)
        return made

    def _row_candidates(
        self, design: Design | Array, points: Mapping[str, tuple[str, Node | Token]]
    ) -> tuple[str, ...] | None:
        scope = self.scope
        for name, (origin, part) in points.items():
            if name in scope.declared:
                label = Label(scope.span(scope.declared[name].token("NAME")), "declared here")
                message = f"{origin} would be called '{name}', which is declared as something else"
                scope.report("P0202", message, part, "rename the other one", labels=(label,))
                return None
            if name not in self.candidates:
                place = Node("row", (), part.start, part.end)
                if self._add(name, Role.PLAIN, dict(self._levels(design, name)), origin, "", place) is None:
                    return None
        return tuple(points)

    def _levels(self, design: Design | Array, name: str) -> tuple[tuple[str, Level], ...]:
        """Levels of a row or of the centre, sorted by factor."""
        levels = {factor.name: factor.default for factor in self.factors.values()}
        levels |= design.levels_at(name)
        return tuple(sorted(levels.items()))
