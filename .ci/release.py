"""Check a release: tag, package, CITATION.cff and CHANGELOG.md must name the same version.

    python .ci/release.py v0.1.0        (without a tag: whether package, CITATION and changelog agree)

Requires no installed packages. Exits with code 1 and one line per disagreement.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def read(name: str, pattern: str) -> str:
    found = re.search(pattern, (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else "none"


def disagreements(tag: str | None) -> list[str]:
    """List one line for each place whose version differs from the package's."""
    version = read("goalposts/__init__.py", r'^__version__ = "(.+)"$')
    found = []
    if (cited := read("CITATION.cff", r"^version: (.+)$")) != version:
        found.append(f"CITATION.cff names version {cited}, the package {version}")
    if tag is not None:
        if tag != f"v{version}":
            found.append(f"the tag is {tag}, the package's version {version}")
        if (listed := read("CHANGELOG.md", r"^## \[(\d.*?)\]")) != version:
            found.append(f"the newest release in CHANGELOG.md is {listed}, the package's version {version}")
    return found


if __name__ == "__main__":
    problems = disagreements(sys.argv[1] if len(sys.argv) > 1 else None)
    print("\n".join(problems), end="\n" if problems else "")
    sys.exit(1 if problems else 0)
