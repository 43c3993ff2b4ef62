"""Runs a module as ``python -m`` does, in the tests' own time: ``python -m tests.support.steadily bot serve``."""

from __future__ import annotations

import asyncio
import runpy
import sys

from tests.support.steady import SteadyLoops

if __name__ == "__main__":
    asyncio.set_event_loop_policy(SteadyLoops())
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
