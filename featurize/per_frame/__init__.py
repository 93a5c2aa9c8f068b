"""What is seen of each face in each frame of a video, in files that scripts for OpenFace 2 read."""
