"""The animation of the documents: its story happens on the page, and its file is what GitHub shows at once."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.browser.animation import film, save
from tests.deploy.test_pictures import LARGEST

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.sandbox_page import SandboxPage

pytestmark = pytest.mark.asyncio(loop_scope="session")

STEPS = 8
"""Empty channels, a typed command, "Starting…", the card, the dialog, the click, "Stopping…", and the stopped card."""


async def test_a_recording_is_filmed_from_the_command_to_the_stop(visitor: SandboxPage, tmp_path: Path) -> None:
    frames = await film(visitor, await visitor.new_call(agent="Priya Nair", queue="Billing"))
    save(frames, tmp_path / "recording.gif")

    different = [one for one, other in pairwise(frames) if one.image.tobytes() != other.image.tobytes()]
    assert len(different) >= STEPS
    with Image.open(tmp_path / "recording.gif") as written:
        assert getattr(written, "n_frames", 1) >= STEPS
        assert written.info["loop"] == 0
        assert written.size == frames[0].image.size
    assert (tmp_path / "recording.gif").stat().st_size < LARGEST
