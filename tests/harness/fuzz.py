"""Fuzz every parser of Goalposts with damaged and hostile input; the only allowed exception is UserError.

    python tests/harness/fuzz.py --cases 1_000_000 --seed 0                 mutations of good examples
    python tests/harness/fuzz.py --engine atheris --only levels --cases 50_000    guided by coverage (pip install atheris)

Prints JSON for each parser: cases, numbers refused and accepted, the slowest case, and the growth of the process.
Exit code 1 if any other exception was raised, if a case took longer than 10 s, or if the process grew beyond its limit.
Failing inputs are written to --keep. Read next: `parsers.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fixtures.places import ROOT
from harness.parsers import IMPORTS, SHARES, Parser, make_run, parsers

from goalposts.errors import UserError

SLOW = 10.0  # seconds per case
GROWTH = 256 << 20  # allowed growth of the process in bytes, for inputs of a few kilobytes
LONGEST = 1 << 16  # maximum size of a mutated input, in bytes
TRACED = ("goalposts", "yaml", "json", "zipfile")  # packages whose branches guide atheris, except …
COMPILED = ("envs", "agents")  # … these folders, of which only parsers are traced
PARSING = (
    "goalposts.envs.levels.level",
    "goalposts.envs.levels.level_file",
    "goalposts.envs.worlds.contract.condition_names",
    "goalposts.envs.engine.observation_spec",
    "goalposts.agents.policy.checkpoint",
)


@dataclass
class Tally:
    """Results of one parser."""

    cases: int = 0
    refused: int = 0
    accepted: int = 0
    slowest: float = 0.0  # seconds
    grown_mb: float = 0.0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


def memory() -> int:
    """Peak memory of this process, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def mutate(example: bytes, others: tuple[bytes, ...], words: tuple[bytes, ...], luck: random.Random) -> bytes:
    """Apply one to five changes, mostly near the beginning or the end, where headers are."""
    content = bytearray(example)
    for _ in range(luck.choice((1, 1, 1, 2, 2, 3, 5))):
        size = len(content)
        reach = luck.choice((size, size, 400))
        at = luck.randrange(min(size, reach) + 1)
        if luck.random() < 0.3:
            at = max(0, size - at)
        length = luck.choice((1, 1, 2, 4, 8, luck.randint(1, 200)))
        match luck.randrange(9):
            case 0:
                content[at : at + 1] = bytes([luck.randrange(256)])
            case 1 if at < size:
                content[at] ^= 1 << luck.randrange(8)
            case 2:
                del content[at : at + length]
            case 3:
                content[at:at] = luck.choice(words)
            case 4:
                content[at : at + length] = luck.choice(words)
            case 5:
                content[at:at] = content[at : at + length] * luck.choice((1, 2, 30))
            case 6:
                other = luck.choice(others)
                start = luck.randrange(len(other) + 1)
                content[at : at + length] = other[start : start + length]
            case 7:
                numbers = list(re.finditer(rb"\d+", content[:4000]))
                if numbers:
                    found = luck.choice(numbers)
                    value = luck.choice(
                        (b"0", b"-1", b"1e9", b"2147483648", b"9" * 20, b"0.5", b"007", b"4294967296")
                    )
                    content[found.start() : found.end()] = value
            case 8 if luck.random() < 0.3:
                del content[at:]
    return bytes(content[:LONGEST])


class Feeder:
    """Feeds one parser and counts the results."""

    def __init__(self, parser: Parser, keep: Path | None) -> None:
        self.parser, self.keep, self.tally = parser, keep, Tally()
        for example in parser.examples:
            parser.read(example)  # valid input must pass; memory for lazy imports does not count as growth
        self.before, self.began = memory(), time.monotonic()

    def feed(self, content: bytes) -> None:
        tally, began = self.tally, time.monotonic()
        tally.cases += 1
        try:
            self.parser.read(content)
            tally.accepted += 1
        except UserError as error:
            tally.refused += 1
            if not str(error).strip() or "Traceback" in str(error):
                self.fault("a refusal without words", content)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            where = traceback.extract_tb(error.__traceback__)[-1]
            self.fault(
                f"{type(error).__name__}: {str(error)[:200]} ({Path(where.filename).name}:{where.lineno})",
                content,
            )
        taken = time.monotonic() - began
        tally.slowest = max(tally.slowest, round(taken, 3))
        if taken > SLOW:
            self.fault(f"{taken:.0f} s", content)

    def fault(self, what: str, content: bytes) -> None:
        """Record a fault, once per kind, and save its input."""
        if any(known.startswith(what[:60]) for known in self.tally.faults):
            return
        name = f"{self.parser.name.replace(' ', '-')}-{len(self.tally.faults)}"
        self.tally.faults.append(f"{what} [{name}, {len(content)} bytes]")
        if self.keep is not None:
            self.keep.mkdir(parents=True, exist_ok=True)
            (self.keep / name).write_bytes(content)

    def close(self) -> Tally:
        """Return the results, with the growth of the process."""
        growth = memory() - self.before
        self.tally.grown_mb = round(growth / 1e6, 1)
        self.tally.seconds = round(time.monotonic() - self.began, 1)
        if growth > GROWTH:
            self.tally.faults.append(f"the process grew by {growth / 1e6:.0f} MB")
        return self.tally


