"""The locked requirements: every pip that we support installs them, because nothing in them asks for an unpinned extra.

pip before 24.0 looks up the newest release of a requirement with an extra (``coverage[toml]``) before it meets the pin
without one (``coverage==…``), and then refuses that release because it has no hash.
"""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.shell import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PINNED = re.compile(r"^[A-Za-z0-9][^\s\\;#]*==[^\s\\]+", re.MULTILINE)
LOCKS = ("requirements.txt", "requirements-otel.txt", "requirements-dev.txt", "requirements-uv.txt")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
ASKED_FOR: dict[str, list[str]] = {
    "requirements.txt": [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["build"]],
    "requirements-otel.txt": PROJECT["project"]["optional-dependencies"]["otel"],
    "requirements-dev.txt": [one for one in PROJECT["dependency-groups"]["dev"] if isinstance(one, str)],
    "requirements-uv.txt": PROJECT["dependency-groups"]["uv"],
}


def locked(lock: str) -> dict[str, set[str]]:
    """Return the extras of each distribution that a lock pins."""
    pins = [Requirement(pin) for pin in PINNED.findall((ROOT / lock).read_text())]
    return {canonicalize_name(pin.name): pin.extras for pin in pins}


def required(name: str, extras: Iterable[str]) -> Iterator[Requirement]:
    """Yield what an installed distribution requires on this machine if it is installed with these extras."""
    for text in metadata.requires(name) or ():
        requirement = Requirement(text)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": one}) for one in ("", *extras)):
            yield requirement


def lacking(lock: str, pins: dict[str, set[str]]) -> list[str]:
    """Return the requirements whose extras a lock leaves out, with who asks for them."""
    wanted = [("pyproject.toml", Requirement(text)) for text in ASKED_FOR[lock]]
    for name, extras in pins.items():
        try:
            wanted += [(name, requirement) for requirement in required(name, extras)]
        except metadata.PackageNotFoundError:
            continue  # for another platform
    return [
        f"{who} asks for {requirement.name}[{','.join(sorted(requirement.extras))}]"
        for who, requirement in wanted
        if canonicalize_name(requirement.name) in pins
        and not requirement.extras <= pins[canonicalize_name(requirement.name)]
    ]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_extra_that_is_asked_for_is_pinned_with_that_extra(lock: str) -> None:
    pins = locked(lock)

    assert pins
    assert lacking(lock, pins) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_what_the_project_asks_for_is_pinned(lock: str) -> None:
    assert {canonicalize_name(Requirement(text).name) for text in ASKED_FOR[lock]} <= set(locked(lock))


@pytest.mark.parametrize(("lock", "extra"), [("requirements-dev.txt", "coverage"), ("requirements.txt", "sqlalchemy")])
def test_a_pin_without_its_extra_is_noticed(lock: str, extra: str) -> None:
    pins = locked(lock)
    assert pins[extra]

    assert any(f"{extra}[" in found.lower() for found in lacking(lock, pins | {extra: set()}))


def test_every_pin_has_hashes_and_no_address() -> None:
    for lock in LOCKS:
        text = (ROOT / lock).read_text()
        assert "://" not in text
        for pin in re.split(r"\n(?=[A-Za-z0-9])", text):
            if PINNED.match(pin):
                assert "--hash=sha256:" in pin, pin.splitlines()[0]
