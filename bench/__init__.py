"""What twofold costs, beside what the bare driver costs for the same rows in the same run."""
