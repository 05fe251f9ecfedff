"""What the service carries out over a project: scoring it, keeping its figures current, showing them; one file each."""
