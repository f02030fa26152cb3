"""The paper's training loss (equation 4)."""

from collections.abc import Sequence

import torch
from torch.nn import functional as F

from wps_sam.errors import ConfigError
from wps_sam.prompter.global_batch import mean_over_processes
from wps_sam.prompter.interface import Criterion, Losses, PartTargets
from wps_sam.prompter.query.config import QueryCriterionConfig
from wps_sam.prompter.query.matching import match_queries
from wps_sam.prompter.query.model import QueryOutput


class QueryCriterion(Criterion):
    """Cross-entropy over all queries, smooth L1 over the matched ones."""

    def __init__(self, config: QueryCriterionConfig, num_queries: int) -> None:
        """Keep the loss weights and the number of queries S."""
        self.config = config
        self.num_queries = num_queries

    def check(self, targets: PartTargets, image_name: str) -> None:
        """Raise `ConfigError` if the image has more parts than there are queries."""
        parts = len(targets.class_index)
        if parts > self.num_queries:
            raise ConfigError(
                f"{image_name} has {parts} labelled parts, but the prompter has only "
                f"{self.num_queries} queries, one a part. Set --num-queries to {parts} or more."
            )

    def __call__(self, output: QueryOutput, targets: Sequence[PartTargets]) -> Losses:
        """Equation 4, averaged over the batch, which several processes may share.

        The regression term of a part is smooth L1 averaged over the T x 256 numbers of its prompt;
        both terms are then summed over the S queries and divided by S.
        """
        batch, num_queries, num_logits = output.class_logits.shape
        labels = output.class_logits.new_full(
            (batch, num_queries), num_logits - 1, dtype=torch.long
        )
        regression = output.tokens[:0].sum()  # 0 with a gradient, also of a share without images
        for i, target in enumerate(targets):
            queries = torch.from_numpy(
                match_queries(output.class_logits[i], output.tokens[i], target, self.config)
            ).to(labels.device)
            labels[i, queries] = target.class_index
            per_part = F.smooth_l1_loss(output.tokens[i, queries], target.tokens, reduction="none")
            regression = regression + per_part.mean(dim=(1, 2)).sum()
        count = mean_over_processes(regression.new_tensor(batch * num_queries))
        regression = regression / count
        classification = F.cross_entropy(
            output.class_logits.flatten(0, 1), labels.flatten(), reduction="sum"
        )
        classification = classification / count
        total = self.config.loss_class * classification + self.config.loss_token * regression
        return Losses(total, {"class": classification.detach(), "token": regression.detach()})
