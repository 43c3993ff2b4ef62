"""The file of several OAuth clients that ``PURECLOUD_CLIENTS`` names. No message quotes a value of it.

::

    [[client]]
    id = "<client id>"
    secret_file = "north.secret"       # beside this file; or secret = "<client secret>"
    label = "north"                    # in the log, metrics, and check; without it the first characters of the id
    divisions = ["<division id>"]      # Genesys ids; without them, every call that the client's role covers
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.config.tokens import checked_word
from bot.errors import SettingsError
from bot.observability.logging import keep_secret

if TYPE_CHECKING:
    from bot.config.settings import GenesysSettings

KEYS = ("id", "secret", "secret_file", "label", "divisions")
SHORTEST_LABEL = 8
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,29}")
NAME = re.compile(r"[a-z_]{1,20}")
"""An unknown key is quoted only if it looks like one: it may be a secret that lost its name."""


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """One OAuth client. Without divisions, it controls each call that its role covers."""

    id: str
    secret: str = field(repr=False)
    label: str = ""
    """Names it in the log and in metrics; empty for the only one."""
    divisions: frozenset[str] = frozenset()


def oauth_clients(settings: GenesysSettings) -> tuple[OAuthClient, ...]:
    """Return the clients that the settings name: one, or those of a file. Raise SettingsError."""
    if settings.purecloud_clients is not None:
        if settings.genesys_recording_api == "sessions":
            raise SettingsError(("GENESYS_RECORDING_API must be conversations if PURECLOUD_CLIENTS is set.",))
        return load_clients(Path(settings.purecloud_clients))
    client_id, secret = settings.purecloud_client_id, settings.purecloud_client_secret
    if client_id is None or secret is None:
        raise SettingsError(("Set PURECLOUD_CLIENT_ID and PURECLOUD_CLIENT_SECRET, or PURECLOUD_CLIENTS.",))
    keep_secret(secret.get_secret_value())  # an answer, or a proxy's, may quote what was sent
    return (OAuthClient(client_id, secret.get_secret_value()),)


def load_clients(path: Path) -> tuple[OAuthClient, ...]:
    """Read the file, and the files of secrets that it names. Raise SettingsError, a sentence for each thing wrong."""
    tables = _tables(path)
    problems: list[str] = []
    clients = [_client(path, number, table, problems) for number, table in enumerate(tables, start=1)]
    for key in ("id", "label"):
        named = Counter(str(table[key]) for table in tables if isinstance(table.get(key), str))
        for value, count in named.items():
            if count > 1:
                where = " and ".join(str(n) for n, table in enumerate(tables, start=1) if table.get(key) == value)
                problems.append(f"[[client]] {where} have the same {key}; give each client its own")
    if problems:
        raise SettingsError(tuple(f"{path} (PURECLOUD_CLIENTS), {problem}." for problem in problems))
    return _labeled([client for client in clients if client is not None])


def _tables(path: Path) -> list[dict[str, Any]]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError((f"The file {path} (PURECLOUD_CLIENTS) doesn't exist.",)) from None
    except UnicodeDecodeError:
        raise SettingsError((f"The file {path} (PURECLOUD_CLIENTS) is not UTF-8.",)) from None
    except OSError as error:
        raise SettingsError((f"Can't read the file {path} (PURECLOUD_CLIENTS): {error.strerror}.",)) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        where = re.search(r"line \d+", str(error))  # the rest of the message may quote a value
        at = f" Check {where[0]}." if where else ""
        raise SettingsError((f"The file {path} (PURECLOUD_CLIENTS) is not TOML.{at}",)) from None
    others = [key for key in found if key != "client"]
    if others:
        raise SettingsError((f"{path} (PURECLOUD_CLIENTS): {_unknown(others[0])}. Allowed: [[client]].",))
    tables = found.get("client")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        sentence = f"{path} (PURECLOUD_CLIENTS) names no client. Write each as [[client]], in double brackets."
        raise SettingsError((sentence,))
    return tables


def _client(path: Path, number: int, table: dict[str, Any], problems: list[str]) -> OAuthClient | None:
    """Read one table; add what is wrong with it to the problems."""
    before, where = len(problems), f"[[client]] {number}"
    problems += [f"{where}: {_unknown(key)}. Allowed: {', '.join(KEYS)}" for key in table if key not in KEYS]
    client_id = table.get("id")
    if client_id is None:
        problems.append(f"{where}: id is missing. Copy it from the OAuth client in Genesys Cloud")
    elif problem := _wrong_word(client_id):
        problems.append(f"{where}: id {problem}")
    secret = _secret(path, where, table, problems)
    label = table.get("label", "")
    if "label" in table and not (isinstance(label, str) and LABEL.fullmatch(label)):
        problems.append(f"{where}: label must be a short name of letters, digits, dots, and dashes, such as north")
    divisions = table.get("divisions", [])
    listed = isinstance(divisions, list) and all(isinstance(one, str) and not _wrong_word(one) for one in divisions)
    if "divisions" in table and not (listed and divisions):
        problems.append(f'{where}: divisions must be a list of Genesys ids, such as divisions = ["<division id>"]')
    if len(problems) > before or not isinstance(client_id, str) or secret is None:
        return None
    return OAuthClient(client_id, secret, label, frozenset(one.lower() for one in divisions))


def _secret(path: Path, where: str, table: dict[str, Any], problems: list[str]) -> str | None:
    """Return the secret, which no log will show from now on; None if there is no good one."""
    if ("secret" in table) == ("secret_file" in table):
        what = (
            "secret and secret_file are both set; remove one of them"
            if "secret" in table
            else ("secret is missing. Set secret, or secret_file to the name of a file that holds it")
        )
        problems.append(f"{where}: {what}")
        return None
    secret, name = table.get("secret"), "secret"
    if "secret_file" in table:
        name, file = "the secret in secret_file", table["secret_file"]
        if not isinstance(file, str) or not file:
            problems.append(f"{where}: secret_file must be the name of a file")
            return None
        try:
            secret = (path.parent / file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            problems.append(f"{where}: can't read its secret_file: {why}")
            return None
    if problem := _wrong_word(secret):
        problems.append(f"{where}: {name} {problem}")
        return None
    keep_secret(str(secret))
    return str(secret)


def _wrong_word(value: object) -> str:
    """Say what is wrong with an id or a secret, without quoting it; empty if nothing is."""
    if not isinstance(value, str):
        return "must be text in quotation marks"
    try:
        checked_word(value)
    except ValueError as error:
        return str(error)
    return ""


def _unknown(key: str) -> str:
    return f"unknown key {key!r}" if NAME.fullmatch(key) else "there is an unknown key"


def _labeled(clients: list[OAuthClient]) -> tuple[OAuthClient, ...]:
    """Give each client without a label the first characters of its id, as many as tell them apart."""
    ids = [client.id for client in clients]
    taken = {client.label for client in clients}
    length = SHORTEST_LABEL
    while length < max(map(len, ids)) and len({one[:length] for one in ids} - taken) < len(ids):
        length += 1
    return tuple(
        client if client.label else OAuthClient(client.id, client.secret, client.id[:length], client.divisions)
        for client in clients
    )
