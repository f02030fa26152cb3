"""What every worker on a cluster does with a block of images, and with one that kills it."""

import errno
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from wps_sam.allocator import keep_freed_memory
from wps_sam.cluster.stored_images import fetched
from wps_sam.errors import ConfigError, ExportError, WpsSamError
from wps_sam.extra_packages import RAY, extra_package
from wps_sam.inference.sources import ImageToPredict

_MOST_DEATHS = 2

_OF_NO_IMAGE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)
"""Errors of the place that is written to: every other image would meet them too."""

STOPPED = "stopped"

OUTCOME_FIELDS = {
    "position": "int64",
    "state": "string",
    "reason": "string",
    "parts": "int64",
    "dropped_empty": "int64",
}
"""What a worker says of an image: the columns of its answer and their types in Arrow."""


class Outcome(NamedTuple):
    """What became of an image.

    Attributes:
        position: In the list of images.
        state: A word of the worker's; `failed` if nothing came of it, `STOPPED` if the job cannot
            go on at all.
        reason: Why.
        parts: How many parts were found.
        dropped_empty: How many further parts had no pixel.
    """

    position: int
    state: str
    reason: str = ""
    parts: int = 0
    dropped_empty: int = 0


class Attempts:
    """Remembers what was begun and not finished; lives on the cluster beside the workers."""

    def __init__(self) -> None:
        """Nothing has begun."""
        self._begun: Counter[str] = Counter()

    def begin(self, what: str) -> int:
        """How many times this was begun without an end, this time included."""
        self._begun[what] += 1
        return self._begun[what]

    def finish(self, what: str) -> None:
        """It is done."""
        del self._begun[what]


class BlockWorker(ABC):
    """Works on blocks of images. Ray makes it anew where it was killed and sends the block again.

    Of a block that was begun before, or that raised an error, what is not done is taken image by
    image. An image that raises one then is `failed`. One on which two more workers die, because it
    makes the program crash or takes all memory, is left out.
    """

    def __init__(self, attempts: Any) -> None:
        """Keep the handle of the `Attempts` of this job."""
        keep_freed_memory()
        self._attempts = attempts
        self._ray = extra_package("ray", RAY)

    @abstractmethod
    def work(
        self, records: Sequence[dict[str, Any]], images: Sequence[ImageToPredict]
    ) -> list[Outcome]:
        """Work on images whose files are at hand; broken ones are `failed`.

        Args:
            records: Of `stored_images.to_record`.
            images: The same, fetched; `image_id` is the position.
        """

    def found(self, records: Sequence[dict[str, Any]]) -> list[Outcome]:
        """What a worker that was killed a moment later has left of a block, if that is known."""
        del records
        return []

    def __call__(self, table: Any) -> Any:
        """Work on a block: a table of records in, a table of outcomes out."""
        records: list[dict[str, Any]] = table.to_pylist()
        block = f"block {records[0]['position']}"
        try:
            outcomes = self._at_once(records) if self._begin(block) == 1 else self._again(records)
        except (WpsSamError, OSError) as error:  # of no image: a full disk, say
            outcomes = [Outcome(records[0]["position"], STOPPED, str(error))]
        self._attempts.finish.remote(block)
        arrow = extra_package("pyarrow", RAY)
        columns = [(name, arrow.type_for_alias(of)) for name, of in OUTCOME_FIELDS.items()]
        rows = [outcome._asdict() for outcome in outcomes]
        return arrow.Table.from_pylist(rows, arrow.schema(columns))

    def _at_once(self, records: Sequence[dict[str, Any]]) -> list[Outcome]:
        """Work on a block that is not known to be bad; whatever it raises is of one of its images.

        Raises:
            ConfigError: The worker lacks a package, a compiler, memory, ...
            ExportError: The worker cannot convert its encoder.
            OSError: Nothing can be written.
        """
        try:
            return self._work(records)
        except (ConfigError, ExportError):  # every other image would meet them too
            raise
        except Exception as error:  # whatever a file can make a decoder or a model do
            if isinstance(error, OSError) and error.errno in _OF_NO_IMAGE:
                raise
            if len(records) == 1:
                reason = f"{type(error).__name__}: {error}"
                return [Outcome(records[0]["position"], "failed", reason)]
        return self._again(records)  # out here, the error holds the memory of the block no more

    def _again(self, records: Sequence[dict[str, Any]]) -> list[Outcome]:
        """Work on what is left of a block that was begun before, image by image."""
        outcomes = self.found(records)
        known = {outcome.position for outcome in outcomes}
        for record in records:
            outcomes += [] if record["position"] in known else self._carefully(record)
        return outcomes

    def _begin(self, what: str) -> int:
        return int(self._ray.get(self._attempts.begin.remote(what)))

    def _carefully(self, record: dict[str, Any]) -> list[Outcome]:
        """Work on one image, unless it is known to be deadly."""
        image = f"image {record['position']}"
        if self._begin(image) > _MOST_DEATHS:
            reason = (
                f"Image {record['name']} was begun {_MOST_DEATHS} times by workers that died on "
                "it. Open it in an image viewer; if it is sound, give the workers more memory."
            )
            return [Outcome(record["position"], "failed", reason)]
        outcomes = self._at_once([record])
        self._attempts.finish.remote(image)
        return outcomes

    def _work(self, records: Sequence[dict[str, Any]]) -> list[Outcome]:
        """Fetch and work; reasons name where an image is, and not where it was fetched to."""
        with fetched(records) as images:
            outcomes = self.work(records, images)
            address = {
                image.image_id: (str(image.path), record["address"])
                for image, record in zip(images, records, strict=True)
                if record["address"] is not None
            }
        return [
            outcome._replace(reason=outcome.reason.replace(*address[outcome.position]))
            if outcome.position in address
            else outcome
            for outcome in outcomes
        ]
