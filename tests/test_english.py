"""Users' text, docstrings and comments are plain English: they avoid the banned phrases listed here.

Users' text is README, the docs, the command line's help and the configs. Docstrings and comments are checked in the folders
`CODE`. Each pattern represents a kind of phrase that reads as a translation. Code spans and fenced code are skipped. To count
the phrases of any checkout, by kind and by file: `PYTHONPATH=CHECKOUT python tests/test_english.py CHECKOUT [--code]`.
"""

from __future__ import annotations

import ast
import io
import json
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent

UNIT = (
    "actions|agents|bars?|batches|bytes|columns|cores?|episodes|files?|figures|gardens|items?|layouts|levels|lines?|measurements?"
    "|megabyte|nats|nodes?|numbers|one|pages?|pictures|points|processes|process|repetitions|rows?|runs|samples|sections?|seeds"
    "|seconds|simulations|steps|tasks?|threads?|trainings|values|worlds|[nµm]?s|[kMG]B|[MG]?iB|MB at most"
)
PER = (
    "agent|arm|batch|call|card|cell|column|condition|core|env step|environment|env|episode|file|goal|group|label|layout|level"
    "|line|line of the file|machine|measurement|megabyte|minibatch|million|page|place|point|procedure|process|rollout|row|run"
    "|seed|side|study|task|training|update|view|window|word|worker|world"
)

# kind → pattern; matched without regard to case
BANNED = {
    "a or an where per is meant": rf"\b(?:{UNIT}) an? (?:{PER})\b",
    "a clause as a noun": r"\bwho(?:so)?ever\b|(?:^|[.:] |[-*] )(?-i:What|Who) (?:a|an|the|numpy's) [^.?!:|]*\.(?: |$)",
    "tell": r"\btell(?:s|ing)?\b|\btold\b",
    "go on": r"\bgo(?:es|ing|ne)? on\b|\bwent on\b",
    "anew": r"\banew\b",
    "stand": r"\bstand(?:s|ing)?\b|\bstood\b",
    "mend": r"\bmend(?:s|ed|ing)?\b",
    "but for": r"\bbut for\b",
    "beside": r"\bbeside\b",
    "hold against": r"\bh[eo]ld\b[^.|]{0,30}\bagainst\b",
    "hang on": r"\bhangs? (?:up)?on\b",
    "luck": r"\bluck(?:y)?\b",
    "share as a noun": r"\b(?:a|the|its|each|every|what|small|large|largest|raw|prior) shares?\b|\bshares? (?:of|α|alpha)\b|\bin shares\b",
    "way as a path": r"\bshort(?:est|er)? ways?\b|\bways? (?:to|past) the\b|\bboth ways\b|\blonger way\b",
    "words as a message": r"\bin words\b|\bits words\b",
    "stranger": r"\bstrangers?\b",
    "of one's own": r"\bof (?:one's|your|our|their|his|its|somebody's) own\b|\bof ours\b",
    "dear": r"\bas dear\b|\bdearer\b",
    "come to an end": r"\bc[oa]mes? to an end\b",
    "it is said": r"\bit is said\b|\bso it is said\b",
    "a person for a part": r"\bforesees?\b|\bforetells?\b|\bsomebody\b|\bnobody\b|\banybody\b",
    "one for you": r"\bone (?:can|cannot|must|should|may|sees|wants|looks|needs|knows|measures)\b",
    "verb first": r"\b(?:allowed|sampled|mended|measured|shown|tried|refused) (?:are|were)\b(?! (?:by|with|in|on|at))",
    "space before %": r"\d %",
    "out of use": r"\baught\b|\baimed at\b|\bnewborn\b|\bof another make\b|\bthe same again\b|\bmerely looks\b",
}

# Folders whose docstrings and comments are checked.
CODE = ("envs", "agents", "experiments", "goalposts", "tests", "docs/_build", ".ci")
NOT_IN_CODE = ("space before %",)  # kinds that matter on a page only

