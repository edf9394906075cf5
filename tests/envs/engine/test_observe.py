"""Observation planes: omitted, repeated and enlarged, and the syntax for it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goalposts.envs import generate
from goalposts.envs.engine.engine import Engine
from goalposts.envs.engine.observation_spec import (
    OBSERVATIONS,
    SIZES,
    Observation,
    ObservationError,
    PlaneDisplay,
    parse_observation,
)
from goalposts.envs.worlds.registry import get_world

WORLD = get_world("CoinRun")
SHOWN = st.dictionaries(
    st.sampled_from(WORLD.planes), st.builds(PlaneDisplay, st.integers(0, 16), st.sampled_from(SIZES))
)


def seen(observation: str) -> np.ndarray:
    levels = generate("CoinRun", condition="off_path", seed=7, count=32)
    engine = Engine(WORLD, len(levels), levels, observation, direct=True)
    for slot in range(len(levels)):
        engine.load(slot, slot)
    engine.step(np.full(len(levels), 2))
    return engine.observe()


@given(st.sampled_from(("view", "full")), SHOWN)
def test_observation_name_round_trip(kind: str, shown: dict[str, PlaneDisplay]) -> None:
    text = str(Observation(kind, shown))
    assert str(parse_observation(text, WORLD.planes)) == text


@pytest.mark.parametrize("kind", ["view", "full"])
def test_planes_are_left_out_and_repeated(kind: str) -> None:
    """In one observation, because the kernels of each are compiled: one plane left out, one repeated, one shown once as usual."""
    plain, coin, wall = seen(kind), WORLD.planes.index("coin"), WORLD.planes.index("wall")
    assert coin > wall
    assert plain[:, coin].any()
    assert plain[:, wall].any()
    expected = np.insert(np.delete(plain, coin, axis=1), [wall] * 2, plain[:, [wall]], axis=1)
    np.testing.assert_array_equal(seen(f"{kind}(coin=0, wall=3, deadly=1)"), expected)


def test_a_larger_coin_is_the_coin_and_the_cells_around_it() -> None:
    """Compare with the whole level, where nothing is cut off at the window's edge."""
    coin = WORLD.planes.index("coin")
    small, large = seen("full")[:, coin], seen("full(coin=1x3)")[:, coin]
    grown = np.zeros_like(small)
    for level, row, col in np.argwhere(small):
        grown[level, max(row - 1, 0) : row + 2, max(col - 1, 0) : col + 2] = 1
    np.testing.assert_array_equal(large, grown)
    outside = seen("view(coin=1x3)")[:, coin].any(axis=(1, 2)) & ~seen("view")[:, coin].any(axis=(1, 2))
    assert outside.any()  # a coin just outside the camera's window reaches into it


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("veiw", "Did you mean 'view'"),
        ("view(", "unknown observation"),
        ("rgb(coin=0)", "pixels have no planes"),
        ("view(coin)", "plane=COUNT"),
        ("view(coin=0,coin=1)", "twice"),
        ("view(coin=17)", "0 to 16 times"),
        ("view(coin=1x2)", "1, 3, 5 cells"),
        ("view(coyn=0)", "Did you mean 'coin'"),
        ("view(wall=0,deadly=0,monster=0,coin=0,self=0)", "shows nothing; keep at least one plane"),
    ],
)
def test_unknown_observations_are_refused(text: str, words: str) -> None:
    with pytest.raises(ObservationError, match=words):
        seen(text)


def test_every_kind_is_known() -> None:
    assert [parse_observation(kind).kind for kind in OBSERVATIONS] == list(OBSERVATIONS)
