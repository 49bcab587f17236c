"""A suite under load to which things happen, and the end: all that was promised holds."""

from dataclasses import dataclass

from faults.clients import Crowd, Import
from faults.evidence import Evidence, assert_all_is_well, assert_import_is_done
from faults.processes import assert_all_is_up

from crm_chassis.testing.suite import Suite


@dataclass(frozen=True)
class Ordeal:
    """Clients at work and an import on its way while a test does its worst."""

    suite: Suite
    evidence: Evidence
    crowd: Crowd
    running_import: Import

    def end_well(self) -> None:
        """Let everybody finish, and see that what was promised holds.

        Raises:
            AssertionError: it does not.
        """
        assert_import_is_done(self.running_import)
        self.crowd.stop()
        assert_all_is_up(self.suite)
        assert_all_is_well(self.evidence, self.crowd.accepted, self.running_import)
