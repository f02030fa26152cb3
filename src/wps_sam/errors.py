"""The errors a user can meet. Each message names the file, the record, what was found, what was
expected and what to do next.
"""


class WpsSamError(Exception):
    """Base of every error this library raises on purpose."""


class ConfigError(WpsSamError):
    """A setting, option or name that cannot be used."""


class DataError(WpsSamError):
    """An image or label file that cannot be read or does not make sense."""


class CacheError(WpsSamError):
    """An embedding cache that is damaged or was made by something else."""


class CheckpointError(WpsSamError):
    """A model folder or training checkpoint that is damaged or belongs to another SAM."""


class TrainingError(WpsSamError):
    """A training run that cannot go on."""


class PredictionError(WpsSamError):
    """A prediction file that does not fit the truth it is compared with."""


class ExportError(WpsSamError):
    """An exported file that does not compute what the model computes."""


class ClusterError(WpsSamError):
    """A job on a cluster that cannot go on."""
