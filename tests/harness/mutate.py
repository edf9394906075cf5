"""Mutation testing of the rules and the measurement: change one thing in the source and check whether a test fails.

    python tests/harness/mutate.py --mutants 320 --seed 0 --out mutants.json

Each mutant changes one operator or constant in one of MODULES, chosen uniformly, in memory only, in a fork of a
process that has imported the libraries, without numba's compilation, which would cost seconds per mutant. Therefore only
tests that are fast when interpreted are used (GROUPS). First, every test of a group runs once on the unchanged source,
recording its lines and duration; a mutant then gets the tests that run its line, fastest
first, until one fails. Error texts, annotations, decorators, drawings of a world and its declarations (names, sizes,
conditions) are not mutated; equivalent mutants are not filtered out. A mutant is killed if a test fails, if it
cannot be imported, or if it takes more than 20 s of processor time. Files on disk are never changed. `--again
mutants.json` repeats only the survivors of an earlier call. Read next: docs/reliability.md.
"""

from __future__ import annotations

import argparse
import ast
import copy
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CPU_SECONDS = 20
LONG = 6.0  # seconds; slower tests (when recorded) are not used
EXAMPLES = 15  # examples per property instead of hypothesis' hundred
MEASURED = "experiments/measurement/"
WORLDS = "envs/worlds/"
GROUPS = {  # tests to use
    "envs/": (
        "envs/worlds/test_coinrun_rules.py",
        "envs/worlds/test_topdown_rules.py",
        "envs/generation/test_levels_stay.py",
        "envs/engine/test_engine.py",
        "envs/levels/test_level.py",
        "envs/worlds/test_world_contract.py",
    ),
    MEASURED: tuple(
        f"experiments/measurement/{name}.py"
        for name in (
            "test_attribution", "test_chance_correction", "test_conflict_curve", "test_paired_contrasts", "test_level_counts",
            "test_episodes", "test_intervals", "test_metrics", "test_probe_table", "test_rates", "test_relearning", "test_worked_numbers",
            "verdict/test_rules", "verdict/test_outliers", "verdict/test_verdict",
        )
    ),
}  # fmt: skip
NOT_ASKED = (  # too slow when interpreted, or run in a process without the mutant
    "tests/envs/engine/test_engine.py::test_slip_replaces_actions_at_its_rate_and_always_the_same_ones",
    "tests/envs/levels/test_level.py::test_a_picture_can_be_read_first_thing_in_a_process",
)
MODULES = (
    *(
        f"{WORLDS}{name}.py"
        for name in (
            "coinrun/rules", "coinrun/layouts", "coinrun/conditions", "shared/single_goal", "shared/topdown",
            "shared/collectibles", "corner", "colour_shape", "beacon", "keys_and_chests", "overseer", "shields",
        )
    ),
    "envs/engine/engine.py",
    *(
        f"{MEASURED}{name}.py"
        for name in (
            "attribution", "chance_correction", "conflict", "paired_contrasts", "level_counts", "episodes", "intervals",
            "metrics", "probes", "rates", "relearning", "verdict/rules", "verdict/outliers", "verdict/verdict",
        )
    ),
)  # fmt: skip
PICTURES = {"sprites", "agent_sprite", "pictures"}  # drawing functions, which are not rules
DECLARED = {
    "World",
    "Condition",
    "Target",
    "Tile",
    "Action",
    "pair",
}  # calls that declare names, sizes and conditions
SWAPS: dict[type, type] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Add: ast.Sub, ast.Sub: ast.Add,
    ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult,
    ast.And: ast.Or, ast.Or: ast.And, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """A mutation: its position, old and new text. `number` is its index among the module's positions."""

    module: str
    number: int
    line: int
    change: str


def places(tree: ast.Module) -> Iterator[tuple[ast.AST, str, str]]:
    """List every position that can be mutated, with its mutation."""
    for node in _walk(tree):
        if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
            yield node, "compare", f"{type(node.ops[0]).__name__} → {SWAPS[type(node.ops[0])].__name__}"
        elif isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign) and type(node.op) in SWAPS:
            yield node, "operator", f"{type(node.op).__name__} → {SWAPS[type(node.op)].__name__}"
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert | ast.USub):
            yield node, "unary", f"{type(node.op).__name__} → nothing"
        elif isinstance(node, ast.If | ast.While | ast.IfExp):
            yield node, "condition", "the condition is turned round"
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
            yield node, "constant", f"{node.value} → {not node.value}"
        elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            yield node, "constant", f"{node.value} → {node.value + 1}"


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that affect computation: no annotations, errors, decorators or drawings."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(
                child, ast.Raise | ast.Assert | ast.JoinedStr | ast.Import | ast.ImportFrom
            ):
                continue
            if isinstance(child, ast.FunctionDef) and child.name in PICTURES:
                continue
            if isinstance(child, ast.Call) and isinstance(child.func, ast.Name) and child.func.id in DECLARED:
                continue
            if isinstance(child, ast.Yield) and node.__class__ is not ast.Expr:
                continue
            yield child
            yield from _walk(child)


