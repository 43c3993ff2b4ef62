"""Settings, from the environment or ``.env``: frozen, secret where needed, with one sentence for each wrong one.

Secrets can be in files of their own, see ``secret_files.py``.

A command that needs only part of them (the database, Genesys) asks for that part only.
"""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from typing_extensions import override

from bot.config.database_url import checked_database_url
from bot.config.env_file import misread, unreadable
from bot.config.regions import AWS_REGIONS, REGIONS
from bot.config.secret_files import SecretFiles, Unusable
from bot.config.tokens import checked_signing_secret, checked_token, checked_word
from bot.errors import SettingsError
from bot.observability.logging import REDACTED
from bot.recording.handover import FollowTransfers
from bot.recording.keeping.keep_mode import KeepMode
from bot.recording.time_limits.lengths import LEAST, MOST, parsed_length

if TYPE_CHECKING:
    from collections.abc import Callable

SLACK_API = "https://slack.com/api/"
MISSING = {
    "SLACK_BOT_TOKEN": "Copy the bot token (xoxb-…) from OAuth & Permissions in your Slack app",
    "SLACK_AUDIT_CHANNEL": "Use the channel id (C…), at the bottom of the channel's details in Slack",
    "SLACK_SUPERVISORS": "List the ids of supervisors or user groups, separated by commas",
    "PURECLOUD_CLIENT_ID": "Copy it from the OAuth client in Genesys Cloud",
    "PURECLOUD_CLIENT_SECRET": "Copy it from the OAuth client in Genesys Cloud",
}
ENV_FILE = ".env"
REASONS, REASON_CODE, REASON_LABEL = 100, 150, 75
"""What a menu of Slack's takes: options, and characters of an option's value and text."""
REASON_QUOTED = 40


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _ids(value: tuple[str, ...]) -> tuple[str, ...]:
    for one in value:
        if not re.fullmatch(r"[UWS][A-Z0-9]{2,}", one):
            raise ValueError(f"{one!r} is not a Slack user id (U…, W…) or user group id (S…)")
    return value


def _quoted(text: str) -> str:
    return repr(text if len(text) <= REASON_QUOTED else f"{text[: REASON_QUOTED - 1]}…")


def _reasons(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    reasons: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in value.split(";"))):
        code, equals, label = (part.strip() for part in pair.partition("="))
        if not (code and equals and label):
            raise ValueError(f"{pair!r} is not a code=Label pair: write for example qa=Quality check;dispute=Dispute")
        if code in reasons:
            raise ValueError(f"the code {_quoted(code)} is there twice; give each reason its own code")
        for what, text, limit in (("code", code, REASON_CODE), ("label", label, REASON_LABEL)):
            if len(text) > limit:
                raise ValueError(
                    f"the {what} {_quoted(text)} has {len(text)} characters; Slack's menus take at "
                    f"most {limit}. Shorten it"
                )
        reasons[code] = label
    if len(reasons) > REASONS:
        raise ValueError(
            f"it names {len(reasons)} reasons; Slack's menus take at most {REASONS}. Remove {len(reasons) - REASONS}"
        )
    return reasons


def _http_url(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+.*", value):
        raise ValueError("must start with https:// (http:// is for simulators)")
    return value


def _secret(check: Callable[[str], str]) -> AfterValidator:
    return AfterValidator(lambda value: SecretStr(check(value.get_secret_value())))


def _token(beginning: str) -> AfterValidator:
    return _secret(partial(checked_token, beginning=beginning))


def _channel(value: str) -> str:
    if not re.fullmatch(r"[CG][A-Z0-9]{2,}", value):
        raise ValueError(
            f"{value!r} is a name; use the channel id, which starts with C"
            if value[:1] in "#@" or value != value.upper()
            else f"{value!r} is not a channel id, which starts with C"
        )
    return value


Ids = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_ids)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
_unset: Any = partial(Field, default=None, validate_default=True)
"""None, unless other settings say that it must be set."""


class _Part(BaseSettings):
    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        files = SecretFiles(settings_cls, env_settings, dotenv_settings)
        return init_settings, files, env_settings, dotenv_settings

    @field_validator("*", mode="before")
    @classmethod
    def _as_meant(cls, value: Any) -> Any:
        """Strip blanks and line ends around a value: secret files have them, and no setting needs them."""
        if isinstance(value, Unusable):
            raise value
        if not isinstance(value, str):
            return value
        value = value.strip()
        if re.fullmatch(r"""(["'])(?s:.)*\1""", value):
            raise ValueError("remove the quotation marks")
        return value


