"""Pascal VOC files, and folders of them."""

from collections.abc import Mapping
from pathlib import Path

from PIL import Image

# The form of the person layout files of VOC2012; the numbers are made up.
SOUND = """\
<annotation>
  <folder>VOC2012</folder>
  <filename>a.jpg</filename>
  <source><database>The VOC2007 Database</database><image>flickr</image></source>
  <size><width>80</width><height>40</height><depth>3</depth></size>
  <object>
    <name>person</name><pose>Frontal</pose><truncated>1</truncated><difficult>0</difficult>
    <bndbox><xmax>60</xmax><xmin>11</xmin><ymax>30</ymax><ymin>1</ymin></bndbox>
    <part><name>head</name>
      <bndbox><xmin>20</xmin><ymin>1</ymin><xmax>30.5</xmax><ymax>10</ymax></bndbox></part>
    <part><name>hand</name>
      <bndbox><xmin>40</xmin><ymin>11</ymin><xmax>45</xmax><ymax>20</ymax></bndbox></part>
  </object>
  <object><name>dog</name><difficult>1</difficult><truncated>1</truncated>
    <bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object>
</annotation>
"""


def one_object(name: str = "door", filename: str = "", database: str = "", xmin: str = "11") -> str:
    """A file with one box: xmin 11, ymin 1, xmax 20, ymax 30."""
    return (
        f"<annotation><filename>{filename}</filename>"
        f"<source><database>{database}</database></source><object><name>{name}</name>"
        f"<bndbox><xmin>{xmin}</xmin><ymin>1</ymin><xmax>20</xmax><ymax>30</ymax></bndbox>"
        "</object></annotation>"
    )


def write_files(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files by name; those ending in an image's suffix become 40 x 80 (height x width)."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith((".jpg", ".png")):
            Image.new("RGB", (80, 40)).save(path)
        else:
            path.write_text(text, encoding="utf-8")
    return folder