# (file, or * for all; a phrase around the find) → reason for keeping it
ALLOWED: dict[tuple[str, str], str] = {
    ("*", "foresee("): "the name of the function that forecasts",
    ("*", "goalposts foresee"): "the command that forecasts",
    ("*", "foresee.md"): "the page of that command",
}


class Found(NamedTuple):
    """A banned phrase: its kind, where it is, and the phrase with some text on either side."""

    kind: str
    file: str
    line: int
    phrase: str
    around: str


def prose(text: str) -> str:
    """The text without fenced code, code spans, addresses of links and HTML comments; line numbers stay."""
    blank = lambda found: "\n" * found[0].count("\n")  # noqa: E731
    text = re.sub(r"^([ \t]*)```.*?^\1```", blank, text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"<!--.*?-->", blank, text, flags=re.DOTALL)
    return re.sub(r"\]\([^)\s]*\)", "]", re.sub(r"`[^`\n]+`", "`…`", text))


@cache
def texts(root: Path) -> list[tuple[str, str]]:
    """Every text that a user reads: its name and its prose."""
    return list(_texts(root))


def _texts(root: Path) -> Iterator[tuple[str, str]]:
    pages = [path for path in (root / "docs").rglob("*.md") if "_build" not in path.parts]
    tops = [root / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]
    for path in [*tops, *sorted(pages), *sorted((root / "configs").rglob("*.yaml"))]:
        yield path.relative_to(root).as_posix(), prose(path.read_text("utf-8"))
    cells = json.loads((root / "docs" / "lesson.ipynb").read_text("utf-8"))["cells"]
    yield (
        "docs/lesson.ipynb",
        prose("\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")),
    )
    sys.path.insert(0, str(root / "docs" / "_build"))
    from cli_reference import command_page
    from config_reference import config_page, study_page

    yield "goalposts --help", prose(command_page())
    yield "reference/config.md", prose(config_page())
    yield "reference/study.md", prose(study_page())


@cache
def code_texts(root: Path) -> list[tuple[str, str]]:
    """Every docstring and comment in the folders of code, at its line: the file's name and its prose."""
    return list(_code_texts(root))


def _code_texts(root: Path) -> Iterator[tuple[str, str]]:
    for folder in CODE:
        for path in sorted((root / folder).rglob("*.py")):
            yield path.relative_to(root).as_posix(), prose(words_of(path.read_text("utf-8")))


def words_of(source: str) -> str:
    """Docstrings and comments of a Python source, each at its line and separated by periods; code is left out."""
    lines = [""] * (source.count("\n") + 2)
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            first, block = node.lineno - 1, node.value.value.split("\n")
            lines[first : first + len(block)] = [*block[:-1], f"{block[-1]} ."]
    comments = [
        t for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type == tokenize.COMMENT
    ]
    rows = {token.start[0] for token in comments}
    for token in comments:
        row = token.start[0]
        lines[row - 1] += token.string.lstrip("# ") + ("" if row + 1 in rows else " .")
    return "\n".join(lines)


def banned(file: str, text: str) -> Iterator[Found]:
    """Every banned phrase of a text. A phrase that a line break divides is found too."""
    flat = text.replace("\n", " ")
    for kind, pattern in BANNED.items():
        for found in re.finditer(pattern, flat, re.IGNORECASE):
            line = text.count("\n", 0, found.start()) + 1
            around = flat[max(0, found.start() - 40) : found.end() + 40]
            yield Found(kind, file, line, found[0].strip().lower(), around)


def allowed(found: Found) -> bool:
    return any(file in (found.file, "*") and phrase in found.around.lower() for file, phrase in ALLOWED)


def test_users_text_avoids_the_banned_phrases() -> None:
    pytest.importorskip("torch")  # the help is read from the whole command line
    found = [one for file, text in texts(ROOT) for one in banned(file, text) if not allowed(one)]
    assert found == [], "\n" + "\n".join(
        f"{one.file}:{one.line}: {one.kind}: …{one.around}…" for one in found
    )