def _period(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(?P<count>[1-9]\d{0,4})(?P<unit>[dhm])", value.strip())
    if found is None:
        raise ValueError("use a number with d, h or m, such as 365d, 12h or 30m")
    return timedelta(**{{"d": "days", "h": "hours", "m": "minutes"}[found["unit"]]: int(found["count"])})


Period = Annotated[timedelta, BeforeValidator(_period)]


def _delay(value: Any) -> Any:
    if isinstance(value, str) and value.strip() == "0":
        return None
    try:
        return _period(value)
    except ValueError:
        raise ValueError("use a number with d, h or m, such as 1d, 2h or 30m, or 0 for never") from None


Delay = Annotated[timedelta | None, BeforeValidator(_delay)]


def _at_most(value: Any, most: timedelta) -> Any:
    length = parsed_length(value) if isinstance(value, str) else value
    if length is None or not LEAST <= length <= most:
        hours = round(most / timedelta(hours=1))
        raise ValueError(f"use a number with s, m or h, from 10s to {hours}h, such as 90s or 5m; empty for no limit")
    return length


class DatabaseSettings(_Part):
    database_url: Annotated[str, AfterValidator(checked_database_url)] = Field(
        default="sqlite+aiosqlite:///record-bot.db",
        repr=False,  # it may contain a password
    )


class RetentionSettings(DatabaseSettings):
    retention_texts: Period | None = None
    retention_names: Period | None = None


class LogSettings(_Part):
    log_format: Literal["text", "json"] | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class TracingSettings(_Part):
    otel_exporter_otlp_endpoint: HttpUrl | None = None


class GenesysSettings(_Part):
    purecloud_clients: str | None = None
    purecloud_client_id: Annotated[str, AfterValidator(checked_word)] | None = _unset()
    purecloud_client_secret: Annotated[SecretStr, _secret(checked_word)] | None = _unset()
    purecloud_environment: str = "mypurecloud.com"
    genesys_api_url: HttpUrl | None = Field(default=None, validate_default=True)
    genesys_recording_api: Literal["conversations", "sessions"] = "conversations"
    genesys_requests_per_minute: int = Field(default=300, ge=30)
    genesys_interaction_url: str = (
        "https://apps.{region}/directory/#/analytics/interactions/{conversation_id}/admin/details"
    )

    @field_validator("purecloud_client_id", "purecloud_client_secret")
    @classmethod
    def _one_client_or_a_file(cls, value: Any, info: ValidationInfo) -> Any:
        name, file = str(info.field_name).upper(), info.data.get("purecloud_clients")
        if (value is None) == (file is None):
            both = f"{name} and PURECLOUD_CLIENTS are both set; remove one of them"
            raise ValueError(both if file else f"{name} is missing. {MISSING[name]}")
        return value

    @field_validator("genesys_api_url")
    @classmethod
    def _known_region(cls, value: str | None, info: ValidationInfo) -> str | None:
        region = info.data.get("purecloud_environment")
        if value is None and region is not None and region not in REGIONS:
            aws = f" It is an AWS name; for it use {AWS_REGIONS[region]}." if region in AWS_REGIONS else ""
            raise ValueError(
                f"PURECLOUD_ENVIRONMENT: {region!r} is not a Genesys Cloud region.{aws} Regions: {', '.join(REGIONS)}"
            )
        return value


class RecordingSettings(_Part):
    recording_keep: KeepMode = KeepMode.ASK
    recording_reasons: Annotated[dict[str, str], NoDecode, BeforeValidator(_reasons)] = Field(default_factory=dict)
    recording_next_within: Period = timedelta(hours=8)
    recording_reason_required: bool = False
    recording_policy_file: str = "policy.toml"
    recording_actions_per_minute: int = Field(default=30, ge=0, le=1000)
    recording_pause_at_most: Annotated[timedelta, BeforeValidator(partial(_at_most, most=MOST))] | None = None
    recording_at_most: Annotated[timedelta, BeforeValidator(partial(_at_most, most=timedelta(days=1)))] | None = None


class SlackSettings(_Part):
    slack_bot_token: Annotated[SecretStr, _token("xoxb-")]
    slack_app_token: Annotated[SecretStr, _token("xapp-")] | None = None
    slack_signing_secret: Annotated[SecretStr, _secret(checked_signing_secret)] | None = Field(
        default=None, validate_default=True
    )
    slack_api_url: HttpUrl = SLACK_API
    slack_sockets: int = Field(default=2, ge=1, le=4)
    slack_audit_channel: Annotated[str, AfterValidator(_channel)]
    audit_channel_names: bool = True
    slack_supervisors: Ids
    slack_compliance: Ids = ()
    slack_listeners: Ids = ()
    recording_remind_after: Delay = timedelta(minutes=30)
    recording_pause_remind_after: Delay = timedelta(minutes=3)
    recording_follow_transfers: FollowTransfers = FollowTransfers.ASK

    @field_validator("slack_signing_secret")
    @classmethod
    def _some_transport(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is None and info.data.get("slack_app_token", ...) is None:
            raise ValueError("Set SLACK_APP_TOKEN (xapp-…, for Socket Mode) or SLACK_SIGNING_SECRET (for HTTP)")
        return value

    @field_validator("slack_supervisors")
    @classmethod
    def _somebody(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError(f"SLACK_SUPERVISORS is empty. {MISSING['SLACK_SUPERVISORS']}")
        return value

    @field_validator("slack_api_url")
    @classmethod
    def _api_address(cls, value: str) -> str:
        if not value.endswith("/api/"):
            raise ValueError("must end in /api/")
        return value


def _time_of_day(value: str) -> str:
    if value.lower() == "off":
        return "off"
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        raise ValueError("must be a time of day such as 08:00, or off")
    return value


def _zone(value: str) -> str:
    try:
        return ZoneInfo(value).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value!r} is not a time zone; use a name such as Europe/Berlin or UTC") from None


class DigestSettings(_Part):
    audit_digest_at: Annotated[str, AfterValidator(_time_of_day)] = "08:00"
    audit_digest_zone: Annotated[str, AfterValidator(_zone)] = "UTC"


class HttpSettings(_Part):
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=3000, ge=0, le=65535)


class ControlSettings(DatabaseSettings, GenesysSettings, RecordingSettings, LogSettings, TracingSettings):
    """The settings for recording control from a terminal."""

    @property
    def keeps_recordings(self) -> bool:
        """Whether people can have recordings kept: the sessions API has no files of calls."""
        return self.recording_keep is not KeepMode.NEVER and self.genesys_recording_api != "sessions"


class ServeSettings(ControlSettings, SlackSettings, DigestSettings, RetentionSettings, HttpSettings):
    """All settings, for ``serve`` and ``check``."""


AnySettings = TypeVar("AnySettings", bound=_Part)


def load(part: type[AnySettings]) -> AnySettings:
    """Read settings. Raise SettingsError with one sentence for each that is wrong or missing."""
    file = Path(ENV_FILE)
    logging.getLogger("dotenv.main").setLevel(logging.ERROR)  # ``misread`` says it better
    try:
        return part()
    except ValidationError as error:
        wrong = tuple(_sentence(one) for one in error.errors(include_input=False))
        raise SettingsError((*misread(file), *wrong)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError((unreadable(file, error),)) from None


def database_at(url: str) -> DatabaseSettings:
    """Return the settings for another database than the environment's. Raise SettingsError."""
    try:
        return DatabaseSettings(database_url=url)
    except ValidationError as error:
        raise SettingsError(tuple(_sentence(one) for one in error.errors(include_input=False))) from None


def problem_with(name: str, value: str) -> str:
    """Say what is wrong with one setting's value; empty if nothing is. Other settings don't matter."""
    try:
        ServeSettings(**{name.lower(): value})  # type: ignore[arg-type]
    except ValidationError as error:
        about = {name.lower()} | ({"genesys_api_url"} if name == "PURECLOUD_ENVIRONMENT" else set())
        for one in error.errors(include_input=False):
            if one["loc"][0] in about:
                return _sentence(one)
    return ""


def database_url() -> str:
    return load(DatabaseSettings).database_url


WANTED = {
    "int_parsing": "must be a whole number",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "bool_parsing": "must be true or false",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
}
"""Our words for pydantic's, by the type of its error."""


OWN_WORDS = ("Set SLACK_", "SLACK_", "PURECLOUD_", "DATABASE_URL_FILE ", "DATABASE_URL and ")
"""How a message begins that names its setting, or several, itself."""


PASTED = re.compile(r"xox[a-z]-[\w-]+|xapp-[\w-]+|\b[0-9a-f]{32}\b|[\w-]{40,}")
"""Slack's tokens, its signing secret, and Genesys's secret, as they look in a setting where they don't belong."""


def _sentence(error: Any) -> str:
    """Return the sentence about a wrong setting, without what looks like a secret that was put there by mistake."""
    return PASTED.sub(REDACTED, _about(error))


def _about(error: Any) -> str:
    message = str(error["msg"]).removeprefix("Value error, ")
    if wanted := WANTED.get(error["type"]):
        message = wanted.format(**error.get("ctx", {}))
    name = str(error["loc"][0]).upper()
    if error["type"] == "missing":
        return f"{name} is missing. {MISSING[name]}."
    if message.startswith(OWN_WORDS):
        return f"{message}."
    message = message[:1].lower() + message[1:]
    return f"{name} {message}." if message.startswith(("must ", "is ")) else f"{name} is wrong: {message}."
