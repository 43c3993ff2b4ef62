"""Secrets from files: ``NAME_FILE`` names a file that holds the value of ``NAME``.

Docker and Kubernetes mount secrets as files; the images of Docker's library take them by this convention. A sentence
about a file never quotes its content, and quotes its name only if that can't be a secret in the wrong place.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo

SECRETS = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "PURECLOUD_CLIENT_SECRET", "DATABASE_URL")
"""The settings whose values are secrets, or contain one."""
ENDING = "_FILE"
FILE_NAMES = frozenset(f"{name}{ENDING}" for name in SECRETS)
MOST_BYTES = 65_536
"""More than any secret has; a log or a device in its place is not read whole."""

ONLY = "Put the value of {name} there, and nothing else"
UNREADABLE = "a file that can't be read", "Fix the path, or let the bot's user read it"
WRONG: dict[type[Exception], tuple[str, str]] = {
    FileNotFoundError: ("a file that doesn't exist", "Mount or create it, or fix the path"),
    IsADirectoryError: ("a directory", "Name the file in it"),
    UnicodeDecodeError: ("a file that is not UTF-8 text", ONLY),
}
"""What a file is, and what to do, by the error of reading it."""


class Unusable(ValueError):
    """Stands in place of a value that no file gave, until the setting is validated; says why."""


def chosen(name: str, settings: Mapping[str, str | None]) -> str | Unusable | None:
    """Return the value from the file that ``NAME_FILE`` names; None if none is named.

    ``settings`` are those of one place, the environment or a settings file, with names in lower case.
    """
    file = settings.get(f"{name}{ENDING}".lower())
    if not file:
        return None
    if settings.get(name.lower()):
        return Unusable(f"{name} and {name}{ENDING} are both set. Remove one of them")
    return read_secret(name, file)


def read_secret(name: str, file: str) -> str | Unusable:
    """Return the content of the file for a setting, without blanks and line ends around it."""
    setting = f"{name}{ENDING}"
    path = Path(file.strip())
    shown = f" ({path})" if path.is_absolute() else ""
    try:
        with path.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
        text = content.decode("utf-8-sig").strip()
    except (OSError, ValueError) as error:
        what, advice = next((said for kind, said in WRONG.items() if isinstance(error, kind)), UNREADABLE)
    else:
        if text and len(content) <= MOST_BYTES:
            return text
        what, advice = ("a file that is too long", ONLY) if text else ("a file that is empty", ONLY)
    return Unusable(f"{setting} names {what}{shown}. {advice.format(name=name)}")


class SecretFiles(PydanticBaseSettingsSource):
    """Reads the files that the environment and the settings file name.

    The environment goes before the settings file here too: ``NAME`` in the environment wins over ``NAME_FILE`` there.
    """

    def __init__(self, settings_cls: type[BaseSettings], *places: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        self._places = [one.env_vars for one in places if isinstance(one, EnvSettingsSource)]

    @override
    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        name = field_name.upper()
        if name in SECRETS:
            for settings in self._places:
                if (value := chosen(name, settings)) is not None:
                    return value, field_name, False
                if settings.get(field_name):
                    break
        return None, field_name, False

    @override
    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}
