"""What a device contributed, and what became of it: told to its owner on the device, and to nobody else."""
