"""Fixtures of the package's tests; what they are made of is in emitter_support.py."""
from emitter_support import brokers, program, service, topic

__all__ = ["brokers", "program", "service", "topic"]
