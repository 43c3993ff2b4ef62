"""The documents' pictures: each is there, described, and used; the animation moves and is small."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from PIL import Image

from tests.support.shell import ROOT

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 2_000_000
"""Bytes of one picture; more makes a document slow to open."""
SHORTEST_DESCRIPTION = 60
"""Characters in which someone who can't see the picture reads what it shows."""
PICTURE = re.compile(r"!\[(?P<description>[^\]]*)\]\((?P<file>[^)\s]+)\)")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def pictures() -> dict[Path, list[str]]:
    """Return the descriptions of each picture that a document shows."""
    found: dict[Path, list[str]] = {}
    for document in DOCUMENTS:
        for one in PICTURE.finditer(document.read_text()):
            found.setdefault((document.parent / one["file"]).resolve(), []).append(one["description"])
    return found


def test_the_pictures_are_those_in_the_documents() -> None:
    assert set(pictures()) == set((ROOT / "docs/images").resolve().iterdir())


def test_each_picture_is_described_and_small() -> None:
    for file, descriptions in pictures().items():
        assert all(len(one) >= SHORTEST_DESCRIPTION for one in descriptions), file.name
        assert file.stat().st_size < LARGEST, file.name
        with Image.open(file) as picture:
            picture.verify()


def test_the_readme_has_an_animation_that_repeats() -> None:
    shown = {(ROOT / one["file"]).resolve() for one in PICTURE.finditer((ROOT / "README.md").read_text())}
    animations = [file for file in shown if file.suffix == ".gif"]
    assert animations
    for file in animations:
        with Image.open(file) as picture:
            assert getattr(picture, "n_frames", 1) > 1
            assert picture.info["loop"] == 0
