"""Finds every stable code in the source, by following what is handed to a parameter, field or key that holds one.

Nothing is run and nothing is listed by hand: an argument is followed through constants, tables, enumerations, local names
and the return values of our own functions to the texts it can be.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOLDERS = {"code", "reason", "problem", "moved_because", "error_code"}
"""Names of parameters, dataclass fields and keys that hold a code."""

ANYTHING = "*"
_CODE = re.compile(r"[a-z]+(-[a-z0-9]+)*")


class Source:
    """The parsed source, with what is needed to follow a name."""

    def __init__(self, paths: list[Path]) -> None:
        self.modules = [ast.parse(path.read_text(), str(path)) for path in paths]
        self.home: dict[ast.AST, str] = {}  # where a constant's name is written → the module, as imports call it
        self.imported: dict[tuple[str, str], tuple[str, str]] = {}
        self.functions: dict[str, list[ast.FunctionDef]] = defaultdict(list)
        self.parameters: dict[tuple[str, bool], list[list[str]]] = defaultdict(
            list
        )  # by name, and whether it is a method
        self.constants: dict[str, list[tuple[str, ast.expr]]] = defaultdict(list)
        self.members: dict[str, dict[str, str]] = {}
        self.given: dict[str, list[ast.expr]] = defaultdict(list)
        self._found: dict[ast.expr, set[str]] = {}
        for path, module in zip(paths, self.modules, strict=True):
            folder = ROOT if ROOT in path.parents else path.parent
            self._index(module, ".".join(path.relative_to(folder).with_suffix("").parts))

    def codes(self) -> set[str]:
        """Return every code; one with an asterisk is made from something that only a running program knows."""
        found: set[str] = set()
        for module in self.modules:
            for scope, node in _scoped(module):
                for value in self._held_values(node):
                    found |= self.texts(value, scope)
        return found - {ANYTHING}

    def texts(self, value: ast.expr, scope: ast.AST) -> set[str]:
        """Return the texts in the form of a code that an expression can be.

        Each expression is followed once: what comes back to it adds nothing.
        """
        if value not in self._found:
            self._found[value] = set()
            self._found[value] = self._follow(value, scope)
        return self._found[value]

    def _follow(self, value: ast.expr, scope: ast.AST) -> set[str]:
        match value:
            case ast.Constant(value=text):
                return {text} if isinstance(text, str) and _CODE.fullmatch(text) else set()
            case ast.JoinedStr():
                return self._joined(value, scope)
            case ast.IfExp():
                return self.texts(value.body, scope) | self.texts(value.orelse, scope)
            case ast.BoolOp():
                return {text for part in value.values for text in self.texts(part, scope)}
            case ast.Name():
                return self._named(value, scope)
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner in self.members:
                return {self.members[owner][name]} if name in self.members[owner] else set()
            case ast.Attribute():
                return self._constant(value.attr)
            case ast.Call(func=ast.Name(id=name)) if name in self.functions:
                return {text for result, where in self._results(name) for text in self.texts(result, where)}
            case _:  # a table, a comprehension, a call of something else: whatever stands in it
                return self._inside(value, scope)

    def _held_values(self, node: ast.AST) -> Iterator[ast.expr]:
        """Yield what a call or a table puts where codes are held."""
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value in HOLDERS:
                    yield value
        if not isinstance(node, ast.Call):
            return
        yield from (keyword.value for keyword in node.keywords if keyword.arg in HOLDERS)
        for names in self._parameters_of(node.func):
            for position, value in enumerate(node.args[: len(names)]):
                if isinstance(value, ast.Starred):
                    yield from self._spread(value.value, names[position:])
                    break
                if names[position] in HOLDERS:
                    yield value

    def _parameters_of(self, called: ast.expr) -> list[list[str]]:
        """Return the parameters of whatever may be called: `x.note()` is a method, if there is one of that name."""
        name, is_method = _name_of(called), isinstance(called, ast.Attribute)
        return self.parameters.get((name, is_method)) or (self.parameters.get((name, False), []) if is_method else [])

    def _spread(self, value: ast.expr, names: list[str]) -> Iterator[ast.expr]:
        """Yield what `*function()` hands to those parameters that hold codes."""
        for result, _ in self._results(_name_of(value.func)) if isinstance(value, ast.Call) else ():
            for each in (result.body, result.orelse) if isinstance(result, ast.IfExp) else (result,):
                elements = each.elts if isinstance(each, ast.Tuple) else []
                yield from (element for name, element in zip(names, elements, strict=False) if name in HOLDERS)

    def _joined(self, value: ast.JoinedStr, scope: ast.AST) -> set[str]:
        choices: list[set[str]] = []
        for part in value.values:
            inner = part.value if isinstance(part, ast.FormattedValue) else part
            is_followed = isinstance(inner, ast.Name | ast.Attribute | ast.Constant)
            choices.append((self._words(inner, scope, set()) if is_followed else set()) or {ANYTHING})
        made = {"".join(parts) for parts in product(*choices)}
        return {text for text in made if _CODE.fullmatch(text.replace(ANYTHING, "x"))}

    def _words(self, value: ast.AST, scope: ast.AST, seen: set[str]) -> set[str]:  # noqa: PLR0911  (one per kind)
        """Return what a part of a text can be: members of an enumeration by what the source says of its type, or plain words."""
        match value:
            case ast.Constant(value=str(word)):
                return {word}
            case ast.IfExp():
                return self._words(value.body, scope, seen) | self._words(value.orelse, scope, seen)
            case ast.Name(id=name) if name not in seen:
                found = set(self.members.get(name, {}).values()) | self._typed(_annotation(name, scope))
                made_from = (each for each, _ in _bindings(name, scope))
                return found.union(*(self._words(each, scope, seen | {name}) for each in made_from))
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner in self.members:
                return {self.members[owner][name]}
            case ast.Attribute(attr=name) | ast.Call(func=ast.Name(id=name)) if typed := self._result_type(name):
                return typed
            case ast.Attribute(attr=name) if f".{name}" not in seen:
                return {word for given in self.given[name] for word in self._words(given, given, seen | {f".{name}"})}
            case ast.Call(func=ast.Attribute(value=owner), args=[]):
                return self._words(owner, scope, seen)
            case ast.Call(args=parts, keywords=keywords):
                inner = [*parts, *(each.value for each in keywords)]
                return {word for part in inner for word in self._words(part, scope, seen)}
            case ast.GeneratorExp(elt=inner) | ast.Lambda(body=inner):
                return self._words(inner, scope, seen)
            case ast.Tuple(elts=parts):
                return {word for part in parts for word in self._words(part, scope, seen)}
        return set()

    def _result_type(self, name: str) -> set[str]:
        return {word for function in self.functions.get(name, ()) for word in self._typed(function.returns)}

    def _typed(self, annotation: ast.AST | None) -> set[str]:
        """Return the members of the enumerations that a type is made of."""
        nodes = ast.walk(annotation) if annotation else ()
        names = {str(node.value) if isinstance(node, ast.Constant) else _name_of(node) for node in nodes}
        return {word for name in names & self.members.keys() for word in self.members[name].values()}

    def _named(self, node: ast.Name, scope: ast.AST) -> set[str]:
        found: set[str] = set()
        for value, is_part in _bindings(node.id, scope):
            found |= self._inside(value, scope) if is_part else self.texts(value, scope)
        return found or self._constant(node.id, self.home.get(node, ""))

    def _constant(self, name: str, home: str = "") -> set[str]:
        """Return what a module's constant can be: that of the module itself, else the one it imports, else any of that name."""
        home, wanted = self.imported.get((home, name), (home, name))
        everywhere = self.constants[wanted] if wanted.isupper() else []
        here = [each for each in everywhere if each[0] == home]
        return {text for _, value in here or everywhere for text in self.texts(value, value)}

    def _results(self, name: str) -> Iterator[tuple[ast.expr, ast.AST]]:
        """Yield what our own functions of that name return, and where."""
        for function in self.functions.get(name, ()):
            for node in ast.walk(function):
                if isinstance(node, ast.Return) and node.value is not None:
                    yield node.value, function

    def _inside(self, value: ast.expr, scope: ast.AST) -> set[str]:
        found: set[str] = set()
        for node in ast.walk(value):
            is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
            is_ours = isinstance(node, ast.Call) and _name_of(node.func) in self.functions
            if is_text or (is_ours and isinstance(node.func, ast.Name)) or isinstance(node, ast.Name | ast.Attribute):
                found |= self.texts(node, scope)
        return {text for text in found if "-" in text}

    def _index(self, module: ast.Module, home: str) -> None:
        for node in module.body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            for target in targets:
                if isinstance(target, ast.Name) and isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
                    self.constants[target.id].append((home, node.value))
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef):
                names = [argument.arg for argument in node.args.args]
                self.functions[node.name].append(node)
                is_method = names[:1] in (["self"], ["cls"])
                self.parameters[node.name, is_method].append(names[is_method:])
            elif isinstance(node, ast.ClassDef):
                self._index_class(node)
            elif isinstance(node, ast.Call):
                for keyword in node.keywords:
                    self.given[keyword.arg or ""].append(keyword.value)
            elif isinstance(node, ast.Name) and node.id.isupper():
                self.home[node] = home
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for each in node.names:
                    self.imported[home, each.asname or each.name] = node.module, each.name

    def _index_class(self, node: ast.ClassDef) -> None:
        fields = [(_name_of(each.target), each.value) for each in node.body if isinstance(each, ast.AnnAssign)]
        self.parameters[node.name, False].append([name for name, _ in fields])
        for name, value in fields:
            if value is not None:
                self.given[name].append(value)
        if "StrEnum" in map(_name_of, node.bases):
            words = (
                each for each in node.body if isinstance(each, ast.Assign) and isinstance(each.value, ast.Constant)
            )
            self.members[node.name] = {_name_of(each.targets[0]): each.value.value for each in words}


