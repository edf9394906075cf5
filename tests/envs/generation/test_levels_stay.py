"""The first levels of every condition of every world are what they always were: a level is named by seed and number alone.

`pytest tests/envs/generation/test_levels_stay.py --update-golden` writes the digests anew; a change there means that every result
on generated levels so far was got on other levels than the same command gives now. CoinRun's single levels are in
test_generator.py, which also says what their distributions are.
"""

import hashlib
import json

import pytest
from fixtures.places import GOLDEN as FILES

from goalposts.envs import generate, get_world
from goalposts.registration import WORLDS

GOLDEN = FILES / "levels_of_worlds.json"
SEED = 2026
FEW = (
    "KeysAndChests",
    "Shields",
)  # their proofs take long when they are interpreted, as by tests/harness/mutate.py

CONDITIONS = [
    (world, c.name if c.parameter is None else f"{c.name}({c.parameter})")
    for world in WORLDS
    for c in get_world(world).conditions
]


@pytest.mark.parametrize(("world", "condition"), CONDITIONS)
def test_levels_stay(world: str, condition: str, update_golden: bool) -> None:
    """16 hex digits over the hashes of the first levels."""
    hashes = generate(world, condition, SEED, 3 if world in FEW else 12).level_hashes()
    now = hashlib.sha256(" ".join(map(str, hashes)).encode()).hexdigest()[:16]
    kept = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    name = f"{world}/{condition}"
    if update_golden:
        kept[name] = now
        GOLDEN.write_text(json.dumps(kept, indent=1) + "\n")
    assert now == kept[name]
