"""Scores of a replay: `python -m bench.replayed OUT FOLDER`, tables against the folder's truth."""

import sys
from pathlib import Path

from bench.truth import figures, read_folder, read_tables


def report(out: Path, folder: Path) -> dict[str, float]:
    """Every score of the tables in `out`."""
    return figures(read_folder(folder), read_tables(out))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("Usage: python -m bench.replayed OUT FOLDER")
    for name, value in report(Path(sys.argv[1]), Path(sys.argv[2])).items():
        print(f"{name:<22}{value:>12.4f}")
