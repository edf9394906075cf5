"""Reference page of a verdict's numbers: one row per entry of `METRICS`.

Read next: `hooks.py`; experiments/measurement/metrics.py, which defines the numbers.
"""

from __future__ import annotations

from goalposts.experiments.measurement import metrics

INTRO = """\
# The numbers of a verdict

This page is generated from the code when the site is built. The names in the first column are those of Python
(`verdict.preference`), JSON (`goalposts diagnose --json`) and the tables of studies. Terminal and report show percentages;
CSV and JSON hold fractions. [The measurement](../measurement.md) gives the formulas.

| name | number | range | measured on | chance level | thresholds |
|---|---|---|---|---|---|
"""
ABOUT = {
    "control": "the control conditions",
    "shift": "the shift condition",
    "pair": "the shift condition and `invisible`, level by level",
}


def metrics_page() -> str:
    """The metrics reference as Markdown."""
    return INTRO + "".join(map(_row, metrics.METRICS))


def _row(metric: metrics.Metric) -> str:
    span = "any" if metric.unit == "return" else f"{metric.span[0]:g} to {metric.span[1]:g}".replace("-", "−")
    thresholds = ", ".join(f"`{name}`" for name in metric.thresholds) or "none"
    cells = (
        f"`{metric.key}`",
        f"**{metric.title}.** {metric.meaning}",
        span,
        ABOUT[metric.about],
        metric.chance,
        thresholds,
    )
    return f"| {' | '.join(cells)} |\n"
