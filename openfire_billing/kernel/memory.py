"""Python's cyclic garbage collector: paused while many objects without cycles are made, and seldom run in a server."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collection_paused() -> Iterator[None]:
    """Pause the collector, which would scan all objects repeatedly and take a third to a half of the run.

    Objects without cycles are freed as usual. Calls may be nested.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def freeze_loaded() -> None:
    """Leave what is loaded out of every collection, and collect what comes later seldom.

    A server keeps what it loads: modules, templates. With Python's own thresholds the collector scans all of it every few
    answers, each time for a tenth of a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
