"""Every text that people read in Slack, one file for each language; ``docs/decisions/texts.md`` says how to add one.

The code refers to a text by section and name, ``words("card.stopped")``. Facts are inserted by name; typed
text is already escaped. A text that depends on a number is a table with ``one`` and ``other``, chosen by
``count``.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Catalog:
    """The texts in one language; what that language lacks is said in English."""

    language: str
    texts: Mapping[str, str | Mapping[str, str]] = field(repr=False)
    fallback: Catalog | None = field(default=None, repr=False)

    def __call__(self, key: str, /, **facts: object) -> str:
        """Return a text with the facts put in. Raise KeyError for a text or a fact that there is not."""
        text = self.texts.get(key)
        if text is None:
            if self.fallback is None:
                raise KeyError(key)
            return self.fallback(key, **facts)
        if not isinstance(text, str):
            text = text["one" if facts["count"] == 1 else "other"]
        return text.format_map(facts)

    def has(self, key: str) -> bool:
        """Say whether there is such a text, in this language or in English."""
        return key in self.texts or (self.fallback is not None and self.fallback.has(key))


@dataclass(frozen=True, slots=True)
class Translations:
    """The languages that the bot speaks."""

    known: Mapping[str, Catalog]

    def of(self, locale: str | None) -> Catalog:
        """Return the texts for a Slack locale such as ``de-DE``; English if its language has no file."""
        language = (locale or ENGLISH).replace("_", "-").partition("-")[0].lower()
        return self.known.get(language, self.known[ENGLISH])


@cache
def read_languages() -> Translations:
    """Read the text files that come with the package."""
    files = (one for one in resources.files("bot.i18n").iterdir() if one.name.endswith(".toml"))
    texts = {one.name.removesuffix(".toml"): _flat(tomllib.loads(one.read_text("utf-8"))) for one in files}
    english = Catalog(ENGLISH, texts[ENGLISH])
    others = {language: Catalog(language, found, english) for language, found in texts.items() if language != ENGLISH}
    return Translations({ENGLISH: english, **others})


def _flat(sections: dict[str, dict[str, Any]]) -> dict[str, str | Mapping[str, str]]:
    return {f"{section}.{name}": text for section, texts in sections.items() for name, text in texts.items()}
