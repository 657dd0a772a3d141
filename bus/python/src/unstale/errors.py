"""What can be wrong with an event, and with sending one."""


class InvalidEvent(ValueError):
    """The event will never do; the text says why, in the words of `unstale emit`."""


class NotSent(Exception):
    """Kafka does not have the event, or nobody can say that it has it.

    `retry` is False where the same event would fail again."""

    def __init__(self, reason: str, retry: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry
