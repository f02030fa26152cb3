"""Prints scores."""

from collections.abc import Sequence

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from wps_sam.cli.console import console
from wps_sam.evaluation.comparison import Comparison
from wps_sam.evaluation.report.summary import (
    counted,
    headline_figures,
    interval_text,
    other_figures,
    percent,
    points,
    points_interval,
)
from wps_sam.evaluation.result import Evaluation, MergedScores


def print_evaluation(evaluation: Evaluation, name: str, *, merge_rule: str) -> None:
    """Print the scores of each class, the means and what the loss was lost to.

    Args:
        evaluation: The scores.
        name: What to call the predictions.
        merge_rule: What says which classes are merged, in words.
    """
    console.print(_class_table(evaluation, name))
    means = Table(
        title="Over the data set, in %", box=SIMPLE, pad_edge=False, collapse_padding=True
    )
    for heading in ("score", "value", _confidence(evaluation.intervals.confidence)):
        means.add_column(heading, justify="left" if heading == "score" else "right")
    for figure in (*headline_figures(evaluation), *other_figures(evaluation)):
        means.add_row(escape(figure.name), percent(figure.value), interval_text(figure.interval))
    console.print(means)
    _print_merging(f"Classes merged ({merge_rule})", evaluation.merged)
    _print_merging("Super-categories (the truth file's)", evaluation.supercategories)
    _print_anatomy(evaluation)
    for reason, count in evaluation.skipped.items():
        console.print(f"Left out of the truth: {count} x {escape(reason)}")
    for note in evaluation.notes:
        console.print(f"Note: {escape(note)}")


def _class_table(evaluation: Evaluation, name: str) -> Table:
    """One row a class, background last."""
    table = Table(
        title=f"{escape(name)}: {counted(len(evaluation.images), 'image')}, in %",
        box=SIMPLE,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("class", overflow="fold")
    confidence = _confidence(evaluation.intervals.confidence)
    for heading in ("IoU", confidence, "acc.", "prec.", "bound.", "AP", "PQ"):
        table.add_column(heading, justify="right", no_wrap=True)
    quality = {score.name: score.pq for score in evaluation.panoptic.classes}
    for score in (*evaluation.classes[1:], evaluation.classes[0]):
        table.add_row(
            escape(score.name),
            percent(score.iou),
            interval_text(evaluation.intervals.class_iou.get(score.name)),
            percent(score.accuracy),
            percent(score.precision),
            percent(evaluation.boundary.class_boundary_iou.get(score.name)),
            percent(evaluation.average_precision.classes.get(score.name)),
            percent(quality.get(score.name)),
        )
    return table


def _print_merging(label: str, merged: MergedScores | None) -> None:
    """Say which classes were counted as one, if any were."""
    if merged is not None:
        rules = (f"{' + '.join(parts)} = {name}" for name, parts in merged.members.items())
        console.print(f"{escape(label)}, counted as one class: {escape('; '.join(rules))}.")


def _print_anatomy(evaluation: Evaluation) -> None:
    """Print what the lost IoU was lost to."""
    anatomy = evaluation.anatomy
    causes = {**anatomy.lost, **(anatomy.bad_mask_split or {})}
    spent = ", ".join(f"{name.replace('_', ' ')} {percent(lost)}" for name, lost in causes.items())
    console.print(f"\nWhere the lost mIoU went, in points: {spent}.")
    for sentence in anatomy.advice():
        console.print(escape(sentence))


def print_comparison(comparison: Comparison, names: Sequence[str]) -> None:
    """Print how two prediction files differ.

    Args:
        comparison: The difference, B (the second) minus A (the first).
        names: What to call the two.
    """
    console.print(f"A: {escape(names[0])}, B: {escape(names[1])}")
    title = "B minus A, IoU in % and their difference in points"
    table = Table(title=title, box=SIMPLE, pad_edge=False, collapse_padding=True)
    for heading in ("class", "A", "B", "B - A", _confidence(comparison.confidence)):
        table.add_column(heading, justify="left" if heading == "class" else "right")
    for row in comparison.classes:
        shares = (percent(row.first_iou), percent(row.second_iou), points(row.difference))
        table.add_row(escape(row.name), *shares, points_interval(row.interval))
    console.print(table)
    interval = points_interval(comparison.interval)
    console.print(
        f"mIoU A {percent(comparison.first_miou)}, B {percent(comparison.second_miou)}: difference "
        f"{points(comparison.difference)}{f' ({interval})' if interval else ''}, p = "
        f"{comparison.p_value:.3g} (paired permutation test over images); "
        f"{counted(comparison.images_better, 'image')} better in B, {comparison.images_worse} "
        f"worse, {comparison.images_equal} equal."
    )


def _confidence(share: float) -> str:
    """Heading of a column of intervals."""
    return f"{100 * share:.0f} %"
