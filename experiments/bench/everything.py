"""Select and run the measurements of `goalposts bench`. Read next: `suite.py`, the standard figures; `matrix.py`."""

from __future__ import annotations

from goalposts.errors import UserError
from goalposts.registration import WORLDS

from ...envs.worlds.registry import get_world, known_worlds
from .suite import Tell, bench
from .timing import Figure, Grid


def bench_everything(
    world: str = "CoinRun",
    seconds: float = 1.0,
    training: bool = True,
    everything: bool = True,
    peers: bool = False,
    tell: Tell = lambda what: None,
) -> tuple[list[Figure], list[Grid]]:
    """Measure the usual figures of a world and, if asked for, those of all worlds and of comparable software.

    training: measure learning too. everything: also a whole run, rollouts, memory, and a grid over all worlds.
    peers: also SB3, torch, and Minigrid if installed. Raises UserError for a custom world that would be trained in.
    """
    home = get_world(world)
    if (training or peers or everything) and home.name not in WORLDS:
        raise UserError(
            f"{home.name} does not ship with Goalposts, and learning and memory are measured in worlds that do: "
            "give --no-training, and neither --all nor --peers"
        )
    figures, grids = bench(home.name, seconds, training, tell), []
    if everything:
        from .matrix import matrix
        from .memory import memory
        from .rollouts import rollouts

        if training:
            from .training import STEPS, recipe, whole_run

            tell("a whole run")
            figures.append(whole_run(recipe(home, total_steps=STEPS)))
        tell("rollouts that are held, then let go")
        figures += rollouts(home, seconds)
        figures += memory(home, training, tell=tell)
        grids = matrix(known_worlds().values(), seconds, tell=tell)
    if peers:
        from .peers import bench_peers

        figures += bench_peers(home, 10 * seconds, tell)
    return figures, grids
