"""manage.py unstale_models - the catalogue of models, as a rule file that holds nothing else."""

from __future__ import annotations

import json
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ... import labels, tracking
from ..catalogue import catalogue


class Command(BaseCommand):
    help = (
        "Prints the models whose changes are published, as a rule file: put it beside your rules,"
        " and a field that is spelt wrong becomes an error of `unstale check`."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("labels", nargs="*", help="only these, as in shop.Product or shop.*")
        parser.add_argument("--schema", help="put this before each table (MySQL: the database)")
        parser.add_argument("--output", metavar="FILE", help="write there instead")

    def handle(self, *args: Any, **options: Any) -> None:
        models = tracking.watched_models()
        for pattern in options["labels"]:
            if not any(labels.matches(pattern, each) for each in models):
                raise CommandError(_unknown(pattern, [each._meta.label for each in models]))
        if options["labels"]:
            models = [each for each in models if labels.any_matches(options["labels"], each)]
        text = json.dumps({"version": 1, "models": catalogue(models, options["schema"])}, indent=2)
        if options["output"]:
            with open(options["output"], "w", encoding="utf-8") as file:
                file.write(text + "\n")
        else:
            self.stdout.write(text)


def _unknown(pattern: str, known: list[str]) -> str:
    if any(labels.matches(pattern, model) for model in apps.get_models()):
        return f'"{pattern}" is not watched: see MODELS and EXCLUDE of UNSTALE'
    meant = labels.nearest(pattern, known)
    hint = f'; did you mean "{meant}"?' if meant else ""
    return f'no model is called "{pattern}"{hint}'