def by_mutation(feeder: Feeder, cases: int, seed: int) -> Tally:
    parser, luck = feeder.parser, random.Random(f"{seed} {feeder.parser.name}")
    grown = list(parser.examples)  # accepted inputs are mutated further
    for _ in range(cases):
        content = mutate(luck.choice(grown), parser.examples, parser.words, luck)
        accepted = feeder.tally.accepted
        feeder.feed(content)
        if feeder.tally.accepted > accepted and luck.random() < 0.1:
            grown = [*grown[-40:], content, *parser.examples]
    return feeder.close()


def by_coverage(feeder: Feeder, cases: int, seed: int, report: Path) -> None:
    """Fuzz with atheris, guided by coverage. Never returns: libFuzzer ends the process."""
    import atheris  # pyright: ignore[reportMissingImports]

    corpus = Path(tempfile.mkdtemp(prefix="goalposts-corpus-"))
    for k, example in enumerate(feeder.parser.examples):
        (corpus / str(k)).write_bytes(example)
    words = corpus.with_name(corpus.name + ".dict")
    lines = ("".join(rf"\x{b:02x}" for b in word) for word in feeder.parser.words)
    words.write_text("".join(f'"{line}"\n' for line in lines))
    done = 0

    def one(content: bytes) -> None:
        nonlocal done
        feeder.feed(content)
        done += 1
        if done == cases:
            report.write_text(json.dumps(vars(feeder.close())))

    options = [
        f"-runs={cases}",
        f"-seed={seed + 1}",
        f"-max_len={LONGEST}",
        f"-dict={words}",
        "-timeout=60",
        "-rss_limit_mb=4096",
        "-verbosity=0",
        "-print_final_stats=0",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one)
    atheris.Fuzz()


def untraced() -> list[str]:
    """Modules of Goalposts excluded from tracing, since numba cannot compile code instrumented by atheris."""
    root = ROOT
    files = [path.relative_to(root) for place in COMPILED for path in (root / place).rglob("*.py")]
    names = [".".join(("goalposts", *file.with_suffix("").parts)) for file in files]
    return [name.removesuffix(".__init__") for name in names if name not in PARSING]


def one_parser(given: argparse.Namespace, cases: int) -> None:
    """Feed one parser in this process."""
    warnings.simplefilter("ignore")
    work = given.folder / f"work-{os.getpid()}"
    (work / "card").mkdir(parents=True)
    if given.engine == "atheris":
        import atheris  # pyright: ignore[reportMissingImports]

        with atheris.instrument_imports(  # pyright: ignore[reportAttributeAccessIssue]
            include=list(TRACED), exclude=untraced()
        ):
            parser = parsers(given.folder / "run", work)[given.parser]
    else:
        parser = parsers(given.folder / "run", work)[given.parser]
    feeder = Feeder(parser, given.keep)
    if given.engine == "atheris":
        by_coverage(feeder, cases, given.seed, given.report)
    given.report.write_text(json.dumps(vars(by_mutation(feeder, cases, given.seed))))


def in_a_fork(work: Callable[[], object]) -> int:
    """Call a function in a fork, with this process's imports; returns its exit code, or minus its signal."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument(
        "--cases", type=int, default=20_000, help="over all parsers, by their shares; with --only: of each"
    )
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--engine", choices=("mutation", "atheris"), default="mutation")
    options.add_argument("--only", nargs="*", help="names of parsers")
    options.add_argument("--keep", type=Path, help="write inputs that failed into this folder")
    for hidden in ("--parser", "--folder", "--report"):
        options.add_argument(hidden, type=str if hidden == "--parser" else Path, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.parser:
        one_parser(given, given.cases)
        return
    began, found = time.monotonic(), {}
    fast = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(prefix="goalposts-fuzz-", dir=fast) as place:
        given.folder, given.report = Path(place), Path(place) / "report.json"
        assert in_a_fork(lambda: make_run(given.folder)) == 0
        for name in IMPORTS if given.engine == "mutation" else ():
            import_module(name)
        for name in given.only or SHARES:
            given.parser = name
            cases = (
                given.cases
                if given.only
                else max(1, round(given.cases * SHARES[name] / sum(SHARES.values())))
            )
            given.report.unlink(missing_ok=True)
            if given.engine == "mutation":
                code = in_a_fork(lambda cases=cases: one_parser(given, cases))
            else:
                words = [
                    "--parser",
                    name,
                    "--folder",
                    place,
                    "--report",
                    str(given.report),
                    "--cases",
                    str(cases),
                ]
                words += [
                    "--seed",
                    str(given.seed),
                    "--engine",
                    given.engine,
                    *(["--keep", str(given.keep)] if given.keep else []),
                ]
                code = subprocess.run(
                    [sys.executable, __file__, *words], check=False, stdout=sys.stderr
                ).returncode
            if given.report.exists():
                found[name] = json.loads(given.report.read_text())
            else:
                found[name] = vars(Tally(faults=[f"the process ended with {code}"]))
            print(f"{name}: {found[name]}", file=sys.stderr, flush=True)
    total = {
        "cases": sum(t["cases"] for t in found.values()),
        "faults": sum(len(t["faults"]) for t in found.values()),
        "seconds": round(time.monotonic() - began),
    }
    print(json.dumps({"total": total, "parsers": found}, indent=1))
    sys.exit(1 if total["faults"] else 0)


if __name__ == "__main__":
    main()
