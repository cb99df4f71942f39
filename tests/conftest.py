"""Fixtures for all tests. The cast is in `tests/cast.py`."""

from tests.cast import complaint, mfg, stranger

__all__ = ["complaint", "mfg", "stranger"]
