"""The predictions of a run so far, one line an image, so that a crash loses one image at most.

`predictions.partial.jsonl` begins with a line that says which model and settings made it. A run
with the same settings goes on where it stopped; with others it starts anew. `predictions.json` is
put together from it at the end, in one step.
"""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self, TextIO

from wps_sam.inference.sources import ImageToPredict

PREDICTIONS_FILE = "predictions.json"
CLASSES_FILE = "classes.json"
PARTIAL_FILE = "predictions.partial.jsonl"


class WritableParts(Protocol):
    """What a journal asks of an image's parts: a `PartPrediction`, or what was kept of one."""

    @property
    def original_hw(self) -> tuple[int, int]:
        """(height, width) of the image in pixels."""

    def to_coco_annotations(
        self, image_id: int, *, category_ids: Sequence[int]
    ) -> list[dict[str, Any]]:
        """The parts as `PartPrediction.to_coco_annotations` makes them, one record each."""


class PredictionJournal:
    """Predictions on their way to `predictions.json`. Use it as a context manager."""

    def __init__(
        self, out: Path, settings: Mapping[str, Any], categories: Sequence[tuple[int, str]]
    ) -> None:
        """Open the partial file of a folder, taking over its lines if its settings are the same.

        Args:
            out: Folder of the predictions; must exist.
            settings: Everything that decides what is predicted; kept in `info`.
            categories: C pairs of category id and class name, in class order.
        """
        self.path = out / PARTIAL_FILE
        self._target = out / PREDICTIONS_FILE
        self._settings = dict(settings)
        self._categories = list(categories)
        header = json.dumps({"settings": self._settings, "categories": self._categories})
        self._offset_of: dict[str, int] = {}
        self._stamp_of: dict[str, str] = {}
        end = self._take_over(header) if self.path.exists() else 0
        self._file: IO[bytes] = self.path.open("r+b" if end else "wb")
        self._file.truncate(end)
        self._file.seek(end)
        if not end:
            self._write_line(header)

    def __enter__(self) -> Self:
        """Return the journal."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the partial file; it stays, unless `finish` removed it."""
        self._file.close()

    def has(self, image: ImageToPredict) -> bool:
        """Whether an image was predicted before and its file is still the same."""
        return self._stamp_of.get(image.name) == _stamp(image)

    def add(self, image: ImageToPredict, prediction: WritableParts) -> None:
        """Write one image's parts to disk.

        Args:
            image: Which image.
            prediction: Its parts; its classes are those of the journal.
        """
        ids = [category_id for category_id, _ in self._categories]
        height, width = prediction.original_hw
        stamp = _stamp(image)
        line = {
            "name": image.name,
            "stamp": stamp,
            "height": height,
            "width": width,
            "annotations": prediction.to_coco_annotations(0, category_ids=ids),
        }
        self._offset_of[image.name] = self._file.tell()
        self._stamp_of[image.name] = stamp
        self._write_line(json.dumps(line))

    def finish(
        self, images: Sequence[ImageToPredict], info: Mapping[str, Any], *, keep: bool
    ) -> Path:
        """Write `predictions.json` in one step.

        Args:
            images: In the order of the file; those that were not predicted are left out.
            info: What else to say in the file's `info`.
            keep: Keep the partial file, so that a further run does only what is missing.

        Returns:
            The path of `predictions.json`.
        """
        self._file.flush()
        done = [image for image in images if self.has(image)]
        with self.path.open("rb") as lines, _replaced(self._target) as target:
            self._write_images(lines, target, done, {**self._settings, **info})
            self._write_annotations(lines, target, done)
        if not keep:
            self._file.close()  # Windows removes no open file
            self.path.unlink()
        return self._target

    def _take_over(self, header: str) -> int:
        """Read which images an earlier run did; returns where its sound lines end, 0 for none."""
        with self.path.open("rb") as file:
            if file.readline().decode("utf-8", "replace").rstrip("\n") != header:
                return 0
            end = file.tell()
            for raw in file:
                line = _parse_line(raw)
                if line is None:
                    break  # cut off by a crash
                self._offset_of[line["name"]] = end
                self._stamp_of[line["name"]] = line["stamp"]
                end += len(raw)
        return end

    def _write_line(self, text: str) -> None:
        self._file.write(text.encode() + b"\n")
        self._file.flush()

    def _line(self, lines: IO[bytes], image: ImageToPredict) -> dict[str, Any]:
        lines.seek(self._offset_of[image.name])
        line: dict[str, Any] = json.loads(lines.readline())
        return line

    def _write_images(
        self,
        lines: IO[bytes],
        target: TextIO,
        images: Sequence[ImageToPredict],
        info: Mapping[str, Any],
    ) -> None:
        """Write everything before the annotations."""
        records = []
        for image in images:
            line = self._line(lines, image)
            size = {"height": line["height"], "width": line["width"]}
            records.append({"id": image.image_id, "file_name": image.name, **size})
        categories = [{"id": number, "name": name} for number, name in self._categories]
        target.write(f'{{"info": {json.dumps(info)},\n"images": [')
        target.write(",\n".join(json.dumps(record) for record in records))
        target.write(f'],\n"categories": {json.dumps(categories)},\n"annotations": [')

    def _write_annotations(
        self, lines: IO[bytes], target: TextIO, images: Sequence[ImageToPredict]
    ) -> None:
        """Write the annotations, one image in memory at a time."""
        number = 0
        for image in images:
            for annotation in self._line(lines, image)["annotations"]:
                target.write(",\n" if number else "\n")
                number += 1
                record = {**annotation, "id": number, "image_id": image.image_id}
                target.write(json.dumps(record))
        target.write("\n]}\n")


def _stamp(image: ImageToPredict) -> str:
    """What tells whether an image has been changed: its file's size and time, its stated size."""
    try:
        status = None if image.path is None else image.path.stat()
    except OSError:
        status = None
    if status is None:
        return "missing"
    return f"{status.st_size} {status.st_mtime_ns} {image.expected_hw}"


def _parse_line(raw: bytes) -> dict[str, Any] | None:
    """One line of the partial file; None if it was cut off."""
    if not raw.endswith(b"\n"):
        return None
    try:
        line: dict[str, Any] = json.loads(raw)
    except ValueError:
        return None
    return line


@contextmanager
def _replaced(path: Path) -> Iterator[TextIO]:
    """Write beside `path` and rename over it at the end; after an error the old file stays."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)  # mkstemp makes files that only their owner may read
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
