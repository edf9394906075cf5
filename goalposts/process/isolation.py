"""Isolation from the working directory, which may be an untrusted run folder that libraries must not read.

numba reads `.numba_config.yaml` there and matplotlib `matplotlibrc`; Python itself imports modules from there under `python -m`,
with an empty PYTHONPATH entry, and in child processes. Requires only the standard library, and imports almost nothing.
Read next: `cache_place.py`, the cache folder of compiled kernels.
"""

import io
import os
import sys

TYPE_CHECKING = (
    False  # not from typing: before `forget_folder_of_m`, only modules that Python loads itself are safe
)
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
"""Variables that name a cache or settings folder; a relative path would mean a different folder in each working directory."""


def forget_working_directory() -> None:
    """Prevent imports from the working directory in this process and its children; used by the command line."""
    sys.path[:] = [entry for entry in sys.path if not _is_working_directory(entry)]
    if sys.pycache_prefix is not None and not os.path.isabs(sys.pycache_prefix):
        sys.pycache_prefix = None
    for name, value in safe_environment().items():
        os.environ[name] = value
    if "PATH" in os.environ:  # an empty entry is the working directory, where `git` may be any program
        paths = filter(os.path.isabs, os.environ["PATH"].split(os.pathsep))
        os.environ["PATH"] = os.pathsep.join(paths) or os.defpath
    for name in ("PYTHONPATH", "PYTHONPYCACHEPREFIX", *FOLDERS):
        if name in os.environ and not os.path.isabs(os.environ[name]):
            del os.environ[name]


def safe_environment() -> "dict[str, str]":
    """Environment for a child Python process that finds Goalposts and imports no module from its working directory."""
    paths = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if os.path.isabs(entry)]
    found_here = any(
        os.path.abspath(entry) == ROOT for entry in sys.path
    )  # for a checkout that is not installed
    if found_here and os.path.isfile(os.path.join(ROOT, "pyproject.toml")) and ROOT not in paths:
        paths.append(ROOT)
    return {"PYTHONPATH": os.pathsep.join(paths), "PYTHONSAFEPATH": "1"}


def forget_folder_of_m() -> None:
    """Remove the working directory from the start of `sys.path`, where `python -m goalposts…` puts it."""
    if getattr(sys.flags, "safe_path", False) or _run_by_m().partition(".")[0] != "goalposts":
        return
    if sys.path and _is_working_directory(sys.path[0]):
        del sys.path[0]


def is_command() -> bool:
    """Whether Python was started as the command `goalposts`, or as `python -m goalposts`; false in the processes that it starts."""
    script = sys.argv[0] if sys.argv else ""
    named = os.path.basename(script).lower() in ("goalposts", "goalposts.exe")
    return (named and script in getattr(sys, "orig_argv", [])) or _run_by_m() == "goalposts"


def _run_by_m() -> str:
    """Name of the module that Python is about to run by `-m`, or an empty string."""
    if sys.argv[:1] != ["-m"]:
        return ""
    words = getattr(sys, "orig_argv", [])
    return next(
        (words[k + 1] if word == "-m" else word[2:] for k, word in enumerate(words[:-1]) if word[:2] == "-m"),
        "",
    )


def _is_working_directory(entry: str) -> bool:
    """Whether a path entry is the working directory, unless Goalposts itself is there."""
    try:
        return not entry or (os.path.samefile(entry, os.curdir) and not os.path.samefile(entry, ROOT))
    except OSError:
        return not os.path.isabs(entry)


def open_nothing_relative(usual: "Callable[..., Any]") -> "Callable[..., Any]":
    """Wrap `open` for a library's settings, so that files in the working directory appear empty."""

    def opened(file: "Any", *arguments: "Any", **options: "Any") -> "Any":
        if isinstance(file, (str, bytes, os.PathLike)) and not os.path.isabs(file):
            return io.StringIO("")
        return usual(file, *arguments, **options)

    return opened


class Guard:
    """Import hook for modules that read settings during import, which hides those in the working directory.

    Applies only to imports by Goalposts: a user's script that imports matplotlib first gets its documented behaviour.
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
    """Let numba read its environment variables, ignoring and reporting invalid ones instead of printing tracebacks."""
    import re
    import warnings

    forget_senseless_settings()
    _forget_unknown_processor()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run(module)
    for warning in caught:
        match = re.match(r"Environment variable '(NUMBA_\w+)' is defined but", str(warning.message))
        if match is None:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
        else:
            _forget(match[1], "numba cannot use it")


ASK_LLVM = (
    "import sys, llvmlite.binding as llvm; llvm.initialize_native_target(); "
    "llvm.Target.from_default_triple().create_target_machine(cpu=sys.argv[1])"
)


def _forget_unknown_processor() -> None:
    """Ignore a NUMBA_CPU_NAME that LLVM does not know. Only LLVM has the list, and it complains on stderr, so another process asks."""
    name = os.environ.get("NUMBA_CPU_NAME", "")
    if not name:
        return
    import subprocess

    try:
        done = subprocess.run([sys.executable, "-I", "-c", ASK_LLVM, name], capture_output=True, timeout=60)
    except (OSError, ValueError, subprocess.SubprocessError):
        return
    if b"not a recognized processor" in done.stderr:
        _forget("NUMBA_CPU_NAME", "LLVM knows no such processor")


def _run_matplotlib(run: "Callable[[ModuleType], object]", module: "ModuleType") -> None:
    """Import matplotlib without MPLBACKEND, then set it if the backend exists; an unknown one would prevent the import."""
    backend = os.environ.pop("MPLBACKEND", "")
    run(module)
    if backend:
        os.environ["MPLBACKEND"] = backend
        try:
            module.rcParams["backend"] = backend
        except ValueError:
            _forget("MPLBACKEND", "matplotlib has no such backend")


def _run_torch(run: "Callable[[ModuleType], object]", module: "ModuleType") -> None:
    """Let torch read TORCH_LOGS at import, ignoring unknown log names, which would prevent the import."""
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


WORDS = {
    "NUMBA_COLOR_SCHEME": (
        "(no_color|dark_bg|light_bg|blue_bg|jupyter_nb)?",
        "it must be one of no_color, dark_bg, light_bg, blue_bg, jupyter_nb",
    ),
    "NUMBA_CPU_FEATURES": (
        r"([+-][A-Za-z0-9._-]+(,[+-][A-Za-z0-9._-]+)*)?",
        "it must be names of features, each after + or -, separated by commas",
    ),
}
"""What numba looks up or hands to LLVM unchecked, and would answer with a traceback or an abort."""


def forget_senseless_settings() -> None:
    """Ignore environment variables that libraries answer with tracebacks, aborts or minutes of work: thread counts, names."""
    import re

    most = max(
        64, 4 * (os.cpu_count() or 1)
    )  # with a thousand threads, polars takes minutes for a small table
    for name in THREADS:
        value = os.environ.get(name, "1").strip()
        parts = [part.strip() for part in value.split(",")]
        if not all(re.fullmatch("[1-9][0-9]{0,5}", part) and int(part) <= most for part in parts):
            _forget(name, f"it must be a whole number from 1 to {most}")
    for name, (allowed, reason) in WORDS.items():
        if not re.fullmatch(allowed, os.environ.get(name, "")):
            _forget(name, reason)
    for name in [name for name in os.environ if name.startswith("TQDM_")]:
        del os.environ[
            name
        ]  # torch imports tqdm, which fails on an invalid value; its bars are not used here


def _forget(name: str, reason: str) -> None:
    """Remove an environment variable for this process and its children, and report it."""
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
