"""A sound Pascal VOC file."""

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
