"""A score as a share of what the same SAM reaches with the true boxes: the oracle."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from wps_sam.errors import PredictionError
from wps_sam.evaluation.intervals import Interval
from wps_sam.evaluation.metrics import ClassMeans
from wps_sam.evaluation.predictions import PredictionFile

_MADE_BY_ORACLE = re.compile(r"wps-sam \S+ oracle")
_PROMPTS = {"box": "the true boxes", "point": "the centre points of the true boxes"}
_MASKS = {"single": "single mask", "best-of-3": "the mask it rates best of three"}


@dataclass(frozen=True)
class OracleShare:
    """How much of the oracle's score was reached (the paper's own share: 68.93 / 91.14 = 0.76).

    The paper's table 1 gives what SAM reaches when it is handed the true boxes; a prompter that
    emits the same prompts would reach exactly that.

    Attributes:
        predictions: The oracle's prediction file, as it was given.
        miou: The oracle's mIoU on the same images, 0..1.
        macc: The oracle's mACC.
        miou_share: mIoU / the oracle's mIoU; above 1 where the prompter beats the true boxes. None
            where it is not defined.
        macc_share: Likewise for mACC.
        prompt: What SAM was given: `box` or `point`; "" where it is not known.
        mask: Which mask was kept: `single` or `best-of-3`; "" where it is not known.
        sam: Name of the SAM; "" where it is not known.
        keep_groups: Whether SAM got one prompt an annotation even if it has several polygons; None
            where it is not known.
        miou_share_interval: Interval of `miou_share` over images; None where it was not
            computed or fewer than two images bear on it.
    """

    predictions: str
    miou: float | None
    macc: float | None
    miou_share: float | None
    macc_share: float | None
    prompt: str = ""
    mask: str = ""
    sam: str = ""
    keep_groups: bool | None = None
    miou_share_interval: Interval | None = None

    @property
    def statement(self) -> str:
        """How the oracle was made: `SAM mobile_sam given the true boxes, single mask, ...`."""
        given = f" given {_PROMPTS.get(self.prompt, self.prompt)}" if self.prompt else ""
        words = [f"SAM {self.sam}".rstrip() + given]
        if self.mask:
            words.append(_MASKS.get(self.mask, self.mask))
        if self.keep_groups is not None:
            words.append(f"one prompt {'an annotation' if self.keep_groups else 'a polygon'}")
        return ", ".join(words)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "statement": self.statement}


def oracle_share(means: ClassMeans, oracle: ClassMeans, predictions: str) -> OracleShare:
    """Divide the scores by the oracle's.

    Args:
        means: The scores.
        oracle: The oracle's scores on the same images.
        predictions: Name of the oracle's prediction file.

    Returns:
        Shares.
    """
    return OracleShare(
        predictions=predictions,
        miou=oracle.miou,
        macc=oracle.macc,
        miou_share=_ratio(means.miou, oracle.miou),
        macc_share=_ratio(means.macc, oracle.macc),
    )


def describe_oracle(share: OracleShare, info: Mapping[str, Any]) -> OracleShare:
    """Add how the oracle was made.

    Args:
        share: Shares of the oracle.
        info: `info` of the oracle's prediction file.

    Returns:
        The same shares; what `info` does not say stays unknown.
    """
    names = {key: info[key] for key in ("prompt", "mask", "sam") if isinstance(info.get(key), str)}
    groups = info.get("keep_groups")
    return replace(share, **names, keep_groups=groups if isinstance(groups, bool) else None)


def check_oracle(oracle: PredictionFile) -> None:
    """Make sure that a prediction file is an oracle's.

    Args:
        oracle: What was given as oracle.

    Raises:
        PredictionError: Its `info` does not say that `wps-sam oracle` made it.
    """
    made_by = oracle.info.get("made_by")
    if not isinstance(made_by, str) or not _MADE_BY_ORACLE.fullmatch(made_by):
        found = "does not say what made it" if made_by is None else f"says made_by {made_by!r}"
        raise PredictionError(
            f"{oracle.source} was not made by `wps-sam oracle`: its info {found}. A share of "
            "anything else would mislead: run `wps-sam oracle DATA --out DIR` on the truth and "
            "give DIR/predictions.json as oracle."
        )


def sam_notes(predictions: PredictionFile, oracle: PredictionFile) -> list[str]:
    """Say so if predictions and oracle come from different SAMs.

    Args:
        predictions: What is scored.
        oracle: The oracle's predictions.

    Returns:
        A note, or none where the SAMs are the same or one is not known.
    """
    # One SAM may go by several names, such as a checkpoint's path; the fingerprint decides.
    for key in ("sam_fingerprint", "sam"):
        given, bound = predictions.info.get(key), oracle.info.get(key)
        if given is not None and bound is not None:
            break
    if given is None or bound is None or given == bound:
        return []
    first, second = (str(file.info.get("sam", "")) for file in (predictions, oracle))
    what = "another SAM"
    if first == second:  # the same name, but another fingerprint
        what, first, second = "other weights of SAM", f"{first}, {given}", f"{second}, {bound}"
    return [
        f"The oracle was made with {what} ({second}) than the predictions ({first}): its share "
        "says how the two SAMs differ as well as how good the prompts are."
    ]


def _ratio(part: float | None, whole: float | None) -> float | None:
    """Part / whole; None where it is not defined."""
    return None if part is None or not whole else part / whole
