"""The recovery curve: rates, paired differences and conclusions, on tables with known truth."""

import json

import numpy as np
import polars as pl
import pytest

from goalposts.experiments.measurement.episodes import EpisodesError
from goalposts.experiments.measurement.intervals import tango_bounds, wilson
from goalposts.experiments.measurement.relearning import SCHEMA, recovery

STEPS = (0, 8192, 24576)


def table(
    finetuned: list[int], scratch: list[int], run: str = "a", n: int = 200, seed: int = 0
) -> pl.DataFrame:
    """Table with given numbers of reached levels out of n after each of STEPS, drawn at random."""
    rng = np.random.default_rng(seed)
    rows = []
    for arm, counts in (("finetuned", finetuned), ("scratch", scratch)):
        for steps, k in zip(STEPS, counts, strict=True):
            reached = rng.permutation(n) < k
            rows += [
                (run, "off_path", arm, steps, True, i, "goal" if r else "proxy", "goal" if r else "timeout")
                for i, r in enumerate(reached)
            ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").sample(fraction=1, shuffle=True, seed=seed)


def test_shares_and_the_paired_difference_are_those_of_the_levels():
    made = table([40, 150, 190], [0, 20, 80])
    found = recovery([made], 0.75)
    assert [p.steps for p in found.points] == list(STEPS)
    middle = found.points[1]
    assert (middle.finetuned.value, middle.scratch.value) == (0.75, 0.1)
    assert (middle.finetuned.low, middle.finetuned.high) == (wilson(150, 200).low, wilson(150, 200).high)
    wide = made.filter(pl.col("steps") == 8192).pivot("arm", index="level_index", values="outcome_end")
    more = wide.filter((pl.col("finetuned") == "goal") & (pl.col("scratch") != "goal")).height
    fewer = wide.filter((pl.col("finetuned") != "goal") & (pl.col("scratch") == "goal")).height
    assert (middle.gain.low, middle.gain.high) == tango_bounds(more, fewer, 200)
    assert middle.gain.value == pytest.approx(0.65)


@pytest.mark.parametrize(
    ("finetuned", "scratch", "steps", "said"),
    [
        ([40, 190, 198], [0, 20, 190], (8192, 24576), "the capability was there (ahead by 0.85"),
        ([40, 190, 198], [0, 20, 80], (8192, None), "24,576 from scratch do not: the capability was there"),
        ([0, 180, 198], [0, 185, 198], (8192, 8192), "no sign that the capability was there before"),
        ([190, 198, 199], [0, 20, 80], (0, None), "there is nothing to recover"),
        ([0, 10, 100], [0, 5, 20], (None, None), "a head start of 0.40"),
        ([0, 10, 20], [0, 12, 25], (None, None), "there is no sign that the capability was there"),
    ],
)
def test_what_is_said_follows_from_bounds(finetuned, scratch, steps, said):
    found = recovery([table(finetuned, scratch)], 0.75)
    assert (found.recovered["finetuned"], found.recovered["scratch"]) == steps
    assert said in found.explanation
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["explanation"] == found.explanation


def test_several_runs_are_a_procedure():
    one = recovery([table([40, 150, 190], [0, 20, 80])], 0.75).points[1]
    runs = [table([40, k, 190], [0, 20, 80], run=f"s{k}", seed=k) for k in (100, 150, 190)]
    three = recovery(runs, 0.75).points[1]
    assert three.finetuned.value == pytest.approx((0.5 + 0.75 + 0.95) / 3)
    assert three.finetuned.seeds == three.gain.seeds == 3
    assert three.gain.high - three.gain.low > 2 * (one.gain.high - one.gain.low)
    assert three.gain.warning is not None
    assert "only 3 seeds" in three.gain.warning


def test_an_arm_with_a_fresh_nets_entropy_is_compared_with_scratch_too():
    two = table([40, 60, 80], [0, 20, 80])
    third = table([100, 150, 190], [0, 0, 0]).filter(pl.col("arm") == "finetuned")
    found = recovery([pl.concat([two, third.with_columns(arm=pl.lit("matched"))])], 0.75)
    alone = recovery([two], 0.75)
    for point, without in zip(found.points, alone.points, strict=True):
        assert (point.finetuned, point.scratch, point.gain) == (
            without.finetuned,
            without.scratch,
            without.gain,
        )
        assert without.matched is without.matched_gain is None
    assert found.points[1].matched_gain.value == pytest.approx(0.65)
    assert found.recovered == {"finetuned": None, "matched": 24576, "scratch": None}
    assert (
        "With the entropy of a fresh net at the start it takes 24,576 steps; it ends ahead"
        in found.explanation
    )
    assert found.explanation.startswith(alone.explanation)
    assert found.to_dict()["points"][0]["matched"]["n"] == 200


def test_greedy_episodes_have_points_of_their_own_and_leave_the_others_alone():
    sampled, greedy = table([40, 150, 190], [0, 20, 80]), table([10, 60, 198], [0, 0, 0], seed=1)
    both = pl.concat([sampled, greedy.with_columns(sampled=False)])
    found, alone = recovery([both], 0.75), recovery([sampled], 0.75)
    assert (found.points, found.explanation) == (alone.points, alone.explanation)
    assert [point.finetuned.value for point in found.greedy] == [0.05, 0.3, 0.99]
    assert found.greedy == recovery([greedy], 0.75).points
    assert found.to_dict()["greedy_points"][1]["finetuned"]["n"] == 200
    assert (alone.greedy, alone.to_dict()["greedy_points"]) == ((), [])
    old = table([40, 150, 190], [0, 20, 80], run="b")
    assert recovery([both, old], 0.75).greedy == (), "a run without them leaves no greedy mean"
    with pytest.raises(EpisodesError):
        recovery(
            [both.filter(pl.col("sampled") | (pl.col("level_index") > 0) | (pl.col("steps") == 0))], 0.75
        )


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda t: [t, t],
        lambda t: [t, t.with_columns(run=pl.lit("b"), condition=pl.lit("left"))],
        lambda t: [t, t.with_columns(run=pl.lit("b")).filter(pl.col("level_index") > 0)],
        lambda t: [t.filter(pl.col("arm") == "scratch")],
        lambda t: [pl.concat([t, t.head(1)])],
        lambda t: [
            t.with_columns(
                level_index=pl.when(pl.col("level_index") == 1)
                .then(0)
                .otherwise("level_index")
                .cast(pl.Int32)
            )
        ],
    ],
)
def test_what_cannot_be_compared_is_refused(spoilt):
    with pytest.raises(EpisodesError):
        recovery(spoilt(table([40, 150, 190], [0, 20, 80])), 0.75)
