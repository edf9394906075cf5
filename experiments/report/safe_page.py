"""What keeps a page with untrusted text safe: escaping templates, JSON that cannot end its script element, a policy by hashes.

Read next: `experiments/report/page/page.py` and `experiments/report/live/page.py`, which use it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from goalposts.text import json_text, plain_lines

from .parts import part


def render(template: str, **values: Any) -> str:
    """Fill a template: all text but our own markup is escaped, and a name that is missing raises an error."""
    environment = Environment(
        loader=FunctionLoader(part),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    return environment.from_string(template).render(**values)


def _visible(value: Any) -> Any:
    """Remove characters that hide or reorder others from all text except Goalposts' own markup."""
    return plain_lines(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def json_block(value: Any) -> str:
    """JSON that cannot end the script element it is in, nor start markup of any kind."""
    text = json_text(value, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def content_policy(style: str, scripts: Iterable[str], more: str = "") -> str:
    """A policy that admits these scripts and this style and nothing else; `more`: further directives, ending in a semicolon."""
    hashes = " ".join(hash_of(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src {hash_of(style)}; img-src data:; {more}"
        "base-uri 'none'; form-action 'none'"
    )


def hash_of(text: str) -> str:
    """A text's hash as a policy writes it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
