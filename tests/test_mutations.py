"""The list of mutations against the code: each can be made at one place, is still Python, and its test is there."""

from __future__ import annotations

import ast
import re

import pytest

from tests.mutations import MUTATIONS, Mutation
from tests.support.shell import ROOT

NAMES = [mutation.name for mutation in MUTATIONS]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=NAMES)
def test_it_can_be_made_at_exactly_one_place(mutation: Mutation) -> None:
    code = (ROOT / mutation.file).read_text()

    made = mutation.made_in(code)

    assert made != code
    ast.parse(made)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=NAMES)
def test_the_test_that_has_to_notice_it_is_there(mutation: Mutation) -> None:
    file, _, test = mutation.test.partition("::")
    code = (ROOT / file).read_text()

    named = rf"{test}\(" if test else "test_"
    assert re.search(rf"^(?:async )?def {named}", code, re.MULTILINE)


def test_no_two_have_the_same_name() -> None:
    assert len(set(NAMES)) == len(NAMES)


def test_a_place_that_is_gone_or_there_twice_is_no_place() -> None:
    mutation = Mutation("one of two", "any.py", "wanted", "other", "any")

    for code in ("", "wanted, wanted"):
        with pytest.raises(ValueError, match="one of two"):
            mutation.made_in(code)
