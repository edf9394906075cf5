"""Error messages for a document, for the person who wrote it.

Checks plain data against a pydantic model and turns every complaint into a `Problem`: place, key, what was
given, what is allowed, the closest match. What is allowed is read off the model's JSON schema, so it is
written down once, in the model. Read next: `schema.py`, whose models are checked here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from goalposts.closest import closest

from .yaml_document import ConfigError, Document, Key, Problem, shorten, spell

ModelT = TypeVar("ModelT", bound=BaseModel)

MAX_PROBLEMS = 50


def validate(
    model: type[ModelT],
    document: Document,
    context: Mapping[str, Any] | None = None,
    subject: str = "the config",
) -> ModelT:
    """The document as a model; `context` goes to the model's own checks. Raises ConfigError."""
    if document.broken:
        raise ConfigError(document.problems, subject)
    problems, result = list(document.problems), None
    try:
        result = model.model_validate(document.data, context=context)
    except ValidationError as error:
        seen = {(problem.place, problem.key) for problem in problems}
        schema = model.model_json_schema()
        violations = [_problem(item, schema, document) for item in error.errors(include_url=False)]
        problems += [problem for problem in violations if (problem.place, problem.key) not in seen]
    if result is None or problems:
        if len(problems) > MAX_PROBLEMS:
            more = Problem("", "", f"… and {len(problems) - MAX_PROBLEMS} more")
            problems = [*problems[:MAX_PROBLEMS], more]
        raise ConfigError(problems, subject)
    return result


def expected(schema: Mapping[str, Any]) -> str:
    """Describe the JSON schema of one value: "a whole number of at least 1, or null"."""
    if "x-expected" in schema:
        return schema["x-expected"]
    if "anyOf" in schema:
        return ", or ".join(expected(option) for option in schema["anyOf"])
    if "const" in schema:
        return repr(schema["const"])
    if "enum" in schema:
        return "one of " + ", ".join(str(option) for option in schema["enum"])
    kind = schema.get("type")
    if kind == "array":
        return f"a list such as [{_example(schema.get('items', {}))}]{_length(schema, 'Items', 'entries')}"
    if kind == "string":
        return f"text{_length(schema, 'Length', 'characters')}"
    if kind == "object":
        return f"a section with keys such as {', '.join(list(schema.get('properties', {}))[:3])}"
    words = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "null": "null"}
    return words.get(str(kind), "another value") + _range(schema)


def spell_value(value: object) -> str:
    """A value as written in YAML, short, with its kind where that is what is wrong."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, list):
        return f"the list {shorten(value)}"
    if isinstance(value, dict):
        return f"the section {shorten(value)}"
    return f"the text {shorten(value)}" if isinstance(value, str) else shorten(value)


def _problem(item: Any, root: Mapping[str, Any], document: Document) -> Problem:
    key: Key = tuple(item["loc"])
    given, kind = item["input"], item["type"]
    section = _find(root, key[:-1])
    if kind == "extra_forbidden":
        keys = list(section.get("properties", {}))
        where = f"the keys of {spell(key[:-1])} are" if key[:-1] else "the keys of a config are"
        text = f"unknown key.{closest(str(key[-1]), keys)} {where[0].upper()}{where[1:]} {', '.join(keys)}."
    elif kind == "missing":
        text = f"this key is missing; give it {expected(_find(root, key))}."
    elif kind == "value_error":
        text = str(item["ctx"]["error"])
    elif given is None and "properties" in _find(root, key):
        text = "this section is empty; give it keys or delete the line."
    elif kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number"):
        text = f"{spell_value(given)} is out of range; it must be {expected(_find(root, key))}."
    else:
        schema = _find(root, key)
        choices = filter(lambda option: isinstance(option, str), schema.get("enum", ()))
        hint = closest(str(given), choices)
        text = f"{spell_value(given)} is not allowed; it must be {expected(schema)}.{hint}"
    return Problem(document.place(key), spell(key), text)


def _find(root: Mapping[str, Any], key: Key) -> Mapping[str, Any]:
    """The schema of the value at a key; an empty one where there is none."""
    schema = _resolved(root, root)
    for part in key:
        if isinstance(part, int):
            options = [schema, *schema.get("anyOf", ())]
            schema = next((option["items"] for option in options if "items" in option), {})
        else:
            schema = schema.get("properties", {}).get(part, {})
        schema = _resolved(schema, root)
    return schema


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref", "")
    return root["$defs"][reference.rsplit("/", 1)[1]] if reference else schema


def _example(items: Mapping[str, Any]) -> str:
    return "edge, off_path" if items.get("type") == "string" else "64, 64"


def _length(schema: Mapping[str, Any], what: str, unit: str) -> str:
    low, high = schema.get(f"min{what}"), schema.get(f"max{what}")
    parts = [f"at least {low}"] if low else []
    parts += [f"at most {high:,}"] if high is not None else []
    return f" of {' and '.join(parts)} {unit}" if parts else ""


def _range(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f" from {low:,} to {high:,}"
    parts = [f"of at least {low:,}"] if low is not None else []
    parts += [f"above {above:,}"] if above is not None else []
    parts += [f"of at most {high:,}"] if high is not None else []
    parts += [f"below {below:,}"] if below is not None else []
    return f" {' and '.join(parts)}" if parts else ""
