"""code - what a project's own source does with its cache, read and never run.

Only calls on a name that has `cache` in it are looked at, and only keys that stand there as text or
as a constant of the same module.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps

from . import Finding
from .rulefile import Rules

_SIGNALS = ("post_save", "post_delete", "pre_save", "pre_delete", "m2m_changed")
_DELETES = ("delete", "delete_many", "delete_pattern", "clear", "incr")
_SENDERS = ("Emitter", "Producer", "KafkaProducer")
_SKIPPED = ("migrations", "node_modules", "__pycache__")


def sources() -> Iterator[str]:
    """The files of apps that are not installed packages."""
    seen: set[str] = set()
    for config in apps.get_app_configs():
        if not {"site-packages", "dist-packages"} & set(config.path.split(os.sep)) and (
            config.name != "unstale.django"
        ):
            for folder, folders, names in os.walk(config.path):
                folders[:] = sorted(each for each in folders if each not in _SKIPPED)
                paths = [os.path.join(folder, each) for each in sorted(names)]
                yield from (each for each in paths if each.endswith(".py") and each not in seen)
                seen.update(paths)


def check(rules: Rules, paths: Iterable[str]) -> Iterator[Finding]:
    starts = {use.template: use.action.get("start", 1) for use in rules.uses if use.verb == "bump"}
    pages = [use for use in rules.uses if "page" in use.action and not use.action.get("vary")]
    for path in paths:
        try:
            with open(path, encoding="utf-8") as file:
                tree = ast.parse(file.read(), path)
        except (OSError, SyntaxError, ValueError):
            continue
        module = _Module(path, tree)
        yield from module.at_import()
        yield from module.handlers()
        yield from module.counters(starts)
        yield from module.encoders()
        yield from module.rates()
        yield from module.pages(pages)


class _Module:
    def __init__(self, path: str, tree: ast.Module) -> None:
        self.path = os.path.relpath(path)
        self.tree = tree
        self.nodes = list(ast.walk(tree))
        self.names = {node.id for node in self.nodes if isinstance(node, ast.Name)}
        self.constants = {
            node.targets[0].id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant)
        }

    def where(self, node: Any) -> str:
        return f"{self.path}:{node.lineno}"

    def value(self, node: ast.expr | None) -> Any:
        if isinstance(node, ast.Name):
            return self.constants.get(node.id)
        return node.value if isinstance(node, ast.Constant) else None

    def at_import(self) -> Iterator[Finding]:
        for node in _outside_functions(self.tree):
            if _cache_call(node) in ("get", "get_or_set"):
                text = "is read once, when the process starts: a change is seen after a restart only"
                yield Finding("T4", self.where(node), text, "read it in the function that uses it")

    def handlers(self) -> Iterator[Finding]:
        for node in self.nodes:
            if not isinstance(node, ast.FunctionDef) or not _is_receiver(node):
                continue
            later = {id(each) for call in ast.walk(node) if _called(call) == "on_commit"
                     for each in ast.walk(call)}
            for call in ast.walk(node):
                if _cache_call(call) in _DELETES and id(call) not in later:
                    text = ("deletes before the commit: a reader puts the old row back; unstale"
                            " deletes after it")
                    yield Finding("T8", self.where(call), text, "a rule instead of the handler")

    def counters(self, starts: dict[str | None, int]) -> Iterator[Finding]:
        for node in self.nodes:
            call = _cache_call(node)
            if call not in ("get", "set", "add", "get_or_set") or not node.args:
                continue
            key = self.value(node.args[0])
            if not isinstance(key, str) or key not in starts:
                continue
            second = self.value(node.args[1]) if len(node.args) > 1 else None
            if call == "get" and type(second) is int and second != starts[key]:
                text = f'readers take a missing "{key}" for {second}, the rule for {starts[key]}'
                yield Finding("T2", self.where(node), text, {"bump": {"key": key, "start": second}})
            if call != "get" and not _has_timeout(node):
                text = f'"{key}" is a counter, and expires with the default timeout'
                yield Finding("T3", self.where(node), text, "timeout=None")

    def encoders(self) -> Iterator[Finding]:
        if "DjangoJSONEncoder" in self.names and self.names.intersection(_SENDERS):
            node = next(each for each in self.nodes
                        if isinstance(each, ast.Name) and each.id == "DjangoJSONEncoder")
            text = "DjangoJSONEncoder cuts datetimes to ms: keys made of them are not found"
            yield Finding("T10", self.where(node), text, "unstale.Emitter encodes them in full")

    def rates(self) -> Iterator[Finding]:
        for node in self.nodes:
            if isinstance(node, ast.Constant) and node.value == "keyspace_hits":
                text = ("keyspace_hits is of the whole server since it started, and looks at keys"
                        " count too")
                yield Finding("T11", self.where(node), text, "the difference of two readings")
                return

    def pages(self, unvaried: list[Any]) -> Iterator[Finding]:
        for node in self.nodes:
            if unvaried and isinstance(node, ast.Name) and node.id.startswith("vary_on_"):
                text = f'pages vary; rule "{unvaried[0].rule}" deletes one form of them'
                fix = {"delete": {"page": unvaried[0].action["page"], "vary": True}}
                yield Finding("T9", self.where(node), text, fix)
                return


def _outside_functions(node: ast.AST) -> Iterator[Any]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield child
            yield from _outside_functions(child)


def _called(node: Any) -> str | None:
    if not isinstance(node, ast.Call):
        return None
    function = node.func
    return getattr(function, "attr", None) or getattr(function, "id", None)


def _cache_call(node: Any) -> str | None:
    """The method, if it is one of something called cache."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    owner = node.func.value
    owner = owner.value if isinstance(owner, ast.Subscript) else owner
    name = getattr(owner, "id", None) or getattr(owner, "attr", None) or ""
    return node.func.attr if "cache" in name.lower() else None


def _is_receiver(node: ast.FunctionDef) -> bool:
    for each in node.decorator_list:
        if _called(each) == "receiver":
            names = {getattr(part, "attr", None) or getattr(part, "id", None)
                     for part in ast.walk(each)}
            return bool(names & set(_SIGNALS))
    return False


def _has_timeout(node: ast.Call) -> bool:
    return len(node.args) > 2 or any(each.arg == "timeout" for each in node.keywords)
