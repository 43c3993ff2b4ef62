"""The login name of the person at the terminal."""

from __future__ import annotations

import os
import pwd


def login_name() -> str:
    """Return the login name of this process's account; the environment's could be forged."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())  # an account without a name, as in some containers
