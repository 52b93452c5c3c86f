"""These tests live on Tuesday 24 November 2026, in an ordinary firm."""

from tests.factories.fixtures import on_an_ordinary_day, world

__all__ = ["on_an_ordinary_day", "world"]
