"""The words and numbers of a report."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wps_sam.evaluation.average_precision import AveragePrecision
from wps_sam.evaluation.intervals import Interval
from wps_sam.evaluation.metrics import ClassScore
from wps_sam.evaluation.official_code import OfficialCodeScores
from wps_sam.evaluation.oracle_share import OracleShare
from wps_sam.evaluation.panoptic import PanopticScores
from wps_sam.evaluation.result import Evaluation, MergedScores

_MOST_CONFUSIONS = 6
_LEAST_CONFUSION = 0.01
_MOST_MERGES_SPELLED_OUT = 2


@dataclass(frozen=True)
class Figure:
    """One headline number.

    Attributes:
        name: Its full name.
        value: A share, or None where it is not defined.
        meaning: One sentence that defines it.
        interval: Interval of the value, where there is one.
    """

    name: str
    value: float | None
    meaning: str
    interval: Interval | None = None


@dataclass(frozen=True)
class Confusion:
    """True pixels of one class that were given to another.

    Attributes:
        true_name: The true class.
        predicted_name: What they were called instead; may be background.
        share: Share of the true class's pixels, 0..1.
    """

    true_name: str
    predicted_name: str
    share: float


def headline_figures(evaluation: Evaluation) -> list[Figure]:
    """The numbers at the top of the report, each with its definition.

    Args:
        evaluation: The scores.

    Returns:
        Figures; the first is the main one.
    """
    means, pairs, intervals = evaluation.means, evaluation.pairs, evaluation.intervals
    return [
        Figure(
            "mIoU",
            means.miou,
            f"Class mean over {counted(means.classes_in_mean, 'part class', 'part classes')}: "
            "overlap divided by union, from pixel counts summed over all images. Background is not "
            "in the mean.",
            intervals.miou,
        ),
        *_oracle_figures(evaluation.oracle),
        Figure(
            "mACC",
            means.macc,
            "Class mean of the share of true pixels that were found (recall).",
            intervals.macc,
        ),
        Figure(
            "mIoU with background",
            means.miou_with_background,
            "mIoU with background counted as one more class, as many papers print it.",
        ),
        *_merged_figures(evaluation.merged),
        Figure(
            "mIoU over (image, class) pairs",
            pairs.miou_image_class_pairs,
            f"Mean IoU over {counted(pairs.pairs, 'pair')} of an image and a class that is true or "
            "predicted in it: every part of every image weighs the same.",
            intervals.miou_image_class_pairs,
        ),
        Figure(
            "Pixel accuracy",
            means.pixel_accuracy,
            "Share of all pixels with the right class; background dominates it.",
        ),
    ]


def other_figures(evaluation: Evaluation) -> list[Figure]:
    """All means that are not among the headline figures, each with its definition.

    Args:
        evaluation: The scores.

    Returns:
        Figures in a fixed order.
    """
    return [
        *_oracle_accuracy_figures(evaluation.oracle),
        *_other_mean_figures(evaluation),
        *_other_merged_figures(evaluation),
        Figure(
            "Boundary mIoU",
            evaluation.boundary.boundary_miou,
            "mIoU of the bands along the inside of the outlines, 2 % of the image's diagonal wide: "
            "how exact the outlines are.",
        ),
        *_panoptic_figures(evaluation.panoptic),
        *_precision_figures(evaluation.average_precision),
        *_official_figures(evaluation.official_code),
    ]


def main_confusions(evaluation: Evaluation) -> list[Confusion]:
    """The largest shares of a class's true pixels that were called another part class.

    Args:
        evaluation: The scores.

    Returns:
        At most six, largest first.
    """
    share = _row_shares(evaluation)
    np.fill_diagonal(share, 0)
    share[0] = share[:, 0] = 0
    return _largest(share, evaluation)


def main_misses(evaluation: Evaluation) -> list[Confusion]:
    """The largest shares of a class's true pixels that were left as background.

    Args:
        evaluation: The scores.

    Returns:
        At most six, largest first.
    """
    share = _row_shares(evaluation)
    share[0] = share[:, 1:] = 0
    return _largest(share, evaluation)


def _row_shares(evaluation: Evaluation) -> NDArray[np.float64]:
    """(C + 1, C + 1) share of each class's true pixels by predicted class."""
    counts = evaluation.counts
    total = counts.sum(axis=1, keepdims=True)
    share: NDArray[np.float64] = np.zeros(counts.shape)
    np.divide(counts, total, out=share, where=total > 0)
    return share


