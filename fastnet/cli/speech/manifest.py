"""Folders of recordings with transcripts: which file holds the transcripts, and how it is read."""
from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fastnet._core.annotations import StrPath
from fastnet.audio.files import AUDIO_ENDINGS

__all__ = ["MANIFESTS", "Utterance", "manifest_of", "read_manifest"]

MANIFESTS = ("transcripts.csv", "transcripts.tsv", "transcripts.txt", "metadata.csv", "manifest.csv", "manifest.jsonl",
             "manifest.json")
_FOLDERS = ("", "wavs", "wav", "audio", "clips", "recordings")      # of the recordings, below the manifest
_FILE_COLUMNS = ("file_name", "audio_filepath", "file", "path", "audio", "filename", "wav", "id")
_TEXT_COLUMNS = ("text", "transcription", "transcript", "sentence", "normalized_text")


class Utterance(NamedTuple):
    """A recording and its transcript.

    Attributes:
        path: of the recording.
        text: the transcript.
        where: the file and the line of the transcript, for errors.
    """

    path: Path
    text: str
    where: str


def manifest_of(path: StrPath) -> Path | None:
    """The file with the transcripts of a folder; None if there is none.

    Args:
        path: a folder, or such a file itself.
    """
    found = Path(path)
    if found.name in MANIFESTS and found.is_file():
        return found
    return next((found / name for name in MANIFESTS if (found / name).is_file()), None)


def read_manifest(manifest: Path) -> list[Utterance]:
    """The recordings and transcripts that a manifest lists.

    It is one of: a table with a column such as "file_name" and one such as "text", separated by commas, tabs or "|";
    lines "id|text" or "id|text|normalized text", of which the last is taken (LJSpeech); lines "id text" (LibriSpeech,
    Kaldi); or lines of JSON with "audio_filepath" and "text" (NeMo).

    Args:
        manifest: its path. Recordings lie beside it, or in a folder such as "wavs".

    Raises:
        ValueError: a line of another form, a recording twice, an empty transcript, or no lines; the message names
            the line.
        FileNotFoundError: a recording does not exist.
        OSError: the manifest cannot be read.
    """
    try:
        lines = manifest.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as e:
        raise ValueError(f"{manifest}: expected text in UTF-8, got {e}") from None
    found: dict[Path, Utterance] = {}
    for number, name, text in _manifest_lines(manifest, lines):
        where = f"{manifest}: line {number}"
        if not text.strip():
            raise ValueError(f"{where}: expected a transcript of {name!r}, got none")
        path = _recording_path(manifest.parent, name, where)
        if path in found:
            raise ValueError(f"{where}: {name!r} is also the recording of {found[path].where}")
        found[path] = Utterance(path, text, where)
    if not found:
        raise ValueError(f"{manifest}: expected recordings and their transcripts, got no lines")
    return list(found.values())


def _manifest_lines(manifest: Path, lines: list[str]) -> Iterator[tuple[int, str, str]]:
    """(line, name, text) of each recording."""
    first = next((line for line in lines if line.strip()), "")
    if first.lstrip().startswith("{"):
        yield from _json_entries(manifest, lines)
        return
    separator = next((mark for mark in "|\t" if mark in first), "," if manifest.suffix == ".csv" else None)
    rows = (csv.reader(lines, delimiter=separator, strict=True, quoting=csv.QUOTE_NONE if separator == "|" else 0)
            if separator else (line.split(maxsplit=1) for line in lines))
    columns: tuple[int, int] | None = None
    begun = False
    for number, row in enumerate(_checked(manifest, rows), 1):
        if not row or not any(cell.strip() for cell in row):
            continue
        if not begun:
            begun, columns = True, _heading(row)
            if columns is not None:
                continue
        places = columns or (0, len(row) - 1)
        if len(row) <= max(places) or len(row) < 2:
            raise ValueError(f"{manifest}: line {number}: expected the name of a recording and its transcript, got "
                             f"{'|'.join(row)[:80]!r}")
        yield number, row[places[0]].strip(), row[places[1]]


def _checked(manifest: Path, rows: Iterator[list[str]]) -> Iterator[list[str]]:
    try:
        yield from rows
    except csv.Error as e:
        raise ValueError(f"{manifest}: cannot read it as a table: {e}") from None


def _json_entries(manifest: Path, lines: list[str]) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            columns = _heading(list(entry))
        except (ValueError, TypeError, RecursionError):
            columns = None
        if columns is None:
            raise ValueError(f"{manifest}: line {number}: expected JSON with audio_filepath and text, got "
                             f"{line[:80]!r}")
        name, text = (list(entry.values())[place] for place in columns)
        yield number, str(name), str(text)


def _heading(row: list[str]) -> tuple[int, int] | None:
    """The places of the name and of the text, if a row is a heading."""
    names = [cell.strip().lower() for cell in row]
    file, text = (next((names.index(name) for name in known if name in names), None)
                  for known in (_FILE_COLUMNS, _TEXT_COLUMNS))
    return None if file is None or text is None else (file, text)


def _recording_path(folder: Path, name: str, where: str) -> Path:
    """The recording of a name, with or without its ending."""
    ending = "" if Path(name).suffix.lower() in AUDIO_ENDINGS else AUDIO_ENDINGS[0]
    for below in _FOLDERS:
        for candidate in dict.fromkeys((name, name + ending)):
            path = folder / below / candidate
            if path.is_file():
                return path
    raise FileNotFoundError(f"{where}: there is no recording {name + ending!r} in {folder}")
