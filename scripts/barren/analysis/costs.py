"""Whether the cost decides if the variance falls exponentially (Cerezo et al. 2021)."""

from barren.analysis.evidence import Listed, NotJudged, Numbers, Outcome, Point, Verdict
from barren.analysis.fits import SLOW
from barren.analysis.statistics import fit_slope
from barren.physics.observables import GLOBAL, LOCAL, NAMES

COSTS = "cost_decides"


def cost_decides(points: list[Point], level: float) -> Outcome:
    """Cerezo et al. 2021: a global cost falls at any depth, a local one when deep.

    Slopes of the exact log variance against width, of the local cost times n^2: that
    its terms are averaged is no plateau. Of the widths that were sampled, if any.
    """
    sampled = [point for point in points if point.summary.samples] or points
    slopes: dict[str, dict[int, float]] = {name: {} for name in NAMES}
    for name, found in slopes.items():
        own = [p for p in sampled if p.ensemble.observable == name]
        for depth in sorted({p.ensemble.layers for p in own}):
            curve = [
                (p.ensemble.width, variance * p.ensemble.width ** (2 * (name == LOCAL)))
                for p in own
                if p.ensemble.layers == depth and (variance := p.prediction.variance)
            ]
            if len(curve) > 1:
                found[depth] = fit_slope(*zip(*curve, strict=True)).slope
    local, global_ = slopes[LOCAL], slopes[GLOBAL]
    if len(local) < 2 or not global_:
        raise NotJudged("it needs both costs, several widths and two depths")
    shallow, deep = local[min(local)], local[max(local)]
    kept = shallow > -SLOW and max(global_.values()) < -2 * SLOW
    numbers: Numbers = {
        name: Listed({f"depth {depth}": slope for depth, slope in of.items()})
        for name, of in slopes.items()
    }
    lost = max(global_.values()) > -SLOW or shallow < -2 * SLOW
    verdict: Verdict = "undecided"
    if kept and deep < -SLOW:
        verdict = "supported"
    elif lost:
        verdict = "contradicted"
    return verdict, numbers
