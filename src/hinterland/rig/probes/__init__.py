"""What a process tree, a disk, the memory and the cores show of themselves while something runs."""
