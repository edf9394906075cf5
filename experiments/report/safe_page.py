"""What keeps a page with untrusted text safe: JSON that cannot end its script element, and a content-security policy by hashes.

Read next: `experiments/report/page/page.py` and `experiments/report/live/page.py`, which use it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

from goalposts.text import json_text


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
