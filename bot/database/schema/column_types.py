"""Column types: times and ids are text in one fixed form, the same for SQLite, PostgreSQL and outside readers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import BigInteger, Integer, Text, TypeDecorator
from typing_extensions import override

if TYPE_CHECKING:
    from sqlalchemy import Dialect


class Moment(TypeDecorator[datetime]):
    """A time in UTC, as 27 characters that sort like the time itself."""

    impl = Text
    cache_ok = True

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    @override
    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


class UuidText(TypeDecorator[UUID]):
    """A UUID as its usual 36 characters."""

    impl = Text
    cache_ok = True

    @override
    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    @override
    def process_result_value(self, value: Any | None, dialect: Dialect) -> UUID | None:
        return None if value is None else UUID(value)


class Flag(TypeDecorator[bool]):
    """True and false as 1 and 0; SQLite's strict tables have no boolean."""

    impl = Integer
    cache_ok = True

    @override
    def process_bind_param(self, value: bool | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)

    @override
    def process_result_value(self, value: Any | None, dialect: Dialect) -> bool | None:
        return None if value is None else bool(value)


Number = BigInteger().with_variant(Integer, "sqlite")
