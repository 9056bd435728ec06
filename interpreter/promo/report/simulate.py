"""Operating characteristics as text and as JSON."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import asdict

from promo.base.canonical import Json
from promo.plan.values import Plan
from promo.report.plan import amount_text, amount_unit
from promo.spec.values import Study

if TYPE_CHECKING:
    from promo.decision.simulate import Figures, Share, World


def simulation_text(study: Study, plan: Plan, world: "World", source: str, figures: "Figures", *, defaults: str) -> str:
    """Figures of one world for a terminal."""
    unit = study.measure.unit
    fewer = "" if figures.by_arrays else f" of {figures.asked:,} asked for: a gate or rule needs the whole procedure"
    lines = [
        f"{study.name}: {figures.draws:,} simulated studies{fewer}, seed {figures.seed}; ± is one standard error",
        "",
        "Supposed:",
        f"  {figures.best} is truly best, ahead of the next by {world.gap:g} {unit}{defaults}",
        f"  true values of the others: {_spread(world, unit)}",
        f"  noise between seeds: sd {world.noise:g} {unit} ({source}); shared in a cell: {world.shared:g}; "
        f"candidate x host: {world.host:g}",
        f"  short-budget penalties: sd {world.relax:g} {unit}, relaxing as budget^-{world.exponent:g}",
        "  every run succeeds; a gate or rule that waits for a person ends the study",
        "",
        _gates(figures),
        "",
        "wrongly promoted: of those who took a place, the share that is truly worse than someone dropped",
    ]
    lines += _kept(figures)
    if figures.rules:
        lines.append("")
        for name, (holds, unknown) in figures.rules.items():
            formula = figures.rules_exactly[name]
            exactly = "" if formula is None else f" (exactly {formula:.2%})"
            lines.append(f"rule {name}: holds in {_text(holds)}{exactly}, undecided in {_text(unknown)}")
    lines += [
        "",
        f"The best reaches the last stage in {_text(figures.best_at_end)} of studies.",
        f"{amount_unit(plan)}: expected {amount_text(round(figures.expected_s), plan)}, "
        f"planned {amount_text(figures.planned_s, plan)}, worst with all reruns {amount_text(figures.most_s, plan)}",
    ]
    return "\n".join(lines)


def _spread(world: "World", unit: str) -> str:
    return f"normal, sd {world.spread:g} {unit}, drawn anew for each study" if world.spread else "equal"


def _text(share: "Share") -> str:
    return f"{share.value:.1%} ± {share.error:.1%}"


def _gates(figures: "Figures") -> str:
    rows = [
        [
            gate.gate,
            _text(gate.best_kept),
            "-" if gate.best_kept_exactly is None else f"{gate.best_kept_exactly:.2%}",
            _text(gate.false_promotions),
            f"{gate.promoted:.2f}",
            _text(gate.stopped),
        ]
        for gate in figures.gates
    ]
    headers = ["gate", "best kept so far", "exactly", "wrongly promoted", "promoted", "stops"]
    return _table(rows, headers)


def _kept(figures: "Figures") -> list[str]:
    names = list(dict.fromkeys(name for gate in figures.gates for name in gate.kept))
    rows = [[name, *(_text(gate.kept[name]) if name in gate.kept else "-" for gate in figures.gates)] for name in names]
    return ["", _table(rows, ["kept", *(gate.gate for gate in figures.gates)])] if rows else []


def sweep_text(varied: str, settings: Sequence[tuple[str, "Figures"]], plan: Plan) -> str:
    """One row a setting: how often the best is kept and what that costs, and how often somebody is promoted wrongly."""
    kept = [
        [
            setting,
            *(_text(gate.best_kept) for gate in figures.gates),
            _text(figures.best_at_end),
            amount_text(round(figures.expected_s), plan),
            amount_text(figures.most_s, plan),
        ]
        for setting, figures in settings
    ]
    wrong = [[setting, *(_text(gate.false_promotions) for gate in figures.gates)] for setting, figures in settings]
    gates = [gate.gate for gate in settings[0][1].gates]
    unit = amount_unit(plan)
    return "\n\n".join(
        [
            "Best kept so far:",
            _table(kept, [varied, *gates, "to the end", f"expected {unit}", "worst"]),
            "Wrongly promoted:",
            _table(wrong, [varied, *gates]),
        ]
    )


def _table(rows: list[list[str]], headers: list[str]) -> str:
    from tabulate import tabulate

    align = ["left"] + ["right"] * (len(headers) - 1)
    return str(tabulate(rows, headers, tablefmt="simple", disable_numparse=True, colalign=align))


def figures_to_json(world: "World", figures: "Figures") -> dict[str, Json]:
    """Everything that was supposed and found."""
    return {"world": asdict(world), "figures": asdict(figures)}


def sweep_svg(varied: str, settings: Sequence[tuple[str, "Figures"]]) -> str:
    """How often the best is kept by each gate, and to the end, against what was varied."""
    import io

    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.add_subplot()
    places = list(range(len(settings)))
    lines = [
        (gate.gate, [one.gates[number].best_kept for _, one in settings])
        for number, gate in enumerate(settings[0][1].gates)
    ]
    lines.append(("to the end", [one.best_at_end for _, one in settings]))
    for number, (name, shares) in enumerate(lines):
        values, errors = [100 * share.value for share in shares], [200 * share.error for share in shares]
        axes.errorbar(places, values, yerr=errors, marker="osD^vPX"[number % 7], capsize=3, label=name)
    axes.set_xticks(places, [name for name, _ in settings])
    axes.set_xlabel(varied)
    axes.set_ylabel("best kept (% of studies, ± 2 standard errors)")
    axes.legend(fontsize="small")
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": "promo"})
    return out.getvalue()
