"""What generators, blending and resampling leave in the pixels of a face.

Every signal is a function of a :class:`featurize.frame_features.face_view.FaceView`; one module per
kind of trace.
"""
