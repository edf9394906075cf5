"""Golden digests of the first levels of every condition of every world, which seed and index alone determine.

`pytest tests/envs/generation/test_levels_stay.py --update-golden` regenerates the digests; a change there means that all
earlier results used different levels than the same command generates now. CoinRun's single levels and their distributions are
tested in test_generate.py.
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
)  # slow to verify without compilation, as in tests/harness/mutate.py

CONDITIONS = [
    (world, c.name if c.parameter is None else f"{c.name}({c.parameter})")
    for world in WORLDS
    for c in get_world(world).conditions
]


@pytest.mark.parametrize(("world", "condition"), CONDITIONS)
def test_golden_levels_are_unchanged(world: str, condition: str, update_golden: bool) -> None:
    """Digest of 16 hex digits over the hashes of the first levels."""
    hashes = generate(world, condition, SEED, 3 if world in FEW else 12).level_hashes()
    now = hashlib.sha256(" ".join(map(str, hashes)).encode()).hexdigest()[:16]
    kept = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    name = f"{world}/{condition}"
    if update_golden:
        kept[name] = now
        GOLDEN.write_text(json.dumps(kept, indent=1) + "\n")
    assert now == kept.get(name), (
        f"{name}: if the levels are new, run this file with -k {world}-{condition} --update-golden"
    )
