"""Signals of one face over a whole video in, one value per feature out; one module per kind.

Rates and derivatives come from presentation times, so the same motion filmed at another frame rate
gives the same value within the tolerance the tests state. Gaps are never bridged.
"""
