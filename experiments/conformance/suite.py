"""The conformance suite: fourteen clauses of the world contract that every world passes, shipped or custom.

    from goalposts.experiments.conformance.suite import check_world
    check_world(MY_WORLD)                                raises WorldFault with every violation

    @pytest.mark.parametrize("clause", CLAUSES)          or each clause as a separate test
    def test_my_world(clause): clause(MY_WORLD, 200)

    python -m goalposts.experiments.conformance my_module:MY_WORLD

The clauses play the world through every interface, search its levels again without the planner, and measure agents with
known goals. The contract is described in docs/worlds.md. Read next: `envs/worlds/contract/world.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from goalposts.errors import UserError
from goalposts.process.streams import make_ready, warn
from goalposts.text import plain, plain_lines
from goalposts.whole_numbers import whole

from ...envs.worlds.contract.world import World
from ...envs.worlds.registry import load_world
from .images import images_can_be_drawn, tiles_look_different
from .levels import (
    WorldFault,
    conditions_are_found,
    declares_what_it_must,
    edits_are_sound,
    layouts_are_many,
    level_texts_are_levels,
    levels_are_a_function_of_their_number,
    levels_are_proven,
    splits_share_no_layout,
)
from .play import faces_agree, known_agents_are_known, planner_is_exact, rules_are_pure

Clause = Callable[[World, int], None]

CLAUSES: tuple[Clause, ...] = (
    declares_what_it_must,
    conditions_are_found,
    level_texts_are_levels,
    rules_are_pure,
    levels_are_proven,
    levels_are_a_function_of_their_number,
    splits_share_no_layout,
    layouts_are_many,
    edits_are_sound,
    planner_is_exact,
    faces_agree,
    images_can_be_drawn,
    tiles_look_different,
    known_agents_are_known,
)


def check_world(world: World, levels: int = 200) -> None:
    """Check all clauses on `levels` levels per condition. Raises WorldFault with every violation, UserError."""
    levels = whole("levels", levels, UserError, 1, 1_000_000)
    faults = []
    for clause in CLAUSES:
        try:
            clause(world, levels)
        except Exception as fault:  # untrusted rules may raise anything
            faults.append(f"{clause.__name__}: {type(fault).__name__}: {fault}")
    if faults:
        raise WorldFault(f"{world.name} breaks {len(faults)} of {len(CLAUSES)} clauses\n" + "\n".join(faults))


def main(arguments: list[str]) -> int:
    """Check the named worlds and print one line per world; returns the exit code."""
    make_ready()
    if not arguments:
        print("usage: python -m goalposts.experiments.conformance WORLD …", file=sys.stderr)
        return 2
    for name in arguments:
        try:
            world = load_world(name)
            check_world(world)
        except (WorldFault, ValueError) as fault:
            warn(plain_lines(str(fault)))
            return 1 if isinstance(fault, WorldFault) else 2
        print(f"{plain(world.name)} keeps the contract: {len(CLAUSES)} clauses")
    return 0
