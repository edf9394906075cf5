"""Make the sample reports, the live page and the images of all worlds that the site shows. `make docs` runs this before mkdocs.

    python docs/_build/samples.py

Trains the demo's pair and a small study. Results are kept in build/docs-samples/, where a second call resumes; what was made with
older configs is made again from scratch. Without them, mkdocs builds the same site with placeholders (`hooks.py`). Nothing made here
is committed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image

from goalposts.envs.generation.generate import generate
from goalposts.envs.worlds.registry import get_world
from goalposts.experiments.evaluation.replay import replay
from goalposts.registration import WORLDS

PLACE = Path(__file__).parents[2] / "build" / "docs-samples"
SITE = PLACE / "site"  # its files are added to the site under the same path
STUDY = [
    "alpha",
    "grid.env.condition=[mixture(0), mixture(0.03), mixture(1)]",
    "seeds=2",
    "arms=[]",
    "levels=300",
    "set.train.total_steps=500_000",
]
ROLES = ("train", "shift")
DRAWN = 24  # levels of which one of middle size is shown
SAMPLES = ("examples/live.html", "examples/report.html", "examples/study.html")


def image_path(world: str, role: str) -> str:
    """Path in the site of the image of a world's default condition of a role."""
    return f"worlds/images/{world.lower()}-{role}.png"


def write_world_images() -> None:
    """Draw a level of each world as in training, and one with the goal moved, from the world's own sprites."""
    for name in WORLDS:
        world = get_world(name)
        for role in ROLES:
            levels = generate(world, world.default_condition(role), 3, DRAWN)
            middle = sorted(range(DRAWN), key=lambda k: (levels[k].tiles.shape[1], k))[DRAWN // 2]
            image = Image.fromarray(replay(levels[middle], []).images(16)[0])
            path = SITE / image_path(name, role)
            path.parent.mkdir(parents=True, exist_ok=True)
            image.resize((2 * image.width, 2 * image.height), Image.Resampling.NEAREST).save(path)


def goalposts(*words: str | Path) -> None:
    command = [sys.executable, "-m", "goalposts", *map(str, words)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=PLACE)


def main() -> None:
    try:
        write_samples()
    except subprocess.CalledProcessError:  # such as: the folder holds runs of older configs
        shutil.rmtree(PLACE)
        write_samples()


def write_samples() -> None:
    """Train what is missing, and write the samples into the folder whose files are added to the site."""
    (SITE / "examples").mkdir(parents=True, exist_ok=True)
    goalposts("demo", "--out", "demo")
    shutil.copyfile(PLACE / "demo" / "report.html", SITE / "examples" / "report.html")
    (SITE / "examples" / "live.html").unlink(missing_ok=True)
    goalposts("live", "demo/edge-s0", "demo/anywhere-s0", "--out", SITE / "examples" / "live.html")
    goalposts("study", *STUDY, "--out", "study", "--no-estimate")
    shutil.copyfile(PLACE / "study" / "report.html", SITE / "examples" / "study.html")
    write_world_images()


if __name__ == "__main__":
    main()
