"""The event loop that the command line's coroutines run in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")
Runner = Callable[[Coroutine[Any, Any, Any]], Any]
"""Runs a coroutine to its end in a new event loop, as ``asyncio.run`` does."""

_runner: ContextVar[Runner] = ContextVar("runner", default=asyncio.run)


@contextmanager
def using(runner: Runner) -> Iterator[None]:
    """Have ``run`` use this runner until the end of the block."""
    token = _runner.set(runner)
    try:
        yield
    finally:
        _runner.reset(token)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine, with ``asyncio.run`` where nothing else was chosen."""
    return cast("T", _runner.get()(coroutine))
