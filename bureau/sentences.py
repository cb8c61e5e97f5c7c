"""A sentence for a person: kept as its English template and its values, so that it can be
stored with a report and read later in another language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


def gettext_noop(template: str) -> str:
    """Mark a template for translation here; the adapter that shows it translates it.

    Pure files carry no Django; `makemessages` finds the call by its name.
    """
    return template


@dataclass(frozen=True, slots=True)
class Sentence:
    """One thing to say. `str()` gives the English sentence.

    code: stable word for machines and tests.
    template: English source text with `%(name)s` places.
    values: what fills the places (plain text and numbers only, so that JSON can hold them).
    """

    code: str
    template: str
    values: Mapping[str, str | int | float] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.template % self.values

    def as_json(self) -> dict[str, object]:
        """The form in which a report stores it."""
        return {
            "code": self.code,
            "template": self.template,
            "values": dict(self.values),
        }

    @classmethod
    def of_json(cls, stored: Mapping[str, Any]) -> Sentence:
        """The sentence that `as_json` stored."""
        return cls(stored["code"], stored["template"], stored["values"])


class Unusable(ValueError):
    """A file that cannot be read as what it should be; `sentence` says why and what to do."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence


def unusable(
    code: str, template: str, values: Mapping[str, str | int | float] | None = None
) -> Unusable:
    """An Unusable from the parts of its sentence."""
    return Unusable(Sentence(code, template, values or {}))
