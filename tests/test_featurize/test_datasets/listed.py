"""What a test asks of a listing."""

from featurize.datasets.grouping import group_names
from featurize.datasets.listing import ListedVideo, Listing


def by_path(listing: Listing) -> dict[str, ListedVideo]:
    return {video.path: video for video in listing.videos}


def groups_of(listing: Listing) -> dict[str, str]:
    names = group_names(video.identities for video in listing.videos)
    return dict(zip((video.path for video in listing.videos), names, strict=True))


def paths_with(listing: Listing, **wanted: str) -> list[str]:
    return [
        video.path
        for video in listing.videos
        if all(getattr(video, name) == value for name, value in wanted.items())
    ]
