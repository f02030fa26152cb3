"""Prints scores."""

from collections.abc import Sequence

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from wps_sam.cli.console import console
from wps_sam.evaluation.comparison import Comparison
from wps_sam.evaluation.intervals import Interval
from wps_sam.evaluation.report.summary import headline_figures, other_figures, percent
from wps_sam.evaluation.result import Evaluation


def print_evaluation(evaluation: Evaluation, name: str) -> None:
    """Print the scores of each class, the means and what the loss was lost to.

    Args:
        evaluation: The scores.
        name: What to call the predictions.
    """
    console.print(_class_table(evaluation, name))
    means = Table(
        title="Over the data set, in %", box=SIMPLE, pad_edge=False, collapse_padding=True
    )
    for heading in ("score", "value", "95 %"):
        means.add_column(heading, justify="left" if heading == "score" else "right")
    for figure in (*headline_figures(evaluation), *other_figures(evaluation)):
        means.add_row(escape(figure.name), percent(figure.value), _range(figure.interval))
    official = percent(evaluation.official_code.mean_iou)
    means.add_row("official_code IoU, not comparable", official, "")
    console.print(means)
    _print_merging(evaluation)
    _print_anatomy(evaluation)
    for reason, count in evaluation.skipped.items():
        console.print(f"Left out of the truth: {count} x {escape(reason)}")
    for note in evaluation.notes:
        console.print(f"Note: {escape(note)}")


def _class_table(evaluation: Evaluation, name: str) -> Table:
    """One row a class, background last."""
    images = len(evaluation.images)
    table = Table(
        title=f"{escape(name)}: {images} images, in %",
        box=SIMPLE,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("class", overflow="fold")
    for heading in ("IoU", "95 %", "acc.", "prec.", "bound.", "AP", "PQ"):
        table.add_column(heading, justify="right", no_wrap=True)
    quality = {score.name: score.pq for score in evaluation.panoptic.classes}
    for score in (*evaluation.classes[1:], evaluation.classes[0]):
        table.add_row(
            escape(score.name),
            percent(score.iou),
            _range(evaluation.intervals.class_iou.get(score.name)),
            percent(score.accuracy),
            percent(score.precision),
            percent(evaluation.boundary.class_boundary_iou.get(score.name)),
            percent(evaluation.average_precision.classes.get(score.name)),
            percent(quality.get(score.name)),
        )
    return table


def _print_merging(evaluation: Evaluation) -> None:
    """Say which classes were counted as one."""
    for merged in (evaluation.merged, evaluation.supercategories):
        if merged is not None:
            rules = (f"{' + '.join(parts)} = {name}" for name, parts in merged.members.items())
            console.print(f"Counted as one class: {escape('; '.join(rules))}.")


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
        comparison: The difference, second minus first.
        names: What to call the two.
    """
    title = f"{escape(names[1])} minus {escape(names[0])}, IoU in points"
    table = Table(title=title, box=SIMPLE, pad_edge=False, collapse_padding=True)
    for heading in ("class", "first", "second", "difference", "95 %"):
        table.add_column(heading, justify="left" if heading == "class" else "right")
    for row in comparison.classes:
        numbers = (row.first_iou, row.second_iou, row.difference)
        table.add_row(escape(row.name), *(percent(n) for n in numbers), _range(row.interval))
    console.print(table)
    console.print(
        f"mIoU {percent(comparison.first_miou)} and {percent(comparison.second_miou)}: difference "
        f"{percent(comparison.difference)} ({_range(comparison.interval)}), p = "
        f"{comparison.p_value:.3g} (paired permutation test over images); "
        f"{comparison.images_better} images better, {comparison.images_worse} worse, "
        f"{comparison.images_equal} equal."
    )


def _range(interval: Interval | None) -> str:
    """An interval in percent."""
    return "" if interval is None else f"{percent(interval.low)} - {percent(interval.high)}"
