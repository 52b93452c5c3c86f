"""Python's collector of cycles, paused while many objects that hold none are made."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collection_paused() -> Iterator[None]:
    """Pause the collector: it walks through all objects again and again, and would take a third to a half of the run.

    What holds no cycle is freed as usual. Calls may be nested.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
