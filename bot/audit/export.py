"""Entries as text: JSON lines that can be verified without the bot, or CSV for a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import rfc8785

from bot.audit.stored import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True, slots=True)
class Filter:
    """Selects entries; None selects all. Times have the format of entries; ``until`` is exclusive."""

    since: str | None = None
    until: str | None = None
    conversation_id: str | None = None
    actor: str | None = None
    action: str | None = None
    phase: str | None = None

    @property
    def whole(self) -> bool:
        return self == Filter()

    def facts(self) -> dict[str, str]:
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in values.items() if value is not None}


def json_line(entry: Mapping[str, Any]) -> str:
    """Return the entry as one line of canonical JSON; nothing is added, nothing left out."""
    return rfc8785.dumps({name: entry[name] for name in COLUMNS}).decode() + "\n"


def csv_header() -> str:
    return _csv_row(COLUMNS)


def csv_line(entry: Mapping[str, Any]) -> str:
    """Return the entry as a CSV row that no spreadsheet takes for a formula."""
    return csv_row([entry[name] for name in COLUMNS])


def csv_row(values: Iterable[Any]) -> str:
    """Return values as a CSV row that no spreadsheet takes for a formula."""
    return _csv_row([_cell(value) for value in values])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False) if isinstance(value, dict) else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _csv_row(cells: Any) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()