def test_docstrings_and_comments_avoid_the_banned_phrases() -> None:
    found = [one for file, text in code_texts(ROOT) for one in banned_in_code(file, text) if not allowed(one)]
    assert found == [], "\n" + "\n".join(
        f"{one.file}:{one.line}: {one.kind}: …{one.around}…" for one in found
    )


def banned_in_code(file: str, text: str) -> Iterator[Found]:
    return (found for found in banned(file, text) if found.kind not in NOT_IN_CODE)


PLANTED = '''"""A module. What an agent wants is here."""
x = "nobody reads strings"  # compiled anew
# the agent
# stands here
def f():
    """One row an episode."""
'''


def test_banned_phrases_in_docstrings_and_comments_are_found() -> None:
    found = [(one.line, one.kind) for one in banned_in_code("a.py", prose(words_of(PLANTED)))]
    assert sorted(found) == [
        (1, "a clause as a noun"),
        (2, "anew"),
        (4, "stand"),
        (6, "a or an where per is meant"),
    ]


@pytest.mark.parametrize("kind", BANNED)
def test_every_banned_kind_is_found(kind: str) -> None:
    """A pattern that matches nothing would let everything pass."""
    assert [one.kind for one in banned("a page", SPECIMENS[kind]) if one.kind == kind]


SPECIMENS = {
    "a or an where per is meant": "1,000 levels a condition",
    "a clause as a noun": "What a seed generates is a contract. Another sentence.",
    "tell": "cannot tell them apart",
    "go on": "the same command goes on",
    "anew": "compiled anew",
    "stand": "the keys stand along the edge",
    "mend": "does it mend the goal?",
    "but for": "all but for one",
    "beside": "measured beside it",
    "hold against": "hold a row against theirs",
    "hang on": "costs hang on\nthe memory",
    "luck": "is it luck?",
    "share as a noun": "in a share α of the levels",
    "way as a path": "a shortest way to it",
    "words as a message": "refused in words",
    "stranger": "a stranger's file",
    "of one's own": "a world of your own",
    "dear": "four times as dear",
    "come to an end": "when it comes to an end",
    "it is said": "it is said that it was there",
    "a person for a part": "nobody foresees it",
    "one for you": "one can trust it",
    "verb first": "Sampled were 320 places",
    "space before %": "95 % intervals",
    "out of use": "below what was aimed at",
}


def test_code_is_not_prose() -> None:
    text = "`tells` and\n```\nhow it stands\n```\n[a](goes-on.md) end\n"
    assert not list(banned("a page", prose(text)))
    assert prose(text).count("\n") == text.count("\n")


def test_every_allowed_phrase_is_still_there_with_a_reason() -> None:
    known = {file: text.replace("\n", " ").lower() for file, text in [*texts(ROOT), *code_texts(ROOT)]}
    for (file, phrase), why in ALLOWED.items():
        assert any(phrase in text for name, text in known.items() if file in (name, "*")), (file, phrase)
        assert len(why) > 15


def main() -> None:
    """Count the banned phrases of the checkout that is named."""
    root = Path(sys.argv[1]).resolve()
    read, find = (code_texts, banned_in_code) if "--code" in sys.argv else (texts, banned)
    found = [one for file, text in read(root) for one in find(file, text) if not allowed(one)]
    for title, counts in (("kind", Counter(o.kind for o in found)), ("file", Counter(o.file for o in found))):
        print(f"by {title}")
        print("\n".join(f"{count:6d}  {name}" for name, count in counts.most_common()))
    print(f"{len(found):6d}  in all")
    if "--list" in sys.argv:
        print("\n".join(f"{one.file}:{one.line}: {one.kind}: …{one.around}…" for one in found))


if __name__ == "__main__":
    main()
