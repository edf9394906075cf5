"""Code conventions: short functions, few parameters, named constants, and automatic formatting."""

import ast
from collections.abc import Callable, Iterator

import pytest
from fixtures.places import ROOT

MOST_LINES = 60
MOST_PARAMETERS = 8

# Functions that may be longer or take more parameters, and the reason.
ALLOWED = {
    "experiments/evaluation/attribution.py:attribute_agent": "each parameter is an option of the public function",
    "experiments/evaluation/attribution.py:evidence_of": "the options of attribute_agent, passed on",
    "envs/engine/level_stream.py:LevelStream.__init__": "each parameter is an option of gym.make, documented by its keyword",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef
FILES = [path for folder in ("envs", "agents") for path in sorted((ROOT / folder).rglob("*.py"))]
EXPERIMENTS = sorted((ROOT / "experiments").rglob("*.py"))
MOST_STATEMENTS = 15  # of a command, which decides nothing


def functions(tree: ast.AST, within: str = "") -> Iterator[tuple[str, Function]]:
    """Yield each function of a module with its qualified name."""
    for node in ast.iter_child_nodes(tree):
        name = within
        if isinstance(node, Function | ast.ClassDef):
            name = f"{within}.{node.name}".lstrip(".")
        if isinstance(node, Function):
            yield name, node
        yield from functions(node, name)


def is_command(function: Function) -> bool:
    """Whether a function is entered as a command of typer, by its decorator."""
    calls = [d.func for d in function.decorator_list if isinstance(d, ast.Call)]
    return any(isinstance(call, ast.Attribute) and call.attr == "command" for call in calls)


def statements(function: Function) -> int:
    """The statements in a function's body, without its docstring and imports."""
    parts = [node for node in ast.walk(function) if isinstance(node, ast.stmt) and node is not function]
    return sum(
        not isinstance(node, ast.Import | ast.ImportFrom)
        and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in parts
    )


def too_large(source: str) -> dict[str, tuple[int, int]]:
    """Functions above either bound: lines and parameters, without `self` or `cls`."""
    found = {}
    for name, function in functions(ast.parse(source)):
        arguments = function.args
        names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        count = len(names) - (names[:1] in (["self"], ["cls"]))
        lines = (function.end_lineno or 0) - function.lineno + 1
        if is_command(function):
            lines, count = (
                0,
                0,
            )  # typer's signatures are the command line's help; see the statements of commands below
        if lines > MOST_LINES or count > MOST_PARAMETERS:
            found[name] = (lines, count)
    return found


def test_functions_are_short_and_take_few_parameters() -> None:
    found = {
        f"{path.relative_to(ROOT).as_posix()}:{name}": size
        for path in (*FILES, *EXPERIMENTS)
        for name, size in too_large(path.read_text("utf-8")).items()
    }
    assert {name: size for name, size in found.items() if name not in ALLOWED} == {}
    assert set(ALLOWED) <= set(found), "an entry that is no longer needed"


def test_a_large_function_is_seen() -> None:
    nine = ", ".join(f"p{k}" for k in range(9))
    long = "def long():\n" + "    pass\n" * 60
    method = f"class A:\n    def few(self, {nine[:-4]}): ...\n    def many(self, {nine}): ...\n"
    assert too_large(long + method) == {"long": (61, 0), "A.many": (1, 9)}


def test_commands_are_thin() -> None:
    commands = {
        f"{path.stem}.{name}": statements(function)
        for path in EXPERIMENTS
        if path.parent.name == "cli"
        for name, function in functions(ast.parse(path.read_text("utf-8")))
        if is_command(function)
    }
    assert len(commands) >= 20
    assert {name: n for name, n in commands.items() if n > MOST_STATEMENTS} == {}


def test_the_statements_of_a_command_are_counted() -> None:
    source = '@app.command(name="x")\ndef x():\n    """Doc."""\n    import os\n    if os:\n        return\n'
    command = next(function for _, function in functions(ast.parse(source)))
    assert is_command(command)
    assert statements(command) == 2
    assert not is_command(next(f for _, f in functions(ast.parse("@wraps(command)\ndef y(): ..."))))


def is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int


def is_named(node: ast.expr, *names: str) -> bool:
    """Whether an expression is one of these variables, an attribute of that name, or an element of one."""
    if isinstance(node, ast.Subscript):
        return is_named(node.value, *names)
    return (node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", None)) in names


def bare_event(node: ast.AST) -> bool:
    """`event & 8`, `event |= 1`."""
    if isinstance(node, ast.AugAssign):
        return isinstance(node.op, ast.BitOr) and is_named(node.target, "event") and is_number(node.value)
    return isinstance(node, ast.BinOp) and is_named(node.left, "event", "events") and is_number(node.right)


def bare_outcome(node: ast.AST) -> bool:
    """`outcome[i, 2]`."""
    if not (isinstance(node, ast.Subscript) and is_named(node.value, "outcome", "final_outcome")):
        return False
    index = node.slice
    return isinstance(index, ast.Tuple) and len(index.elts) == 2 and is_number(index.elts[1])


def bare_code(node: ast.AST) -> bool:
    """`law == 6`, `done[i] == 1`, `pay == 0`."""
    names = ("law", "placement", "chosen", "wanted", "absent", "done", "pay", "pays", "habit", "habits")
    return isinstance(node, ast.Compare) and is_named(node.left, *names) and is_number(node.comparators[0])


def bare_purpose(node: ast.AST) -> bool:
    """`key_of(seed, index, 2, 0)`: one word is the key's purpose; an attempt or a filler may be 0."""
    if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "key_of"):
        return False
    return all(not (isinstance(a, ast.Name) and a.id.isupper()) for a in node.args)


@pytest.mark.parametrize("habit", [bare_event, bare_outcome, bare_code, bare_purpose])
def test_numbers_go_by_their_names(habit: Callable[[ast.AST], bool]) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if habit(node)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("habit", "source"),
    [
        (bare_event, "event & 8"),
        (bare_event, "event |= 1"),
        (bare_event, "events[s, a] & 4"),
        (bare_outcome, "outcome[i, 2]"),
        (bare_outcome, "engine.outcome[:, 2]"),
        (bare_code, "law == 6"),
        (bare_code, "done[i] == 1"),
        (bare_purpose, "key_of(seed, index, 2, 0)"),
    ],
)
def test_a_bare_number_is_seen(habit: Callable[[ast.AST], bool], source: str) -> None:
    assert any(habit(node) for node in ast.walk(ast.parse(source)))


def test_each_purpose_of_a_key_has_a_unique_number() -> None:
    from goalposts.envs.jit import random_streams

    used = {
        argument.id
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "key_of"
        for argument in node.args
        if isinstance(argument, ast.Name) and argument.id.isupper()
    }
    assert len({getattr(random_streams, name) for name in used}) == len(used) == 9


def test_the_formatter_decides_with_few_exceptions() -> None:
    skip = "fmt: " + "skip"
    rooms = ("envs", "agents", "experiments", "goalposts", "configs", "docs", "tests", ".ci")
    sources = [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    exceptions = [path for path in sources for line in path.read_text("utf-8").splitlines() if skip in line]
    assert len(exceptions) <= 12, exceptions


def test_a_class_name_means_one_thing() -> None:
    """Private classes and those of a function may repeat; `goalposts/` counts too."""
    homes: dict[str, list[str]] = {}
    for room in ("envs", "agents", "experiments", "goalposts"):
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    homes.setdefault(node.name, []).append(path.relative_to(ROOT).as_posix())
    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}
