"""The clock is the real one: so is the programs'."""

from tests.api.test_api_guide import on_an_ordinary_day, worker

__all__ = ["on_an_ordinary_day", "worker"]
