"""The teacher: SAM's own prompt encoder applied to weak labels (paper, section 3.2)."""

from typing import Literal

import numpy as np
import torch

from wps_sam.geometry.boxes import box_center
from wps_sam.geometry.frames import SamFrame
from wps_sam.labels.weak_labels import WeakImage
from wps_sam.prompter.interface import PartTargets
from wps_sam.sam.frozen import FrozenSam

Supervision = Literal["box", "point"]


def teacher_targets(sam: FrozenSam, image: WeakImage, supervision: Supervision) -> PartTargets:
    """Encode one image's weak labels as the tokens the prompter must learn to emit.

    Under `point` supervision the label is the centre of the box (paper, section 4.3), and nothing
    else of the box is used.
    """
    frame = SamFrame((image.height, image.width), sam.image_side)
    device = sam.device
    if supervision == "box":
        boxes = torch.from_numpy(frame.boxes_to_sam(image.boxes_xyxy).astype(np.float32)).to(device)
        tokens = sam.prompt_boxes(boxes)
    else:
        centers = frame.points_to_sam(box_center(image.boxes_xyxy)).astype(np.float32)
        points = torch.from_numpy(centers).to(device)
        tokens = sam.prompt_points(points[:, None, :])
        boxes = torch.cat([points, points], dim=1)
    return PartTargets(
        class_index=torch.from_numpy(image.class_index).long(),
        tokens=tokens.float().cpu(),
        boxes_xyxy=boxes.float().cpu(),
    )