def _largest(share: NDArray[np.float64], evaluation: Evaluation) -> list[Confusion]:
    """The largest cells, as names."""
    names = [score.name for score in evaluation.classes]
    order = np.argsort(share, axis=None)[::-1][:_MOST_CONFUSIONS]
    cells = [divmod(int(flat), len(names)) for flat in order]
    return [
        Confusion(names[row], names[column], float(share[row, column]))
        for row, column in cells
        if share[row, column] >= _LEAST_CONFUSION
    ]


def findings(evaluation: Evaluation) -> list[str]:
    """What stands out, in a few plain sentences.

    Args:
        evaluation: The scores.

    Returns:
        Sentences; empty where there is nothing to say. What to do next comes first.
    """
    sentences = evaluation.anatomy.advice()
    ranked = sorted(_scored_parts(evaluation.classes), key=lambda score: score.iou or 0)
    if len(ranked) > 1:
        best, worst = ranked[-1], ranked[0]
        sentences.append(
            f"The best class is {best.name} ({percent(best.iou)} % IoU), the hardest is "
            f"{worst.name} ({percent(worst.iou)} %)."
        )
    for miss in main_misses(evaluation)[:1]:
        sentences.append(
            f"Most often left as background: {percent(miss.share)} % of the {miss.true_name} "
            "pixels."
        )
    for mixed in main_confusions(evaluation)[:1]:
        sentences.append(
            f"Most often mixed up: {percent(mixed.share)} % of the {mixed.true_name} pixels were "
            f"called {mixed.predicted_name}."
        )
    if evaluation.means.classes_only_predicted:
        sentences.append(
            "Predicted but nowhere in the truth: "
            f"{', '.join(evaluation.means.classes_only_predicted)}."
        )
    return sentences


def percent(value: float | None) -> str:
    """A share as a percentage with one decimal; `n/a` where it is not defined."""
    return "n/a" if value is None else f"{100 * value:.1f}"


def interval_text(interval: Interval | None) -> str:
    """An interval as percentages, such as `71.0 to 77.3`; empty where there is none."""
    return "" if interval is None else f"{percent(interval.low)} to {percent(interval.high)}"


def points(difference: float | None) -> str:
    """A difference of shares in points, with its sign; `n/a` where it is not defined."""
    return "n/a" if difference is None else f"{100 * difference:+.1f}"


def points_interval(interval: Interval | None) -> str:
    """An interval of a difference, such as `-1.0 to +2.3`; empty where there is none."""
    return "" if interval is None else f"{points(interval.low)} to {points(interval.high)}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number and its noun, such as `1 image` or `1,200 images`.

    Args:
        number: How many.
        one: The noun for one.
        many: The noun for all other numbers; None adds an s.

    Returns:
        Both as text.
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def _scored_parts(classes: Iterable[ClassScore]) -> list[ClassScore]:
    """Part classes that are in the means."""
    return [score for score in list(classes)[1:] if score.true_pixels]


def _oracle_figures(oracle: OracleShare | None) -> list[Figure]:
    """The card that compares with the oracle; none without an oracle."""
    if oracle is None:
        return []
    meaning = (
        f"mIoU divided by the oracle's ({percent(oracle.miou)} %). Oracle: {oracle.statement}."
    )
    interval = oracle.miou_share_interval
    return [Figure("Share of the oracle, mIoU", oracle.miou_share, meaning, interval)]


def _oracle_accuracy_figures(oracle: OracleShare | None) -> list[Figure]:
    """The same share for mACC; none without an oracle."""
    if oracle is None:
        return []
    meaning = f"mACC divided by the oracle's ({percent(oracle.macc)} %)."
    return [Figure("Share of the oracle, mACC", oracle.macc_share, meaning)]


