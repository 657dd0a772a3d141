"""models - the table of the outbox."""

from __future__ import annotations

from django.db import models

from . import conf

# Here, because Django loads the models of an app before anything reads its settings.
conf.MORE_MEMBERS["OUTBOX_NOTIFY"] = conf.Member(
    True, "True or False", lambda value: isinstance(value, bool)
)
conf.MORE_MEMBERS["RULES"] = conf.Member(
    None,
    "a path or a list of paths",
    lambda value: value is None or isinstance(value, (str, list, tuple)),
)

class OutboxEvent(models.Model):
    """An event that was committed with the change it tells of, until the relay has sent it.

    `shard` is made of the key, so that the events of one object are in one shard; SENT stands there
    once Kafka has the event, where the relay is told to keep it for a while. `key` is there for
    people to look at: what goes to Kafka is made of `value`.
    """

    SENT = -1

    id = models.BigAutoField(primary_key=True)
    shard = models.SmallIntegerField()
    key = models.TextField()
    value = models.TextField()
    created = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "unstale_outbox"
        indexes = [models.Index(fields=["shard", "id"], name="unstale_outbox_shard_id")]
        verbose_name = "event to be sent"
        verbose_name_plural = "events to be sent"

    def __str__(self) -> str:
        return f"{self.id} {self.key}"
