"""The project that a relay of its own process runs in; the test says which database and topic."""
import json
import os

from unstale_settings import *  # noqa: F403
from unstale_settings import postgres

_URL = os.environ["OUTBOX_DATABASE"]
if _URL.startswith("postgresql:"):
    DATABASES = {"default": postgres(_URL)}
else:
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": _URL}}
DATABASE_ROUTERS = []
UNSTALE = {
    "OUTBOX": os.environ.get("OUTBOX_IS_OFF") != "1",
    "BROKERS": os.environ.get("OUTBOX_BROKERS", "127.0.0.1:1"),
    "TOPIC": os.environ.get("OUTBOX_TOPIC", "model-events"),
    "MODELS": os.environ.get("OUTBOX_MODELS", "shop.*").split(","),
    "OPTIONS": json.loads(os.environ.get("OUTBOX_OPTIONS", "{}")),
}
