"""How the detector that comes with the package is made: corpus, choice, training, model card."""
