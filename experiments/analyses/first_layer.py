"""The first layer of the default training in four implementations, and the possible gain from batching seeds.

    python -m goalposts.experiments.analyses.first_layer

Figures for docs/engineering-notes.md. A minibatch of 2,048 views of a random agent, 256 units, milliseconds forward and
backward (gradient of the weights); best of alternating repetitions. Then the potential saving of training several seeds in
one process: an update of the default recipe compared with the same calls on almost no data, and the hidden layer's products
for one seed compared with eight at once. Read next: `agents/ppo/run_length_layer.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ...agents.ppo.run_length_layer import BinaryRows, by_input, cumulated
from ...agents.sb3_vec_env import GoalpostsVecEnv
from ..config.schema import ExperimentConfig
from ..training.train import new_training

ROWS, WIDTH, TURNS = 2048, 256, 15
Road = tuple[Callable[[], Any], Callable[[Any], object]]  # (forward, backward from the output)


def views() -> np.ndarray:
    """Observations of agents that move at random: uint8[2048, inputs]."""
    env, rng = GoalpostsVecEnv(128), np.random.default_rng(0)
    env.reset()
    shown = [env.advance(rng.integers(0, 4, 128)).obs for _ in range(ROWS // 128)]
    return np.concatenate(shown).reshape(ROWS, -1)


def roads(x: np.ndarray) -> dict[str, Road]:
    """The same product in each implementation, by name."""
    dense = torch.nn.Linear(x.shape[1], WIDTH)
    half = torch.nn.Linear(x.shape[1], WIDTH).bfloat16()
    bag = torch.nn.EmbeddingBag(x.shape[1], WIDTH, mode="sum")
    sparse = torch.nn.Linear(x.shape[1], WIDTH)
    by_input(sparse)
    rows = BinaryRows(ROWS, x.shape[1])
    rows.put(0, x)
    floats, picks = torch.from_numpy(x).float(), np.arange(ROWS)
    halves, back = floats.bfloat16(), torch.randn(ROWS, WIDTH)
    ones = torch.from_numpy(np.nonzero(x)[1])
    starts = torch.from_numpy(np.concatenate([[0], np.cumsum(x.sum(1, dtype=np.int64))[:-1]]))

    def runs() -> np.ndarray:
        return rows.forward(cumulated(sparse.weight), sparse.bias.detach().numpy(), picks)

    return {
        "differences of cumulated sums of the weights": (
            runs,
            lambda out: rows.backward(picks, back.numpy()),
        ),
        "dense, float32": (lambda: dense(floats), lambda out: out.backward(back)),
        "dense, bfloat16": (lambda: half(halves), lambda out: out.backward(back.bfloat16())),
        "torch's EmbeddingBag": (lambda: bag(ones, starts), lambda out: out.backward(back)),
    }


def timed(road: Road) -> tuple[float, float]:
    """Time one forward and one backward pass, in milliseconds."""
    forward, backward = road
    began = time.perf_counter()
    out = forward()
    between = time.perf_counter()
    backward(out)
    return 1e3 * (between - began), 1e3 * (time.perf_counter() - between)


def products_ms(seeds: int, width: int = 128) -> Callable[[], float]:
    """Return a function that times a hidden layer's three products for all seeds at once, in milliseconds per seed."""
    x, out = torch.randn(seeds, ROWS, width), torch.randn(seeds, ROWS, width)
    weight, bias = torch.randn(seeds, width, width), torch.randn(seeds, 1, width)

    def work() -> float:
        began = time.perf_counter()
        torch.baddbmm(bias, x, weight)
        torch.bmm(out.transpose(1, 2), x)
        torch.bmm(out, weight)
        return 1e3 * (time.perf_counter() - began) / seeds

    return work


def update_ms(num_envs: int, batch_size: int) -> float:
    """CPU time of an update in milliseconds, the median of twenty."""
    settings = {"num_envs": num_envs, "batch_size": batch_size, "total_steps": num_envs * 64 * 24}
    training = new_training(ExperimentConfig.parse({"name": "bench", "train": settings}))
    marks: list[float] = []
    training.run(lambda progress: marks.append(time.process_time()))
    return 1e3 * float(np.median(np.diff(marks)[3:]))


def main() -> None:
    """Measure and print the figures."""
    torch.set_num_threads(1)
    x = views()
    print(f"{x.mean():.2f} of the inputs are 1")
    timings: dict[str, list[tuple[float, float]]] = {}
    ways = roads(x)
    for _ in range(TURNS):
        for name, road in ways.items():
            timings.setdefault(name, []).append(timed(road))
    for name, times in timings.items():
        forward, backward = np.min(times, axis=0)
        print(f"{name}: {forward:.1f} ms forward, {backward:.1f} ms backward")
    single, eight = products_ms(1), products_ms(8)
    alone, together = np.min([(single(), eight()) for _ in range(TURNS)], axis=0)
    print(
        f"products of a hidden layer: {alone:.2f} ms for one seed, {together:.2f} ms per seed for eight at once"
    )
    whole, bare = update_ms(128, 2048), update_ms(4, 64)
    most, four = whole / (whole - bare), whole / (whole - bare * 3 / 4)
    print(
        f"an update: {whole:.0f} ms, the same calls on almost no data: {bare:.0f} ms; batching seeds is at most"
    )
    print(f"{most:.2f} times as fast, for four seeds {four:.2f} times")


if __name__ == "__main__":
    main()
