"""The header of a results page: how it was made, so that a check can detect pages made with an outdated recipe.

Front matter in YAML: `command` that regenerates the page, `n`, `recipes` (by name, the hash of the config or of all runs of
the study behind the page) and `worlds` (the golden digests of their levels, from `golden.json` next to the pages).

    python -m goalposts.experiments.study.results.page_header docs/results/pixels.md     (after editing a page by hand)

Read next: `docs_page.py`, which writes the pages of studies with it.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from goalposts.errors import UserError

from ...config.schema import load_config
from ...measurement.intervals import percent, unseen_share
from ...system.atomic_files import write_atomic
from ..design.plan import plan_study

GOLDEN = "golden.json"
FENCE = "---\n"
STUDIES = "studies/"
PLAN = "none: a plan"  # how the command of a plan begins: a plan names its recipes of that day, and is never remade
SEEDS = re.compile(r"(\d+)(?: or (\d+))? training seed")


def recipe_hash(name: str) -> str:
    """Hash a shipped config, such as `coinrun/edge`, or all runs of a shipped study, such as `studies/alpha`: 16 hex digits."""
    if name.startswith(STUDIES):
        runs = sorted(plan_study(name.removeprefix(STUDIES)).runs)
        return hashlib.sha256("\n".join(runs).encode()).hexdigest()[:16]
    return load_config(name).hash()[:16]


def golden_of(folder: Path) -> dict[str, str]:
    """Read the golden digest of each world from the folder of the pages; {} if it has none."""
    path = folder / GOLDEN
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def front_matter(command: str, n: str, recipes: Iterable[str], worlds: Mapping[str, str]) -> str:
    """Format the header of a page."""
    header = {
        "command": command,
        "n": n,
        "recipes": {name: recipe_hash(name) for name in recipes},
        "worlds": dict(worlds),
    }
    return FENCE + yaml.safe_dump(header, sort_keys=False, allow_unicode=True, width=1000) + FENCE + "\n"


def split(page: str) -> tuple[dict[str, Any], str]:
    """Split a page into its header ({} if it has none) and the rest."""
    if not page.startswith(FENCE) or FENCE not in page[len(FENCE) :]:
        return {}, page
    head, _, body = page[len(FENCE) :].partition(FENCE)
    header = yaml.safe_load(head)
    return (header if isinstance(header, dict) else {}), body.lstrip("\n")


def problems_of(page: Path) -> list[str]:
    """List why a page may be stale: one message per reason, with the remedy."""
    header, _ = split(page.read_text(encoding="utf-8"))
    missing = [key for key in ("command", "n", "recipes", "worlds") if key not in header]
    if missing:
        return [
            f"{page.name}: the header lacks {', '.join(missing)}; {__name__.rpartition('.')[2]}.py says what it holds"
        ]
    remedy = f"remake the page: {header['command']}"
    problems = []
    recipes: dict[str, str] = {} if str(header["command"]).startswith(PLAN) else header["recipes"]
    for name, known in recipes.items():
        try:
            now = recipe_hash(name)
        except UserError as error:
            problems.append(
                f"{page.name}: the recipe {name} is not shipped ({str(error).splitlines()[0]}); {remedy}"
            )
            continue
        if now != known:
            problems.append(f"{page.name}: made with recipe {name} {known}, shipped is {now}; {remedy}")
    golden = golden_of(page.parent)
    for world, known in header["worlds"].items():
        if golden.get(world) != known:
            problems.append(f"{page.name}: levels of {world} were {known}, now {golden.get(world)}; {remedy}")
    return problems


def what_is_missed(n: str) -> list[str]:
    """Of a header's n: for each number of training seeds, the kinds of agent that it can miss."""
    return [f"up to {percent(unseen_share(k))} of seeds" for k in _numbers(n)]


def _numbers(n: str) -> list[int]:
    match = SEEDS.search(n)
    return [int(k) for k in match.groups() if k] if match else []


def with_missed(n: str, body: str) -> str:
    """The body of a page, with a closing sentence on the kinds of agent that its seeds can miss, unless it says so."""
    missed = what_is_missed(n)
    if all(words in body for words in missed):
        return body
    kinds = missed[0]
    if len(missed) > 1:
        kinds = " or ".join(f"{words} ({k} per point)" for words, k in zip(missed, _numbers(n), strict=True))
    return f"{body.rstrip()}\n\n{n[:1].upper()}{n[1:]}: these can miss kinds of agent that {kinds} produce (95% confidence).\n"


def main(pages: list[str]) -> int:
    """Update the hashes of pages that were just regenerated; returns the exit code."""
    if not pages:
        print("usage: python -m goalposts.experiments.study.results.page_header PAGE.md ...", file=sys.stderr)
        return 2
    for name in pages:
        path = Path(name)
        header, body = split(path.read_text(encoding="utf-8"))
        golden = golden_of(path.parent)
        worlds = {world: golden[world] for world in header["worlds"]}
        text = front_matter(header["command"], header["n"], header["recipes"], worlds)
        text += with_missed(header["n"], body)
        write_atomic(path, text.encode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
