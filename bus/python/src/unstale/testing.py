"""unstale.testing - capture(), assert_emitted() and a pytest fixture for projects on Django.

The fixture: `pytest_plugins = ["unstale.testing"]` in conftest.py, then take `unstale_events`.
"""

from __future__ import annotations

from collections.abc import Iterator

from unstale.django.testing import Captured, assert_emitted, capture, matching

__all__ = ["Captured", "assert_emitted", "capture", "matching"]

try:
    import pytest
except ImportError:  # a project that tests without pytest
    pass
else:

    @pytest.fixture
    def unstale_events() -> Iterator[Captured]:
        """The events of the test, in order; nothing is sent."""
        with capture() as events:
            yield events

    __all__.append("unstale_events")
