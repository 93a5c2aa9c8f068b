"""What a worker process is asked about one video, and what it answers."""

import gc
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache, cached_property, partial
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

from featurize import __version__, errors
from featurize.errors import (
    ModelFileError,
    NoRoomError,
    OptionError,
    OutputError,
    VideoError,
    WorkerError,
)
from featurize.extraction import LandmarkOptions
from featurize.feature_options import BASE_FEATURES, FeatureOptions, changed
from featurize.feature_rows import Row, failed_row
from featurize.landmarks.storage.store import LandmarkStore
from featurize.media_file import is_url, shown
from featurize.networks.facts import NetworkFacts
from featurize.per_frame.frame_file import write_per_frame
from featurize.pipeline import video_rows
from featurize.registry import video_features
from featurize.runs.row_text import read_rows, spelled

TASK = "featurize.runs.one_video:work"
"""What worker processes do."""

LEAST_ROOM_BYTES = 2**28
"""When the temporary folder has less, although the video that it had no room for is gone, the fault
is not that video's."""


@dataclass(frozen=True)
class Plan:
    """What is done with every video of a run.

    Attributes
    ----------
    options : LandmarkOptions
        How faces are found and followed.
    features : FeatureOptions
        What is measured, of whole videos or of windows.
    landmark_store, per_frame : str or None
        Folders of landmarks and of signals per frame.
    """

    options: LandmarkOptions
    features: FeatureOptions = BASE_FEATURES
    landmark_store: str | None = None
    per_frame: str | None = None

    @cached_property
    def settings(self) -> dict[str, object]:
        """Everything that changes rows besides the videos, as JSON can hold it.

        Raises
        ------
        OptionError, ModelFileError
            When a network cannot be run here.
        """
        names = [feature.name for feature in video_features(self.features)]
        return {
            **self.options.settings,
            **self.features.settings,
            "featurize": __version__,
            "features": sha256("\n".join(names).encode()).hexdigest(),
            **{package: metadata.version(package) for package in ("numpy", "scipy")},
        }

    @property
    def n_features(self) -> int:
        """Features of each row."""
        return len(video_features(self.features))

    @property
    def products(self) -> dict[str, object]:
        """What is to be there when a video is done, besides its rows."""
        return {"landmark_store": self.landmark_store, "per_frame": self.per_frame}

    @property
    def whole_products(self) -> dict[str, object]:
        """The same by whole paths, from wherever the command is given."""
        whole = dict(self.products)
        for name, path in self.products.items():
            if path is not None and not Path(path).is_absolute():
                whole[name] = str(Path(self.folder, path))
        return whole

    @cached_property
    def _whole_features(self) -> FeatureOptions:
        """Which features, with networks by whole paths: workers outlive a change of folder."""
        if all(map(os.path.isabs, self.features.files)):
            return self.features
        return self.features.in_folder(self.folder)

    @cached_property
    def folder(self) -> str:
        """Where relative paths start, from the first time that it is asked for.

        Raises
        ------
        OptionError
            When the current folder is gone.
        """
        try:
            return os.getcwd()  # noqa: PTH109  a string is wanted
        except OSError as error:
            raise OptionError(
                "The current folder is gone: change to another one, or give whole paths only."
            ) from error

    def request(self, path: str, listed: str) -> dict[str, Any]:
        """Ask for the rows of a video.

        Parameters
        ----------
        path : str
            Where it is: a path or a URL.
        listed : str
            How the list of videos names it.
        """
        files = [] if is_url(path) else [path]
        files += filter(None, self.products.values())
        return {
            "path": path,
            "listed": listed,
            "folder": None if all(map(os.path.isabs, files)) else self.folder,
            "plan": {
                "options": asdict(self.options),
                "features": asdict(self._whole_features),
                **self.products,
            },
            "settings": self.settings,
        }


def work(request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a request: the rows of the video, or a fault of the set-up in a sentence."""
    planned = request["plan"]
    how = LandmarkOptions(**planned["options"]), FeatureOptions(**planned["features"])
    plan = Plan(**{**planned, "options": how[0], "features": how[1]})
    try:
        return _rows(_worked_on(request, plan))
    except VideoError as error:
        return _rows([failed_row(error.status, str(error), *how)])
    except NoRoomError as error:
        no_room = str(error)  # and with the error go the files that the video had
    except (ModelFileError, OptionError, OutputError, WorkerError) as error:
        return {"fault": type(error).__name__, "sentence": str(error)}
    except ImportError as error:
        return {"fault": WorkerError.__name__, "sentence": f"{error}: install what is missing."}
    except Exception as error:  # noqa: BLE001  one video must never end a run of days
        reason = f"{shown(request['path'])} made {type(error).__name__}: {error}. Please report it."
        return _rows([failed_row("failed", " ".join(reason.split()), *how)])
    gc.collect()
    if shutil.disk_usage(tempfile.gettempdir()).free < LEAST_ROOM_BYTES:
        return {"fault": OutputError.__name__, "sentence": no_room}
    return _rows([failed_row("too_large", f"{shown(request['path'])}: {no_room}", *how)])


def _worked_on(request: Mapping[str, Any], plan: Plan) -> list[Row]:
    _enter(request["folder"])
    _compare(request["settings"], plan)
    store = None if plan.landmark_store is None else _store(plan.landmark_store)
    see = None
    if plan.per_frame is not None:
        see = partial(write_per_frame, folder=Path(plan.per_frame), listed=request["listed"])
    try:
        return video_rows(request["path"], plan.options, store, plan.features, see)
    finally:
        # Whatever came of it: what two networks have said is nobody's row.
        plan.features.opened()


def answered_rows(answer: Mapping[str, Any], plan: Plan) -> list[Row]:
    """Rows of an answer to what was asked by a plan.

    Raises
    ------
    ModelFileError, OptionError, OutputError, WorkerError
        What the worker found to be wrong with the set-up, rather than with the video.
    """
    if "fault" in answer:
        raise getattr(errors, answer["fault"])(answer["sentence"])
    return read_rows(answer["rows"], plan.n_features)


def _rows(rows: list[Row]) -> dict[str, Any]:
    return {"rows": spelled(rows)}


# A store tries whether its folder can be written: once for each process is enough.
_store = cache(LandmarkStore)


def _enter(folder: str | None) -> None:
    """Go to the folder that relative paths start from, if there are any."""
    if folder is None:
        return
    try:
        os.chdir(folder)
    except OSError as error:
        raise WorkerError(
            f"A worker cannot enter {folder} ({error.strerror}): run where every worker sees the "
            "same files."
        ) from error


def _compare(wanted: Mapping[str, Any], plan: Plan) -> None:
    """Refuse to make rows with other code, or other networks, than those of the run."""
    networks = plan.features.networks
    before = wanted.get("networks", {}).values()
    for facts, network in zip(networks, before, strict=False):
        if network["sha256"] != facts.sha256:
            raise changed(facts.spec)
    for name, here in _settings_here(plan, networks).items():
        if wanted.get(name) != here:
            differ = f"{name} {here}, but the run has {wanted.get(name)}"
            if not isinstance(here, str):
                differ = f"other {name} than the run"
            raise WorkerError(f"A worker has {differ}: install the same versions everywhere.")


@cache
def _settings_here(plan: Plan, _networks: tuple[NetworkFacts, ...]) -> dict[str, object]:
    """Settings of this process, looked up anew only where a network has changed."""
    return plan.settings
