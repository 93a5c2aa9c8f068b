"""Encoders: film to mp4 file with the same bytes each time, and film through a file and back."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from featurize.synthesis.degradations.film import Film
from featurize.synthesis.errors import SynthesisError
from featurize.temporary import temporary_folder

_LIBRARIES = {"h264": "libx264", "h265": "libx265", "vp9": "libvpx-vp9", "mpeg4": "mpeg4"}
_WORST = {"h264": 51, "h265": 51, "vp9": 63, "mpeg4": 31}
# 90 kHz is the clock of MPEG; MPEG-4 part 2 counts its own time in at most 16 bits.
_CLOCK_HZ = {"h264": 90_000, "h265": 90_000, "vp9": 90_000, "mpeg4": 60_000}


@dataclass(frozen=True)
class Encoder:
    """How a film is encoded. All codecs go into mp4, without sound, by one thread.

    The presets are fast ones: at 512 x 512, one core of 2025 takes 2 to 6 ms a frame for H.264 and
    5 ms for H.265 and VP9.

    Attributes
    ----------
    codec : str
        ``h264`` (x264), ``h265`` (x265), ``vp9`` (libvpx) or ``mpeg4`` (MPEG-4 part 2, as DivX and
        Xvid).
    quality : int
        The constant rate factor, 0 to 51 (``vp9``: to 63): 23 and 40 of ``h264`` are the "c23" and
        "c40" of FaceForensics++. For ``mpeg4`` the quantiser, 1 to 31. The lower, the better.
    preset : str
        Preset of x264; the others have one each.
    baseline : bool
        Whether ``h264`` keeps to the baseline profile (no B-frames, no arithmetic coding), as
        phones and apps do.
    keyframe_every : int
        Most frames from one key frame to the next.

    Raises
    ------
    SynthesisError
        When there is no such codec or quality.
    """

    codec: str = "h264"
    quality: int = 18
    preset: str = "veryfast"
    baseline: bool = False
    keyframe_every: int = 250

    def __post_init__(self) -> None:
        if self.codec not in _LIBRARIES:
            raise SynthesisError(
                f"There is no encoder {self.codec!r}; there are {', '.join(_LIBRARIES)}."
            )
        lowest, worst = int(self.codec == "mpeg4"), _WORST[self.codec]
        if not lowest <= self.quality <= worst:
            raise SynthesisError(
                f"quality of {self.codec} must be {lowest} to {worst}, not {self.quality}."
            )

    @property
    def description(self) -> str:
        """Short, for a manifest: ``h264-crf23``, ``mpeg4-q5``."""
        return f"{self.codec}-{'q' if self.codec == 'mpeg4' else 'crf'}{self.quality}"

    def write(self, path: str | Path, film: Film) -> None:
        """Write a film; the same film gives the same bytes.

        Parameters
        ----------
        path : str or Path
            File to write, mp4 whatever its name; an existing one is replaced.
        film : Film
            Both sides even. Its times may be uneven: the file then has a variable frame rate. If
            the first is later than 0, all are up to 0.8 ms early in the file, whose edit list
            counts in milliseconds.

        Raises
        ------
        SynthesisError
            When a side is odd, two times are less than a tick of the clock apart, the encoder
            fails, or PyAV was built without it.
        OSError
            When the file cannot be written.
        """
        library = _LIBRARIES[self.codec]
        try:
            av.codec.Codec(library, "w")
        except av.codec.codec.UnknownCodecError as error:
            raise SynthesisError(
                f"This build of PyAV has no encoder {library}: install the wheel of PyAV from "
                f"PyPI, or draw no {self.codec}."
            ) from error
        time_base = Fraction(1, _CLOCK_HZ[self.codec])
        pts = np.round(film.time_s / float(time_base)).astype(np.int64)
        if np.any(np.diff(pts) <= 0):
            raise SynthesisError(
                f"Times of frames must be at least 1/{_CLOCK_HZ[self.codec]} s apart to be encoded."
            )
        try:
            self._encode(path, film, pts, time_base, library)
        except av.FFmpegError as error:
            if isinstance(error, OSError):
                raise
            raise SynthesisError(
                f"The encoder {library} failed ({error.strerror}): draw another chain for this "
                "film, or leave it out."
            ) from error

    def _encode(
        self, path: str | Path, film: Film, pts: np.ndarray, time_base: Fraction, library: str
    ) -> None:
        with av.open(str(path), "w", format="mp4", options={"fflags": "+bitexact"}) as container:
            stream = container.add_stream(
                library, rate=Fraction(1 / film.step_s).limit_denominator(1001)
            )
            stream.options = self._options()
            stream.pix_fmt = "yuv420p"
            stream.time_base = stream.codec_context.time_base = time_base
            stream.codec_context.thread_count = 1
            if self.codec == "mpeg4":
                # Only makes it hear qmin and qmax; nothing is aimed at.
                stream.codec_context.bit_rate = 1_000_000
            for rgb, when in zip(film, pts, strict=True):
                if not stream.codec_context.is_open:
                    if rgb.shape[0] % 2 or rgb.shape[1] % 2:
                        raise SynthesisError(
                            f"Both sides of a frame must be even to be encoded, not "
                            f"{rgb.shape[1]} x {rgb.shape[0]}: cut or scale the film first."
                        )
                    stream.height, stream.width = rgb.shape[:2]
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
                frame.pts = int(when)
                frame.time_base = time_base
                container.mux(stream.encode(frame))
            container.mux(stream.encode())

    def again(self, film: Film) -> Film:
        """Return the film as it looks when it was encoded and decoded again; the times are kept.

        It goes through a temporary file while the result is iterated over, so that memory does not
        grow with its length.

        Raises
        ------
        SynthesisError
            As :meth:`write`, or when the file does not hold all frames.
        OutputError
            When the temporary folder cannot be written.
        """
        return Film(self._there_and_back(film), film.time_s)

    def _there_and_back(self, film: Film) -> Iterator[np.ndarray]:
        with temporary_folder(), tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "film.mp4"
            self.write(path, film)
            with av.open(str(path)) as container:
                container.streams.video[0].codec_context.thread_count = 1
                for frame in container.decode(video=0):
                    yield frame.to_ndarray(format="rgb24")

    def _options(self) -> dict[str, str]:
        quality, options = str(self.quality), {"g": str(self.keyframe_every)}
        if self.codec == "h264":
            # No macroblock tree: see featurize.synthesis.video_writer.
            options |= {"crf": quality, "preset": self.preset}
            options["x264-params"] = "threads=1:no-mbtree=1"
            if self.baseline:
                options["profile"] = "baseline"
        elif self.codec == "h265":
            options |= {"crf": quality, "preset": "ultrafast"}
            options["x265-params"] = "pools=none:frame-threads=1:info=0:log-level=error"
        elif self.codec == "vp9":
            options |= {"crf": quality, "b": "0", "deadline": "realtime", "cpu-used": "7"}
            # Pictures that are never shown would be a second set of packets.
            options["lag-in-frames"] = "0"
        else:
            options |= {"qmin": quality, "qmax": quality, "flags": "+bitexact"}
        return options
