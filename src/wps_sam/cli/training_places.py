"""Which labels `wps-sam train` learns from and which it validates on."""

from pathlib import Path

from rich.markup import escape

from wps_sam.cli.console import console
from wps_sam.cli.label_place import LabelPlace
from wps_sam.errors import ConfigError
from wps_sam.labels.open import split_names

_TRAINING = ("train", "training")
_VALIDATION = ("val", "valid", "validation")


def training_places(
    training: LabelPlace,
    *,
    val: Path | None,
    val_images: Path | None,
    val_split: str | None,
    holdout: int | None,
) -> tuple[LabelPlace, LabelPlace | None]:
    """Choose the splits where the user named none.

    Args:
        training: What the user gave; without a split, the one called train is taken, if there is.
        val: Validation labels; without them and without `holdout`, the split called val of the
            same data set is taken, if the training split was chosen here too.
        val_images: Folder of their images.
        val_split: Which of their splits; without it the one called val, if there is.
        holdout: Validate on every N-th training image.

    Returns:
        Where to learn from, and where to validate, None for nowhere.

    Raises:
        ConfigError: `val` and `holdout` are both given.
    """
    if val is not None and holdout is not None:
        raise ConfigError("--val and --holdout both say what to validate on; give one of them.")
    own = split_names(training.data) if training.split is None else ()
    chosen = _first(own, _TRAINING) if len(own) > 1 else None
    training = training._replace(split=training.split or chosen)
    validation = None
    if holdout is not None:
        validation = training._replace(holdout=holdout)
    elif val is not None:
        split = val_split or _first(split_names(val), _VALIDATION)
        validation = training._replace(data=val, images=val_images, split=split)
    elif chosen is not None and (split := _first(own, _VALIDATION)) is not None:
        validation = training._replace(split=split)
    if chosen is not None:
        _announce(chosen, validation)
    return training, validation


def _first(names: tuple[str, ...], wanted: tuple[str, ...]) -> str | None:
    """The first of some names that there is."""
    return next((name for name in wanted if name in names), None)


def _announce(split: str, validation: LabelPlace | None) -> None:
    """Say what was chosen for the user."""
    text = f"training on the split {split}"
    if validation is not None and validation.holdout is None and validation.split is not None:
        text += f", validating on the split {validation.split}"
    console.print(escape(text))
