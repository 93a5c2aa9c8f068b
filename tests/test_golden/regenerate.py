"""Write the golden values anew: ``python -m tests.test_golden.regenerate``."""

import json

from tests.test_golden.stages import FOLDER, all_stages

if __name__ == "__main__":
    for stage, values in all_stages().items():
        text = json.dumps({k: float(f"{v:.9g}") for k, v in values.items()}, indent=1)
        (FOLDER / f"{stage}.json").write_text(text + "\n", encoding="utf-8")
