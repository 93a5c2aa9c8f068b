"""Faces of single frames become people: following, scene cuts, embeddings, linking."""
