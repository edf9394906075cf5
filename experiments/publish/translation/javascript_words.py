"""How Python's operators and functions are written in JavaScript, and which names JavaScript keeps for itself.

Tables only. Read next: `rules_to_javascript.py`, which uses them.
"""

from __future__ import annotations

import ast
import math
from typing import Any

import numpy as np

_RESERVED = """
arguments await break case catch class const continue debugger default delete do else enum eval
export extends false finally for function if implements import in instanceof interface let new null
package private protected public return static super switch this throw true try typeof undefined var
void while with yield Math Infinity NaN Number Array div mod and or xor shl shr inv u64 shape at put
fill
"""
RESERVED = frozenset(_RESERVED.split())
BINARY: dict[type[ast.operator], str] = {
    ast.Add: "({} + {})",
    ast.Sub: "({} - {})",
    ast.Mult: "({} * {})",
    ast.Div: "({} / {})",
    ast.Pow: "({} ** {})",
    ast.FloorDiv: "div({}, {})",
    ast.Mod: "mod({}, {})",
    ast.BitAnd: "and({}, {})",
    ast.BitOr: "or({}, {})",
    ast.BitXor: "xor({}, {})",
    ast.LShift: "shl({}, {})",
    ast.RShift: "shr({}, {})",
}
COMPARED: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
UNARY: dict[type[ast.unaryop], str] = {
    ast.USub: "(-{})",
    ast.UAdd: "(+{})",
    ast.Not: "(!{})",
    ast.Invert: "inv({})",
}

# By function: JavaScript, with the arguments as {0}, {1} … or all of them as {all}.
CASTS: dict[Any, str] = {
    int: "Math.trunc({0})",
    float: "(+{0})",
    bool: "!!{0}",
    np.int64: "Math.trunc({0})",
    np.intp: "Math.trunc({0})",
    np.int32: "({0} | 0)",
    np.int16: "({0} << 16 >> 16)",
    np.int8: "({0} << 24 >> 24)",
    np.uint64: "u64(Math.trunc({0}))",
    np.uint32: "({0} >>> 0)",
    np.uint16: "({0} & 65535)",
    np.uint8: "({0} & 255)",
    np.bool_: "!!{0}",
    np.float64: "(+{0})",
}
FUNCTIONS: dict[Any, str] = {
    abs: "Math.abs({0})",
    min: "Math.min({all})",
    max: "Math.max({all})",
    len: "({0}).length",
    divmod: "[div({all}), mod({all})]",
    math.floor: "Math.floor({0})",
    math.ceil: "Math.ceil({0})",
    math.sqrt: "Math.sqrt({0})",
    np.floor: "Math.floor({0})",
    np.ceil: "Math.ceil({0})",
    np.sqrt: "Math.sqrt({0})",
    np.abs: "Math.abs({0})",
    np.minimum: "Math.min({all})",
    np.maximum: "Math.max({all})",
    np.sign: "Math.sign({0})",
}
