"""Compression levels of FaceForensics++ and DFD, one of which goes by two names."""

from collections import defaultdict
from collections.abc import Callable, Collection

from featurize.datasets.wording import counted

LEVELS = {"raw": "c0", "c0": "c0", "c23": "c23", "c40": "c40"}
"""Folders of the compression levels; the download script says ``raw`` for what was ``c0``."""


class FoundVideos:
    """Names of the videos that were found, by method and level, each name once.

    Attributes
    ----------
    names : dict
        Method, empty for authentic videos, and level to the names of files.
    """

    def __init__(self) -> None:
        self.names: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._folder: dict[tuple[str, str], str] = {}
        self._copies: list[str] = []

    def add(self, path: str, method: str, level: str) -> bool:
        """Take note of a video; False when it was found before in another folder of the level."""
        folder, _, name = path.rpartition("/")
        self._folder.setdefault((method, level), folder)
        names = self.names[method, level]
        if name in names:
            self._copies.append(path)
            return False
        names.add(name)
        return True

    def missing(self, expected: Callable[[str], Collection[str]]) -> tuple[str, ...]:
        """Name what is not there of the names expected of a method, at each level found of it."""
        return tuple(
            sorted(
                f"{self._folder[method, level]}/{name}"
                for (method, level), names in self.names.items()
                for name in set(expected(method)) - names
            )
        )

    def incomplete(self, published: Callable[[str], int]) -> list[str]:
        """Say which folders do not hold as many videos as were published of the method."""
        return sorted(
            f"{self._folder[method, level]} holds {len(names)} of the {published(method)} videos "
            "that were published."
            for (method, level), names in self.names.items()
            if len(names) != published(method)
        )

    def remarks(self) -> list[str]:
        """Say what was found twice."""
        if not self._copies:
            return []
        return [
            f"Passed over: {counted(len(self._copies), 'video')} (first: {self._copies[0]}) that "
            "another folder of the same level holds too, as c0 does for raw."
        ]