def mutants(module: str) -> list[Mutant]:
    """All mutants of a module, including equivalent ones."""
    source = (ROOT / module).read_text(encoding="utf-8")
    return [
        Mutant(module, number, node.lineno, change)  # type: ignore[attr-defined]
        for number, (node, _, change) in enumerate(places(ast.parse(source)))
    ]


def mutated(mutant: Mutant) -> ast.Module:
    """Source of the module with a mutation applied."""
    tree = copy.deepcopy(ast.parse((ROOT / mutant.module).read_text(encoding="utf-8")))
    for number, (node, kind, _) in enumerate(list(places(tree))):
        if number == mutant.number:
            _change(node, kind, tree)
    return ast.fix_missing_locations(tree)


def _change(node, kind: str, tree: ast.Module) -> None:
    if kind == "compare":
        node.ops[0] = SWAPS[type(node.ops[0])]()
    elif kind == "operator":
        node.op = SWAPS[type(node.op)]()
    elif kind == "condition":
        node.test = ast.copy_location(ast.UnaryOp(ast.Not(), node.test), node.test)
    elif kind == "constant":
        node.value = (not node.value) if isinstance(node.value, bool) else node.value + 1
    else:
        for parent in ast.walk(tree):
            for name, value in ast.iter_fields(parent):
                if value is node:
                    setattr(parent, name, node.operand)
                elif isinstance(value, list) and node in value:
                    value[value.index(node)] = node.operand


class Watch:
    """A pytest plugin that records each test's lines in some files, and its duration. Lines run by imports count for all tests."""

    def __init__(self, modules: list[str]) -> None:
        self.files = {str(ROOT / module): module for module in modules}
        self.now: set[tuple[str, int]] = set()
        self.everywhere: set[tuple[str, int]] = set()
        self.tests: dict[str, tuple[float, list[tuple[str, int]]]] = {}
        self.failed: list[str] = []
        sys.settrace(self.enter)

    def enter(self, frame, event, argument):
        module = self.files.get(frame.f_code.co_filename)
        if module is None:
            return None
        if frame.f_code.co_name == "<module>":
            self.everywhere.update((module, line) for *_, line in frame.f_code.co_lines() if line)
            return None
        now = self.now
        now.update({(module, frame.f_lineno)})

        def line(frame, event, argument):
            now.add((module, frame.f_lineno))
            return line

        return line

    def pytest_runtest_protocol(self, item, nextitem) -> None:
        self.now, self.began = set(), time.process_time()
        sys.settrace(self.enter)

    def pytest_runtest_logreport(self, report) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    def pytest_runtest_logfinish(self, nodeid, location) -> None:
        self.tests[nodeid] = (time.process_time() - self.began, sorted(self.now))


@dataclass(frozen=True)
class Known:
    """Recorded coverage of a group's tests. `lines`: for each (module, line) the tests that run it, fastest first."""

    lines: dict[tuple[str, int], list[str]]
    quickest: list[str]


def in_a_fork(work: Callable[[], int]) -> int:
    """Call a function in a fork and discard its output; returns its exit code, or minus its signal."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            code = work()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class FewExamples:
    """A pytest plugin that runs properties on a few fixed examples."""

    def pytest_sessionstart(self, session) -> None:
        import hypothesis

        hypothesis.settings.register_profile("few", deadline=None, derandomize=True, max_examples=EXAMPLES)
        hypothesis.settings.load_profile("few")


def ask(tests: list[str], plugins: tuple = ()) -> int:
    import pytest

    options = ["-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", "-p", "no:xdist", f"--rootdir={ROOT}"]
    options += [f"--deselect={test}" for test in NOT_ASKED]
    return int(pytest.main([*options, *tests], plugins=[FewExamples(), *plugins]))


def watched(group: str, modules: list[str]) -> Known:
    """Run a group's tests once on the unchanged source and record them."""
    with tempfile.NamedTemporaryFile(suffix=".json") as told:

        def work() -> int:
            watch = Watch(modules)
            code = ask([str(ROOT / "tests" / name) for name in GROUPS[group]], (watch,))
            sys.settrace(None)
            facts = {"tests": watch.tests, "everywhere": sorted(watch.everywhere), "failed": watch.failed}
            Path(told.name).write_text(json.dumps(facts))
            return code

        code = in_a_fork(work)
        facts = json.loads(Path(told.name).read_text() or "{}")
    if code:
        sys.exit(f"the tests of {group} fail without any mutant: {facts.get('failed')}")
    order = sorted((took, test) for test, (took, _) in facts["tests"].items() if took < LONG)
    lines: dict[tuple[str, int], list[str]] = {}
    for _, test in order:
        for module, line in facts["tests"][test][1]:
            lines.setdefault((module, line), []).append(test)
    quickest = [test for _, test in order]
    return Known(
        {**{(m, n): quickest for m, n in facts["everywhere"] if (m, n) not in lines}, **lines}, quickest
    )


