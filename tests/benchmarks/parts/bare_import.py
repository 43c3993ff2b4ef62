"""A process that has imported the Genesys SDK, or Bolt with it, and does nothing: says how long that took."""

from __future__ import annotations

import sys
import time

BEGAN = time.perf_counter()


def main(*packages: str) -> None:
    from tests.benchmarks.parts.answering import say  # noqa: PLC0415  what is measured comes first

    for package in packages:
        __import__(package)
    say(seconds=time.perf_counter() - BEGAN)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
