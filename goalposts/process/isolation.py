"""Keeps libraries from reading the working directory, which may be an untrusted run folder.

numba reads `.numba_config.yaml` there and matplotlib `matplotlibrc`; Python itself takes modules from there under `python -m`,
with an empty entry of PYTHONPATH, and in processes that it starts. Needs the standard library only, and imports almost nothing.
Read next: `cache_place.py`, where compiled kernels are cached.
"""

import io
import os
import sys

TYPE_CHECKING = False  # not from typing: until `forget_folder_of_m` has run, only modules that Python loads itself are safe
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import FrameType, ModuleType
    from typing import Any

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDERS = (
    "HOME",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "MPLCONFIGDIR",
    "MATPLOTLIBRC",
    "TMPDIR",
    "RAY_TMPDIR",
)
"""Variables that name a folder of caches or settings; a relative one means another folder in each working directory."""


def forget_working_directory() -> None:
    """For the command line: import no module from the working directory, here and in the processes that this one starts."""
    sys.path[:] = [entry for entry in sys.path if not _is_working_directory(entry)]
    if sys.pycache_prefix is not None and not os.path.isabs(sys.pycache_prefix):
        sys.pycache_prefix = None
    for name, value in safe_environment().items():
        os.environ[name] = value
    for name in ("PYTHONPATH", "PYTHONPYCACHEPREFIX", *FOLDERS):
        if name in os.environ and not os.path.isabs(os.environ[name]):
            del os.environ[name]


def safe_environment() -> "dict[str, str]":
    """For a Python that this one starts: it finds Goalposts, and no module in its working directory."""
    paths = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if os.path.isabs(entry)]
    found_here = any(
        os.path.abspath(entry) == ROOT for entry in sys.path
    )  # in a checkout that is not installed
    if found_here and os.path.isfile(os.path.join(ROOT, "pyproject.toml")) and ROOT not in paths:
        paths.append(ROOT)
    return {"PYTHONPATH": os.pathsep.join(paths), "PYTHONSAFEPATH": "1"}


def forget_folder_of_m() -> None:
    """Under `python -m goalposts…`: the working directory is the first place of modules, until this removes it."""
    words = getattr(sys, "orig_argv", [])
    if sys.argv[:1] != ["-m"] or getattr(sys.flags, "safe_path", False):
        return
    named = next(
        (words[k + 1] if word == "-m" else word[2:] for k, word in enumerate(words[:-1]) if word[:2] == "-m"),
        "",
    )
    if named.partition(".")[0] == "goalposts" and sys.path and _is_working_directory(sys.path[0]):
        del sys.path[0]


def _is_working_directory(entry: str) -> bool:
    """Whether modules would be taken from the working directory, unless Goalposts itself lies there."""
    try:
        return not entry or (os.path.samefile(entry, os.curdir) and not os.path.samefile(entry, ROOT))
    except OSError:
        return not os.path.isabs(entry)


def open_nothing_relative(usual: "Callable[..., Any]") -> "Callable[..., Any]":
    """`open` for a library's own settings: a file of the working directory is empty."""

    def opened(file: "Any", *arguments: "Any", **options: "Any") -> "Any":
        if isinstance(file, (str, bytes, os.PathLike)) and not os.path.isabs(file):
            return io.StringIO("")
        return usual(file, *arguments, **options)

    return opened


class Guard:
    """Finds modules that read settings as they are imported, and lets them read none of the working directory.

    Only where Goalposts imports them: a script of the user's that imports matplotlib first gets what matplotlib documents.
    """

    GUARDED = ("numba.core.config", "matplotlib", "torch._logging._internal")

    def find_spec(
        self, fullname: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        if fullname not in self.GUARDED or not _goalposts_imports():
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, (finder.find_spec(fullname, path, target) for finder in others)), None)
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        def run_guarded(module: "ModuleType") -> None:
            module.open = open_nothing_relative(open)  # type: ignore[attr-defined]
            try:
                RUN[fullname.partition(".")[0]](run, module)
            finally:
                del module.open  # type: ignore[attr-defined]

        spec.loader.exec_module = run_guarded  # type: ignore[method-assign]
        return spec


def _run_numba(run: "Callable[[ModuleType], object]", module: "ModuleType") -> None:
    """Let numba read its variables; those that it cannot use are left out and named, instead of a traceback for each."""
    import re
    import warnings

    forget_senseless_threads()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run(module)
    for warning in caught:
        found = re.match(r"Environment variable '(NUMBA_\w+)' is defined but", str(warning.message))
        if found is None:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
        else:
            _forget(found[1], "numba cannot use it")


def _run_matplotlib(run: "Callable[[ModuleType], object]", module: "ModuleType") -> None:
    """Import matplotlib without MPLBACKEND, then set it, unless there is no such backend: then it cannot be imported at all."""
    backend = os.environ.pop("MPLBACKEND", "")
    run(module)
    if backend:
        os.environ["MPLBACKEND"] = backend
        try:
            module.rcParams["backend"] = backend
        except ValueError:
            _forget("MPLBACKEND", "matplotlib has no such backend")


def _run_torch(run: "Callable[[ModuleType], object]", module: "ModuleType") -> None:
    """Let torch read TORCH_LOGS when it starts; if it names no log of torch's, torch could not be imported at all."""
    run(module)
    usual = getattr(module, "_update_log_state_from_env", None)

    def read() -> None:
        try:
            usual()  # type: ignore[misc]
        except ValueError:
            _forget("TORCH_LOGS", "torch has no such log")

    if usual is not None and "TORCH_LOGS" in os.environ:
        module._update_log_state_from_env = read  # type: ignore[attr-defined]


RUN = {"numba": _run_numba, "matplotlib": _run_matplotlib, "torch": _run_torch}
THREADS = (
    "NUMBA_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "POLARS_MAX_THREADS",
)


def forget_senseless_threads() -> None:
    """Numbers of threads are whole and at least 1; libraries answer others with tracebacks, or with lines of their own."""
    for name in THREADS:
        value = os.environ.get(name, "1").strip()
        if not all(part.strip().isdecimal() and int(part) > 0 for part in value.split(",")):
            _forget(name, "it must be a whole number, at least 1")
    for name in [name for name in os.environ if name.startswith("TQDM_")]:
        del os.environ[
            name
        ]  # torch imports tqdm, which ends in a traceback on a wrong one; nothing here shows its bars


def _forget(name: str, reason: str) -> None:
    """Leave an environment variable out, here and in the processes that this one starts."""
    from .notices import notice

    value = os.environ.pop(name)
    notice(f"{name}={value} is ignored: {reason}")


def _goalposts_imports() -> bool:
    """Whether a module of Goalposts is among the callers."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        facts = frame.f_globals
        if (
            facts.get("__name__") != __name__
            and (facts.get("__package__") or "").partition(".")[0] == "goalposts"
        ):
            return True
        frame = frame.f_back
    return False
