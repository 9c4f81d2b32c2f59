"""Write the configuration of an experiment, checked and with its defaults, as JSON."""

import json
from pathlib import Path

from barren import step

parser = step.parser(__doc__)
parser.add_argument("--config", type=json.loads, required=True, help="as JSON")
parser.add_argument("--experiment", type=Path, required=True, help="the file to write")

with step.run(parser, outputs=["experiment"]) as args:
    args.experiment.write_text(json.dumps(args.config, indent=1) + "\n")
