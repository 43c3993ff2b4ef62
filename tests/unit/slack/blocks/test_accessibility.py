"""Every message for every ear and eye: its text says what its blocks say, states are words, Slack takes its size."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from bot import errors
from bot.errors import RecordBotError
from bot.i18n.error_messages import MessageFormatter, explain
from bot.recording.keeping.recording_files import SavedRecording
from bot.recording.models import Approval, Mechanism, RecordingState, Verb
from bot.recording.permissions import current_state
from bot.sandbox.slack.block_kit.blocks import wrong_with_blocks
from bot.slack.blocks.audit.names import LineNames
from bot.slack.blocks.card import card as rendered
from bot.slack.blocks.card import state_words
from bot.slack.blocks.mrkdwn import END, ISOLATE, escape
from bot.slack.listeners.call_history import story
from bot.slack.listeners.command import LISTED, live_list
from tests.support.slack.samples import CALL, HOSTILE, LANGUAGES, NOON, RECORDING_ID, STYLE, card, entry, recording
from tests.support.slack.texts import CAUSES, KINDS

if TYPE_CHECKING:
    from bot.i18n.catalog import Catalog
    from bot.recording.card import Card

EDITED_TEXT = 4000
"""Characters that ``chat.update`` takes; a posted message and an ephemeral answer may have ten times as many."""
POSTED_TEXT = 40_000
RIGHT_TO_LEFT = "שלום עולם \u202e 12 مرحبا"
TYPED = {
    "plain": "Anna Berg",
    "none": "",
    "markup": HOSTILE * 60,
    "escapes": "&" * 3000,
    "long": "word " * 600,
    "emoji": "👩‍👩‍👧‍👦🎧" * 400,
    "right to left": RIGHT_TO_LEFT * 150,
    "lines": "one\ntwo\n\n> three",
}
IN_EVERY_LANGUAGE = pytest.mark.parametrize("words", LANGUAGES.known.values(), ids=lambda words: words.language)
IN_EVERY_STATE = pytest.mark.parametrize("state", RecordingState)
SAVED = SavedRecording("m1", "available", "audio", NOON, NOON + timedelta(minutes=3))


def visible(block: dict[str, Any]) -> list[str]:
    """Return what can be read in a block; the names of buttons say what can be done, not what is."""
    if block["type"] == "actions":
        return []
    parts = [block.get("text"), *block.get("fields", ()), *block.get("elements", ())]
    return [part["text"] for part in parts if part]


def said(text: str) -> set[str]:
    """Return the words of a text, without Slack's marks and the names of icons."""
    without = re.sub(r":[a-z_]+:|<!date\^(\d+)[^|]*\|[^>]*>", r" \1 ", text)
    return {word.casefold() for word in re.findall(r"\w{2,}", without)}


def assert_readable(text: str, blocks: list[dict[str, Any]], limit: int) -> None:
    assert wrong_with_blocks(blocks) == []
    assert text.strip()
    assert len(text) <= limit
    seen = {word for block in blocks for part in visible(block) for word in said(part)}
    assert seen - said(text) == set()


def full_card(state: RecordingState, typed: str = "Anna Berg", **changes: Any) -> Card:
    return card(
        state=state,
        agent=typed or None,
        queue=typed or None,
        reason_code="complaint",
        reason=typed or None,
        ended_at=NOON + timedelta(minutes=4),
        ended_by="slack:T1:U0GRACE",
        paused_at=NOON,
        paused_seconds=75,
        **changes,
    )


@IN_EVERY_LANGUAGE
@pytest.mark.parametrize("typed", TYPED.values(), ids=TYPED)
@IN_EVERY_STATE
def test_a_cards_text_says_all_that_its_blocks_say(state: RecordingState, typed: str, words: Catalog) -> None:
    shown = full_card(state, typed, mechanism=Mechanism.POLICY, adopted=True, error="several_agents")
    text, blocks = rendered(shown, STYLE.in_(words))
    if typed == TYPED["plain"]:
        assert_readable(text, blocks, EDITED_TEXT)
    else:  # what is typed may be cut at different places
        assert wrong_with_blocks(blocks) == []
        assert len(text) <= EDITED_TEXT
    assert text.endswith(words("card.audit", seq=7))


@IN_EVERY_LANGUAGE
@IN_EVERY_STATE
def test_a_card_with_a_waiting_stop_and_saved_recordings_is_readable(state: RecordingState, words: Catalog) -> None:
    approval = Approval(RECORDING_ID, RECORDING_ID, Verb.STOP, "slack:T1:U0ADA", NOON, NOON + timedelta(minutes=2))
    states = ["available", "archived", "deleted", "restored", "restoring", "uploading", "error", "<!here>"]
    saved = tuple(SavedRecording(f"m{state}", state) for state in states)
    shown = replace(full_card(state), approval=approval, saved=(SAVED, *saved), posts_begun=2)
    text, blocks = rendered(shown, STYLE.in_(words))
    assert_readable(text, blocks, EDITED_TEXT)
    assert "<!here>" not in text


