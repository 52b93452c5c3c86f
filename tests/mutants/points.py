"""The points of a module where a mutant may be made, read from its syntax tree."""

import ast
import copy
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

COMPARISONS: dict[type[ast.cmpop], ast.cmpop] = {
    ast.Lt: ast.LtE(),
    ast.LtE: ast.Lt(),
    ast.Gt: ast.GtE(),
    ast.GtE: ast.Gt(),
    ast.Eq: ast.NotEq(),
    ast.NotEq: ast.Eq(),
    ast.Is: ast.IsNot(),
    ast.IsNot: ast.Is(),
    ast.In: ast.NotIn(),
    ast.NotIn: ast.In(),
}
SIGNS: dict[type[ast.operator], ast.operator] = {ast.Add: ast.Sub(), ast.Sub: ast.Add()}
FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any"}
METHODS = {"filter": "exclude", "exclude": "filter"}
# What concerns types and names alone.
LEFT_OUT = (ast.Assert, ast.Import, ast.ImportFrom)
DECLARED = ("field", "lru_cache", "dataclass")  # called with what concerns the declaration alone


@dataclass(frozen=True)
class Point:
    """One mutant: the text `before` at `start`:`end` (byte offsets in the file) becomes `after`."""

    path: str
    line: int
    within: str  # qualified name of the function or class; "" at the top of the module
    start: int
    end: int
    before: str
    after: str
    rank: int = 1  # among the mutants of the same text in the same function

    @property
    def key(self) -> str:
        """What names the mutant when lines move."""
        rank = f" #{self.rank}" if self.rank > 1 else ""
        return f"{self.path} | {self.within} | {_one_line(self.before)} -> {_one_line(self.after)}{rank}"

    def apply(self, source: bytes) -> bytes:
        """The source of the module with this mutant in it."""
        return source[: self.start] + self.after.encode() + source[self.end :]


def points_of(path: str, source: bytes, *, only_querysets: bool = False) -> list[Point]:
    """All the mutants of a module, in the order of its text. `only_querysets`: those of its QuerySet classes."""
    tree = ast.parse(source)
    finder = _Finder(path, source, only_querysets=only_querysets)
    finder.visit(tree)
    seen: Counter[str] = Counter()
    points = []
    for point in sorted(finder.found, key=lambda point: (point.start, point.end, point.after)):
        seen[point.key] += 1
        points.append(replace(point, rank=seen[point.key]))
    return points


class _Finder(ast.NodeVisitor):
    def __init__(self, path: str, source: bytes, *, only_querysets: bool) -> None:
        self.path, self.source, self.only_querysets = path, source, only_querysets
        self.lines = [0]
        for line in source.splitlines(keepends=True):
            self.lines.append(self.lines[-1] + len(line))
        self.names: list[str] = []
        self.found: list[Point] = []

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, LEFT_OUT):
            return
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            self._definition(node)
            return
        if isinstance(node, ast.AnnAssign):
            self._children([node.value] if node.value else [])
            return
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in DECLARED:
            return
        if not self.only_querysets or any(name.endswith("QuerySet") for name in self.names):
            for before, after in _mutations(node):
                self._add(before, after)
        if isinstance(node, ast.Expr) and _is_log(node.value):
            return
        self.generic_visit(node)

    def _definition(self, node: ast.ClassDef | ast.FunctionDef) -> None:
        self.names.append(node.name)
        parts: list[ast.AST] = list(node.body)
        if isinstance(node, ast.FunctionDef):
            parts += [default for default in (*node.args.defaults, *node.args.kw_defaults) if default]
        self._children(parts)
        self.names.pop()

    def _children(self, nodes: Sequence[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    def _add(self, node: ast.expr | ast.stmt, after: str) -> None:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self.lines[node.lineno - 1] + node.col_offset
        end = self.lines[node.end_lineno - 1] + node.end_col_offset
        before = self.source[start:end].decode()
        self.found.append(Point(self.path, node.lineno, ".".join(self.names), start, end, before, after))


def _mutations(node: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """The mutants made at one node: what is replaced, and by which text."""
    match node:
        case ast.Constant(value=bool()):
            yield node, str(not node.value)
        case ast.Constant(value=int()):
            yield node, str(node.value + 1)
        case ast.Return(value=ast.expr()) if not isinstance(node.value, ast.Constant):
            yield node, "return None"
        case ast.Expr(value=ast.Call()) if not _is_log(node.value):
            yield node, "pass"
        case ast.Call():
            yield from _call_mutations(node)
        case _:
            yield from _operator_mutations(node)


def _operator_mutations(node: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    match node:
        case ast.Compare():
            for index, operator in enumerate(node.ops):
                if (swapped := COMPARISONS.get(type(operator))) is not None:
                    yield node, _text(node, ops=[*node.ops[:index], swapped, *node.ops[index + 1 :]])
        case ast.BinOp(left=first, right=second) | ast.AugAssign(target=first, value=second):
            if type(node.op) in SIGNS and not _is_text(first) and not _is_text(second):
                yield node, _text(node, op=SIGNS[type(node.op)])
        case ast.BoolOp():
            yield node, _text(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not()):
            yield node, f"({ast.unparse(node.operand)})"


def _call_mutations(node: ast.Call) -> Iterator[tuple[ast.expr, str]]:
    match node.func:
        case ast.Name(id=name) if name in FUNCTIONS:
            yield node, _text(node, func=ast.Name(FUNCTIONS[name]))
        case ast.Attribute(value=of, attr=name) if name in METHODS:
            yield node, _text(node, func=ast.Attribute(of, METHODS[name]))
            for index, keyword in enumerate(node.keywords):
                if keyword.arg:
                    yield node, _text(node, keywords=node.keywords[:index] + node.keywords[index + 1 :])


def _text(node: ast.expr | ast.stmt, **changes: Any) -> str:
    changed = copy.copy(node)
    for name, value in changes.items():
        setattr(changed, name, value)
    text = ast.unparse(changed)
    return text if isinstance(node, ast.stmt) else f"({text})"


def _is_text(node: ast.expr) -> bool:
    """Whether it is written as a text or a list: nothing is subtracted from these."""
    return isinstance(node, ast.JoinedStr | ast.List | ast.Tuple | ast.ListComp) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _is_log(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).startswith("log.")


def _one_line(text: str) -> str:
    return " ".join(text.split())
