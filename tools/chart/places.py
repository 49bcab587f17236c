"""Where the charts and their files are."""

import sys
from pathlib import Path

from generated import ROOT

CHARTS = ROOT / "deploy" / "helm"
CHART = CHARTS / "crm"
OBSERVABILITY = ROOT / "deploy" / "observability"
HELM = Path(sys.executable).with_name("helm")
