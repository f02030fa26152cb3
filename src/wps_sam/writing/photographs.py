"""Put photographs beside the labels that were written: links, or copies where asked for."""

from pathlib import Path

from wps_sam.files import write_atomically

MISSING = "photograph is not at hand, so its place beside the labels stays empty"
NO_LINKS = "photograph could not be linked here; --copy-images copies it"


def place_photograph(source: Path | None, target: Path, *, copy_it: bool) -> str:
    """Put one photograph where a written data set expects it.

    Args:
        source: The photograph; None if it is not at hand.
        target: Where it belongs; its folder is made. A link there is replaced, a file is kept.
        copy_it: Copy the file, instead of making a symbolic link to it.

    Returns:
        Why it is not there now, or "".
    """
    if source is None:
        return MISSING
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink():
        target.unlink()
    if target.exists():
        return ""
    if copy_it:
        write_atomically(target, source.read_bytes())
        return ""
    try:
        target.symlink_to(source.absolute())
    except OSError:
        return NO_LINKS
    return ""
