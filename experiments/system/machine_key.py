"""A secret of this user on this machine, which signs stamps in folders so that stamps from elsewhere are not trusted."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from functools import cache

from goalposts.process.cache_place import kernel_place
from goalposts.safe_read import read_ordinary

NAME, LENGTH = "marks.key", 32


def sign(content: bytes) -> str | None:
    """Sign bytes; None if there is no folder that only this user can write."""
    key = _key()
    return None if key is None else hmac.new(key, content, hashlib.sha256).hexdigest()


def is_signed(content: bytes, signature: object) -> bool:
    """Whether `sign` made this signature of these bytes on this machine."""
    expected = sign(content)
    return expected is not None and isinstance(signature, str) and hmac.compare_digest(expected, signature)


@cache
def _key() -> bytes | None:
    place = kernel_place().folder
    if place is None:
        return None
    path = place / NAME
    with suppress(OSError):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(LENGTH))
    with suppress(OSError):
        key = read_ordinary(path, LENGTH, follow=False)
        return key if len(key) == LENGTH else None
    return None
