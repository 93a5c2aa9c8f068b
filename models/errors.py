"""Every exception the package raises on purpose, each with one sentence that says what to do."""


class ModelsError(Exception):
    """Root of all errors of this package; catch it to catch them all."""


class TableError(ModelsError, ValueError):
    """A feature table that cannot be trained on: unreadable, a column or a label is wrong."""


class HoldOutError(ModelsError, ValueError):
    """The table has too little, or not the column, to hold out what was asked for."""


class UnknownClassifierError(ModelsError, ValueError):
    """No classifier has the given name."""


class SettingError(ModelsError, ValueError):
    """A number that says how to run, such as the seed, is out of its range."""


class NotInstalledError(SettingError):
    """What a classifier needs is not installed, or cannot be used where it is installed."""


class DetectorError(ModelsError):
    """A detector file that is missing, damaged, foreign, or holds a type that is not trusted."""


class NoDetectorError(ModelsError):
    """No detector was given, and none ships with the package."""


class FeatureMismatchError(ModelsError, ValueError):
    """A table lacks feature columns that the detector was trained on."""
