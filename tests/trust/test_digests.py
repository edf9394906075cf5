"""Levels, rules, planner results and measured numbers are the same on every Python (CI runs this on 3.11, 3.12 and 3.13)."""

import json

import pytest
from fixtures.places import GOLDEN as FILES
from harness.digests import all_digests

GOLDEN = FILES / "digests.json"


@pytest.mark.slow
def test_digests_are_those_of_every_other_python(update_golden: bool) -> None:
    if update_golden:
        GOLDEN.write_text(json.dumps(all_digests(), indent=1) + "\n", encoding="utf-8")
    known = json.loads(GOLDEN.read_text(encoding="utf-8"))
    found = all_digests(*sorted({name.partition(" ")[0] for name in known} - {"measurement"}))
    assert {name: found.get(name) for name in known} == known
