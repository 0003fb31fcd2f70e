"""Where a Python file can be broken by one small change, found in its syntax tree.

Changed is only what runs inside of functions: operators, comparisons, constants, conditions, calls and statements.
Left alone are annotations, defaults, text, f-strings, and what stands in a `raise`.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OPERATORS: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
COMPARISONS: dict[type, type] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
AXES = {"dim", "axis", "dims"}
OTHER_CALLS = {
    "sum": "mean",
    "mean": "sum",
    "min": "max",
    "max": "min",
    "minimum": "maximum",
    "maximum": "minimum",
    "amin": "amax",
    "amax": "amin",
    "argmin": "argmax",
    "argmax": "argmin",
    "any": "all",
    "all": "any",
    "zeros": "ones",
    "ones": "zeros",
    "zeros_like": "ones_like",
    "ones_like": "zeros_like",
    "floor": "ceil",
    "ceil": "floor",
    "log": "log1p",
    "exp": "expm1",
    "softmax": "log_softmax",
    "log_softmax": "softmax",
    "no_grad": "enable_grad",
}
ON_TENSORS = "detach clone copy contiguous double t transpose flip sort cumsum masked_fill"
DROPPED_CALLS = {*ON_TENSORS.split(), "clamp", "clamp_min", "clip", "abs", "sqrt", "square", "round", "log", "exp"}


@dataclass(frozen=True)
class Mutant:
    """One change: the bytes from `start` to `end` of the file become `text`."""

    path: Path
    line: int
    kind: str
    start: int
    end: int
    before: str
    text: str

    def source(self, whole: bytes) -> bytes:
        """The changed file."""
        return whole[: self.start] + self.text.encode() + whole[self.end :]


def mutants_of(path: Path) -> list[Mutant]:
    """All mutants of the file, in the order of its text; those that do not compile are left out."""
    whole = path.read_bytes()
    lines = [0]
    for line in whole.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    found = []
    for kind, node, text in changes(ast.parse(whole)):
        start = lines[node.lineno - 1] + node.col_offset
        end = lines[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        mutant = Mutant(path, node.lineno, kind, start, end, whole[start:end].decode(), text)
        if compiles(mutant.source(whole)):
            found.append(mutant)
    return sorted(found, key=lambda mutant: (mutant.start, mutant.end, mutant.kind))


def compiles(source: bytes) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


Node = ast.expr | ast.stmt
Change = tuple[str, Node, str]
"""What kind it is, the node that is replaced, and by which text."""


def changes(tree: ast.Module) -> Iterator[Change]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and not nested(tree, function):
            for statement in function.body:
                yield from below(statement)


def nested(tree: ast.Module, function: ast.FunctionDef) -> bool:
    """Whether it stands in another function, whose mutants include its own."""
    return any(
        other is not function and function in ast.walk(other)
        for other in ast.walk(tree)
        if isinstance(other, ast.FunctionDef)
    )


def below(node: ast.AST) -> Iterator[Change]:
    """The changes of a node and of all that is part of it."""
    if isinstance(node, ast.Raise | ast.JoinedStr | ast.arguments | ast.Assert | ast.Import | ast.ImportFrom):
        return
    if isinstance(node, ast.stmt):
        yield from of_statement(node)
    if isinstance(node, ast.expr):
        yield from of_expression(node)
    for name, value in ast.iter_fields(node):
        if name not in ("annotation", "returns", "decorator_list"):
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, ast.AST):
                    yield from below(part)


def of_statement(node: ast.stmt) -> Iterator[Change]:
    match node:
        case ast.AugAssign() if type(node.op) in OPERATORS:
            yield "operator", node, ast.unparse(changed(node, op=OPERATORS[type(node.op)]()))
        case ast.If() | ast.While():
            yield "condition", node.test, f"(not ({ast.unparse(node.test)}))"
        case ast.Expr(value=ast.Call()):
            yield "statement", node, "pass"
        case ast.Continue():
            yield "statement", node, "break"
        case ast.Break():
            yield "statement", node, "continue"
        case _:
            return


def of_expression(node: ast.expr) -> Iterator[Change]:
    match node:
        case ast.BinOp():
            yield from of_operator(node)
        case ast.Compare() if len(node.ops) == 1 and type(node.ops[0]) in COMPARISONS:
            yield "comparison", node, bracketed(changed(node, ops=[COMPARISONS[type(node.ops[0])]()]))
        case ast.BoolOp():
            other = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
            yield "condition", node, bracketed(changed(node, op=other))
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
            yield "sign", node, bracketed(node.operand)
        case ast.IfExp():
            yield "condition", node, bracketed(changed(node, body=node.orelse, orelse=node.body))
        case ast.Constant():
            yield from of_constant(node)
        case ast.Call():
            yield from of_call(node)
        case _:
            return


def of_operator(node: ast.BinOp) -> Iterator[Change]:
    if type(node.op) in OPERATORS:
        yield "operator", node, bracketed(changed(node, op=OPERATORS[type(node.op)]()))
    if isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div):
        yield "dropped term", node, bracketed(node.left)
    if isinstance(node.op, ast.MatMult):
        yield "operator", node, bracketed(changed(node, left=node.right, right=node.left))


def of_constant(node: ast.Constant) -> Iterator[Change]:
    match node.value:
        case bool():
            yield "constant", node, str(not node.value)
        case int():
            yield "constant", node, f"({node.value + 1})"
        case float():
            yield "constant", node, f"({node.value * 2 if node.value else 1.0})"
        case _:
            return


def of_call(node: ast.Call) -> Iterator[Change]:
    for keyword in node.keywords:
        axis = keyword.value
        if keyword.arg in AXES and isinstance(axis, ast.Constant) and isinstance(axis.value, int):
            yield "axis", axis, "(0)" if axis.value else "(-1)"
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in OTHER_CALLS:
        func = copy.deepcopy(node.func)
        setattr(func, "attr" if isinstance(func, ast.Attribute) else "id", OTHER_CALLS[name])
        yield "call", node.func, ast.unparse(func)
    if name in DROPPED_CALLS and isinstance(node.func, ast.Attribute) and not module(node.func.value):
        yield "dropped call", node, bracketed(node.func.value)
    match node.args:
        case [one, other, *rest] if ast.dump(one) != ast.dump(other) and not {type(one), type(other)} & {ast.Starred}:
            yield "swapped arguments", node, ast.unparse(changed(node, args=[other, one, *rest]))


def module(node: ast.expr) -> bool:
    """Whether it is a package such as torch: a call of its function has no object to fall back on."""
    return isinstance(node, ast.Name) and node.id in ("torch", "np", "numpy", "math", "functional", "nn")


def changed(node: Node, **fields: object) -> Node:
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def bracketed(node: Node) -> str:
    return f"({ast.unparse(node)})"
