"""The yardsticks: the work of a measure, done with the bare libraries and nothing else."""
