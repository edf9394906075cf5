"""Translate a world's rules from Python to JavaScript, so that a page plays by the rules that trained the agent.

`javascript_of(world)` gives the functions that `experiments/report/live/engine.js` calls. The rules are numba functions on whole
numbers and plain arrays; this reads their syntax trees and the values of the globals they name. It covers the statements and
calls that such rules use and refuses everything else with the file and the line. Helpers such as `div` are in
`experiments/report/live/arithmetic.js`. Executes no rule and knows no world. Read next: `static_values.py`, which resolves names.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping, Sequence
from types import FunctionType
from typing import Any

from ....envs.worlds.contract.canvas import mark
from ....envs.worlds.contract.world import PLAYED_RULES, World
from .javascript_words import BINARY, CASTS, COMPARED, FUNCTIONS, RESERVED, UNARY
from .static_values import TranslationError as TranslationError
from .static_values import Unknown, function_of, literal, static_value


def javascript_of(world: World) -> str:
    """The rules of a world as one JavaScript expression: an object of functions, `paint` null where there is none.

    Raises TranslationError where a rule, or a function that it calls, uses something that cannot be translated.
    """
    translator = Translator()
    rules = {**world.rules, "mark": mark}
    names = {
        rule: translator.name_of(function_named(rule, rules))
        for rule in (*PLAYED_RULES, "mark")
        if rule in rules
    }
    functions = translator.translate_all()
    entries = ", ".join(f"{rule}: {names.get(rule, 'null')}" for rule in (*PLAYED_RULES, "mark"))
    return "(() => {\n" + "\n".join(functions) + f"\nreturn {{{entries}}};\n}})()"


def function_named(rule: str, rules: Mapping[str, Any]) -> FunctionType:
    """The Python function of a rule. Raises TranslationError where there is none."""
    function = function_of(rules[rule])
    if function is None:
        raise TranslationError(f"the rule {rule!r} is no Python function, so a live page cannot play it")
    return function


class Translator:
    """Translates functions and whatever they call, each once."""

    def __init__(self) -> None:
        self.names: dict[FunctionType, str] = {}

    def name_of(self, function: FunctionType) -> str:
        """The JavaScript name of a function, which is then translated too."""
        if function not in self.names:
            self.names[function] = f"{function.__name__}_{len(self.names)}"
        return self.names[function]

    def translate_all(self) -> list[str]:
        """The text of every function that was named, and of those that these call."""
        texts: list[str] = []
        while len(texts) < len(self.names):
            function = list(self.names)[len(texts)]
            texts.append(FunctionTranslator(self, function).text())
        return texts


class FunctionTranslator:
    """Translates one function."""

    def __init__(self, translator: Translator, function: FunctionType) -> None:
        self.translator, self.function = translator, function
        try:
            lines, self.first = inspect.getsourcelines(function)
        except (OSError, TypeError):
            raise TranslationError(
                f"the source of the rule {function.__name__!r} cannot be read; define it in a file"
            ) from None
        self.file = inspect.getsourcefile(function) or "?"
        node = ast.parse(textwrap.dedent("".join(lines))).body[0]
        if not isinstance(node, ast.FunctionDef):
            raise self.refusal(node, "only functions made with def")
        self.node = node
        arguments = node.args
        if arguments.vararg or arguments.kwarg:
            raise self.refusal(node, "no *args or **kwargs")
        self.parameters = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        stored = (n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
        self.variables = [name for name in dict.fromkeys(stored) if name not in self.parameters]
        self.local = {*self.parameters, *self.variables}
        self.temporaries = 0

    def refusal(self, node: ast.AST, allowed: str) -> TranslationError:
        """The error for a construct outside the subset."""
        line = getattr(node, "lineno", 1) + self.first - 1
        text = ast.unparse(node).split("\n")[0][:80] if isinstance(node, ast.expr | ast.stmt) else ""
        return TranslationError(
            f"{self.file}, line {line}: {text!r} cannot be translated for a live page; rules may use {allowed}"
        )

    def text(self) -> str:
        body = self.block(self.node.body)
        declared = [safe(name) for name in self.variables] + [f"t{k}$" for k in range(self.temporaries)]
        head = f"let {', '.join(declared)};\n" if declared else ""
        parameters = ", ".join(map(safe, self.parameters))
        return f"function {self.translator.names[self.function]}({parameters}) {{\n{head}{body}\n}}"

    def temporary(self) -> str:
        self.temporaries += 1
        return f"t{self.temporaries - 1}$"

    # ── statements ──

    def block(self, statements: Sequence[ast.stmt]) -> str:
        return "\n".join(self.statement(s) for s in statements)

    def statement(self, node: ast.stmt) -> str:
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                return ""  # a docstring
            case ast.Expr(value=value):
                return f"{self.expression(value)};"
            case ast.Return(value=None):
                return "return;"
            case ast.Return(value=ast.expr() as value):
                return f"return {self.expression(value)};"
            case ast.Break():
                return "break;"
            case ast.Continue():
                return "continue;"
            case ast.If(test=test, body=body, orelse=orelse):
                otherwise = f" else {{\n{self.block(orelse)}\n}}" if orelse else ""
                return f"if ({self.expression(test)}) {{\n{self.block(body)}\n}}{otherwise}"
            case ast.While(test=test, body=body, orelse=[]):
                return f"while ({self.expression(test)}) {{\n{self.block(body)}\n}}"
            case ast.For(orelse=[]):
                return self.loop(node)
            case ast.Assign(targets=targets, value=value):
                return self.assignment(targets, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                return self.assignment([target], value)
            case ast.AugAssign(target=target, op=op, value=value):
                return self.augmented(target, op, value)
        raise self.refusal(node, "assignments, if, for, while, return, break, continue and calls")

    def loop(self, node: ast.For) -> str:
        body = self.block(node.body)
        if isinstance(node.iter, ast.Call) and self.static(node.iter.func) is range:
            bounds = [self.expression(a) for a in node.iter.args]
            begin, end = ("0", bounds[0]) if len(bounds) == 1 else bounds[:2]
            by = bounds[2] if len(bounds) > 2 else "1"
            i, e, s = self.temporary(), self.temporary(), self.temporary()
            head = (
                f"for ({i} = {begin}, {e} = {end}, {s} = {by}; {s} > 0 ? {i} < {e} : {i} > {e}; {i} += {s})"
            )
        else:
            i = self.temporary()
            head = f"for ({i} of {self.expression(node.iter)})"
        return f"{head} {{\n{self.store(node.target, i)}\n{body}\n}}"

    def assignment(self, targets: Sequence[ast.expr], value: ast.expr) -> str:
        if len(targets) == 1 and not isinstance(targets[0], ast.Tuple):
            return self.store(targets[0], self.expression(value))
        kept = self.temporary()
        stores = [self.store(target, kept) for target in targets]
        return "\n".join([f"{kept} = {self.expression(value)};", *stores])

    def store(self, target: ast.expr, value: str) -> str:
        match target:
            case ast.Name(id=name):
                return f"{safe(name)} = {value};"
            case ast.Tuple(elts=parts) if not any(isinstance(p, ast.Starred) for p in parts):
                return "\n".join(self.store(part, f"{value}[{k}]") for k, part in enumerate(parts))
            case ast.Subscript(value=array, slice=ast.Slice(step=None) as part):
                begin, end = self.bounds(part)
                return f"fill({self.expression(array)}, {begin}, {end}, {value});"
            case ast.Subscript(value=array, slice=index):
                row, last = self.place(array, index)
                return f"put({row}, {last}, {value});"
        raise self.refusal(target, "names, elements of arrays, whole slices and tuples of these as targets")

    def augmented(self, target: ast.expr, op: ast.operator, value: ast.expr) -> str:
        if not isinstance(target, ast.Name | ast.Subscript) or isinstance(
            getattr(target, "slice", None), ast.Slice
        ):
            raise self.refusal(target, "names and elements of arrays as targets")
        if isinstance(target, ast.Name):
            return (
                f"{safe(target.id)} = {self.operation(target, op, safe(target.id), self.expression(value))};"
            )
        row, last = self.place(target.value, target.slice)
        kept_row, kept_last = self.temporary(), self.temporary()
        changed = self.operation(target, op, f"at({kept_row}, {kept_last})", self.expression(value))
        return f"{kept_row} = {row}; {kept_last} = {last};\nput({kept_row}, {kept_last}, {changed});"

    # ── expressions ──

    def expression(self, node: ast.expr) -> str:
        constant = self.static(node)
        if constant is not Unknown and (text := literal(constant)) is not None:
            return text
        match node:
            case ast.Name(id=name) if name in self.local:
                return safe(name)
            case ast.BinOp(left=left, op=op, right=right):
                return self.operation(node, op, self.expression(left), self.expression(right))
            case ast.UnaryOp(op=op, operand=operand):
                return UNARY[type(op)].format(self.expression(operand))
            case ast.BoolOp(op=op, values=values):
                sign = " && " if isinstance(op, ast.And) else " || "
                return f"({sign.join(self.expression(v) for v in values)})"
            case ast.Compare():
                return self.comparison(node)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return f"({self.expression(test)} ? {self.expression(body)} : {self.expression(orelse)})"
            case ast.Tuple(elts=parts) | ast.List(elts=parts) if not any(
                isinstance(p, ast.Starred) for p in parts
            ):
                return f"[{', '.join(self.expression(p) for p in parts)}]"
            case ast.Subscript(value=array, slice=index) if not isinstance(index, ast.Slice):
                row, last = self.place(array, index)
                return f"at({row}, {last})"
            case ast.Attribute(value=array, attr="shape"):
                return f"shape({self.expression(array)})"
            case ast.Attribute(value=array, attr="size"):
                return f"shape({self.expression(array)}).reduce((a, b) => a * b)"
            case ast.Call():
                return self.call(node)
        raise self.refusal(
            node, "numbers, names, arithmetic, comparisons, conditions, elements of arrays, tuples and calls"
        )

    def static(self, node: ast.expr) -> Any:
        return static_value(node, self.function, self.local)

    def operation(self, node: ast.AST, op: ast.operator, left: str, right: str) -> str:
        if type(op) not in BINARY:
            raise self.refusal(node, "+ - * / // % ** & | ^ << >>")
        return BINARY[type(op)].format(left, right)

    def comparison(self, node: ast.Compare) -> str:
        first, left = self.once(node.left)
        parts: list[str] = []
        for op, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(op, ast.In | ast.NotIn):
                parts.append(self.membership(node, op, left, right))
                continue
            if type(op) not in COMPARED:
                raise self.refusal(node, "== != < <= > >= in")
            kept, text = self.once(right)
            parts.append(f"({kept}{left} {COMPARED[type(op)]} {text})")
            left = text
        return f"({first}{' && '.join(parts)})"

    def once(self, node: ast.expr) -> tuple[str, str]:
        """(what keeps the value of an expression, what then names it): it may be named twice and is computed once."""
        text = self.expression(node)
        if isinstance(node, ast.Name | ast.Constant) or self.static(node) is not Unknown:
            return "", text
        kept = self.temporary()
        return f"{kept} = {text}, ", kept

    def membership(self, node: ast.Compare, op: ast.cmpop, left: str, right: ast.expr) -> str:
        container = self.static(right)
        if isinstance(container, tuple | list | frozenset | set):
            among = [literal(v) or "NaN" for v in container]
        elif isinstance(right, ast.Tuple | ast.List):
            among = [self.expression(p) for p in right.elts]
        else:
            raise self.refusal(node, "`in` with a tuple of numbers")
        inside = f"({' || '.join(f'{left} == {v}' for v in among) or 'false'})"
        return inside if isinstance(op, ast.In) else f"!{inside}"

    def bounds(self, part: ast.Slice) -> tuple[str, str]:
        begin = "0" if part.lower is None else self.expression(part.lower)
        return begin, "Infinity" if part.upper is None else self.expression(part.upper)

    def place(self, array: ast.expr, index: ast.expr) -> tuple[str, str]:
        """(the last row of an element, its index there): arrays of two dimensions are arrays of rows."""
        row = self.expression(array)
        indices = index.elts if isinstance(index, ast.Tuple) else [index]
        if any(isinstance(i, ast.Slice | ast.Starred) for i in indices):
            raise self.refusal(index, "single elements of arrays")
        for i in indices[:-1]:
            row = f"at({row}, {self.expression(i)})"
        return row, self.expression(indices[-1])

    def call(self, node: ast.Call) -> str:
        callee = self.static(node.func)
        if any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords):
            raise self.refusal(node, "calls without * and **")
        template = None if callee is Unknown else known(CASTS, callee) or known(FUNCTIONS, callee)
        if template is not None and not node.keywords:
            return template.format(
                *[self.expression(a) for a in node.args], all=", ".join(map(self.expression, node.args))
            )
        function = None if callee is Unknown else function_of(callee)
        if function is None:
            raise self.refusal(
                node, "calls of compiled functions, of int, abs, min, max, len, range, and of numpy's casts"
            )
        return f"{self.translator.name_of(function)}({', '.join(self.arguments(node, function))})"

    def arguments(self, node: ast.Call, function: FunctionType) -> list[str]:
        """The arguments in the order of the parameters, with defaults filled in."""
        signature = inspect.signature(function)
        try:
            bound = signature.bind(*node.args, **{k.arg or "": k.value for k in node.keywords})
        except TypeError:
            raise self.refusal(node, f"the parameters of {function.__name__}") from None
        texts = []
        for name, parameter in signature.parameters.items():
            if name in bound.arguments:
                texts.append(self.expression(bound.arguments[name]))
            elif (text := literal(parameter.default)) is not None:
                texts.append(text)
            else:
                raise self.refusal(node, "numbers as defaults")
        return texts


def known(table: dict[Any, str], callee: Any) -> str | None:
    """The template of a function in a table whose keys may not all be hashable alike."""
    try:
        return table.get(callee)
    except TypeError:
        return None


def safe(name: str) -> str:
    """A name of Python as a name of JavaScript."""
    return f"{name}_" if name in RESERVED or name.endswith("_") else name
