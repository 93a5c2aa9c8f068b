"""The model card: everything a user must know of the detector, every figure from what was measured.

The sentences are in ``model_card.md.jinja``, in which there is no figure.
"""

import hashlib
import inspect
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from featurize.synthesis.degradations.catalogue import DEGRADATIONS
from featurize.synthesis.manipulations.catalogue import MANIPULATIONS
from models.detector import Detector
from pretraining.kinds import PSEUDO, is_authentic, is_pseudo_fake, is_real_fake
from pretraining.tables import table_text, wide

_TEMPLATE = "model_card.md.jinja"
_ABOUT_SOURCE = ("source_repo", "commit", "licence")
_UNTOLD = "not told"
_MEASURES_OF_TRAINING = ("n_videos", "n_real", "n_fake", "n_groups", "n_rows")


def model_card(facts: Mapping[str, object]) -> str:
    """Return the card in Markdown.

    Parameters
    ----------
    facts : mapping
        ``data`` (see :func:`data_facts`), ``detector`` (see :func:`detector_facts`), ``figures``
        (see :func:`pretraining.figures.all_figures`), ``ablation``
        (:func:`pretraining.ablation.ablation`), ``robustness``
        (:func:`pretraining.robustness.robustness`) and ``command``.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=select_autoescape(),  # of HTML, which Markdown is not
    )
    environment.filters |= {"table": table_text, "wide": wide}
    return environment.get_template(_TEMPLATE).render(facts)


def data_facts(manifest: pd.DataFrame, table: pd.DataFrame) -> dict[str, object]:
    """Return where clips come from and what was made of them, as plain data.

    Parameters
    ----------
    manifest : pandas.DataFrame
        Clips; ``source_repo, commit, licence`` where they are known.
    table : pandas.DataFrame
        The corpus.

    Returns
    -------
    dict
        ``clips``: a row for each source, commit and licence with the numbers of authentic clips,
        of fakes and of groups, and the methods; ``pseudo_fakes``: a row for each manipulation;
        ``counts``: videos of each kind; ``degradations``: their names.
    """
    known = manifest.reindex(columns=[*manifest.columns, *set(_ABOUT_SOURCE) - set(manifest)])
    known = known.assign(**{name: known[name].fillna(_UNTOLD) for name in _ABOUT_SOURCE})
    clips = [
        {
            **dict(zip(_ABOUT_SOURCE, names, strict=True)),
            "n_authentic": int(is_authentic(part).sum()),
            "n_fakes": int((~is_authentic(part)).sum()),
            "n_groups": int(part["group"].nunique()),
            "methods": ", ".join(sorted(set(part.loc[~is_authentic(part), "method"]))),
        }
        for names, part in known.groupby(list(_ABOUT_SOURCE))
    ]
    videos = table.drop_duplicates("path")
    counts = videos["method"].value_counts()
    kinds = {
        "authentic": is_authentic(videos),
        "fakes of the sources": is_real_fake(videos),
        "pseudo-fakes": is_pseudo_fake(videos),
    }
    return {
        "clips": clips,
        "pseudo_fakes": [
            {
                "method": f"{PSEUDO}{name}",
                "what": inspect.getdoc(kind).splitlines()[0],
                "n_videos": int(counts.get(f"{PSEUDO}{name}", 0)),
            }
            for name, kind in MANIPULATIONS.items()
        ],
        "counts": [
            {
                "videos": name,
                "n_as_they_are": int((rows & (videos["round"] < 0)).sum()),
                "n_degraded": int((rows & (videos["round"] >= 0)).sum()),
            }
            for name, rows in kinds.items()
        ],
        "degradations": list(DEGRADATIONS),
    }


def detector_facts(detector: Detector, file: Path) -> dict[str, object]:
    """Return what the detector is, as plain data.

    Parameters
    ----------
    detector : Detector
    file : Path
        Where it was written.
    """
    families = pd.Series([name.partition("__")[0] for name in detector.columns]).value_counts()
    provenance = detector.provenance
    return {
        "file": file.name,
        "n_bytes": file.stat().st_size,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "classifier": str(provenance["classifier"]),
        "weights": {name: float(weight) for name, weight in detector.member_weights.items()},
        "seed": int(provenance["seed"]),
        "window_s": None if detector.window_s is None else float(detector.window_s),
        "threshold_real": detector.thresholds.real,
        "threshold_fake": detector.thresholds.fake,
        "covariates": list(detector.covariates),
        "networks": list(detector.networks),
        "n_columns": len(detector.columns),
        "families": [
            {"family": family, "n_features": int(n)} for family, n in sorted(families.items())
        ],
        "training": {name: int(provenance[name]) for name in _MEASURES_OF_TRAINING},
        "versions": {str(name): str(one) for name, one in dict(provenance["versions"]).items()},
    }
