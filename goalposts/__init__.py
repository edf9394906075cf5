"""Goalposts: train an agent, then move the goalposts, and see what it was really after.

This package contains the version, the errors and the gymnasium ids; the functionality is in `goalposts.envs` (worlds,
levels), `goalposts.agents` (training) and `goalposts.experiments` (runs, measurement, reports, command line).
Importing it is fast: no numpy, no numba, no torch. Read next: `registration.py`, then `envs/__init__.py`.
"""

import os.path as _path
import sys as _sys

from .process import isolation as _isolation

_isolation.forget_folder_of_m()  # before importing any module that Python has not loaded itself

if _isolation.is_command():  # Ctrl-C while the rest is imported
    from .process import broken_install as _broken_install
    from .process import stopping as _stopping

    _stopping.stop_on_signals()
    _broken_install.show_broken_installation()

from . import moved as _moved  # noqa: E402
from . import registration as _registration  # noqa: E402

__version__ = "0.1.0"

# In a checkout, envs/, agents/, experiments/ and configs/ are next to this folder; once installed, they are inside it.
_root = _path.dirname(_path.dirname(__file__))
if _path.isfile(_path.join(_root, "pyproject.toml")):
    __path__.append(_root)

_sys.meta_path.insert(0, _isolation.Guard())
_sys.meta_path.append(_moved.MovedModules())
_registration.register_with_gymnasium()
