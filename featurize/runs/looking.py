"""Task of worker processes that look at addresses: little is imported, as there are many."""

from collections.abc import Mapping
from multiprocessing.pool import ThreadPool
from typing import Any

from featurize.errors import OptionError
from featurize.media_file import looked_at

TASK = f"{__name__}:look"


def look(request: Mapping[str, Any]) -> dict[str, Any]:
    """Look at addresses, all at a time, so that each has the time of the request.

    Returns
    -------
    dict
        ``found``: state and size of each; or ``fault``: a sentence about a package that is missing.
    """
    paths = request["paths"]
    try:
        with ThreadPool(len(paths)) as threads:
            return {"found": threads.map(looked_at, paths, chunksize=1)}
    except OptionError as error:
        return {"fault": str(error)}
