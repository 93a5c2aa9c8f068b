"""Videos to learn from, made of authentic video alone: pseudo-fakes beside their originals.

Of each video of a manifest *worlds* are made: a piece of it, in an authentic and in several
manipulated versions that all went through the very same chain of degradations with the same seeds.
Nothing but the manipulation tells the videos of a world apart.
"""

from featurize.synthesis.pseudo_fakes.making import make_pseudo_fakes

__all__ = ["make_pseudo_fakes"]
