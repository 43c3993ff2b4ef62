"""What to do if the connection to PostgreSQL fails because of TLS, by the words of libpq (fe-secure-openssl.c)."""

from __future__ import annotations

AUTHORITY = (
    "Set sslrootcert in DATABASE_URL to the file with the certificate of the authority that signed the server's, or to "
    "system for the authorities that this machine trusts"
)
ADVICE = {
    "does not match host name": "Put a host name into DATABASE_URL that the server's certificate names, or give the "
    "server a certificate for this name",
    "certificate verify failed": f"{AUTHORITY}. If it is that one, see whether the server's certificate has expired",
    "root certificate file": AUTHORITY,
    "does not support SSL": "Turn on TLS in the server (ssl = on). Without it, anyone on the network can read and "
    "change what the bot stores",
    "invalid sslmode value": "Use sslmode=verify-full, which checks the server's certificate and name",
}


def tls_advice(cause: str) -> str:
    """Return what to do about a failed connection; empty if TLS is not the reason."""
    return next((advice for words, advice in ADVICE.items() if words in cause), "")
