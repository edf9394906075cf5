"""YAML text as plain data that remembers the position of each value.

Reads a strict, small YAML: mappings, lists and scalars as in YAML 1.2 (so `7e-4` is a number and `on` is a
word), one document, no tags, no anchors, no key twice. Nothing in a file can run anything or take much time
or memory. Says what was written where; what is allowed is said by `error_messages.py`. Read next: `schema.py`,
which uses both.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from goalposts.closest import near
from goalposts.errors import UserError
from goalposts.safe_read import decode_text
from goalposts.text import plain

from ..system.atomic_files import RunError, read_limited

MAX_BYTES, MAX_DEPTH, MAX_VALUES, MAX_DIGITS = 1_000_000, 24, 5_000, 40

Key = tuple[str | int, ...]  # ("train", "net", "pi", 0)

SHARED = ("total_steps", "checkpoint_every", "probe_every", "probe_levels")
"""Keys of `train` that stay when another algorithm is chosen; the others get that algorithm's defaults."""
BUDGETS = ("steps", "labels", "labels_from")
"""Keys of `method` that stay when another method is chosen."""

_TAG = "tag:yaml.org,2002:"
_PATTERNS = (
    ("null", re.compile(r"~|null|Null|NULL|")),
    ("bool", re.compile(r"true|True|TRUE|false|False|FALSE")),
    ("int", re.compile(r"[-+]?[0-9][0-9_]*")),
    ("float", re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?")),
    ("float", re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")),
)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where, at which key, and what to do about it."""

    place: str  # "edge.yaml, line 5", 'override "seed=x"'
    key: str  # "train.net.pi[0]", or "" for the whole
    text: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, self.key, self.text) if part)


class ConfigError(UserError, ValueError):
    """A config that cannot be used. `problems` holds all that is wrong, not only the first."""

    def __init__(self, problems: Iterable[Problem], subject: str = "the config") -> None:
        self.problems = tuple(problems)
        if len(self.problems) == 1:
            super().__init__(str(self.problems[0]))
        else:
            lines = (f"  {problem}" for problem in self.problems)
            super().__init__(f"{len(self.problems)} errors in {subject}:", *lines)


@dataclass
class Document:
    """Plain data, the place of each of its values, and what was wrong on the way."""

    source: str
    data: dict[str, Any] = field(default_factory=dict)
    places: dict[Key, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    broken: bool = False  # the data are not what was written: checking them would only raise phantoms

    def place(self, key: Key) -> str:
        """The position of a key; for a missing key, the position of its section."""
        while key:
            if key in self.places:
                return self.places[key]
            key = key[:-1]
        return self.source

    def update(self, other: Document) -> None:
        """Lay another document over this one: its values win, sections are merged, lists are replaced."""
        self.source = other.source
        self.problems += other.problems
        self.broken |= other.broken
        self._lay(other.data, other.places)

    def set(self, key: Key, value: Any, place: str) -> None:
        """Set one value, making sections on the way."""
        layer: Any = value
        for part in reversed(key):
            layer = {part: layer}
        self._lay(layer, {key[:n]: place for n in range(1, len(key) + 1)})

    def _lay(self, data: Mapping[str, Any], places: Mapping[Key, str]) -> None:
        data = _named_in_full(self.data, data)
        _drop_other_algorithm(self.data, data)
        for replaced in _merge(self.data, data):
            for key in [key for key in self.places if key[: len(replaced)] == replaced]:
                del self.places[key]
        self.places.update(places)


def read_document(path: Path) -> Document:
    """Read a YAML file that holds a mapping. What is wrong is collected in `.problems`, never raised."""
    document = Document(str(path))
    try:
        text = decode_text(read_limited(path, MAX_BYTES, follow=True))
    except RunError as error:
        document.problems.append(Problem("", "", str(error)))
        document.broken = True
        return document
    except UnicodeDecodeError:
        document.problems.append(
            Problem(str(path), "", "this is not a text file; a config is YAML text in UTF-8.")
        )
        document.broken = True
        return document
    return parse_document(text, str(path))


def parse_document(text: str, source: str) -> Document:
    """Parse YAML text that holds a mapping. What is wrong is collected in `.problems`, never raised."""
    document = Document(source)
    try:
        node = _Loader(text).get_single_node()
        if isinstance(node, yaml.MappingNode):
            document.data = _value(node, (), document)
        elif isinstance(node, yaml.SequenceNode):
            raise _Refusal("the file is a list; a config has lines such as `seed: 3`")
        else:
            given = "one value" if node is not None and node.value else "empty"
            raise _Refusal(f"the file is {given}; a config has lines such as `seed: 3`")
    except yaml.MarkedYAMLError as error:
        document.broken = True
        mark = error.problem_mark or error.context_mark
        place = f"{source}, line {mark.line + 1}" if mark else source
        document.problems.append(Problem(place, "", _explain(error)))
    except yaml.reader.ReaderError as error:
        document.broken = True
        text = f"a character that no text has (code {error.character}); is this the right file?"
        document.problems.append(Problem(source, "", text))
    return document


def refuse_what_is_none(document: Document, known: Collection[str], what: str) -> None:
    """Put one problem in place of all others if a file has none of the known keys: its content is never quoted then."""
    if document.broken or not document.data:
        return
    if any(near(key, known) for key in document.data):
        return
    document.data, document.places, document.broken = {}, {}, True
    text = f"this is no {what}: it has none of its keys, such as {', '.join(sorted(known)[:3])}. Is it the right file?"
    document.problems = [Problem(document.source, "", text)]


def apply_override(document: Document, override: str) -> None:
    """Lay `a.b=value` over a document; the value is read as in a YAML file. Problems are collected."""
    place = f'override "{shorten(override, quote=False)}"'
    name, equals, text = override.partition("=")
    name = name.strip()
    if not equals or not re.fullmatch(r"\w+(\.\w+)*", name):
        document.problems.append(
            Problem(place, "", "write it as key=value, for example train.total_steps=500_000.")
        )
        return
    key = tuple(name.split("."))
    part = Document(place)
    try:
        node = _Loader(text).get_single_node()
        value = None if node is None else _value(node, key, part)
    except yaml.reader.ReaderError as error:
        problem = f"the value holds a character that no text has (code {error.character}), as a name that is not UTF-8 may"
        document.problems.append(
            Problem(place, name, f"{problem}; rename the file or folder, or leave the character out.")
        )
        return
    except yaml.YAMLError:
        value = {}
    if isinstance(value, dict):
        problem = "the value is not one number, word or list; put text with special characters in quotes"
        document.problems.append(Problem(place, name, f"{problem}, for example notes='\"a: b\"'."))
        return
    document.problems += [Problem(place, problem.key, problem.text) for problem in part.problems]
    document.set(key, value, place)


def to_yaml(data: Mapping[str, Any]) -> str:
    """Plain data as YAML text that this module, and any other YAML reader, reads back as the same data."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def spell(key: Key) -> str:
    """`("train", "net", "pi", 0)` → `train.net.pi[0]`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{shorten(part, quote=False)}" for part in key)
    return "".join(parts).removeprefix(".")


def shorten(value: object, limit: int = 60, quote: bool = True) -> str:
    """A value on one short line, safe for a terminal."""
    text = value if isinstance(value, str) and not quote else repr(value)
    text = plain(text[: limit + 1], 20 * limit)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _named_in_full(below: dict[str, Any], above: Mapping[str, Any]) -> Mapping[str, Any]:
    """Write `method: plr` as the section `{name: plr}` where options lie over it, or where it lies over options without a name."""
    old, new = below.get("method"), above.get("method")
    if isinstance(old, str) and isinstance(new, dict):
        below["method"] = {"name": old}
    elif isinstance(old, dict) and "name" not in old and isinstance(new, str):
        return {**above, "method": {"name": new}}
    return above


def _drop_other_algorithm(below: dict[str, Any], above: Mapping[str, Any]) -> None:
    """Drop the settings of the previous algorithm if another one is chosen, except those that all algorithms have."""
    old, new = below.get("method"), above.get("method")
    if (
        isinstance(old, dict)
        and isinstance(new, dict)
        and "name" in old
        and new.get("name", old.get("name")) != old.get("name")
    ):
        below["method"] = {key: value for key, value in old.items() if key in BUDGETS}
    old, new = below.get("train"), above.get("train")
    if not (isinstance(old, dict) and isinstance(new, dict) and "algorithm" in new):
        return
    if new["algorithm"] != old.get("algorithm", "PPO"):
        below["train"] = {key: value for key, value in old.items() if key in SHARED}


def _merge(below: dict[str, Any], above: Mapping[str, Any], key: Key = ()) -> list[Key]:
    """Lay `above` over `below`; returns the keys whose sections or lists were replaced as a whole."""
    replaced: list[Key] = []
    for name, value in above.items():
        old = below.get(name)
        if isinstance(value, dict) and isinstance(old, dict):
            replaced += _merge(old, value, (*key, name))
            continue
        if isinstance(old, dict | list):
            replaced.append((*key, name))
        below[name] = value
    return replaced


def _value(node: yaml.Node, key: Key, document: Document) -> Any:
    place = document.places[key] = f"{document.source}, line {node.start_mark.line + 1}"
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*key, index), document) for index, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        section: dict[str, Any] = {}
        for name_node, value_node in node.value:
            line = f"{document.source}, line {name_node.start_mark.line + 1}"
            if not isinstance(name_node, yaml.ScalarNode):
                document.problems.append(
                    Problem(line, spell(key), "a key must be one word, not a list or a section.")
                )
            elif name_node.value in section:
                text = "this key occurs twice here; keep one of the two."
                document.problems.append(Problem(line, spell((*key, name_node.value)), text))
            else:
                section[name_node.value] = _value(value_node, (*key, name_node.value), document)
                document.places[(*key, name_node.value)] = line
        return section
    text, kind = node.value, node.tag.removeprefix(_TAG)
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "float":
        return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
    if kind == "int" and len(text) <= MAX_DIGITS:
        return int(text.replace("_", ""))
    if kind == "int":
        document.problems.append(Problem(place, spell(key), f"a number of more than {MAX_DIGITS} digits."))
    return text


def _kind(text: str) -> str:
    return _TAG + next((name for name, pattern in _PATTERNS if pattern.fullmatch(text)), "str")


def _explain(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "not readable"
    if isinstance(error, _Refusal):
        return f"{problem}."
    if "'\\t'" in problem:
        return "there is a tab here; YAML indents with spaces."
    words = f"{f'{error.context}, ' if error.context else ''}{problem}"
    return f"this is not YAML: {_QUOTED.sub('the text there', words)}."


_QUOTED = re.compile(r"'[^']{2,}'|\"[^\"]{2,}\"")  # never repeat text of an untrusted file


class _Refusal(yaml.MarkedYAMLError):
    def __init__(self, problem: str, mark: yaml.Mark | None = None) -> None:
        super().__init__(problem=problem, problem_mark=mark)


class _Loader(yaml.SafeLoader):
    """Composes nodes only; refuses what a config never needs before it can cost anything."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.depth = self.values = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> Any:
        event = self.peek_event()
        refusal = ""
        if getattr(event, "anchor", None) is not None:
            refusal = (
                "the signs & and * (anchors) are not supported here; write the value out or put it in quotes"
            )
        elif getattr(event, "tag", None) is not None:
            refusal = "the sign ! (a tag) is not supported here; put text that begins with ! in quotes"
        elif self.depth >= MAX_DEPTH:
            refusal = f"the text nests deeper than {MAX_DEPTH} levels"
        elif self.values >= MAX_VALUES:
            refusal = f"the file holds more than {MAX_VALUES:,} values"
        if refusal:
            raise _Refusal(refusal, event.start_mark)
        self.depth, self.values = self.depth + 1, self.values + 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> Any:
        if kind is yaml.ScalarNode and implicit[0]:
            return _kind(value)
        return super().resolve(kind, value, (False, False) if kind is yaml.ScalarNode else implicit)


class _Dumper(yaml.SafeDumper):
    """Quotes every text that this reader or a YAML 1.1 reader would take for something else."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> Any:
        if kind is yaml.ScalarNode and implicit[0] and not _kind(value).endswith(":str"):
            return _kind(value)
        return super().resolve(kind, value, implicit)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_list(dumper: yaml.SafeDumper, data: Sequence[Any]) -> yaml.Node:
    return dumper.represent_sequence(f"{_TAG}seq", data, flow_style=True)


_Dumper.add_representer(list, _represent_list)
_Dumper.add_representer(tuple, _represent_list)
