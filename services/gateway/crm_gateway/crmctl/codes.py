"""What a command's exit code means."""

OK = 0
# The command did its work, and what it found is not as it should be.
NOT_WELL = 1
WRONG_USAGE = 2
REFUSED = 3
UNREACHABLE = 4
INTERRUPTED = 130

MEANING = (
    "exit codes: 0 all well; 1 something is not as it should be (rows that were not taken, a "
    "difference, a part that is away); 2 wrong usage; 3 the API refused; 4 it cannot be reached"
)
