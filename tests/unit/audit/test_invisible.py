"""What nobody sees doesn't get into names and reasons, so that nothing is hidden in the trail."""

from __future__ import annotations

import pytest

from bot.audit.storable import visible
from bot.errors import ReasonRefused
from bot.genesys.json_fields import text
from bot.recording.requests import ReasonRules

HIDDEN = "\u200b\u200d\u2060\ufeff\u202e\u00ad\U000e0041\U000e007f\U000e0101"


@pytest.mark.parametrize("plain", ["Quality check", "größe", "مراجعة", "評価", "👍 ok"])
def test_only_what_is_visible_stays(plain: str) -> None:
    assert visible(f"{HIDDEN}{plain[:2]}{HIDDEN}{plain[2:]}{HIDDEN}") == plain
    assert text(f" {HIDDEN}{plain}{HIDDEN} ") == plain


def test_a_reason_of_invisible_characters_is_no_reason() -> None:
    assert ReasonRules().read(f"com{HIDDEN}plaint").text == "complaint"
    with pytest.raises(ReasonRefused):
        ReasonRules(required=True).read(HIDDEN)
