"""Merkle trees: the definition of RFC 6962, and every proof of every small tree."""

from __future__ import annotations

import hashlib

import pytest

from bot.audit.evidence.merkle import Tree, root_of

SIZES = [*range(1, 34), 63, 64, 65, 100]


def hashes(number: int) -> list[str]:
    return [hashlib.sha256(str(one).encode()).hexdigest() for one in range(number)]


def recursive(leaves: list[bytes]) -> bytes:
    """The definition of RFC 6962, section 2.1, word for word."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + recursive(leaves[:split]) + recursive(leaves[split:])).digest()


@pytest.mark.parametrize("size", SIZES)
def test_the_root_is_that_of_the_rfc(size: int) -> None:
    known = hashes(size)

    assert Tree.of(known).root == recursive([bytes.fromhex(one) for one in known]).hex()


@pytest.mark.parametrize("size", SIZES)
def test_each_proof_leads_to_the_root_and_no_other_does(size: int) -> None:
    known = hashes(size)
    tree = Tree.of(known)
    for index, digest in enumerate(known):
        path = tree.path(index)
        assert root_of(digest, index, size, path) == tree.root
        assert root_of(hashes(size + 1)[size], index, size, path) != tree.root
        assert root_of(digest, index, size, [*path, tree.root]) is None
        if path:
            assert root_of(digest, index, size, path[:-1]) != tree.root
            assert root_of(digest, index, size, [*path[:-1], digest]) != tree.root
        for other in range(size):
            if other != index:
                assert root_of(digest, other, size, path) != tree.root


@pytest.mark.parametrize("place", [-1, 3, 4])
def test_a_place_outside_of_the_tree_has_no_proof(place: int) -> None:
    tree = Tree.of(hashes(3))

    assert root_of(hashes(3)[0], place, 3, tree.path(0)) is None
    with pytest.raises(IndexError):
        tree.path(place)


def test_there_is_no_tree_of_nothing() -> None:
    with pytest.raises(ValueError, match="needs an entry"):
        Tree.of([])


@pytest.mark.parametrize("text", ["", "ab", "g" * 64, "A" * 64])
def test_what_is_no_hash_proves_nothing(text: str) -> None:
    known = hashes(2)

    assert root_of(text, 0, 2, Tree.of(known).path(0)) is None
    assert root_of(known[0], 0, 2, [text]) is None
