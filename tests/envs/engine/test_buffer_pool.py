"""The buffer pool never hands out arrays in use, and reuses arrays that are no longer referenced."""

from collections import deque

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from goalposts.envs import generate, get_world
from goalposts.envs.engine.buffer_pool import FEW, MUCH, BufferPool
from goalposts.envs.engine.engine import Engine


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=40))
def test_arrays_in_use_are_never_handed_out(moves: list[tuple[bool, int]]) -> None:
    recycled, held = BufferPool(32), []
    for number, (takes, which) in enumerate(moves):
        if takes or not held:
            array = recycled.take()
            array[:] = number
            view = array[:16].reshape(4, 4)  # a view references the array too
            held.append((number, view))
            del array, view
        else:
            held.pop(which % len(held))
        assert all((view == n).all() for n, view in held)


def test_released_arrays_are_reused_up_to_a_limit() -> None:
    recycled = BufferPool(MUCH // 10)
    first = recycled.take().ctypes.data
    assert {recycled.take().ctypes.data for _ in range(5)} == {first}
    many = [recycled.take() for _ in range(15)]
    assert len({array.ctypes.data for array in many}) == len(many)
    assert len(recycled._kept) == 10
    assert BufferPool(MUCH).most == FEW


def test_released_rollout_memory_is_reused() -> None:
    recycled = BufferPool(1 << 12)
    rollouts = []
    for _ in range(3):
        held = [recycled.take() for _ in range(64)]
        rollouts.append({array.ctypes.data for array in held})
        del held
    assert rollouts[0] == rollouts[1] == rollouts[2]
    steps: deque[np.ndarray] = deque(maxlen=40)  # a sliding window of the last arrays
    for _ in range(200):
        steps.append(recycled.take())
    assert len(recycled._kept) == 64
    assert len({array.ctypes.data for array in steps}) == 40


def test_kept_observations_do_not_change() -> None:
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
