"""unstale - publish model-change events from Python.

    from unstale import Emitter

    with Emitter("127.0.0.1:9092") as emitter:
        emitter.emit({"event": "post_save", "model": "shop.Product", "pk": 42,
                      "before": {"category_id": 7}, "after": {"category_id": 3}})

`Emitter` sends, `validate` only looks; what an event may hold is told by schemas/event.v1.schema.json.
"""
from unstale.emitter import Emitter
from unstale.errors import InvalidEvent, NotSent
from unstale.event import validate

__all__ = ["Emitter", "InvalidEvent", "NotSent", "__version__", "validate"]
__version__ = "0.1.0"
