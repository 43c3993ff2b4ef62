"""How a command fails: with a sentence, and an exit status."""

from __future__ import annotations

import json
import sys
from typing import NoReturn

import typer

JSON = "--json"


def fail(sentence: str, status: int, kind: str = "refused") -> NoReturn:
    """Print why a command failed, as a sentence on stderr; with --json as JSON on stdout, as all its results."""
    if JSON in sys.argv[1:]:
        typer.echo(json.dumps({"error": kind, "sentence": sentence}, indent=2))
    else:
        typer.echo(sentence, err=True)
    sys.exit(status)
