"""All writers by the name of their format. To add one, write a `ShapeWriter` and add a line."""

from wps_sam.writing.coco import CocoWriter
from wps_sam.writing.cvat import CvatWriter
from wps_sam.writing.label_map import LabelMapWriter
from wps_sam.writing.label_studio import LabelStudioWriter
from wps_sam.writing.labelme import LabelMeWriter
from wps_sam.writing.writer import ShapeWriter
from wps_sam.writing.yolo import YoloWriter

WRITERS: dict[str, type[ShapeWriter]] = {
    "coco": CocoWriter,
    "yolo": YoloWriter,
    "labelme": LabelMeWriter,
    "cvat": CvatWriter,
    "label_studio": LabelStudioWriter,
    "label_map": LabelMapWriter,
}
"""Writer by format, as `wps-sam data convert --format` names it."""