@IN_EVERY_LANGUAGE
def test_each_state_is_a_word_of_its_own_and_comes_first(words: Catalog) -> None:
    named = [state_words(recording(state=state), words)[1] for state in RecordingState]
    named += [state_words(recording(in_doubt=True), words)[1]]
    assert len(set(named)) == len(named)
    assert all(re.match(r"\w{3}", name) for name in named)
    for state in RecordingState:
        text, blocks = rendered(card(state=state), STYLE.in_(words))
        word = words(f"states.{state.value}")
        assert text.startswith(word)
        assert f"*{word}*" in blocks[0]["text"]["text"]


@IN_EVERY_LANGUAGE
@IN_EVERY_STATE
def test_every_button_says_what_it_does_and_to_which_call(state: RecordingState, words: Catalog) -> None:
    _, blocks = rendered(card(state=state), STYLE.in_(words))
    for button in [one for block in blocks if block["type"] == "actions" for one in block["elements"]]:
        assert re.search(r"\w{3}", button["text"]["text"])
        assert CALL[:8] in button["accessibility_label"]


@IN_EVERY_LANGUAGE
@pytest.mark.parametrize("number", [1, LISTED, LISTED + 1, 200])
def test_a_list_of_live_recordings_is_readable_however_long(number: int, words: Catalog) -> None:
    live = tuple(card(id=UUID(int=one), audit_seq=one + 1) for one in range(number))
    answer = live_list(live, STYLE.in_(words))
    assert_readable(answer["text"], answer["blocks"], POSTED_TEXT)
    if number > LISTED:
        assert str(number - LISTED) in answer["text"]


@IN_EVERY_LANGUAGE
@pytest.mark.parametrize("typed", TYPED.values(), ids=TYPED)
def test_a_calls_story_is_readable(typed: str, words: Catalog) -> None:
    told = [(entry(seq=one), typed) for one in range(1, 41)]
    answer = story(CALL, told, 7, 99, STYLE, words, LineNames(mentions=True))
    assert_readable(answer["text"], answer["blocks"], POSTED_TEXT)


def _error(kind: str) -> RecordBotError:
    def made(root: type[RecordBotError]) -> list[type[RecordBotError]]:
        return [root, *(one for child in root.__subclasses__() for one in made(child))]

    found = next(one for one in made(RecordBotError) if one.kind == kind)
    match found:
        case errors.AlreadyRecording | errors.WrongState:
            return found(**current_state(recording()))
        case errors.SeveralRecordings:
            return found(recording_ids=(RECORDING_ID,))
        case errors.Duplicate:
            return found(RECORDING_ID)
        case errors.RateLimited:
            return found(retry_after=3)
        case errors.TooManyRequests:
            return found(limit=30, retry_after=3)
        case _:
            return found()


def _voice(words: Catalog) -> MessageFormatter:
    return MessageFormatter(words, person=STYLE.in_(words).person, time=lambda when: f"{when:%H:%M}", plain=escape)


@IN_EVERY_LANGUAGE
@pytest.mark.parametrize("kind", KINDS)
def test_every_refusal_says_its_number_and_what_to_do(kind: str, words: Catalog) -> None:
    error = _error(kind)
    assert "#" not in explain(error, _voice(words))
    error.audit_seq = 12
    text = explain(error, _voice(words))
    assert text.endswith("(#12)")
    assert escape(words(f"errors.{kind}_do")) in text or kind in {"not_permitted", "out_of_scope"}


@IN_EVERY_LANGUAGE
@pytest.mark.parametrize("state", RecordingState)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if isinstance(_error(kind), errors.GenesysError)])
def test_a_failure_says_whether_the_call_is_being_recorded_now(
    kind: str, state: RecordingState, words: Catalog
) -> None:
    text = explain(_error(kind), _voice(words), recording(state=state))
    if kind == "call_on_hold":  # it is recorded already, whatever our own recording says
        assert words(f"now.{state.value}") not in text
        return
    assert words(f"now.{state.value}") in text
    assert words("now.in_doubt") in explain(_error(kind), _voice(words), recording(state=state, in_doubt=True))


@IN_EVERY_LANGUAGE
@pytest.mark.parametrize("cause", CAUSES)
def test_who_may_not_is_told_that_nothing_was_changed(cause: str, words: Catalog) -> None:
    text = explain(errors.NotPermitted(cause=cause), _voice(words))
    assert words("now.unchanged") in text
    assert words(f"denied.{cause}_do") in text


def test_right_to_left_names_and_reasons_do_not_turn_a_line_around() -> None:
    text, blocks = rendered(full_card(RecordingState.ACTIVE, RIGHT_TO_LEFT), STYLE)
    for part in (text, *(one for block in blocks for one in visible(block))):
        depth = [part[:place].count(ISOLATE) - part[:place].count(END) for place in range(len(part) + 1)]
        assert depth[-1] == 0
        assert all(0 <= one <= 1 and abs(one - other) <= 1 for one, other in pairwise(depth))
        assert "\u202e" not in part
        for found in re.finditer(r"[\u0590-\u06ff]", part):
            assert depth[found.start()] == 1
