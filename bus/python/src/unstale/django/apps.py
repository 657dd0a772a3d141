"""apps - the app that INSTALLED_APPS names: "unstale.django"."""

from django.apps import AppConfig


class UnstaleConfig(AppConfig):
    """Its label is "unstale"; the table of the outbox belongs to it."""

    name = "unstale.django"
    label = "unstale"
    verbose_name = "unstale"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks, tracking  # noqa: F401  (checks register themselves)

        tracking.install()
