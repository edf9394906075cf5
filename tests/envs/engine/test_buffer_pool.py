"""What is handed out is held by nobody else, and is used again once nobody holds it."""

from collections import deque

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from goalposts.envs import generate, get_world
from goalposts.envs.engine.buffer_pool import FEW, MUCH, BufferPool
from goalposts.envs.engine.engine import Engine


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=40))
def test_nobody_is_given_what_another_holds(moves: list[tuple[bool, int]]) -> None:
    recycled, held = BufferPool(32), []
    for number, (takes, which) in enumerate(moves):
        if takes or not held:
            array = recycled.take()
            array[:] = number
            view = array[:16].reshape(4, 4)  # a view holds the array as well
            held.append((number, view))
            del array, view
        else:
            held.pop(which % len(held))
        assert all((view == n).all() for n, view in held)


def test_what_is_let_go_is_used_again_and_not_too_much_is_kept() -> None:
    recycled = BufferPool(MUCH // 10)
    first = recycled.take().ctypes.data
    assert {recycled.take().ctypes.data for _ in range(5)} == {first}
    many = [recycled.take() for _ in range(15)]
    assert len({array.ctypes.data for array in many}) == len(many)
    assert len(recycled._kept) == 10
    assert BufferPool(MUCH).most == FEW


def test_a_rollout_that_is_let_go_is_the_next_ones_memory() -> None:
    recycled = BufferPool(1 << 12)
    rollouts = []
    for _ in range(3):
        held = [recycled.take() for _ in range(64)]
        rollouts.append({array.ctypes.data for array in held})
        del held
    assert rollouts[0] == rollouts[1] == rollouts[2]
    steps: deque[np.ndarray] = deque(maxlen=40)  # the last ones held, as a window that moves on
    for _ in range(200):
        steps.append(recycled.take())
    assert len(recycled._kept) == 64
    assert len({array.ctypes.data for array in steps}) == 40


def test_observations_that_are_kept_do_not_change() -> None:
    levels = generate("CoinRun", "edge", 0, 128)
    engine, rng = Engine(get_world("CoinRun"), 128, levels), np.random.default_rng(0)
    for slot in range(128):
        engine.load(slot, slot)
    kept, copies = [], []
    for _ in range(30):
        step = engine.step(rng.integers(0, 4, 128))
        kept.append((step.obs, step.final_obs))
        copies.append((step.obs.copy(), step.final_obs.copy()))
    for pair, copied in zip(kept, copies, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(pair, copied, strict=True))
