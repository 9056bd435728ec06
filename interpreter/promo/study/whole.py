"""Tree and study to whether the one has all that the other declares."""

from promo.study.names import Scope
from promo.study.values import Study


def is_whole(scope: Scope, study: Study) -> bool:
    """Whether everything that decides is in the study: a rule that vanishes is worse than any error."""
    own = [node.kind for node in scope.tree.declarations]
    made = sum(len(one.stages) for one in study.baselines.values())
    lags = {name for grow in study.grows.values() for name in grow.stages}
    made += sum(len(parts) - 1 for parts in scope.blocked.values())
    built = {
        "stage": len(study.stages) - made - len(lags),
        "baseline": len(study.baselines),
        "gate": len(study.gates.keys() - lags),
        "grow": len(study.grows),
        "rule": len(study.rules),
    }
    built |= {"effects": len(study.effects), "reduce": len(study.reductions), "law": len(study.laws)}
    built |= {"forecast": len(study.forecasts), "schedule": len(study.schedules)}
    return all(own.count(kind) == count for kind, count in built.items())
