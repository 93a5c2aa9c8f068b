"""Published data sets: a folder as it is downloaded becomes a manifest.

One module per data set reads its published layout into a :class:`~.listing.Listing`;
:data:`~.readers.READERS` holds them by name. ``grouping`` joins what shares a person or a source,
``manifest_file`` writes the manifest and ``summary`` says what is in it.
"""
