"""One world of a plan becomes a folder of videos, which appears whole or not at all."""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from threadpoolctl import threadpool_limits

import featurize
from featurize.errors import VideoError
from featurize.extraction import one_thread
from featurize.media_file import is_url
from featurize.outputs.whole_file import whole_file
from featurize.synthesis.degradations.film import Film
from featurize.synthesis.errors import SynthesisError
from featurize.synthesis.manipulations.face_clip import FaceClip
from featurize.synthesis.pseudo_fakes.piece import load_piece
from featurize.synthesis.pseudo_fakes.plan import Fake, World
from featurize.synthesis.pseudo_fakes.visibility import Visibility

OK, NOT_RENDERED, UNCHANGED = "ok", "not_rendered", "unchanged"
_RECORD = "world.json"

Outcome = tuple[str, str]
"""Status and reason of a video."""

_MADE: Outcome = (OK, "")


@dataclass(frozen=True)
class Workshop:
    """Where and how worlds are rendered.

    Attributes
    ----------
    out : Path
        Folder that the paths of the new manifest start from.
    store : Path
        Folder of landmarks.
    piece_s : float
        Length of the pieces in seconds.
    """

    out: Path
    store: Path
    piece_s: float

    def finished(self, world: World) -> list[Outcome] | None:
        """What became of a world that was rendered by the very same plan and is still whole."""
        try:
            record = {"lost": {}, **json.loads((self.out / world.name / _RECORD).read_bytes())}
            lost, paths = record["lost"], [row["path"] for row in world.rows()]
            sizes = {path: _size(self.out / path) for path in paths if path not in lost}
        except (OSError, ValueError, TypeError):  # none, or damaged
            return None
        if record != {"plan": self._fingerprint(world), "bytes": sizes, "lost": lost}:
            return None
        return [tuple(lost.get(path, _MADE)) for path in paths]

    def render(self, world: World) -> list[Outcome]:
        """Render a world.

        Returns
        -------
        list of Outcome
            One for each of its rows. A video that cannot be made costs itself alone.

        Raises
        ------
        OutputError
            When the store, or the temporary folder, cannot be written.
        OSError
            When ``out`` cannot be written.
        """
        # The order of sums in a threaded product would depend on the number of threads.
        with one_thread(), threadpool_limits(limits=1):
            try:
                clip = self._piece(world.clip.place, world.start)
            except VideoError as error:
                return [(error.status, str(error))] * len(world.rows())
            except SynthesisError as error:
                return [(NOT_RENDERED, str(error))] * len(world.rows())
            return self._render(world, clip)

    def _render(self, world: World, clip: FaceClip) -> list[Outcome]:
        folder = self.out / world.name
        part = folder.with_name(f".{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        fakes: list[Fake | None] = [None, *world.fakes]
        outcomes, sizes, lost = [], {}, {}
        for row, fake in zip(world.rows(), fakes, strict=True):
            path = part / Path(row["path"]).name
            outcome = self._write(path, world, clip, fake)
            outcomes.append(outcome)
            if outcome == _MADE:
                sizes[row["path"]] = _size(path)
            else:
                lost[row["path"]] = outcome
                path.unlink(missing_ok=True)
        with whole_file(part / _RECORD) as file:
            record = {"plan": self._fingerprint(world), "bytes": sizes, "lost": lost}
            file.write(json.dumps(record, indent=1).encode())
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
        return outcomes

    def _write(self, path: Path, world: World, clip: FaceClip, fake: Fake | None) -> Outcome:
        frames, visibility = clip.frames, Visibility(clip)
        try:
            if fake is not None:
                frames = fake.manipulation.frames(clip, self._donor(fake), fake.seed)
                frames = visibility.watched(frames)
            world.chain.write(path, Film(frames, clip.time_s), world.chain_seed)
        except VideoError as error:
            return f"donor_{error.status}", f"There is no donor: {error}"
        except SynthesisError as error:
            return NOT_RENDERED, str(error)
        if fake is not None and not visibility.is_seen:
            return UNCHANGED, (
                f"{fake.method} changes hardly anything that can be seen in this piece: "
                f"{visibility.changed_share:.1%} of the face."
            )
        return _MADE

    def _donor(self, fake: Fake) -> FaceClip | None:
        return None if fake.donor is None else self._piece(fake.donor.place, fake.donor_start)

    def _piece(self, place: str | Path, start: float) -> FaceClip:
        return load_piece(place, start, self.piece_s, self.store)

    def _fingerprint(self, world: World) -> str:
        """Changes with whatever changes the videos of a world."""
        clips = [world.clip, *(fake.donor for fake in world.fakes if fake.donor is not None)]
        sizes = [_size(clip.place) if _is_there(clip.place) else None for clip in clips]
        facts = (featurize.__version__, self.piece_s, world, sizes)
        return hashlib.sha256(repr(facts).encode()).hexdigest()


def _size(path: str | Path) -> int:
    return Path(path).stat().st_size


def _is_there(place: str | Path) -> bool:
    return not is_url(place) and Path(place).is_file()