def _other_mean_figures(evaluation: Evaluation) -> list[Figure]:
    """Means of the same counts with another choice of classes or pairs."""
    means, pairs = evaluation.means, evaluation.pairs
    return [
        Figure(
            "mACC with background",
            means.macc_with_background,
            "mACC with background counted as one more class.",
        ),
        Figure(
            "mIoU over classes true or predicted",
            means.miou_true_or_predicted_classes,
            "mIoU in which a class that is predicted but nowhere true counts 0.",
        ),
        Figure(
            "mIoU over (image, true class) pairs",
            pairs.miou_image_true_class_pairs,
            f"Mean IoU over {counted(pairs.true_pairs, 'pair')} of an image and a class that is "
            "true in it: an invented class costs nothing.",
        ),
    ]


def _merged_figures(merged: MergedScores | None) -> list[Figure]:
    """The card of the merged classes; none where nothing is merged."""
    if merged is None:
        return []
    return [Figure("mIoU, classes merged", merged.means.miou, _merge_meaning(merged))]


def _other_merged_figures(evaluation: Evaluation) -> list[Figure]:
    """Further scores of merged classes and super-categories, where there are any."""
    figures = []
    if (merged := evaluation.merged) is not None:
        figures.append(Figure("mACC, classes merged", merged.means.macc, _merge_meaning(merged)))
    if (coarser := evaluation.supercategories) is not None:
        meaning = f"By the truth file's super-categories. {_merge_meaning(coarser)}"
        figures.append(Figure("mIoU, super-categories", coarser.means.miou, meaning))
        figures.append(Figure("mACC, super-categories", coarser.means.macc, meaning))
    return figures


def _panoptic_figures(panoptic: PanopticScores) -> list[Figure]:
    """Panoptic quality and its two factors."""
    return [
        Figure(
            "Panoptic quality (PQ)",
            panoptic.pq,
            "SQ times RQ within each class: one number for how well parts are found, told apart "
            "and outlined.",
        ),
        Figure("Segmentation quality (SQ)", panoptic.sq, "Mean IoU of the parts that were found."),
        Figure(
            "Recognition quality (RQ)",
            panoptic.rq,
            "F1 score of finding parts; found means the same class and an IoU above 50 %.",
        ),
    ]


def _precision_figures(precision: AveragePrecision) -> list[Figure]:
    """COCO's scores of masks."""
    return [
        Figure(
            "Average precision (AP)",
            precision.ap,
            "COCO's mask average precision, mean over IoU thresholds from 50 % to 95 %. AP and AR "
            "compare whole masks, and AP ranks them by their scores.",
        ),
        Figure("AP50", precision.ap50, "AP at an IoU threshold of 50 %."),
        Figure("AP75", precision.ap75, "AP at an IoU threshold of 75 %."),
        Figure("AP small", precision.ap_small, "AP over true parts of up to 32 x 32 pixels."),
        Figure("AP medium", precision.ap_medium, "AP over those from 32 x 32 to 96 x 96 pixels."),
        Figure("AP large", precision.ap_large, "AP over those from 96 x 96 pixels."),
        Figure(
            "Average recall (AR)",
            precision.ar,
            "COCO's mask average recall with at most 100 parts of a class in an image.",
        ),
    ]


def _official_figures(official: OfficialCodeScores) -> list[Figure]:
    """What the published evaluation script prints."""
    named = {
        "mean IoU": official.mean_iou,
        "mean accuracy": official.mean_accuracy,
        "mean F1": official.mean_f1,
    }
    meaning = "What the published evaluation script prints under this name; see the details."
    return [
        Figure(f"official_code {name} (not comparable)", value, meaning)
        for name, value in named.items()
    ]


def _merge_meaning(merged: MergedScores) -> str:
    """Which classes were counted as one; only an example where there are many."""
    rules = [f"{' + '.join(members)} = {name}" for name, members in merged.members.items()]
    if len(rules) <= _MOST_MERGES_SPELLED_OUT:
        return f"Counted as one class: {'; '.join(rules)}."
    return f"{len(rules)} groups of classes counted as one, such as {rules[-1]}."
