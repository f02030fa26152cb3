"""What to predict: images from files, folders and patterns, or from a label file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from wps_sam.errors import ConfigError, DataError
from wps_sam.images.reading import list_images
from wps_sam.labels.label_file import LabelFile, LabelImage
from wps_sam.labels.open import open_labels

_LABEL_FILES = ("annotations.json", "_annotations.coco.json", "annotations/*.json")
_SPLIT_LABEL_FILES = ("annotations/*/*.json",)


@dataclass(frozen=True)
class ImageToPredict:
    """One image.

    Attributes:
        image_id: The label file's id, or the position in the list from 1.
        name: The label file's file_name, or the path relative to the searched folder.
        path: The file; None if a label file names one that is not there.
        expected_hw: (height, width) that a label file states, else None.
        problem: Why there is no path.
    """

    image_id: int | str
    name: str
    path: Path | None
    expected_hw: tuple[int, int] | None = None
    problem: str = ""

    @property
    def stem(self) -> str:
        """Name of the output files without ending: folders stay, but none leads out of the way."""
        parts = [part for part in PurePosixPath(self.name).parts if part not in ("/", "..")]
        kept = PurePosixPath(*parts or [f"image-{self.image_id}"])
        # A drive such as C: is no folder to make.
        return str(kept.with_name(kept.stem)).replace(":", "_")


@dataclass(frozen=True)
class Selection:
    """Which of a label file's images to take.

    Attributes:
        images_dir: Folder of the images, if not beside the labels.
        split: Which split of a data set folder.
        holdout: Only every N-th image, in the file's order (index % N == N - 1).
    """

    images_dir: Path | None = None
    split: str | None = None
    holdout: int | None = None

    def given(self) -> list[str]:
        """The options that were given, as the command line names them."""
        options = {"--images": self.images_dir, "--split": self.split, "--holdout": self.holdout}
        return [name for name, value in options.items() if value is not None]


def find_images(
    sources: Sequence[str], selection: Selection | None = None, *, limit: int | None = None
) -> list[ImageToPredict]:
    """Find what to predict.

    A single source that is a `.json` file, or a folder with label files at the usual places, is
    read as labels: then ids, names and order are the label file's. A missing image of a label file
    is listed with its `problem`.

    Args:
        sources: Files, folders and patterns, or one label file or data set folder.
        selection: Which images of a label file.
        limit: Only the first so many of these.

    Returns:
        At least one image; no two would write the same output file.

    Raises:
        ConfigError: Options that do not go with the sources, or nothing is left.
        DataError: Nothing found, unsound labels, or two images for one output file.
    """
    selection = selection or Selection()
    if limit is not None and limit < 1:
        raise ConfigError(f"--limit must be 1 or more; found {limit}.")
    if len(sources) == 1 and (selection.given() or _is_labels(Path(sources[0]))):
        images = _hold_out(_from_labels(sources[0], selection), selection.holdout, sources[0])
    else:
        images = _from_files(sources, selection)
    images = images[:limit]
    _refuse_shared_outputs(images)
    return images


def _is_labels(path: Path) -> bool:
    """Whether a source is a label file, or a folder with some at the usual places."""
    if path.suffix.lower() == ".json":
        return True
    patterns = (*_LABEL_FILES, *_SPLIT_LABEL_FILES)
    return path.is_dir() and any(any(path.glob(pattern)) for pattern in patterns)


def _from_files(sources: Sequence[str], selection: Selection) -> list[ImageToPredict]:
    """Images of files, folders and patterns."""
    if selection.given():
        raise ConfigError(
            f"{', '.join(selection.given())} needs one label file or data set folder as the only "
            f"source; found {len(sources)} sources. Run them one after the other."
        )
    labels = [source for source in sources if Path(source).suffix.lower() == ".json"]
    if labels:
        raise ConfigError(
            f"The label file {labels[0]} must be the only source, because it decides ids and names "
            f"of the images; found {len(sources)} sources. Run them one after the other."
        )
    found = list_images(sources)
    return [ImageToPredict(i, image.name, image.path) for i, image in enumerate(found, 1)]


def _from_labels(data: str, selection: Selection) -> list[ImageToPredict]:
    """Images of a label file, in its order; their annotations are not looked at."""
    labels = open_labels(data, images_dir=selection.images_dir, split=selection.split)
    return [_from_record(labels, record) for record in labels.images]


def _from_record(labels: LabelFile, record: LabelImage) -> ImageToPredict:
    """One image record; a missing file becomes its `problem`."""
    expected_hw = None
    if record.height is not None and record.width is not None:
        expected_hw = (record.height, record.width)
    try:
        path = labels.find_image(record)
    except DataError as error:
        return ImageToPredict(record.image_id, record.file_name, None, expected_hw, str(error))
    return ImageToPredict(record.image_id, record.file_name, path, expected_hw)


def _hold_out(images: list[ImageToPredict], every: int | None, source: str) -> list[ImageToPredict]:
    """Every N-th image, as training with the same number leaves out."""
    if every is None:
        return images
    if every < 2:
        raise ConfigError(f"--holdout must be 2 or more; found {every}. Leave it out for all.")
    if every > len(images):
        raise ConfigError(
            f"--holdout {every} leaves nothing to predict: {source} has {len(images)} images. "
            "Choose a smaller number."
        )
    return images[every - 1 :: every]


def _refuse_shared_outputs(images: Sequence[ImageToPredict]) -> None:
    """Raise DataError if two images would write the same file, also where case does not count."""
    users: dict[str, ImageToPredict] = {}
    for image in images:
        other = users.setdefault(image.stem.casefold(), image)
        if other is not image:
            raise DataError(
                f"Images {other.name} ({other.path}) and {image.name} ({image.path}) would write "
                f"the same output {image.stem}.png. Take one kind of image with a pattern such as "
                "'photos/*.jpg', rename one, or run them one after the other with different --out."
            )
