"""Operating characteristics as text and as JSON."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import asdict

from promo.base.canonical import Json
from promo.base.units import HOUR
from promo.plans.values import Plan
from promo.report.canvas import document
from promo.report.changed import called
from promo.report.narrow import narrow_table
from promo.report.pictures import Trend, Trends, trends_drawn
from promo.report.plan import GPU_HOURS, amount_text, amount_unit, rounded_up, time_word
from promo.report.words import behind, between
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
    effects: str = "",
) -> str:
    """Figures of one world for a terminal; *effects* is what is known of its effects."""
    unit, names = study.measure.unit, called(study, plan)
    fewer = (
        f" of {figures.asked:,} asked for, since this spec needs the full decision procedure for each, which is slow"
    )
    fewer = fewer if figures.draws < figures.asked else ""
    lines = [
        f"{study.name}: {figures.draws:,} simulated studies{fewer}, seed {figures.seed}; ± is one standard error",
        "",
        "Assumptions:",
        f"  {names.get(figures.best, figures.best)} is truly best, ahead of the next by "
        f"{between(f'{world.gap:g}', unit)}"
        f"{defaults}",
        f"  true values of the others: {_spread(world, unit)}",
        f"  noise between seeds: sd {between(f'{world.noise:g}', unit)} ({source}); "
        f"shared in a cell: {world.shared:g}; candidate x host: {world.host:g}",
        f"  short-budget penalties: sd {between(f'{world.relax:g}', unit)}, relaxing as budget^-{world.exponent:g}",
        "  every run succeeds; a gate or rule that waits for a person ends the study",
        "",
        _gates(figures),
        "",
        "best kept: share of studies in which the best candidate is promoted by this gate and those before it",
        "wrongly promoted: share of the promoted candidates that are truly worse than one that was dropped",
        "exact: by a formula or an integral, where one is known; all else is counted over the simulated studies",
    ]
    lines += _kept(figures, names)
    if figures.rules:
        lines.append("")
        for name, (holds, unknown) in figures.rules.items():
            formula = figures.rules_exactly[name]
            exactly = "" if formula is None else f" (exactly {formula:.2%})"
            lines.append(f"rule {name}: holds in {_text(holds)}{exactly}, undecided in {_text(unknown)}")
    lines += ["", effects] if effects else []
    lines += [
        "",
        f"The best candidate reaches {figures.last}, the last stage, in {_text(figures.best_at_end)} of studies.",
        *_regret(figures, near, unit),
        f"{amount_unit(plan)}: expected {_amount(figures.expected_s, plan)}, "
        f"budget {amount_text(figures.budget_s, plan)}, bound {amount_text(rounded_up(figures.bound_s, plan), plan)}",
    ]
    return "\n".join(lines)


def _regret(figures: "Figures", near: float | None, unit: str) -> list[str]:
    """What is lost when the best does not come to the end."""
    mean, error = figures.regret.value, figures.regret.error
    who = f"The candidate that is truly best at {figures.last}"
    said = [f"{who} is behind the best of all by {mean:.5f} ± {between(f'{error:.5f}', unit)} on average."]
    if figures.near is not None:
        said.append(f"In {_text(figures.near)} of studies it is behind by less than {between(f'{near:g}', unit)}.")
    return said


def _spread(world: "World", unit: str) -> str:
    around = "" if world.level is None else f", {'around' if world.spread else 'at'} {world.level:g}{behind(unit)}"
    return (
        f"normal, sd {between(f'{world.spread:g}', unit)}, drawn anew for each study" if world.spread else "equal"
    ) + around


def _amount(mean: "Share", plan: Plan) -> str:
    """Time of slots with its error, which is nothing where every study costs the same."""
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
    headers = ["gate", "best kept", "exact", "wrongly\npromoted", "promoted", "stops"]
    return narrow_table(rows, headers)


def _kept(figures: "Figures", called: Mapping[str, str]) -> list[str]:
    names = list(dict.fromkeys(name for gate in figures.gates for name in gate.kept))
    rows = [
        [called.get(name, name), *(_text(gate.kept[name]) if name in gate.kept else "-" for gate in figures.gates)]
        for name in names
    ]
    return ["", narrow_table(rows, ["kept", *(gate.gate for gate in figures.gates)])] if rows else []


def sweep_text(varied: str, settings: Sequence[tuple[str, "Figures"]], plan: Plan) -> str:
    """One row a setting: how often the best is kept and what that costs, and how often somebody is promoted wrongly."""
    bounds = {figures.bound_s for _, figures in settings}
    kept = [
        [
            setting,
            *(_text(gate.best_kept) for gate in figures.gates),
            _text(figures.best_at_end),
            f"{figures.regret.value:.5f} ± {figures.regret.error:.5f}",
            _amount(figures.expected_s, plan),
            *([amount_text(rounded_up(figures.bound_s, plan), plan)] if len(bounds) > 1 else []),
        ]
        for setting, figures in settings
    ]
    wrong = [[setting, *(_text(gate.false_promotions) for gate in figures.gates)] for setting, figures in settings]
    gates = [gate.gate for gate in settings[0][1].gates]
    end = f"at {settings[0][1].last}"
    unit = amount_unit(plan)
    return "\n\n".join(
        [
            "Best kept so far:",
            narrow_table(
                kept, [varied, *gates, end, "then behind by", f"expected {unit}", *["bound"] * (len(bounds) > 1)]
            ),
            "Wrongly promoted:",
            narrow_table(wrong, [varied, *gates]),
        ]
    )


def figures_to_json(world: "World", figures: "Figures") -> dict[str, Json]:
    """Everything that was supposed and found."""
    return {"world": asdict(world), "figures": asdict(figures)}


def sweep_svg(varied: str, settings: Sequence[tuple[str, "Figures"]], plan: Plan) -> str:
    """
    How often each gate keeps the best and promotes wrongly, and what that costs, against what was varied.

    Nothing varied, the gates themselves stand below the axis.
    """
    found = [one for _, one in settings]
    gates = tuple(gate.gate for gate in found[0].gates)
    if varied:
        places = tuple(name for name, _ in settings)
        kept = [_shares(gate, [one.gates[number].best_kept for one in found]) for number, gate in enumerate(gates)]
        kept.append(_shares(f"at {found[0].last}", [one.best_at_end for one in found]))
        wrong = [
            _shares(gate, [one.gates[number].false_promotions for one in found]) for number, gate in enumerate(gates)
        ]
    else:
        places = gates
        kept = [_shares("best kept", [gate.best_kept for gate in found[0].gates])]
        wrong = [_shares("wrongly promoted", [gate.false_promotions for gate in found[0].gates])]
    costs = (
        _hours("expected", [one.expected_s.value for one in found]),
        _hours("budget", [one.budget_s for one in found]),
    )
    hours = GPU_HOURS if plan.study.on_gpus else f"hours of {time_word(plan)}"
    plots = (
        Trends("best kept (% of studies); bars: two standard errors each way", places, tuple(kept), varied),
        Trends("wrongly promoted (% of the promoted); bars likewise", places, tuple(wrong), varied),
        Trends(hours, places if varied else ("",), costs, varied),
    )
    size, drawn = trends_drawn(plots)
    title = f"{plan.study.name}: what its gates would do" + (f", by {varied}" if varied else "")
    return document(size, title, " ".join(map(_plot_words, plots)), drawn)


def _shares(name: str, shares: Sequence["Share"]) -> Trend:
    """Percentages, with two standard errors each way."""
    points = ((100 * share.value, 200 * share.error) for share in shares)
    return Trend(name, tuple((at, value, (value - half, value + half)) for at, (value, half) in enumerate(points)))


def _hours(name: str, seconds: Sequence[float]) -> Trend:
    return Trend(name, tuple((at, value / HOUR, None) for at, value in enumerate(seconds)))


def _plot_words(plot: Trends) -> str:
    """The figures of a plot in words."""
    lines = (
        f"{line.name}: " + ", ".join(f"{plot.stages[at]} {value:.4g}".strip() for at, value, _ in line.points)
        for line in plot.lines
    )
    return f"{plot.counts}: {'; '.join(lines)}."
