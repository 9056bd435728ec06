"""Operating characteristics as text and as JSON."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attrs import asdict

from promo.base.canonical import Json
from promo.base.units import HOUR
from promo.plan.values import Plan
from promo.report.plan import amount_text, amount_unit
from promo.study.values import Study

if TYPE_CHECKING:
    from promo.decision.simulate import Figures, Share, World


def simulation_text(
    study: Study,
    plan: Plan,
    world: "World",
    source: str,
    figures: "Figures",
    *,
    defaults: str,
    near: float | None = None,
) -> str:
    """Figures of one world for a terminal."""
    unit = study.measure.unit
    fewer = "" if figures.by_arrays else f" of {figures.asked:,} asked for, because sign flips over many cells are slow"
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
        "exactly: by a formula or an integral, where one is known; everything else is counted",
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
        *_regret(figures, near, unit),
        f"{amount_unit(plan)}: expected {_amount(figures.expected_s, plan)}, "
        f"budget {amount_text(figures.budget_s, plan)}, bound {amount_text(figures.bound_s, plan)}",
    ]
    return "\n".join(lines)


def _regret(figures: "Figures", near: float | None, unit: str) -> list[str]:
    """What is lost when the best does not come to the end."""
    mean, error = figures.regret.value, figures.regret.error
    said = [f"Whoever is truly best there is behind the best of all by {mean:.5f} ± {error:.5f} {unit} on the average."]
    if figures.near is not None:
        said.append(f"In {_text(figures.near)} of studies it is behind by less than {near:g} {unit}.")
    return said


def _spread(world: "World", unit: str) -> str:
    around = "" if world.level is None else f", {'around' if world.spread else 'at'} {world.level:g} {unit}"
    return (f"normal, sd {world.spread:g} {unit}, drawn anew for each study" if world.spread else "equal") + around


def _amount(mean: "Share", plan: Plan) -> str:
    """Device time with its error, which is nothing where every study costs the same."""
    amount = amount_text(round(mean.value), plan)
    return f"{amount} ± {amount_text(round(mean.error), plan)}" if round(mean.error) else amount


def _text(share: "Share") -> str:
    return f"{share.value:.1%} ± {share.error:.1%}"


def _gates(figures: "Figures") -> str:
    rows = [
        [
            gate.gate,
            _text(gate.best_kept),
            "-" if gate.best_kept_exactly is None else f"{gate.best_kept_exactly:.2%}",
            _text(gate.false_promotions),
            f"{gate.promoted.value:.2f} ± {gate.promoted.error:.2f}",
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
            f"{figures.regret.value:.5f} ± {figures.regret.error:.5f}",
            _amount(figures.expected_s, plan),
            amount_text(figures.bound_s, plan),
        ]
        for setting, figures in settings
    ]
    wrong = [[setting, *(_text(gate.false_promotions) for gate in figures.gates)] for setting, figures in settings]
    gates = [gate.gate for gate in settings[0][1].gates]
    unit = amount_unit(plan)
    return "\n\n".join(
        [
            "Best kept so far:",
            _table(kept, [varied, *gates, "to the end", "then behind by", f"expected {unit}", "bound"]),
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


def sweep_svg(varied: str, settings: Sequence[tuple[str, "Figures"]], plan: Plan) -> str:
    """
    How often each gate keeps the best and promotes wrongly, and what that costs, against what was varied.

    Nothing varied, the gates themselves stand below the axis.
    """
    import io

    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 8.4), layout="constrained")
    kept, wrong, cost = figure.subplots(3, 1)
    ends = [one.best_at_end for _, one in settings]
    if varied:
        places = [name for name, _ in settings]
        gates = [gate.gate for gate in settings[0][1].gates]
        for number, gate in enumerate(gates):
            _line(kept, number, gate, [one.gates[number].best_kept for _, one in settings])
            _line(wrong, number, gate, [one.gates[number].false_promotions for _, one in settings])
        _line(kept, len(gates), "to the end", ends)
    else:
        places = [gate.gate for gate in settings[0][1].gates]
        _line(kept, 0, "best kept", [gate.best_kept for gate in settings[0][1].gates])
        _line(wrong, 1, "wrongly promoted", [gate.false_promotions for gate in settings[0][1].gates])
    found = [one for _, one in settings]
    spots = list(range(len(found)))
    for name, seconds, mark in (
        ("expected", [one.expected_s.value for one in found], "o"),
        ("budget", [float(one.budget_s) for one in found], "s"),
    ):
        cost.plot(spots, [one / HOUR for one in seconds], marker=mark, label=name)
    for axes, label in (
        (kept, "best kept\n(% of studies)"),
        (wrong, "wrongly promoted\n(% of those who took a place)"),
    ):
        axes.set_ylabel(label)
        axes.set_xticks(list(range(len(places))), places)
    cost.set_ylabel(plan.device_unit)
    cost.set_xticks(spots, [name for name, _ in settings] if varied else [""])
    for axes in (kept, wrong, cost):
        axes.margins(y=0.15)
        axes.set_ylim(bottom=0)
        axes.legend(fontsize="small")
    cost.set_xlabel(varied)
    figure.suptitle("Bars: two standard errors", fontsize="small")
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": "promo"})
    return out.getvalue()


def _line(axes: Any, number: int, name: str, shares: Sequence["Share"]) -> None:
    values, errors = [100 * share.value for share in shares], [200 * share.error for share in shares]
    axes.errorbar(range(len(values)), values, yerr=errors, marker="osD^vPX"[number % 7], capsize=3, label=name)
