"""Regenerate the pictures of the docs by running every command on their pages that writes into docs/pictures/.

    python docs/_build/pictures.py

The pages are the only list of these commands. Requires the runs named on the pages (docs/idea.md shows how to train them), but
no screen. Replaces an existing picture only after its command has succeeded.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[1]
PLACE = "docs/pictures/"


def picture_commands() -> dict[str, list[str]]:
    """Path of each picture relative to the repository's root, and the arguments of the command that draws it."""
    found = {}
    for page in sorted(DOCS.glob("*.md")):
        for line in page.read_text(encoding="utf-8").splitlines():
            if line.startswith("    goalposts ") and PLACE in line:
                words = shlex.split(line)
                found[next(word for word in words if word.startswith(PLACE))] = words
    return found


def main() -> None:
    for path, words in picture_commands().items():
        print(shlex.join(words), flush=True)
        new = str(Path(path).with_name(f"new-{Path(path).name}"))
        arguments = [new if word == path else word for word in words[1:]]
        subprocess.run(
            [sys.executable, "-m", "goalposts", *arguments],
            cwd=DOCS.parent,
            check=True,
            env=os.environ | {"SDL_VIDEODRIVER": "dummy"},
        )
        os.replace(DOCS.parent / new, DOCS.parent / path)


if __name__ == "__main__":
    main()
