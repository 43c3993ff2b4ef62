"""Odd values: what nobody would send on purpose, near enough to the real thing to get past the first look at it."""

# ruff: noqa: E501  likewise a table

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

LIVELY = (
    "<!channel>", "<!here|here>", "<@U0GRACE>", "<#C0FLOOR|floor>", "<https://evil.example|click>", "<!date^1^{time}|x>",
    "&lt;!channel&gt;", "*bold* _so_ ~no~ `code` ```block```", ":tada:", "> quoted", "\u202etxt.exe", "\u2068isolated",
    "שלום عربى", "\x00", "a\x00b", "\ud800", "x\udfff", "\r\n", "\x1b[31m", "\u2028", "\ufeff", "İ", "ß", "🏳️\u200d🌈",
    "'; DROP TABLE audit_entries;--", "{call}", "{}", "%s", "../../etc/passwd", "NaN", "null", "-1", "1e309",
)  # fmt: skip
"""Texts that mean something to somebody on the way: to Slack, a terminal, a database, a format string."""

characters = st.one_of(st.characters(), st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp"]))
long_texts = st.builds(lambda one, times: one * times, characters, st.sampled_from([80, 256, 3001, 40_001]))
texts = st.one_of(
    st.text(max_size=30),
    st.text(alphabet=characters, max_size=12),
    st.sampled_from(LIVELY),
    st.lists(st.sampled_from(LIVELY), max_size=4).map(" ".join),
    long_texts,
)
numbers = st.one_of(
    st.sampled_from([0, -1, 1, 2**31, 2**53, 2**63, -(2**64), 10**40, 10**400]),
    st.integers(),
    st.floats(allow_nan=True, allow_infinity=True),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)


def documents(names: st.SearchStrategy[str] = texts) -> st.SearchStrategy[Any]:
    """Return JSON values of any kind whose objects have members with these names."""
    return st.recursive(
        scalars,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=4)),
        max_leaves=10,
    )


def deep(levels: int = 400) -> Any:
    """Return a list within a list, and so on."""
    value: Any = "deep"
    for _ in range(levels):
        value = [value]
    return value


PLACES = 300

junk = st.one_of(documents(), st.builds(deep))


@st.composite
def mutilated(
    draw: st.DrawFn,
    document: Any,
    *,
    most: int = 3,
    keep: frozenset[str] = frozenset(),
    odd: st.SearchStrategy[Any] = junk,
) -> Any:
    """Return a copy of the document in which up to ``most`` places are missing, null, or hold something else.

    Members named in ``keep`` stay as they are, and so does what is in them.
    """
    copy = deepcopy(document)
    for _ in range(draw(st.integers(0, most))):
        places = list(_places(copy, keep))
        if not places:
            break
        container, key = draw(st.sampled_from(places))
        deed = draw(st.sampled_from(DEEDS))
        deed(container, key, draw(odd))
    return copy


def _places(document: Any, keep: frozenset[str]) -> list[tuple[Any, Any]]:
    """Return where something stands, the outermost first. A loop: what is nested deep must not meet a stack's end."""
    found: list[tuple[Any, Any]] = []
    inside = [document]
    while inside and len(found) < PLACES:
        value = inside.pop(0)
        here: list[tuple[Any, Any]] = []
        if isinstance(value, dict):
            here = [(value, key) for key in value if key not in keep]
        elif isinstance(value, list):
            here = [(value, index) for index in range(len(value))]
        found += here
        inside += [container[key] for container, key in here]
    return found


def _remove(container: Any, key: Any, _odd: Any) -> None:
    del container[key]


def _null(container: Any, key: Any, _odd: Any) -> None:
    container[key] = None


def _replace(container: Any, key: Any, odd: Any) -> None:
    container[key] = odd


def _wrap(container: Any, key: Any, _odd: Any) -> None:
    container[key] = [container[key]]


def _text(container: Any, key: Any, _odd: Any) -> None:
    container[key] = str(container[key])


def _add(container: Any, key: Any, odd: Any) -> None:
    if isinstance(container, dict):
        container[f"{key}X"] = odd
    else:
        container.append(odd)


DEEDS: tuple[Callable[[Any, Any, Any], None], ...] = (_remove, _null, _replace, _replace, _wrap, _text, _add)
