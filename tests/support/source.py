"""Parses source code."""

from __future__ import annotations

import ast


def parsed(code: str) -> ast.Module:
    """Parse code, once more if Python 3.11 stumbled.

    It raises SystemError if something else parses at the same time, as a traceback does that another thread prints:
    https://github.com/python/cpython/issues/106905.
    """
    try:
        return ast.parse(code)
    except SystemError:
        return ast.parse(code)
