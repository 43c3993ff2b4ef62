"""Merkle trees over the hashes of entries, so that one entry can be proven without the others being shown.

As in RFC 6962, section 2.1 (Certificate Transparency): a leaf is ``SHA-256(0x00 ‖ data)``, a node
``SHA-256(0x01 ‖ left ‖ right)``. The data of a leaf is an entry's hash, as its 32 bytes. Hashes come and go as hex.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LEAF, NODE = b"\x00", b"\x01"


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree with all its levels: the leaves first, the root last. 100,000 leaves take about 13 MB."""

    levels: tuple[tuple[bytes, ...], ...]

    @classmethod
    def of(cls, hashes: Iterable[str]) -> Self:
        """Build the tree over some hashes. Raise ValueError if there are none."""
        level = tuple(_leaf(one) for one in hashes)
        if not level:
            raise ValueError("a tree needs an entry")
        levels = [level]
        while len(level) > 1:
            # A last one without a partner moves up as it is: the RFC splits at the largest power of two, which is the
            # same tree.
            pairs = tuple(_node(left, right) for left, right in zip(level[::2], level[1::2], strict=False))
            level = pairs + (level[-1:] if len(level) % 2 else ())
            levels.append(level)
        return cls(tuple(levels))

    @property
    def root(self) -> str:
        return self.levels[-1][0].hex()

    def path(self, index: int) -> tuple[str, ...]:
        """Return the inclusion proof of a leaf (RFC 6962, section 2.1.1): its neighbors on the way to the root."""
        if not 0 <= index < len(self.levels[0]):
            raise IndexError(index)
        found = []
        for level in self.levels[:-1]:
            neighbor = index ^ 1
            if neighbor < len(level):
                found.append(level[neighbor].hex())
            index //= 2
        return tuple(found)


def root_of(entry_hash: str, index: int, size: int, path: Sequence[str]) -> str | None:
    """Return the root that an inclusion proof leads to; None if it can't be one of a tree of this size.

    The algorithm is that of RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < size:
        return None
    try:
        digest, neighbors = _leaf(entry_hash), [_digest(one) for one in path]
    except ValueError:
        return None
    last = size - 1
    for neighbor in neighbors:
        if last == 0:
            return None
        if index % 2 or index == last:
            digest = _node(neighbor, digest)
            while index % 2 == 0 and index:
                index, last = index // 2, last // 2
        else:
            digest = _node(digest, neighbor)
        index, last = index // 2, last // 2
    return digest.hex() if last == 0 else None


def _leaf(entry_hash: str) -> bytes:
    return hashlib.sha256(LEAF + _digest(entry_hash)).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(NODE + left + right).digest()


def _digest(text: str) -> bytes:
    """Read a hash; only lower-case digits, so that a proof has one form. Raise ValueError."""
    digest = bytes.fromhex(text)
    if digest.hex() != text or len(digest) != hashlib.sha256().digest_size:
        raise ValueError("not a SHA-256 in lower-case hexadecimal")
    return digest
