"""The root of all errors, and errors of the setup."""

from __future__ import annotations

import re
from typing import ClassVar

from typing_extensions import override


class RecordBotError(Exception):
    """The root of all errors raised on purpose."""

    kind: ClassVar[str] = "error"
    """A stable word for the audit entry, the metrics and ``--json``: the class's name in snake case, unless it says.

    The words are published (tests/unit/test_published_values.py): to rename a class, keep its word in ``kind``.
    """

    @override
    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "kind" not in vars(cls):
            cls.kind = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (self.__doc__ or self.kind).partition("\n")[0])
        self.audit_seq: int | None = None
        """The number of the audit entry that records this error, once there is one."""


class SettingsError(RecordBotError):
    """One or more settings are wrong or missing; one sentence for each."""

    kind = "settings"

    def __init__(self, sentences: tuple[str, ...]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


class DatabaseUnusable(RecordBotError):
    """The database can't be opened, is locked, or is not the bot's."""
