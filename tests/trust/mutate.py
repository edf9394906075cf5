"""Change one thing in the source and see whether a test notices: mutation testing of the rules and the measurement.

    python tests/trust/mutate.py --mutants 320 --seed 0 --out mutants.json

Each mutant is one operator or constant of one module, changed in memory only; the tests of that module run on it (and, where
those let it live, a few wider ones) in a fork of a process that has imported the libraries, in numba's interpretive mode: a rule
that is compiled would cost seconds a mutant. Texts of errors, annotations and decorators are left alone. A mutant is killed
if a test fails, if it cannot be imported, or if it takes more than 30 s of processor time. The files on disk are never touched.
`--again mutants.json` shows the survivors of an earlier call to the wider tests alone. Read next: docs/reliability.md.
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
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CPU_SECONDS = 30
TESTS = {  # module: (share of the mutants, tests that should notice, in this order)
    "envs/worlds/coinrun.py": (5, ("envs/test_coinrun_rules.py",)),
    "envs/engine.py": (2, ("envs/test_coinrun_rules.py", "envs/test_engine.py")),
    "experiments/measurement/intervals.py": (3, ("measurement/test_intervals.py",)),
    "experiments/measurement/counts.py": (2, ("measurement/test_counts.py", "measurement/test_rates.py")),
    "experiments/measurement/rates.py": (1, ("measurement/test_rates.py",)),
    "experiments/measurement/contrast.py": (1.5, ("measurement/test_contrast.py",)),
    "experiments/measurement/judge.py": (2, ("measurement/test_judge.py", "measurement/test_verdict.py")),
    "experiments/measurement/verdict.py": (1, ("measurement/test_verdict.py",)),
    "experiments/measurement/episodes.py": (2, ("measurement/test_episodes.py",)),
    "experiments/measurement/seeds.py": (1, ("measurement/test_seeds.py",)),
    "experiments/measurement/conflict.py": (2, ("measurement/test_conflict.py",)),
    "experiments/measurement/probes.py": (0.5, ("measurement/test_probes.py",)),
}
WIDER = {  # what looks at a mutant next that the tests of its own module let live
    "envs/worlds/coinrun.py": ("envs/test_engine.py", "envs/test_render.py"),
    "envs/engine.py": (),
    "": ("measurement/test_contrast.py", "measurement/test_seeds.py", "measurement/test_verdict.py"),
}
SWAPS: dict[type, type] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Add: ast.Sub, ast.Sub: ast.Add,
    ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult,
    ast.And: ast.Or, ast.Or: ast.And, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One change: where, and what to what. `number` counts the places of its module that can be changed."""

    module: str
    number: int
    line: int
    change: str


def places(tree: ast.Module) -> Iterator[tuple[ast.AST, str, str]]:
    """Every place that can be changed, with what would be changed in it and how."""
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
    """The nodes whose change changes what is computed: no annotations, no errors and their texts, no decorators."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(
                child, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom
            ):
                continue
            if isinstance(child, ast.Yield) and node.__class__ is not ast.Expr:
                continue
            yield child
            yield from _walk(child)


def mutants(module: str) -> list[Mutant]:
    """All mutants of a module."""
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    return [
        Mutant(module, number, getattr(node, "lineno", 0), change)
        for number, (node, _, change) in enumerate(places(tree))
    ]


def mutated(mutant: Mutant) -> ast.Module:
    """The module with the one change."""
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


def survives(mutant: Mutant | None, tests: tuple[str, ...]) -> bool:
    """Whether all tests pass on the mutant (None: on the source as it is). In a forked process."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            if mutant is not None:
                substitute(mutant)
            import pytest

            files = [str(ROOT / "tests" / test) for test in tests]
            code = int(
                pytest.main(
                    ["-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", "-p", "no:xdist", *files]
                )
            )
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def wider(module: str) -> tuple[str, ...]:
    """The second tests of a module, but for those that it had already."""
    tests = WIDER.get(module, WIDER[""])
    return tuple(test for test in tests if test not in TESTS[module][1] and (ROOT / "tests" / test).exists())


def substitute(mutant: Mutant) -> None:
    """From here on, this process imports the mutant in place of its module."""
    path, original = str(ROOT / mutant.module), SourceFileLoader.get_code

    def get_code(self, name):
        if os.path.realpath(self.get_filename(name)) == path:
            return compile(mutated(mutant), path, "exec")
        return original(self, name)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign]


def chosen(count: int, seed: int, only: list[str] | None) -> list[Mutant]:
    """A sample, by the shares of the modules; never more of a module than it has."""
    luck, found = random.Random(seed), []
    modules = only or list(TESTS)
    total = sum(TESTS[module][0] for module in modules)
    for module in modules:
        all_of_it = mutants(module)
        size = min(len(all_of_it), round(count * TESTS[module][0] / total))
        found += sorted(luck.sample(all_of_it, size), key=lambda mutant: mutant.number)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mutants", type=int, default=320)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", help="modules, such as envs/engine.py")
    parser.add_argument(
        "--again", type=Path, help="only the survivors of this file, and only the wider tests"
    )
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

    began, fates = time.monotonic(), []
    for module in () if given.again else given.only or TESTS:
        if not survives(None, TESTS[module][1]):
            sys.exit(f"the tests of {module} fail without any mutant")
    known = json.loads(given.again.read_text()) if given.again else []
    todo = [
        Mutant(**{k: v for k, v in fate.items() if k != "survived"}) for fate in known if fate["survived"]
    ]
    for mutant in todo or chosen(given.mutants, given.seed, given.only):
        alive = bool(todo) or survives(mutant, TESTS[mutant.module][1])
        alive = alive and (not wider(mutant.module) or survives(mutant, wider(mutant.module)))
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
    told = {
        "mutants": len(fates),
        "killed": len(fates) - len(alive),
        "share": round(1 - len(alive) / len(fates), 3),
    }
    told |= {
        "seconds": round(time.monotonic() - began),
        "cpu_seconds": round(cpu.ru_utime + cpu.ru_stime),
        "survivors": alive,
    }
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
