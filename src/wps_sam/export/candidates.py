"""What a prompter offers, before SAM decodes: always the same number, the best first.

The twins of the prompters' `select`: shapes do not depend on the picture, and which candidates are
parts is said by a mask.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from wps_sam.errors import ConfigError
from wps_sam.export.suppression import boxes_that_stay
from wps_sam.prompter.clicks import prompt_with_clicks
from wps_sam.prompter.dense.model import DensePrompter
from wps_sam.prompter.interface import Prompter
from wps_sam.prompter.query.model import QueryPrompter
from wps_sam.sam.frozen import FrozenSam


class PromptGroup(NamedTuple):
    """Prompts of one length.

    Attributes:
        members: (N,) bool, which candidates are prompted so.
        tokens: (N, T, 256) float32, also of candidates that are no members.
    """

    members: Tensor
    tokens: Tensor


class Candidates(NamedTuple):
    """N candidates of one picture, highest score first.

    Attributes:
        class_index: (N,) int64; without meaning where `is_part` is false.
        scores: (N,) float32.
        is_part: (N,) bool, what `Prompter.select` would keep.
        groups: Each candidate is a member of one.
        boxes_xyxy: (N, 4) float32, SAM frame: what the tokens stand for; None where they stand for
            no box that is known.
    """

    class_index: Tensor
    scores: Tensor
    is_part: Tensor
    groups: tuple[PromptGroup, ...]
    boxes_xyxy: Tensor | None


class CandidateFinder(nn.Module, ABC):
    """A prompter and the choice of its parts, for a graph."""

    @abstractmethod
    def forward(self, features: Tensor) -> Candidates:
        """Offer candidates; features are (1, 256, h, w) float32."""


class DenseCandidates(CandidateFinder):
    """Candidates of the `strong` recipe's prompter."""

    def __init__(self, prompter: DensePrompter, sam: FrozenSam, score_threshold: float) -> None:
        """Join what is in memory already.

        Args:
            prompter: In eval mode.
            sam: Its prompt encoder turns boxes and points into tokens.
            score_threshold: Least probability of a part.
        """
        super().__init__()
        self.prompter = prompter
        self.score_threshold = score_threshold
        self.sam = sam
        self._any_clicked = bool(prompter.clicked.any())
        self._all_clicked = bool(prompter.clicked.all())

    def forward(self, features: Tensor) -> Candidates:
        """See CandidateFinder; the twin of `DensePrompter.select`."""
        output = self.prompter(features)
        scores, class_index = output.probabilities()[0].max(-1)
        scores, order = scores.topk(scores.shape[0])  # a runtime puts the earlier of equals first
        class_index = class_index[order]
        boxes = output.boxes_xyxy[0][order].clamp(0, self.prompter.image_side)
        stays = boxes_that_stay(boxes, class_index, self.prompter.config.overlap_limit)
        groups = self._groups(boxes, self.prompter.clicked[class_index])
        is_part = stays & (scores >= self.score_threshold)
        return Candidates(class_index, scores, is_part, groups, boxes)

    def _groups(self, boxes_xyxy: Tensor, with_points: Tensor) -> tuple[PromptGroup, ...]:
        """Prompt each candidate as its class wants it: the twin of `clicks.prompt_parts`."""
        groups = []
        if not self._all_clicked:
            groups.append(PromptGroup(~with_points, self.sam.prompt_boxes(boxes_xyxy)))
        if self._any_clicked:
            groups.append(PromptGroup(with_points, prompt_with_clicks(self.sam, boxes_xyxy)))
        return tuple(groups)


class QueryCandidates(CandidateFinder):
    """Candidates of the `paper` recipe's prompter."""

    def __init__(self, prompter: QueryPrompter, score_threshold: float) -> None:
        """Join what is in memory already.

        Args:
            prompter: In eval mode.
            score_threshold: Least probability of a part.
        """
        super().__init__()
        self.prompter = prompter
        self.score_threshold = score_threshold

    def forward(self, features: Tensor) -> Candidates:
        """See CandidateFinder; the twin of `QueryPrompter.select`."""
        output = self.prompter(features)
        scores, class_index = output.class_logits[0].softmax(-1).max(-1)
        scores, order = scores.topk(scores.shape[0])  # a runtime puts the earlier of equals first
        class_index = class_index[order]
        is_part = (class_index != self.prompter.num_classes) & (scores >= self.score_threshold)
        everyone = PromptGroup(torch.ones_like(is_part), output.tokens[0][order])
        return Candidates(class_index, scores, is_part, (everyone,), None)


def candidate_finder(prompter: Prompter, sam: FrozenSam, score_threshold: float) -> CandidateFinder:
    """The finder for a prompter.

    Args:
        prompter: In eval mode.
        sam: The SAM that it was trained with.
        score_threshold: Least probability of a part.

    Returns:
        The finder.

    Raises:
        ConfigError: No finder is written for such a prompter.
    """
    if isinstance(prompter, DensePrompter):
        return DenseCandidates(prompter, sam, score_threshold)
    if isinstance(prompter, QueryPrompter):
        return QueryCandidates(prompter, score_threshold)
    raise ConfigError(
        f"A {type(prompter).__name__} cannot be exported; expected a prompter of the recipes "
        "`strong` or `paper`. Its way of choosing parts has to be written in wps_sam.export first."
    )
