"""Made-up video with known truth: a scripted face, authentic or with the faults of a face swap.

Nothing above imports this package; demo, tests and the command line use it.
"""

from featurize.synthesis.curves import Bumps, Constant, Sampled, Sines
from featurize.synthesis.dataset import make_dataset
from featurize.synthesis.errors import SynthesisError
from featurize.synthesis.faults import FaceSwapFaults, manipulated_frame, random_faults
from featurize.synthesis.performer import Performer, rotation
from featurize.synthesis.script import Blink, Script, State, random_script
from featurize.synthesis.video_writer import write_video

__all__ = [
    "Blink",
    "Bumps",
    "Constant",
    "FaceSwapFaults",
    "Performer",
    "Sampled",
    "Script",
    "Sines",
    "State",
    "SynthesisError",
    "make_dataset",
    "manipulated_frame",
    "random_faults",
    "random_script",
    "rotation",
    "write_video",
]