def survives(mutant: Mutant, known: Known) -> bool:
    """Whether a mutant passes all tests that run its line, or any line of a multi-line expression."""
    tests: list[str] = []
    for line in range(*span(mutant)):
        tests += [test for test in known.lines.get((mutant.module, line), []) if test not in tests]
    rank = {test: k for k, test in enumerate(known.quickest)}
    tests = sorted(tests, key=rank.__getitem__)
    if not tests:
        return True

    def work() -> int:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        os.chdir(ROOT)
        substitute(mutant)
        return ask(tests)

    return in_a_fork(work) == 0


def span(mutant: Mutant) -> tuple[int, int]:
    """Lines (start, exclusive end) of the innermost statement containing a mutant; for compound statements, their head."""
    found = (mutant.line, mutant.line + 1)
    for node in ast.walk(ast.parse((ROOT / mutant.module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            end = body[0].lineno - 1 if body else (node.end_lineno or node.lineno)
            if node.lineno <= mutant.line <= end:
                found = (node.lineno, end + 1)
    return found


def substitute(mutant: Mutant) -> None:
    """Make this process import the mutant in place of its module."""
    path, original = str(ROOT / mutant.module), SourceFileLoader.get_code

    def get_code(self, name):
        if os.path.realpath(self.get_filename(name)) == path:
            return compile(mutated(mutant), path, "exec")
        return original(self, name)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign]


def chosen(count: int, seed: int, only: list[str] | None) -> list[Mutant]:
    """Draw a uniform sample of all positions in the modules."""
    everything = [mutant for module in only or MODULES for mutant in mutants(module)]
    order = {mutant: k for k, mutant in enumerate(everything)}
    return sorted(random.Random(seed).sample(everything, min(count, len(everything))), key=order.__getitem__)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mutants", type=int, default=320)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", help="modules, such as envs/engine/engine.py")
    parser.add_argument(
        "--part", default="1/1", help="for several shells: 1/2 and 2/2 are the halves of a sample"
    )
    parser.add_argument("--again", type=Path, help="only the survivors of this file")
    parser.add_argument("--out", type=Path, help="write every mutant and its fate here, as they come")
    given = parser.parse_args()
    os.environ |= {"NUMBA_DISABLE_JIT": "1", "CI": "1", "OMP_NUM_THREADS": "1"}
    import hypothesis  # noqa: F401
    import numba  # noqa: F401
    import numpy  # noqa: F401
    import polars  # noqa: F401
    import pydantic  # noqa: F401
    import pytest  # noqa: F401
    import scipy.special
    import scipy.stats  # noqa: F401

    began, fates, known = time.monotonic(), [], {}
    if given.again:
        before = [fate for fate in json.loads(given.again.read_text()) if fate.pop("survived")]
        todo = [mutant for fate in before if (mutant := Mutant(**fate)) in mutants(mutant.module)]
    else:
        part, parts = map(int, given.part.split("/"))
        todo = chosen(given.mutants, given.seed, given.only)[part - 1 :: parts]
    for mutant in todo:
        group = next(name for name in GROUPS if mutant.module.startswith(name))
        if group not in known:
            modules = sorted({other.module for other in todo if other.module.startswith(group)})
            known[group] = watched(group, modules)
            print(
                f"{group}: {len(known[group].quickest)} tests, {time.monotonic() - began:.0f} s",
                file=sys.stderr,
                flush=True,
            )
        alive = survives(mutant, known[group])
        fates.append({**asdict(mutant), "survived": alive})
        print(
            f"{len(fates)} {mutant.module}:{mutant.line} {mutant.change}: {'SURVIVED' if alive else 'killed'}",
            file=sys.stderr,
            flush=True,
        )
        if given.out:
            given.out.write_text(json.dumps(fates, indent=1))
    alive = [fate for fate in fates if fate["survived"]]
    cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
    told: dict[str, object] = {"mutants": len(fates), "killed": len(fates) - len(alive)}
    told |= {
        "share": round(1 - len(alive) / max(1, len(fates)), 3),
        "seconds": round(time.monotonic() - began),
    }
    told |= {"cpu_seconds": round(cpu.ru_utime + cpu.ru_stime), "survivors": alive}
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
