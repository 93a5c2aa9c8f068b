"""The data sets that can be listed, by the name the command line gives them."""

from collections.abc import Callable
from pathlib import Path

from featurize.datasets.celebdf import list_celebdf
from featurize.datasets.deeperforensics import list_deeperforensics
from featurize.datasets.dfd import list_dfd
from featurize.datasets.dfdc import list_dfdc
from featurize.datasets.fakeavceleb import list_fakeavceleb
from featurize.datasets.ffpp import list_ffpp
from featurize.datasets.folder import list_folder
from featurize.datasets.listing import Listing
from featurize.datasets.uadfv import list_uadfv

READERS: dict[str, Callable[[Path], Listing]] = {
    "ffpp": list_ffpp,
    "dfd": list_dfd,
    "dfdc": list_dfdc,
    "celebdf": list_celebdf,
    "uadfv": list_uadfv,
    "deeperforensics": list_deeperforensics,
    "fakeavceleb": list_fakeavceleb,
    "folder": list_folder,
}
