"""docs/compatibility.md lists exactly what the tests in this folder try."""

import ast
from pathlib import Path

from fixtures import compatibility_page


def marks() -> set[tuple[str, str]]:
    found = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tried":
                package, what = (ast.literal_eval(value) for value in node.args)
                found.add((package, what))
    return found


def test_the_page_lists_what_was_tried() -> None:
    rows = compatibility_page.read()
    assert set(rows) == marks()
    assert compatibility_page.text_of(rows) == compatibility_page.PAGE.read_text("utf-8")
