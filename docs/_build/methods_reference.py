"""Reference page of the training methods: one row per shipped method, made from its file.

Read next: `hooks.py`; agents/methods/registry.py, which lists the methods.
"""

from __future__ import annotations

import sys
from dataclasses import fields
from typing import Any

from goalposts.agents.methods.registry import METHODS

INTRO = """\
# Training methods

A method trains an agent in some other way than running the config's algorithm once: `method.name=dropout method.rate=0.3` on the
command line, `method: {name: dropout, rate: 0.3}` in a config. This page is generated from the code when the site is built.
[Your own method](../bring-your-own.md#methods) joins in the same way.

A config whose `train.algorithm` is not among a method's algorithms is refused.

Methods compete within a label class, at the same number of environment steps:

| class | what the method may see of the shift |
|---|---|
| L0 | nothing |
| L1 | a fraction of shifted levels among the training levels, `env.condition: mixture(0.03)` |
| L2 | unlabelled shifted inputs (`method.unlabelled`), and one label |
| L3 | k labelled levels (`method.labels`), with their layout, goal and reward |

Several cures need no method, because a config key does the same:

| cure | keys |
|---|---|
| weight decay | `train.optimizer.weight_decay: 1e-4` (L2 penalty), with `train.optimizer.name: AdamW` decoupled |
| more exploration | `train.ent_coef: 0.03` |
| a wider or narrower net | `train.net.trunk: [512]` |
| separate nets for policy and value | `train.net: {trunk: [], pi: [128], vf: [128]}` |
| another algorithm | `train.algorithm: A2C` |

"""
TABLE = """\
| method | class | what it does | algorithms | source | options with their defaults |
|---|---|---|---|---|---|
"""
LABELLED = """
## From a trained agent, and from an untrained net

`labelled_cloning`, `dagger` and `fine_tuning` learn from k = `method.labels` labelled levels, or from the option `levels` if that is
fewer. With `start: trained` the config's algorithm first trains on the usual levels with a fraction `plain` of the step budget; with
`init_from`, the agent of that run takes its place, and no steps are spent on it. With `start: untrained` the net has random weights,
and the fraction `plain` stays unspent. Both arms of one seed get exactly the same labelled levels, and the labels of a smaller k are
the first of those of a larger one; other seeds get other levels. `replay` is the fraction of the pairs (of `fine_tuning`: of the
episodes) that come from `replay_levels` training levels.

    goalposts train coinrun/edge method.name=labelled_cloning method.labels=100
    goalposts train coinrun/edge method.name=labelled_cloning method.labels=100 method.start=untrained
    goalposts train coinrun/edge method.name=dagger method.labels=30 method.replay=0.5 init_from=runs/edge-s0
    goalposts train coinrun/edge method.name=diverse_heads method.labels=1 method.unlabelled=2000

Cloning, DAgger and diverse heads fit the policy alone: the value function keeps what it was, so an agent's value says nothing after them.
"""


def methods_page() -> str:
    """The reference of the methods as Markdown."""
    rows = "".join(_row(name, kind) for name, kind in METHODS.items() if hasattr(kind, "label_class"))
    return INTRO + TABLE + rows + LABELLED


def _row(name: str, kind: Any) -> str:
    words = (sys.modules[kind.__module__].__doc__ or "").partition("\n")[0]
    options = ", ".join(f"`{field.name}: {_spelt(field.default)}`" for field in fields(kind))
    fitting = ", ".join(getattr(kind, "algorithms", ("all",)))
    return f"| `{name}` | {kind.label_class} | {words} | {fitting} | {kind.source} | {options} |\n"


def _spelt(value: Any) -> str:
    return (
        str(value).lower()
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )
