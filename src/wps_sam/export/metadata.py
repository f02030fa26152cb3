"""What an exported file says about itself."""

import json
from collections.abc import Mapping

from wps_sam import __version__
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.prompter.store import ModelInfo

OUTPUTS = {
    "masks": "(K, H, W) bool, original frame; best score first; K may be 0",
    "class_index": "(K,) int64, position in class_names",
    "scores": "(K,) float32, probability of the class",
    "boxes": "(K, 4) float32, x1 y1 x2 y2 in pixels of the picture, tight around each mask, "
    "right and bottom exclusive",
}
"""Output name -> what it holds."""

INPUT = "(H, W, 3) uint8, RGB, any size, upright (EXIF orientation applied)"
"""What the one input, `image`, takes."""


def describe(segmenter: PartSegmenter, info: ModelInfo, score_threshold: float) -> dict[str, str]:
    """Everything that a reader of the file needs.

    Args:
        segmenter: What is exported.
        info: The run's own settings.
        score_threshold: Least score of a part in this file.

    Returns:
        Name -> text; lists and tables are JSON.
    """
    return {
        "made_by": f"wps-sam {__version__}",
        "class_names": _json(segmenter.class_names),
        "category_ids": _json(segmenter.category_ids),
        "recipe": info.recipe,
        "supervision": info.supervision,
        "score_threshold": repr(score_threshold),
        "model_fingerprint": segmenter.fingerprint,
        "sam": segmenter.sam.name,
        "sam_fingerprint": segmenter.sam.fingerprint,
        "input": _json({"image": INPUT}),
        "outputs": _json(OUTPUTS),
    }


def _json(content: Mapping[str, str] | tuple[object, ...]) -> str:
    return json.dumps(content, ensure_ascii=False)
