"""The form of DATABASE_URL, and the message about a wrong one, which never quotes a password."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

SPECIAL = (
    "write special characters of a password as %XX "
    "(@ is %40, : is %3A, / is %2F, # is %23, ? is %3F, [ is %5B, ] is %5D, % is %25)"
)


def checked_database_url(value: str) -> str:
    """Return the address with the driver that the bot uses. Raise ValueError, which never quotes it."""
    scheme, slashes, rest = value.partition("://")
    if slashes and scheme in {"postgresql", "postgres", "postgresql+psycopg"}:  # as hosting services write it, too
        _check_password(value, rest)
        return f"postgresql+psycopg://{rest}"
    if not value.startswith("sqlite+aiosqlite:///"):
        raise ValueError(
            "must start with sqlite+aiosqlite:/// (then the file) or postgresql+psycopg:// (then "
            "USER:PASSWORD@HOST/DATABASE)"
        )
    return value


def _check_password(value: str, rest: str) -> None:
    """Raise ValueError if special characters in a password break the address.

    The driver would take the password's end for the host, and say it.
    """
    try:
        found = urlsplit(value)
    except ValueError:  # whose own words quote the password
        raise ValueError(f"not a valid URL; {SPECIAL}") from None
    try:
        _ = found.port
    except ValueError:
        raise ValueError(f"the port is not a number; {SPECIAL}") from None
    if found.netloc.count("@") > 1:
        raise ValueError(f"there is more than one @ before the host; {SPECIAL}")
    if ":" in found.netloc and "@" not in found.netloc and "@" in rest.partition("=")[0]:
        raise ValueError(f"the user and password must come before the @; {SPECIAL}")
    if re.search(r"%(?![0-9A-Fa-f]{2})", found.netloc.rpartition("@")[0]):
        raise ValueError(f"a % must be followed by two hexadecimal digits; {SPECIAL}")
