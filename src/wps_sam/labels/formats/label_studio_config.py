"""Read Label Studio's labelling interface, `label_config.xml`, for the order of its classes."""

from pathlib import Path
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from wps_sam.errors import DataError
from wps_sam.labels.formats.class_list import read_text

CONFIG_FILE = "label_config.xml"


def read_label_config(folder: Path) -> list[str] | None:
    """Read the labels of the labelling interface.

    Args:
        folder: Where `label_config.xml` may be.

    Returns:
        The labels of all controls, each once, in the file's order; None without such a file or
        without labels in it.

    Raises:
        DataError: The file is no XML.
    """
    path = folder / CONFIG_FILE
    if not path.is_file():
        return None
    text = read_text(path)
    try:
        root = fromstring(text)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise DataError(
            f"Labelling interface {path} is broken XML: {error}. Copy it again from the project's "
            "settings, or remove it."
        ) from error
    names = [(label.get("value") or "").strip() for label in root.iter("Label")]
    return [name for name in dict.fromkeys(names) if name] or None
