"""What happens to a video between camera and file, whether or not it is manipulated."""

from featurize.synthesis.degradations.catalogue import DEGRADATIONS
from featurize.synthesis.degradations.chain import Chain
from featurize.synthesis.degradations.degradation import STRENGTHS, Degradation
from featurize.synthesis.degradations.encoder import Encoder
from featurize.synthesis.degradations.film import Film

__all__ = ["DEGRADATIONS", "STRENGTHS", "Chain", "Degradation", "Encoder", "Film"]
