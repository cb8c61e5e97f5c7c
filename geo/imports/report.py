"""What an import took, changed and refused: row by row, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from bureau.sentences import Sentence, gettext_noop

MOST_KEPT: Final = 2_000  # refusals stored with a report; a file with more is wrong as a whole

ROW_REFUSED: Final = gettext_noop("Row %(row)d refused: %(reason)s")

# Hears (stage, done, total); total is None while it is not known. Stages are English words:
# "reading", "streets", "comparing", "writing".
Progress = Callable[[str, int, int | None], None]


def silent(stage: str, done: int, total: int | None) -> None:
    """A Progress that says nothing."""


@dataclass(slots=True)
class ImportReport:
    """Counts of rows (or segments), and what there is to say about the file and its rows.

    unchanged: rows that say what is stored already. retired: what the file no longer holds.
    run: the id of the stored ImportRun, None before it is stored.
    """

    kind: str
    file_name: str
    dry_run: bool = False
    taken: int = 0
    changed: int = 0
    unchanged: int = 0
    retired: int = 0
    refused: list[tuple[int, Sentence]] = field(default_factory=list)
    warnings: list[Sentence] = field(default_factory=list)
    notes: list[Sentence] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    run: int | None = None

    @property
    def refused_rows(self) -> int:
        """How many rows were refused (one row may have several reasons)."""
        return len({row for row, _ in self.refused})

    def refuse(self, row: int, *reasons: Sentence) -> None:
        """Refuse a row for these reasons."""
        self.refused.extend((row, reason) for reason in reasons)

    def summary(self) -> Sentence:
        """The counts in one line."""
        template = (
            gettext_noop(
                "Dry run, nothing written: %(taken)d would be taken, %(changed)d changed, "
                "%(unchanged)d unchanged, %(retired)d retired, %(refused)d refused."
            )
            if self.dry_run
            else gettext_noop(
                "%(taken)d taken, %(changed)d changed, %(unchanged)d unchanged, %(retired)d "
                "retired, %(refused)d refused."
            )
        )
        return Sentence(
            "summary",
            template,
            {
                "taken": self.taken,
                "changed": self.changed,
                "unchanged": self.unchanged,
                "retired": self.retired,
                "refused": self.refused_rows,
            },
        )

    def lines(self, say: Callable[[Sentence], str] = str) -> Iterator[str]:
        """The report as text, warnings first. `say` puts a sentence into a language."""
        for warning in self.warnings:
            yield "! " + say(warning)
        yield say(self.summary())
        for note in self.notes:
            yield say(note)
        for row, reason in self.refused:
            yield "  " + say(Sentence("row", ROW_REFUSED, {"row": row, "reason": say(reason)}))

    def as_json(self) -> dict[str, Any]:
        """What is stored with the run: sentences by template and values, to be said later."""
        return {
            "retired": self.retired,
            "warnings": [sentence.as_json() for sentence in self.warnings],
            "notes": [sentence.as_json() for sentence in self.notes],
            "refused": [
                {"row": row, **reason.as_json()} for row, reason in self.refused[:MOST_KEPT]
            ],
            "changes": self.changes[:MOST_KEPT],
        }
