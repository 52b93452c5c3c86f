"""Python's collector of cycles, paused while many objects that hold none are made."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collection_paused() -> Iterator[None]:
    """Pause the collector: it would walk through the whole program again and again, a third to a half of the time.

    What holds no cycle is freed as ever. Parts that pause it themselves may be nested.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
