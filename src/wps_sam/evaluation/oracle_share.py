"""A score as a share of what the same SAM reaches with the true boxes: the oracle."""

from dataclasses import asdict, dataclass
from typing import Any

from wps_sam.evaluation.metrics import ClassMeans


@dataclass(frozen=True)
class OracleShare:
    """How much of the oracle's score was reached (the paper's own share: 68.93 / 91.14 = 0.76).

    The paper's table 1 gives what SAM reaches when it is handed the true boxes; a prompter that
    emits the same prompts would reach exactly that.

    Attributes:
        predictions: The oracle's prediction file.
        miou: The oracle's mIoU on the same images, 0..1.
        macc: The oracle's mACC.
        miou_share: mIoU / the oracle's mIoU; above 1 where the prompter beats the true boxes. None
            where it is not defined.
        macc_share: Likewise for mACC.
    """

    predictions: str
    miou: float | None
    macc: float | None
    miou_share: float | None
    macc_share: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


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


def _ratio(part: float | None, whole: float | None) -> float | None:
    """Part / whole; None where it is not defined."""
    return None if part is None or not whole else part / whole
