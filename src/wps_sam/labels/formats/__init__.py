"""One reader a label format; each gives a `LabelFile`, with annotations as COCO would have them."""