def codes_in_source() -> set[str]:
    """Return the codes of the library and the jobs; the sandboxes speak other systems' codes."""
    paths = [path for folder in ("sidecar", "jobs") for path in sorted((ROOT / folder).rglob("*.py"))]
    return Source([path for path in paths if "sandbox" not in path.parts]).codes()


def _scoped(node: ast.AST, scope: ast.AST | None = None) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Yield every node with the function it stands in."""
    scope = scope or node
    for child in ast.iter_child_nodes(node):
        yield scope, child
        yield from _scoped(child, child if isinstance(child, ast.FunctionDef) else scope)


def _bindings(name: str, scope: ast.AST) -> Iterator[tuple[ast.expr, bool]]:
    """Yield what a local name is made from, and whether it is only a part of that."""
    for node in ast.walk(scope) if isinstance(scope, ast.FunctionDef) else ():
        match node:
            case ast.Assign(targets=targets, value=value):
                yield from ((value, isinstance(target, ast.Tuple)) for target in targets if _binds(name, target))
            case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target=target, value=value):
                yield from [(value, False)] if _binds(name, target) else []
            case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                yield from [(value, True)] if _binds(name, target) else []


def _binds(name: str, target: ast.expr) -> bool:
    match target:
        case ast.Name(id=bound):
            return bound == name
        case ast.Subscript(value=inner):
            return _binds(name, inner)
        case ast.Tuple(elts=elements):
            return any(_binds(name, element) for element in elements)
    return False


def _annotation(name: str, scope: ast.AST) -> ast.expr | None:
    """Return the type a function says that its parameter has."""
    arguments = (*scope.args.args, *scope.args.kwonlyargs) if isinstance(scope, ast.FunctionDef) else ()
    return next((each.annotation for each in arguments if each.arg == name), None)


def _name_of(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""
