"""manage.py unstale_doctor - holds the project's caches and code against the rules."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ... import conf
from ..doctor import Finding, caches, code, rulefile, verbs

_DEFAULT_URL = "redis://127.0.0.1:6379/1"


class Command(BaseCommand):
    help = (
        "Says where the rules and this project miss each other: prefix, version, database,"
        " serializer of each cache, and what code and rules do that leaves old values behind."
        " Ends with 1 if there is something. Connects to nothing."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("rules", nargs="*", help="rule files and folders; else UNSTALE[\"RULES\"], else"
            " $UNSTALE_RULES, else config/rules")
        add("--config", metavar="FILE", help="the service's settings, for its Redis targets")
        add("--redis", action="append", default=[], metavar="[NAME=]URL",
            help="a Redis target of the service; else $UNSTALE_REDIS_URL")
        add("--cache", action="append", default=[], metavar="RULES=ALIAS",
            help="which alias of CACHES a cache of the rules is, where the names differ")
        add("--no-code", action="store_true", help="leave the project's source alone")
        add("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        names = dict(_pairs(options["cache"]))
        rules = _read(options["rules"] or _configured())
        findings = [
            *caches.check(rules, names, _targets(options)),
            *verbs.check(rules, names),
            *([] if options["no_code"] else code.check(rules, code.sources())),
        ]
        if options["format"] == "json":
            self.stdout.write(json.dumps([each._asdict() for each in findings], indent=2))
        else:
            self._print(findings)
        if findings:
            raise SystemExit(1)

    def _print(self, findings: list[Finding]) -> None:
        for each in findings:
            self.stdout.write(f"{each.trap} {each.where}: {each.text}")
            if each.fix is not None:
                fix = each.fix if isinstance(each.fix, str) else json.dumps(each.fix)
                self.stdout.write(f"    write: {fix}")
        count = len(findings)
        self.stdout.write("nothing found" if not count else
                          f"{count} finding{'s' if count > 1 else ''}")


def _configured() -> list[str]:
    rules = conf.get().rules or os.environ.get("UNSTALE_RULES") or "config/rules"
    return rules.split(",") if isinstance(rules, str) else list(rules)


def _read(paths: list[str]) -> rulefile.Rules:
    try:
        return rulefile.read(paths)
    except (OSError, ValueError) as error:
        raise CommandError(f"the rules cannot be read: {error}") from None


def _pairs(texts: Iterable[str]) -> Iterable[tuple[str, str]]:
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise CommandError(f'"{text}" is not NAME=VALUE')
        yield name, value


def _targets(options: dict[str, Any]) -> dict[str, str]:
    """The service's Redis targets, as far as they are known."""
    found = {"default": os.environ.get("UNSTALE_REDIS_URL") or _DEFAULT_URL}
    if options["config"]:
        try:
            settings = rulefile.read_json(options["config"])
        except (OSError, ValueError) as error:
            raise CommandError(f"{options['config']}: {error}") from None
        for name, target in (settings.get("redis") or {}).items():
            if isinstance(target, dict) and "url" in target:
                found[name] = target["url"]
    for text in options["redis"]:
        name, equals, _ = text.partition("://")[0].partition("=")
        found[name if equals else "default"] = text[len(name) + 1 :] if equals else text
    return found
