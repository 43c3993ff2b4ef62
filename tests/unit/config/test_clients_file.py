"""The file of several OAuth clients: what it may say, one sentence for each thing wrong, and no secret in any."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from bot.config.clients_file import load_clients, oauth_clients
from bot.config.settings import GenesysSettings, load
from bot.errors import SettingsError
from bot.observability.logging import REDACTED, redacted
from tests.support.shell import BOT_SETTINGS

if TYPE_CHECKING:
    from pathlib import Path

SECRET, OTHER_SECRET = "north-client-secret", "south-client-secret"
NORTH = f'[[client]]\nid = "north-client-id"\nsecret = "{SECRET}"\n'
SOUTH = f'[[client]]\nid = "south-client-id"\nsecret = "{OTHER_SECRET}"\n'
DIVISION = "0E1F6C52-7A52-4D0F-8A8A-6F2D5A2C9B11"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "clients.toml"


def sentences(file: Path, text: str | bytes) -> list[str]:
    """Return what is wrong with a file, without its name; no secret is in it."""
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(SettingsError) as wrong:
        load_clients(file)
    assert SECRET not in str(wrong.value)
    assert OTHER_SECRET not in str(wrong.value)
    return [one.replace(f"{file} (PURECLOUD_CLIENTS), ", "") for one in wrong.value.sentences]


def test_a_file_of_two_clients(file: Path) -> None:
    (file.parent / "south.secret").write_text(f"{OTHER_SECRET}\n")
    file.write_text(
        f'{NORTH}label = "north"\ndivisions = ["{DIVISION}"]\n'
        '[[client]]\nid = "south-client-id"\nsecret_file = "south.secret"\n'
    )
    north, south = load_clients(file)

    assert (north.label, north.id, north.secret) == ("north", "north-client-id", SECRET)
    assert north.divisions == {DIVISION.lower()}
    assert (south.label, south.id, south.secret) == ("south-cl", "south-client-id", OTHER_SECRET)
    assert south.divisions == frozenset()
    assert SECRET not in repr(north)


def test_secrets_are_removed_from_the_log_by_value(file: Path) -> None:
    file.write_text(NORTH.replace(SECRET, "a-secret-of-this-test"))
    load_clients(file)

    assert redacted("Genesys said a-secret-of-this-test") == f"Genesys said {REDACTED}"


def test_labels_tell_clients_apart(file: Path) -> None:
    file.write_text(NORTH.replace("north-client-id", "12345678-a") + SOUTH.replace("south-client-id", "12345678-b"))

    assert [one.label for one in load_clients(file)] == ["12345678-a", "12345678-b"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f'[[client]]\nsecret = "{SECRET}"\n',
            "[[client]] 1: id is missing. Copy it from the OAuth client in Genesys Cloud.",
        ),
        (
            '[[client]]\nid = "north"\n',
            "[[client]] 1: secret is missing. Set secret, or secret_file to the name of a file that holds it.",
        ),
        (f"{NORTH}{NORTH}", "[[client]] 1 and 2 have the same id; give each client its own."),
        (
            f'{NORTH}label = "one"\n{SOUTH}label = "one"\n',
            "[[client]] 1 and 2 have the same label; give each client its own.",
        ),
        (f'{NORTH}secret_file = "x"\n', "[[client]] 1: secret and secret_file are both set; remove one of them."),
        (
            f'{NORTH}division = ["a"]\n',
            "[[client]] 1: unknown key 'division'. Allowed: id, secret, secret_file, label, divisions.",
        ),
        (
            f'{NORTH}"{OTHER_SECRET}" = 1\n',
            "[[client]] 1: there is an unknown key. Allowed: id, secret, secret_file, label, divisions.",
        ),
        (
            f"{NORTH}divisions = []\n",
            '[[client]] 1: divisions must be a list of Genesys ids, such as divisions = ["<division id>"].',
        ),
        (
            f'{NORTH}divisions = "{DIVISION}"\n',
            '[[client]] 1: divisions must be a list of Genesys ids, such as divisions = ["<division id>"].',
        ),
        (
            f'{NORTH}label = "the north"\n',
            "[[client]] 1: label must be a short name of letters, digits, dots, and dashes, such as north.",
        ),
        (
            f'[[client]]\nid = 5\nsecret = "{SECRET}"\n',
            "[[client]] 1: id must be text in quotation marks.",
        ),
        (
            f'[[client]]\nid = "north"\nsecret = "{SECRET} "\n',
            "[[client]] 1: secret is empty or contains a space, line break or special character; copy it again.",
        ),
        (
            '[[client]]\nid = "north"\nsecret_file = "nowhere"\n',
            "[[client]] 1: can't read its secret_file: No such file or directory.",
        ),
        ('[[client]]\nid = "north"\nsecret_file = 7\n', "[[client]] 1: secret_file must be the name of a file."),
    ],
)
def test_each_thing_wrong_is_a_sentence(file: Path, text: str, expected: str) -> None:
    assert sentences(file, text) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", " names no client. Write each as [[client]], in double brackets."),
        (
            f'[client]\nid = "x"\nsecret = "{SECRET}"\n',
            " names no client. Write each as [[client]], in double brackets.",
        ),
        (f'{NORTH}[[clients]]\nid = "x"\n', ": unknown key 'clients'. Allowed: [[client]]."),
        (f'[[client]]\nid = "x"\nsecret = \'{SECRET}\n', " is not TOML."),
        (f'[[client]]\nid = "x"\nid = "{SECRET}"\n', " is not TOML. Check line 3."),
        (NORTH.encode("utf-16"), " is not UTF-8."),
    ],
)
def test_a_file_that_can_not_be_read_as_clients(file: Path, text: str | bytes, expected: str) -> None:
    (sentence,) = sentences(file, text)

    assert sentence.partition("(PURECLOUD_CLIENTS)")[2] == expected


def test_several_things_wrong_are_several_sentences(file: Path) -> None:
    assert len(sentences(file, '[[client]]\nfoo = 1\n[[client]]\nid = "x"\n')) == 4


def test_a_file_that_does_not_exist_or_may_not_be_read(file: Path) -> None:
    with pytest.raises(SettingsError, match=r"clients\.toml \(PURECLOUD_CLIENTS\) doesn't exist\."):
        load_clients(file)
    with pytest.raises(SettingsError, match=r"Can't read the file .* \(PURECLOUD_CLIENTS\): Is a directory\."):
        load_clients(file.parent)


# The settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in os.environ:
        if name.upper().startswith(BOT_SETTINGS):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def test_the_settings_name_one_client_or_a_file(settings: pytest.MonkeyPatch, file: Path) -> None:
    settings.setenv("PURECLOUD_CLIENT_ID", "only")
    settings.setenv("PURECLOUD_CLIENT_SECRET", SECRET)
    (only,) = oauth_clients(load(GenesysSettings))
    settings.delenv("PURECLOUD_CLIENT_ID")
    settings.delenv("PURECLOUD_CLIENT_SECRET")
    settings.setenv("PURECLOUD_CLIENTS", str(file))
    file.write_text(NORTH + SOUTH)

    assert (only.id, only.secret, only.label) == ("only", SECRET, "")
    assert [one.id for one in oauth_clients(load(GenesysSettings))] == ["north-client-id", "south-client-id"]


def test_not_both_and_not_neither(settings: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError) as neither:
        load(GenesysSettings)
    settings.setenv("PURECLOUD_CLIENTS", "clients.toml")
    settings.setenv("PURECLOUD_CLIENT_ID", "only")
    settings.setenv("PURECLOUD_CLIENT_SECRET", SECRET)
    with pytest.raises(SettingsError) as both:
        load(GenesysSettings)

    copy = "Copy it from the OAuth client in Genesys Cloud."
    assert neither.value.sentences == (
        f"PURECLOUD_CLIENT_ID is missing. {copy}",
        f"PURECLOUD_CLIENT_SECRET is missing. {copy}",
    )
    assert both.value.sentences == tuple(
        f"{name} and PURECLOUD_CLIENTS are both set; remove one of them."
        for name in ("PURECLOUD_CLIENT_ID", "PURECLOUD_CLIENT_SECRET")
    )


def test_a_gateways_sessions_have_one_client(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("PURECLOUD_CLIENTS", "clients.toml")
    settings.setenv("GENESYS_RECORDING_API", "sessions")

    with pytest.raises(SettingsError, match="must be conversations if PURECLOUD_CLIENTS is set"):
        oauth_clients(load(GenesysSettings))
