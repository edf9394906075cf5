"""Reference pages of configs, studies and worlds: every key with its default and allowed values, generated from the models.

Reads the JSON schemas that `goalposts config schema` prints, the shipped files and the list of worlds. Read next:
`hooks.py`; experiments/config/schema.py and experiments/study/design/config.py, which define the keys.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from goalposts.envs.worlds.registry import known_worlds
from goalposts.experiments.config.schema import config_schema, shipped_configs, shipped_root
from goalposts.experiments.study.design.config import StudyConfig
from goalposts.experiments.study.design.study_file import shipped_study_files

Schema = Mapping[str, Any]

CONFIG = """\
# Configs

One YAML file is one complete experiment. This page is generated from the code when the site is built.

    goalposts config show coinrun/edge            every key with its value
    goalposts config check my.yaml                all mistakes in a file at once
    goalposts config schema                       this page as a JSON schema, for editors

A file may name another one as its `base` and list only the differences. On the command line, change any key by its path:
`goalposts train coinrun/edge seed=3 train.total_steps=500_000`. A config contains no
facts about a machine (processor, folders, workers), so it means the same experiment anywhere.
"""

STUDY = """\
# Studies

A study is a grid of runs and the figure that it is for, in one YAML file. This page is generated from the code when the site is built.

    goalposts study alpha --dry-run               the plan, and how long it will take
    goalposts study alpha seeds=3 levels=1000     change any key by its path
    goalposts study status studies/alpha          its progress

"""

WORLDS = """\
# Worlds and conditions

A *condition* is a named distribution of levels; it determines where the goal is. This page is generated from the worlds when the
site is built; `goalposts worlds` prints the same in a terminal.

- **train**: the training distribution. **control**: the same on layouts that were never used in training.
- **shift**: goal and proxy are separated, so the agent's behaviour shows which of them it pursues.
- **probe**: one more question, such as what it does where there is no goal at all.

A name that ends in (…) takes a number, as in `mixture(0.1)`.
"""


def config_page() -> str:
    """Page with every key of an experiment, then the shipped files."""
    parts = [CONFIG, *_tables(config_schema(), "The experiment"), "## Shipped configs\n"]
    for name in shipped_configs():
        parts.append(f"### {name}\n\n{_yaml((shipped_root() / f'{name}.yaml').read_text(encoding='utf-8'))}")
    return "\n".join(parts)


def study_page() -> str:
    """Page with every key of a study, then the shipped files."""
    parts = [STUDY, *_tables(StudyConfig.model_json_schema(), "The study"), "## Shipped studies\n"]
    for name, path in shipped_study_files().items():
        text = path.read_text(encoding="utf-8")
        parts.append(f"### {name}\n\n{_yaml(text)}")
    return "\n".join(parts)


def worlds_page() -> str:
    """Page with the goal, proxy, actions, conditions and characters of every world."""
    parts = [WORLDS]
    for world in known_worlds().values():
        proxies = ", ".join(f"*{target.name}*" for target in world.proxies)
        actions = ", ".join(action.name for action in world.actions)
        rows = [
            f"| `{one.name}{'(…)' if one.parameter is not None else ''}` | {one.role} | {one.distinguishes} | {one.hidden} |"
            for one in world.conditions
        ]
        parts += [
            f"## {world.name}\n\n{world.summary[:1].upper()}{world.summary[1:]}\n",
            f"Goal: *{world.goal.name}*. Proxy: {proxies}. Actions: {actions}.\n",
            "| condition | role | question | hidden from the agent |\n|---|---|---|---|\n"
            + "\n".join(rows)
            + "\n",
            f"Characters of a level's text:\n\n```text\n{world.legend.explain().rstrip()}\n```\n",
        ]
    return "\n".join(parts)


def _tables(schema: Schema, title: str) -> Iterator[str]:
    """Yield a section of keys as a table, then its subsections, each titled with its path."""
    waiting: list[tuple[str, Schema]] = [("", schema)]
    while waiting:
        path, section = waiting.pop(0)
        rows = []
        for key, field in section["properties"].items():
            inner = _section_of(field, schema)
            sections = [one for one in (_section_of(one, schema) for one in field.get("anyOf", ())) if one]
            if sections:  # one per algorithm
                rows.append(f"| [`{key}`](#{key}) | | a section | {_words(field)} |")
                waiting += [
                    (f"{key}.", sections[0]),
                    *((f"{key}:{_algorithm(one)}.", one) for one in sections[1:]),
                ]
            elif inner is not None:
                name = f"{path}{key}"
                waiting.append((f"{name}." if "$ref" in field else f"{name}[].", inner))
                rows.append(f"| [`{key}`](#{_anchor(name)}) | | a section | {_words(field)} |")
            else:
                default = "*must be given*" if "default" not in field else _value(key, field["default"])
                rows.append(f"| `{key}` | {default} | {_allowed(field)} | {_words(field)} |")
        place = path.rstrip(".").replace("[]", "").replace(":", " of ")
        heading = f"## {title}" if not path else f"## `{place}` {{ #{_anchor(place)} }}"
        head = "| key | default | allowed | meaning |\n|---|---|---|---|\n"
        yield f"{heading}\n\n{section.get('description', '')}\n\n{head}" + "\n".join(rows) + "\n"


def _algorithm(section: Schema) -> str:
    return section["properties"]["algorithm"]["default"]


def _anchor(place: str) -> str:
    return place.replace(":", " of ").replace(".", "-").replace(" ", "-").lower()


def _section_of(field: Schema, schema: Schema) -> Schema | None:
    """Schema of the section in a key, or of its list's items; None if the key holds a plain value."""
    name = field.get("$ref") or field.get("items", {}).get("$ref", "")
    return schema["$defs"][name.rpartition("/")[2]] if name else None


def _allowed(field: Schema) -> str:
    if "anyOf" in field:
        return " or ".join(_allowed(one) for one in field["anyOf"])
    if "x-expected" in field:
        return field["x-expected"].replace("|", "\\|")
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    kind = field.get("type", "anything")
    if kind == "array":
        return f"a list, each {_allowed(field.get('items', {}))}"
    words = {
        "integer": "a whole number",
        "number": "a number",
        "string": "text",
        "boolean": "`true`, `false`",
        "null": "`null`",
        "object": "a section",
    }.get(kind, kind)
    bounds = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to"}
    return " ".join([words, *(f"{word} {field[key]:,}" for key, word in bounds.items() if key in field)])


def _value(key: str, value: Any) -> str:
    if isinstance(value, list) and key == "seeds":
        return f"`{len(value)}`"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"`{value:_}`"
    if isinstance(value, list):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{value}`" if isinstance(value, str) and value else f"`{json.dumps(value)}`"


def _words(field: Schema) -> str:
    return field.get("description", "").replace("|", "\\|")


def _yaml(text: str) -> str:
    return f"```yaml\n{text.rstrip()}\n```\n"
